#include <optional>

#include "graph/builder.h"
#include "graph/passes.h"
#include "op/channels_last.h"

// Convolutions of oneDNN read and write data with channels last as they are, so such data need no
// change of layout between layers. The pass lets convolutions, forward and backward, take that
// order; normalisation, pooling, element-wise operators and sums that follow take it over. What
// else reads such data gets them with channels first again.
namespace plait::graph {
namespace {

bool is_image(const Spec& s) { return s.shape.size() >= 3 && s.shape.size() <= 5; }

// With one channel or one place the order in memory is the same.
bool same_in_memory(const Dims& first) {
  return first[1] == 1 ||
         num_elements(std::span<const int64_t>(first.data() + 2, first.size() - 2)) == 1;
}

class Layout {
 public:
  explicit Layout(Graph& graph)
      : graph_(graph),
        order_(topological_order(graph.outputs)),
        written_(written_variables(order_)) {}

  int64_t run() {
    if (!wanted()) return 0;
    for (Node* node : order_) {
      if (node->is_variable()) continue;
      if (convert(*node)) {
        ++changes_;
      } else {
        if (!node->inputs.empty()) before_[node] = node->inputs[0];
        for (Entry& e : node->inputs) e = first(e);
      }
    }
    for (Entry& e : graph_.outputs) e = first(e);
    return changes_;
  }

 private:
  bool wanted() const {
    for (const Node* node : order_) {
      if (!node->is_variable() && gains(*node)) return true;
    }
    return false;
  }

  static bool gains(const Node& node) {
    const op::PrefersLast prefers = op::prefers_last(*node.op);
    if (!prefers) return false;
    Specs in;
    for (const Entry& e : node.inputs) in.push_back(spec_of(e));
    return prefers(node.op->data_of(node.attrs), in);
  }

  // Makes the node's twin with channels last; false if it has none or gains nothing.
  bool convert(Node& node) {
    const std::string& name = node.op->name;
    if (name.rfind("convolution", 0) == 0) return gains(node) && convert_convolution(node);
    if (name == "deconvolution") return gains(node) && convert_deconvolution(node);
    if (name == "batch_norm" || name == "batch_norm_backward") return convert_norm(node);
    if (name == "pooling") return convert_pooling(node, 1);
    if (name == "pooling_backward") return convert_pooling(node, 2);
    if (name == "sum" || name == "mean") return convert_sum(node);
    if (name == "bilinear_resize") return convert_resize(node);
    if (name == "take") return convert_take(node);
    if (name == "reshape") return convert_shuffle(node);
    if (name == "concat") return convert_axis(node, "dim");
    if (name == "slice_axis") return convert_axis(node, "axis");
    return convert_elementwise(node);
  }

  bool convert_convolution(const Node& node) {
    if (node.op->name == "convolution") {
      make(node, "convolution_last", 1, {}, true);
    } else if (node.op->name == "convolution_backward_data") {
      const Dims shape = op::channels_last(std::get<Dims>(attribute(node, "shape")));
      make(node, "convolution_last_backward_data", 1, {{"shape", shape}}, true);
    } else {
      make(node, "convolution_last_backward_weight", 2, {}, false);
    }
    return true;
  }

  // Its kernel needs packed weights, which only inference has.
  bool convert_deconvolution(const Node& node) {
    if (graph_.is_train || graph_.has_gradient) return false;
    make(node, "deconvolution_last", 1, {}, true);
    return true;
  }

  bool convert_norm(const Node& node) {
    const size_t data = node.op->name == "batch_norm" ? 0 : 1, count = data + 1;
    const auto ndim = static_cast<int64_t>(spec_of(node.inputs[data]).shape.size());
    if (normalize_axis(std::get<int64_t>(attribute(node, "axis")), ndim) != 1) return false;
    if (!follows(node, count)) return false;
    make(node, node.op->name, count, {{"axis", ndim - 1}}, true);
    return true;
  }

  bool convert_pooling(const Node& node, size_t count) {
    const op::AttrValue given = attribute(node, "layout");
    const std::string* layout = std::get_if<std::string>(&given);
    if ((layout && layout->back() == 'C') || !follows(node, count)) return false;
    const char* names[] = {"NWC", "NHWC", "NDHWC"};
    const size_t axes = spec_of(node.inputs[0]).shape.size() - 2;
    make(node, node.op->name, count, {{"layout", std::string(names[axes - 1])}}, true);
    return true;
  }

