#include <algorithm>

#include "kernels/convert.h"
#include "kernels/parallel.h"
#include "op/op.h"
#include "ops/lines.h"

// Places of the largest and smallest elements.
namespace plait::ops {
namespace {

using op::KernelArgs;

std::optional<int64_t> from_front(const std::optional<int64_t>& axis, const Dims& shape) {
  if (!axis) return std::nullopt;
  return normalize_axis(*axis, static_cast<int64_t>(shape.size()));
}

// Calls f(T{}) with a type that holds the numbers of `d` and has arithmetic.
template <class F>
void dispatch_order(DType d, const F& f) {
  switch (kernels::compute_type(d)) {
    case DType::kFloat32: return f(float{});
    case DType::kFloat64: return f(double{});
    default: return f(int64_t{});
  }
}

// One line in the type T.
template <class T>
void read_line(const View& in, const Lines& lines, int64_t line, T* out) {
  const char* x = in.ptr<char>() + lines.start(line) * dtype_size(in.dtype);
  kernels::convert(x, in.dtype, lines.inner, out, dtype_of<T>(), lines.n);
}

struct ArgAttrs {
  std::optional<int64_t> axis;
  bool keepdims;
};
Dims arg_shape(const ArgAttrs& a, const Dims& shape) {
  const auto axis = from_front(a.axis, shape);
  if (!axis) return a.keepdims ? Dims(shape.size(), 1) : Dims{};
  Dims out = shape;
  out[*axis] = 1;
  if (!a.keepdims) out.erase(static_cast<size_t>(*axis));
  return out;
}
template <DType kType>
Spec infer_arg(const ArgAttrs& a, const Specs& in) {
  Dims shape = arg_shape(a, in[0].shape);
  // MXNet has no arrays without axes.
  if (kType == DType::kFloat32 && shape.empty()) shape.push_back(1);
  check(num_elements(shape) == 0 || num_elements(in[0].shape) > 0, ErrorKind::kInvalidArgument,
        "data has shape ", in[0].shape, ", must have elements along axis");
  return {shape, kType};
}

template <bool kLargest>
void arg_kernel(const ArgAttrs& a, const KernelArgs& k) {
  const Lines lines(*k.in[0].shape, a.axis);
  dispatch_order(k.in[0].dtype, [&](auto type) {
    using T = decltype(type);
    const auto better = [](T a, T b) {  // NaN is the extreme, as in min and max
      return (kLargest ? a > b : a < b) || (a != a && b == b);
    };
    const int64_t grain = std::max<int64_t>(1, kernels::kGrain / (lines.n + 1));
    kernels::parallel_for(k.threads, lines.count(), grain, [&](int64_t begin, int64_t end) {
      std::vector<T> line(static_cast<size_t>(lines.n));
      for (int64_t i = begin; i < end; ++i) {
        read_line(k.in[0], lines, i, line.data());
        int64_t best = 0;
        for (int64_t j = 1; j < lines.n; ++j) {
          if (better(line[j], line[best])) best = j;
        }
        kernels::convert(&best, DType::kInt64, 1,
                         k.out[0].ptr<char>() + i * dtype_size(k.out[0].dtype), k.out[0].dtype, 1);
      }
    });
  });
}
Values no_grad(const ArgAttrs&, const op::GradArgs&) { return {Value{}}; }

#define PLAIT_ARG(name, text, result, largest)                                                    \
  PLAIT_OP(name, ArgAttrs)                                                                        \
      .doc(text)                                                                                  \
      .input("data", "array of any shape")                                                        \
      .output("out", "places along axis, the first of equal ones")                                \
      .attr("axis", &ArgAttrs::axis, std::optional<int64_t>(), "axis; None: the flattened array") \
      .attr("keepdims", &ArgAttrs::keepdims, false, "keep the axis with size 1")                  \
      .infer(infer_arg<result>)                                                                   \
      .cpu(arg_kernel<largest>)                                                                   \
      .grad(no_grad, op::saves_nothing())

PLAIT_ARG(argmax, "Place of the largest element, as float32.", DType::kFloat32, true)
    .on("nd sym", "argmax");
PLAIT_ARG(argmin, "Place of the smallest element, as float32.", DType::kFloat32, false)
    .on("nd sym", "argmin");
PLAIT_ARG(np_argmax, "Place of the largest element, as int64.", DType::kInt64, true)
    .on("np", "argmax");
PLAIT_ARG(np_argmin, "Place of the smallest element, as int64.", DType::kInt64, false)
    .on("np", "argmin");

PLAIT_OP(argmax_channel, op::NoAttrs)
    .doc("Place of the largest element along axis 1, as float32.")
    .input("data", "array of shape (n, c, ...)")
    .output("out", "data without axis 1")
    .on("nd sym", "argmax_channel")
    .infer([](const op::NoAttrs&, const Specs& in) -> Spec {
      return infer_arg<DType::kFloat32>({1, false}, in);
    })
    .cpu([](const op::NoAttrs&, const KernelArgs& k) {
      arg_kernel<true>({1, false}, k);
    })
    .grad([](const op::NoAttrs&, const GradArgs&) -> Values { return {Value{}}; },
          op::saves_nothing());

}  // namespace
}  // namespace plait::ops
