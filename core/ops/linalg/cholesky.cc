#include <cstring>

#include "ops/linalg/matrices.h"

// Root of positive definite matrices.
namespace plait::ops {
namespace {

using op::KernelArgs;

struct CholeskyAttrs {
  bool upper;
};

void cholesky_kernel(const CholeskyAttrs& attrs, const KernelArgs& k) {
  const Matrices a = matrices_of(k.in[0]);
  const int64_t n = a.n;
  dispatch_real(k.in[0].dtype, [&](auto type) {
    using T = decltype(type);
    each_matrix(a, k.threads, "is not positive definite, must be", [&](int64_t b) {
      T* y = k.out[0].ptr<T>() + b * n * n;
      std::memcpy(y, k.in[0].ptr<T>() + b * n * n, static_cast<size_t>(n * n) * sizeof(T));
      const int64_t info = kernels::lapack::cholesky(n, y);
      for (int64_t i = 0; i < n; ++i) {
        for (int64_t j = i + 1; j < n; ++j) {
          y[i * n + j] = attrs.upper ? y[j * n + i] : T(0);
          if (attrs.upper) y[j * n + i] = 0;
        }
      }
      return info;
    });
  });
}

// With P = tril(L^T dL), its diagonal halved: dA is the symmetric part of L^-T P L^-1.
Values cholesky_grad(const CholeskyAttrs& a, const GradArgs& g) {
  const Value root = a.upper ? mT(g.out(0)) : g.out(0);
  const Value dout = a.upper ? mT(g.dout()) : g.dout();
  const Value product = mul(mT(root), dout);
  const Value half = (lower(product, 0) + lower(product, -1)) * 0.5;
  const Value left = solved(mT(root), half);          // L^-T P
  const Value both = mT(solved(mT(root), mT(left)));  // L^-T P L^-1
  return {(both + mT(both)) * 0.5};
}

PLAIT_OP(cholesky, CholeskyAttrs)
    .doc("Lower triangular L with L L^T = data, or its transpose.")
    .source("LAPACK potrf; gradient: I. Murray, arXiv:1602.07527 (2016)")
    .input("data",
           "floating array of shape (..., n, n), symmetric and positive definite; the "
           "lower triangle is read")
    .output("out", "shape of data")
    .on("nd sym", "_linalg_potrf")
    .on("nd sym", "linalg_potrf")
    .on("nd sym", "linalg.potrf")
    .attr("upper", &CholeskyAttrs::upper, false, "give the upper triangular U with U^T U = data")
    .infer([](const CholeskyAttrs&, const Specs& in) -> Spec {
      square_of(in[0]);
      return in[0];
    })
    .cpu(cholesky_kernel)
    .grad(cholesky_grad, op::saves_output(0));

}  // namespace
}  // namespace plait::ops
