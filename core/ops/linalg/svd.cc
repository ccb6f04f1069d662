#include "ops/linalg/matrices.h"

// Singular values.
namespace plait::ops {
namespace {

using op::KernelArgs;

struct SvdAttrs {
  bool full_matrices;
};

template <class T>
int64_t decompose(const SvdAttrs& attrs, const Matrices& a, const T* x, T* u, T* s, T* vt) {
  std::vector<T> work(x, x + a.m * a.n);
  return kernels::lapack::svd(a.m, a.n, attrs.full_matrices, work.data(), s, u, vt);
}

// J. Townsend, "Differentiating the singular value decomposition" (2016).
Values svd_grad(const SvdAttrs& attrs, const GradArgs& g) {
  check(!attrs.full_matrices || g.in_spec(0).shape.back() == g.out_spec(0).shape.back(),
        ErrorKind::kNotImplemented, "gradient with full_matrices, must be reduced");
  const Matrices a = matrices_of(g.in_spec(0));
  const Value u = g.out(0), s = g.out(1), vt = g.out(2), column = axis_at(s, -1),
              row = axis_at(s, -2);
  Value inside = identity_like(a.k(), g.in_spec(0).dtype) * axis_at(g.dout(1), -2);
  Value outside;
  const Value gaps = g.has_dout(0) || g.has_dout(2) ? inverse_gaps(s * s) : Value{};
  if (g.has_dout(0)) {
    const Value p = mul(mT(u), g.dout(0));
    inside = inside + gaps * (p - mT(p)) * row;
    const Value rest = (g.dout(0) - mul(u, p)) / row;  // what leaves the span of u
    outside = mul(rest, vt);
  }
  if (g.has_dout(2)) {
    const Value p = mul(vt, mT(g.dout(2)));
    inside = inside + column * (gaps * (p - mT(p)));
    const Value rest = (g.dout(2) - mul(mT(p), vt)) / column;
    const Value part = mul(u, rest);
    outside = outside ? outside + part : part;
  }
  const Value total = mul(mul(u, inside), vt);
  return {outside ? total + outside : total};
}

PLAIT_OP(svd, SvdAttrs)
    .doc("data = u diag(s) vt with orthonormal columns in u and rows in vt.")
    .source("LAPACK gesdd")
    .input("data", "floating array of shape (..., m, n); k = min(m, n)")
    .output("u", "(..., m, k); full: (..., m, m)")
    .output("s", "(..., k), descending, >= 0")
    .output("vt", "(..., k, n); full: (..., n, n)")
    .attr("full_matrices", &SvdAttrs::full_matrices, false, "complete u and vt to square matrices")
    .infer([](const SvdAttrs& attrs, const Specs& in) -> Specs {
      const Matrices a = matrices_of(in[0]);
      const int64_t m = attrs.full_matrices ? a.m : a.k(), n = attrs.full_matrices ? a.n : a.k();
      const DType d = in[0].dtype;
      return {{a.with({a.m, m}), d}, {a.with({a.k()}), d}, {a.with({n, a.n}), d}};
    })
    .cpu([](const SvdAttrs& attrs, const KernelArgs& k) {
      const Matrices a = matrices_of(k.in[0]);
      const int64_t u = a.m * k.out[0].dim(-1), v = k.out[2].dim(-2) * a.n;
      dispatch_real(k.in[0].dtype, [&](auto type) {
        using T = decltype(type);
        each_matrix(a, k.threads, "has NaN or does not converge", [&](int64_t b) {
          return decompose(attrs, a, k.in[0].ptr<T>() + b * a.m * a.n, k.out[0].ptr<T>() + b * u,
                           k.out[1].ptr<T>() + b * a.k(), k.out[2].ptr<T>() + b * v);
        });
      });
    })
    .grad(svd_grad, op::saves_output(0) | op::saves_output(1) | op::saves_output(2));

}  // namespace
}  // namespace plait::ops
