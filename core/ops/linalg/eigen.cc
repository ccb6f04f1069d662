#include <cstring>

#include "ops/linalg/matrices.h"

// Eigenvalues and eigenvectors.
namespace plait::ops {
namespace {

using op::KernelArgs;
using op::NoAttrs;

constexpr const char* kNoEigen =
    "does not converge or has complex eigenvalues, must have real ones\n"
    "  hint: convert real data to complex64 or complex128";

struct EighAttrs {
  bool upper;
};

// dA = V (diag(dw) + F * (V^H dV)) V^H with F_ij = 1 / (w_j - w_i); its Hermitian part, as only one
// triangle is read. M. Giles, "Collected matrix derivative results" (2008), 3.1.
Values eigh_grad(const EighAttrs&, const GradArgs& g) {
  const DType type = g.in_spec(0).dtype;
  const Value v = g.out(1);
  Value inside = diagonal_of(g.dout(0), type);
  if (g.has_dout(1)) {
    const Value gaps = op::cast_to(inverse_gaps(g.out(0)), type);
    inside = inside + gaps * mul(mH(v), conj(g.dout(1)));
  }
  return {conj(hermitian(mul(mul(v, inside), mH(v))))};
}

// dA = V^-H (diag(dw) + conj(F) * (P - V^H V diag(Re P))) V^H with P = V^H dV and F as above.
// C. Boeddeker et al., arXiv:1701.00392 (2017), 4.8, for eigenvectors of length 1.
Values eig_grad(const NoAttrs&, const GradArgs& g) {
  const DType type = g.in_spec(0).dtype;
  const Value v = g.out(1);
  Value inside = diagonal_of(conj(g.dout(0)), type);
  if (g.has_dout(1)) {
    const Value p = mul(mH(v), conj(g.dout(1)));
    const Value one = identity_like(v.shape().back(), type);
    const Value along = mul(mul(mH(v), v), one * op::cast_to(real(p), type));
    inside = inside + conj(inverse_gaps(g.out(0))) * (p - along);
  }
  return {conj(solved(mH(v), mul(inside, mH(v))))};
}

PLAIT_OP(eigh, EighAttrs)
    .doc("Eigenvalues and orthonormal eigenvectors of Hermitian matrices.")
    .source("LAPACK syevd, heevd")
    .input("data", "floating or complex array of shape (..., n, n); one triangle is read")
    .output("w", "(..., n), ascending")
    .output("v", "(..., n, n); column i belongs to w[i]")
    .attr("upper", &EighAttrs::upper, false, "read the upper triangle instead of the lower")
    .infer([](const EighAttrs&, const Specs& in) -> Specs {
      const Matrices a = square_of(in[0]);
      return {{a.with({a.n}), real_of(in[0].dtype)}, in[0]};
    })
    .cpu(in_float32([](const EighAttrs& attrs, const KernelArgs& k) {
      const Matrices a = matrices_of(k.in[0]);
      const int64_t n = a.n;
      dispatch_field(k.in[0].dtype, [&](auto type) {
        using T = decltype(type);
        each_matrix(a, k.threads, "has NaN or does not converge", [&](int64_t b) {
          T* v = k.out[1].ptr<T>() + b * n * n;
          std::memcpy(v, k.in[0].ptr<T>() + b * n * n, static_cast<size_t>(n * n) * sizeof(T));
          return kernels::lapack::hermitian_eigen(n, attrs.upper, v,
                                                  k.out[0].ptr<real_t<T>>() + b * n);
        });
      });
    }))
    .takes_complex()
    .grad(eigh_grad, op::saves_output(0) | op::saves_output(1));

PLAIT_OP(eig, NoAttrs)
    .doc("Eigenvalues and eigenvectors of square matrices; those of real ones must be real.")
    .source("LAPACK geev")
    .input("data", "floating or complex array of shape (..., n, n)")
    .output("w", "(..., n)")
    .output("v", "(..., n, n); column i belongs to w[i] and has length 1")
    .infer([](const NoAttrs&, const Specs& in) -> Specs {
      const Matrices a = square_of(in[0]);
      return {{a.with({a.n}), in[0].dtype}, in[0]};
    })
    .cpu(in_float32([](const NoAttrs&, const KernelArgs& k) {
      const Matrices a = matrices_of(k.in[0]);
      const int64_t n = a.n;
      dispatch_field(k.in[0].dtype, [&](auto type) {
        using T = decltype(type);
        each_matrix(a, k.threads, kNoEigen, [&](int64_t b) {
          const T* x = k.in[0].ptr<T>() + b * n * n;
          std::vector<T> work(x, x + n * n);
          return kernels::lapack::eigen(n, work.data(), k.out[0].ptr<T>() + b * n,
                                        k.out[1].ptr<T>() + b * n * n);
        });
      });
    }))
    .takes_complex()
    .grad(eig_grad, op::saves_output(0) | op::saves_output(1));

}  // namespace
}  // namespace plait::ops
