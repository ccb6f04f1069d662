#include "graph/passes.h"

#include <atomic>
#include <cmath>
#include <cstdlib>

#include "base/env.h"

namespace plait::graph {
namespace {

constexpr Pass kPasses[] = {
    {"fuse_attention", "compute softmax(Q K^T) V in blocks, without the matrix of scores",
     Pass::kForward, fuse_attention, true},
    {"fold_constants", "compute once what depends on no input", Pass::kWhole, fold_constants, true},
    {"simplify", "leave out operators that change nothing", Pass::kWhole, simplify, true},
    {"share", "compute equal expressions once", Pass::kWhole, share, true},
    {"fold_batch_norm", "at inference, scale the weights of the layer before a batch norm instead",
     Pass::kWhole, fold_batch_norm, true},
    {"channels_last", "keep data between convolutions in the layout that these read", Pass::kWhole,
     channels_last, true},
    {"pack_weights",
     "at inference, bring the weights of convolutions and products into their kernels' layout once",
     Pass::kWhole, pack_weights, true},
    {"recompute", "in backward, compute cheap results again instead of keeping them", Pass::kMemory,
     nullptr, false},
    {"fuse_epilogue",
     "let products and convolutions add, scale and activate their results before they store them",
     Pass::kPart, fuse_epilogue, true},
    {"fuse_pointwise", "run chains of element-wise operators tile by tile in cache", Pass::kPart,
     fuse_pointwise, true},
    {"schedule", "run first what takes least memory or gives most back", Pass::kMemory, nullptr,
     true},
    {"in_place", "write results over inputs that nobody reads again", Pass::kMemory, nullptr, true},
    {"reuse_saved", "in backward, write over what forward saved once it was read", Pass::kMemory,
     nullptr, true},
    {"reuse_memory", "give memory of dead intermediates to later ones", Pass::kMemory, nullptr,
     true},
};
static_assert(std::size(kPasses) <= 64);

size_t index_of(std::string_view name) {
  std::string known;
  for (size_t i = 0; i < std::size(kPasses); ++i) {
    if (kPasses[i].name == name) return i;
    known += (i ? ", " : "") + std::string(kPasses[i].name);
  }
  fail(ErrorKind::kKey, "graph: pass is '", std::string(name), "', must be one of: ", known);
}

double checked_target(double target) {
  check(target >= 0 && std::isfinite(target), ErrorKind::kInvalidArgument,
        "graph: memory target is ", target, ", must be bytes, a share below 1, or 0");
  return target;
}

double initial_target() {
  const std::string text = env::get_string("PLAIT_GRAPH_MEMORY_TARGET", nullptr, "0");
  char* end = nullptr;
  const double target = std::strtod(text.c_str(), &end);
  check(*end == 0, ErrorKind::kInvalidArgument, "PLAIT_GRAPH_MEMORY_TARGET is '", text,
        "', must be a number");
  return checked_target(target);
}

uint64_t initial_bits() {
  uint64_t bits = 0;
  for (size_t i = 0; i < std::size(kPasses); ++i) bits |= uint64_t{kPasses[i].by_default} << i;
  if (env::get_int("PLAIT_BACKWARD_DO_MIRROR", "MXNET_BACKWARD_DO_MIRROR", 0) ||
      initial_target() > 0) {
    bits |= uint64_t{1} << index_of("recompute");
  }
  std::string off = env::get_string("PLAIT_GRAPH_PASSES_OFF", nullptr, "");
  while (!off.empty()) {
    const size_t end = std::min(off.find(','), off.size());
    if (end) bits &= ~(uint64_t{1} << index_of(off.substr(0, end)));
    off.erase(0, end + 1);
  }
  return bits;
}

std::atomic<uint64_t>& switches() {
  static std::atomic<uint64_t> bits{initial_bits()};
  return bits;
}

std::atomic<double>& target() {
  static std::atomic<double> value{initial_target()};
  return value;
}

}  // namespace

double memory_target() { return target().load(); }
double set_memory_target(double value) { return target().exchange(checked_target(value)); }

std::span<const Pass> passes() { return kPasses; }

PassSet PassSet::current() {
  PassSet set;
  set.bits_ = switches().load();
  return set;
}

bool PassSet::has(std::string_view name) const { return has(index_of(name)); }

PassSet PassSet::for_gpu() const {
  PassSet set = *this;
  for (const char* name :
       {"fuse_attention", "channels_last", "pack_weights", "fuse_epilogue", "fuse_pointwise"}) {
    set = set.with(name, false);
  }
  return set;
}

PassSet PassSet::with(std::string_view name, bool on) const {
  PassSet set = *this;
  const uint64_t bit = uint64_t{1} << index_of(name);
  set.bits_ = on ? bits_ | bit : bits_ & ~bit;
  return set;
}

bool set_pass(std::string_view name, bool on) {
  const uint64_t bit = uint64_t{1} << index_of(name);
  return (on ? switches().fetch_or(bit) : switches().fetch_and(~bit)) & bit;
}

void run_passes(Graph& graph, Pass::Stage stage, PassSet on, const char* where,
                std::vector<PassReport>& reports) {
  for (size_t i = 0; i < std::size(kPasses); ++i) {
    const Pass& pass = kPasses[i];
    if (pass.stage != stage) continue;
    const int64_t changes = on.has(i) && pass.run ? pass.run(graph) : 0;
    reports.push_back({&pass, on.has(i), changes, where});
  }
}

}  // namespace plait::graph
