#include "graph/cached_graph.h"

#include <algorithm>

#include "graph/builder.h"

namespace plait::graph {
namespace {

bool wants_grad(const ArrayRef& a) { return a->autograd && autograd::is_recorded(*a); }

}  // namespace

CachedGraph::CachedGraph(Symbol symbol)
    : symbol_(std::move(symbol)), variables_(symbol_.input_nodes()) {}

bool CachedGraph::matches(const Signature& s, std::span<const ArrayRef> in, bool is_train,
                          bool record) const {
  if (s.is_train != is_train || s.needs.empty() == record) return false;
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
  for (const ArrayRef& a : in) {
    signature.in.push_back(a->spec());
    if (record) signature.needs.push_back(wants_grad(a));
  }
  programs_.insert(programs_.begin(), compile(std::move(signature)));
  return programs_.front();
}

Ref<CachedGraph::Program> CachedGraph::compile(Signature signature) const {
  auto program = make_ref<Program>();
  Builder builder;
  std::unordered_map<const Node*, Value> bound;
  std::vector<Node*> in_nodes;
  op::Values in_values;
  for (size_t i = 0; i < variables_.size(); ++i) {
    in_values.push_back(builder.variable(variables_[i]->name, signature.in[i]));
    bound[variables_[i]] = in_values.back();
    in_nodes.push_back(static_cast<Node*>(in_values.back().node.get()));
  }
  const op::Values out_values = instantiate(symbol_.entries(), builder, bound);
  Entries outputs;
  for (const Value& v : out_values) {
    outputs.push_back(entry_of(v));
    program->out_specs.push_back(v.spec);
  }
  program->num_visible = outputs.size();
  program->grad_slot.assign(in_nodes.size(), -1);
  program->saved_inputs.assign(in_nodes.size(), false);
  if (!signature.needs.empty()) {
    op::Values heads, wanted;
    std::vector<Node*> backward_in = in_nodes;
    for (const Value& v : out_values) heads.push_back(builder.variable("head_grad", v.spec));
    for (size_t i = 0; i < in_nodes.size(); ++i) {
      if (signature.needs[i]) wanted.push_back(in_values[i]);
    }
    const op::Values grads = gradient(out_values, heads, wanted, builder);
    Entries grad_entries;
    size_t next = 0;
    for (size_t i = 0; i < in_nodes.size(); ++i) {
      if (!signature.needs[i] || !grads[next++]) continue;
      program->grad_slot[i] = static_cast<int32_t>(grad_entries.size());
      grad_entries.push_back(entry_of(grads[next - 1]));
    }
    const Residuals cut = split(outputs, grad_entries, in_nodes);
    for (const Entry& e : cut.saved) outputs.push_back(e);
    for (Node* n : cut.variables) backward_in.push_back(n);
    for (const Value& v : heads) backward_in.push_back(static_cast<Node*>(v.node.get()));
    for (size_t i = 0; i < in_nodes.size(); ++i) program->saved_inputs[i] = cut.reads_input[i];
    program->backward = make_ref<Plan>(cut.backward, backward_in, signature.is_train);
  }
  program->forward = make_ref<Plan>(outputs, in_nodes, signature.is_train);
  program->signature = std::move(signature);
  return program;
}

// One recorded call.
class CachedGraphNode final : public autograd::TapeNode {
 public:
  CachedGraphNode(Ref<CachedGraph> graph, Ref<CachedGraph::Program> program, Arrays in,
                  Arrays residuals)
      : graph_(std::move(graph)),
        program_(std::move(program)),
        in_(std::move(in)),
        residuals_(std::move(residuals)) {
    for (ArrayRef& a : in_) {
      versions_.push_back(a->version());
      originals_.push_back(a);
      a = a->detached();
    }
  }

  Arrays backward(const Arrays& dout, bool create_graph) override {
    if (create_graph) return replay(dout);
    Arrays in = in_;
    for (size_t i = 0; i < in_.size(); ++i) {
      check(!program_->saved_inputs[i] || in_[i]->version() == versions_[i],
            ErrorKind::kInvalidArgument, "cached_graph: input ", i,
            " was changed after it was recorded for backward");
    }
    in.append(residuals_.begin(), residuals_.end());
    for (size_t i = 0; i < program_->num_visible; ++i) {
      in.push_back(dout[i] ? dout[i] : zeros(program_->out_specs[i]));
    }
    const Arrays grads = program_->backward->run({in.data(), in.size()});
    Arrays din;
    for (int32_t slot : program_->grad_slot) {
      din.push_back(slot < 0 ? ArrayRef() : grads[static_cast<size_t>(slot)]);
    }
    return din;
  }
  const char* name() const override { return "cached_graph"; }

 private:
  static ArrayRef zeros(const Spec& spec) {
    static const op::Op& kFull = op::Op::get("full");
    const std::pair<int, op::AttrValue> values[] = {
        {kFull.field_index("shape"), spec.shape},
        {kFull.field_index("value"), 0.0},
        {kFull.field_index("dtype"), std::string(dtype_name(spec.dtype))}};
    Arrays out;
    op::invoke(kFull, kFull.make_attrs(values), {}, out);
    return out[0];
  }

  // Higher orders: the graph is run once more operator by operator under recording, so that its
  // gradient is recorded as well.
  Arrays replay(const Arrays& dout) {
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
    Arrays din;
    size_t next = 0;
    for (int32_t slot : program_->grad_slot) din.push_back(slot < 0 ? ArrayRef() : grads[next++]);
    return din;
  }

  Ref<CachedGraph> graph_;
  Ref<CachedGraph::Program> program_;
  Arrays in_, originals_, residuals_;
  std::vector<uint64_t> versions_;
};

Arrays CachedGraph::call(std::span<const ArrayRef> in) {
  check(in.size() == variables_.size(), ErrorKind::kInvalidArgument, "cached_graph: got ",
        in.size(), " arrays, must be ", variables_.size(), " as in list_inputs()");
  bool record = autograd::is_recording();
  if (record) record = std::any_of(in.begin(), in.end(), wants_grad);
  Ref<Program> program = program_for(in, autograd::is_training(), record);
  Arrays results = program->forward->run(in);
  if (!record) return results;
  Arrays visible(results.begin(), results.begin() + program->num_visible);
  Arrays residuals(results.begin() + program->num_visible, results.end());
  Ref<autograd::TapeNode> node(new CachedGraphNode(
      Ref<CachedGraph>(this), program, Arrays(in.begin(), in.end()), std::move(residuals)));
  autograd::record(std::move(node), in, {visible.data(), visible.size()});
  return visible;
}

std::string CachedGraph::explain() {
  std::lock_guard lock(mutex_);
  std::string text;
  for (const Ref<Program>& p : programs_) {
    text += p->signature.is_train ? "train" : "predict";
    for (const Spec& s : p->signature.in) text += cat(' ', s.shape, s.dtype);
    for (const auto& [name, plan] : {std::pair{"forward", p->forward}, {"backward", p->backward}}) {
      if (!plan) continue;
      text += cat("\n  ", name, ": ", plan->num_steps(), " steps, ", plan->arena_bytes(),
                  " bytes of intermediates (", plan->unplanned_bytes(), " without reuse)");
    }
    text += '\n';
  }
  return text;
}

}  // namespace plait::graph
