#include <cmath>
#include <optional>

#include "graph/builder.h"
#include "graph/passes.h"
#include "op/functions.h"

// A product of queries and keys, factors, a mask, a softmax and a product with values become the
// operator of blocked attention, so the matrix of scores is never whole, forward or backward. Found
// are batch_dot and matmul with any transposition, reshapes between them that keep the matrices,
// masks that are added, masks of npx.masked_softmax, lengths of softmax, and the interleaved
// products of MXNet.
//
// It does not apply where scores or weights are read otherwise or are outputs, where dropout acts
// on the weights, where a gradient flows to the mask, and where what is added to the scores does
// not broadcast to them. A row that the mask hides as a whole gives 0, not NaN.
namespace plait::graph {
namespace {

bool is_product(const std::string& op) { return op == "batch_dot" || op == "matmul"; }

int64_t axis_from_end(const Dims& shape, int64_t i) {
  return shape[shape.size() - static_cast<size_t>(i)];
}

// What stands between the two products.
struct Found {
  const Node* first = nullptr;     // the product of queries and keys
  double scale = 1;                // of the scores
  std::optional<Entry> mask;       // added, or hiding where it is 0
  std::optional<Entry> lengths;    // of softmax
  std::optional<Entry> condition;  // of the `where` around softmax
  Dims lead;                       // axes of the scores before the last two, where the mask acts
};

class Matcher {
 public:
  explicit Matcher(Graph& graph)
      : graph_(graph), order_(topological_order(graph.outputs)), uses_(count_uses(graph, order_)) {
    for (const Node* node : order_) {
      bool leads = graph.wanted.count(node);
      for (const Entry& e : node->inputs) leads = leads || leads_.count(e.node.get());
      if (leads) leads_.insert(node);
    }
  }

  int64_t run() {
    op::TracerScope scope(builder_);
    Substitution substitution;
    for (const Node* node : order_) {
      if (node->is_variable()) continue;
      const std::string& name = node->op->name;
      const bool interleaved =
          name == "interleaved_matmul_selfatt_valatt" || name == "interleaved_matmul_encdec_valatt";
      if (!is_product(name) && !interleaved) continue;
      Found found;
      if (!weights(node->inputs[interleaved ? 1 : 0], found)) continue;
      builder_.set_origin(node->name);
      const std::optional<Value> made =
          interleaved ? make_interleaved(*node, found) : make(*node, found);
      if (made) substitution.put({Ref<Node>(const_cast<Node*>(node)), 0}, entry_of(*made));
    }
    substitution.apply(graph_);
    return static_cast<int64_t>(substitution.size());
  }

 private:
  bool alone(const Entry& e) const { return uses_.at(e) == 1 && e.index == 0 && e.node->op; }

  // A view of packed data in their order, with the same matrices in the last two axes.
  static bool keeps_matrices(const Node& node) {
    if (!node.op->view) return false;
    const Spec &in = spec_of(node.inputs[0]), &out = node.specs[0];
    const size_t n = in.shape.size(), m = out.shape.size();
    if (n < 2 || m < 2 || num_elements(in.shape) != num_elements(out.shape)) return false;
    if (in.shape[n - 1] != out.shape[m - 1] || in.shape[n - 2] != out.shape[m - 2]) return false;
    const Dims strides = contiguous_strides(in.shape);
    op::ViewPlan plan;
    return node.op->view(*node.op, node.op->data_of(node.attrs),
                         {nullptr, &in.shape, &strides, in.dtype, true}, plan) &&
           plan.offset == 0 && plan.strides == contiguous_strides(out.shape);
  }

  // Weights: softmax over the last axis, perhaps with a `where` around it that gives 0.
  bool weights(Entry e, Found& f) const {
    for (; alone(e); e = e.node->inputs[0]) {
      const Node& node = *e.node;
      if (keeps_matrices(node) || is_identity(node, graph_.is_train)) continue;
      if (node.op->name == "where" && !f.condition && number_of(node.inputs[2]) == 0.0) {
        f.condition = node.inputs[0];
        e = node.inputs[1];
        if (!alone(e)) return false;
      }
      return e.node->op->name == "softmax" && softmax(*e.node, f);
    }
    return false;
  }