  // Over all axes but the channels, or over all places.
  bool convert_sum(const Node& node) {
    if (!follows(node, 1)) return false;
    const op::AttrValue axis = attribute(node, "axis");
    const Dims* axes = std::get_if<Dims>(&axis);
    const auto ndim = static_cast<int64_t>(spec_of(node.inputs[0]).shape.size());
    const bool keepdims = std::get<bool>(attribute(node, "keepdims"));
    if (!axes || axes->empty()) return false;
    Dims from;
    for (int64_t a : *axes) from.push_back(normalize_axis(a, ndim));
    Dims places, to;
    for (int64_t i = 2; i < ndim; ++i) places.push_back(i), to.push_back(i - 1);
    if (!std::get<bool>(attribute(node, "exclude"))) {
      if (!(from == places)) return false;
      make(node, node.op->name, 1, {{"axis", to}}, keepdims);
      return true;
    }
    if (keepdims || !(from == Dims{1})) return false;
    make(node, node.op->name, 1, {{"axis", Dims{ndim - 1}}}, false);
    return true;
  }

  // The end of a change of the order of the channels: (batch, g, c, ...) becomes (batch, c, g, ...)
  // between two reshapes.
  bool convert_shuffle(const Node& node) {
    const Node& turn = *node.inputs[0].node;
    const Dims& out = node.specs[0].shape;
    if (!turn.op || turn.op->name != "transpose" || out.size() != 4) return false;
    const Node& parts = *turn.inputs[0].node;
    const auto source = before_.find(&parts);
    if (!parts.op || parts.op->name != "reshape" || source == before_.end()) return false;
    const Entry data = source->second;
    const op::AttrValue axes = attribute(turn, "axes");
    const Dims *order = std::get_if<Dims>(&axes), &whole = spec_of(data).shape;
    const Dims& split = parts.specs[0].shape;
    const bool fits = order && *order == Dims{0, 2, 1, 3, 4} && last_.count(data) && whole == out &&
                      split.size() == 5 && split[0] == out[0] && split[3] == out[2] &&
                      split[4] == out[3];
    if (!fits) return false;
    static const op::Op& transpose = op::Op::get("transpose");
    const std::pair<int, op::AttrValue> attrs[] = {
        {transpose.field_index("axes"), Dims{0, 1, 2, 4, 3}}};
    builder_.set_origin(node.name);
    const Dims by_places{out[0], out[2], out[3], split[1], split[2]};
    const Value in = op::reshape_to(value_of(last(data)), by_places);
    const Value turned = builder_.apply(transpose, transpose.make_attrs(attrs), {&in, 1})[0];
    last_[{Ref<Node>(const_cast<Node*>(&node)), 0}] =
        entry_of(op::reshape_to(turned, op::channels_last(out)));
    converted_.insert(&node);
    return true;
  }

  bool convert_resize(const Node& node) {
    if (node.inputs.size() != 1 || !follows(node, 1)) return false;
    const Dims& out = node.specs[0].shape;
    make(node, "bilinear_resize_last", 1, {{"height", out[2]}, {"width", out[3]}}, true);
    return true;
  }

  // Places along a spatial axis, as of up-sampling to the nearest pixel.
  bool convert_take(const Node& node) {
    const auto ndim = static_cast<int64_t>(spec_of(node.inputs[0]).shape.size());
    const int64_t axis = normalize_axis(std::get<int64_t>(attribute(node, "axis")), ndim);
    if (axis < 2 || spec_of(node.inputs[1]).shape.size() != 1 || !follows(node, 1)) return false;
    make(node, node.op->name, 1, {{"axis", axis - 1}}, true);
    return true;
  }

  // Along the channels.
  bool convert_axis(const Node& node, const char* attr) {
    const auto ndim = static_cast<int64_t>(spec_of(node.inputs[0]).shape.size());
    if (normalize_axis(std::get<int64_t>(attribute(node, attr)), ndim) != 1) return false;
    if (!follows(node, node.inputs.size())) return false;
    make(node, node.op->name, node.inputs.size(), {{attr, ndim - 1}}, true);
    return true;
  }

