#include "graph/cached_graph.h"

#include <algorithm>
#include <cstring>

#include "autograd/tape.h"
#include "graph/builder.h"
#include "graph/trace.h"
#include "op/device.h"
#include "op/rows.h"

namespace plait::graph {
namespace {

constexpr size_t kMostPrograms = 256;

// Which of `heads` the value is, seen in another shape; -1: none.
int32_t head_of(const Value& v, const op::Values& heads) {
  const Node* node = static_cast<const Node*>(v.node.get());
  while (node->op && node->op->name == "reshape") node = node->inputs[0].node.get();
  for (size_t k = 0; k < heads.size(); ++k) {
    if (heads[k].node.get() == node) return static_cast<int32_t>(k);
  }
  return -1;
}

bool wants_grad(const ArrayRef& a) { return a->autograd && autograd::is_recorded(*a); }

}  // namespace

CachedGraph::CachedGraph(Symbol symbol)
    : symbol_(std::move(symbol)), variables_(symbol_.input_nodes()) {}

bool CachedGraph::matches(const Signature& s, std::span<const ArrayRef> in, bool is_train,
                          bool record) const {
  if (s.is_train != is_train || s.needs.empty() == record) return false;
  if (s.on_gpu != op::any_on_gpu(in)) return false;
  for (size_t i = 0; i < in.size(); ++i) {
    if (s.in[i].dtype != in[i]->dtype() || !(s.in[i].shape == in[i]->shape())) return false;
    if (record && s.needs[i] != wants_grad(in[i])) return false;
  }
  return true;
}

Ref<CachedGraph::Program> CachedGraph::program_for(std::span<const ArrayRef> in, bool is_train,
                                                   bool record) {
  std::lock_guard lock(mutex_);
  for (auto it = programs_.begin(); it != programs_.end(); ++it) {
    if (!matches((*it)->signature, in, is_train, record)) continue;
    if (it != programs_.begin()) std::rotate(programs_.begin(), it, it + 1);
    return programs_.front();
  }
  Signature signature;
  signature.is_train = is_train;
  signature.on_gpu = op::any_on_gpu(in);
  for (const ArrayRef& a : in) {
    signature.in.push_back(a->spec());
    if (record) signature.needs.push_back(wants_grad(a));
  }
  programs_.insert(programs_.begin(), compile(std::move(signature)));
  if (programs_.size() > kMostPrograms)
    programs_.pop_back();  // ever new shapes must not fill memory
  return programs_.front();
}

Ref<CachedGraph::Program> CachedGraph::compile(Signature signature) const {
  const bool trains = !signature.needs.empty() && !signature.is_body;
  return trains && passes_.has("recompute") ? compile_within(signature) : build(signature, {});
}

// Computes again as little as meets the memory target, or if none does as what needs least; without
// a target what costs little time.
Ref<CachedGraph::Program> CachedGraph::compile_within(const Signature& signature) const {
  const auto bytes_in = [](const Program& p) {
    return static_cast<double>(p.forward->arena_bytes());
  };
  const auto whole = build(signature, {0});
  double target = memory_target_;
  if (target > 0 && target < 1) target *= bytes_in(*whole);
  Ref<Program> best = whole;
  if (target == 0) {
    best = build(signature, {});
  } else if (bytes_in(*whole) > target) {
    best = build(signature, {whole->level.most});
    const double bound = std::max(target, bytes_in(*best));
    int64_t below = 0, level = best->level.most;  // whose plan is too large; that of `best`
    while (level - below > 1) {
      const int64_t middle = (below + level) / 2;
      const auto tried = build(signature, {middle});
      const bool fits = bytes_in(*tried) <= bound;
      (fits ? level : below) = middle;
      if (fits) best = tried;
    }
  }
  best->bytes_without = whole->forward->arena_bytes();
  best->target = target;
  return best;
}

Ref<CachedGraph::Program> CachedGraph::build(const Signature& signature,
                                             RecomputeLevel level) const {
  auto program = make_ref<Program>();
  program->level = level;
  program->signature = signature;
  const PassSet own = passes_for(signature);
  Builder builder;
  std::unordered_map<const Node*, Value> bound;
  std::vector<Node*> in_nodes;
  op::Values in_values;
  for (size_t i = 0; i < variables_.size(); ++i) {
    in_values.push_back(builder.variable(variables_[i]->name, signature.in[i]));
    bound[variables_[i]] = in_values.back();
    in_nodes.push_back(static_cast<Node*>(in_values.back().node.get()));
  }
  Wanted wanted_variables{{}, signature.is_train};
  for (size_t i = 0; i < signature.needs.size(); ++i) {
    if (signature.needs[i]) wanted_variables.variables.insert(variables_[i]);
  }
  Graph graph{{}, in_nodes, signature.is_train, !signature.needs.empty()};
  for (const Value& v : instantiate(symbol_.entries(), builder, bound, wanted_variables)) {
    graph.outputs.push_back(entry_of(v));
    program->out_specs.push_back(v.spec);
  }
  for (size_t i = 0; i < signature.needs.size(); ++i) {
    if (signature.needs[i]) graph.wanted.insert(in_nodes[i]);
  }
  run_passes(graph, Pass::kForward, own, "", program->reports);
  const size_t visible = graph.outputs.size();
  program->num_visible = visible;
  program->grad_slot.assign(in_nodes.size(), -1);
  program->row_slot.assign(in_nodes.size(), -1);
  program->row_head.assign(in_nodes.size(), -1);
  program->saved_inputs.assign(in_nodes.size(), false);
  op::Values heads, wanted;
  if (graph.has_gradient) {
    op::Values out_values;
    for (const Entry& e : graph.outputs) out_values.push_back(value_of(e));
    for (const Value& v : out_values) heads.push_back(builder.variable("head_grad", v.spec));
    for (size_t i = 0; i < in_nodes.size(); ++i) {
      if (signature.needs[i]) wanted.push_back(in_values[i]);
    }
    const op::Values grads = gradient(out_values, heads, wanted, builder);
    size_t next = 0;
    for (size_t i = 0; i < in_nodes.size(); ++i) {
      if (!signature.needs[i] || !grads[next++]) continue;
      program->grad_slot[i] = static_cast<int32_t>(graph.outputs.size() - visible);
      op::TracerScope scope(builder);
      const Value grad = signature.is_body ? op::dense(grads[next - 1]) : grads[next - 1];
      const bool is_rows = op::is_rows(grad);
      if (is_rows) program->row_head[i] = head_of(op::row_data(grad), heads);
      if (program->row_head[i] < 0) {
        graph.outputs.push_back(entry_of(is_rows ? op::row_data(grad) : grad));
      }
      if (!is_rows) continue;
      program->row_slot[i] = static_cast<int32_t>(graph.outputs.size() - visible);
      graph.outputs.push_back(entry_of(op::row_index(grad)));
    }
  }
  // What is hoisted would be made in each step of a loop.
  const PassSet passes = signature.is_body ? own.with("pack_weights", false) : own;
  run_passes(graph, Pass::kWhole, passes, "", program->reports);
  const Entries grads(graph.outputs.begin() + static_cast<ptrdiff_t>(visible), graph.outputs.end());
  graph.outputs.resize(visible);
  if (graph.has_gradient) {
    add_backward(*program, grads, in_nodes, heads, graph, !signature.is_body);
  } else {
    finish_forward(*program, graph);
  }
  run_passes(graph, Pass::kMemory, own, "", program->reports);
  return program;
}

void CachedGraph::add_prologue(Program& program, Graph& graph) const {
  if (graph.hoisted.empty()) return;
  Graph prologue{{}, graph.inputs, graph.is_train, false};
  for (const auto& [entry, variable] : graph.hoisted) prologue.outputs.push_back(entry);
  const std::vector<Node*> order = topological_order(prologue.outputs);
  for (size_t i = 0; i < graph.inputs.size(); ++i) {
    if (std::find(order.begin(), order.end(), graph.inputs[i]) == order.end()) continue;
    program.prologue_reads.push_back(i);
  }
  program.prologue = make_ref<Plan>(prologue, passes_);
  for (const auto& [entry, variable] : graph.hoisted) graph.inputs.push_back(variable.get());
}

// Results of the prologue for these inputs: those of the last call if its inputs did not change.
Arrays CachedGraph::hoisted(Program& program, std::span<const ArrayRef> in) {
  std::lock_guard lock(program.mutex);
  bool same = !program.seen.empty();
  for (size_t k = 0; same && k < program.prologue_reads.size(); ++k) {
    const ArrayRef& a = in[program.prologue_reads[k]];
    same = program.seen[k] == a && program.seen_versions[k] == a->version();
  }
  if (same) return program.hoisted;
  program.hoisted = program.prologue->run(in);
  program.seen.clear();
  program.seen_versions.clear();
  for (size_t i : program.prologue_reads) {
    program.seen.push_back(in[i]);
    program.seen_versions.push_back(in[i]->version());
  }
  return program.hoisted;
}

// Cuts the gradients off and plans both; what they need of forward becomes outputs of `forward`, in
// the block that both share unless the results are kept elsewhere, as those of a loop's steps are.
void CachedGraph::add_backward(Program& program, const Entries& grads,
                               const std::vector<Node*>& inputs, const op::Values& heads,
                               Graph& forward, bool one_block) const {
  Recomputed recomputed;
  if (passes_.has("recompute")) {
    recomputed = choose_recomputed(forward.outputs, grads, program.level);
  }
  const Residuals cut = split(forward.outputs, grads, inputs, recomputed);
  Graph backward{cut.backward, inputs, forward.is_train, true};
  std::vector<const Node*> kept;
  for (size_t i = 0; i < cut.saved.size(); ++i) {
    const auto shown = std::find(forward.outputs.begin(),
                                 forward.outputs.begin() + program.num_visible, cut.saved[i]);
    const bool is_shown = shown != forward.outputs.begin() + program.num_visible;
    if (is_shown || !one_block) {
      const auto slot = is_shown ? shown - forward.outputs.begin()
                                 : static_cast<ptrdiff_t>(forward.outputs.size());
      program.residuals.push_back(static_cast<int32_t>(slot));
      backward.inputs.push_back(cut.variables[i]);
    } else {
      kept.push_back(cut.variables[i]);
    }
    if (!is_shown) forward.outputs.push_back(cut.saved[i]);
  }
  for (const Value& v : heads) backward.inputs.push_back(static_cast<Node*>(v.node.get()));
  for (size_t i = 0; i < inputs.size(); ++i) program.saved_inputs[i] = cut.reads_input[i];
  run_passes(backward, Pass::kPart, passes_for(program.signature), "backward", program.reports);
  forward.num_kept = kept.size();
  finish_forward(program, forward);
  for (size_t i = 0; i < kept.size(); ++i) backward.block[kept[i]] = program.forward->kept()[i];
  program.backward = make_ref<Plan>(backward, passes_, Plan::Outputs::kEarly);
  if (kept.empty() || !passes_.has("reuse_saved")) return;
  backward.overwrites_block = true;
  program.last_backward = make_ref<Plan>(backward, passes_, Plan::Outputs::kEarly);
  program.forward->reserve(program.last_backward->arena_bytes());
}

void CachedGraph::finish_forward(Program& program, Graph& graph) const {
  run_passes(graph, Pass::kPart, passes_for(program.signature), "forward", program.reports);
  add_prologue(program, graph);
  program.forward = make_ref<Plan>(graph, passes_);
}

// One recorded call.
class CachedGraphNode final : public autograd::TapeNode {
 public:
  CachedGraphNode(Ref<CachedGraph> graph, Ref<CachedGraph::Program> program,
                  std::span<const ArrayRef> in, const Arrays& results, ArrayRef block)
      : graph_(std::move(graph)),
        program_(std::move(program)),
        originals_(in),
        block_(std::move(block)) {
    for (const ArrayRef& a : in) {
      versions_.push_back(a->version());
      in_.push_back(a->detached());
    }
    for (int32_t i : program_->residuals) {
      residuals_.push_back(results[static_cast<size_t>(i)]->detached());
      residual_versions_.push_back(residuals_.back()->version());
    }
  }

