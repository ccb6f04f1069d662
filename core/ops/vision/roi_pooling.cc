#include <limits>

#include "kernels/parallel.h"
#include "op/functions.h"
#include "op/op.h"
#include "ops/expect.h"
#include "ops/second_gradient.h"
#include "ops/sizes.h"
#include "ops/vision/sampling.h"

// Regions of interest of any size brought to one size.
namespace plait::ops {
namespace {

using op::KernelArgs;

struct RoiAttrs {
  Dims pooled_size;
  double spatial_scale;
  int64_t sample_ratio;
  bool position_sensitive, aligned;
  Dims shape;  // of data, for the backward operators only
};

constexpr int64_t kMostSamples = 1024;  // of a bin along an axis

Spec infer(const RoiAttrs& a, const Specs& in, int64_t channels_of_each) {
  const Dims &d = in[0].shape, &r = in[1].shape;
  check_size(d, 1);  // of the backward operators it is an attribute
  check(is_floating(in[0].dtype) && in[1].dtype == in[0].dtype, ErrorKind::kType, "data has dtype ",
        in[0].dtype, ", rois has dtype ", in[1].dtype, ", must be floating and equal");
  check(d.size() == 4 && num_elements(d) > 0, ErrorKind::kShape, "data has shape ", d,
        ", must be (batch, channels, height, width) with pixels");
  check(r.size() == 2 && r[1] == 5, ErrorKind::kShape, "rois has shape ", r, ", must be (n, 5)");
  check(a.pooled_size.size() == 2, ErrorKind::kInvalidArgument, "pooled_size is ", a.pooled_size,
        ", must be (height, width)");
  check_extents(a.pooled_size, 1, "pooled_size");
  check(a.sample_ratio <= kMostSamples, ErrorKind::kInvalidArgument, "sample_ratio is ",
        a.sample_ratio, ", must be at most ", kMostSamples);
  check(d[1] % channels_of_each == 0, ErrorKind::kShape, "data has ", d[1],
        " channels, must be a multiple of ", channels_of_each);
  return {{r[0], d[1] / channels_of_each, a.pooled_size[0], a.pooled_size[1]}, in[0].dtype};
}

// Rows and columns [begin, end) of one bin; the image it lies in, -1 if there is none.
struct Bin {
  int64_t image, top, bottom, left, right;
};

// Girshick, "Fast R-CNN", ICCV (2015): corners are rounded and bins overlap where they must.
template <class T>
Bin bin_of(const RoiAttrs& a, const Dims& data, const T* roi, int64_t ph, int64_t pw) {
  using A = acc_t<T>;
  const auto at = [&](int i) {
    const double v = std::round(static_cast<double>(static_cast<A>(roi[i])) * a.spatial_scale);
    return static_cast<int64_t>(v > -0x1p31 ? std::min(v, 0x1p31) : -0x1p31);  // nan: the lowest
  };
  const int64_t x0 = at(1), y0 = at(2), height = std::max<int64_t>(at(4) - y0 + 1, 1),
                width = std::max<int64_t>(at(3) - x0 + 1, 1);
  const double bh = static_cast<double>(height) / static_cast<double>(a.pooled_size[0]);
  const double bw = static_cast<double>(width) / static_cast<double>(a.pooled_size[1]);
  const auto low = [](int64_t i, double size, int64_t first, int64_t most) {
    return std::clamp(static_cast<int64_t>(std::floor(static_cast<double>(i) * size)) + first,
                      int64_t{0}, most);
  };
  const auto high = [](int64_t i, double size, int64_t first, int64_t most) {
    return std::clamp(static_cast<int64_t>(std::ceil(static_cast<double>(i + 1) * size)) + first,
                      int64_t{0}, most);
  };
  const auto image = static_cast<int64_t>(static_cast<A>(roi[0]));
  return {image >= 0 && image < data[0] ? image : -1, low(ph, bh, y0, data[2]),
          high(ph, bh, y0, data[2]), low(pw, bw, x0, data[3]), high(pw, bw, x0, data[3])};
}

// f(place in the result, first element of the plane, place of the largest element or -1).
template <class T, class F>
void each_bin(const RoiAttrs& a, const View& data, const View& rois, int threads, const F& f) {
  const Dims& d = *data.shape;
  const int64_t channels = d[1], plane = d[2] * d[3], ph = a.pooled_size[0], pw = a.pooled_size[1];
  kernels::parallel_for(threads, channels, 1, [&](int64_t begin, int64_t end) {
    for (int64_t r = 0; r < rois.dim(0); ++r) {
      for (int64_t p = 0; p < ph * pw; ++p) {
        const Bin bin = bin_of(a, d, rois.ptr<T>() + r * 5, p / pw, p % pw);
        for (int64_t c = begin; c < end; ++c) {
          const int64_t start = (std::max<int64_t>(bin.image, 0) * channels + c) * plane;
          const T* x = data.ptr<T>() + start;
          int64_t best = -1;
          for (int64_t y = bin.top; bin.image >= 0 && y < bin.bottom; ++y) {
            for (int64_t i = y * d[3] + bin.left; i < y * d[3] + bin.right; ++i) {
              if (best < 0 || x[i] > x[best]) best = i;
            }
          }
          f((r * channels + c) * ph * pw + p, start, best);
        }
      }
    }
  });
}

PLAIT_OP(roi_pooling, RoiAttrs)
    .doc("Largest element of each bin of each region.")
    .source("Girshick: Fast R-CNN, ICCV (2015)")
    .input("data", "floating (batch, channels, height, width)")
    .input("rois", "(n, 5): number of the image, left, top, right, bottom")
    .output("output", "(n, channels, pooled height, pooled width); 0 for an empty bin")
    .required_attr("pooled_size", &RoiAttrs::pooled_size, "(height, width) of the result, > 0")
    .required_attr("spatial_scale", &RoiAttrs::spatial_scale, "factor from rois to pixels of data")
    .on("nd sym", "ROIPooling")
    .on("npx", "roi_pooling")
    .infer([](const RoiAttrs& a, const Specs& in) -> Spec { return infer(a, in, 1); })
    .cpu([](const RoiAttrs& a, const KernelArgs& k) {
      dispatch_floating(k.in[0].dtype, [&]<class T>(T) {
        T* y = k.out[0].ptr<T>();
        each_bin<T>(a, k.in[0], k.in[1], k.threads, [&](int64_t to, int64_t start, int64_t best) {
          y[to] = best < 0 ? T(0.0f) : k.in[0].ptr<T>()[start + best];
        });
      });
    })
    .grad(
        [](const RoiAttrs& a, const GradArgs& g) -> Values {
          static const OpCall kBack("roi_pooling_backward", {"pooled_size", "spatial_scale"});
          return {kBack({g.dout(), g.in(0), g.in(1)}, {a.pooled_size, a.spatial_scale}), Value{}};
        },
        op::saves_inputs());

PLAIT_OP(roi_pooling_backward, RoiAttrs)
    .doc("Gradient of roi_pooling with respect to data.")
    .input("dout", "gradient of the output")
    .input("data", "as for roi_pooling")
    .input("rois", "as for roi_pooling")
    .output("ddata", "shape of data")
    .required_attr("pooled_size", &RoiAttrs::pooled_size, "as for roi_pooling")
    .required_attr("spatial_scale", &RoiAttrs::spatial_scale, "as for roi_pooling")
    .infer([](const RoiAttrs& a, const Specs& in) -> Spec {
      expect(in[0], infer(a, {in[1], in[2]}, 1), "dout");
      return in[1];
    })
    .cpu([](const RoiAttrs& a, const KernelArgs& k) {
      dispatch_floating(k.in[0].dtype, [&]<class T>(T) {
        T* dx = k.out[0].ptr<T>();
        std::fill_n(dx, k.out[0].size(), T(0.0f));
        each_bin<T>(a, k.in[1], k.in[2], k.threads, [&](int64_t from, int64_t start, int64_t best) {
          if (best >= 0)
            dx[start + best] = static_cast<T>(dx[start + best] + k.in[0].ptr<T>()[from]);
        });
      });
    })
    .grad(PLAIT_NO_SECOND_GRADIENT(RoiAttrs, "roi_pooling"), op::saves_nothing());

// f(channel of the result, place in the result, channel of data, share of each sample, sampler) for
// every sample of every bin of region r.
template <class T, class F>
void each_sample(const RoiAttrs& a, const Dims& d, const T* roi, const F& f) {
  using A = acc_t<T>;
  const int64_t ph = a.pooled_size[0], pw = a.pooled_size[1];
  const auto at = [&](int i) {
    return static_cast<A>(roi[i]) * static_cast<A>(a.spatial_scale) - (a.aligned ? A(0.5) : A(0));
  };
  const A x0 = at(1), y0 = at(2);
  A width = at(3) - x0, height = at(4) - y0;
  if (!a.aligned) width = std::max(width, A(1)), height = std::max(height, A(1));
  const A bh = height / static_cast<A>(ph), bw = width / static_cast<A>(pw);
  const auto samples = [&](A size) {
    if (a.sample_ratio > 0) return a.sample_ratio;
    const A most = static_cast<A>(kMostSamples);
    return size > A(1) ? static_cast<int64_t>(std::ceil(std::min(size, most))) : int64_t{1};
  };
  const int64_t rows = samples(bh), columns = samples(bw);
  const A share = A(1) / static_cast<A>(rows * columns);
  for (int64_t p = 0; p < ph * pw; ++p) {
    for (int64_t s = 0; s < rows * columns; ++s) {
      const A y = y0 + (static_cast<A>(p / pw) +
                        (static_cast<A>(s / columns) + A(0.5)) / static_cast<A>(rows)) *
                           bh;
      const A x = x0 + (static_cast<A>(p % pw) +
                        (static_cast<A>(s % columns) + A(0.5)) / static_cast<A>(columns)) *
                           bw;
      if (!(y >= A(-1) && y <= static_cast<A>(d[2]) && x >= A(-1) && x <= static_cast<A>(d[3]))) {
        continue;
      }
      const A row = std::clamp(y, A(0), static_cast<A>(d[2] - 1));
      const A column = std::clamp(x, A(0), static_cast<A>(d[3] - 1));
      f(p, share, Bilinear<A>(row, column, d[2], d[3]));
    }
  }
}

int64_t channel_of(const RoiAttrs& a, int64_t c, int64_t p) {
  return a.position_sensitive ? c * a.pooled_size[0] * a.pooled_size[1] + p : c;
}
int64_t channels_of_each(const RoiAttrs& a) {
  return a.position_sensitive && a.pooled_size.size() == 2
             ? std::max<int64_t>(1, product(a.pooled_size, "pooled_size"))
             : 1;
}
template <class T>
int64_t image_of(const Dims& d, const T* roi) {
  const auto image = static_cast<int64_t>(static_cast<acc_t<T>>(roi[0]));
  return image >= 0 && image < d[0] ? image : -1;
}

void align_kernel(const RoiAttrs& a, const KernelArgs& k) {
  const Dims& d = *k.in[0].shape;
  const int64_t plane = d[2] * d[3], bins = a.pooled_size[0] * a.pooled_size[1],
                channels = k.out[0].dim(1);
  dispatch_floating(k.in[0].dtype, [&]<class T>(T) {
    using A = acc_t<T>;
    kernels::parallel_for(k.threads, k.in[1].dim(0), 1, [&](int64_t begin, int64_t end) {
      std::vector<A> sums(static_cast<size_t>(channels * bins));
      for (int64_t r = begin; r < end; ++r) {
        const T* roi = k.in[1].ptr<T>() + r * 5;
        const int64_t image = image_of(d, roi);
        std::fill(sums.begin(), sums.end(), A(0));
        if (image >= 0) {
          const T* x = k.in[0].ptr<T>() + image * d[1] * plane;
          each_sample(a, d, roi, [&](int64_t p, A share, const Bilinear<A>& s) {
            for (int64_t c = 0; c < channels; ++c) {
              sums[static_cast<size_t>(c * bins + p)] +=
                  share * s.read(x + channel_of(a, c, p) * plane);
            }
          });
        }
        for (size_t i = 0; i < sums.size(); ++i) {
          k.out[0].ptr<T>()[r * channels * bins + static_cast<int64_t>(i)] =
              static_cast<T>(sums[i]);
        }
      }
    });
  });
}

// Inputs: dout, rois.
void align_backward_kernel(const RoiAttrs& a, const KernelArgs& k) {
  const Dims& d = a.shape;
  const int64_t plane = d[2] * d[3], bins = a.pooled_size[0] * a.pooled_size[1],
                channels = k.in[0].dim(1);
  dispatch_floating(k.in[0].dtype, [&]<class T>(T) {
    using A = acc_t<T>;
    std::vector<A> sums(static_cast<size_t>(num_elements(d)), A(0));
    for (int64_t r = 0; r < k.in[1].dim(0); ++r) {
      const T* roi = k.in[1].ptr<T>() + r * 5;
      const int64_t image = image_of(d, roi);
      if (image < 0) continue;
      const T* dy = k.in[0].ptr<T>() + r * channels * bins;
      each_sample(a, d, roi, [&](int64_t p, A share, const Bilinear<A>& s) {
        for (int64_t c = 0; c < channels; ++c) {
          s.add(sums.data() + (image * d[1] + channel_of(a, c, p)) * plane,
                share * static_cast<A>(dy[c * bins + p]));
        }
      });
    }
    for (size_t i = 0; i < sums.size(); ++i) k.out[0].ptr<T>()[i] = static_cast<T>(sums[i]);
  });
}

template <class Builder>
Builder& align_attrs(Builder&& b) {
  return b
      .required_attr("pooled_size", &RoiAttrs::pooled_size, "(height, width) of the result, > 0")
      .required_attr("spatial_scale", &RoiAttrs::spatial_scale,
                     "factor from rois to pixels of data")
      .attr("sample_ratio", &RoiAttrs::sample_ratio, -1,
            "samples of a bin along each axis; <= 0: as many as it has pixels, at most 1024")
      .attr("position_sensitive", &RoiAttrs::position_sensitive, false,
            "each bin reads channels of its own")
      .attr("aligned", &RoiAttrs::aligned, false,
            "pixels have their centre at .5, regions any size");
}

const int registered_align =
    align_attrs(op::OpBuilder<RoiAttrs>(op::Op::add("roi_align", __FILE__, __LINE__)))
        .doc("Mean of samples of each bin of each region, read between pixels.")
        .source("He, Gkioxari, Dollar, Girshick: Mask R-CNN, ICCV (2017)")
        .input("data", "floating (batch, channels, height, width)")
        .input("rois", "(n, 5): number of the image, left, top, right, bottom")
        .output("output", "(n, channels, pooled height, pooled width)")
        .on("nd sym", "_contrib_ROIAlign")
        .on("nd sym", "contrib.ROIAlign")
        .infer(+[](const RoiAttrs& a, const Specs& in) -> Spec {
          return infer(a, in, channels_of_each(a));
        })
        .cpu(align_kernel)
        .grad(
            +[](const RoiAttrs& a, const GradArgs& g) -> Values {
              static const OpCall kBack("roi_align_backward",
                                        {"pooled_size", "spatial_scale", "sample_ratio",
                                         "position_sensitive", "aligned", "shape"});
              return {
                  kBack({g.dout(), g.in(1)}, {a.pooled_size, a.spatial_scale, a.sample_ratio,
                                              a.position_sensitive, a.aligned, g.in_spec(0).shape}),
                  Value{}};
            },
            op::saves_input(1));

const int registered_align_backward =
    align_attrs(op::OpBuilder<RoiAttrs>(op::Op::add("roi_align_backward", __FILE__, __LINE__)))
        .required_attr("shape", &RoiAttrs::shape, "shape of data")
        .doc("Gradient of roi_align with respect to data.")
        .input("dout", "gradient of the output")
        .input("rois", "as for roi_align")
        .output("ddata", "gradient of data")
        .infer(+[](const RoiAttrs& a, const Specs& in) -> Spec {
          const Spec data{a.shape, in[0].dtype};
          expect(in[0], infer(a, {data, in[1]}, channels_of_each(a)), "dout");
          return data;
        })
        .cpu(align_backward_kernel)
        .grad(
            +[](const RoiAttrs& a, const GradArgs& g) -> Values {
              static const OpCall kAlign("roi_align",
                                         {"pooled_size", "spatial_scale", "sample_ratio",
                                          "position_sensitive", "aligned"});
              return {kAlign({g.dout(), g.in(1)}, {a.pooled_size, a.spatial_scale, a.sample_ratio,
                                                   a.position_sensitive, a.aligned}),
                      Value{}};
            },
            op::saves_input(1));

}  // namespace
}  // namespace plait::ops
