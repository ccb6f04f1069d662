#include "graph/open_sizes.h"

#include <algorithm>
#include <array>
#include <vector>

#include "graph/graph.h"
#include "op/invoke.h"

namespace plait::graph {
namespace {

constexpr const char* kShape = "shape";

bool makes_by_shape(const Node& node) {
  if (!node.op || !node.op->inputs.empty()) return false;
  return std::any_of(node.op->fields.begin(), node.op->fields.end(),
                     [](const auto& field) { return field->name == kShape; });
}

Dims shape_of(const Node& node) {
  const op::AttrValue value = attribute(node, kShape);
  const Dims* shape = std::get_if<Dims>(&value);
  return shape ? *shape : Dims{};
}

// A size below 0 is an unknown: -1 - its number. An operator tells what it does with one by what it
// makes of two different sizes in its place, and which one it needs by refusing all others.
class Solver {
 public:
  Solver(std::span<Node* const> nodes, const KnownSpecs& variables) : nodes_(nodes) {
    for (const Node* node : nodes_) {
      if (node->is_variable()) {
        const std::optional<Spec>& spec = variables.at(node);
        Known known;
        if (spec) known = {with_unknowns(spec->shape), spec->dtype};
        table_[node] = {known};
        continue;
      }
      table_[node].resize(static_cast<size_t>(op::num_outputs(*node->op, node->attrs)));
      if (!has_open_sizes(*node)) continue;
      table_[node][0].shape = with_unknowns(shape_of(*node));
    }
  }

  SolvedSizes solve() {
    settle();
    if (some_node_is_open()) {
      stretches_ = false;
      settle();
    }
    SolvedSizes found;
    for (const Node* node : nodes_) {
      std::vector<std::optional<Dims>>& shapes = found.shapes[node];
      for (const Known& known : table_.at(node)) {
        shapes.push_back(known.shape);
        if (known.shape) *shapes.back() = sizes_of(*known.shape);
      }
      if (!has_open_sizes(*node) || has_open(*shapes[0])) continue;
      found.attributes[node] = changed_attributes(*node, *node->op, {{kShape, *shapes[0]}});
    }
    return found;
  }

 private:
  struct Known {
    std::optional<Dims> shape;
    DType dtype = DType::kFloat32;
  };
  // Two sizes for each unknown that no operator treats in a way of its own, and two that are
  // multiples of small numbers too, for operators that cut an axis in parts.
  using Trial = std::array<int64_t, 4>;
  static constexpr size_t kMultiples = 2;
  static Trial trial(size_t unknown) {
    const auto number = static_cast<int64_t>(unknown);
    const int64_t first = 1009 + 6 * number, second = 2003 + 10 * number;
    return {first, second, 5040 * first, 5040 * second};
  }

  using Shapes = std::vector<Dims>;

  void settle() {
    do {
      changed_ = false;
      for (const Node* node : nodes_) {
        if (!node->is_variable() && !has_open_sizes(*node)) visit(*node);
      }
    } while (changed_);
  }
  bool some_node_is_open() const {
    return std::any_of(nodes_.begin(), nodes_.end(), [&](const Node* node) {
      return has_open_sizes(*node) && has_open(sizes_of(*table_.at(node)[0].shape));
    });
  }
  // The shape with kOpen for what is unknown.
  Dims sizes_of(const Dims& shape) const {
    Dims found = now(shape);
    for (int64_t& size : found) size = std::max(size, kOpen);
    return found;
  }

  int64_t new_unknown() {
    const int64_t unknown = -1 - static_cast<int64_t>(sizes_.size());
    sizes_.push_back(unknown);
    return unknown;
  }
  Dims with_unknowns(Dims shape) {
    for (int64_t& size : shape) {
      if (size == kOpen) size = new_unknown();
    }
    return shape;
  }
  int64_t now(int64_t size) const {
    while (size < 0 && sizes_[index(size)] != size) size = sizes_[index(size)];
    return size;
  }
  Dims now(Dims shape) const {
    for (int64_t& size : shape) size = now(size);
    return shape;
  }
  static size_t index(int64_t unknown) { return static_cast<size_t>(-1 - unknown); }

