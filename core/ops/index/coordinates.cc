#include "kernels/convert.h"
#include "op/functions.h"
#include "op/op.h"

// Coordinates as numbers: places in a flattened array, positions of elements.
namespace plait::ops {
namespace {

using op::KernelArgs;

struct ShapeAttrs {
  Dims shape;
};

// All elements as int64.
std::vector<int64_t> numbers(const View& v) {
  std::vector<int64_t> out(static_cast<size_t>(v.size()));
  kernels::convert(v.data, v.dtype, 1, out.data(), DType::kInt64, v.size());
  return out;
}
void write(const std::vector<int64_t>& from, const View& to) {
  kernels::convert(from.data(), DType::kInt64, 1, to.data, to.dtype, to.size());
}
template <class A>
Values no_grad(const A&, const GradArgs& g) {
  return Values(g.num_in());
}

PLAIT_OP(ravel_multi_index, ShapeAttrs)
    .doc("Places in a flattened array of the given shape, from coordinates.")
    .input("data", "(m, ...): coordinates along the m axes")
    .output("out", "data without its first axis, in its type")
    .required_attr("shape", &ShapeAttrs::shape, "m sizes; the first may be -1, it is not needed")
    .on("nd sym", "_ravel_multi_index")
    .on("nd sym", "ravel_multi_index")
    .infer([](const ShapeAttrs& a, const Specs& in) -> Spec {
      const Dims& d = in[0].shape;
      check(!d.empty() && d[0] == static_cast<int64_t>(a.shape.size()), ErrorKind::kShape,
            "data has shape ", d, ", must have one row for each axis of shape ", a.shape);
      return {Dims(d.begin() + 1, d.end()), in[0].dtype};
    })
    .cpu([](const ShapeAttrs& a, const KernelArgs& k) {
      const std::vector<int64_t> from = numbers(k.in[0]);
      const int64_t n = k.out[0].size();
      std::vector<int64_t> to(static_cast<size_t>(n), 0);
      for (size_t d = 0; d < a.shape.size(); ++d) {
        for (size_t i = 0; i < to.size(); ++i)
          to[i] = to[i] * a.shape[d] + from[d * static_cast<size_t>(n) + i];
      }
      write(to, k.out[0]);
    })
    .grad(no_grad<ShapeAttrs>, op::saves_nothing());

PLAIT_OP(unravel_index, ShapeAttrs)
    .doc("Coordinates from places in a flattened array of the given shape.")
    .input("data", "places, of any shape")
    .output("out", "(m, ...): coordinates along the m axes, in the type of data")
    .required_attr("shape", &ShapeAttrs::shape, "m sizes; the first may be -1, it is not needed")
    .on("nd sym", "_unravel_index")
    .on("nd sym", "unravel_index")
    .infer([](const ShapeAttrs& a, const Specs& in) -> Spec {
      check(!a.shape.empty(), ErrorKind::kInvalidArgument, "shape is (), must have a size");
      for (size_t i = 1; i < a.shape.size(); ++i) {
        check(a.shape[i] > 0, ErrorKind::kInvalidArgument, "shape is ", a.shape, ", must be > 0");
      }
      Dims out{static_cast<int64_t>(a.shape.size())};
      out.append(in[0].shape.begin(), in[0].shape.end());
      return {out, in[0].dtype};
    })
    .cpu([](const ShapeAttrs& a, const KernelArgs& k) {
      std::vector<int64_t> left = numbers(k.in[0]);
      const size_t n = left.size();
      std::vector<int64_t> to(n * a.shape.size());
      for (size_t d = a.shape.size(); d-- > 0;) {
        for (size_t i = 0; i < n; ++i) {
          to[d * n + i] = d ? left[i] % a.shape[d] : left[i];
          if (d) left[i] /= a.shape[d];
        }
      }
      write(to, k.out[0]);
    })
    .grad(no_grad<ShapeAttrs>, op::saves_nothing());

struct AxesAttrs {
  std::optional<Dims> axes;
};

Dims chosen_axes(const AxesAttrs& a, const Dims& data) {
  Dims axes;
  const auto ndim = static_cast<int64_t>(data.size());
  if (!a.axes) {
    for (int64_t i = 0; i < ndim; ++i) axes.push_back(i);
    return axes;
  }
  for (int64_t axis : *a.axes) axes.push_back(normalize_axis(axis, ndim, "axes"));
  return axes;
}

PLAIT_OP(index_array, AxesAttrs)
    .doc("The coordinates of every element of an array.")
    .input("data", "array that gives the shape")
    .output("out", "int64, shape of data and an axis with one coordinate for each of axes")
    .attr("axes", &AxesAttrs::axes, std::nullopt, "axes whose coordinates are given; None: all")
    .on("nd sym", "_contrib_index_array")
    .on("nd sym", "contrib.index_array")
    .infer([](const AxesAttrs& a, const Specs& in) -> Spec {
      Dims shape = in[0].shape;
      shape.push_back(static_cast<int64_t>(chosen_axes(a, shape).size()));
      return {shape, DType::kInt64};
    })
    .cpu([](const AxesAttrs& a, const KernelArgs& k) {
      const Dims &data = *k.in[0].shape, axes = chosen_axes(a, data);
      const Dims steps = contiguous_strides(data);
      int64_t* y = k.out[0].ptr<int64_t>();
      const int64_t total = num_elements(data);
      for (int64_t i = 0; i < total; ++i) {
        for (int64_t axis : axes) {
          const auto d = static_cast<size_t>(axis);
          *y++ = i / steps[d] % data[d];
        }
      }
    })
    .grad(no_grad<AxesAttrs>, op::saves_nothing());

}  // namespace
}  // namespace plait::ops
