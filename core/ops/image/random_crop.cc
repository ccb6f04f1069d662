#include <algorithm>
#include <cmath>
#include <type_traits>
#include <vector>

#include "kernels/random.h"
#include "ops/image/resize.h"
#include "ops/sizes.h"

// Parts of images at random places.
namespace plait::ops {
namespace {

using op::KernelArgs;

struct Part {
  int64_t x, y, width, height;
};

// The largest width and height of the ratio of the result, not larger than it, inside the image.
Part largest(const Picture& p, int64_t width, int64_t height) {
  Part part{0, 0, width, height};
  if (p.height < part.height)
    part.width = part.width * p.height / part.height, part.height = p.height;
  if (p.width < part.width) part.height = part.height * p.width / part.width, part.width = p.width;
  part.width = std::max<int64_t>(part.width, 1), part.height = std::max<int64_t>(part.height, 1);
  return part;
}

template <class A>
Spec infer_part(const A& a, const Specs& in) {
  const Picture p(in[0].shape);
  check(p.height > 0 && p.width > 0, ErrorKind::kShape, "data has shape ", in[0].shape,
        ", must have pixels");
  check_extent(a.width, 1, "width");
  check_extent(a.height, 1, "height");
  check(a.interp >= 0 && a.interp <= 4, ErrorKind::kInvalidArgument, "interp is ", a.interp,
        ", must be in [0, 4]");
  return {p.sized(in[0].shape, a.height, a.width), in[0].dtype};
}

// Elements of row `y` of the part; (0, 0) is the corner of the image, the border lies outside.
template <class T>
void copy_row(const T* image, const Picture& p, const Part& part, int64_t y, T fill, T* to) {
  const int64_t at = part.y + y;
  if (at < 0 || at >= p.height) {
    std::fill_n(to, part.width * p.channels, fill);
    return;
  }
  const int64_t begin = std::clamp<int64_t>(part.x, 0, p.width);
  const int64_t end = std::clamp<int64_t>(part.x + part.width, begin, p.width);
  std::fill_n(to, (begin - part.x) * p.channels, fill);
  to += (begin - part.x) * p.channels;
  std::copy_n(image + (at * p.width + begin) * p.channels, (end - begin) * p.channels, to);
  to += (end - begin) * p.channels;
  std::fill_n(to, (part.x + part.width - end) * p.channels, fill);
}

// The part of each image, in the size of the result.
void write_part(const KernelArgs& k, const Part& part, int64_t interp, double fill = 0) {
  const Picture from(*k.in[0].shape), to(*k.out[0].shape);
  const bool fits = part.width == to.width && part.height == to.height;
  dispatch_all(k.in[0].dtype, [&]<class T>(T) {
    const int64_t line = part.width * from.channels;
    std::vector<std::conditional_t<std::is_same_v<T, bool>, uint8_t, T>> rows(
        fits ? 0 : static_cast<size_t>(line * part.height));
    Picture cut = from;
    cut.width = part.width, cut.height = part.height;
    for (int64_t n = 0; n < from.batch; ++n) {
      T* out = k.out[0].ptr<T>() + n * to.height * to.width * to.channels;
      T* copy = fits ? out : reinterpret_cast<T*>(rows.data());
      const T* image = k.in[0].ptr<T>() + n * from.height * from.width * from.channels;
      for (int64_t y = 0; y < part.height; ++y)
        copy_row(image, from, part, y, stored<T>(fill), copy + y * line);
      if (!fits) resize_image(copy, cut, out, to, static_cast<kernels::Interpolation>(interp));
    }
  });
}

struct RandomCropAttrs {
  int64_t width, height, interp;
  std::vector<double> xrange, yrange;
  Dims pad;
  double pad_value;
};

void check_range(const char* name, const std::vector<double>& range, double low, double high) {
  const bool good =
      range.size() == 2 && range[0] >= low && range[1] <= high && range[0] <= range[1];
  check(good, ErrorKind::kInvalidArgument, name, " must be two numbers in [", low, ", ", high,
        "], the first not larger");
}

// A place for the part where `free` pixels are left over, at a share of them within the range.
int64_t place(kernels::Draws& draws, const std::vector<double>& range, int64_t free) {
  if (range[0] == range[1]) return static_cast<int64_t>(range[0] * static_cast<double>(free));
  const double share = range[0] + (range[1] - range[0]) * draws.uniform();
  return std::min(free, static_cast<int64_t>(share * static_cast<double>(free + 1)));
}

PLAIT_OP(image_random_crop, RandomCropAttrs)
    .doc(
        "A part of the image at a random place; smaller, of the same ratio, and then scaled where "
        "the image is too small.")
    .input("data", "(height, width, channels), maybe with a batch axis in front")
    .output("out", "data with the new height and width; the same part of all images")
    .attr("xrange", &RandomCropAttrs::xrange, std::vector<double>{0, 1},
          "bounds of the place between left, 0, and right, 1; (0.5, 0.5): the middle")
    .attr("yrange", &RandomCropAttrs::yrange, std::vector<double>{0, 1},
          "bounds of the place between top, 0, and bottom, 1")
    .required_attr("width", &RandomCropAttrs::width, "columns, > 0")
    .required_attr("height", &RandomCropAttrs::height, "rows, > 0")
    .attr("interp", &RandomCropAttrs::interp, 1,
          "0: nearest pixel, 1: linear, 2: cubic, 3: area, 4: Lanczos")
    .attr("pad", &RandomCropAttrs::pad, Dims{0, 0},
          "pixels of a border around the image: left and right, top and bottom")
    .attr("pad_value", &RandomCropAttrs::pad_value, 0.0, "value of the border")
    .on("nd sym", "_image_random_crop")
    .on("nd sym", "image.random_crop")
    .on("npx", "image.random_crop")
    .random()
    .infer([](const RandomCropAttrs& a, const Specs& in) -> Spec {
      check_range("xrange", a.xrange, 0, 1);
      check_range("yrange", a.yrange, 0, 1);
      check(a.pad.size() == 2 && a.pad[0] >= 0 && a.pad[1] >= 0 && a.pad[0] <= 1 << 14 &&
                a.pad[1] <= 1 << 14,
            ErrorKind::kInvalidArgument, "pad is ", a.pad, ", must be two numbers in [0, 16384]");
      return infer_part(a, in);
    })
    .cpu([](const RandomCropAttrs& a, const KernelArgs& k) {
      const kernels::Philox random(k.random.seed, k.random.offset);
      kernels::Draws draws(random, 0);
      Picture bordered(*k.in[0].shape);
      bordered.width += 2 * a.pad[0], bordered.height += 2 * a.pad[1];
      Part part = largest(bordered, a.width, a.height);
      part.x = place(draws, a.xrange, bordered.width - part.width) - a.pad[0];
      part.y = place(draws, a.yrange, bordered.height - part.height) - a.pad[1];
      write_part(k, part, a.interp, a.pad_value);
    });

struct ResizedCropAttrs {
  int64_t width, height, interp;
  std::vector<double> area, ratio;
  int64_t max_trial;
};

// The middle of the image if no draw fits into it.
Part sized_part(const ResizedCropAttrs& a, const Picture& p, kernels::Draws& draws) {
  const auto area = static_cast<double>(p.height * p.width);
  const double low = std::log(a.ratio[0]), high = std::log(a.ratio[1]);
  for (int64_t trial = 0; trial < a.max_trial; ++trial) {
    const double wanted = area * (a.area[0] + (a.area[1] - a.area[0]) * draws.uniform());
    const double ratio = std::exp(low + (high - low) * draws.uniform());
    const int64_t width = std::llround(std::sqrt(wanted * ratio));
    const int64_t height = std::llround(std::sqrt(wanted / ratio));
    if (width < 1 || height < 1 || width > p.width || height > p.height) continue;
    const int64_t x = upto(draws, p.width - width);
    return {x, upto(draws, p.height - height), width, height};
  }
  Part part = largest(p, a.width, a.height);
  part.x = (p.width - part.width) / 2, part.y = (p.height - part.height) / 2;
  return part;
}

PLAIT_OP(image_random_resized_crop, ResizedCropAttrs)
    .doc("A part of random area, ratio and place, in another size.")
    .source("Szegedy and others: Going deeper with convolutions (2014)")
    .input("data", "(height, width, channels), maybe with a batch axis in front")
    .output("out", "data with the new height and width; the same part of all images")
    .required_attr("width", &ResizedCropAttrs::width, "columns, > 0")
    .required_attr("height", &ResizedCropAttrs::height, "rows, > 0")
    .attr("area", &ResizedCropAttrs::area, std::vector<double>{0.08, 1},
          "bounds of the share of the area, in [0, 1]")
    .attr("ratio", &ResizedCropAttrs::ratio, std::vector<double>{3.0 / 4, 4.0 / 3},
          "bounds of width over height")
    .attr("interp", &ResizedCropAttrs::interp, 1,
          "0: nearest pixel, 1: linear, 2: cubic, 3: area, 4: Lanczos")
    .attr("max_trial", &ResizedCropAttrs::max_trial, 10,
          "draws that may lie outside the image before its middle is taken")
    .on("nd sym", "_image_random_resized_crop")
    .on("nd sym", "image.random_resized_crop")
    .on("npx", "image.random_resized_crop")
    .random()
    .infer([](const ResizedCropAttrs& a, const Specs& in) -> Spec {
      check_range("area", a.area, 0, 1);
      check(a.max_trial >= 0 && a.max_trial <= 1 << 20, ErrorKind::kInvalidArgument,
            "max_trial is ", a.max_trial, ", must be in [0, 2^20]");
      check_range("ratio", a.ratio, 1e-6, 1e6);
      return infer_part(a, in);
    })
    .cpu([](const ResizedCropAttrs& a, const KernelArgs& k) {
      const kernels::Philox random(k.random.seed, k.random.offset);
      kernels::Draws draws(random, 0);
      write_part(k, sized_part(a, Picture(*k.in[0].shape), draws), a.interp);
    });

}  // namespace
}  // namespace plait::ops
