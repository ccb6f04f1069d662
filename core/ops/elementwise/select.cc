#include "kernels/convert.h"
#include "kernels/copy.h"
#include "kernels/elementwise.h"
#include "op/functions.h"
#include "op/op.h"
#include "ops/elementwise/binary.h"

// Functions of several arrays or with several numbers: choice, bounds, sums of many, smooth steps.
namespace plait::ops {
namespace {

using op::KernelArgs;
using op::NoAttrs;

struct where_fn {
  template <class T>
  PLAIT_FN static T f(T condition, T a, T b) {
    return condition != T(0) ? a : b;
  }
};

// A vector that does not fit the last axis, but the first, chooses rows, as MXNet has it.
bool chooses_rows(const Dims& condition, const Dims& values) {
  return condition.size() == 1 && values.size() > 1 && condition[0] == values[0] &&
         condition[0] != values.back() && condition[0] != 1;
}

PLAIT_OP(where, NoAttrs)
    .doc("x where condition is not 0, else y.")
    .input("condition", "array; a vector of length n chooses rows of x of shape (n, ...)")
    .input("x", "array")
    .input("y", "array")
    .output("out", "broadcast shape, promoted type of x and y")
    .on("nd sym np", "where")
    .infer([](const NoAttrs&, const Specs& in) -> Spec {
      const Dims values = broadcast_shapes(in[1].shape, in[2].shape);
      const DType type = promote(in[1].dtype, in[2].dtype);
      return {chooses_rows(in[0].shape, values) ? values : broadcast_shapes(in[0].shape, values),
              type};
    })
    .cpu([](const NoAttrs&, const KernelArgs& k) {
      static constexpr kernels::Loops kLoops =
          kernels::with_complex_ternary<where_fn>(kernels::ternary_loops<where_fn>());
      const View& out = k.out[0];
      View in[3] = {k.in[0], k.in[1], k.in[2]};
      Dims rows(out.shape->size(), 1), step(out.shape->size(), 0);
      if (chooses_rows(*in[0].shape, *out.shape)) {
        rows[0] = in[0].dim(0);
        step[0] = in[0].stride(0);
        in[0].shape = &rows;
        in[0].strides = &step;
        in[0].contiguous = false;
      }
      kernels::apply(kLoops, kernels::compute_type(out.dtype), out, in, k.threads);
    })
    .portable()
    .strided()
    .elementwise()
    .takes_complex()
    .grad(
        [](const NoAttrs&, const GradArgs& g) -> Values {
          static const OpCall where("where");
          const Value zero = op::full_of(g.out_spec(0), 0.0);
          return {Value{},
                  flow_to(g, 1,
                          [&] {
                            return where({g.in(0), g.dout(), zero});
                          }),
                  flow_to(g, 2, [&] {
                    return where({g.in(0), zero, g.dout()});
                  })};
        },
        op::saves_input(0));

struct ClipAttrs {
  double a_min, a_max;
};
struct clip_fn {
  template <class T>
  PLAIT_FN static T f(T x, T low, T high) {
    return x < low ? low : x > high ? high : x;
  }
};

PLAIT_OP(clip, ClipAttrs)
    .doc("Numbers moved into [a_min, a_max].")
    .input("data", "array of any shape")
    .output("out", "shape and type of data")
    .required_attr("a_min", &ClipAttrs::a_min, "lower bound")
    .required_attr("a_max", &ClipAttrs::a_max, "upper bound")
    .on("nd sym np", "clip")
    .infer([](const ClipAttrs&, const Specs& in) -> Spec { return in[0]; })
    .cpu([](const ClipAttrs& a, const KernelArgs& k) {
      static constexpr kernels::Loops kLoops = kernels::param_loops<clip_fn>();
      const double bounds[] = {a.a_min, a.a_max};
      kernels::apply(kLoops, kernels::compute_type(k.in[0].dtype), k.out[0], k.in, k.threads,
                     bounds);
    })
    .portable()
    .strided()
    .elementwise()
    .grad(
        [](const ClipAttrs& a, const GradArgs& g) -> Values {
          return {g.dout() * greater_equal(g.in(0), a.a_min) * less_equal(g.in(0), a.a_max)};
        },
        op::saves_input(0));

struct SmoothAttrs {
  double scalar;
};
struct smooth_l1_fn {
  template <class T>
  PLAIT_FN static T f(T x, T s2, T) {
    const T a = x < T(0) ? -x : x;
    return a * s2 < T(1) ? T(0.5) * s2 * x * x : a - T(0.5) / s2;
  }
};
struct smooth_l1_slope_fn {
  template <class T>
  PLAIT_FN static T f(T x, T s2, T) {
    const T y = x * s2;
    return y < T(-1) ? T(-1) : y > T(1) ? T(1) : y;
  }
};
template <class F>
void smooth_kernel(const SmoothAttrs& a, const KernelArgs& k) {
  static constexpr kernels::Loops kLoops = {kernels::detail::param_row<F, float>,
                                            kernels::detail::param_row<F, double>, nullptr,
                                            nullptr};
  const double square[] = {a.scalar * a.scalar, 0};
  kernels::apply(kLoops, kernels::compute_type(k.out[0].dtype), k.out[0], k.in, k.threads, square);
}

PLAIT_OP(smooth_l1_slope, SmoothAttrs)
    .doc("Derivative of smooth_l1.")
    .input("data", "floating array")
    .output("out", "shape of data")
    .attr("scalar", &SmoothAttrs::scalar, 1.0, "as in smooth_l1")
    .infer([](const SmoothAttrs&, const Specs& in) -> Spec { return in[0]; })
    .cpu(smooth_kernel<smooth_l1_slope_fn>)
    .portable()
    .strided()
    .elementwise()
    .grad(
        [](const SmoothAttrs& a, const GradArgs& g) -> Values {
          const double s2 = a.scalar * a.scalar;
          return {g.dout() * s2 * less(abs(g.in(0)), 1 / s2)};
        },
        op::saves_input(0));
PLAIT_OP(smooth_l1, SmoothAttrs)
    .doc("0.5 (s x)^2 where |x| < 1 / s^2, else |x| - 0.5 / s^2.")
    .source("R. Girshick: Fast R-CNN (2015)")
    .input("data", "floating array")
    .output("out", "shape of data")
    .attr("scalar", &SmoothAttrs::scalar, 1.0, "s")
    .on("nd sym npx", "smooth_l1")
    .infer([](const SmoothAttrs&, const Specs& in) -> Spec { return in[0]; })
    .cpu(smooth_kernel<smooth_l1_fn>)
    .portable()
    .strided()
    .elementwise()
    .grad(
        [](const SmoothAttrs& a, const GradArgs& g) -> Values {
          static const OpCall slope("smooth_l1_slope", {"scalar"});
          return {g.dout() * slope({g.in(0)}, {a.scalar})};
        },
        op::saves_input(0));

struct SigmoidAttrs {
  double alpha, beta;
};
struct hard_sigmoid_fn {
  template <class T>
  PLAIT_FN static T f(T x, T alpha, T beta) {
    const T y = alpha * x + beta;
    return y < T(0) ? T(0) : y > T(1) ? T(1) : y;
  }
};

PLAIT_OP(hard_sigmoid, SigmoidAttrs)
    .doc("alpha x + beta, moved into [0, 1].")
    .input("data", "floating array")
    .output("out", "shape of data")
    .attr("alpha", &SigmoidAttrs::alpha, 0.2, "slope")
    .attr("beta", &SigmoidAttrs::beta, 0.5, "value at 0")
    .on("nd sym", "hard_sigmoid")
    .infer([](const SigmoidAttrs&, const Specs& in) -> Spec { return in[0]; })
    .cpu([](const SigmoidAttrs& a, const KernelArgs& k) {
      static constexpr kernels::Loops kLoops = {kernels::detail::param_row<hard_sigmoid_fn, float>,
                                                kernels::detail::param_row<hard_sigmoid_fn, double>,
                                                nullptr, nullptr};
      const double line[] = {a.alpha, a.beta};
      kernels::apply(kLoops, kernels::compute_type(k.out[0].dtype), k.out[0], k.in, k.threads,
                     line);
    })
    .portable()
    .strided()
    .elementwise()
    .grad(
        [](const SigmoidAttrs& a, const GradArgs& g) -> Values {
          return {g.dout() * greater(g.out(0), 0.0) * less(g.out(0), 1.0) * a.alpha};
        },
        op::saves_output(0));

struct CountAttrs {
  int64_t num_args;
};
struct plus_fn {
  template <class T>
  PLAIT_FN static T f(T a, T b) {
    return static_cast<T>(a + b);
  }
};

PLAIT_OP(add_n, CountAttrs)
    .doc("Sum of arrays of one shape.")
    .variadic_input("args", "arrays of one shape")
    .output("out", "their sum")
    .attr("num_args", &CountAttrs::num_args, 0, "number of arrays; counted when given")
    .on("nd sym", "add_n")
    .on("nd sym", "ElementWiseSum")
    .on("npx", "add_n")
    .on("nd sym", "_sum")
    .infer([](const CountAttrs&, const Specs& in) -> Spec {
      check(!in.empty(), ErrorKind::kInvalidArgument, "got no arrays, must be at least 1");
      Spec out = in[0];
      for (size_t i = 1; i < in.size(); ++i) {
        check(in[i].shape == out.shape, ErrorKind::kShape, "array ", i, " has shape ", in[i].shape,
              ", must be that of array 0, ", out.shape);
        out.dtype = promote(out.dtype, in[i].dtype);
      }
      return out;
    })
    .cpu([](const CountAttrs&, const KernelArgs& k) {
      static constexpr kernels::Loops kLoops = kernels::binary_loops<plus_fn>();
      const DType type = kernels::compute_type(k.out[0].dtype);
      if (k.in.size() == 1) return kernels::copy(k.in[0], k.out[0], k.threads);
      for (size_t i = 1; i < k.in.size(); ++i) {
        const View pair[2] = {i == 1 ? k.in[0] : k.out[0], k.in[i]};
        kernels::apply(kLoops, type, k.out[0], pair, k.threads);
      }
    })
    .portable()
    .strided()
    .grad(
        [](const CountAttrs&, const GradArgs& g) -> Values {
          Values out;
          for (size_t i = 0; i < g.num_in(); ++i)
            out.push_back(flow_to(g, i, [&] { return g.dout(); }));
          return out;
        },
        op::saves_nothing());

}  // namespace
}  // namespace plait::ops
