#include "graph/builder.h"
#include "graph/passes.h"

// At inference the kernels' own layout of a weight is made once and again only when the parameter
// changes; otherwise each call would make it.
namespace plait::graph {
namespace {

class Packer {
 public:
  explicit Packer(Graph& graph) : graph_(graph) {
    for (Node* node : graph.inputs) parameters_.insert(node);
    for (const auto& [entry, variable] : graph.hoisted) made_[variable.get()] = entry;
  }

  int64_t run() {
    int64_t packed = 0;
    for (Node* node : topological_order(graph_.outputs)) {
      if (!node->op || !packed_by(*node) || !fits(*node)) continue;
      pack(*node);
      ++packed;
    }
    if (packed) drop_unread();
    return packed;
  }

 private:
  // The operator that makes the layout; null: the node's kernel has none of its own.
  static const op::Op* packed_by(const Node& node) {
    static const op::Op &floating = op::Op::get("convolution_pack"),
                        &whole = op::Op::get("int8_convolution_pack");
    if (node.op->name == "convolution_last") return &floating;
    return node.op->name == "int8_convolution" ? &whole : nullptr;
  }

  // What was hoisted and is now read by another hoisted entry only.
  void drop_unread() {
    const std::vector<Node*> order = topological_order(graph_.outputs);
    const std::unordered_set<const Node*> read(order.begin(), order.end());
    std::erase_if(graph_.hoisted, [&](const auto& pair) { return !read.count(pair.second.get()); });
  }

  bool fits(const Node& node) const {
    const Node* weight = node.inputs[1].node.get();
    return parameters_.count(weight) || made_.count(weight);
  }

  void pack(Node& node) {
    const op::Op& op = *packed_by(node);
    const Spec& data = spec_of(node.inputs[0]);
    const Entry& weight = node.inputs[1];
    const auto known = made_.find(weight.node.get());
    const Value value = value_of(known == made_.end() ? weight : known->second);
    builder_.set_origin(node.name);
    const op::AttrsRef attrs =
        node.op->name == "convolution_last"
            ? changed_attributes(node, op, {{"shape", data.shape}})
            : changed_attributes(
                  node, op,
                  {{"shape", data.shape}, {"unsigned_data", data.dtype == DType::kUint8}});
    const Value packed = builder_.apply(op, attrs, {&value, 1})[0];
    auto variable = make_ref<Node>();
    variable->name = "hoisted" + std::to_string(graph_.hoisted.size());
    variable->specs.push_back(packed.spec);
    graph_.hoisted.push_back({entry_of(packed), variable});
    node.attrs = changed_attributes(node, *node.op, {{"packed", true}});
    node.inputs[1] = {variable, 0};
  }

  Graph& graph_;
  std::unordered_set<const Node*> parameters_;
  std::unordered_map<const Node*, Entry> made_;  // variables that stand for hoisted entries
  Builder builder_;
};

}  // namespace

int64_t pack_weights(Graph& graph) {
  return graph.is_train || graph.has_gradient ? 0 : Packer(graph).run();
}

}  // namespace plait::graph
