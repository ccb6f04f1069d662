#include <cmath>
#include <vector>

#include "kernels/parallel.h"
#include "op/functions.h"
#include "op/op.h"

namespace plait::ops {
namespace {

struct SoftminAttrs {
  int64_t axis;
  std::optional<double> temperature;
};

void kernel(const SoftminAttrs& a, const op::KernelArgs& k) {
  const Dims& shape = *k.in[0].shape;
  const auto axis = static_cast<size_t>(normalize_axis(a.axis, static_cast<int64_t>(shape.size())));
  int64_t inner = 1;
  for (size_t i = axis + 1; i < shape.size(); ++i) inner *= shape[i];
  const int64_t n = shape[axis], lines = k.in[0].size() / n;
  const double scale = 1 / a.temperature.value_or(1.0);
  dispatch_floating(k.in[0].dtype, [&]<class T>(T) {
    using A = acc_t<T>;
    kernels::parallel_for(k.threads, lines, 1 + 4096 / n, [&](int64_t begin, int64_t end) {
      std::vector<A> line(static_cast<size_t>(n));
      for (int64_t i = begin; i < end; ++i) {
        const int64_t start = i / inner * n * inner + i % inner;
        const T* x = k.in[0].ptr<T>() + start;
        T* y = k.out[0].ptr<T>() + start;
        A least = static_cast<A>(x[0]), sum = 0;
        for (int64_t j = 1; j < n; ++j) least = std::min(least, static_cast<A>(x[j * inner]));
        for (int64_t j = 0; j < n; ++j) {
          A& e = line[static_cast<size_t>(j)];
          sum += e = std::exp((least - static_cast<A>(x[j * inner])) * static_cast<A>(scale));
        }
        for (int64_t j = 0; j < n; ++j)
          y[j * inner] = static_cast<T>(line[static_cast<size_t>(j)] / sum);
      }
    });
  });
}

PLAIT_OP(softmin, SoftminAttrs)
    .doc("Softmax of the negated data.")
    .input("data", "floating array of at least one axis")
    .output("output", "shape and dtype of data; every value in [0, 1]")
    .attr("axis", &SoftminAttrs::axis, -1, "axis of a line; negative counts from the end")
    .attr("temperature", &SoftminAttrs::temperature, std::nullopt,
          "data is divided by it; no unit, > 0; default 1")
    .on("nd sym", "softmin")
    .infer([](const SoftminAttrs& a, const Specs& in) -> Spec {
      check(is_floating(in[0].dtype), ErrorKind::kType, "data has dtype ", in[0].dtype,
            ", must be floating");
      check(!a.temperature || *a.temperature > 0, ErrorKind::kInvalidArgument, "temperature is ",
            a.temperature.value_or(0), ", must be > 0");
      normalize_axis(a.axis, static_cast<int64_t>(in[0].shape.size()));
      return in[0];
    })
    .cpu(kernel)
    .grad(
        [](const SoftminAttrs& a, const GradArgs& g) -> Values {
          static const OpCall kSum("sum", {"axis", "keepdims"});
          const Value y = g.out(0), dy = g.dout();
          return {y * (kSum({dy * y}, {Dims{a.axis}, true}) - dy) / a.temperature.value_or(1.0)};
        },
        op::saves_output(0));

}  // namespace
}  // namespace plait::ops
