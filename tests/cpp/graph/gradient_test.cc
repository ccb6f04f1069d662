#include "graph/builder.h"
#include "graph/graph.h"
#include "op/functions.h"
#include "testing.h"

using namespace plait;
using namespace plait::graph;

namespace {

struct Fixture {
  Builder builder;
  op::TracerScope scope{builder};
  Value x = builder.variable("x", {{2, 3}, DType::kFloat32});
  Value head = builder.variable("head", {{2, 3}, DType::kFloat32});

  Values gradient_of(const Value& y, std::initializer_list<Value> wanted) {
    return gradient({y}, {head}, Values(wanted), builder);
  }
};

}  // namespace

TEST(value_arithmetic_broadcasts) {
  Fixture f;
  const Value row = f.builder.variable("row", {{3}, DType::kFloat32});
  CHECK(((f.x + row).shape() == Dims{2, 3}));
  CHECK((op::sum_to(f.x, {3}).shape() == Dims{3}));
  CHECK((op::reshape_to(f.x, {6}).shape() == Dims{6}));
  CHECK((op::cast_to(f.x, DType::kFloat64).dtype() == DType::kFloat64));
  CHECK(op::cast_to(f.x, DType::kFloat32).node == f.x.node);
}

TEST(gradient_has_the_shape_of_what_it_belongs_to) {
  Fixture f;
  const Value row = f.builder.variable("row", {{3}, DType::kFloat32});
  const Values d = f.gradient_of(op::exp(f.x) * row, {f.x, row});
  CHECK((d[0].shape() == Dims{2, 3}));
  CHECK((d[1].shape() == Dims{3}));
}

TEST(gradient_is_empty_where_nothing_flows) {
  Fixture f;
  const Value other = f.builder.variable("other", {{2, 3}, DType::kFloat32});
  CHECK(!f.gradient_of(op::exp(f.x), {other})[0]);
}

TEST(split_saves_results_and_inputs_that_backward_reads) {
  Fixture f;
  const Value y = op::tanh(op::exp(f.x));
  const Values d = f.gradient_of(y, {f.x});
  std::vector<Node*> inputs{static_cast<Node*>(f.x.node.get())};
  const Entries forward{entry_of(y)}, grads{entry_of(d[0])};
  const Residuals kept = split(forward, grads, inputs, {});
  CHECK_EQ(kept.saved.size(), 2u);  // exp(x) and tanh of it
  CHECK(!kept.reads_input[0]);
  RecomputeLevel level;
  const Residuals again = split(forward, grads, inputs, choose_recomputed(forward, grads, level));
  CHECK_EQ(again.saved.size(), 1u);  // the result
  CHECK(again.reads_input[0]);
}
