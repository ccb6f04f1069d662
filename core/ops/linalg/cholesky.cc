#include <cstring>

#include "ops/linalg/matrices.h"

// Root of positive definite matrices.
namespace plait::ops {
namespace {

using op::KernelArgs;

struct CholeskyAttrs {
  bool upper;
};

template <class T>
T conjugate(T x) {
  if constexpr (std::is_arithmetic_v<T>) {
    return x;
  } else {
    return std::conj(x);
  }
}

void cholesky_kernel(const CholeskyAttrs& attrs, const KernelArgs& k) {
  const Matrices a = matrices_of(k.in[0]);
  const int64_t n = a.n;
  dispatch_field(k.in[0].dtype, [&](auto type) {
    using T = decltype(type);
    each_matrix(a, k.threads, "is not positive definite, must be", [&](int64_t b) {
      T* y = k.out[0].ptr<T>() + b * n * n;
      std::memcpy(y, k.in[0].ptr<T>() + b * n * n, static_cast<size_t>(n * n) * sizeof(T));
      const int64_t info = kernels::lapack::cholesky(n, y);
      for (int64_t i = 0; i < n; ++i) {
        for (int64_t j = i + 1; j < n; ++j) {
          y[i * n + j] = attrs.upper ? conjugate(y[j * n + i]) : T(0);
          if (attrs.upper) y[j * n + i] = 0;
        }
      }
      return info;
    });
  });
}

// With P = tril(L^H dL), its diagonal halved: dA is the Hermitian part of L^-H P L^-1.
Values cholesky_grad(const CholeskyAttrs& a, const GradArgs& g) {
  const Value root = a.upper ? mH(g.out(0)) : g.out(0);
  const Value dout = a.upper ? mT(g.dout()) : conj(g.dout());
  const Value product = mul(mH(root), dout);
  const Value half = (lower(product, 0) + lower(product, -1)) * 0.5;
  const Value left = solved(mH(root), half);          // L^-H P
  const Value both = mH(solved(mH(root), mH(left)));  // L^-H P L^-1
  return {conj(hermitian(both))};
}

PLAIT_OP(cholesky, CholeskyAttrs)
    .doc("Lower triangular L with L L^H = data, or its adjoint.")
    .source("LAPACK potrf; gradient: I. Murray, arXiv:1602.07527 (2016)")
    .input("data",
           "floating or complex array of shape (..., n, n), Hermitian and positive definite; the "
           "lower triangle is read")
    .output("out", "shape of data")
    .on("nd sym", "_linalg_potrf")
    .on("nd sym", "linalg_potrf")
    .on("nd sym", "linalg.potrf")
    .attr("upper", &CholeskyAttrs::upper, false, "give the upper triangular U with U^H U = data")
    .infer([](const CholeskyAttrs&, const Specs& in) -> Spec {
      square_of(in[0]);
      return in[0];
    })
    .cpu(in_float32<cholesky_kernel>())
    .takes_complex()
    .grad(cholesky_grad, op::saves_output(0));

}  // namespace
}  // namespace plait::ops
