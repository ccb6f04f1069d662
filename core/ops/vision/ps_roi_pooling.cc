#include <algorithm>
#include <cmath>

#include "kernels/parallel.h"
#include "op/op.h"
#include "ops/expect.h"
#include "ops/second_gradient.h"
#include "ops/sizes.h"

// Regions whose bins each read maps of their own.
namespace plait::ops {
namespace {

using op::KernelArgs;

struct PsRoiAttrs {
  double spatial_scale;
  int64_t output_dim, pooled_size, group_size;
  int64_t groups() const { return group_size > 0 ? group_size : pooled_size; }
};

Spec infer(const PsRoiAttrs& a, const Specs& in) {
  const Dims &d = in[0].shape, &r = in[1].shape;
  check(is_floating(in[0].dtype) && in[1].dtype == in[0].dtype, ErrorKind::kType, "data has dtype ",
        in[0].dtype, ", rois has dtype ", in[1].dtype, ", must be floating and equal");
  check(d.size() == 4 && num_elements(d) > 0, ErrorKind::kShape, "data has shape ", d,
        ", must be (batch, channels, height, width) with pixels");
  check(r.size() == 2 && r[1] == 5, ErrorKind::kShape, "rois has shape ", r, ", must be (n, 5)");
  check_extent(a.pooled_size, 1, "pooled_size");
  check_extent(a.output_dim, 1, "output_dim");
  check_extent(a.group_size, 0, "group_size");
  const int64_t maps =
      times(times(a.groups(), a.groups(), "group_size"), a.output_dim, "output_dim");
  check(d[1] == maps, ErrorKind::kShape, "data has ", d[1],
        " channels, must have output_dim * group_size * group_size = ", maps);
  return {{r[0], a.output_dim, a.pooled_size, a.pooled_size}, in[0].dtype};
}

// Pixels [begin, end) of bin i along an axis, for a region that starts at `first`.
struct Range {
  int64_t begin, end;
};
Range bin_range(int64_t i, double size, double first, int64_t most) {
  const auto place = [&](double v) {  // nan: 0
    return static_cast<int64_t>(v > 0 ? std::min(v, static_cast<double>(most)) : 0.0);
  };
  return {place(std::floor(static_cast<double>(i) * size + first)),
          place(std::ceil(static_cast<double>(i + 1) * size + first))};
}

// f(place in the result, first element of the plane, rows, columns) for every bin that has pixels.
template <class T, class F>
void each_bin(const PsRoiAttrs& a, const Dims& d, const View& rois, int threads, const F& f) {
  const int64_t size = a.pooled_size, groups = a.groups(), plane = d[2] * d[3];
  kernels::parallel_for(threads, a.output_dim, 1, [&](int64_t begin, int64_t end) {
    for (int64_t r = 0; r < rois.dim(0); ++r) {
      const T* roi = rois.ptr<T>() + r * 5;
      const auto at = [&](int i) { return static_cast<double>(static_cast<acc_t<T>>(roi[i])); };
      const double batch = at(0);
      if (!(batch >= 0 && batch < static_cast<double>(d[0]))) continue;
      const double x0 = std::round(at(1)) * a.spatial_scale,
                   y0 = std::round(at(2)) * a.spatial_scale;
      const double x1 = (std::round(at(3)) + 1) * a.spatial_scale,
                   y1 = (std::round(at(4)) + 1) * a.spatial_scale;
      const double bw = std::max(x1 - x0, 0.1) / static_cast<double>(size),
                   bh = std::max(y1 - y0, 0.1) / static_cast<double>(size);
      for (int64_t p = 0; p < size * size; ++p) {
        const int64_t ph = p / size, pw = p % size;
        const Range rows = bin_range(ph, bh, y0, d[2]), columns = bin_range(pw, bw, x0, d[3]);
        if (rows.begin >= rows.end || columns.begin >= columns.end) continue;
        const int64_t map = ph * groups / size * groups + pw * groups / size;
        for (int64_t c = begin; c < end; ++c) {
          const int64_t channel = c * groups * groups + map;
          f((r * a.output_dim + c) * size * size + p,
            (static_cast<int64_t>(batch) * d[1] + channel) * plane, rows, columns);
        }
      }
    }
  });
}

void kernel(const PsRoiAttrs& a, const KernelArgs& k) {
  const Dims& d = *k.in[0].shape;
  dispatch_floating(k.in[0].dtype, [&]<class T>(T) {
    T* y = k.out[0].ptr<T>();
    std::fill_n(y, k.out[0].size(), T(0.0f));
    each_bin<T>(a, d, k.in[1], k.threads,
                [&](int64_t to, int64_t start, Range rows, Range columns) {
                  const T* x = k.in[0].ptr<T>() + start;
                  acc_t<T> sum = 0;
                  for (int64_t i = rows.begin; i < rows.end; ++i) {
                    for (int64_t j = columns.begin; j < columns.end; ++j) {
                      sum += static_cast<acc_t<T>>(x[i * d[3] + j]);
                    }
                  }
                  const int64_t count = (rows.end - rows.begin) * (columns.end - columns.begin);
                  y[to] = static_cast<T>(sum / static_cast<acc_t<T>>(count));
                });
  });
}

// Inputs: dout, data, rois.
void backward_kernel(const PsRoiAttrs& a, const KernelArgs& k) {
  const Dims& d = *k.in[1].shape;
  dispatch_floating(k.in[1].dtype, [&]<class T>(T) {
    std::fill_n(k.out[0].ptr<T>(), k.out[0].size(), T(0.0f));
    each_bin<T>(a, d, k.in[2], k.threads,
                [&](int64_t from, int64_t start, Range rows, Range columns) {
                  T* dx = k.out[0].ptr<T>() + start;
                  const int64_t count = (rows.end - rows.begin) * (columns.end - columns.begin);
                  const auto share =
                      static_cast<acc_t<T>>(k.in[0].ptr<T>()[from]) / static_cast<acc_t<T>>(count);
                  for (int64_t i = rows.begin; i < rows.end; ++i) {
                    for (int64_t j = columns.begin; j < columns.end; ++j) {
                      T& own = dx[i * d[3] + j];
                      own = static_cast<T>(static_cast<acc_t<T>>(own) + share);
                    }
                  }
                });
  });
}

template <class Builder>
Builder& ps_roi_attrs(Builder&& b) {
  return b
      .required_attr("spatial_scale", &PsRoiAttrs::spatial_scale,
                     "factor from rois to pixels of data")
      .required_attr("output_dim", &PsRoiAttrs::output_dim, "channels of the result, > 0")
      .required_attr("pooled_size", &PsRoiAttrs::pooled_size, "height and width of the result, > 0")
      .attr("group_size", &PsRoiAttrs::group_size, 0,
            "rows and columns of maps for each channel; 0: pooled_size");
}

const int registered_forward =
    ps_roi_attrs(op::OpBuilder<PsRoiAttrs>(op::Op::add("ps_roi_pooling", __FILE__, __LINE__)))
        .doc("Mean of each bin of each region, in the map that belongs to the bin's place.")
        .source("Dai, Li, He, Sun: R-FCN, NIPS (2016)")
        .input("data", "floating (batch, output_dim * group_size^2, height, width)")
        .input("rois", "(n, 5): number of the image, left, top, right, bottom")
        .output("output", "(n, output_dim, pooled_size, pooled_size); 0 for an empty bin")
        .on("nd sym", "_contrib_PSROIPooling")
        .on("nd sym", "contrib.PSROIPooling")
        .infer(infer)
        .cpu(kernel)
        .grad(
            [](const PsRoiAttrs& a, const GradArgs& g) -> Values {
              static const OpCall kBack("ps_roi_pooling_backward", {"spatial_scale", "output_dim",
                                                                    "pooled_size", "group_size"});
              return {kBack({g.dout(), g.in(0), g.in(1)},
                            {a.spatial_scale, a.output_dim, a.pooled_size, a.group_size}),
                      Value{}};
            },
            op::saves_inputs());

const int registered_backward =
    ps_roi_attrs(
        op::OpBuilder<PsRoiAttrs>(op::Op::add("ps_roi_pooling_backward", __FILE__, __LINE__)))
        .doc("Gradient of ps_roi_pooling with respect to data.")
        .input("dout", "gradient of the output")
        .input("data", "as for ps_roi_pooling")
        .input("rois", "as for ps_roi_pooling")
        .output("ddata", "shape of data")
        .infer([](const PsRoiAttrs& a, const Specs& in) -> Spec {
          expect(in[0], infer(a, {in[1], in[2]}), "dout");
          return in[1];
        })
        .cpu(backward_kernel)
        .grad(PLAIT_NO_SECOND_GRADIENT(PsRoiAttrs, "ps_roi_pooling"), op::saves_nothing());

}  // namespace
}  // namespace plait::ops
