#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "graph/open_sizes.h"
#include "graph/symbol.h"
#include "op/invoke.h"

namespace plait::graph {
namespace {

struct Known {
  std::optional<Dims> shape;
  std::optional<DType> dtype;
};
using Table = std::unordered_map<const Node*, std::vector<Known>>;

Known& known_of(Table& table, const Entry& e) {
  return table.at(e.node.get())[static_cast<size_t>(e.index)];
}

// Lets the operator fill in the shapes of its parameters; variables take what it says.
void complete_inputs(const Node& node, Table& table) {
  if (!node.op->complete) return;
  std::vector<Dims> shapes;
  std::vector<bool> known;
  for (const Entry& e : node.inputs) {
    const Known& k = known_of(table, e);
    shapes.push_back(k.shape.value_or(Dims{}));
    known.push_back(k.shape.has_value());
  }
  node.op->complete(*node.op, node.op->data_of(node.attrs), shapes, known);
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    Known& k = known_of(table, node.inputs[i]);
    if (known[i] && !k.shape) k.shape = shapes[i];
  }
}

// Parameters without a dtype take that of the first input, or if it has none, that of the first
// floating one: whole numbers behind it are indices and lengths.
void complete_dtypes(const Node& node, Table& table) {
  std::optional<DType> first;
  for (const Entry& e : node.inputs) {
    const std::optional<DType> dtype = known_of(table, e).dtype;
    if (!first && dtype && (e == node.inputs[0] || is_floating(*dtype))) first = dtype;
  }
  for (const Entry& e : node.inputs) {
    Known& k = known_of(table, e);
    if (!k.dtype && e.node->is_variable()) k.dtype = first;
  }
}

// Inputs of unknown dtype stand as a floating one, or as int32 or int8 where the operator wants
// those.
void infer_with_stand_ins(const Node& node, const op::AttrsRef& attrs, Specs& in,
                          const std::vector<size_t>& unknown, Specs& out) {
  try {
    return op::infer(*node.op, attrs, in, out);
  } catch (const Error& e) {
    if (e.kind() != ErrorKind::kType) throw;
    const Specs before = in;
    const auto fits = [&](std::span<const size_t> inputs, DType whole) {
      for (size_t i : inputs) in[i].dtype = whole;
      try {
        op::infer(*node.op, attrs, in, out);
        return true;
      } catch (const Error&) {
        in = before;
        return false;
      }
    };
    for (DType whole : {DType::kInt32, DType::kInt8}) {
      for (const size_t& i : unknown) {
        if (fits({&i, 1}, whole)) return;
      }
      if (fits(unknown, whole)) return;
    }
    throw;
  }
}

// Whether the dtypes of the outputs are the same for other dtypes of the unknown inputs, as those
// of a cast are.
bool dtypes_follow(const Node& node, Specs in, const std::vector<size_t>& unknown,
                   const Specs& found) {
  for (size_t i : unknown) {
    in[i].dtype = in[i].dtype == DType::kInt32 ? DType::kInt64 : DType::kFloat64;
  }
  Specs out;
  try {
    op::infer(*node.op, node.attrs, in, out);
  } catch (const Error&) {
    return false;
  }
  return std::equal(out.begin(), out.end(), found.begin(), found.end(),
                    [](const Spec& a, const Spec& b) { return a.dtype == b.dtype; });
}

void infer_node(const Node& node, const SolvedSizes& solved, Table& table) {
  const op::AttrsRef& attrs = attributes_of(node, solved);
  std::vector<Known>& out = table[&node];
  out.resize(static_cast<size_t>(op::num_outputs(*node.op, attrs)));
  if (has_open_sizes(node) && !solved.attributes.count(&node)) return;
  complete_inputs(node, table);
  complete_dtypes(node, table);
  Specs in, specs;
  std::vector<size_t> unknown;
  DType stand_in = DType::kFloat32;
  for (const Entry& e : node.inputs) {
    const std::optional<DType> dtype = known_of(table, e).dtype;
    if (dtype && is_floating(*dtype)) stand_in = *dtype;
  }
  for (const Entry& e : node.inputs) {
    const Known& k = known_of(table, e);
    if (!k.shape) return;
    if (!k.dtype) unknown.push_back(in.size());
    in.push_back({*k.shape, k.dtype.value_or(stand_in)});
  }
  try {
    infer_with_stand_ins(node, attrs, in, unknown, specs);
  } catch (const Error& e) {
    throw Error(e.kind(), cat(e.what(), "\n  in node '", node.name, "'"));
  }
  const bool dtypes_known = unknown.empty() || dtypes_follow(node, in, unknown, specs);
  for (size_t i = 0; i < out.size(); ++i) {
    out[i].shape = specs[i].shape;
    if (dtypes_known) out[i].dtype = specs[i].dtype;
  }
}

// An operator that works element by element gives inputs without a shape that of the others, or the
// one that is wanted of its result. Returns whether some input got one.
bool spread_shape(const Node& node, const SolvedSizes& solved, Table& table) {
  if (!node.op->elementwise) return false;
  std::optional<Dims> shape = table.at(&node)[0].shape;
  for (const Entry& e : node.inputs) {
    const auto found = solved.shapes.find(e.node.get());
    const bool some = found != solved.shapes.end() && found->second[static_cast<size_t>(e.index)];
    if (some && has_open(*found->second[static_cast<size_t>(e.index)])) return false;
    const std::optional<Dims>& own = known_of(table, e).shape;
    if (own && shape && *own != *shape) return false;  // one is stretched: nobody knows which
    if (own) shape = own;
  }
  // Results of operators may be what stretches a size of 1.
  const bool may_stretch = shape && std::find(shape->begin(), shape->end(), 1) != shape->end();
  bool changed = false;
  for (const Entry& e : node.inputs) {
    Known& input = known_of(table, e);
    if (!shape || input.shape || (may_stretch && !e.node->is_variable())) continue;
    input.shape = shape;
    changed = true;
  }
  return changed;
}

// What does not follow from what an operator reads may follow from what reads its result.
void infer_all(std::span<Node* const> order, const SolvedSizes& solved, Table& table) {
  bool changed = true;
  while (changed) {
    for (const Node* node : order) {
      if (!node->is_variable()) infer_node(*node, solved, table);
    }
    changed = false;
    for (size_t i = order.size(); i-- > 0;) {
      if (!order[i]->is_variable()) changed = spread_shape(*order[i], solved, table) || changed;
    }
  }
}

// Shape and dtype written on the variable itself: "__shape__" = "(2, 3)".
void read_variable(const Node& node, Known& known) {
  if (const auto s = node.strings.find("__shape__"); s != node.strings.end()) {
    const op::AttrValue v = op::parse_attr(s->second);
    if (const Dims* dims = std::get_if<Dims>(&v)) {
      known.shape = *dims;
      std::replace(known.shape->begin(), known.shape->end(), int64_t{0}, kOpen);
    }
  }
  if (const auto s = node.strings.find("__dtype__"); s != node.strings.end()) {
    const op::AttrValue v = op::parse_attr(s->second);
    if (const int64_t* number = std::get_if<int64_t>(&v); number && *number >= 0) {
      known.dtype = dtype_from_number(*number);
    }
  }
}

// Shapes of variables that are wholly known; others are left to the operators.
SolvedSizes solve_variables(std::span<Node* const> order, Table& table) {
  KnownSpecs variables;
  for (const auto& [node, known] : table) {
    std::optional<Spec>& spec = variables[node];
    if (known[0].shape) spec = {*known[0].shape, known[0].dtype.value_or(DType::kFloat32)};
  }
  SolvedSizes solved = solve_sizes(order, variables);
  for (auto& [node, known] : table) {
    if (!known[0].shape || !has_open(*known[0].shape)) continue;
    const Dims& found = *solved.shapes.at(node)[0];
    known[0].shape = has_open(found) ? std::nullopt : std::optional(found);
  }
  return solved;
}

}  // namespace

