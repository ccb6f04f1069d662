#include "graph/builder.h"
#include "graph/passes.h"
#include "op/functions.h"

// At inference batch norm is a factor and a shift of each channel. Behind a convolution (also a
// transposed one) or a fully connected layer both go into its weight and bias (Markus,
// arXiv:1801.08297). The new weight and bias are hoisted: they are computed again only when a
// parameter changes.
namespace plait::graph {
namespace {

class Folder {
 public:
  explicit Folder(Graph& graph)
      : graph_(graph),
        order_(topological_order(graph.outputs)),
        uses_(count_uses(graph, order_)),
        inputs_(graph.inputs.begin(), graph.inputs.end()) {}

  int64_t run() {
    op::TracerScope scope(builder_);
    Substitution substitution;
    for (Node* node : order_) {
      if (!node->op || node->op->name != "batch_norm" || !fits(*node)) continue;
      substitution.put({Ref<Node>(node), 0}, fold(*node));
    }
    substitution.apply(graph_);
    return static_cast<int64_t>(substitution.size());
  }

 private:
  static bool is_convolution(const Node& layer) {
    if (layer.op->name == "convolution") return true;
    return layer.op->name == "deconvolution" &&
           std::get<int64_t>(attribute(layer, "num_group")) == 1;
  }

  bool fits(Node& norm) const {
    const Entry& data = norm.inputs[0];
    const Node& layer = *data.node;
    if (!layer.op || !(is_convolution(layer) || layer.op->name == "fully_connected")) return false;
    const auto ndim = static_cast<int64_t>(spec_of(data).shape.size());
    const auto axis = std::get<int64_t>(attribute(norm, "axis"));
    if (normalize_axis(axis, ndim) != 1 || uses_.at(data) != 1) return false;
    if (is_convolution(layer)) {
      const op::AttrValue layout = attribute(layer, "layout");
      const std::string* text = std::get_if<std::string>(&layout);
      if (text && text->size() > 1 && (*text)[1] != 'C') return false;
    } else if (ndim != 2) {
      return false;
    }
    for (int32_t i = 1; i < 3; ++i) {
      if (uses_.count({Ref<Node>(&norm), i})) return false;
    }
    if (spec_of(data).dtype != DType::kFloat32) return false;
    for (size_t i = 1; i < layer.inputs.size(); ++i) {
      if (!inputs_.count(layer.inputs[i].node.get())) return false;
    }
    for (size_t i = 1; i < norm.inputs.size(); ++i) {
      if (!inputs_.count(norm.inputs[i].node.get())) return false;
    }
    return true;
  }

  Entry fold(Node& norm) {
    const Node& layer = *norm.inputs[0].node;
    const Value gamma = value_of(norm.inputs[1]), beta = value_of(norm.inputs[2]);
    const Value mean = value_of(norm.inputs[3]), variance = value_of(norm.inputs[4]);
    builder_.set_origin(norm.name);
    const Value root = op::sqrt(variance + std::get<double>(attribute(norm, "eps")));
    const bool one = std::get<bool>(attribute(norm, "fix_gamma"));
    const Value scale = one ? 1.0 / root : gamma / root;
    const Value weight = value_of(layer.inputs[1]);
    Dims channels(weight.shape().size(), 1);
    const size_t filters = layer.op->name == "deconvolution" ? 1 : 0;  // their axis
    channels[filters] = weight.shape()[filters];
    Value shift = beta - mean * scale;
    if (layer.inputs.size() > 2) shift = shift + value_of(layer.inputs[2]) * scale;
    auto folded = make_ref<Node>();
    folded->op = layer.op;
    folded->attrs = changed_attributes(layer, *layer.op, {{"no_bias", false}});
    folded->name = norm.name;
    folded->specs = layer.specs;
    folded->inputs = {layer.inputs[0], hoist(weight * op::reshape_to(scale, channels)),
                      hoist(shift)};
    return {folded, 0};
  }

  Entry hoist(const Value& value) {
    auto variable = make_ref<Node>();
    variable->name = "hoisted" + std::to_string(graph_.hoisted.size());
    variable->specs.push_back(value.spec);
    graph_.hoisted.push_back({entry_of(value), variable});
    return {variable, 0};
  }

  Graph& graph_;
  std::vector<Node*> order_;
  Uses uses_;
  std::unordered_set<const Node*> inputs_;
  Builder builder_;
};

}  // namespace

int64_t fold_batch_norm(Graph& graph) {
  return graph.is_train || graph.has_gradient ? 0 : Folder(graph).run();
}

}  // namespace plait::graph
