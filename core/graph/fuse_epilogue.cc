#include <charconv>
#include <optional>

#include "graph/builder.h"
#include "graph/passes.h"
#include "op/channels_last.h"

// Element-wise operators behind a convolution, a fully connected layer or a product of matrices are
// done by its kernel on each result before it is stored: a bias, a sum with an array of the same
// shape (the other branch of a residual block), activations, factors.
//
// It does not apply where the result without them is read as well, as by gradients that need the
// input of an activation (that of relu, sigmoid and tanh takes the output); to dtypes but float32;
// to convolutions that gain from channels last and have them first; to activations that broadcast.
// Results differ by rounding from those of the operators; relu of NaN is 0.
namespace plait::graph {
namespace {

constexpr int kMostSteps = 6;

bool is_float(const Spec& s) { return s.dtype == DType::kFloat32 && num_elements(s.shape) > 0; }

bool flag(const Node& node, std::string_view name) { return std::get<bool>(attribute(node, name)); }

// A product with all that was found behind it.
struct Fusion {
  std::string op;  // of the new node
  Entries inputs;  // a, b and the bias if there is one
  bool transpose_a = false, transpose_b = false, has_bias = false;
  std::string epilogue;
  Entries operands;
};

class Fuser {
 public:
  explicit Fuser(Graph& graph)
      : graph_(graph),
        order_(topological_order(graph.outputs)),
        uses_(count_uses(graph, order_)),
        written_(written_variables(order_)) {
    for (Node* node : order_) {
      for (const Entry& e : node->inputs) reader_[e] = node;
    }
  }

  int64_t run() {
    op::TracerScope scope(builder_);
    Substitution substitution;
    int64_t absorbed = 0;
    for (Node* node : order_) {
      if (node->is_variable()) continue;
      std::optional<Fusion> fusion = start(*node);
      if (!fusion) continue;
      const Entry end = follow(*node, *fusion, absorbed);
      if (end.node.get() != node) substitution.put(end, make(*node, *fusion));
    }
    substitution.apply(graph_);
    return absorbed;
  }

 private:
  // The node as a fusion of nothing yet; none: it is no product or its kernel has no epilogue.
  std::optional<Fusion> start(const Node& node) const {
    for (const Entry& e : node.inputs) {
      if (!is_float(spec_of(e))) return std::nullopt;
    }
    Fusion f;
    const std::string& name = node.op->name;
    if (name == "convolution_last" || name == "deconvolution_last") {
      if (!std::get<std::string>(attribute(node, "epilogue")).empty()) return std::nullopt;
      f.op = name;
      f.has_bias = !flag(node, "no_bias");
    } else if (name == "convolution") {
      if (prefers_last(node)) return std::nullopt;
      f.op = "convolution_first";
      f.has_bias = !flag(node, "no_bias");
    } else if (name == "fully_connected") {
      f.transpose_b = true;
      f.has_bias = !flag(node, "no_bias");
    } else if (name == "dot" || name == "batch_dot") {
      f.transpose_a = flag(node, "transpose_a");
      f.transpose_b = flag(node, "transpose_b");
    } else if (name == "product") {
      if (!std::get<std::string>(attribute(node, "epilogue")).empty()) return std::nullopt;
      f.transpose_a = flag(node, "transpose_a");
      f.transpose_b = flag(node, "transpose_b");
      f.has_bias = flag(node, "has_bias");
    } else if (name != "matmul") {
      return std::nullopt;
    }
    f.inputs = node.inputs;
    if (f.op.empty()) {
      f.op = "product";
      if (!fits(node, f)) return std::nullopt;
    }
    return f;
  }

  // True if the node's kernel is oneDNN's, which finishes results with channels last only.
  static bool prefers_last(const Node& node) {
    Specs in;
    for (const Entry& e : node.inputs) in.push_back(spec_of(e));
    return op::prefers_last(*node.op)(node.op->data_of(node.attrs), in);
  }

  // True if the operator `product` computes what the node does.
  static bool fits(const Node& node, const Fusion& f) {
    const Dims &a = spec_of(node.inputs[0]).shape, &b = spec_of(node.inputs[1]).shape;
    if (node.op->name == "fully_connected" || node.op->name == "product") return true;
    if (node.op->name == "dot") return a.size() == 2 && b.size() == 2;
    if (a.size() < 2 || b.size() < 2 || (f.transpose_a && b.size() == 2 && a.size() > 2)) {
      return false;
    }
    if (b.size() == 2) return true;
    return a.size() == b.size() && std::equal(a.begin(), a.end() - 2, b.begin());
  }

  // Takes in the readers one after the other as long as they can be steps; returns the last result.
  Entry follow(Node& node, Fusion& f, int64_t& absorbed) {
    Entry at{Ref<Node>(&node), 0};
    for (int steps = 0; steps < kMostSteps; ++steps) {
      const auto found = reader_.find(at);
      if (found == reader_.end() || taken_.count(found->second)) break;
      if (take_gate(*found->second, at, f)) {
        absorbed += 2;
        at = {Ref<Node>(found->second), 0};
        continue;
      }
      if (uses_.at(at) != 1) break;
      Node& reader = *found->second;
      if (reader.specs.size() != 1 || !(reader.specs[0] == spec_of(at))) break;
      if (!take_sum(reader, at, f) && !take_step(reader, f)) break;
      taken_.insert(&reader);
      ++absorbed;
      at = {Ref<Node>(&reader), 0};
    }
    return at;
  }

