#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/parallel.h"
#include "kernels/random.h"
#include "op/functions.h"
#include "ops/image/image.h"

// Changes of colour, by drawn or given amounts. Numbers of images of whole numbers stay in their
// type's range.
namespace plait::ops {
namespace {

using op::KernelArgs;

// Shares of red, green and blue in brightness (ITU-R BT.601).
constexpr double kGrey[] = {0.299, 0.587, 0.114};

struct FactorAttrs {
  double min_factor, max_factor;
};
struct JitterAttrs {
  double brightness, contrast, saturation, hue;
};
struct LightAttrs {
  std::vector<double> alpha;
};
struct LightStdAttrs {
  double alpha_std;
};

template <class T>
T stored(double v) {
  if constexpr (std::is_integral_v<T>) {
    v = std::clamp(std::round(v), static_cast<double>(std::numeric_limits<T>::min()),
                   static_cast<double>(std::numeric_limits<T>::max()));
  }
  return static_cast<T>(static_cast<acc_t<T>>(v));
}
template <class T>
double number(T v) {
  return static_cast<double>(static_cast<acc_t<T>>(v));
}

// What is done to an image: new = scale old + shift + matrix old, in this order of meaning.
struct Change {
  double scale = 1, shift = 0;
  std::array<double, 9> matrix{1, 0, 0, 0, 1, 0, 0, 0, 1};
};

template <class T>
double mean_grey(const T* x, const Picture& p) {
  double sum = 0;
  const int64_t pixels = p.height * p.width;
  for (int64_t i = 0; i < pixels; ++i) {
    for (int64_t c = 0; c < p.channels; ++c) {
      sum += number(x[i * p.channels + c]) * (p.channels == 3 ? kGrey[c] : 1.0);
    }
  }
  return sum / static_cast<double>(std::max<int64_t>(1, pixels));
}

// Applies the change to all pixels of `x`; x and y may be the same.
template <class T>
void apply(const Picture& p, const Change& change, const T* x, T* y) {
  for (int64_t i = 0; i < p.height * p.width; ++i) {
    const T* from = x + i * p.channels;
    T* to = y + i * p.channels;
    if (p.channels != 3) {
      for (int64_t c = 0; c < p.channels; ++c)
        to[c] = stored<T>(number(from[c]) * change.scale + change.shift);
      continue;
    }
    const double v[] = {number(from[0]), number(from[1]), number(from[2])};
    for (size_t c = 0; c < 3; ++c) {
      const double mixed = change.matrix[3 * c] * v[0] + change.matrix[3 * c + 1] * v[1] +
                           change.matrix[3 * c + 2] * v[2];
      to[c] = stored<T>(mixed * change.scale + change.shift);
    }
  }
}

Change brightness(double f) { return {f, 0}; }
template <class T>
Change contrast(double f, const T* x, const Picture& p) {
  return {f, (1 - f) * mean_grey(x, p)};
}
Change saturation(double f) {
  Change c;
  for (size_t i = 0; i < 9; ++i) c.matrix[i] = (i % 4 == 0 ? f : 0) + (1 - f) * kGrey[i % 3];
  return c;
}
// A turn of the colours around grey by pi (f - 1), in the YIQ space.
Change hue(double f) {
  const double u = std::cos(M_PI * (f - 1)), w = std::sin(M_PI * (f - 1));
  constexpr double kYiq[9] = {0.299, 0.587, 0.114, 0.596, -0.274, -0.321, 0.211, -0.523, 0.311};
  constexpr double kRgb[9] = {1.0, 0.956, 0.621, 1.0, -0.272, -0.647, 1.0, -1.107, 1.705};
  const double turn[9] = {1, 0, 0, 0, u, -w, 0, w, u};
  const auto product = [](const double* a, const double* b, double* out) {
    for (int i = 0; i < 9; ++i) {
      out[i] = a[i / 3 * 3] * b[i % 3] + a[i / 3 * 3 + 1] * b[3 + i % 3] +
               a[i / 3 * 3 + 2] * b[6 + i % 3];
    }
  };
  double half[9];
  Change c;
  product(turn, kYiq, half);
  product(kRgb, half, c.matrix.data());
  return c;
}
// Principal components of the colours of ImageNet: Krizhevsky, Sutskever, Hinton, NIPS (2012).
std::array<double, 3> light(const std::array<double, 3>& alpha) {
  constexpr double kVectors[9] = {55.46 * -0.5675, 4.794 * 0.7192,  1.148 * 0.4009,
                                  55.46 * -0.5808, 4.794 * -0.0045, 1.148 * -0.8140,
                                  55.46 * -0.5836, 4.794 * -0.6948, 1.148 * 0.4203};
  std::array<double, 3> out{};
  for (size_t i = 0; i < 9; ++i) out[i / 3] += kVectors[i] * alpha[i % 3];
  return out;
}

template <class A>
Spec infer(const A&, const Specs& in) {
  Picture(in[0].shape);
  return in[0];
}

// f(image, result) for each image of the batch, with the C++ type of the numbers.
template <class F>
void each_image(const KernelArgs& k, const F& f) {
  const Picture p(*k.in[0].shape);
  const int64_t size = p.height * p.width * p.channels;
  dispatch_all(k.in[0].dtype, [&]<class T>(T) {
    for (int64_t b = 0; b < p.batch; ++b)
      f(p, k.in[0].ptr<T>() + b * size, k.out[0].ptr<T>() + b * size);
  });
}
// A factor between the bounds.
double drawn(const KernelArgs& k, double low, double high, uint64_t index = 0) {
  const kernels::Philox random(k.random.seed, k.random.offset);
  return low + (high - low) * kernels::Draws(random, index).uniform();
}

#define PLAIT_IMAGE_COLOR(name, Attrs, text)                                        \
  PLAIT_OP(image_##name, Attrs)                                                     \
      .doc(text)                                                                    \
      .input("data", "(height, width, channels), maybe with a batch axis in front") \
      .output("out", "shape and dtype of data")                                     \
      .on("nd sym", "_image_" #name)                                                \
      .on("nd sym", "image." #name)                                                 \
      .on("npx", "image." #name)                                                    \
      .infer(infer<Attrs>)
#define PLAIT_IMAGE_FACTOR(name, text)                                                       \
  PLAIT_IMAGE_COLOR(name, FactorAttrs, text)                                                 \
      .required_attr("min_factor", &FactorAttrs::min_factor, "least factor, >= 0")           \
      .required_attr("max_factor", &FactorAttrs::max_factor, "largest factor; 1: no change") \
      .random()

PLAIT_IMAGE_FACTOR(random_brightness, "Images times a factor that is drawn.")
    .cpu([](const FactorAttrs& a, const KernelArgs& k) {
      const Change c = brightness(drawn(k, a.min_factor, a.max_factor));
      each_image(k, [&](const Picture& p, const auto* x, auto* y) { apply(p, c, x, y); });
    });
PLAIT_IMAGE_FACTOR(random_contrast, "Distances from mean grey times a factor that is drawn.")
    .cpu([](const FactorAttrs& a, const KernelArgs& k) {
      const double f = drawn(k, a.min_factor, a.max_factor);
      each_image(
          k, [&](const Picture& p, const auto* x, auto* y) { apply(p, contrast(f, x, p), x, y); });
    });
PLAIT_IMAGE_FACTOR(random_saturation, "Distances from grey times a factor that is drawn.")
    .cpu([](const FactorAttrs& a, const KernelArgs& k) {
      const Change c = saturation(drawn(k, a.min_factor, a.max_factor));
      each_image(k, [&](const Picture& p, const auto* x, auto* y) { apply(p, c, x, y); });
    });
PLAIT_IMAGE_FACTOR(random_hue, "Colours turned around grey by pi (factor - 1), a drawn factor.")
    .cpu([](const FactorAttrs& a, const KernelArgs& k) {
      const Change c = hue(drawn(k, a.min_factor, a.max_factor));
      each_image(k, [&](const Picture& p, const auto* x, auto* y) { apply(p, c, x, y); });
    });

PLAIT_IMAGE_COLOR(
    random_color_jitter, JitterAttrs,
    "Brightness, contrast, saturation and hue changed by drawn factors in [1 - a, 1 + "
    "a], in random order.")
    .required_attr("brightness", &JitterAttrs::brightness, "a of brightness, >= 0; 0: no change")
    .required_attr("contrast", &JitterAttrs::contrast, "a of contrast, >= 0")
    .required_attr("saturation", &JitterAttrs::saturation, "a of saturation, >= 0")
    .required_attr("hue", &JitterAttrs::hue, "a of hue, >= 0")
    .random()
    .cpu([](const JitterAttrs& a, const KernelArgs& k) {
      std::array<int, 4> order{0, 1, 2, 3};
      for (int i = 3; i > 0; --i) {
        const auto j = static_cast<size_t>(drawn(k, 0, i + 1, static_cast<uint64_t>(i)));
        std::swap(order[static_cast<size_t>(i)], order[j]);
      }
      const double width[] = {a.brightness, a.contrast, a.saturation, a.hue};
      each_image(k, [&]<class T>(const Picture& p, const T* x, T* y) {
        std::copy_n(x, p.height * p.width * p.channels, y);
        for (int kind : order) {
          const double w = width[kind];
          if (w <= 0) continue;
          const double f = drawn(k, std::max(0.0, 1 - w), 1 + w, static_cast<uint64_t>(4 + kind));
          const Change c = kind == 0   ? brightness(f)
                           : kind == 1 ? contrast(f, y, p)
                           : kind == 2 ? saturation(f)
                                       : hue(f);
          apply<T>(p, c, y, y);
        }
      });
    });

// Adds the same light to all pixels.
void add_light(const KernelArgs& k, const std::array<double, 3>& alpha) {
  const std::array<double, 3> shift = light(alpha);
  each_image(k, [&]<class T>(const Picture& p, const T* x, T* y) {
    for (int64_t i = 0; i < p.height * p.width * p.channels; ++i) {
      const double v = number(x[i]);
      y[i] = p.channels == 3 ? stored<T>(v + shift[static_cast<size_t>(i % 3)]) : x[i];
    }
  });
}

PLAIT_IMAGE_COLOR(adjust_lighting, LightAttrs,
                  "Adds light along the principal components of natural colours.")
    .required_attr("alpha", &LightAttrs::alpha, "three amounts")
    .cpu([](const LightAttrs& a, const KernelArgs& k) {
      check(a.alpha.size() == 3, ErrorKind::kInvalidArgument, "alpha has ", a.alpha.size(),
            " numbers, must be 3");
      add_light(k, {a.alpha[0], a.alpha[1], a.alpha[2]});
    });

PLAIT_IMAGE_COLOR(random_lighting, LightStdAttrs,
                  "Adds a drawn light along the principal components of natural colours.")
    .attr("alpha_std", &LightStdAttrs::alpha_std, 0.05, "standard deviation of the three amounts")
    .random()
    .cpu([](const LightStdAttrs& a, const KernelArgs& k) {
      const kernels::Philox random(k.random.seed, k.random.offset);
      kernels::Draws draws(random, 0);
      std::array<double, 3> alpha{};
      for (double& v : alpha) v = a.alpha_std * draws.normal();
      add_light(k, alpha);
    });

}  // namespace
}  // namespace plait::ops
