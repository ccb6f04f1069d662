#include "graph/passes.h"

#include "graph/builder.h"
#include "op/functions.h"
#include "testing.h"

using namespace plait;
using namespace plait::graph;

namespace {

// A typed graph over x and y of one shape.
struct Fixture {
  Builder builder;
  op::TracerScope scope{builder};
  Value x, y;

  explicit Fixture(const Dims& shape = {4, 6})
      : x(builder.variable("x", {shape, DType::kFloat32})),
        y(builder.variable("y", {shape, DType::kFloat32})) {}

  Graph graph(std::initializer_list<Value> outputs) const {
    Graph g;
    for (const Value& v : outputs) g.outputs.push_back(entry_of(v));
    for (const Value* v : {&x, &y}) g.inputs.push_back(static_cast<Node*>(v->node.get()));
    return g;
  }
};

int count(const Graph& g, const std::string& op) {
  int n = 0;
  for (const Node* node : topological_order(g.outputs)) n += node->op && node->op->name == op;
  return n;
}

int nodes(const Graph& g) {
  int n = 0;
  for (const Node* node : topological_order(g.outputs)) n += !node->is_variable();
  return n;
}

}  // namespace

TEST(graph_simplify_leaves_out_what_changes_nothing) {
  Fixture f;
  Graph g = f.graph({op::exp((-(-f.x)) * 1.0)});
  CHECK(simplify(g) > 0);
  CHECK_EQ(nodes(g), 1);
  CHECK_EQ(count(g, "exp"), 1);
}

TEST(graph_share_computes_equal_expressions_once) {
  Fixture f;
  Graph g = f.graph({op::exp(f.x) * f.y, op::exp(f.x) + f.y});
  CHECK_EQ(share(g), 1);
  CHECK_EQ(count(g, "exp"), 1);
}

TEST(graph_constants_are_folded_up_to_the_variables) {
  Fixture f;
  const Value two = op::full_of({Dims{4, 6}, DType::kFloat32}, 2.0);
  Graph g = f.graph({f.x + two * two});
  CHECK(fold_constants(g) >= 2);
  CHECK_EQ(nodes(g), 1);
}

TEST(graph_fusion_makes_one_node_of_a_chain) {
  Fixture f;
  Graph g = f.graph({op::exp(f.x) * f.y + f.x});
  CHECK_EQ(fuse_pointwise(g), 3);
  CHECK_EQ(nodes(g), 1);
  CHECK_EQ(count(g, "pointwise"), 1);
}

TEST(graph_fusion_ends_at_operators_that_look_elsewhere) {
  Fixture f;
  static const OpCall softmax("softmax");
  const Value a = op::exp(f.x) * f.y;
  Graph g = f.graph({softmax({a}) * a});
  fuse_pointwise(g);
  CHECK_EQ(count(g, "pointwise"), 1);
  CHECK_EQ(count(g, "softmax"), 1);
  CHECK_EQ(nodes(g), 3);
}

TEST(graph_layout_changes_at_the_ends_of_a_chain_only) {
  Fixture f({2, 16, 5, 5});
  static const OpCall conv("convolution", {"kernel", "num_filter", "pad", "no_bias"});
  const Value w = f.builder.variable("w", {{16, 16, 3, 3}, DType::kFloat32});
  const auto layer = [&](const Value& v) {
    return conv({v, w}, {Dims{3, 3}, int64_t{16}, Dims{1, 1}, true});
  };
  Graph g = f.graph({layer(op::tanh(layer(f.x)) * f.y)});
  CHECK_EQ(channels_last(g), 4);
  CHECK_EQ(count(g, "convolution_last"), 2);
  CHECK_EQ(count(g, "channels_last"), 2);  // of x and y
  CHECK_EQ(count(g, "channels_first"), 1);
  CHECK((spec_of(g.outputs[0]).shape == Dims{2, 16, 5, 5}));
}

TEST(graph_layout_leaves_graphs_without_convolutions) {
  Fixture f({2, 16, 5, 5});
  Graph g = f.graph({op::tanh(f.x)});
  CHECK_EQ(channels_last(g), 0);
  CHECK_EQ(nodes(g), 1);
}

TEST(graph_attributes_change_by_name) {
  Fixture f;
  static const OpCall sum("sum", {"axis", "keepdims"});
  const Entry total = entry_of(sum({f.x}, {Dims{1}, true}));
  const Node& node = *total.node;
  const op::AttrsRef attrs = changed_attributes(node, *node.op, {{"axis", Dims{0}}});
  Node changed;
  changed.op = node.op;
  changed.attrs = attrs;
  CHECK((std::get<Dims>(attribute(changed, "axis")) == Dims{0}));
  CHECK(std::get<bool>(attribute(changed, "keepdims")));
  CHECK_THROWS(attribute(node, "nosuch"), Error, "nosuch");
}

TEST(graph_switches_of_passes_have_names) {
  const PassSet all = PassSet::current();
  CHECK(all.has("share"));
  CHECK(!all.with("share", false).has("share"));
  CHECK_THROWS(all.has("nosuch"), Error, "must be one of");
}