  bool convert_elementwise(const Node& node) {
    if (!node.op->elementwise || !is_pure(node) || node.specs.size() != 1) return false;
    if (!is_image(node.specs[0])) return false;
    const Dims& shape = node.specs[0].shape;
    bool any = false;
    op::Values in;
    for (const Entry& e : node.inputs) {
      const Dims& own = spec_of(e).shape;
      const bool is_last =
          last_.count(e) && (converted_.count(e.node.get()) || !same_in_memory(shape));
      any = any || (own == shape && is_last);
      if (own.size() > shape.size()) return false;
      if (own == shape && written_.count(e.node.get())) return false;
    }
    if (!any) return false;
    for (const Entry& e : node.inputs) {
      const std::optional<Entry> operand = broadcast_operand(e, shape);
      if (!operand) return false;
      in.push_back(value_of(*operand));
    }
    builder_.set_origin(node.name);
    const op::Values out = builder_.apply(*node.op, node.attrs, {in.data(), in.size()});
    last_[{Ref<Node>(const_cast<Node*>(&node)), 0}] = entry_of(out[0]);
    converted_.insert(&node);
    return true;
  }

  // An operand of an element-wise operator whose result has `shape`.
  std::optional<Entry> broadcast_operand(const Entry& e, const Dims& shape) {
    const Dims& own = spec_of(e).shape;
    if (num_elements(own) == 1) return first(e);
    if (own.size() == shape.size()) return last(e);
    Dims whole(shape.size() - own.size(), 1);
    whole.append(own.begin(), own.end());
    if (!same_in_memory(whole)) return std::nullopt;
    return reshaped(e, op::channels_last(whole));
  }

  // True if an input among the first `count` has channels last and the others can get them.
  bool follows(const Node& node, size_t count) const {
    bool any = false;
    for (size_t i = 0; i < count; ++i) {
      const Entry& e = node.inputs[i];
      if (!is_image(spec_of(e)) || written_.count(e.node.get())) return false;
      any = any || (last_.count(e) && !same_in_memory(spec_of(e).shape));
    }
    return any;
  }

  // The twin: the first `count` inputs with channels last; so is output 0 if `last_out`.
  void make(const Node& node, const std::string& op, size_t count,
            std::initializer_list<std::pair<const char*, op::AttrValue>> attrs, bool last_out) {
    op::Values in;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      in.push_back(value_of(i < count ? last(node.inputs[i]) : first(node.inputs[i])));
    }
    const op::Op& twin = op::Op::get(op);
    builder_.set_origin(node.name);
    const op::Values out =
        builder_.apply(twin, changed_attributes(node, twin, attrs), {in.data(), in.size()});
    const Ref<Node> self(const_cast<Node*>(&node));
    for (size_t i = 0; i < out.size(); ++i) {
      auto& table = i == 0 && last_out ? last_ : first_;
      table[{self, static_cast<int32_t>(i)}] = entry_of(out[i]);
    }
    converted_.insert(&node);
  }

  Entry reshaped(const Entry& e, const Dims& shape) {
    return entry_of(op::reshape_to(value_of(first(e)), shape));
  }

  // e with channels last.
  Entry last(const Entry& e) {
    const auto known = last_.find(e);
    if (known != last_.end()) return known->second;
    const Dims& shape = spec_of(e).shape;
    Entry made;
    if (same_in_memory(shape)) {
      made = reshaped(e, op::channels_last(shape));
    } else {
      static const op::Op& to_last = op::Op::get("channels_last");
      const Value plain = value_of(first(e));
      made = entry_of(builder_.apply(to_last, {}, {&plain, 1})[0]);
    }
    return last_[e] = made;
  }

  // e as the rest of the graph has it.
  Entry first(const Entry& e) {
    const auto known = first_.find(e);
    if (known != first_.end()) return known->second;
    if (!converted_.count(e.node.get())) return e;
    const Value value = value_of(last_.at(e));
    Entry made;
    if (same_in_memory(spec_of(e).shape)) {
      made = entry_of(op::reshape_to(value, spec_of(e).shape));
    } else {
      static const op::Op& to_first = op::Op::get("channels_first");
      made = entry_of(builder_.apply(to_first, {}, {&value, 1})[0]);
    }
    return first_[e] = made;
  }

  Graph& graph_;
  std::vector<Node*> order_;
  std::unordered_set<const Node*> written_;
  Builder builder_;
  op::TracerScope scope_{builder_};
  std::unordered_map<Entry, Entry, EntryHash> last_, first_;  // of entries of the old graph
  std::unordered_map<const Node*, Entry>
      before_;  // first inputs of nodes that stayed, as they were
  std::unordered_set<const Node*> converted_;
  int64_t changes_ = 0;
};

}  // namespace

int64_t channels_last(Graph& graph) { return Layout(graph).run(); }

}  // namespace plait::graph
