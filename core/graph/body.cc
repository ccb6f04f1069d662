#include <mutex>

#include "graph/cached_graph.h"
#include "op/body.h"
#include "op/invoke.h"
#include "op/ranks.h"

// Bodies of loops and branches: graphs that run on memory of the operator that holds them.
namespace plait::graph {
namespace {

class CompiledBody final : public op::Routine {
 public:
  CompiledBody(Ref<CachedGraph::Program> program, size_t num_inputs)
      : program_(std::move(program)) {
    const CachedGraph::Program& p = *program_;
    for (const Spec& s : p.out_specs) out.push_back(s);
    for (int32_t i : p.residuals) {
      const bool visible = static_cast<size_t>(i) < p.num_visible;
      residuals.push_back({visible ? i : -1, p.forward->out_spec(static_cast<size_t>(i))});
    }
    reads_input = p.saved_inputs;
    for (size_t i = 0; i < num_inputs; ++i) gives.push_back(p.grad_slot[i] >= 0);
    forward_scratch = p.forward->arena_bytes();
    random_count = p.forward->random_count();
    p.forward->wait_for_constants();
    if (!p.backward) return;
    backward_scratch = p.backward->arena_bytes();
    p.backward->wait_for_constants();
  }

  void forward(op::Pointers in, op::Pointers results, op::Pointers own, char* scratch,
               op::RandomKey key, int threads) override {
    SmallVec<char*, 16> all(results);
    all.append(own.begin(), own.end());
    program_->forward->run_on(in, {all.data(), all.size()}, scratch, key, threads);
  }

  void backward(op::Pointers in, op::Pointers saved, op::Pointers dout, op::Pointers din,
                char* scratch, int threads) override {
    if (!program_->backward) return;
    SmallVec<char*, 16> all(in), results;
    all.append(saved.begin(), saved.end());
    all.append(dout.begin(), dout.end());
    for (size_t i = 0; i < din.size(); ++i) {
      if (program_->grad_slot[i] >= 0) results.push_back(din[i]);
    }
    program_->backward->run_on({all.data(), all.size()}, {results.data(), results.size()}, scratch,
                               {}, threads);
  }

 private:
  Ref<CachedGraph::Program> program_;
};

class GraphBody final : public op::Body {
 public:
  explicit GraphBody(const std::string& text)
      : symbol_(Symbol::from_json(text)),
        text_(symbol_.to_json()),
        graph_(make_ref<CachedGraph>(symbol_)),
        variables_(symbol_.input_nodes()) {
    const std::vector<std::string> aux = symbol_.list_auxiliary_states();
    const std::unordered_set<std::string> names(aux.begin(), aux.end());
    for (const Node* v : variables_) aux_.push_back(names.count(v->name) > 0);
    for (bool is_train : {false, true}) {
      std::unordered_set<const Node*> written;
      for (const Node* node : topological_order(symbol_.entries())) {
        if (node->is_variable()) continue;
        waits_[is_train] |= op::waits_for_ranks(*node->op, node->attrs, is_train);
        if (!writes_inputs(*node, is_train)) continue;
        for (size_t i = 0; i < node->inputs.size(); ++i) {
          if (node->is_mutable(i)) written.insert(node->inputs[i].node.get());
        }
      }
      for (const Node* v : variables_) writes_[is_train].push_back(written.count(v) > 0);
    }
  }

  const std::string& text() const override { return text_; }
  size_t num_inputs() const override { return variables_.size(); }
  size_t num_outputs() const override { return symbol_.size(); }