  bool softmax(const Node& node, Found& f) const {
    const auto ndim = static_cast<int64_t>(node.specs[0].shape.size());
    if (normalize_axis(std::get<int64_t>(attribute(node, "axis")), ndim) != ndim - 1) return false;
    if (node.specs[0].dtype != spec_of(node.inputs[0]).dtype) return false;
    const op::AttrValue temperature = attribute(node, "temperature");
    if (const double* t = std::get_if<double>(&temperature)) f.scale /= *t;
    if (std::get<bool>(attribute(node, "use_length"))) {
      f.lengths = node.inputs[1];
      f.lead = lead_of(node.specs[0].shape);
    }
    return scores(node.inputs[0], f) && f.first && (!f.condition || f.mask);
  }

  static Dims lead_of(const Dims& shape) { return Dims(shape.begin(), shape.end() - 2); }

  bool scores(const Entry& e, Found& f) const {
    if (!alone(e)) return false;
    const Node& node = *e.node;
    const std::string& name = node.op->name;
    if (is_product(name) || name == "interleaved_matmul_selfatt_qk" ||
        name == "interleaved_matmul_encdec_qk") {
      f.first = &node;
      return true;
    }
    if (keeps_matrices(node) || is_identity(node, graph_.is_train)) {
      return scores(node.inputs[0], f);
    }
    if (name == "multiply_scalar" || name == "divide_scalar" || name == "true_divide_scalar") {
      const double scalar = std::get<double>(attribute(node, "scalar"));
      f.scale *= name == "multiply_scalar" ? scalar : 1 / scalar;
      return scores(node.inputs[0], f);
    }
    if (f.mask || f.lengths) return false;
    f.lead = lead_of(node.specs[0].shape);
    if (name == "where") {
      const std::optional<double> low = number_of(node.inputs[2]);
      if (!f.condition || !(node.inputs[0] == *f.condition) || !low || *low > -1e4) return false;
      f.mask = node.inputs[0];
      return !is_floating(spec_of(*f.mask).dtype) && scores(node.inputs[1], f);
    }
    if (name != "add" || f.scale != 1 || f.condition) return false;
    for (size_t i = 0; i < 2; ++i) {
      Found attempt = f;
      attempt.mask = node.inputs[1 - i];
      if (!(spec_of(node.inputs[i]) == node.specs[0]) || !acts(*attempt.mask)) continue;
      if (!scores(node.inputs[i], attempt)) continue;
      f = attempt;
      return true;
    }
    return false;
  }

  // True if an array may be added as a mask.
  bool acts(const Entry& mask) const {
    const Spec& s = spec_of(mask);
    return is_floating(s.dtype) && !s.shape.empty() && s.shape.size() <= 4 &&
           !leads_.count(mask.node.get());
  }

  // The value of a constant of one element.
  static std::optional<double> number_of(const Entry& e) {
    const Node& node = *e.node;
    if (node.op) {
      if (node.op->name == "zeros" || node.op->name == "zeros_like") return 0.0;
      if (node.op->name == "full") return std::get<double>(attribute(node, "value"));
      return std::nullopt;
    }
    if (!node.constant || num_elements(node.specs[0].shape) != 1) return std::nullopt;
    node.constant->wait_to_read();
    if (node.specs[0].dtype == DType::kFloat64) {
      return *static_cast<const double*>(node.constant->data());
    }
    if (node.specs[0].dtype != DType::kFloat32) return std::nullopt;
    return *static_cast<const float*>(node.constant->data());
  }

  // The mask of an application whose scores are (lead..., queries, keys), as (a, b, q, k) or with
  // fewer axes, for the axes (batch, heads) before the matrices; none: there is no such form.
  std::optional<Value> mask_of(const Found& f, int64_t batch, int64_t heads) const {
    const bool two = f.lead == Dims{batch, heads};
    if (f.lengths) {
      static const OpCall kRange("arange", {"stop", "dtype"});
      const Value length = value_of(*f.lengths);
      const int64_t keys = f.first->specs[0].shape.back();
      const Value place =
          kRange({}, {static_cast<double>(keys), std::string(dtype_name(length.dtype()))});
      const int64_t queries = axis_from_end(f.first->specs[0].shape, 2);
      return op::less(op::reshape_to(place, {1, 1, 1, keys}),
                      op::reshape_to(length, {batch, heads, queries, 1}));
    }
    const Value mask = value_of(*f.mask);
    const Dims& shape = mask.shape();
    if (shape.size() <= 2 || two) return mask;
    if (f.lead != Dims{batch * heads}) return std::nullopt;
    if (shape[0] == 1) return mask;
    return op::reshape_to(mask, {batch, heads, shape[1], shape[2]});
  }

