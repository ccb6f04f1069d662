#include "graph/builder.h"
#include "graph/passes.h"

// At inference the kernels' own layout of a weight is made once and again only when the parameter
// changes; otherwise each call would make it.
namespace plait::graph {
namespace {

constexpr int64_t kFewWeights = 1 << 12;

class Packer {
 public:
  explicit Packer(Graph& graph) : graph_(graph) {
    for (Node* node : graph.inputs) parameters_.insert(node);
    for (const auto& [entry, variable] : graph.hoisted) made_[variable.get()] = entry;
  }

  int64_t run() {
    op::TracerScope scope(builder_);
    int64_t packed = 0;
    for (Node* node : topological_order(graph_.outputs)) {
      if (!node->op || node->inputs.size() < 2 || !fits(*node)) continue;
      if (packed_by(*node)) {
        pack(*node);
      } else if (!pack_matrix(*node)) {
        continue;
      }
      ++packed;
    }
    if (packed) drop_unread();
    return packed;
  }

 private:
  // The operator that makes the layout; null: the node's kernel has none of its own.
  static const op::Op* packed_by(const Node& node) {
    static const op::Op &floating = op::Op::get("convolution_pack"),
                        &whole = op::Op::get("int8_convolution_pack"),
                        &transposed = op::Op::get("deconvolution_pack"),
                        &recurrent = op::Op::get("rnn_pack");
    if (node.op->name == "convolution_last") return &floating;
    if (node.op->name == "deconvolution_last") return &transposed;
    if (node.op->name == "rnn") return packs_rnn(node) ? &recurrent : nullptr;
    return node.op->name == "int8_convolution" ? &whole : nullptr;
  }

  // With one step of one sample all products read their matrices as they lie.
  static bool packs_rnn(const Node& node) {
    const Spec& data = spec_of(node.inputs[0]);
    const int64_t rows = data.shape[0] * data.shape[1];
    return data.dtype == DType::kFloat32 && rows > 1 && data.shape[2] > 0;
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
        node.op->name != "int8_convolution"
            ? changed_attributes(node, op, {{"shape", data.shape}})
            : changed_attributes(
                  node, op,
                  {{"shape", data.shape}, {"unsigned_data", data.dtype == DType::kUint8}});
    static const op::Op& rnn = op::Op::get("rnn_packed");
    const op::Op& reader = node.op->name == "rnn" ? rnn : *node.op;
    node.inputs[1] = hoisted(builder_.apply(op, attrs, {&value, 1})[0]);
    node.attrs = changed_attributes(node, reader, {{"packed", true}});
    node.op = &reader;
  }

  Entry hoisted(const Value& packed) {
    auto variable = make_ref<Node>();
    variable->name = "hoisted" + std::to_string(graph_.hoisted.size());
    variable->specs.push_back(packed.spec);
    graph_.hoisted.push_back({entry_of(packed), variable});
    return {variable, 0};
  }

  // Turns a product of rows with one matrix into the operator `product`; false: it is none, or one
  // row, for which the kernel reads the matrix as it lies.
  bool pack_matrix(Node& node) {
    const std::string& name = node.op->name;
    const bool layer = name == "fully_connected";
    if (!layer && name != "matmul" && name != "dot") return false;
    for (const Entry& e : node.inputs) {
      const Spec& spec = spec_of(e);
      if (spec.dtype != DType::kFloat32 || num_elements(spec.shape) == 0) return false;
    }
    const auto flag = [&](const char* attr) { return std::get<bool>(attribute(node, attr)); };
    const bool transposed = layer || (name == "dot" && flag("transpose_b"));
    const Dims data = spec_of(node.inputs[0]).shape, matrix = spec_of(node.inputs[1]).shape;
    if (matrix.size() != 2 || data.size() < 2) return false;
    if (name == "dot" && (data.size() != 2 || flag("transpose_a"))) return false;
    const int64_t inner = matrix[transposed ? 1 : 0], columns = matrix[transposed ? 0 : 1];
    const int64_t rows = num_elements(data) / inner;
    if (rows < 2 || num_elements(matrix) < kFewWeights) return false;
    if (layer && data.back() != inner) {
      node.inputs[0] = entry_of(op::reshape_to(value_of(node.inputs[0]), {rows, inner}));
    }
    static const op::Op &product = op::Op::get("product"), &packer = op::Op::get("product_pack");
    const auto known = made_.find(node.inputs[1].node.get());
    const Value value = value_of(known == made_.end() ? node.inputs[1] : known->second);
    builder_.set_origin(node.name);
    const std::pair<int, op::AttrValue> sizes[] = {{packer.field_index("rows"), rows},
                                                   {packer.field_index("transpose_b"), transposed}};
    node.inputs[1] = hoisted(builder_.apply(packer, packer.make_attrs(sizes), {&value, 1})[0]);
    const std::pair<int, op::AttrValue> attrs[] = {
        {product.field_index("packed"), columns},
        {product.field_index("has_bias"), node.inputs.size() > 2}};
    node.op = &product;
    node.attrs = product.make_attrs(attrs);
    return true;
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