  op::Values backward(const Arrays& dout, bool create_graph) override {
    return create_graph ? replay(dout) : backward_into(dout, {}, false);
  }

  op::Values backward_into(const Arrays& dout, const Arrays& into, bool last) override {
    Arrays in = in_;
    for (size_t i = 0; i < in_.size(); ++i) {
      check(!program_->saved_inputs[i] || in_[i]->version() == versions_[i],
            ErrorKind::kInvalidArgument, "cached_graph: input ", i,
            " was changed after it was recorded for backward");
    }
    for (size_t i = 0; i < residuals_.size(); ++i) {
      check(residuals_[i]->version() == residual_versions_[i], ErrorKind::kInvalidArgument,
            "cached_graph: output ", program_->residuals[i],
            " was changed after it was recorded for backward");
      in.push_back(residuals_[i]);
    }
    for (size_t i = 0; i < program_->num_visible; ++i) {
      in.push_back(dout[i] ? dout[i] : zeros(program_->out_specs[i], in[0]->device()));
    }
    const Arrays targets = fitting(into, in);
    const bool overwrite = last && program_->last_backward;
    if (block_ && !overwrite) in.push_back(block_);
    Plan& plan = overwrite ? *program_->last_backward : *program_->backward;
    const Arrays grads = plan.run({in.data(), in.size()}, {targets.data(), targets.size()},
                                  overwrite ? &block_ : nullptr);
    if (last) block_ = {};  // the run alone holds it
    op::Values din;
    for (size_t i = 0; i < in_.size(); ++i) {
      const int32_t slot = program_->grad_slot[i], rows = program_->row_slot[i];
      const Value grad =
          autograd::value_of(slot < 0 ? ArrayRef() : grads[static_cast<size_t>(slot)]);
      if (rows < 0) {
        din.push_back(grad);
        continue;
      }
      const ArrayRef& index = grads[static_cast<size_t>(rows)];
      const bool is_head = program_->row_head[i] >= 0;
      din.push_back(op::row_values(is_head ? head_as_rows(i, index->size(), in) : grad,
                                   autograd::value_of(index), program_->signature.in[i]));
    }
    return din;
  }
  const char* name() const override { return "cached_graph"; }