  static Value turned(const Value& v, bool turn) {
    static const OpCall swap("swap_axes", {"dim1", "dim2"});
    return turn ? swap({v}, {int64_t{2}, int64_t{3}}) : v;
  }

  static bool flag(const Node& node, const char* name) {
    return node.op->name == "batch_dot" && std::get<bool>(attribute(node, name));
  }

  // softmax(scale Q K^T + mask) V of two products over matrices.
  std::optional<Value> make(const Node& second, const Found& f) const {
    const Node& first = *f.first;
    if (!is_product(first.op->name) || flag(second, "transpose_a")) return std::nullopt;
    for (const Node* product : {&first, &second}) {
      const Dims &a = spec_of(product->inputs[0]).shape, &b = spec_of(product->inputs[1]).shape;
      if (a.size() < 3 || a.size() != b.size() || !(lead_of(a) == lead_of(b))) return std::nullopt;
      if (!is_floating(product->specs[0].dtype)) return std::nullopt;
    }
    const Dims lead = (f.mask || f.lengths) ? f.lead : lead_of(first.specs[0].shape);
    const bool two = lead.size() == 2;
    const int64_t batch = two ? lead[0] : 1, heads = two ? lead[1] : num_elements(lead);
    const auto four = [&](const Entry& e, bool turn) {
      const Dims& s = spec_of(e).shape;
      return turned(
          op::reshape_to(value_of(e), {batch, heads, axis_from_end(s, 2), axis_from_end(s, 1)}),
          turn);
    };
    op::Values in{four(first.inputs[0], flag(first, "transpose_a")),
                  four(first.inputs[1], !flag(first, "transpose_b")),
                  four(second.inputs[1], flag(second, "transpose_b"))};
    if (f.mask || f.lengths) {
      const std::optional<Value> mask = mask_of(f, batch, heads);
      if (!mask) return std::nullopt;
      in.push_back(*mask);
    }
    static const OpCall kAttend("scaled_dot_product_attention", {"scale", "has_mask"});
    const op::AttrValue attrs[] = {f.scale, in.size() > 3};
    return op::reshape_to(kAttend.all({in.data(), in.size()}, attrs)[0], second.specs[0].shape);
  }

  // The same of MXNet's interleaved projections.
  std::optional<Value> make_interleaved(const Node& second, const Found& f) const {
    const Node& first = *f.first;
    const bool two = second.op->name == "interleaved_matmul_encdec_valatt";
    const char* name = two ? "interleaved_matmul_encdec_qk" : "interleaved_matmul_selfatt_qk";
    if (first.op->name != name || !(first.inputs[two ? 1 : 0] == second.inputs[0])) {
      return std::nullopt;
    }
    const int64_t heads = std::get<int64_t>(attribute(second, "heads"));
    if (std::get<int64_t>(attribute(first, "heads")) != heads) return std::nullopt;
    op::Values in;
    for (const Entry& e : first.inputs) in.push_back(value_of(e));
    const Dims& projections = in[0].shape();
    if (f.mask || f.lengths) {
      const std::optional<Value> mask = mask_of(f, projections[1], heads);
      if (!mask) return std::nullopt;
      in.push_back(*mask);
    }
    const auto n = static_cast<double>(projections[2] / (heads * (two ? 1 : 3)));
    static const OpCall kAttend("interleaved_attention", {"heads", "two", "scale", "has_mask"});
    const op::AttrValue attrs[] = {heads, two, f.scale / std::sqrt(n), f.mask || f.lengths};
    return kAttend.all({in.data(), in.size()}, attrs)[0];
  }

  Graph& graph_;
  std::vector<Node*> order_;
  Uses uses_;
  std::unordered_set<const Node*> leads_;  // a gradient flows through them
  mutable Builder builder_;
};

}  // namespace

int64_t fuse_attention(Graph& graph) { return Matcher(graph).run(); }

}  // namespace plait::graph