Inferred Symbol::infer(std::span<const std::string> names,
                       std::span<const std::optional<Dims>> shapes,
                       std::span<const std::optional<DType>> dtypes) const {
  Table table;
  const std::vector<Node*> order = topological_order(entries_);
  for (const Node* node : order) {
    if (!node->is_variable()) continue;
    Known known;
    read_variable(*node, known);
    for (size_t i = 0; i < names.size(); ++i) {
      if (names[i] != node->name) continue;
      if (i < shapes.size() && shapes[i]) known.shape = shapes[i];
      if (i < dtypes.size() && dtypes[i]) known.dtype = dtypes[i];
    }
    table[node] = {known};
  }
  const SolvedSizes solved = solve_variables(order, table);
  infer_all(order, solved, table);
  std::unordered_set<std::string> aux;
  for (const std::string& name : list_auxiliary_states()) aux.insert(name);
  Inferred result;
  const auto put = [&](const Entry& e, auto& to_shapes, auto& to_dtypes, auto& to_partial) {
    const Known& k = known_of(table, e);
    to_shapes.push_back(k.shape);
    to_dtypes.push_back(k.dtype);
    result.complete = result.complete && k.shape;
    const auto found = solved.shapes.find(e.node.get());
    const bool some = !k.shape && found != solved.shapes.end();
    to_partial.push_back(some ? found->second[static_cast<size_t>(e.index)] : k.shape);
  };
  for (Node* node : input_nodes()) {
    const Entry e{Ref<Node>(node), 0};
    if (aux.count(node->name)) {
      put(e, result.aux_shapes, result.aux_dtypes, result.aux_partial);
    } else {
      put(e, result.arg_shapes, result.arg_dtypes, result.arg_partial);
    }
  }
  for (const Entry& e : entries_) {
    put(e, result.out_shapes, result.out_dtypes, result.out_partial);
  }
  return result;
}

}  // namespace plait::graph