  // A sum: of a bias, if nothing was done before, or of an array with the shape of the result.
  bool take_sum(const Node& reader, const Entry& at, Fusion& f) const {
    if (reader.op->name != "add") return false;
    const Entry& other = reader.inputs[reader.inputs[0] == at ? 1 : 0];
    const Spec& spec = spec_of(other);
    if (spec.dtype != DType::kFloat32 || written_.count(other.node.get())) return false;
    const Dims& shape = spec_of(at).shape;
    if (spec.shape == shape) {
      add_step(f, "add");
      f.operands.push_back(other);
      return true;
    }
    if (!(spec.shape == Dims{shape.back()}) || f.has_bias || !f.epilogue.empty()) return false;
    if (f.op != "product") return false;
    f.inputs.push_back(other);
    f.has_bias = true;
    return true;
  }

  // x times a gate of x, by the last of the two that read x.
  bool take_gate(Node& product, const Entry& at, Fusion& f) {
    if (product.op->name != "multiply" || uses_.at(at) != 2) return false;
    const Entry& other = product.inputs[product.inputs[0] == at ? 1 : 0];
    const Node& gate = *other.node;
    if (!gate.op || uses_.at(other) != 1 || gate.inputs.size() != 1 || gate.inputs[0] != at) {
      return false;
    }
    if (gate.op->name == "sigmoid") {
      add_step(f, "silu");
    } else if (gate.op->name == "hard_sigmoid") {
      add_step(f, "hardswish " + number(attribute(gate, "alpha")) + ' ' +
                      number(attribute(gate, "beta")));
    } else {
      return false;
    }
    taken_.insert(&product);
    taken_.insert(&gate);
    return true;
  }

  static bool take_step(const Node& reader, Fusion& f) {
    const std::string step = step_of(reader);
    if (step.empty()) return false;
    add_step(f, step);
    return true;
  }

  static std::string step_of(const Node& node) {
    const std::string& name = node.op->name;
    if (name == "relu" || name == "sigmoid" || name == "tanh" || name == "silu") return name;
    if (name == "activation") {
      const auto type = std::get<std::string>(attribute(node, "act_type"));
      return type == "softsign" ? "" : type;
    }
    if (name == "hard_sigmoid") {
      return "hardsigmoid " + number(attribute(node, "alpha")) + ' ' +
             number(attribute(node, "beta"));
    }
    if (name == "multiply_scalar") return "scale " + number(attribute(node, "scalar"));
    if (name == "clip") {
      return "clip " + number(attribute(node, "a_min")) + ' ' + number(attribute(node, "a_max"));
    }
    if (name != "leaky_relu") return "";
    const auto type = std::get<std::string>(attribute(node, "act_type"));
    if (type == "gelu") return type;
    return type == "leaky" || type == "elu" ? type + ' ' + number(attribute(node, "slope")) : "";
  }

  static std::string number(const op::AttrValue& value) {
    const auto* real = std::get_if<double>(&value);
    const double v = real ? *real : static_cast<double>(std::get<int64_t>(value));
    char text[32];
    return {text, std::to_chars(text, text + sizeof text, static_cast<float>(v)).ptr};
  }

  static void add_step(Fusion& f, const std::string& step) {
    f.epilogue += (f.epilogue.empty() ? "" : "; ") + step;
  }

  Entry make(const Node& node, Fusion& f) {
    if (node.op->name == "fully_connected" && flag(node, "flatten")) {
      const Dims &data = spec_of(f.inputs[0]).shape, &weight = spec_of(f.inputs[1]).shape;
      f.inputs[0] = entry_of(op::reshape_to(value_of(f.inputs[0]), {data[0], weight[1]}));
    }
    op::Values in;
    for (const Entry& e : f.inputs) in.push_back(value_of(e));
    for (const Entry& e : f.operands) in.push_back(value_of(e));
    const op::Op& op = op::Op::get(f.op);
    builder_.set_origin(node.name);
    const op::AttrsRef attrs = f.op == "product"
                                   ? changed_attributes(node, op,
                                                        {{"transpose_a", f.transpose_a},
                                                         {"transpose_b", f.transpose_b},
                                                         {"has_bias", f.has_bias},
                                                         {"epilogue", f.epilogue}})
                                   : changed_attributes(node, op, {{"epilogue", f.epilogue}});
    const Entry made = entry_of(builder_.apply(op, attrs, {in.data(), in.size()})[0]);
    made.node->late = node.late;
    return made;
  }

  Graph& graph_;
  std::vector<Node*> order_;
  Uses uses_;
  std::unordered_set<const Node*> written_;
  std::unordered_map<Entry, Node*, EntryHash> reader_;  // some reader, the only one of one use
  std::unordered_set<const Node*> taken_;
  Builder builder_;
};

}  // namespace

int64_t fuse_epilogue(Graph& graph) { return Fuser(graph).run(); }

}  // namespace plait::graph
