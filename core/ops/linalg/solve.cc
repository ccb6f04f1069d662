#include <cmath>
#include <cstring>
#include <limits>

#include "ops/linalg/matrices.h"

// Linear equations and inverses, by LU factors with row exchanges.
namespace plait::ops {
namespace {

using op::KernelArgs;
using op::NoAttrs;

constexpr const char* kRegular = "is singular, must be invertible";

template <class T>
void copy_block(const View& from, int64_t b, int64_t n, T* to) {
  if (n) std::memcpy(to, from.ptr<T>() + b * n, static_cast<size_t>(n) * sizeof(T));
}

PLAIT_OP(inverse, NoAttrs)
    .doc("Inverse of square matrices.")
    .source("LAPACK getrf, getri")
    .input("data", "floating or complex array of shape (..., n, n)")
    .output("out", "shape of data")
    .on("nd sym", "_linalg_inverse")
    .on("nd sym", "linalg_inverse")
    .on("nd sym", "linalg.inverse")
    .infer([](const NoAttrs&, const Specs& in) -> Spec {
      square_of(in[0]);
      return in[0];
    })
    .cpu(in_float32([](const NoAttrs&, const KernelArgs& k) {
      const Matrices a = matrices_of(k.in[0]);
      dispatch_field(k.in[0].dtype, [&](auto type) {
        using T = decltype(type);
        each_matrix(a, k.threads, kRegular, [&](int64_t b) {
          T* y = k.out[0].ptr<T>() + b * a.n * a.n;
          copy_block(k.in[0], b, a.n * a.n, y);
          return kernels::lapack::inverse(a.n, y);
        });
      });
    }))
    .takes_complex()
    .grad(
        [](const NoAttrs&, const GradArgs& g) -> Values {
          const Value t = mT(g.out(0));
          return {-mul(mul(t, g.dout()), t)};
        },
        op::saves_output(0));

PLAIT_OP(solve, NoAttrs)
    .doc("x with a x = b, for square matrices.")
    .source("LAPACK gesv")
    .input("a", "floating or complex array of shape (..., n, n)")
    .input("b", "(..., n, k), with the leading axes and the dtype of a")
    .output("out", "shape of b")
    .infer([](const NoAttrs&, const Specs& in) -> Spec {
      const Matrices a = square_of(in[0], "a"), b = matrices_of(in[1], "b");
      check(a.batch == b.batch && a.n == b.m, ErrorKind::kShape, "b has shape ", in[1].shape,
            ", must have the leading axes and the rows of a, ", in[0].shape);
      check(in[0].dtype == in[1].dtype, ErrorKind::kType, "b has dtype ", in[1].dtype, ", must be ",
            in[0].dtype, " as a");
      return in[1];
    })
    .cpu(in_float32([](const NoAttrs&, const KernelArgs& k) {
      const Matrices a = matrices_of(k.in[0]);
      const int64_t columns = k.in[1].dim(-1);
      dispatch_field(k.in[0].dtype, [&](auto type) {
        using T = decltype(type);
        each_matrix(a, k.threads, kRegular, [&](int64_t b) {
          std::vector<T> factors(static_cast<size_t>(a.n * a.n));
          copy_block(k.in[0], b, a.n * a.n, factors.data());
          T* y = k.out[0].ptr<T>() + b * a.n * columns;
          copy_block(k.in[1], b, a.n * columns, y);
          return kernels::lapack::solve(a.n, columns, factors.data(), y);
        });
      });
    }))
    .takes_complex()
    .grad(
        [](const NoAttrs&, const GradArgs& g) -> Values {
          const Value db = solved(mT(g.in(0)), g.dout());
          return {-mul(db, mT(g.out(0))), db};
        },
        op::saves_input(0) | op::saves_output(0));

// Sign and logarithm of the absolute value of the determinant from the LU factors.
template <class T>
void sign_and_log(int64_t n, T* a, T& sign, real_t<T>& log) {
  std::vector<int32_t> pivot(static_cast<size_t>(n));
  sign = 1;
  log = 0;
  if (kernels::lapack::lu(n, a, pivot.data()) > 0) {
    sign = 0;
    log = -std::numeric_limits<real_t<T>>::infinity();
    return;
  }
  for (int64_t i = 0; i < n; ++i) {
    const T d = a[i * n + i];
    const real_t<T> size = std::abs(d);
    if (pivot[static_cast<size_t>(i)] != i + 1) sign = -sign;
    sign *= d / size;
    log += std::log(size);
  }
}

template <bool kSplit>
void det_kernel(const NoAttrs&, const KernelArgs& k) {
  const Matrices a = matrices_of(k.in[0]);
  dispatch_field(k.in[0].dtype, [&](auto type) {
    using T = decltype(type);
    each_matrix(a, k.threads, "", [&](int64_t b) {
      std::vector<T> factors(static_cast<size_t>(a.n * a.n));
      copy_block(k.in[0], b, a.n * a.n, factors.data());
      T sign;
      real_t<T> log;
      sign_and_log(a.n, factors.data(), sign, log);
      k.out[0].ptr<T>()[b] = kSplit ? sign : sign * std::exp(log);
      if (kSplit) k.out[1].ptr<real_t<T>>()[b] = log;
      return int64_t{0};
    });
  });
}

// `v` of the batch times the transposed inverse of the data.
Value along_inverse(const GradArgs& g, const Value& v) {
  return axis_at(axis_at(v, -1), -1) * mT(inverted(g.in(0)));
}

// With z = tr(A^-1 dA): d log|det| is the real part of z, d sign = i sign times its imaginary part.
Values slogdet_grad(const NoAttrs&, const GradArgs& g) {
  static const OpCall complex("complex"), imag("imag");
  const DType type = g.in_spec(0).dtype;
  if (is_complex(type) && g.has_dout(0)) {
    return {along_inverse(g, complex({g.dout(1), imag({g.dout(0) * g.out(0)})}))};
  }
  return {along_inverse(g, op::cast_to(g.dout(1), type))};
}

PLAIT_OP(det, NoAttrs)
    .doc("Determinant of square matrices.")
    .source("LAPACK getrf")
    .input("data", "floating or complex array of shape (..., n, n)")
    .output("out", "the leading axes")
    .on("nd sym", "_linalg_det")
    .on("nd sym", "linalg_det")
    .on("nd sym", "linalg.det")
    .infer([](const NoAttrs&, const Specs& in) -> Spec {
      return {square_of(in[0]).batch, in[0].dtype};
    })
    .cpu(in_float32<det_kernel<false>>())
    .takes_complex()
    .grad([](const NoAttrs&,
             const GradArgs& g) -> Values { return {along_inverse(g, g.dout() * g.out(0))}; },
          op::saves_inputs() | op::saves_output(0));

PLAIT_OP(slogdet, NoAttrs)
    .doc("Sign of the determinant, and logarithm of its absolute value.")
    .source("LAPACK getrf")
    .input("data", "floating or complex array of shape (..., n, n)")
    .output("sign", "the leading axes; 0, or of absolute value 1")
    .output("logabsdet", "the leading axes; -inf for singular matrices")
    .on("nd sym", "_linalg_slogdet")
    .on("nd sym", "linalg_slogdet")
    .on("nd sym", "linalg.slogdet")
    .infer([](const NoAttrs&, const Specs& in) -> Specs {
      const Dims batch = square_of(in[0]).batch;
      return {{batch, in[0].dtype}, {batch, real_of(in[0].dtype)}};
    })
    .cpu(in_float32<det_kernel<true>>())
    .takes_complex()
    .grad(slogdet_grad, op::saves_inputs() | op::saves_output(0));

}  // namespace
}  // namespace plait::ops