  void equate(int64_t a, int64_t b) {
    a = now(a);
    b = now(b);
    if (a == b || (a >= 0 && b >= 0)) return;
    if (a >= 0) std::swap(a, b);
    sizes_[index(a)] = b;
    changed_ = true;
  }

  void visit(const Node& node) {
    complete(node);
    Shapes in;
    for (const Entry& e : node.inputs) {
      const Known& known = known_of(e);
      if (!known.shape) return;
      in.push_back(now(*known.shape));
    }
    if (node.op->elementwise) {
      equate_axes(in);
      for (Dims& shape : in) shape = now(shape);
    }
    const std::vector<int64_t> unknowns = unknowns_in(in);
    if (follow(node, in, 0, unknowns)) return;
    if (unknowns.size() == 1 && follow(node, in, kMultiples, unknowns)) return;
    try_sizes(node, in, unknowns);
  }

  // Whether the operator takes the sizes of trial `which` and of the next; if so, what it makes.
  bool follow(const Node& node, const Shapes& in, size_t which,
              const std::vector<int64_t>& unknowns) {
    std::array<Specs, 2> out;
    if (!infer(node, in, which, out[0]) || !infer(node, in, which + 1, out[1])) return false;
    for (size_t i = 0; i < out[0].size(); ++i) {
      put(node, i, out[0][i], out[1][i], which, unknowns);
    }
    return true;
  }

  Known& known_of(const Entry& e) { return table_.at(e.node.get())[static_cast<size_t>(e.index)]; }

  static std::vector<int64_t> unknowns_in(const Shapes& shapes) {
    std::vector<int64_t> found;
    for (const Dims& shape : shapes) {
      for (int64_t size : shape) {
        if (size < 0 && std::find(found.begin(), found.end(), size) == found.end()) {
          found.push_back(size);
        }
      }
    }
    return found;
  }

  static Dims with_trial(Dims shape, size_t which) {
    for (int64_t& size : shape) {
      if (size < 0) size = trial(index(size))[which];
    }
    return shape;
  }

  bool infer(const Node& node, const Shapes& shapes, size_t which, Specs& out) {
    Specs in;
    for (size_t i = 0; i < shapes.size(); ++i) {
      in.push_back({with_trial(shapes[i], which), known_of(node.inputs[i]).dtype});
    }
    try {
      op::infer(*node.op, node.attrs, in, out);
    } catch (const Error&) {
      return false;
    }
    return true;
  }

  // Parameters and labels whose shapes follow from those of other inputs.
  void complete(const Node& node) {
    if (!node.op->complete) return;
    std::array<Shapes, 2> shapes;
    std::array<std::vector<bool>, 2> known;
    Shapes given;
    for (size_t which : {0, 1}) {
      for (const Entry& e : node.inputs) {
        const std::optional<Dims>& shape = known_of(e).shape;
        shapes[which].push_back(shape ? with_trial(now(*shape), which) : Dims{});
        known[which].push_back(shape.has_value());
        if (shape && which == 0) given.push_back(now(*shape));
      }
      try {
        node.op->complete(*node.op, node.op->data_of(node.attrs), shapes[which], known[which]);
      } catch (const Error&) {
        return;
      }
    }
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      Known& input = known_of(node.inputs[i]);
      if (input.shape || !known[0][i] || !known[1][i]) continue;
      if (shapes[0][i].size() != shapes[1][i].size()) continue;
      input.shape = Dims(shapes[0][i].size());
      for (size_t axis = 0; axis < input.shape->size(); ++axis) {
        const auto size = common(shapes[0][i][axis], shapes[1][i][axis], 0, unknowns_in(given));
        (*input.shape)[axis] = size ? *size : new_unknown();
      }
      changed_ = true;
    }
  }

  // Sizes of the same axis, counted from the last, are the same; one that is 1 may be stretched. If
  // a node still waits for its sizes when all else is known, 1 is the size of the others too.
  void equate_axes(const Shapes& in) {
    size_t axes = 0;
    for (const Dims& shape : in) axes = std::max(axes, shape.size());
    for (size_t axis = 1; axis <= axes; ++axis) {
      std::optional<int64_t> size;
      for (const Dims& shape : in) {
        if (shape.size() < axis) continue;
        const int64_t own = shape[shape.size() - axis];
        if (!size || *size < own) size = own;
      }
      if (stretches_ && size == 1) continue;
      for (const Dims& shape : in) {
        if (shape.size() < axis || shape[shape.size() - axis] >= 0) continue;
        equate(shape[shape.size() - axis], *size);
      }
    }
  }