 private:
  // The gradient that came in, as the rows of the gradient of input i.
  Value head_as_rows(size_t i, int64_t rows, const Arrays& in) const {
    autograd::EagerTracer tracer(false);
    const op::TracerScope scope(tracer);
    Dims shape = program_->signature.in[i].shape;
    shape[0] = rows;
    const auto head = static_cast<size_t>(program_->row_head[i]);
    return op::reshape_to(autograd::value_of(in[in_.size() + residuals_.size() + head]), shape);
  }

  // For each output of the backward plan the array of `into` that may take it: of the same spec and
  // in memory that the plan does not read.
  Arrays fitting(const Arrays& into, const Arrays& in) const {
    Arrays targets;
    for (size_t i = 0; i < into.size(); ++i) {
      const int32_t slot = program_->grad_slot[i];
      if (slot < 0 || !into[i]) continue;
      if (!(into[i]->spec() == program_->backward->out_spec(static_cast<size_t>(slot)))) continue;
      const bool read = std::any_of(in.begin(), in.end(), [&](const ArrayRef& a) {
        return a->storage() == into[i]->storage();
      });
      if (read) continue;
      if (targets.size() <= static_cast<size_t>(slot))
        targets.resize(static_cast<size_t>(slot) + 1);
      targets[static_cast<size_t>(slot)] = into[i];
    }
    return targets;
  }

