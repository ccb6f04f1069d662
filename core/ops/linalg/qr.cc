#include <cstring>

#include "ops/linalg/matrices.h"

// Factors with orthonormal columns.
namespace plait::ops {
namespace {

using op::KernelArgs;

struct QrAttrs {
  std::string mode;
};

template <class T>
int64_t factor(const QrAttrs& attrs, const Matrices& a, const T* x, T* q, T* r) {
  std::vector<T> work(x, x + a.m * a.n);
  if (attrs.mode == "complete") {
    return kernels::lapack::qr_complete(a.m, a.n, work.data(), q, r);
  }
  const int64_t info = kernels::lapack::qr(a.m, a.n, work.data(), r);
  for (int64_t i = 0; i < a.m; ++i) {
    std::memcpy(q + i * a.k(), work.data() + i * a.n, static_cast<size_t>(a.k()) * sizeof(T));
  }
  return info;
}

// J. Liao et al., arXiv:1903.09650 (2019): with M = R dR^H - dQ^H Q and copyltu(M) the Hermitian
// matrix of its lower triangle, dA = (dQ + Q copyltu(M)) R^-H.
Values qr_grad(const QrAttrs& attrs, const GradArgs& g) {
  const Matrices a = matrices_of(g.in_spec(0));
  check(a.m >= a.n && (attrs.mode == "reduced" || a.m == a.n), ErrorKind::kNotImplemented,
        "gradient for data of shape ", g.in_spec(0).shape,
        ", must have at least as many rows as columns, and mode 'reduced'");
  const Value q = g.out(0), r = g.out(1), dq = conj(g.dout(0));
  const Value m = mul(r, mT(g.dout(1))) - mul(mH(dq), q);
  const Value half = (lower(m, 0) + lower(m, -1)) * 0.5;
  const Value b = dq + mul(q, half + mH(half));
  return {mT(solved(r, mT(conj(b))))};
}

PLAIT_OP(qr, QrAttrs)
    .doc("data = q r with orthonormal columns in q and an upper triangular r.")
    .source("LAPACK geqrf, orgqr, ungqr")
    .input("data", "floating or complex array of shape (..., m, n); k = min(m, n)")
    .output("q", "(..., m, k); complete: (..., m, m)")
    .output("r", "(..., k, n); complete: (..., m, n)")
    .attr("mode", &QrAttrs::mode, "reduced", "size of the factors")
    .choices({"reduced", "complete"})
    .infer([](const QrAttrs& attrs, const Specs& in) -> Specs {
      const Matrices a = matrices_of(in[0]);
      const int64_t k = attrs.mode == "complete" ? a.m : a.k();
      return {{a.with({a.m, k}), in[0].dtype}, {a.with({k, a.n}), in[0].dtype}};
    })
    .cpu(in_float32([](const QrAttrs& attrs, const KernelArgs& k) {
      const Matrices a = matrices_of(k.in[0]);
      const int64_t columns = k.out[0].dim(-1);
      dispatch_field(k.in[0].dtype, [&](auto type) {
        using T = decltype(type);
        each_matrix(a, k.threads, "has no factors", [&](int64_t b) {
          return factor(attrs, a, k.in[0].ptr<T>() + b * a.m * a.n,
                        k.out[0].ptr<T>() + b * a.m * columns,
                        k.out[1].ptr<T>() + b * columns * a.n);
        });
      });
    }))
    .takes_complex()
    .grad(qr_grad, op::saves_output(0) | op::saves_output(1));

}  // namespace
}  // namespace plait::ops
