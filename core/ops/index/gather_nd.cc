#include <algorithm>

#include "kernels/convert.h"
#include "kernels/copy.h"
#include "kernels/gather.h"
#include "kernels/parallel.h"
#include "op/functions.h"
#include "op/op.h"

// Elements or parts chosen by coordinates: indices has shape (m, ...), column i holds coordinates
// along the first m axes.
namespace plait::ops {
namespace {

using op::KernelArgs;

struct ShapeAttrs {
  Dims shape;
};

// How coordinates point into an array of shape `data`.
struct Points {
  int64_t m, count, inner = 1;  // coordinates of a point, points, elements of a part
  Dims rest;                    // axes of indices but the first, then those of a part

  Points(const Dims& data, const Dims& indices) {
    check(!indices.empty() && indices[0] >= 1 && indices[0] <= static_cast<int64_t>(data.size()),
          ErrorKind::kShape, "indices has shape ", indices, ", must have 1 to ", data.size(),
          " rows, one for each axis that is indexed in ", data);
    m = indices[0];
    rest.append(indices.begin() + 1, indices.end());
    count = num_elements(rest);
    for (size_t i = static_cast<size_t>(m); i < data.size(); ++i) {
      inner *= data[i];
      rest.push_back(data[i]);
    }
  }
  // First element of the part of every point; negative coordinates count from the end.
  std::vector<int64_t> places(const Dims& data, const View& indices) const {
    std::vector<int64_t> index(static_cast<size_t>(m * count)), at(static_cast<size_t>(count), 0);
    kernels::convert(indices.data, indices.dtype, 1, index.data(), DType::kInt64, m * count);
    for (int64_t d = 0; d < m; ++d) {
      const int64_t n = data[static_cast<size_t>(d)];
      for (int64_t i = 0; i < count; ++i) {
        const int64_t v = index[static_cast<size_t>(d * count + i)];
        check(v >= -n && v < n, ErrorKind::kIndex, "indices has ", v, ", must be in [", -n, ", ",
              n - 1, "] along axis ", d, " of ", data);
        at[static_cast<size_t>(i)] = at[static_cast<size_t>(i)] * n + (v < 0 ? v + n : v);
      }
    }
    for (int64_t& a : at) a *= inner;
    return at;
  }
};

Spec infer_scatter(const Dims& shape, const Spec& data, const Dims& indices) {
  check_size(shape, 1);
  const Points p(shape, indices);
  check(data.shape == p.rest, ErrorKind::kShape, "data has shape ", data.shape, ", must be ",
        p.rest, " for indices of shape ", indices, " into ", shape);
  return {shape, data.dtype};
}

template <class T>
void put(const Dims& shape, const View& data, const View& indices, const View& out) {
  const Points p(shape, *indices.shape);
  const std::vector<int64_t> at = p.places(shape, indices);
  for (int64_t i = 0; i < p.count; ++i) {
    std::copy_n(data.ptr<T>() + i * p.inner, p.inner, out.ptr<T>() + at[static_cast<size_t>(i)]);
  }
}

Value gather(const Value& data, const Value& indices) {
  static const OpCall kGather("gather_nd");
  return kGather({data, indices});
}

PLAIT_OP(gather_nd, op::NoAttrs)
    .doc("Elements or parts of data at given coordinates.")
    .input("data", "array of at least m axes")
    .input("indices",
           "whole numbers (m, ...): coordinates along the first m axes; negative ones "
           "count from the end")
    .output("out", "axes of indices but the first, then the axes of data behind the first m")
    .on("nd sym", "gather_nd")
    .on("npx", "gather_nd")
    .infer([](const op::NoAttrs&, const Specs& in) -> Spec {
      return {Points(in[0].shape, in[1].shape).rest, in[0].dtype};
    })
    .takes_complex()
    .cpu([](const op::NoAttrs&, const KernelArgs& k) {
      const Dims& data = *k.in[0].shape;
      const Points p(data, *k.in[1].shape);
      const std::vector<int64_t> at = p.places(data, k.in[1]);
      const int64_t item = dtype_size(k.in[0].dtype), bytes = p.inner * item;
      if (bytes == 0) return;
      kernels::parallel_for(
          k.threads, p.count, std::max<int64_t>(1, 65536 / bytes), [&](int64_t begin, int64_t end) {
            kernels::gather_runs(k.in[0].data, k.out[0].ptr<char>() + begin * bytes,
                                 at.data() + begin, end - begin, item, bytes);
          });
    })
    .grad(
        [](const op::NoAttrs&, const GradArgs& g) -> Values {
          static const OpCall kAdd("scatter_add_nd", {"shape"});
          if (!is_inexact(g.in_spec(0).dtype)) return {Value{}, Value{}};
          return {kAdd({g.dout(), g.in(1)}, {g.in_spec(0).shape}), Value{}};
        },
        op::saves_input(1));

PLAIT_OP(scatter_nd, ShapeAttrs)
    .doc("Zeros with data at given coordinates; of equal coordinates the last counts.")
    .input("data", "what gather_nd would give for the result")
    .input("indices", "whole numbers (m, ...), as for gather_nd")
    .output("out", "array of the given shape")
    .required_attr("shape", &ShapeAttrs::shape, "shape of the result")
    .on("nd sym", "scatter_nd")
    .infer([](const ShapeAttrs& a, const Specs& in) -> Spec {
      return infer_scatter(a.shape, in[0], in[1].shape);
    })
    .takes_complex()
    .cpu([](const ShapeAttrs& a, const KernelArgs& k) {
      kernels::fill(k.out[0], 0, k.threads);
      dispatch_any(k.out[0].dtype,
                   [&]<class T>(T) { put<T>(a.shape, k.in[0], k.in[1], k.out[0]); });
    })
    .grad(
        [](const ShapeAttrs&, const GradArgs& g) -> Values {
          return {gather(g.dout(), g.in(1)), Value{}};
        },
        op::saves_input(1));

PLAIT_OP(scatter_add_nd, ShapeAttrs)
    .doc("Zeros with data added at given coordinates: the gradient of gather_nd.")
    .input("data", "what gather_nd would give for the result")
    .input("indices", "whole numbers (m, ...), as for gather_nd")
    .output("out", "array of the given shape")
    .required_attr("shape", &ShapeAttrs::shape, "shape of the result")
    .on("nd sym", "_backward_gather_nd")
    .infer([](const ShapeAttrs& a, const Specs& in) -> Spec {
      return infer_scatter(a.shape, in[0], in[1].shape);
    })
    .takes_complex()
    .cpu([](const ShapeAttrs& a, const KernelArgs& k) {
      kernels::fill(k.out[0], 0, k.threads);
      const Points p(a.shape, *k.in[1].shape);
      const std::vector<int64_t> at = p.places(a.shape, k.in[1]);
      dispatch_any(k.out[0].dtype, [&]<class T>(T) {
        for (int64_t i = 0; i < p.count; ++i) {
          kernels::add_run(k.out[0].ptr<T>() + at[static_cast<size_t>(i)],
                           k.in[0].ptr<T>() + i * p.inner, p.inner);
        }
      });
    })
    .grad(
        [](const ShapeAttrs&, const GradArgs& g) -> Values {
          return {gather(g.dout(), g.in(1)), Value{}};
        },
        op::saves_input(1));

PLAIT_OP(scatter_set_nd, ShapeAttrs)
    .doc("lhs with rhs at given coordinates; of equal coordinates the last counts.")
    .input("lhs", "array of any shape")
    .input("rhs", "what gather_nd would give for the result")
    .input("indices", "whole numbers (m, ...), as for gather_nd")
    .output("out", "shape of lhs")
    .attr("shape", &ShapeAttrs::shape, Dims{}, "kept for files; that of lhs counts")
    .on("nd sym", "_scatter_set_nd")
    .infer([](const ShapeAttrs&, const Specs& in) -> Spec {
      check(in[0].dtype == in[1].dtype, ErrorKind::kType, "rhs has dtype ", in[1].dtype,
            ", must be ", in[0].dtype, " as lhs");
      return infer_scatter(in[0].shape, in[1], in[2].shape);
    })
    .takes_complex()
    .cpu([](const ShapeAttrs&, const KernelArgs& k) {
      if (k.in[0].data != k.out[0].data) kernels::copy(k.in[0], k.out[0], k.threads);
      dispatch_any(k.out[0].dtype,
                   [&]<class T>(T) { put<T>(*k.in[0].shape, k.in[1], k.in[2], k.out[0]); });
    })
    .inplace()
    .grad(
        [](const ShapeAttrs&, const GradArgs& g) -> Values {
          static const OpCall kSet("scatter_set_nd");
          const Value none = op::full_of(g.in_spec(1), 0.0);
          return {kSet({g.dout(), none, g.in(2)}), gather(g.dout(), g.in(2)), Value{}};
        },
        op::saves_input(2));

}  // namespace
}  // namespace plait::ops