  void complete(std::vector<Dims>& in, std::vector<bool>& known) const override {
    const std::vector<std::string> names = symbol_.list_inputs(), args = symbol_.list_arguments();
    std::vector<std::optional<Dims>> shapes;
    for (size_t i = 0; i < in.size(); ++i) {
      shapes.push_back(known[i] ? std::optional(in[i]) : std::nullopt);
    }
    const Inferred found = symbol_.infer(names, shapes, {});
    size_t arg = 0, aux = 0;
    for (size_t i = 0; i < in.size(); ++i) {
      const bool is_arg = arg < args.size() && args[arg] == names[i];
      const auto& shape = is_arg ? found.arg_shapes[arg++] : found.aux_shapes[aux++];
      if (known[i] || !shape) continue;
      in[i] = *shape;
      known[i] = true;
    }
  }

  Specs infer(const Specs& in) override {
    std::lock_guard lock(mutex_);
    if (!(seen_ == Vector(in.begin(), in.end()))) {
      Builder builder;
      std::unordered_map<const Node*, Value> bound;
      for (size_t i = 0; i < variables_.size(); ++i) {
        bound[variables_[i]] = builder.variable(variables_[i]->name, in[i]);
      }
      const op::Values out = instantiate(symbol_.entries(), builder, bound);
      Entries ends;
      inferred_.clear();
      for (const Value& v : out) {
        inferred_.push_back(v.spec);
        ends.push_back(entry_of(v));
      }
      flops_ = 0;
      for (const Node* node : topological_order(ends)) flops_ += cost_of(*node);
      seen_.assign(in.begin(), in.end());
    }
    return inferred_;
  }

  double flops(const Specs& in) override {
    infer(in);
    std::lock_guard lock(mutex_);
    return flops_;
  }

  bool writes(size_t i, bool is_train) const override { return writes_[is_train][i]; }
  bool is_aux(size_t i) const override { return aux_[i]; }
  bool waits_for_ranks(bool is_train) const override { return waits_[is_train]; }

  Ref<op::Routine> compile(const Specs& in, bool is_train,
                           const std::vector<bool>& needs) override {
    CachedGraph::Signature signature{{in.begin(), in.end()}, {}, is_train, true};
    bool any = false;
    for (size_t i = 0; i < needs.size(); ++i) {
      signature.needs.push_back(needs[i] && is_floating(in[i].dtype));
      any = any || signature.needs.back();
    }
    if (!any) signature.needs.clear();
    std::lock_guard lock(mutex_);
    for (const auto& [known, routine] : routines_) {
      if (known.in == signature.in && known.needs == signature.needs &&
          known.is_train == is_train) {
        return routine;
      }
    }
    if (routines_.size() >= kMostRoutines) routines_.erase(routines_.begin());
    const Ref<op::Routine> made(new CompiledBody(graph_->compile(signature), variables_.size()));
    routines_.emplace_back(std::move(signature), made);
    return made;
  }

 private:
  using Vector = std::vector<Spec>;
  static constexpr size_t kMostRoutines = 64;

  // An element counts like an operation; large products count by themselves.
  static double cost_of(const Node& node) {
    if (!node.op || node.op->view) return 0;
    Specs in;
    double cost = 0;
    for (const Entry& e : node.inputs) in.push_back(spec_of(e));
    for (const Spec& s : node.specs) cost += static_cast<double>(num_elements(s.shape));
    if (node.op->flops) cost += node.op->flops(*node.op, node.op->data_of(node.attrs), in);
    return cost;
  }

  const Symbol symbol_;
  const std::string text_;
  const Ref<CachedGraph> graph_;
  const std::vector<Node*> variables_;
  std::vector<bool> writes_[2], aux_;  // of each input; writes_[is_train]
  bool waits_[2] = {false, false};     // [is_train]
  std::mutex mutex_;
  Vector seen_{{Dims{-1}, DType::kBool}};  // what `inferred_` and `flops_` hold for
  Specs inferred_;
  double flops_ = 0;
  std::vector<std::pair<CachedGraph::Signature, Ref<op::Routine>>> routines_;
};

const bool kReader = op::set_body_reader(
    [](const std::string& text) -> op::BodyRef { return op::BodyRef(new GraphBody(text)); });

}  // namespace
}  // namespace plait::graph
