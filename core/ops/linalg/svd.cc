#include "ops/linalg/matrices.h"

// Singular values.
namespace plait::ops {
namespace {

using op::KernelArgs;

struct SvdAttrs {
  bool full_matrices;
};

template <class T>
int64_t decompose(const SvdAttrs& attrs, const Matrices& a, const T* x, T* u, real_t<T>* s, T* vt) {
  std::vector<T> work(x, x + a.m * a.n);
  return kernels::lapack::svd(a.m, a.n, attrs.full_matrices, work.data(), s, u, vt);
}

// J. Townsend, "Differentiating the singular value decomposition" (2016); for complex numbers
// Z.-Q. Wan, S.-X. Zhang, arXiv:1909.02659 (2019). The phases of singular vectors are arbitrary:
// the gradient is that of functions that do not depend on them.
Values svd_grad(const SvdAttrs& attrs, const GradArgs& g) {
  check(!attrs.full_matrices || g.in_spec(0).shape.back() == g.out_spec(0).shape.back(),
        ErrorKind::kNotImplemented, "gradient with full_matrices, must be reduced");
  const DType type = g.in_spec(0).dtype;
  const bool has_u = g.has_dout(0), has_v = g.has_dout(2);
  const Value u = g.out(0), vt = g.out(2), s = op::cast_to(g.out(1), type);
  const Value column = axis_at(s, -1), row = axis_at(s, -2);
  Value inside = diagonal_of(g.dout(1), type), outside;
  const Value gaps =
      has_u || has_v ? op::cast_to(inverse_gaps(g.out(1) * g.out(1)), type) : Value{};
  if (has_u) {
    const Value du = conj(g.dout(0)), p = mul(mH(u), du), skew = p - mH(p);
    inside = inside + gaps * skew * row;
    // The phases of both vectors of a pair turn together.
    if (has_v && is_complex(type))
      inside = inside + identity_like(row.shape().back(), type) * skew / (row * 2.0);
    outside = mul((du - mul(u, p)) / row, vt);  // what leaves the span of u
  }
  if (has_v) {
    const Value dv = conj(g.dout(2)), p = mul(vt, mH(dv));
    inside = inside + column * (gaps * (p - mH(p)));
    const Value part = mul(u, (dv - mul(mH(p), vt)) / column);
    outside = outside ? outside + part : part;
  }
  const Value total = mul(mul(u, inside), vt);
  return {conj(outside ? total + outside : total)};
}

PLAIT_OP(svd, SvdAttrs)
    .doc("data = u diag(s) vt with orthonormal columns in u and rows in vt.")
    .source("LAPACK gesdd")
    .input("data", "floating or complex array of shape (..., m, n); k = min(m, n)")
    .output("u", "(..., m, k); full: (..., m, m)")
    .output("s", "(..., k), descending, >= 0")
    .output("vt", "(..., k, n); full: (..., n, n)")
    .attr("full_matrices", &SvdAttrs::full_matrices, false, "complete u and vt to square matrices")
    .infer([](const SvdAttrs& attrs, const Specs& in) -> Specs {
      const Matrices a = matrices_of(in[0]);
      const int64_t m = attrs.full_matrices ? a.m : a.k(), n = attrs.full_matrices ? a.n : a.k();
      const DType d = in[0].dtype;
      return {{a.with({a.m, m}), d}, {a.with({a.k()}), real_of(d)}, {a.with({n, a.n}), d}};
    })
    .cpu(in_float32([](const SvdAttrs& attrs, const KernelArgs& k) {
      const Matrices a = matrices_of(k.in[0]);
      const int64_t u = a.m * k.out[0].dim(-1), v = k.out[2].dim(-2) * a.n;
      dispatch_field(k.in[0].dtype, [&](auto type) {
        using T = decltype(type);
        each_matrix(a, k.threads, "has NaN or does not converge", [&](int64_t b) {
          return decompose(attrs, a, k.in[0].ptr<T>() + b * a.m * a.n, k.out[0].ptr<T>() + b * u,
                           k.out[1].ptr<real_t<T>>() + b * a.k(), k.out[2].ptr<T>() + b * v);
        });
      });
    }))
    .takes_complex()
    .grad(svd_grad, op::saves_output(0) | op::saves_output(1) | op::saves_output(2));

}  // namespace
}  // namespace plait::ops
