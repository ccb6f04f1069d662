#include <algorithm>

#include "kernels/convert.h"
#include "kernels/copy.h"
#include "op/functions.h"
#include "op/op.h"
#include "ops/index/region.h"

// Arrays with some of their parts replaced.
namespace plait::ops {
namespace {

using op::KernelArgs;

PLAIT_OP(index_copy, op::NoAttrs)
    .doc("old_tensor with rows of new_tensor at the given places of its first axis.")
    .input("old_tensor", "array of shape (n, ...)")
    .input("index_vector", "(m,), places in [0, n)")
    .input("new_tensor", "array of shape (m, ...)")
    .output("out", "shape of old_tensor")
    .on("nd sym", "_contrib_index_copy")
    .on("nd sym", "contrib.index_copy")
    .infer([](const op::NoAttrs&, const Specs& in) -> Spec {
      const Dims& old = in[0].shape;
      check(!old.empty() && in[1].shape.size() == 1, ErrorKind::kShape, "index_vector has shape ",
            in[1].shape, ", must be (m,); old_tensor has shape ", old, ", must have an axis");
      Dims want = old;
      want[0] = in[1].shape[0];
      check(in[2].shape == want, ErrorKind::kShape, "new_tensor has shape ", in[2].shape,
            ", must be ", want);
      check(in[2].dtype == in[0].dtype, ErrorKind::kType, "new_tensor has dtype ", in[2].dtype,
            ", must be ", in[0].dtype, " as old_tensor");
      return in[0];
    })
    .cpu([](const op::NoAttrs&, const KernelArgs& k) {
      const int64_t n = k.in[0].dim(0), m = k.in[1].size(), row = k.in[0].size() / n;
      std::vector<int64_t> index(static_cast<size_t>(m));
      kernels::convert(k.in[1].data, k.in[1].dtype, 1, index.data(), DType::kInt64, m);
      for (int64_t i : index) {
        check(i >= 0 && i < n, ErrorKind::kIndex, "index_vector has ", i, ", must be in [0, ",
              n - 1, "]");
      }
      kernels::copy(k.in[0], k.out[0], k.threads);
      dispatch_all(k.out[0].dtype, [&]<class T>(T) {
        for (int64_t i = 0; i < m; ++i) {
          std::copy_n(k.in[2].ptr<T>() + i * row, row,
                      k.out[0].ptr<T>() + index[static_cast<size_t>(i)] * row);
        }
      });
    })
    .grad(
        [](const op::NoAttrs&, const GradArgs& g) -> Values {
          static const OpCall kCopy("index_copy"), kTake("take");
          const Value none = op::full_of(g.in_spec(2), 0.0);
          return {kCopy({g.dout(), g.in(1), none}), Value{}, kTake({g.dout(), g.in(1)})};
        },
        op::saves_input(1));

PLAIT_OP(fill_element_0index, op::NoAttrs)
    .doc("lhs with lhs[i, rhs[i]] = mhs[i].")
    .input("lhs", "array of shape (n, m)")
    .input("mhs", "(n,), values")
    .input("rhs", "(n,), places in [0, m)")
    .output("out", "shape of lhs")
    .on("nd sym", "fill_element_0index")
    .infer([](const op::NoAttrs&, const Specs& in) -> Spec {
      const Dims& d = in[0].shape;
      check(d.size() == 2, ErrorKind::kShape, "lhs has shape ", d, ", must be (n, m)");
      for (size_t i = 1; i < 3; ++i) {
        check(in[i].shape == Dims{d[0]}, ErrorKind::kShape, i == 1 ? "mhs" : "rhs", " has shape ",
              in[i].shape, ", must be ", Dims{d[0]});
      }
      return in[0];
    })
    .cpu([](const op::NoAttrs&, const KernelArgs& k) {
      const int64_t n = k.in[0].dim(0), m = k.in[0].dim(1), item = dtype_size(k.out[0].dtype);
      std::vector<int64_t> index(static_cast<size_t>(n));
      kernels::convert(k.in[2].data, k.in[2].dtype, 1, index.data(), DType::kInt64, n);
      kernels::copy(k.in[0], k.out[0], k.threads);
      for (int64_t i = 0; i < n; ++i) {
        const int64_t at = index[static_cast<size_t>(i)];
        check(at >= 0 && at < m, ErrorKind::kIndex, "rhs has ", at, ", must be in [0, ", m - 1,
              "]");
        kernels::convert(k.in[1].ptr<char>() + i * dtype_size(k.in[1].dtype), k.in[1].dtype, 1,
                         k.out[0].ptr<char>() + (i * m + at) * item, k.out[0].dtype, 1);
      }
    });

struct AssignAttrs {
  Dims begin, end, step;
  double scalar;
};

Region region_of(const AssignAttrs& a, const Dims& shape) {
  check(a.begin.size() == a.end.size() && a.begin.size() <= shape.size() &&
            (a.step.empty() || a.step.size() == a.begin.size()),
        ErrorKind::kInvalidArgument, "begin is ", a.begin, ", end is ", a.end, ", step is ", a.step,
        ", must have equal length, at most ", shape.size());
  Region r(shape);
  for (size_t i = 0; i < a.begin.size(); ++i) {
    r.slice(static_cast<int64_t>(i), a.begin[i], a.end[i], a.step.empty() ? 1 : a.step[i]);
  }
  return r;
}

// f(the part of the result that the region selects), after lhs was copied to the result.
template <class F>
void on_region(const AssignAttrs& a, const KernelArgs& k, const F& f) {
  if (k.in[0].data != k.out[0].data) kernels::copy(k.in[0], k.out[0], k.threads);
  ViewPlan plan;
  select(k.out[0], region_of(a, *k.out[0].shape), plan);
  f(View{k.out[0].ptr<char>() + plan.offset * dtype_size(k.out[0].dtype), &plan.shape,
         &plan.strides, k.out[0].dtype, is_contiguous(plan.shape, plan.strides)});
}

// dout with zeros in the region.
Value without_region(const AssignAttrs& a, const Value& dout) {
  static const OpCall kZero("slice_assign_scalar", {"begin", "end", "step", "scalar"});
  return kZero({dout}, {a.begin, a.end, a.step, 0.0});
}

PLAIT_OP(slice_assign, AssignAttrs)
    .doc("lhs with rhs in the part that slice(begin, end, step) would give.")
    .input("lhs", "array of any shape")
    .input("rhs", "array in the shape of that part")
    .output("out", "shape of lhs")
    .required_attr("begin", &AssignAttrs::begin, "as for slice")
    .required_attr("end", &AssignAttrs::end, "as for slice")
    .attr("step", &AssignAttrs::step, Dims{}, "as for slice")
    .on("nd sym", "_slice_assign")
    .on("nd sym", "_crop_assign")
    .infer([](const AssignAttrs& a, const Specs& in) -> Spec {
      const Region r = region_of(a, in[0].shape);
      check(in[1].shape == r.count, ErrorKind::kShape, "rhs has shape ", in[1].shape, ", must be ",
            r.count);
      return in[0];
    })
    .takes_complex()
    .cpu([](const AssignAttrs& a, const KernelArgs& k) {
      on_region(a, k, [&](const View& part) { kernels::copy(k.in[1], part, k.threads); });
    })
    .inplace()
    .grad(
        [](const AssignAttrs& a, const GradArgs& g) -> Values {
          static const OpCall kSlice("slice", {"begin", "end", "step"});
          return {without_region(a, g.dout()), kSlice({g.dout()}, {a.begin, a.end, a.step})};
        },
        op::saves_nothing());

PLAIT_OP(slice_assign_scalar, AssignAttrs)
    .doc("data with a number in the part that slice(begin, end, step) would give.")
    .input("data", "array of any shape")
    .output("out", "shape of data")
    .attr("scalar", &AssignAttrs::scalar, 0.0, "the number")
    .required_attr("begin", &AssignAttrs::begin, "as for slice")
    .required_attr("end", &AssignAttrs::end, "as for slice")
    .attr("step", &AssignAttrs::step, Dims{}, "as for slice")
    .on("nd sym", "_slice_assign_scalar")
    .on("nd sym", "_crop_assign_scalar")
    .infer([](const AssignAttrs& a, const Specs& in) -> Spec {
      region_of(a, in[0].shape);
      return in[0];
    })
    .takes_complex()
    .cpu([](const AssignAttrs& a, const KernelArgs& k) {
      on_region(a, k, [&](const View& part) { kernels::fill(part, a.scalar, k.threads); });
    })
    .inplace()
    .grad([](const AssignAttrs& a,
             const GradArgs& g) -> Values { return {without_region(a, g.dout())}; },
          op::saves_nothing());

PLAIT_OP(batch_take, op::NoAttrs)
    .doc("One element of each row: out[i] = a[i, indices[i]].")
    .input("a", "array of shape (n, m)")
    .input("indices", "(n,) or as many elements; those outside [0, m) are moved to the border")
    .output("out", "shape of indices")
    .on("nd sym", "batch_take")
    .infer([](const op::NoAttrs&, const Specs& in) -> Spec {
      const Dims& d = in[0].shape;
      check(d.size() == 2, ErrorKind::kShape, "a has shape ", d, ", must be (n, m)");
      check(num_elements(in[1].shape) == d[0], ErrorKind::kShape, "indices has shape ", in[1].shape,
            ", must have ", d[0], " elements");
      check(d[1] > 0 || d[0] == 0, ErrorKind::kIndex, "a has shape ", d, ", must have columns");
      return {in[1].shape, in[0].dtype};
    })
    .cpu([](const op::NoAttrs&, const KernelArgs& k) {
      const int64_t n = k.in[0].dim(0), m = k.in[0].dim(1);
      std::vector<int64_t> index(static_cast<size_t>(n));
      kernels::convert(k.in[1].data, k.in[1].dtype, 1, index.data(), DType::kInt64, n);
      dispatch_all(k.in[0].dtype, [&]<class T>(T) {
        for (int64_t i = 0; i < n; ++i) {
          const int64_t at = std::clamp<int64_t>(index[static_cast<size_t>(i)], 0, m - 1);
          k.out[0].ptr<T>()[i] = k.in[0].ptr<T>()[i * m + at];
        }
      });
    })
    .grad(
        [](const op::NoAttrs&, const GradArgs& g) -> Values {
          static const OpCall kBack("pick_backward", {"axis", "mode", "shape"});
          const Dims& shape = g.in_spec(0).shape;
          return {kBack({op::reshape_to(g.dout(), {shape[0]}), g.in(1)},
                        {int64_t{1}, std::string("clip"), shape}),
                  Value{}};
        },
        op::saves_input(1));

}  // namespace
}  // namespace plait::ops
