#include "kernels/dnnl.h"

#include <omp.h>

#include "kernels/simd.h"
#include "memory/pool.h"

namespace plait::kernels::onednn {
namespace {

// Memory for the length of one call.
class Scratch {
 public:
  explicit Scratch(int64_t bytes) : bytes_(bytes), data_(memory::allocate(bytes)) {}
  Scratch(Scratch&& other) noexcept
      : bytes_(other.bytes_), data_(std::exchange(other.data_, nullptr)) {}
  ~Scratch() { memory::deallocate(data_, bytes_); }
  void* data() const { return data_; }

 private:
  int64_t bytes_;
  void* data_;
};

}  // namespace

dnnl::engine& cpu() {
  static auto* engine = [] {
    // PLAIT_SIMD holds for oneDNN too; it listens before the first primitive only.
    if (kIsa == Isa::kBaseline) dnnl::set_max_cpu_isa(dnnl::cpu_isa::sse41);
    if (kIsa == Isa::kAvx2) dnnl::set_max_cpu_isa(dnnl::cpu_isa::avx2);
    return new dnnl::engine(dnnl::engine::kind::cpu, 0);
  }();
  return *engine;
}

dnnl::stream& stream() {
  thread_local dnnl::stream s(cpu());
  return s;
}

void Prepared::add(int arg, const dnnl::memory::desc& plain, const dnnl::memory::desc& wanted,
                   bool is_output) {
  Operand o{arg, plain, wanted, is_output, {}};
  if (plain != wanted) {
    const auto& from = is_output ? wanted : plain;
    const auto& to = is_output ? plain : wanted;
    o.reorder = dnnl::reorder(dnnl::reorder::primitive_desc(cpu(), from, cpu(), to));
  }
  operands_.push_back(std::move(o));
}

void Prepared::run(std::initializer_list<void*> data) const {
  std::vector<Scratch> scratch;
  scratch.reserve(operands_.size() + 1);
  std::unordered_map<int, dnnl::memory> args;
  std::vector<std::pair<size_t, dnnl::memory>> back;
  auto at = data.begin();
  for (size_t i = 0; i < operands_.size(); ++i, ++at) {
    const Operand& o = operands_[i];
    dnnl::memory plain(o.plain, cpu(), *at);
    if (!o.reorder) {
      args[o.arg] = plain;
      continue;
    }
    scratch.emplace_back(static_cast<int64_t>(o.wanted.get_size()));
    dnnl::memory wanted(o.wanted, cpu(), scratch.back().data());
    if (o.is_output) {
      back.emplace_back(i, plain);
    } else {
      o.reorder.execute(stream(), plain, wanted);
    }
    args[o.arg] = wanted;
  }
  scratch.emplace_back(static_cast<int64_t>(scratchpad_.get_size()));
  args[DNNL_ARG_SCRATCHPAD] = dnnl::memory(scratchpad_, cpu(), scratch.back().data());
  primitive_.execute(stream(), args);
  for (auto& [i, plain] : back)
    operands_[i].reorder.execute(stream(), args[operands_[i].arg], plain);
}

ThreadScope::ThreadScope(int threads) : before_(omp_get_max_threads()) {
  if (before_ != threads) omp_set_num_threads(threads);
}
ThreadScope::~ThreadScope() {
  if (omp_get_max_threads() != before_) omp_set_num_threads(before_);
}

}  // namespace plait::kernels::onednn
