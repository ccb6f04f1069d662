#include <vector>

#include "kernels/parallel.h"
#include "kernels/simd.h"
#include "op/functions.h"
#include "op/op.h"
#include "ops/expect.h"
#include "ops/sizes.h"

// Images brought to another size. Both operators are linear: rows of weights along height and width
// give the result, their transpose the gradient.
namespace plait::ops {
namespace {

using op::KernelArgs;

// Which elements of a line make one element of the result, and their shares.
struct Share {
  int64_t first = 0;
  std::vector<double> weight;
};
using Line = std::vector<Share>;

// Linear interpolation; `align_corners`: the first and last elements keep their places.
Line interpolation(int64_t in, int64_t out, bool align_corners) {
  Line line(static_cast<size_t>(out));
  const double scale =
      align_corners ? (out > 1 ? static_cast<double>(in - 1) / static_cast<double>(out - 1) : 0.0)
                    : static_cast<double>(in) / static_cast<double>(out);
  for (int64_t i = 0; i < out; ++i) {
    const double centre = align_corners ? scale * static_cast<double>(i)
                                        : scale * (static_cast<double>(i) + 0.5) - 0.5;
    const double at = std::max(0.0, centre);
    const int64_t low = std::min(static_cast<int64_t>(at), in - 1),
                  high = std::min(low + 1, in - 1);
    const double f = at - static_cast<double>(low);
    Share& s = line[static_cast<size_t>(i)];
    s.first = low;
    s.weight = high > low ? std::vector<double>{1 - f, f} : std::vector<double>{1};
  }
  return line;
}

// Means of the windows [floor(i in / out), ceil((i + 1) in / out)).
Line means(int64_t in, int64_t out) {
  Line line(static_cast<size_t>(out));
  for (int64_t i = 0; i < out; ++i) {
    const int64_t begin = i * in / out, end = ((i + 1) * in + out - 1) / out;
    line[static_cast<size_t>(i)] = {begin,
                                    std::vector<double>(static_cast<size_t>(end - begin),
                                                        1.0 / static_cast<double>(end - begin))};
  }
  return line;
}

// Images (count, height, width, step): neighbours in a row lie `step` apart, which is 1, or the
// number of channels where these are last.
struct Images {
  int64_t count, height, width, step;
};

// A line with its shares in arrays: element i is the sum of weight[k] times the element source[k],
// for k from begin[i] to begin[i + 1].
template <class A>
struct FlatLine {
  std::vector<int32_t> begin{0}, source;
  std::vector<A> weight;
  bool pairs = true;  // two each

