// Binding of symbols, monitors, and operators with inputs in lists. Prints the line of each check
// that fails.
#include <regex>

#include "expect.h"
#include "plait/plait.hpp"

using namespace plait::cpp;

namespace {

const Context cpu(kCPU, 0);

template <class Body>
plait_status_t status_of(const Body& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.status();
  }
  return PLAIT_OK;
}

// y = w * x + b with one hidden batch norm, so that there are auxiliary states.
Symbol network() {
  const Symbol x("x"), w("w");
  const Symbol normed = Operator("BatchNorm").SetInput("data", x).CreateSymbol("bn");
  return Operator("elemwise_mul")(std::vector<Symbol>{normed, w}).CreateSymbol("product");
}

void arrays() {
  const NDArray x({1, 2, 3, 4, 5, 6}, Shape(3, 2), cpu);
  EXPECT(x.At(2, 1) == 6 && x.Offset(2, 1) == 5 && x.GetShape().ndim() == 2);
  EXPECT(x.Reshape(Shape(1, 3, 2)).At(0, 1, 1) == 4);
  EXPECT(status_of([&] { x.At(3, 0); }) == PLAIT_ERR_INDEX);
  EXPECT(status_of([&] { x.At(0, 0, 0); }) == PLAIT_ERR_SHAPE);
  const std::vector<float> values{1, 2};
  EXPECT(NDArray(values).Size() == 2 && NDArray(values.data(), 2).Values() == values);
  NDArray sum(Shape(2), cpu);
  Operator("add_n")(std::vector<NDArray>{NDArray(values), NDArray(values)}).Invoke(sum);
  EXPECT(sum.Values()[1] == 4);
}

void shapes() {
  std::vector<Shape> args, aux, out;
  network().InferShape({{"x", Shape(4, 3)}, {"w", Shape(4, 3)}}, &args, &aux, &out);
  EXPECT(args.size() == 4 && args[0] == Shape(4, 3) && args[1] == Shape(3));
  EXPECT(aux.size() == 2 && aux[1] == Shape(3) && out.size() == 1 && out[0] == Shape(4, 3));
  EXPECT(status_of([&] { network().InferShape({}, &args, &aux, &out); }) == PLAIT_ERR_SHAPE);
}

void requests() {
  const Symbol net = Symbol("a") * Symbol("b");
  NDArray a(std::vector<float>{2, 3}), b(std::vector<float>{5, 7});
  const NDArray kept(std::vector<float>{100, 100});
  const auto exec =
      net.SimpleBind(cpu, {{"a", a}, {"b", b}}, {{"a", kept}}, {{"a", kAddTo}, {"b", kNullOp}});
  exec->Forward(true);
  exec->Backward();
  EXPECT(kept.Values()[0] == 105 && kept.Values()[1] == 107);
  EXPECT(!exec->grad_dict().at("b") && exec->grad_dict().at("a").handle() == kept.handle());
  const auto bound = net.Bind(cpu, {a, b}, {NDArray(), NDArray()}, {kNullOp, kNullOp}, {});
  bound->Forward(false);
  EXPECT(bound->outputs[0].Values()[1] == 21);
  EXPECT(status_of([&] { net.Bind(cpu, {a}, {}, {}, {}); }) == PLAIT_ERR_INVALID_ARGUMENT);
  EXPECT(status_of([&] { net.Bind(cpu, {a, b}, {}, {}, {}); }) == PLAIT_ERR_INVALID_ARGUMENT);
}

void monitor() {
  const std::map<std::string, NDArray> args{{"x", NDArray({1, 2, 3, 4}, Shape(4, 1), cpu)},
                                            {"w", NDArray({2, 2, 2, 2}, Shape(4, 1), cpu)}};
  const auto exec = network().SimpleBind(cpu, args);
  exec->Forward(true);
  const std::vector<float> plain = exec->outputs[0].Values();
  Monitor watch(2, std::regex(".*output|w"));
  watch.install(exec.get());
  for (int batch = 0; batch < 3; ++batch) {
    watch.tic();
    exec->Forward(true);
    const auto stats = watch.toc();
    EXPECT(stats.size() == (batch % 2 ? 0 : 3));
    if (stats.size() != 3) continue;
    EXPECT(std::get<0>(stats[0]) == batch + 1 && std::get<1>(stats[0]) == "bn_output");
    EXPECT(std::get<1>(stats[1]) == "product_output" && std::get<1>(stats[2]) == "w");
    EXPECT(std::get<2>(stats[2]).Values()[0] == 2);
  }
  EXPECT(exec->outputs.size() == 1 && exec->outputs[0].Values() == plain);
  exec->Backward();
  EXPECT(exec->grad_dict().at("w").Size() == 4);
  EXPECT(status_of([] { Monitor(0); }) == PLAIT_ERR_INVALID_ARGUMENT);
}

}  // namespace

int main() {
  arrays();
  shapes();
  requests();
  monitor();
  Check(plait_engine_shutdown());
  return failures;
}
