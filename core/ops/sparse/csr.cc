#include "ops/sparse/csr.h"

#include <algorithm>

#include "kernels/convert.h"
#include "kernels/copy.h"
#include "kernels/parallel.h"

// Compressed sparse rows, over their dense parts: row r of the matrix has data[i] in column
// indices[i] for indptr[r] <= i < indptr[r + 1].
namespace plait::ops {

using op::KernelArgs;

CsrSpec::CsrSpec(const Dims& shape, const Specs& in, size_t first)
    : rows(0), columns(0), stored(0) {
  check(shape.size() == 2 && shape[0] >= 0 && shape[1] >= 0, ErrorKind::kInvalidArgument,
        "shape is ", shape, ", must be (rows, columns)");
  check_size(shape, 1);
  const Spec &index = in[first], &start = in[first + 1];
  check(index.shape.size() == 1, ErrorKind::kShape, "indices has shape ", index.shape,
        ", must be a vector");
  check(start.shape.size() == 1 && start.shape[0] - 1 == shape[0], ErrorKind::kShape,
        "indptr has shape ", start.shape, ", must be a vector with one number more than the ",
        shape[0], " rows");
  for (const Spec* s : {&index, &start}) {
    check(s->dtype == DType::kInt64, ErrorKind::kType, s == &index ? "indices" : "indptr",
          " has dtype ", s->dtype, ", must be int64");
  }
  rows = shape[0];
  columns = shape[1];
  stored = index.shape[0];
}

CsrView::CsrView(const Dims& shape, const View* data, const View& indices, const View& indptr)
    : values(data ? data->data : nullptr),
      index(indices.ptr<int64_t>()),
      start(indptr.ptr<int64_t>()),
      rows(shape[0]),
      columns(shape[1]),
      stored(indices.size()) {
  check(start[0] == 0 && start[rows] == stored, ErrorKind::kInvalidArgument, "indptr runs from ",
        start[0], " to ", start[rows], ", must run from 0 to ", stored);
  for (int64_t r = 0; r < rows; ++r) {
    check(start[r] <= start[r + 1] && start[r + 1] <= stored, ErrorKind::kInvalidArgument,
          "indptr has ", start[r + 1], " after ", start[r], ", must not descend");
  }
  for (int64_t i = 0; i < stored; ++i) {
    check(index[i] >= 0 && index[i] < columns, ErrorKind::kIndex, "indices has ", index[i],
          ", must be in [0, ", columns - 1, "]");
  }
}

namespace {

struct CsrAttrs {
  Dims shape;
};

Values no_grad(const CsrAttrs&, const GradArgs& g) { return Values(g.num_in()); }

void check_data(const Spec& data, const CsrSpec& csr) {
  check(data.shape == Dims{csr.stored}, ErrorKind::kShape, "data has shape ", data.shape,
        ", must be ", Dims{csr.stored}, " as indices");
}

PLAIT_OP(csr_rows, CsrAttrs)
    .doc("Row of each stored element of a csr matrix.")
    .input("indices", "(n,) int64: columns")
    .input("indptr", "(rows + 1,) int64: where each row begins")
    .output("out", "(n,) int64")
    .required_attr("shape", &CsrAttrs::shape, "(rows, columns)")
    .infer([](const CsrAttrs& a, const Specs& in) -> Spec {
      return {{CsrSpec(a.shape, in, 0).stored}, DType::kInt64};
    })
    .cpu([](const CsrAttrs& a, const KernelArgs& k) {
      const CsrView m(a.shape, nullptr, k.in[0], k.in[1]);
      int64_t* out = k.out[0].ptr<int64_t>();
      for (int64_t r = 0; r < m.rows; ++r) std::fill(out + m.start[r], out + m.start[r + 1], r);
    })
    .grad(no_grad, op::saves_nothing());

PLAIT_OP(csr_to_dense, CsrAttrs)
    .doc("A csr matrix with all of its zeros.")
    .input("data", "(n,): stored elements")
    .input("indices", "(n,) int64: their columns")
    .input("indptr", "(rows + 1,) int64: where each row begins")
    .output("out", "(rows, columns), dtype of data")
    .required_attr("shape", &CsrAttrs::shape, "(rows, columns)")
    .infer([](const CsrAttrs& a, const Specs& in) -> Spec {
      check_data(in[0], CsrSpec(a.shape, in, 1));
      return {a.shape, in[0].dtype};
    })
    .cpu([](const CsrAttrs& a, const KernelArgs& k) {
      const CsrView m(a.shape, &k.in[0], k.in[1], k.in[2]);
      kernels::fill(k.out[0], 0, k.threads);
      dispatch_all(k.out[0].dtype, [&]<class T>(T) {
        const T* x = k.in[0].ptr<T>();
        for (int64_t r = 0; r < m.rows; ++r) {
          T* y = k.out[0].ptr<T>() + r * m.columns;
          for (int64_t i = m.start[r]; i < m.start[r + 1]; ++i) y[m.index[i]] = x[i];
        }
      });
    })
    .grad(
        [](const CsrAttrs& a, const GradArgs& g) -> Values {
          static const OpCall kSample("csr_sample", {"shape"});
          return {kSample({g.dout(), g.in(1), g.in(2)}, {a.shape}), Value{}, Value{}};
        },
        op::saves_input(1) | op::saves_input(2));

PLAIT_OP(csr_sample, CsrAttrs)
    .doc("The elements of a dense matrix at the places that a csr matrix stores.")
    .input("data", "(rows, columns)")
    .input("indices", "(n,) int64: columns")
    .input("indptr", "(rows + 1,) int64: where each row begins")
    .output("out", "(n,), dtype of data")
    .required_attr("shape", &CsrAttrs::shape, "(rows, columns)")
    .infer([](const CsrAttrs& a, const Specs& in) -> Spec {
      const CsrSpec csr(a.shape, in, 1);
      check(in[0].shape == a.shape, ErrorKind::kShape, "data has shape ", in[0].shape, ", must be ",
            a.shape);
      return {{csr.stored}, in[0].dtype};
    })
    .cpu([](const CsrAttrs& a, const KernelArgs& k) {
      const CsrView m(a.shape, nullptr, k.in[1], k.in[2]);
      dispatch_all(k.out[0].dtype, [&]<class T>(T) {
        T* y = k.out[0].ptr<T>();
        for (int64_t r = 0; r < m.rows; ++r) {
          const T* x = k.in[0].ptr<T>() + r * m.columns;
          for (int64_t i = m.start[r]; i < m.start[r + 1]; ++i) y[i] = x[m.index[i]];
        }
      });
    })
    .grad(
        [](const CsrAttrs& a, const GradArgs& g) -> Values {
          static const OpCall kDense("csr_to_dense", {"shape"});
          return {kDense({g.dout(), g.in(1), g.in(2)}, {a.shape}), Value{}, Value{}};
        },
        op::saves_input(1) | op::saves_input(2));

struct NumberAttrs {
  int64_t rows;
  std::string mode;
};

PLAIT_OP(row_numbers, NumberAttrs)
    .doc("Whole numbers as row numbers in [0, rows).")
    .input("data", "numbers of any shape and dtype")
    .output("out", "vector of all of them, int64")
    .required_attr("rows", &NumberAttrs::rows, "number of rows, > 0")
    .attr("mode", &NumberAttrs::mode, "clip", "what happens to numbers out of range")
    .choices({"clip", "wrap", "raise"})
    .infer([](const NumberAttrs& a, const Specs& in) -> Spec {
      check(a.rows > 0, ErrorKind::kInvalidArgument, "rows is ", a.rows, ", must be > 0");
      return {{num_elements(in[0].shape)}, DType::kInt64};
    })
    .cpu([](const NumberAttrs& a, const KernelArgs& k) {
      int64_t* out = k.out[0].ptr<int64_t>();
      const int64_t n = k.out[0].size(), rows = a.rows;
      kernels::convert(k.in[0].data, k.in[0].dtype, 1, out, DType::kInt64, n);
      for (int64_t i = 0; i < n; ++i) {
        if (a.mode == "raise") {
          check(out[i] >= -rows && out[i] < rows, ErrorKind::kIndex, "data has ", out[i],
                ", must be in [", -rows, ", ", rows - 1, "]");
        }
        if (a.mode == "clip") {
          out[i] = std::clamp<int64_t>(out[i], 0, rows - 1);
        } else {
          out[i] %= rows;
          if (out[i] < 0) out[i] += rows;
        }
      }
    })
    .grad([](const NumberAttrs&, const GradArgs&) -> Values { return {Value{}}; },
          op::saves_nothing());

}  // namespace
}  // namespace plait::ops
