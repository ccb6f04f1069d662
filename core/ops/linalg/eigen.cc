#include <cstring>

#include "ops/linalg/matrices.h"

// Eigenvalues and eigenvectors.
namespace plait::ops {
namespace {

using op::KernelArgs;
using op::NoAttrs;

struct EighAttrs {
  bool upper;
};

// dA = V (diag(dw) + F * (V^T dV)) V^T with F_ij = 1 / (w_j - w_i); its symmetric part, as only one
// triangle is read. M. Giles, "Collected matrix derivative results" (2008), 3.1.
Values eigh_grad(const EighAttrs&, const GradArgs& g) {
  const Matrices a = matrices_of(g.in_spec(0));
  const Value v = g.out(1);
  Value inside = identity_like(a.n, g.in_spec(0).dtype) * axis_at(g.dout(0), -2);
  if (g.has_dout(1)) inside = inside + inverse_gaps(g.out(0)) * mul(mT(v), g.dout(1));
  const Value full = mul(mul(v, inside), mT(v));
  return {(full + mT(full)) * 0.5};
}

PLAIT_OP(eigh, EighAttrs)
    .doc("Eigenvalues and orthonormal eigenvectors of symmetric matrices.")
    .source("LAPACK syevd")
    .input("data", "floating array of shape (..., n, n); one triangle is read")
    .output("w", "(..., n), ascending")
    .output("v", "(..., n, n); column i belongs to w[i]")
    .attr("upper", &EighAttrs::upper, false, "read the upper triangle instead of the lower")
    .infer([](const EighAttrs&, const Specs& in) -> Specs {
      const Matrices a = square_of(in[0]);
      return {{a.with({a.n}), in[0].dtype}, in[0]};
    })
    .cpu([](const EighAttrs& attrs, const KernelArgs& k) {
      const Matrices a = matrices_of(k.in[0]);
      const int64_t n = a.n;
      dispatch_real(k.in[0].dtype, [&](auto type) {
        using T = decltype(type);
        each_matrix(a, k.threads, "has NaN or does not converge", [&](int64_t b) {
          T* v = k.out[1].ptr<T>() + b * n * n;
          std::memcpy(v, k.in[0].ptr<T>() + b * n * n, static_cast<size_t>(n * n) * sizeof(T));
          return kernels::lapack::symmetric_eigen(n, attrs.upper, v, k.out[0].ptr<T>() + b * n);
        });
      });
    })
    .grad(eigh_grad, op::saves_output(0) | op::saves_output(1));

PLAIT_OP(eig, NoAttrs)
    .doc("Eigenvalues and eigenvectors of square matrices whose eigenvalues are real.")
    .source("LAPACK geev")
    .input("data", "floating array of shape (..., n, n)")
    .output("w", "(..., n)")
    .output("v", "(..., n, n); column i belongs to w[i] and has length 1")
    .infer([](const NoAttrs&, const Specs& in) -> Specs {
      const Matrices a = square_of(in[0]);
      return {{a.with({a.n}), in[0].dtype}, in[0]};
    })
    .cpu([](const NoAttrs&, const KernelArgs& k) {
      const Matrices a = matrices_of(k.in[0]);
      const int64_t n = a.n;
      dispatch_real(k.in[0].dtype, [&](auto type) {
        using T = decltype(type);
        const char* rule = "does not converge or has complex eigenvalues, must have real ones";
        each_matrix(a, k.threads, rule, [&](int64_t b) {
          const T* x = k.in[0].ptr<T>() + b * n * n;
          std::vector<T> work(x, x + n * n), imaginary(static_cast<size_t>(n));
          const int64_t info =
              kernels::lapack::eigen(n, work.data(), k.out[0].ptr<T>() + b * n, imaginary.data(),
                                     k.out[1].ptr<T>() + b * n * n);
          const bool complex =
              std::any_of(imaginary.begin(), imaginary.end(), [](T i) { return i != 0; });
          return complex ? int64_t{1} : info;
        });
      });
    });

}  // namespace
}  // namespace plait::ops
