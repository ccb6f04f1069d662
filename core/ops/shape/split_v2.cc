#include "kernels/copy.h"
#include "op/functions.h"
#include "op/op.h"
#include "ops/index/region.h"
#include "ops/sizes.h"

namespace plait::ops {
namespace {

struct SplitAttrs {
  Dims indices;
  int64_t axis;
  bool squeeze_axis;
  int64_t sections;
};

// First index of each piece, and the end of the axis.
std::vector<int64_t> borders(const SplitAttrs& a, int64_t n) {
  std::vector<int64_t> at;
  if (a.sections > 0) {
    check(n % a.sections == 0, ErrorKind::kShape, "sections is ", a.sections,
          ", must divide the size ", n, " of axis ", a.axis);
    for (int64_t i = 0; i < a.sections; ++i) at.push_back(n / a.sections * i);
  } else {
    check(!a.indices.empty(), ErrorKind::kInvalidArgument,
          "indices is (), must have the first index of each piece if sections is 0");
    at.assign(a.indices.begin(), a.indices.end());
  }
  at.push_back(n);
  for (size_t i = 0; i + 1 < at.size(); ++i) {
    check(at[i] >= 0 && at[i] <= at[i + 1], ErrorKind::kInvalidArgument, "indices is ", a.indices,
          ", must rise from 0 to at most ", n);
  }
  return at;
}

int pieces(const SplitAttrs& a) {
  if (a.sections) check_pieces(a.sections, "sections");
  return static_cast<int>(a.sections > 0 ? a.sections : static_cast<int64_t>(a.indices.size()));
}
Region piece(const SplitAttrs& a, const Dims& data, size_t i) {
  const int64_t axis = normalize_axis(a.axis, static_cast<int64_t>(data.size()));
  const std::vector<int64_t> at = borders(a, data[static_cast<size_t>(axis)]);
  Region r(data);
  r.slice(axis, at[i], at[i + 1], 1);
  return r;
}

PLAIT_OP(split_v2, SplitAttrs)
    .doc("Takes an array apart along an axis, at given indices or into equal pieces.")
    .input("data", "array with the axis")
    .output("out", "each piece")
    .required_attr("indices", &SplitAttrs::indices,
                   "first index of each piece; not used with "
                   "sections")
    .attr("axis", &SplitAttrs::axis, 1, "axis that is divided")
    .attr("squeeze_axis", &SplitAttrs::squeeze_axis, false, "drop the axis from pieces of size 1")
    .attr("sections", &SplitAttrs::sections, 0, "number of equal pieces; 0: indices count")
    .on("nd sym", "_split_v2")
    .num_outputs(pieces)
    .infer([](const SplitAttrs& a, const Specs& in) -> Specs {
      Specs out;
      for (int i = 0; i < pieces(a); ++i) {
        Dims shape = piece(a, in[0].shape, static_cast<size_t>(i)).count;
        const auto axis =
            static_cast<size_t>(normalize_axis(a.axis, static_cast<int64_t>(shape.size())));
        check(!a.squeeze_axis || shape[axis] == 1, ErrorKind::kShape,
              "squeeze_axis is True, pieces must have size 1, not ", shape[axis]);
        if (a.squeeze_axis) shape.erase(axis);
        out.push_back({shape, in[0].dtype});
      }
      return out;
    })
    .takes_complex()
    .cpu([](const SplitAttrs& a, const op::KernelArgs& k) {
      for (size_t i = 0; i < k.out.size(); ++i) {
        ViewPlan plan;
        select(k.in[0], piece(a, *k.in[0].shape, i), plan);
        const View part{k.in[0].ptr<char>() + plan.offset * dtype_size(k.in[0].dtype), &plan.shape,
                        &plan.strides, k.in[0].dtype, false};
        const Dims to = contiguous_strides(plan.shape);
        kernels::copy(part, {k.out[i].data, &plan.shape, &to, k.out[i].dtype, true}, k.threads);
      }
    })
    .portable()
    .grad(
        [](const SplitAttrs& a, const GradArgs& g) -> Values {
          const Dims& whole = g.in_spec(0).shape;
          Value sum;
          for (size_t i = 0; i < g.out_specs.size(); ++i) {
            if (!g.has_dout(i)) continue;
            const Value part = place_region(g.dout(i), piece(a, whole, i), whole);
            sum = sum ? sum + part : part;
          }
          return {sum};
        },
        op::saves_nothing());

struct CropAttrs {
  int64_t num_args;
  Dims offset, h_w;
  bool center_crop;
};

Region cropped(const CropAttrs& a, const Dims& d, const Dims* like) {
  check(d.size() == 4 && (!like || like->size() == 4), ErrorKind::kShape, "data has shape ", d,
        ", must be (batch, channels, height, width)");
  check(a.offset.size() == 2 && a.h_w.size() == 2, ErrorKind::kInvalidArgument, "offset is ",
        a.offset, ", h_w is ", a.h_w, ", must have 2 numbers each");
  Region r(d);
  for (size_t i = 0; i < 2; ++i) {
    const int64_t n = d[2 + i], size = like ? (*like)[2 + i] : a.h_w[i];
    check(size > 0 && size <= n, ErrorKind::kInvalidArgument, "the part has size ", size,
          ", must be in [1, ", n, "] along axis ", 2 + i);
    const int64_t first = a.center_crop ? (n - size) / 2 : a.offset[i];
    check(first >= 0 && first <= n - size, ErrorKind::kInvalidArgument, "the part has size ", size,
          " from ", first, ", must lie in ", n, " pixels along axis ", 2 + i);
    r.slice(static_cast<int64_t>(2 + i), first, first + size, 1);
  }
  return r;
}
const Dims* like_shape(const Specs& in) { return in.size() > 1 ? &in[1].shape : nullptr; }

PLAIT_OP(crop_like, CropAttrs)
    .doc("Part of images: of a given size, or that of other images.")
    .variadic_input("data",
                    "(batch, channels, height, width), then maybe images that give the size")
    .output("out", "(batch, channels, new height, new width)")
    .attr("num_args", &CropAttrs::num_args, 1, "number of arrays; counted when given")
    .attr("offset", &CropAttrs::offset, Dims{0, 0}, "first row and column")
    .attr("h_w", &CropAttrs::h_w, Dims{0, 0}, "new height and width, if data comes alone")
    .attr("center_crop", &CropAttrs::center_crop, false, "take the middle; offset is not used")
    .on("nd sym", "Crop")
    .infer([](const CropAttrs& a, const Specs& in) -> Spec {
      check(in.size() == 1 || in.size() == 2, ErrorKind::kInvalidArgument, "got ", in.size(),
            " arrays, must be 1 or 2");
      return {cropped(a, in[0].shape, like_shape(in)).count, in[0].dtype};
    })
    .cpu([](const CropAttrs& a, const op::KernelArgs& k) {
      ViewPlan plan;
      select(k.in[0], cropped(a, *k.in[0].shape, k.in.size() > 1 ? k.in[1].shape : nullptr), plan);
      kernels::copy({k.in[0].ptr<char>() + plan.offset * dtype_size(k.in[0].dtype), &plan.shape,
                     &plan.strides, k.in[0].dtype, false},
                    k.out[0], k.threads);
    })
    .portable()
    .strided()
    .grad(
        [](const CropAttrs& a, const GradArgs& g) -> Values {
          const Dims& whole = g.in_spec(0).shape;
          Values d(g.num_in());
          d[0] = place_region(g.dout(), cropped(a, whole, like_shape(g.in_specs)), whole);
          return d;
        },
        op::saves_nothing());

}  // namespace
}  // namespace plait::ops