  // Of shares of one or two `with_pairs` makes two.
  FlatLine(const Line& line, bool with_pairs) {
    for (const Share& s : line) pairs = pairs && with_pairs && s.weight.size() <= 2;
    for (const Share& s : line) {
      for (size_t k = 0; k < s.weight.size(); ++k)
        add(s.first + static_cast<int64_t>(k), s.weight[k]);
      if (pairs && s.weight.size() == 1) add(s.first, 0);
      begin.push_back(static_cast<int32_t>(source.size()));
    }
  }
  void add(int64_t at, double w) {
    source.push_back(static_cast<int32_t>(at));
    weight.push_back(static_cast<A>(w));
  }
};

template <class T, class A>
void blend_rows(const T* x, int64_t n, const Share& share, A* row) {
  const T* a = x + share.first * n;
  const A wa = static_cast<A>(share.weight[0]);
  if (share.weight.size() == 2) {
    const T* b = a + n;
    const A wb = static_cast<A>(share.weight[1]);
    kernels::vector_loop(
        n, [=](int64_t i) { row[i] = wa * static_cast<A>(a[i]) + wb * static_cast<A>(b[i]); });
    return;
  }
  kernels::vector_loop(n, [=](int64_t i) { row[i] = wa * static_cast<A>(a[i]); });
  for (size_t k = 1; k < share.weight.size(); ++k) {
    const T* b = a + static_cast<int64_t>(k) * n;
    const A wb = static_cast<A>(share.weight[k]);
    kernels::vector_loop(n, [=](int64_t i) { row[i] += wb * static_cast<A>(b[i]); });
  }
}

template <class T, class A>
void blend_columns(const A* row, const FlatLine<A>& line, int64_t width, int64_t step, T* to) {
  const int32_t *begin = line.begin.data(), *source = line.source.data();
  const A* weight = line.weight.data();
  if (line.pairs && step == 1) {
    kernels::vector_loop(width, [=](int64_t i) {
      to[i] = static_cast<T>(weight[2 * i] * row[source[2 * i]] +
                             weight[2 * i + 1] * row[source[2 * i + 1]]);
    });
    return;
  }
  kernels::vector_call([=] {
    for (int64_t i = 0; i < width; ++i) {
      T* out = to + i * step;
      if (line.pairs) {
        const A *a = row + source[2 * i] * step, *b = row + source[2 * i + 1] * step;
        const A wa = weight[2 * i], wb = weight[2 * i + 1];
#pragma GCC ivdep
        for (int64_t j = 0; j < step; ++j) out[j] = static_cast<T>(wa * a[j] + wb * b[j]);
        continue;
      }
      for (int64_t j = 0; j < step; ++j) {
        A sum = 0;
        for (int32_t k = begin[i]; k < begin[i + 1]; ++k) {
          sum += weight[k] * row[source[k] * step + j];
        }
        out[j] = static_cast<T>(sum);
      }
    }
  });
}

// Rows first, then columns.
void resize(const View& from, const View& to, const Images& images, const Line& rows,
            const Line& columns, int threads) {
  const auto height = static_cast<int64_t>(rows.size()),
             width = static_cast<int64_t>(columns.size());
  const int64_t n = images.width * images.step, out = width * images.step;
  dispatch_floating(from.dtype, [&]<class T>(T) {
    using A = acc_t<T>;
    const FlatLine<A> across(columns, true);
    const int64_t grain = 1 + kernels::kGrain / 4 / (n + out);
    kernels::parallel_for(threads, images.count * height, grain, [&](int64_t begin, int64_t end) {
      std::vector<A> row(static_cast<size_t>(n));
      for (int64_t i = begin; i < end; ++i) {
        const T* x = from.ptr<T>() + i / height * images.height * n;
        blend_rows(x, n, rows[static_cast<size_t>(i % height)], row.data());
        blend_columns(row.data(), across, width, images.step, to.ptr<T>() + i * out);
      }
    });
  });
}

// The transpose of that: every element of `from` adds its shares to `to`.
void spread(const View& from, const View& to, const Line& rows, const Line& columns, int threads) {
  const int64_t planes = from.dim(0) * from.dim(1), in = from.dim(2) * from.dim(3),
                out = to.dim(2) * to.dim(3), width = to.dim(3);
  dispatch_floating(from.dtype, [&]<class T>(T) {
    using A = acc_t<T>;
    kernels::parallel_for(threads, planes, 1 + 4096 / (in + out), [&](int64_t begin, int64_t end) {
      std::vector<A> sums(static_cast<size_t>(out));
      for (int64_t p = begin; p < end; ++p) {
        const T* x = from.ptr<T>() + p * in;
        std::fill(sums.begin(), sums.end(), A(0));
        for (size_t y = 0; y < rows.size(); ++y) {
          for (size_t i = 0; i < rows[y].weight.size(); ++i) {
            A* row = sums.data() + (rows[y].first + static_cast<int64_t>(i)) * width;
            for (size_t c = 0; c < columns.size(); ++c) {
              const A value = static_cast<A>(x[y * columns.size() + c]);
              for (size_t j = 0; j < columns[c].weight.size(); ++j) {
                row[columns[c].first + static_cast<int64_t>(j)] +=
                    static_cast<A>(rows[y].weight[i] * columns[c].weight[j]) * value;
              }
            }
          }
        }
        for (int64_t i = 0; i < out; ++i)
          to.ptr<T>()[p * out + i] = static_cast<T>(sums[static_cast<size_t>(i)]);
      }
    });
  });
}

Images planes_of(const View& data) {
  return {data.dim(0) * data.dim(1), data.dim(2), data.dim(3), 1};
}

void check_data(const Specs& in) {
  check(is_floating(in[0].dtype), ErrorKind::kType, "data has dtype ", in[0].dtype,
        ", must be floating");
  const Dims& d = in[0].shape;
  check(d.size() == 4 && d[2] > 0 && d[3] > 0, ErrorKind::kShape, "data has shape ", d,
        ", must be (batch, channels, height, width) with pixels");
}

struct ResizeAttrs {
  int64_t height, width;
  std::optional<double> scale_height, scale_width;
  std::string mode;
  bool align_corners;
  Dims shape;  // of data, for the backward operator only
};

// (height, width) of the result; `like` is the shape of the second input, if there is one.
Dims target(const ResizeAttrs& a, const Dims& data, const Dims* like) {
  const int64_t h = data[2], w = data[3];
  const auto scaled = [](int64_t n, double s) {
    const double size = static_cast<double>(n) * s;
    return size > -1 && size < 0x1p31 ? static_cast<int64_t>(size) : int64_t{0};
  };
  const auto odd = [](int64_t n) { return n % 2 ? n : n + 1; };
  Dims out{a.height, a.width};
  if (a.mode == "like") out = {(*like)[2], (*like)[3]};
  if (a.mode == "odd_scale") {
    out = {odd(scaled(h, a.scale_height.value_or(1))), odd(scaled(w, a.scale_width.value_or(1)))};
  } else if (a.mode == "to_even_down") {
    out = {h - h % 2, w - w % 2};
  } else if (a.mode == "to_even_up") {
    out = {h + h % 2, w + w % 2};
  } else if (a.mode == "to_odd_down") {
    out = {h - 1 + h % 2, w - 1 + w % 2};
  } else if (a.mode == "to_odd_up") {
    out = {odd(h), odd(w)};
  } else if (a.mode == "size" && a.scale_height) {
    out = {scaled(h, *a.scale_height), scaled(w, a.scale_width.value_or(*a.scale_height))};
  }
  check_extent(out[0], 1, "height");
  check_extent(out[1], 1, "width");
  return out;
}

// The data of shape `shape` that became `dout`: other images, of any size.
Spec image_like(const Spec& dout, const Dims& shape) {
  check_size(shape, 1);
  const Spec data{shape, dout.dtype};
  check_data({data});
  check_data({dout});
  expect(dout, {{shape[0], shape[1], dout.shape[2], dout.shape[3]}, dout.dtype}, "dout");
  return data;
}

Values resize_grad(const ResizeAttrs& a, const GradArgs& g) {
  static const OpCall kBack("bilinear_resize_backward", {"align_corners", "shape"});
  Values d(g.num_in());
  d[0] = kBack({g.dout()}, {a.align_corners, g.in_spec(0).shape});
  return d;
}

PLAIT_OP(bilinear_resize, ResizeAttrs)
    .doc("Images in another size, interpolated linearly between pixels.")
    .input("data", "floating (batch, channels, height, width)")
    .optional_input("like", "array whose last two axes give the size; with mode 'like'")
    .output("output", "(batch, channels, new height, new width)")
    .attr("height", &ResizeAttrs::height, 1, "new height, > 0; not used with a scale or mode")
    .attr("width", &ResizeAttrs::width, 1, "new width, > 0")
    .attr("scale_height", &ResizeAttrs::scale_height, std::nullopt, "new height over the old")
    .attr("scale_width", &ResizeAttrs::scale_width, std::nullopt, "new width over the old")
    .attr("mode", &ResizeAttrs::mode, "size", "how the size is found")
    .choices({"like", "odd_scale", "size", "to_even_down", "to_even_up", "to_odd_down",
              "to_odd_up"})
    .attr("align_corners", &ResizeAttrs::align_corners, true,
          "the centres of the corner pixels keep their places; False: the edges do")
    .on("nd sym", "_contrib_BilinearResize2D")
    .on("nd sym", "contrib.BilinearResize2D")
    .num_inputs([](const ResizeAttrs& a) { return a.mode == "like" ? 2 : 1; })
    .infer([](const ResizeAttrs& a, const Specs& in) -> Spec {
      check_data(in);
      check(a.mode != "like" || in[1].shape.size() == 4, ErrorKind::kShape, "like has shape ",
            a.mode == "like" ? in[1].shape : Dims{}, ", must have 4 axes");
      const Dims size = target(a, in[0].shape, a.mode == "like" ? &in[1].shape : nullptr);
      return {{in[0].shape[0], in[0].shape[1], size[0], size[1]}, in[0].dtype};
    })
    .cpu([](const ResizeAttrs& a, const KernelArgs& k) {
      resize(k.in[0], k.out[0], planes_of(k.in[0]),
             interpolation(k.in[0].dim(2), k.out[0].dim(2), a.align_corners),
             interpolation(k.in[0].dim(3), k.out[0].dim(3), a.align_corners), k.threads);
    })
    .grad(resize_grad, op::saves_nothing());

PLAIT_OP(bilinear_resize_last, ResizeAttrs)
    .doc("bilinear_resize of images with channels last; made by the graph compiler.")
    .input("data", "floating (batch, height, width, channels)")
    .output("output", "(batch, new height, new width, channels)")
    .required_attr("height", &ResizeAttrs::height, "new height, > 0")
    .required_attr("width", &ResizeAttrs::width, "new width, > 0")
    .attr("align_corners", &ResizeAttrs::align_corners, true, "as for bilinear_resize")
    .infer([](const ResizeAttrs& a, const Specs& in) -> Spec {
      check_data(in);
      check_extent(a.height, 1, "height");
      check_extent(a.width, 1, "width");
      const Dims& d = in[0].shape;
      check(d[1] > 0, ErrorKind::kShape, "data has shape ", d, ", must have pixels");
      return {{d[0], a.height, a.width, d[3]}, in[0].dtype};
    })
    .cpu([](const ResizeAttrs& a, const KernelArgs& k) {
      if (k.out[0].size() == 0) return;
      const View& x = k.in[0];
      resize(x, k.out[0], {x.dim(0), x.dim(1), x.dim(2), x.dim(3)},
             interpolation(x.dim(1), a.height, a.align_corners),
             interpolation(x.dim(2), a.width, a.align_corners), k.threads);
    });

PLAIT_OP(bilinear_resize_backward, ResizeAttrs)
    .doc("Gradient of bilinear_resize.")
    .input("dout", "gradient of the output")
    .output("ddata", "gradient of data")
    .attr("align_corners", &ResizeAttrs::align_corners, true, "as for bilinear_resize")
    .required_attr("shape", &ResizeAttrs::shape, "shape of data")
    .infer([](const ResizeAttrs& a, const Specs& in) -> Spec { return image_like(in[0], a.shape); })
    .cpu([](const ResizeAttrs& a, const KernelArgs& k) {
      spread(k.in[0], k.out[0], interpolation(a.shape[2], k.in[0].dim(2), a.align_corners),
             interpolation(a.shape[3], k.in[0].dim(3), a.align_corners), k.threads);
    })
    .grad(
        [](const ResizeAttrs& a, const GradArgs& g) -> Values {
          static const OpCall kResize("bilinear_resize", {"height", "width", "align_corners"});
          const Dims& out = g.in_spec(0).shape;
          return {kResize({g.dout()}, {out[2], out[3], a.align_corners})};
        },
        op::saves_nothing());

struct AdaptiveAttrs {
  Dims output_size;
  Dims shape;  // of data, for the backward operator only
};

Dims pooled(const AdaptiveAttrs& a) {
  if (a.output_size.empty()) return {1, 1};
  check_extents(a.output_size, 1, "output_size");
  check(a.output_size.size() <= 2, ErrorKind::kInvalidArgument, "output_size is ", a.output_size,
        ", must be one or two numbers");
  return {a.output_size[0], a.output_size.back()};
}

PLAIT_OP(adaptive_avg_pooling, AdaptiveAttrs)
    .doc("Means of windows that divide an image into a given number of parts.")
    .input("data", "floating (batch, channels, height, width)")
    .output("output", "(batch, channels, output height, output width)")
    .attr("output_size", &AdaptiveAttrs::output_size, Dims{},
          "height and width of the result, or one number for both; (): 1")
    .on("nd sym", "_contrib_AdaptiveAvgPooling2D")
    .on("nd sym", "contrib.AdaptiveAvgPooling2D")
    .infer([](const AdaptiveAttrs& a, const Specs& in) -> Spec {
      check_data(in);
      const Dims size = pooled(a);
      return {{in[0].shape[0], in[0].shape[1], size[0], size[1]}, in[0].dtype};
    })
    .cpu([](const AdaptiveAttrs&, const KernelArgs& k) {
      resize(k.in[0], k.out[0], planes_of(k.in[0]), means(k.in[0].dim(2), k.out[0].dim(2)),
             means(k.in[0].dim(3), k.out[0].dim(3)), k.threads);
    })
    .grad(
        [](const AdaptiveAttrs&, const GradArgs& g) -> Values {
          static const OpCall kBack("adaptive_avg_pooling_backward", {"shape"});
          return {kBack({g.dout()}, {g.in_spec(0).shape})};
        },
        op::saves_nothing());

PLAIT_OP(adaptive_avg_pooling_backward, AdaptiveAttrs)
    .doc("Gradient of adaptive_avg_pooling.")
    .input("dout", "gradient of the output")
    .output("ddata", "gradient of data")
    .required_attr("shape", &AdaptiveAttrs::shape, "shape of data")
    .infer([](const AdaptiveAttrs& a, const Specs& in) -> Spec {
      return image_like(in[0], a.shape);
    })
    .cpu([](const AdaptiveAttrs& a, const KernelArgs& k) {
      spread(k.in[0], k.out[0], means(a.shape[2], k.in[0].dim(2)),
             means(a.shape[3], k.in[0].dim(3)), k.threads);
    })
    .grad(
        [](const AdaptiveAttrs&, const GradArgs& g) -> Values {
          static const OpCall kPool("adaptive_avg_pooling", {"output_size"});
          const Dims& out = g.in_spec(0).shape;
          return {kPool({g.dout()}, {Dims{out[2], out[3]}})};
        },
        op::saves_nothing());

}  // namespace
}  // namespace plait::ops
