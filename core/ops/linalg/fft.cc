#include "kernels/fft.h"

#include <cmath>

#include "kernels/copy.h"
#include "op/functions.h"
#include "op/op.h"
#include "ops/elementwise/binary.h"
#include "ops/lines.h"

// Discrete Fourier transforms. They are linear, and their matrices symmetric: the gradient of a
// transform is the same transform of what flows back (in the convention of elementwise/complex.cc).
namespace plait::ops {
namespace {

using op::AttrValue;
using op::KernelArgs;

double scale_of(const std::string& norm, bool inverse, int64_t n) {
  const double count = static_cast<double>(n);
  if (norm == "ortho") return 1 / std::sqrt(count);
  return (norm == "backward") == inverse ? 1 / count : 1;
}

kernels::Fft lines_along(const Dims& shape, int64_t axis, int64_t n) {
  const Lines lines(shape, axis);
  kernels::Fft f;
  f.outer = lines.outer;
  f.inner = lines.inner;
  f.n = n;
  return f;
}

struct FftAttrs {
  Dims axes;
  bool inverse;
  std::string norm;
};

Spec infer_fft(const FftAttrs& a, const Specs& in) {
  check(!a.axes.empty(), ErrorKind::kInvalidArgument, "axes is (), must name an axis");
  for (int64_t axis : a.axes) {
    const int64_t i = normalize_axis(axis, static_cast<int64_t>(in[0].shape.size()), "axes");
    check(in[0].shape[i] > 0, ErrorKind::kShape, "data has shape ", in[0].shape,
          ", must have elements along axis ", axis);
  }
  return {in[0].shape, complex_of(in[0].dtype)};
}

void fft_kernel(const FftAttrs& a, const KernelArgs& k) {
  const View& out = k.out[0];
  const void* from = k.in[0].data;
  if (k.in[0].dtype != out.dtype) {
    kernels::copy(k.in[0], out, k.threads);
    from = out.data;
  }
  for (int64_t axis : a.axes) {
    const int64_t i = normalize_axis(axis, out.ndim(), "axes");
    kernels::Fft f = lines_along(*out.shape, i, out.dim(i));
    f.inverse = a.inverse;
    f.scale = scale_of(a.norm, a.inverse, f.n);
    kernels::fft(f, out.dtype, from, out.data, k.threads);
    from = out.data;
  }
}

PLAIT_OP(fft, FftAttrs)
    .doc("Discrete Fourier transform: sum_j x[j] e^(-2 pi i j k / n) along axes; + for inverse.")
    .source(
        "Cooley, Tukey: An algorithm for the machine calculation of complex Fourier series, 1965")
    .input("data", "array with the axes; real numbers become complex ones")
    .output("out", "shape of data; complex64, or complex128 for float64 and complex128")
    .attr("axes", &FftAttrs::axes, Dims{-1}, "axes, one after another")
    .attr("inverse", &FftAttrs::inverse, false, "the inverse transform")
    .attr("norm", &FftAttrs::norm, "backward",
          "what is divided by the length n: 'backward' the inverse transform, 'forward' the other "
          "one, 'ortho' both by its root")
    .choices({"backward", "forward", "ortho"})
    .infer(infer_fft)
    .cpu(fft_kernel)
    .takes_complex()
    .grad(
        [](const FftAttrs& a, const GradArgs& g) -> Values {
          static const OpCall kFft("fft", {"axes", "inverse", "norm"});
          return {flow_to(g, 0, [&] { return kFft({g.dout()}, {a.axes, a.inverse, a.norm}); })};
        },
        op::saves_nothing());

struct RealAttrs {
  int64_t axis;
  std::string norm;
  int64_t n;
};

Dims with_size(Dims shape, int64_t axis, int64_t n) {
  shape[axis] = n;
  return shape;
}

Spec infer_rfft(const RealAttrs& a, const Specs& in) {
  const Dims& shape = in[0].shape;
  const int64_t axis = normalize_axis(a.axis, static_cast<int64_t>(shape.size()));
  check(is_floating(in[0].dtype), ErrorKind::kType, "data has dtype ", in[0].dtype,
        ", must be floating");
  check(shape[axis] > 0, ErrorKind::kShape, "data has shape ", shape,
        ", must have elements along axis ", a.axis);
  return {with_size(shape, axis, shape[axis] / 2 + 1), complex_of(in[0].dtype)};
}

// The array in `type` and contiguous: itself, or a copy in `space`.
const void* converted(const View& v, DType type, std::vector<char>& space, int threads) {
  if (v.dtype == type) return v.data;
  space.resize(static_cast<size_t>(v.size() * dtype_size(type)));
  const Dims dense = contiguous_strides(*v.shape);
  kernels::copy(v, {space.data(), v.shape, &dense, type, true}, threads);
  return space.data();
}

void rfft_kernel(const RealAttrs& a, const KernelArgs& k) {
  const View& in = k.in[0];
  const int64_t axis = normalize_axis(a.axis, in.ndim());
  kernels::Fft f = lines_along(*in.shape, axis, in.dim(axis));
  f.scale = scale_of(a.norm, false, f.n);
  std::vector<char> space;
  const DType real = real_of(k.out[0].dtype);
  kernels::fft_of_real(f, real, converted(in, real, space, k.threads), k.out[0].data, k.threads);
}

// The missing half of what flows back is 0: the transform sums over the half that there is.
Values rfft_grad(const RealAttrs& a, const GradArgs& g) {
  static const OpCall kFft("fft", {"axes", "norm"}), kConcat("concat", {"dim"});
  return {flow_to(g, 0, [&] {
    const Dims& shape = g.in_spec(0).shape;
    const int64_t axis = normalize_axis(a.axis, static_cast<int64_t>(shape.size()));
    const int64_t rest = shape[axis] - g.out_spec(0).shape[axis];
    Value whole = g.dout();
    if (rest > 0) {
      const Value zeros = op::full_of({with_size(shape, axis, rest), whole.dtype()}, 0.0);
      whole = kConcat({whole, zeros}, {axis});
    }
    return kFft({whole}, {Dims{axis}, a.norm});
  })};
}

PLAIT_OP(rfft, RealAttrs)
    .doc("The first half of the Fourier transform of real numbers; the rest are its conjugates.")
    .input("data", "floating array with the axis, of n elements")
    .output("out", "n / 2 + 1 elements along axis; complex64, or complex128 for float64")
    .attr("axis", &RealAttrs::axis, -1, "axis of the transform")
    .attr("norm", &RealAttrs::norm, "backward", "as for fft")
    .choices({"backward", "forward", "ortho"})
    .infer(infer_rfft)
    .cpu(rfft_kernel)
    .takes_complex()
    .grad(rfft_grad, op::saves_nothing());

Spec infer_irfft(const RealAttrs& a, const Specs& in) {
  const Dims& shape = in[0].shape;
  const int64_t axis = normalize_axis(a.axis, static_cast<int64_t>(shape.size()));
  check(is_complex(in[0].dtype), ErrorKind::kType, "data has dtype ", in[0].dtype,
        ", must be complex");
  check(a.n >= 1 && shape[axis] == a.n / 2 + 1, ErrorKind::kInvalidArgument, "n is ", a.n,
        ", must be >= 1 with n / 2 + 1 elements in data, of shape ", shape, ", along axis ",
        a.axis);
  return {with_size(shape, axis, a.n), real_of(in[0].dtype)};
}

void irfft_kernel(const RealAttrs& a, const KernelArgs& k) {
  const int64_t axis = normalize_axis(a.axis, k.in[0].ndim());
  kernels::Fft f = lines_along(*k.in[0].shape, axis, a.n);
  f.scale = scale_of(a.norm, true, f.n);
  kernels::fft_to_real(f, k.out[0].dtype, k.in[0].data, k.out[0].data, k.threads);
}

// Each number counts twice, also as the conjugate that is missing, but those without one.
Values irfft_grad(const RealAttrs& a, const GradArgs& g) {
  static const OpCall kRfft("rfft", {"axis", "norm"}), kConj("conj"), kConcat("concat", {"dim"});
  const Dims& shape = g.in_spec(0).shape;
  const int64_t axis = normalize_axis(a.axis, static_cast<int64_t>(shape.size()));
  const DType real = g.out_spec(0).dtype;
  const auto part = [&](int64_t size, double value) {
    return op::full_of({with_size(Dims(shape.size(), 1), axis, size), real}, value);
  };
  const int64_t alone = a.n % 2 == 0 && a.n > 1 ? 2 : 1;
  op::Values parts{part(1, 1.0)};
  if (shape[axis] > alone) parts.push_back(part(shape[axis] - alone, 2.0));
  if (alone == 2) parts.push_back(part(1, 1.0));
  const AttrValue dim[] = {axis};
  const Value times = kConcat.all({parts.data(), parts.size()}, dim)[0];
  // The transform backward has the other factor: what is divided there is not divided here.
  const char* norm = a.norm == "backward" ? "forward" : a.norm == "forward" ? "backward" : "ortho";
  return {kConj({kRfft({g.dout()}, {axis, std::string(norm)})}) * times};
}

PLAIT_OP(irfft, RealAttrs)
    .doc("Real numbers from the first half of their Fourier transform: the inverse of rfft.")
    .input("data", "complex array with n / 2 + 1 elements along axis")
    .output("out", "n elements along axis; float32, or float64 for complex128")
    .attr("axis", &RealAttrs::axis, -1, "axis of the transform")
    .attr("norm", &RealAttrs::norm, "backward", "as for fft")
    .choices({"backward", "forward", "ortho"})
    .required_attr("n", &RealAttrs::n, "number of results along axis")
    .infer(infer_irfft)
    .cpu(irfft_kernel)
    .takes_complex()
    .grad(irfft_grad, op::saves_nothing());

}  // namespace
}  // namespace plait::ops
