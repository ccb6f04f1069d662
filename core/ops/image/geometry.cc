#include "kernels/copy.h"
#include "kernels/parallel.h"
#include "kernels/random.h"
#include "op/functions.h"
#include "ops/image/resize.h"
#include "ops/index/region.h"
#include "ops/sizes.h"

// Images moved, cut and brought to other sizes.
namespace plait::ops {
namespace {

using op::KernelArgs;

struct CropAttrs {
  int64_t x, y, width, height;
};

Region region_of(const CropAttrs& a, const Dims& d) {
  const Picture p(d);
  check(a.x >= 0 && a.y >= 0 && a.width > 0 && a.height > 0 && a.x < p.width && a.y < p.height &&
            a.width <= p.width - a.x && a.height <= p.height - a.y,
        ErrorKind::kInvalidArgument, "x, y, width, height are ", a.x, ", ", a.y, ", ", a.width,
        ", ", a.height, ", must be a part of an image of ", p.width, " x ", p.height);
  Region r(d);
  const auto at = static_cast<int64_t>(d.size()) - 3;
  r.slice(at, a.y, a.y + a.height, 1);
  r.slice(at + 1, a.x, a.x + a.width, 1);
  return r;
}

PLAIT_OP(image_crop, CropAttrs)
    .doc("A part of an image.")
    .input("data", "(height, width, channels), maybe with a batch axis in front")
    .output("out", "the part")
    .required_attr("x", &CropAttrs::x, "first column")
    .required_attr("y", &CropAttrs::y, "first row")
    .required_attr("width", &CropAttrs::width, "columns, > 0")
    .required_attr("height", &CropAttrs::height, "rows, > 0")
    .on("nd sym", "_image_crop")
    .on("nd sym", "image.crop")
    .on("npx", "image.crop")
    .view([](const CropAttrs& a, const View& in, ViewPlan& out) {
      select(in, region_of(a, *in.shape), out);
      return true;
    })
    .grad(
        [](const CropAttrs& a, const GradArgs& g) -> Values {
          const Dims& whole = g.in_spec(0).shape;
          return {place_region(g.dout(), region_of(a, whole), whole)};
        },
        op::saves_nothing());

// Copies with the axis `from_end` places from the last turned round, where `turned`.
void copy_turned(const KernelArgs& k, int64_t from_end, bool turned) {
  Dims strides = *k.in[0].strides;
  const auto axis = strides.size() - static_cast<size_t>(from_end);
  char* data = k.in[0].ptr<char>();
  if (turned) {
    data += (k.in[0].dim(-from_end) - 1) * strides[axis] * dtype_size(k.in[0].dtype);
    strides[axis] = -strides[axis];
  }
  kernels::copy({data, k.in[0].shape, &strides, k.in[0].dtype, !turned && k.in[0].contiguous},
                k.out[0], k.threads);
}
template <class A>
Spec infer_picture(const A&, const Specs& in) {
  Picture(in[0].shape);
  return in[0];
}

#define PLAIT_IMAGE_FLIP(name, text, from_end)                                              \
  PLAIT_OP(image_flip_##name, op::NoAttrs)                                                  \
      .doc(text)                                                                            \
      .input("data", "(height, width, channels), maybe with a batch axis in front")         \
      .output("out", "shape and dtype of data")                                             \
      .on("nd sym", "_image_flip_" #name)                                                   \
      .on("nd sym", "image.flip_" #name)                                                    \
      .on("npx", "image.flip_" #name)                                                       \
      .infer(infer_picture<op::NoAttrs>)                                                    \
      .cpu([](const op::NoAttrs&, const KernelArgs& k) { copy_turned(k, from_end, true); }) \
      .strided()                                                                            \
      .grad(                                                                                \
          [](const op::NoAttrs&, const GradArgs& g) -> Values {                             \
            static const OpCall kFlip("image_flip_" #name);                                 \
            return {kFlip({g.dout()})};                                                     \
          },                                                                                \
          op::saves_nothing())

PLAIT_IMAGE_FLIP(left_right, "Images with left and right exchanged.", 2);
PLAIT_IMAGE_FLIP(top_bottom, "Images with top and bottom exchanged.", 3);

struct ChanceAttrs {
  double p;
};

#define PLAIT_IMAGE_RANDOM_FLIP(name, text, from_end)                               \
  PLAIT_OP(image_random_flip_##name, ChanceAttrs)                                   \
      .doc(text)                                                                    \
      .input("data", "(height, width, channels), maybe with a batch axis in front") \
      .output("out", "shape and dtype of data")                                     \
      .attr("p", &ChanceAttrs::p, 0.5, "probability of the flip, in [0, 1]")        \
      .on("nd sym", "_image_random_flip_" #name)                                    \
      .on("nd sym", "image.random_flip_" #name)                                     \
      .on("npx", "image.random_flip_" #name)                                        \
      .random()                                                                     \
      .infer(infer_picture<ChanceAttrs>)                                            \
      .cpu([](const ChanceAttrs& a, const KernelArgs& k) {                          \
        const kernels::Philox random(k.random.seed, k.random.offset);               \
        copy_turned(k, from_end, kernels::Draws(random, 0).uniform() < a.p);        \
      })                                                                            \
      .strided()

PLAIT_IMAGE_RANDOM_FLIP(left_right, "Images with left and right exchanged by chance.", 2);
PLAIT_IMAGE_RANDOM_FLIP(top_bottom, "Images with top and bottom exchanged by chance.", 3);

struct ResizeAttrs {
  Dims size;
  bool keep_ratio;
  int64_t interp;
};

// (height, width) of the result; `size` is (width, height) or one number.
Dims target(const ResizeAttrs& a, const Picture& p) {
  check((a.size.size() == 1 || a.size.size() == 2) && a.size[0] > 0 && a.size.back() > 0,
        ErrorKind::kInvalidArgument, "size is ", a.size, ", must be one or two numbers > 0");
  check_extents(a.size, 1, "size");
  if (a.size.size() == 2) return {a.size[1], a.size[0]};
  if (!a.keep_ratio) return {a.size[0], a.size[0]};
  // The shorter side gets the size.
  if (p.height < p.width) return {a.size[0], p.width * a.size[0] / p.height};
  return {p.height * a.size[0] / p.width, a.size[0]};
}

void resize_kernel(const ResizeAttrs& a, const KernelArgs& k) {
  const Picture from(*k.in[0].shape), to(*k.out[0].shape);
  const int64_t in_size = from.height * from.width * from.channels;
  const int64_t out_size = to.height * to.width * to.channels;
  dispatch_all(k.in[0].dtype, [&]<class T>(T) {
    kernels::parallel_for(k.threads, to.batch, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        resize_image(k.in[0].ptr<T>() + i * in_size, from, k.out[0].ptr<T>() + i * out_size, to,
                     static_cast<kernels::Interpolation>(a.interp));
      }
    });
  });
}

PLAIT_OP(image_resize, ResizeAttrs)
    .doc("Images in another size.")
    .input("data", "(height, width, channels), maybe with a batch axis in front")
    .output("out", "data with the new height and width")
    .attr("size", &ResizeAttrs::size, Dims{}, "(width, height), or one number for both")
    .attr("keep_ratio", &ResizeAttrs::keep_ratio, false,
          "with one number: the shorter side gets it, the other follows")
    .attr("interp", &ResizeAttrs::interp, 1,
          "0: nearest pixel, 1: linear, 2: cubic, 3: area, 4: Lanczos")
    .on("nd sym", "_image_resize")
    .on("nd sym", "image.resize")
    .on("npx", "image.resize")
    .infer([](const ResizeAttrs& a, const Specs& in) -> Spec {
      const Picture p(in[0].shape);
      check(p.height > 0 && p.width > 0, ErrorKind::kShape, "data has shape ", in[0].shape,
            ", must have pixels");
      check(a.interp >= 0 && a.interp <= 4, ErrorKind::kInvalidArgument, "interp is ", a.interp,
            ", must be in [0, 4]");
      const Dims size = target(a, p);
      return {p.sized(in[0].shape, size[0], size[1]), in[0].dtype};
    })
    .cpu(resize_kernel);

}  // namespace
}  // namespace plait::ops
