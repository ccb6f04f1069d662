#include "kernels/convert.h"
#include "kernels/copy.h"
#include "kernels/fft.h"
#include "op/functions.h"
#include "op/op.h"

// MXNet's transforms, older than its complex numbers: (real, imaginary) pairs lie side by side
// along the last axis, and neither direction divides by the length.
namespace plait::ops {
namespace {

using op::KernelArgs;

struct InterleavedAttrs {
  int64_t compute_size;
};

void check_data(const Specs& in) {
  check(is_floating(in[0].dtype), ErrorKind::kType, "data has dtype ", in[0].dtype,
        ", must be floating");
  check(!in[0].shape.empty() && in[0].shape.back() > 0, ErrorKind::kShape, "data has shape ",
        in[0].shape, ", must have elements along its last axis");
}

Dims with_last(Dims shape, int64_t n) {
  shape.back() = n;
  return shape;
}

DType parts_of(DType d) { return d == DType::kFloat64 ? d : DType::kFloat32; }

// `v` into contiguous complex numbers: pairs as they are, or with `only_real` their real parts.
std::vector<char> complex_numbers(const View& v, bool only_real, int threads) {
  const DType to = only_real ? complex_of(v.dtype) : parts_of(v.dtype);
  std::vector<char> numbers(static_cast<size_t>(v.size() * dtype_size(to)));
  const Dims dense = contiguous_strides(*v.shape);
  kernels::copy(v, {numbers.data(), v.shape, &dense, to, true}, threads);
  return numbers;
}

void transform(std::vector<char>& numbers, int64_t n, bool inverse, DType parts, int threads) {
  const DType type = complex_of(parts);
  const int64_t count = static_cast<int64_t>(numbers.size()) / dtype_size(type);
  kernels::fft({count / n, n, 1, 1.0, inverse}, type, numbers.data(), numbers.data(), threads);
}

Spec infer_forward(const InterleavedAttrs&, const Specs& in) {
  check_data(in);
  return {with_last(in[0].shape, 2 * in[0].shape.back()), in[0].dtype};
}

void forward_kernel(const InterleavedAttrs&, const KernelArgs& k) {
  const DType parts = parts_of(k.in[0].dtype);
  std::vector<char> numbers = complex_numbers(k.in[0], true, k.threads);
  transform(numbers, k.in[0].dim(-1), false, parts, k.threads);
  kernels::convert(numbers.data(), parts, 1, k.out[0].data, k.out[0].dtype, k.out[0].size());
}

Spec infer_inverse(const InterleavedAttrs&, const Specs& in) {
  check_data(in);
  const int64_t n = in[0].shape.back();
  check(n % 2 == 0, ErrorKind::kShape, "data has shape ", in[0].shape,
        ", must have pairs of numbers along its last axis");
  return {with_last(in[0].shape, n / 2), in[0].dtype};
}

void inverse_kernel(const InterleavedAttrs&, const KernelArgs& k) {
  const DType parts = parts_of(k.in[0].dtype);
  std::vector<char> numbers = complex_numbers(k.in[0], false, k.threads);
  transform(numbers, k.out[0].dim(-1), true, parts, k.threads);
  kernels::convert(numbers.data(), parts, 2, k.out[0].data, k.out[0].dtype, k.out[0].size());
}

PLAIT_OP(contrib_fft, InterleavedAttrs)
    .doc(
        "Discrete Fourier transform of real numbers along the last axis, real and imaginary parts "
        "in turn: sum_j x[j] e^(-2 pi i j k / n).")
    .input("data", "floating array (..., n)")
    .output("out", "(..., 2 n)")
    .attr("compute_size", &InterleavedAttrs::compute_size, 128,
          "kept for MXNet's programs; without effect")
    .on("nd sym", "_contrib_fft")
    .on("nd sym", "contrib.fft")
    .infer(infer_forward)
    .cpu(forward_kernel)
    .grad(
        [](const InterleavedAttrs&, const GradArgs& g) -> Values {
          static const OpCall kInverse("contrib_ifft");
          return {kInverse({g.dout()})};
        },
        op::saves_nothing());

PLAIT_OP(contrib_ifft, InterleavedAttrs)
    .doc(
        "Real part of the inverse of contrib.fft times n: sum_k x[k] e^(2 pi i j k / n), for real "
        "and imaginary parts in turn.")
    .input("data", "floating array (..., 2 n)")
    .output("out", "(..., n)")
    .attr("compute_size", &InterleavedAttrs::compute_size, 128,
          "kept for MXNet's programs; without effect")
    .on("nd sym", "_contrib_ifft")
    .on("nd sym", "contrib.ifft")
    .infer(infer_inverse)
    .cpu(inverse_kernel)
    .grad(
        [](const InterleavedAttrs&, const GradArgs& g) -> Values {
          static const OpCall kForward("contrib_fft");
          return {kForward({g.dout()})};
        },
        op::saves_nothing());

}  // namespace
}  // namespace plait::ops
