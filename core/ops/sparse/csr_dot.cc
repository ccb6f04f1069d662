#include "kernels/copy.h"
#include "kernels/parallel.h"
#include "op/rows.h"
#include "ops/sparse/csr.h"

// Products of a csr matrix and a dense one. A sum runs over the stored elements in their order, in
// float32 at least, whatever the number of threads.
namespace plait::ops {
namespace {

using op::KernelArgs;

struct CsrDotAttrs {
  Dims shape;
  bool transpose, sparse_grad;
};

template <class T>
using Wide = std::conditional_t<std::is_same_v<T, double>, double, float>;

Spec infer(const CsrDotAttrs& a, const Specs& in) {
  const CsrSpec csr(a.shape, in, 1);
  check(in[0].shape == Dims{csr.stored}, ErrorKind::kShape, "data has shape ", in[0].shape,
        ", must be ", Dims{csr.stored}, " as indices");
  check(in[3].dtype == in[0].dtype, ErrorKind::kType, "rhs has dtype ", in[3].dtype, ", must be ",
        in[0].dtype, " as data");
  const int64_t summed = a.transpose ? csr.rows : csr.columns;
  check(!in[3].shape.empty() && in[3].shape.size() <= 2 && in[3].shape[0] == summed,
        ErrorKind::kShape, "rhs has shape ", in[3].shape, ", must be (", summed, ", n) or (",
        summed, ",) for a csr matrix of shape ", a.shape, a.transpose ? ", transposed" : "");
  Dims out = in[3].shape;
  out[0] = a.transpose ? csr.columns : csr.rows;
  return {out, in[0].dtype};
}

// Rows of the result are shared out: y[r, :] = sum of x[i] * rhs[index[i], :].
template <class T>
void by_rows(const CsrView& m, const T* rhs, T* y, int64_t n, int threads) {
  const T* x = static_cast<const T*>(m.values);
  const int64_t grain = 1 + 16384 * m.rows / (1 + m.stored * n);
  kernels::parallel_for(threads, m.rows, grain, [&](int64_t begin, int64_t end) {
    std::vector<Wide<T>> sum(static_cast<size_t>(n));
    for (int64_t r = begin; r < end; ++r) {
      std::fill(sum.begin(), sum.end(), Wide<T>(0));
      for (int64_t i = m.start[r]; i < m.start[r + 1]; ++i) {
        const Wide<T> scale = x[i];
        const T* row = rhs + m.index[i] * n;
        for (int64_t j = 0; j < n; ++j) sum[static_cast<size_t>(j)] += scale * row[j];
      }
      for (int64_t j = 0; j < n; ++j) y[r * n + j] = static_cast<T>(sum[static_cast<size_t>(j)]);
    }
  });
}

// Columns of the result are shared out: y[index[i], :] += x[i] * rhs[r, :].
template <class T>
void by_columns(const CsrView& m, const T* rhs, Wide<T>* y, int64_t n, int threads) {
  const T* x = static_cast<const T*>(m.values);
  const int64_t grain = 1 + 16384 / (1 + m.stored);
  kernels::parallel_for(threads, n, grain, [&](int64_t begin, int64_t end) {
    for (int64_t r = 0; r < m.rows; ++r) {
      const T* row = rhs + r * n;
      for (int64_t i = m.start[r]; i < m.start[r + 1]; ++i) {
        const Wide<T> scale = x[i];
        Wide<T>* to = y + m.index[i] * n;
        for (int64_t j = begin; j < end; ++j) to[j] += scale * row[j];
      }
    }
  });
}

void kernel(const CsrDotAttrs& a, const KernelArgs& k) {
  const CsrView m(a.shape, &k.in[0], k.in[1], k.in[2]);
  const int64_t n = k.in[3].ndim() == 2 ? k.in[3].dim(1) : 1;
  dispatch_floating(k.out[0].dtype, [&]<class T>(T) {
    const T* rhs = k.in[3].ptr<T>();
    T* y = k.out[0].ptr<T>();
    if (!a.transpose) {
      by_rows(m, rhs, y, n, k.threads);
    } else if constexpr (std::is_same_v<T, Wide<T>>) {
      std::fill_n(y, k.out[0].size(), T(0));
      by_columns(m, rhs, y, n, k.threads);
    } else {
      std::vector<Wide<T>> sum(static_cast<size_t>(k.out[0].size()));
      by_columns(m, rhs, sum.data(), n, k.threads);
      for (size_t i = 0; i < sum.size(); ++i) y[i] = static_cast<T>(sum[i]);
    }
  });
}

// The matrix without its sums: row `indices[i]` gets data[i] * dout[row of i].
Value gradient_rows(const CsrDotAttrs& a, const GradArgs& g) {
  static const OpCall kRows("csr_rows", {"shape"}), kTake("take");
  const Value row = kRows({g.in(1), g.in(2)}, {a.shape});
  const Value from = a.transpose ? g.in(1) : row, to = a.transpose ? row : g.in(1);
  const Value scale =
      op::reshape_to(g.in(0), g.in_spec(3).shape.size() == 2 ? Dims{g.in_spec(0).shape[0], 1}
                                                             : g.in_spec(0).shape);
  return op::row_values(scale * kTake({g.dout(), from}), to, g.in_spec(3));
}

Values backward(const CsrDotAttrs& a, const GradArgs& g) {
  static const OpCall kDot("csr_dot", {"shape", "transpose"}),
      kSample("csr_dot_values", {"shape", "transpose"});
  Values d(4);
  if (g.needs_grad(0)) {
    d[0] = kSample({g.in(1), g.in(2), g.dout(), g.in(3)}, {a.shape, a.transpose});
  }
  if (!g.needs_grad(3)) return d;
  const bool rows = a.sparse_grad && !op::current_tracer().differentiable();
  d[3] = rows ? gradient_rows(a, g)
              : kDot({g.in(0), g.in(1), g.in(2), g.dout()}, {a.shape, !a.transpose});
  return d;
}

PLAIT_OP(csr_dot, CsrDotAttrs)
    .doc("Product of a csr matrix, or its transpose, and a dense matrix or vector.")
    .input("data", "(k,): stored elements")
    .input("indices", "(k,) int64: their columns")
    .input("indptr", "(rows + 1,) int64: where each row begins")
    .input("rhs", "(columns, n) or (columns,); with transpose (rows, n) or (rows,)")
    .output("out", "(rows, n) or (rows,); with transpose (columns, n) or (columns,)")
    .required_attr("shape", &CsrDotAttrs::shape, "(rows, columns)")
    .attr("transpose", &CsrDotAttrs::transpose, false, "take the transpose of the csr matrix")
    .attr("sparse_grad", &CsrDotAttrs::sparse_grad, false,
          "rhs with a row-sparse gradient gets the rows that were read only")
    .infer(infer)
    .cpu(kernel)
    .flops([](const CsrDotAttrs&, const Specs& in) {
      const double n = in[3].shape.size() == 2 ? static_cast<double>(in[3].shape[1]) : 1.0;
      return 2.0 * n * static_cast<double>(in[0].shape[0]);
    })
    .grad(backward, op::saves_inputs());

struct ValuesAttrs {
  Dims shape;
  bool transpose;
};

Values values_backward(const ValuesAttrs& a, const GradArgs& g) {
  static const OpCall kDot("csr_dot", {"shape", "transpose"});
  Values d(4);
  if (g.needs_grad(2)) {
    d[2] = kDot({g.dout(), g.in(0), g.in(1), g.in(3)}, {a.shape, a.transpose});
  }
  if (g.needs_grad(3)) {
    d[3] = kDot({g.dout(), g.in(0), g.in(1), g.in(2)}, {a.shape, !a.transpose});
  }
  return d;
}

PLAIT_OP(csr_dot_values, ValuesAttrs)
    .doc("Elements of lhs times rhs transposed, at the places that a csr matrix stores.")
    .input("indices", "(k,) int64: columns")
    .input("indptr", "(rows + 1,) int64: where each row begins")
    .input("lhs", "(rows, n) or (rows,); with transpose (columns, ...)")
    .input("rhs", "(columns, n) or (columns,); with transpose (rows, ...)")
    .output("out", "(k,): sum of lhs[row, :] * rhs[column, :]")
    .required_attr("shape", &ValuesAttrs::shape, "(rows, columns)")
    .attr("transpose", &ValuesAttrs::transpose, false, "lhs belongs to the columns")
    .infer([](const ValuesAttrs& a, const Specs& in) -> Spec {
      const CsrSpec csr(a.shape, in, 0);
      const Dims &x = in[2].shape, &y = in[3].shape;
      const bool fits = x.size() == y.size() &&
                        (x.size() == 1 || (x.size() == 2 && x[1] == y[1])) &&
                        x[0] == a.shape[a.transpose] && y[0] == a.shape[!a.transpose];
      check(fits, ErrorKind::kShape, "lhs has shape ", x, ", rhs has shape ", y,
            ", must have one row for each row and each column of ", a.shape);
      check(in[3].dtype == in[2].dtype, ErrorKind::kType, "rhs has dtype ", in[3].dtype,
            ", must be ", in[2].dtype, " as lhs");
      return {{csr.stored}, in[2].dtype};
    })
    .cpu([](const ValuesAttrs& a, const KernelArgs& k) {
      const CsrView m(a.shape, nullptr, k.in[0], k.in[1]);
      const View &of_rows = k.in[a.transpose ? 3 : 2], &of_columns = k.in[a.transpose ? 2 : 3];
      const int64_t n = of_rows.ndim() == 2 ? of_rows.dim(1) : 1;
      dispatch_floating(k.out[0].dtype, [&]<class T>(T) {
        T* out = k.out[0].ptr<T>();
        kernels::parallel_for(k.threads, m.rows, 64, [&](int64_t begin, int64_t end) {
          for (int64_t r = begin; r < end; ++r) {
            const T* x = of_rows.ptr<T>() + r * n;
            for (int64_t i = m.start[r]; i < m.start[r + 1]; ++i) {
              const T* y = of_columns.ptr<T>() + m.index[i] * n;
              Wide<T> sum = 0;
              for (int64_t j = 0; j < n; ++j) sum += static_cast<Wide<T>>(x[j]) * y[j];
              out[i] = static_cast<T>(sum);
            }
          }
        });
      });
    })
    .grad(values_backward, op::saves_inputs());

}  // namespace
}  // namespace plait::ops
