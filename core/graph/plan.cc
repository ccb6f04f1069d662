#include "graph/plan.h"

#include "graph/planner.h"
#include "op/device.h"
#include "op/invoke.h"
#include "op/random_stream.h"
#include "op/ranks.h"

namespace plait::graph {
namespace {

using Addresses = SmallVec<char*, 32>;

}  // namespace

Plan::Plan(const Graph& graph, PassSet passes, Outputs outputs) : is_train_(graph.is_train) {
  const Planner::Rules rules{passes.has("schedule"), passes.has("in_place"),
                             passes.has("reuse_memory")};
  Planner(*this, graph, rules).build();
  for (const Spec& s : in_specs_) io_bytes_ += num_elements(s.shape) * dtype_size(s.dtype);
  for (const Spec& s : out_specs_) io_bytes_ += num_elements(s.shape) * dtype_size(s.dtype);
  cut(outputs);
}

// A part of one run of a plan: keeps the plan and all arrays alive until it ends.
class PlanTask final : public engine::Task {
 public:
  PlanTask(Ref<Plan> plan, const Plan::Part& part, Ref<Plan::Run> run)
      : plan_(std::move(plan)), part_(part), run_(std::move(run)) {
    for (int32_t i : part.reads) reads_.push_back(&run_->in[static_cast<size_t>(i)]->var());
    for (int32_t i : part.writes) {
      reads_.push_back(&run_->in[static_cast<size_t>(i)]->var());
      writes_.push_back(reads_.back());
    }
    for (int32_t i : part.out_reads) reads_.push_back(&run_->out[static_cast<size_t>(i)]->var());
    for (int32_t i : part.out_writes) writes_.push_back(&run_->out[static_cast<size_t>(i)]->var());
    // Orders what shares the block, and hands failures on.
    if (run_->arena && (run_->shared || plan_->parts_.size() > 1)) {
      reads_.push_back(&run_->arena->var());
      writes_.push_back(reads_.back());
    }
    updates_ = engine::make_distinct(reads_, writes_);
    if (&part == &plan_->parts_.back()) bytes_ = plan_->arena_bytes_ + plan_->io_bytes_;
    cost_ns_ = part.cost_ns;
    vars_.reserve(part.reads.size() + part.writes.size() + part.out_reads.size() +
                  part.out_writes.size() + 1);
    if (part.waits_for_ranks && (turn_ = op::RankTurn::make())) op::RankTurn::join(*this);
  }
  void run(int threads) override {
    plan_->execute(part_, *run_, threads);
    if (turn_) turn_->done();
  }
  void let_go() override {
    const Plan::Run& run = *run_;
    for (int32_t i : part_.reads) vars_.add(*run.in[static_cast<size_t>(i)]);
    for (int32_t i : part_.writes) vars_.add(*run.in[static_cast<size_t>(i)]);
    for (int32_t i : part_.out_reads) vars_.add(*run.out[static_cast<size_t>(i)]);
    for (int32_t i : part_.out_writes) vars_.add(*run.out[static_cast<size_t>(i)]);
    if (run.arena) vars_.add(*run.arena);
    run_ = {};
  }
  const char* name() const override { return "graph"; }
  std::string details() const override {
    const std::string steps =
        plan_->parts_.size() == 1 ? "" : cat("steps ", part_.begin, " to ", part_.end - 1, ": ");
    return steps + op::shapes_of({run_->in.data(), run_->in.size()}) + " -> " +
           op::shapes_of({run_->out.data(), run_->out.size()});
  }

