#include "graph/trace.h"

#include "op/functions.h"
#include "testing.h"

using namespace plait;
using namespace plait::graph;

namespace {

ArrayRef numbers(std::initializer_list<float> values) {
  ArrayRef a = Array::empty(Dims{static_cast<int64_t>(values.size())}, DType::kFloat32);
  std::copy(values.begin(), values.end(), static_cast<float*>(a->data()));
  return a;
}

ArrayRef apply(const char* name, std::initializer_list<ArrayRef> in) {
  Arrays out;
  autograd::invoke(op::Op::get(name), {}, {in.begin(), in.size()}, out);
  return out[0];
}

}  // namespace

TEST(trace_writes_down_what_was_applied) {
  const ArrayRef x = numbers({1, 2}), y = numbers({3, 4});
  Symbol symbol;
  {
    Trace trace;
    CHECK(Trace::is_active());
    trace.variable("x", x);
    symbol = trace.finish(std::initializer_list<ArrayRef>{apply("multiply", {x, y})});
    CHECK(!Trace::is_active());
    CHECK_EQ(trace.captured().size(), 1u);  // y has no name
    CHECK(trace.captured()[0].second == y);
  }
  CHECK((symbol.list_arguments() == std::vector<std::string>{"x", "captured0"}));
  const ArrayRef in[] = {y, y};
  const Arrays out = symbol.run_eager(in);
  CHECK_EQ(static_cast<const float*>(out[0]->data())[1], 16.0f);
}

TEST(trace_inside_a_trace_hears_alone) {
  const ArrayRef x = numbers({1, 2});
  const auto outer = make_ref<Trace>();
  outer->variable("x", x);
  const ArrayRef y = apply("exp", {x});
  {
    const auto inner = make_ref<Trace>();
    inner->variable("y", y);
    const Symbol symbol =
        inner->finish(std::initializer_list<ArrayRef>{apply("sin", {y->detached()})});
    CHECK((symbol.list_arguments() == std::vector<std::string>{"y"}));  // the same place in memory
  }
  const Symbol symbol = outer->finish(std::initializer_list<ArrayRef>{apply("cos", {y})});
  CHECK((symbol.list_arguments() == std::vector<std::string>{"x"}));
  CHECK_EQ(outer->specs_of(*symbol.entries()[0].node)[0].shape[0], 2);
}

TEST(trace_refuses_what_would_be_lost) {
  const ArrayRef x = numbers({1});
  Trace trace;
  trace.variable("x", x);
  const ArrayRef y = apply("exp", {x});
  CHECK_THROWS(Trace::check_read(*y), Error, "hybridize");
  CHECK_THROWS(Trace::check_write(*y), Error, "in place");
  CHECK_THROWS(Trace::check_no_trace("backward()"), Error, "backward() writes gradients");
  CHECK_THROWS(trace.finish(std::initializer_list<ArrayRef>{numbers({5})}), Error, "trace");
}

TEST(trace_within_a_trace_writes_down_its_own_operators) {
  const ArrayRef x = numbers({1});
  const auto outer = make_ref<Trace>();
  outer->variable("x", x);
  const ArrayRef y = apply("exp", {x});
  const auto inner = make_ref<Trace>();
  const ArrayRef item = numbers({2});
  inner->variable("item", item);
  CHECK_THROWS(Trace::check_read(*y), Error, "hybridize");
  CHECK_THROWS(Trace::check_read(*item), Error, "hybridize");
  const ArrayRef z = apply("add", {item, y});
  const Symbol body = inner->finish(std::initializer_list<ArrayRef>{z});
  CHECK_EQ(body.list_inputs().size(), 2u);
  CHECK(inner->captured()[0].second == y);
  CHECK_THROWS(apply("exp", {z}), Error, "used outside");
  const Symbol whole = outer->finish(std::initializer_list<ArrayRef>{apply("exp", {y})});
  CHECK_EQ(whole.list_inputs().size(), 1u);
}