  static ArrayRef zeros(const Spec& spec, Device device) {
    if (is_gpu(device)) {
      autograd::EagerTracer tracer(false, device);
      op::TracerScope scope(tracer);
      return op::full_of(spec, 0.0).array;
    }
    ArrayRef a = Array::empty(spec.shape, spec.dtype);
    if (a->nbytes()) std::memset(a->data(), 0, static_cast<size_t>(a->nbytes()));
    return a;
  }

  // Higher orders: the graph is run once more operator by operator under recording, so that its
  // gradient is recorded as well.
  op::Values replay(const Arrays& dout) {
    Arrays leaves, heads, head_grads, wanted;
    for (const ArrayRef& a : originals_) leaves.push_back(a);
    const Arrays out = graph_->symbol().run_eager({leaves.data(), leaves.size()});
    for (size_t i = 0; i < out.size(); ++i) {
      if (!dout[i]) continue;
      heads.push_back(out[i]);
      head_grads.push_back(dout[i]);
    }
    for (size_t i = 0; i < leaves.size(); ++i) {
      if (program_->grad_slot[i] >= 0) wanted.push_back(leaves[i]);
    }
    const Arrays grads = autograd::backward(
        {heads.data(), heads.size()}, {head_grads.data(), head_grads.size()},
        {wanted.data(), wanted.size()}, true, true, program_->signature.is_train);
    op::Values din;
    size_t next = 0;
    for (int32_t slot : program_->grad_slot) {
      din.push_back(autograd::value_of(slot < 0 ? ArrayRef() : grads[next++]));
    }
    return din;
  }

  Ref<CachedGraph> graph_;
  Ref<CachedGraph::Program> program_;
  Arrays in_, originals_, residuals_;
  ArrayRef block_;  // memory of forward, in which it left what backward reads
  SmallVec<uint64_t, 8> versions_, residual_versions_;
};

Arrays CachedGraph::call(std::span<const ArrayRef> in) {
  check(in.size() == variables_.size(), ErrorKind::kInvalidArgument, "cached_graph: got ",
        in.size(), " arrays, must be ", variables_.size(), " as in list_inputs()");
  if (Trace::is_active()) return symbol_.run_eager(in);
  bool record = autograd::is_recording();
  if (record) record = std::any_of(in.begin(), in.end(), wants_grad);
  Ref<Program> program = program_for(in, autograd::is_training(), record);
  Arrays all(in.begin(), in.end());
  if (program->prologue) {
    const Arrays more = hoisted(*program, in);
    all.append(more.begin(), more.end());
  }
  ArrayRef block;
  Arrays results = program->forward->run({all.data(), all.size()}, {},
                                         program->forward->kept().empty() ? nullptr : &block);
  if (!record) return results;
  Arrays visible(results.begin(), results.begin() + program->num_visible);
  Ref<autograd::TapeNode> node(
      new CachedGraphNode(Ref<CachedGraph>(this), program, in, results, std::move(block)));
  autograd::record(std::move(node), in, {visible.data(), visible.size()});
  return visible;
}

}  // namespace plait::graph