  // The operator refuses most sizes: which of those that its inputs have does it take?
  void try_sizes(const Node& node, const Shapes& in, const std::vector<int64_t>& unknowns) {
    std::vector<int64_t> same_axis, others;
    for (const Dims& open : in) {
      for (size_t axis = 0; axis < open.size(); ++axis) {
        for (const Dims& shape : in) {
          for (size_t other = 0; other < shape.size(); ++other) {
            if (shape[other] < 0) continue;
            const bool same = open[axis] < 0 && other == axis;
            (same ? same_axis : others).push_back(shape[other]);
          }
        }
      }
    }
    for (const auto& sizes : {same_axis, others}) {
      std::optional<int64_t> fits;
      for (int64_t size : sizes) {
        if (fits == size || !takes(node, in, size)) continue;
        if (fits) return;  // several do
        fits = size;
      }
      if (!fits) continue;
      for (int64_t unknown : unknowns) equate(unknown, *fits);
      return;
    }
  }

  bool takes(const Node& node, Shapes in, int64_t size) {
    for (Dims& shape : in) {
      std::replace_if(
          shape.begin(), shape.end(), [](int64_t own) { return own < 0; }, size);
    }
    Specs out;
    return infer(node, in, 0, out);
  }

  // What two results for the sizes of trial `which` and of the next have in common: a size, or the
  // unknown that both follow.
  static std::optional<int64_t> common(int64_t first, int64_t second, size_t which,
                                       const std::vector<int64_t>& unknowns) {
    std::optional<int64_t> size;
    if (first == second) size = first;
    for (int64_t unknown : unknowns) {
      const Trial tried = trial(index(unknown));
      if (first == tried[which] && second == tried[which + 1]) size = unknown;
    }
    return size;
  }

  void put(const Node& node, size_t i, const Spec& first, const Spec& second, size_t which,
           const std::vector<int64_t>& unknowns) {
    Known& known = table_.at(&node)[i];
    const size_t axes = first.shape.size();
    if (second.shape.size() != axes || (known.shape && known.shape->size() != axes)) return;
    const bool is_new = !known.shape;
    if (is_new) {
      known.shape = Dims(axes);
      known.dtype = first.dtype;
      changed_ = true;
    }
    for (size_t axis = 0; axis < axes; ++axis) {
      const auto size = common(first.shape[axis], second.shape[axis], which, unknowns);
      if (is_new) {
        (*known.shape)[axis] = size ? *size : new_unknown();
      } else if (size) {
        equate((*known.shape)[axis], *size);
      }
    }
  }

  std::span<Node* const> nodes_;
  std::unordered_map<const Node*, std::vector<Known>> table_;
  std::vector<int64_t> sizes_;  // of the unknowns; below 0: the unknown that it is the same as
  bool changed_ = false, stretches_ = true;
};

}  // namespace

bool has_size(const Node& node, int64_t size) {
  if (!makes_by_shape(node)) return false;
  const Dims shape = shape_of(node);
  return std::find(shape.begin(), shape.end(), size) != shape.end();
}

void open_zeros(Node& node) {
  if (!has_size(node, 0)) return;
  Dims shape = shape_of(node);
  std::replace(shape.begin(), shape.end(), int64_t{0}, kOpen);
  node.attrs = changed_attributes(node, *node.op, {{kShape, shape}});
}

SolvedSizes solve_sizes(std::span<Node* const> nodes, const KnownSpecs& variables) {
  const bool any = std::any_of(nodes.begin(), nodes.end(), [&](const Node* node) {
    if (!node->is_variable()) return has_open_sizes(*node);
    const std::optional<Spec>& spec = variables.at(node);
    return spec && has_open(spec->shape);
  });
  return any ? Solver(nodes, variables).solve() : SolvedSizes{};
}

}  // namespace plait::graph
