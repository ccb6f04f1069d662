#include "kernels/gemm.h"
#include "ops/linalg/matrices.h"

// Products of matrices and triangular systems, by the names of BLAS. All work on batches.
namespace plait::ops {
namespace {

using op::AttrValue;
using op::KernelArgs;

struct BlasAttrs {
  bool transpose_a, transpose_b, transpose, rightside, lower;
  double alpha, beta;
  int64_t axis;
};

void check_same(const Specs& in) {
  for (const Spec& s : in) {
    check(s.dtype == in[0].dtype, ErrorKind::kType, "an input has dtype ", s.dtype, ", must be ",
          in[0].dtype, " as the first");
  }
}

struct Product {
  Matrices a, b;
  int64_t m, n, k;

  Product(const BlasAttrs& t, const Spec& sa, const Spec& sb)
      : a(matrices_of(sa, "A")), b(matrices_of(sb, "B")) {
    check(t.axis == -2, ErrorKind::kNotImplemented, "axis is ", t.axis, ", must be -2");
    check(a.batch == b.batch, ErrorKind::kShape, "A has shape ", sa.shape, ", B has shape ",
          sb.shape, ", must have the same axes in front of the matrices");
    m = t.transpose_a ? a.n : a.m;
    k = t.transpose_a ? a.m : a.n;
    n = t.transpose_b ? b.m : b.n;
    check(k == (t.transpose_b ? b.n : b.m), ErrorKind::kShape, "A has shape ", sa.shape,
          ", B has shape ", sb.shape, "; the axes summed over must be equal");
  }
  Dims shape() const { return a.with({m, n}); }
};

Spec infer_gemm2(const BlasAttrs& t, const Specs& in) {
  check_same(in);
  return {Product(t, in[0], in[1]).shape(), in[0].dtype};
}

// out = alpha op(A) op(B) + beta C.
void gemm_kernel(const BlasAttrs& t, const KernelArgs& k) {
  const Product p(t, {*k.in[0].shape, k.in[0].dtype}, {*k.in[1].shape, k.in[1].dtype});
  kernels::gemm({t.transpose_a, t.transpose_b, p.a.count(), p.m, p.n, p.k}, k.in[0].dtype,
                k.in[0].data, k.in[1].data, nullptr, k.out[0].data, k.threads);
  dispatch_real(k.in[0].dtype, [&](auto type) {
    using T = decltype(type);
    T* y = k.out[0].ptr<T>();
    const T alpha = static_cast<T>(t.alpha), beta = static_cast<T>(t.beta);
    const T* c = k.in.size() > 2 ? k.in[2].ptr<T>() : nullptr;
    for (int64_t i = 0; i < k.out[0].size(); ++i) y[i] = alpha * y[i] + (c ? beta * c[i] : T(0));
  });
}

Value product(const Value& a, const Value& b, bool ta, bool tb, double alpha) {
  static const OpCall kGemm("linalg_gemm2", {"transpose_a", "transpose_b", "alpha"});
  return kGemm({a, b}, {ta, tb, alpha});
}

Values gemm_grad(const BlasAttrs& t, const GradArgs& g) {
  const Value dy = g.dout(), a = g.in(0), b = g.in(1);
  Values d{t.transpose_a ? product(b, dy, t.transpose_b, true, t.alpha)
                         : product(dy, b, false, !t.transpose_b, t.alpha),
           t.transpose_b ? product(dy, a, true, t.transpose_a, t.alpha)
                         : product(a, dy, !t.transpose_a, false, t.alpha)};
  if (g.num_in() > 2) d.push_back(dy * t.beta);
  return d;
}

// The names under which MXNet has an operator of this family.
#define PLAIT_LINALG(name, text)      \
  PLAIT_OP(linalg_##name, BlasAttrs)  \
      .doc(text)                      \
      .on("nd sym", "_linalg_" #name) \
      .on("nd sym", "linalg_" #name)  \
      .on("nd sym", "linalg." #name)

PLAIT_LINALG(gemm2, "alpha op(A) op(B).")
    .input("A", "floating (..., m, k)")
    .input("B", "(..., k, n)")
    .output("out", "(..., m, n)")
    .attr("transpose_a", &BlasAttrs::transpose_a, false, "take A transposed")
    .attr("transpose_b", &BlasAttrs::transpose_b, false, "take B transposed")
    .attr("alpha", &BlasAttrs::alpha, 1.0, "factor")
    .attr("axis", &BlasAttrs::axis, -2, "axis of the rows; -2 is the only one")
    .infer(infer_gemm2)
    .cpu(in_float32<gemm_kernel>())
    .grad(gemm_grad, op::saves_inputs());

PLAIT_LINALG(gemm, "alpha op(A) op(B) + beta C.")
    .input("A", "floating (..., m, k)")
    .input("B", "(..., k, n)")
    .input("C", "(..., m, n)")
    .output("out", "(..., m, n)")
    .attr("transpose_a", &BlasAttrs::transpose_a, false, "take A transposed")
    .attr("transpose_b", &BlasAttrs::transpose_b, false, "take B transposed")
    .attr("alpha", &BlasAttrs::alpha, 1.0, "factor of the product")
    .attr("beta", &BlasAttrs::beta, 1.0, "factor of C")
    .attr("axis", &BlasAttrs::axis, -2, "axis of the rows; -2 is the only one")
    .infer([](const BlasAttrs& t, const Specs& in) -> Spec {
      const Spec out = infer_gemm2(t, in);
      check(in[2].shape == out.shape, ErrorKind::kShape, "C has shape ", in[2].shape, ", must be ",
            out.shape);
      return out;
    })
    .cpu(in_float32<gemm_kernel>())
    .grad(gemm_grad, op::saves_inputs());

PLAIT_LINALG(syrk, "alpha A A^T, or alpha A^T A.")
    .input("A", "floating (..., m, n)")
    .output("out", "(..., m, m), or (..., n, n) with transpose")
    .attr("transpose", &BlasAttrs::transpose, false, "take A transposed")
    .attr("alpha", &BlasAttrs::alpha, 1.0, "factor")
    .infer([](const BlasAttrs& t, const Specs& in) -> Spec {
      const Matrices a = matrices_of(in[0], "A");
      const int64_t side = t.transpose ? a.n : a.m;
      return {a.with({side, side}), in[0].dtype};
    })
    .cpu(in_float32([](const BlasAttrs& t, const KernelArgs& k) {
      BlasAttrs both{};
      both.transpose_a = t.transpose, both.transpose_b = !t.transpose;
      both.alpha = t.alpha, both.axis = -2;
      const View in[] = {k.in[0], k.in[0]};
      gemm_kernel(both, {in, k.out, k.is_train, k.threads, {}});
    }))
    .grad(
        [](const BlasAttrs& t, const GradArgs& g) -> Values {
          const Value s = g.dout() + mT(g.dout());
          return {t.transpose ? product(g.in(0), s, false, false, t.alpha)
                              : product(s, g.in(0), false, false, t.alpha)};
        },
        op::saves_inputs());

// --- triangular matrices -----------------------------------------------------------------------

// The problem M Y = C or Y = M C, with M = op(A) or, on the right side, its transpose.
struct Triangle {
  int64_t n, columns;             // sides of M, columns of Y
  int64_t row_step, column_step;  // of M in A
  int64_t y_row, y_column;        // of Y in B
  bool lower;                     // of M

  Triangle(const BlasAttrs& t, const Matrices& b) {
    n = t.rightside ? b.n : b.m;
    columns = t.rightside ? b.m : b.n;
    const bool turned = t.transpose != t.rightside;
    row_step = turned ? 1 : n;
    column_step = turned ? n : 1;
    lower = t.lower != turned;
    y_row = t.rightside ? 1 : b.n;
    y_column = t.rightside ? b.n : 1;
  }
  // Row i of M times Y, without the diagonal; rows of Y at `y`.
  template <class T>
  T row(const T* a, const T* y, int64_t i, int64_t column) const {
    T sum = 0;
    const int64_t begin = lower ? 0 : i + 1, end = lower ? i : n;
    for (int64_t j = begin; j < end; ++j)
      sum += a[i * row_step + j * column_step] * y[j * y_row + column * y_column];
    return sum;
  }
};

Spec infer_triangle(const BlasAttrs& t, const Specs& in) {
  check_same(in);
  const Matrices a = square_of(in[0], "A"), b = matrices_of(in[1], "B");
  check(a.batch == b.batch && a.n == (t.rightside ? b.n : b.m), ErrorKind::kShape, "A has shape ",
        in[0].shape, ", B has shape ", in[1].shape, "; A must fit ",
        t.rightside ? "the columns" : "the rows", " of B");
  return in[1];
}

template <bool kSolve>
void triangle_kernel(const BlasAttrs& t, const KernelArgs& k) {
  const Matrices m = matrices_of(k.in[1]);
  const Triangle s(t, m);
  const int64_t size = m.m * m.n;
  dispatch_real(k.in[0].dtype, [&](auto type) {
    using T = decltype(type);
    const T alpha = static_cast<T>(t.alpha);
    kernels::parallel_for(k.threads, m.count(), 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const T *a = k.in[0].ptr<T>() + i * s.n * s.n, *b = k.in[1].ptr<T>() + i * size;
        T* y = k.out[0].ptr<T>() + i * size;
        for (int64_t c = 0; c < s.columns; ++c) {
          for (int64_t step = 0; step < s.n; ++step) {
            const int64_t r = s.lower ? step : s.n - 1 - step, at = r * s.y_row + c * s.y_column;
            const T diagonal = a[r * s.row_step + r * s.column_step];
            if (kSolve) {
              y[at] = (alpha * b[at] - s.row(a, y, r, c)) / diagonal;
            } else {
              y[at] = alpha * (diagonal * b[at] + s.row(a, b, r, c));
            }
          }
        }
      }
    });
  });
}

// The part of `v` in the triangle of A; `v` is the gradient of op(A).
Value in_triangle(const BlasAttrs& t, const Value& v) {
  static const OpCall kLower("tril", {"k"}), kUpper("triu", {"k"});
  const Value a = t.transpose ? mT(v) : v;
  return t.lower ? kLower({a}, {int64_t{0}}) : kUpper({a}, {int64_t{0}});
}

// With G = op(A)^-T dX (or dX op(A)^-T): dB = alpha G, d op(A) = -G X^T (or -X^T G).
Values solve_grad(const BlasAttrs& t, const GradArgs& g) {
  static const OpCall kSolve("linalg_trsm", {"transpose", "rightside", "lower"});
  const Value s = kSolve({g.in(0), g.dout()}, {!t.transpose, t.rightside, t.lower});
  const Value x = g.out(0);
  const Value da = t.rightside ? product(x, s, true, false, -1) : product(s, x, false, true, -1);
  return {in_triangle(t, da), s * t.alpha};
}
Values multiply_grad(const BlasAttrs& t, const GradArgs& g) {
  static const OpCall kMultiply("linalg_trmm", {"transpose", "rightside", "lower", "alpha"});
  const Value db = kMultiply({g.in(0), g.dout()}, {!t.transpose, t.rightside, t.lower, t.alpha});
  const Value da = t.rightside ? product(g.in(1), g.dout(), true, false, t.alpha)
                               : product(g.dout(), g.in(1), false, true, t.alpha);
  return {in_triangle(t, da), db};
}

#define PLAIT_LINALG_TRIANGLE(name, text)                                            \
  PLAIT_LINALG(name, text)                                                           \
      .input("A", "floating (..., n, n); one triangle is read")                      \
      .input("B", "(..., n, m), or (..., m, n) with rightside")                      \
      .output("out", "shape of B")                                                   \
      .attr("transpose", &BlasAttrs::transpose, false, "take A transposed")          \
      .attr("rightside", &BlasAttrs::rightside, false, "A stands on the right side") \
      .attr("lower", &BlasAttrs::lower, true, "A is lower triangular; False: upper") \
      .attr("alpha", &BlasAttrs::alpha, 1.0, "factor")                               \
      .infer(infer_triangle)

PLAIT_LINALG_TRIANGLE(trmm, "alpha op(A) B or alpha B op(A) for a triangular A.")
    .cpu(in_float32<triangle_kernel<false>>())
    .grad(multiply_grad, op::saves_inputs());
PLAIT_LINALG_TRIANGLE(trsm, "X with op(A) X = alpha B or X op(A) = alpha B for a triangular A.")
    .cpu(in_float32<triangle_kernel<true>>())
    .grad(solve_grad, op::saves_inputs() | op::saves_output(0));

}  // namespace
}  // namespace plait::ops
