#include <cmath>

#include "kernels/convert.h"
#include "kernels/parallel.h"
#include "op/functions.h"
#include "op/op.h"

namespace plait::ops {
namespace {

struct RotaryAttrs {
  double base;
  std::optional<int64_t> dim;
  bool interleaved, has_positions, inverse;
};

int64_t turned(const RotaryAttrs& a, const Dims& data) { return a.dim.value_or(data.back()); }

Spec infer(const RotaryAttrs& a, const Specs& in) {
  const Dims& data = in[0].shape;
  check(is_floating(in[0].dtype), ErrorKind::kType, "data has dtype ", in[0].dtype,
        ", must be floating");
  check(data.size() >= 2, ErrorKind::kShape, "data has shape ", data,
        ", must be (..., steps, features)");
  const int64_t dim = turned(a, data);
  check(dim >= 0 && dim % 2 == 0 && dim <= data.back(), ErrorKind::kInvalidArgument, "dim is ", dim,
        ", must be even and at most ", data.back());
  check(a.base > 0, ErrorKind::kInvalidArgument, "base is ", a.base, ", must be > 0");
  const Dims steps{data[data.size() - 2]};
  check(!a.has_positions || in[1].shape == steps, ErrorKind::kShape, "positions has shape ",
        a.has_positions ? in[1].shape : Dims{}, ", must be ", steps);
  return in[0];
}

// Pair i of step t is turned by the angle t base^(-2 i / dim).
void kernel(const RotaryAttrs& a, const op::KernelArgs& k) {
  const Dims& data = *k.in[0].shape;
  const int64_t features = data.back(), steps = data[data.size() - 2], half = turned(a, data) / 2;
  std::vector<double> position(static_cast<size_t>(steps));
  for (int64_t t = 0; t < steps; ++t) position[static_cast<size_t>(t)] = static_cast<double>(t);
  if (a.has_positions) {
    kernels::convert(k.in[1].data, k.in[1].dtype, 1, position.data(), DType::kFloat64, steps);
  }
  std::vector<double> cosine(static_cast<size_t>(steps * half)), sine(cosine.size());
  for (int64_t t = 0; t < steps; ++t) {
    for (int64_t i = 0; i < half; ++i) {
      const double power = -static_cast<double>(i) / static_cast<double>(half);
      const double angle = position[static_cast<size_t>(t)] * std::pow(a.base, power);
      cosine[static_cast<size_t>(t * half + i)] = std::cos(angle);
      sine[static_cast<size_t>(t * half + i)] = a.inverse ? -std::sin(angle) : std::sin(angle);
    }
  }
  const int64_t first = a.interleaved ? 2 : 1, second = a.interleaved ? 1 : half;
  dispatch_floating(k.in[0].dtype, [&]<class T>(T) {
    using A = acc_t<T>;
    const int64_t rows = k.in[0].size() / features;
    kernels::parallel_for(k.threads, rows, 1 + 4096 / features, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const T* x = k.in[0].ptr<T>() + row * features;
        T* y = k.out[0].ptr<T>() + row * features;
        for (int64_t i = 0; i < half; ++i) {
          const auto at = static_cast<size_t>(row % steps * half + i);
          const A c = static_cast<A>(cosine[at]), s = static_cast<A>(sine[at]);
          const A u = static_cast<A>(x[i * first]), v = static_cast<A>(x[i * first + second]);
          y[i * first] = static_cast<T>(u * c - v * s);
          y[i * first + second] = static_cast<T>(u * s + v * c);
        }
        std::copy(x + 2 * half, x + features, y + 2 * half);
      }
    });
  });
}

PLAIT_OP(rotary_embedding, RotaryAttrs)
    .doc("Turns pairs of features by angles that grow with the position in the sequence.")
    .source("Su, Lu, Pan, Murtadha, Wen, Liu: RoFormer (2021)")
    .input("data", "floating (..., steps, features)")
    .optional_input("positions", "(steps,), position of each step; with has_positions")
    .output("out", "shape and dtype of data")
    .attr("base", &RotaryAttrs::base, 10000.0, "pair i turns by base^(-2 i / dim) a step, > 0")
    .attr("dim", &RotaryAttrs::dim, std::nullopt, "how many features are turned, even; None: all")
    .attr("interleaved", &RotaryAttrs::interleaved, false,
          "pairs are neighbours; False: feature i goes with i + dim / 2")
    .attr("has_positions", &RotaryAttrs::has_positions, false,
          "positions are given; else they are 0, 1, 2, ...")
    .attr("inverse", &RotaryAttrs::inverse, false, "turn backwards")
    .on("nd sym", "contrib.rotary_embedding")
    .on("npx", "rotary_embedding")
    .num_inputs([](const RotaryAttrs& a) { return a.has_positions ? 2 : 1; })
    .infer(infer)
    .cpu(kernel)
    .grad(
        [](const RotaryAttrs& a, const GradArgs& g) -> Values {
          static const OpCall kTurn("rotary_embedding",
                                    {"base", "dim", "interleaved", "has_positions", "inverse"});
          Values in{g.dout()};
          if (a.has_positions) in.push_back(g.in(1));
          const op::AttrValue attrs[] = {a.base, a.dim ? op::AttrValue(*a.dim) : op::AttrValue{},
                                         a.interleaved, a.has_positions, !a.inverse};
          Values d(g.num_in());
          d[0] = kTurn.all({in.data(), in.size()}, attrs)[0];
          return d;
        },
        op::saves_input(1));

}  // namespace
}  // namespace plait::ops