 private:
  Ref<Plan> plan_;
  const Plan::Part& part_;
  Ref<Plan::Run> run_;
  tensor::KeptVars vars_;
  std::unique_ptr<op::RankTurn> turn_;
};

Arrays Plan::run(std::span<const ArrayRef> in, std::span<const ArrayRef> given, ArrayRef* block) {
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
  const Device device = in.empty() ? Device{} : in[0]->device();
  if (is_gpu(device)) {
    const Arrays there = constants_on(device);
    inputs.append(there.begin(), there.end());
  } else {
    inputs.append(constants_.begin(), constants_.end());
  }
  Arrays out;
  for (size_t i = 0; i < out_specs_.size(); ++i) {
    out.push_back(i < given.size() && given[i]
                      ? given[i]
                      : Array::deferred(out_specs_[i].shape, out_specs_[i].dtype, device));
  }
  if (is_gpu(device) || op::any_on_gpu({inputs.data(), inputs.size()})) {
    check_places({inputs.data(), inputs.size()}, {out.data(), out.size()});
  }
  const auto state = make_ref<Run>();
  state->device = device;
  state->in = std::move(inputs);
  state->out = out;
  if (block && *block) {
    state->arena = *block;
  } else if (arena_bytes_) {
    // Taken by the run itself, whatever its size: of runs that wait for each other each finds the
    // block of the one before.
    state->arena = make_ref<Array>(make_ref<tensor::Storage>(arena_bytes_, device),
                                   Dims{arena_bytes_}, DType::kUint8);
    if (block) *block = state->arena;
  }
  state->shared = block != nullptr;
  if (num_random_) {
    for (const Step& s : steps_) {
      if (s.op->random) state->keys.push_back(op::next_random_key(s.random_count));
    }
  }
  for (const Part& part : parts_) {
    engine::push(std::make_unique<PlanTask>(Ref<Plan>(this), part, state));
  }
  return out;
}

// The constants in the memory of a gpu, copied at the first run there.
Arrays Plan::constants_on(Device device) {
  std::lock_guard lock(mutex_);
  Arrays& there = constants_there_[device.id];
  for (size_t i = there.size(); i < constants_.size(); ++i) {
    const ArrayRef& c = constants_[i];
    there.push_back(Array::empty(c->shape(), c->dtype(), device));
    op::transfer(c, there.back(), 0);
  }
  return there;
}

void Plan::check_places(std::span<const ArrayRef> in, std::span<const ArrayRef> out) const {
  const Device device = in[0]->device();
  const auto on_it = [&](const char* what, size_t i, const ArrayRef& a) {
    check(share_memory(a->device(), device), ErrorKind::kDevice, "graph: ", what, ' ', i, " is on ",
          a->device(), ", must be on ", device, " as input 0");
  };
  for (size_t i = 0; i < in.size(); ++i) {
    if (i >= used_.size() || used_[i]) on_it("input", i, in[i]);
  }
  for (size_t i = 0; i < out.size(); ++i) on_it("output", i, out[i]);
}

void Plan::execute(const Part& part, const Run& run, int threads) {
  Addresses in_data, out_data;
  for (const ArrayRef& a : run.in) in_data.push_back(static_cast<char*>(a->address()));
  for (const ArrayRef& a : run.out) out_data.push_back(static_cast<char*>(a->address()));
  const Memory memory{in_data.data(), out_data.data(),
                      run.arena ? static_cast<char*>(run.arena->address()) : nullptr, run.device};
  size_t next_key = part.first_key;
  for (size_t i = part.begin; i < part.end; ++i) {
    const Step& step = steps_[i];
    const op::RandomKey key = step.op->random ? run.keys[next_key++] : op::RandomKey{};
    run_step(step, memory, engine::cores_for(step.cost_ns, threads), key);
  }
}

void Plan::run_on(std::span<char* const> in, std::span<char* const> out, char* arena,
                  op::RandomKey key, int threads) {
  Addresses in_data(in);
  for (const ArrayRef& a : constants_) in_data.push_back(static_cast<char*>(a->data()));
  const Memory memory{in_data.data(), out.data(), arena, {}};
  for (const Step& step : steps_) {
    run_step(step, memory, engine::cores_for(step.cost_ns, threads),
             step.op->random ? key : op::RandomKey{});
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
    op::run_kernel(*step.op, step.op->data_of(step.attrs), args, memory.device);
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
