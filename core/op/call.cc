#include "op/call.h"

#include <memory>

#include "engine/cost.h"
#include "engine/profile.h"
#include "op/body.h"
#include "op/device.h"
#include "op/invoke.h"
#include "op/ranks.h"

namespace plait::op {
namespace {

bool waits_now(const Op& op, const AttrsRef& attrs, bool is_train) {
  return has_ranks.load(std::memory_order_relaxed) && waits_for_ranks(op, attrs, is_train);
}

}  // namespace

bool runs_here(const Op& op, const AttrsRef& attrs, double cost_ns, bool is_train) {
  return engine::is_short(cost_ns) && !engine::is_serial() && !waits_now(op, attrs, is_train);
}

void Call::run(int threads) const {
  const Device device = out.empty() ? Device{} : out[0]->device();
  SmallVec<View, 6> in_views, out_views;
  for (const ArrayRef& a : in) in_views.push_back(a->view());
  for (const ArrayRef& a : out) out_views.push_back(a->view());
  const KernelArgs args{{in_views.data(), in_views.size()},
                        {out_views.data(), out_views.size()},
                        is_train,
                        threads,
                        random};
  try {
    run_kernel(*op, op->data_of(attrs), args, device);
  } catch (const Error& e) {
    throw Error(e.kind(), cat(op->name, ": ", e.what(), "\n  for inputs of shape ", shapes_of(in)));
  }
}

int32_t Call::variables(engine::Vars& reads, engine::Vars& writes) const {
  for (size_t i = 0; i < in.size(); ++i) {
    reads.push_back(&in[i]->var());
    if (is_mutable(*op, attrs, i, in.size())) writes.push_back(&in[i]->var());
  }
  for (const ArrayRef& a : out) {
    writes.push_back(&a->var());
    if (a->nbytes() < a->storage()->bytes()) reads.push_back(&a->var());
  }
  return engine::make_distinct(reads, writes);
}

bool Call::waits() const { return waits_now(*op, attrs, is_train); }

std::string Call::details() const {
  return shapes_of(in) + " -> " + shapes_of({out.data(), out.size()});
}

// A call that makes its outputs only has to see that nobody writes its inputs.
bool Call::run_now() const {
  engine::Vars reads, writes;
  if (out_is_new) {
    for (const ArrayRef& a : in) reads.push_back(&a->var());
  } else {
    variables(reads, writes);
  }
  const engine::InlineGuard guard(reads, writes);
  if (!guard.held()) return false;
  engine::count_inlined();
  if (engine::profile::is_on()) [[unlikely]] {
    for (const ArrayRef& a : out) writes.push_back(&a->var());
    engine::make_distinct(reads, writes);
    const engine::profile::Scope scope(op->name.c_str(), details(), reads, writes, 0, 1);
    run(1);
  } else {
    run(1);
  }
  return true;
}

namespace {

class OpTask final : public engine::Task {
 public:
  explicit OpTask(const Call& call)
      : attrs_(call.attrs),
        in_(call.in),
        out_(call.out),
        call_{call.op, attrs_, {in_.data(), in_.size()}, out_} {
    call_.is_train = call.is_train;
    call_.random = call.random;
    updates_ = call_.variables(reads_, writes_);
    cost_ns_ = call.cost_ns;
    vars_.reserve(in_.size() + out_.size());
    for (const ArrayRef& a : out_) bytes_ += a->nbytes();
    if (call.waits() && (turn_ = RankTurn::make())) RankTurn::join(*this);
  }
  void run(int threads) override {
    call_.run(threads);
    if (turn_) turn_->done();
  }
  void let_go() override {
    for (const ArrayRef& a : in_) vars_.add(*a);
    for (const ArrayRef& a : out_) vars_.add(*a);
    in_.clear();
    out_.clear();
  }
  const char* name() const override { return call_.op->name.c_str(); }
  std::string details() const override { return call_.details(); }

 private:
  AttrsRef attrs_;
  Arrays in_, out_;
  Call call_;  // over the above
  tensor::KeptVars vars_;
  std::unique_ptr<RankTurn> turn_;
};

}  // namespace

void schedule(const Call& call, int32_t priority) {
  if (call.is_short && call.run_now()) return;
  auto task = std::make_unique<OpTask>(call);
  task->priority_ = priority;
  engine::push(std::move(task));
}

double cost_ns(const Op& op, const void* attrs, std::span<const ArrayRef> in, const Specs& in_specs,
               const Specs& specs, const Arrays& out) {
  int64_t bytes = 0;
  for (const ArrayRef& a : in) bytes += a->nbytes();
  for (const Spec& s : specs) bytes += num_elements(s.shape) * dtype_size(s.dtype);
  if (op.gathered >= 0) {  // only in part, also where the result is written into it
    const Array& gathered = *in[static_cast<size_t>(op.gathered)];
    bytes -= gathered.nbytes();
    for (const ArrayRef& a : out) {
      if (a && a->storage() == gathered.storage()) bytes -= a->nbytes();
    }
  }
  double cost = static_cast<double>(bytes) / engine::kBytesPerNs;
  if (op.flops) cost += op.flops(op, attrs, in_specs) / engine::kFlopsPerNs;
  return cost;
}

}  // namespace plait::op
