#include "graph/plan.h"

#include "graph/planner.h"
#include "op/invoke.h"

namespace plait::graph {
namespace {

using Addresses = SmallVec<char*, 32>;

}  // namespace

Plan::Plan(const Graph& graph, PassSet passes) : is_train_(graph.is_train) {
  const Planner::Rules rules{passes.has("schedule"), passes.has("in_place"),
                             passes.has("reuse_memory")};
  Planner(*this, graph.outputs, graph.inputs, rules).build();
  for (const Spec& s : in_specs_) io_bytes_ += num_elements(s.shape) * dtype_size(s.dtype);
  for (const Spec& s : out_specs_) io_bytes_ += num_elements(s.shape) * dtype_size(s.dtype);
}

// One run of a plan: keeps the plan and all arrays alive until it ends.
class PlanTask final : public engine::Task {
 public:
  PlanTask(Ref<Plan> plan, Arrays in, Arrays out, ArrayRef arena, std::vector<op::RandomKey> keys)
      : plan_(std::move(plan)),
        in_(std::move(in)),
        out_(std::move(out)),
        arena_(std::move(arena)),
        keys_(std::move(keys)) {
    for (size_t i = 0; i < in_.size(); ++i) {
      if (!plan_->used_[i]) continue;
      reads_.push_back(&in_[i]->var());
      if (plan_->mutated_[i]) writes_.push_back(&in_[i]->var());
    }
    for (const ArrayRef& a : out_) writes_.push_back(&a->var());
    updates_ = engine::make_distinct(reads_, writes_);
    bytes_ = plan_->arena_bytes_ + plan_->io_bytes_;
    cost_ns_ = plan_->cost_ns_;
  }
  void run(int threads) override { plan_->execute(in_, out_, arena_, keys_, threads); }
  const char* name() const override { return "graph"; }
  std::string details() const override {
    return op::shapes_of({in_.data(), in_.size()}) + " -> " +
           op::shapes_of({out_.data(), out_.size()});
  }

 private:
  Ref<Plan> plan_;
  Arrays in_, out_;
  ArrayRef arena_;
  std::vector<op::RandomKey> keys_;
};

Arrays Plan::run(std::span<const ArrayRef> in, std::span<const ArrayRef> given) {
  static const op::Op& copy = op::Op::get("copy");
  Arrays inputs(in.begin(), in.end());
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!used_[i] || inputs[i]->contiguous()) continue;
    check(!mutated_[i], ErrorKind::kInvalidArgument, "graph: input ", i,
          " is written by the graph and has strides ", inputs[i]->strides(),
          ", must be contiguous");
    Arrays packed;
    op::invoke(copy, {}, std::span<const ArrayRef>(&inputs[i], 1), packed);
    inputs[i] = packed[0];
  }
  inputs.append(constants_.begin(), constants_.end());
  Arrays out;
  for (size_t i = 0; i < out_specs_.size(); ++i) {
    out.push_back(i < given.size() && given[i]
                      ? given[i]
                      : Array::empty(out_specs_[i].shape, out_specs_[i].dtype));
  }
  ArrayRef arena;
  if (arena_bytes_) arena = Array::empty(Dims{arena_bytes_}, DType::kUint8);
  std::vector<op::RandomKey> keys;
  if (num_random_) {
    for (const Step& s : steps_) {
      if (s.op->random) keys.push_back(op::next_random_key(s.random_count));
    }
  }
  auto task = std::make_unique<PlanTask>(Ref<Plan>(this), std::move(inputs), out, std::move(arena),
                                         std::move(keys));
  engine::push(std::move(task));
  return out;
}

void Plan::execute(const Arrays& in, const Arrays& out, const ArrayRef& arena,
                   const std::vector<op::RandomKey>& keys, int threads) {
  Addresses in_data, out_data;
  for (const ArrayRef& a : in) in_data.push_back(static_cast<char*>(a->data()));
  for (const ArrayRef& a : out) out_data.push_back(static_cast<char*>(a->data()));
  const Memory memory{in_data.data(), out_data.data(),
                      arena ? static_cast<char*>(arena->data()) : nullptr};
  size_t next_key = 0;
  for (const Step& step : steps_) {
    const op::RandomKey key = step.op->random ? keys[next_key++] : op::RandomKey{};
    run_step(step, memory, step.small ? 1 : threads, key);
  }
}

void Plan::run_on(std::span<char* const> in, std::span<char* const> out, char* arena,
                  op::RandomKey key, int threads) {
  Addresses in_data(in);
  for (const ArrayRef& a : constants_) in_data.push_back(static_cast<char*>(a->data()));
  const Memory memory{in_data.data(), out.data(), arena};
  for (const Step& step : steps_) {
    run_step(step, memory, step.small ? 1 : threads, step.op->random ? key : op::RandomKey{});
    if (step.op->random) key.offset += static_cast<uint64_t>(step.random_count);
  }
}

int64_t Plan::random_count() const {
  int64_t count = 0;
  for (const Step& step : steps_) count += step.random_count;
  return count;
}

void Plan::wait_for_constants() const {
  for (const ArrayRef& a : constants_) a->wait_to_read();
}

void Plan::run_step(const Step& step, const Memory& memory, int threads, op::RandomKey key) {
  const auto view_of = [&memory](const Operand& o) {
    const auto index = static_cast<size_t>(o.place.index);
    char* const base = o.place.kind == Place::kArena   ? memory.arena
                       : o.place.kind == Place::kInput ? memory.in[index]
                                                       : memory.out[index];
    return View{base + o.place.offset, &o.shape, &o.strides, o.dtype, o.contiguous};
  };
  SmallVec<View, 16> in_views, out_views;
  for (const Operand& o : step.in) in_views.push_back(view_of(o));
  for (const Operand& o : step.out) out_views.push_back(view_of(o));
  const op::KernelArgs args{{in_views.data(), in_views.size()},
                            {out_views.data(), out_views.size()},
                            is_train_,
                            threads,
                            key};
  try {
    step.op->kernel(*step.op, step.op->data_of(step.attrs), args);
  } catch (const Error& e) {
    throw Error(e.kind(), cat(step.op->name, ": ", e.what(), "\n  in node '", step.name, "'"));
  }
}

std::string Plan::list_steps() const {
  std::string text;
  for (const Step& step : steps_) {
    text += cat("    ", step.op->name, ' ', step.name, ':');
    for (const Operand& o : step.in) text += cat(' ', o.shape, o.dtype);
    text += " ->";
    for (const Operand& o : step.out) text += cat(' ', o.shape, o.dtype);
    text += '\n';
  }
  return text;
}

}  // namespace plait::graph
