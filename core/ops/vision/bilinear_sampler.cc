#include <vector>

#include "kernels/parallel.h"
#include "op/functions.h"
#include "op/op.h"
#include "ops/expect.h"
#include "ops/second_gradient.h"
#include "ops/vision/sampling.h"

namespace plait::ops {
namespace {

using op::KernelArgs;

Spec infer(const op::NoAttrs&, const Specs& in) {
  const Dims &d = in[0].shape, &g = in[1].shape;
  check(is_floating(in[0].dtype) && in[1].dtype == in[0].dtype, ErrorKind::kType, "data has dtype ",
        in[0].dtype, ", grid has dtype ", in[1].dtype, ", must be floating and equal");
  check(d.size() == 4 && d[2] > 0 && d[3] > 0, ErrorKind::kShape, "data has shape ", d,
        ", must be (batch, channels, height, width) with pixels");
  check(g.size() == 4 && g[0] == d[0] && g[1] == 2, ErrorKind::kShape, "grid has shape ", g,
        ", must be (", d[0], ", 2, height, width)");
  return {{d[0], d[1], g[2], g[3]}, in[0].dtype};
}

// f(batch, pixel of the result, sampler) for all pixels of sample b; coordinates in [-1, 1] cover
// the image from the centre of its first to that of its last pixel.
template <class T, class F>
void each_pixel(const View& data, const View& grid, int64_t b, const F& f) {
  using A = acc_t<T>;
  const int64_t height = data.dim(2), width = data.dim(3), n = grid.dim(2) * grid.dim(3);
  const T* xs = grid.ptr<T>() + b * 2 * n;
  for (int64_t p = 0; p < n; ++p) {
    const A x = (static_cast<A>(xs[p]) + A(1)) * static_cast<A>(width - 1) / A(2);
    const A y = (static_cast<A>(xs[n + p]) + A(1)) * static_cast<A>(height - 1) / A(2);
    f(p, Bilinear<A>(y, x, height, width));
  }
}

void kernel(const op::NoAttrs&, const KernelArgs& k) {
  const int64_t channels = k.in[0].dim(1), plane = k.in[0].dim(2) * k.in[0].dim(3);
  const int64_t n = k.in[1].dim(2) * k.in[1].dim(3);
  dispatch_floating(k.in[0].dtype, [&]<class T>(T) {
    kernels::parallel_for(k.threads, k.in[0].dim(0), 1, [&](int64_t begin, int64_t end) {
      for (int64_t b = begin; b < end; ++b) {
        const T* x = k.in[0].ptr<T>() + b * channels * plane;
        T* y = k.out[0].ptr<T>() + b * channels * n;
        each_pixel<T>(k.in[0], k.in[1], b, [&](int64_t p, const auto& s) {
          for (int64_t c = 0; c < channels; ++c)
            y[c * n + p] = static_cast<T>(s.read(x + c * plane));
        });
      }
    });
  });
}

// Inputs: dout, data, grid.
void backward_kernel(const op::NoAttrs&, const KernelArgs& k) {
  const View &data = k.in[1], &grid = k.in[2];
  const int64_t channels = data.dim(1), height = data.dim(2), width = data.dim(3);
  const int64_t plane = height * width, n = grid.dim(2) * grid.dim(3);
  dispatch_floating(data.dtype, [&]<class T>(T) {
    using A = acc_t<T>;
    kernels::parallel_for(k.threads, data.dim(0), 1, [&](int64_t begin, int64_t end) {
      std::vector<A> sums(static_cast<size_t>(channels * plane));
      for (int64_t b = begin; b < end; ++b) {
        const T *x = data.ptr<T>() + b * channels * plane,
                *dy = k.in[0].ptr<T>() + b * channels * n;
        T *dx = k.out[0].ptr<T>() + b * channels * plane, *dgrid = k.out[1].ptr<T>() + b * 2 * n;
        std::fill(sums.begin(), sums.end(), A(0));
        each_pixel<T>(data, grid, b, [&](int64_t p, const Bilinear<A>& s) {
          A down = 0, right = 0;
          for (int64_t c = 0; c < channels; ++c) {
            const A d = static_cast<A>(dy[c * n + p]);
            s.add(sums.data() + c * plane, d);
            for (int i = 0; i < 4; ++i) {
              const A v = d * static_cast<A>(x[c * plane + s.at[i]]);
              down += v * s.dy[i];
              right += v * s.dx[i];
            }
          }
          dgrid[p] = static_cast<T>(right * static_cast<A>(width - 1) / A(2));
          dgrid[n + p] = static_cast<T>(down * static_cast<A>(height - 1) / A(2));
        });
        for (size_t i = 0; i < sums.size(); ++i) dx[i] = static_cast<T>(sums[i]);
      }
    });
  });
}

PLAIT_OP(bilinear_sampler, op::NoAttrs)
    .doc("Reads images at places given by a grid, between pixels linearly, outside as 0.")
    .source("Jaderberg, Simonyan, Zisserman, Kavukcuoglu: Spatial transformer networks (2015)")
    .input("data", "floating (batch, channels, height, width)")
    .input("grid", "(batch, 2, out_height, out_width): x and y in [-1, 1]")
    .output("output", "(batch, channels, out_height, out_width)")
    .on("nd sym", "BilinearSampler")
    .infer(infer)
    .cpu(kernel)
    .grad(
        [](const op::NoAttrs&, const GradArgs& g) -> Values {
          static const OpCall kBack("bilinear_sampler_backward");
          const Value in[] = {g.dout(), g.in(0), g.in(1)};
          return kBack.all(in, {});
        },
        op::saves_inputs());

PLAIT_OP(bilinear_sampler_backward, op::NoAttrs)
    .doc("Gradients of bilinear_sampler with respect to data and grid.")
    .input("dout", "gradient of the output")
    .input("data", "as for bilinear_sampler")
    .input("grid", "as for bilinear_sampler")
    .output("ddata", "shape of data")
    .output("dgrid", "shape of grid")
    .infer(+[](const op::NoAttrs& a, const Specs& in) -> Specs {
      expect(in[0], infer(a, {in[1], in[2]}), "dout");
      return {in[1], in[2]};
    })
    .cpu(backward_kernel)
    .grad(PLAIT_NO_SECOND_GRADIENT(op::NoAttrs, "bilinear_sampler"), op::saves_nothing());

struct GridAttrs {
  std::string transform_type;
  Dims target_shape;
};

bool affine(const GridAttrs& a) { return a.transform_type == "affine"; }

Spec infer_grid(const GridAttrs& a, const Specs& in) {
  const Dims& d = in[0].shape;
  check(is_floating(in[0].dtype), ErrorKind::kType, "data has dtype ", in[0].dtype,
        ", must be floating");
  if (!affine(a)) {
    check(d.size() == 4 && d[1] == 2, ErrorKind::kShape, "data has shape ", d,
          ", must be (batch, 2, height, width) for transform_type 'warp'");
    return in[0];
  }
  check(d.size() == 2 && d[1] == 6, ErrorKind::kShape, "data has shape ", d,
        ", must be (batch, 6) for transform_type 'affine'");
  check(a.target_shape.size() == 2 && a.target_shape[0] > 0 && a.target_shape[1] > 0,
        ErrorKind::kInvalidArgument, "target_shape is ", a.target_shape,
        ", must be (height, width), > 0");
  return {{d[0], 2, a.target_shape[0], a.target_shape[1]}, in[0].dtype};
}

// Pixel i of n in [-1, 1].
double unit(int64_t i, int64_t n) {
  return n > 1 ? -1 + 2 * static_cast<double>(i) / static_cast<double>(n - 1) : -1;
}

void grid_kernel(const GridAttrs& a, const KernelArgs& k) {
  const int64_t batch = k.out[0].dim(0), height = k.out[0].dim(2), width = k.out[0].dim(3);
  const int64_t n = height * width;
  dispatch_floating(k.in[0].dtype, [&]<class T>(T) {
    using A = acc_t<T>;
    for (int64_t b = 0; b < batch; ++b) {
      T* to = k.out[0].ptr<T>() + b * 2 * n;
      const T* from = k.in[0].ptr<T>() + b * (affine(a) ? 6 : 2 * n);
      for (int64_t p = 0; p < n; ++p) {
        const double x = unit(p % width, width), y = unit(p / width, height);
        if (affine(a)) {
          for (int64_t c = 0; c < 2; ++c) {
            const auto m = [&](int64_t j) {
              return static_cast<double>(static_cast<A>(from[c * 3 + j]));
            };
            to[c * n + p] = static_cast<T>(static_cast<A>(m(0) * x + m(1) * y + m(2)));
          }
          continue;
        }
        const auto moved = [&](T flow, int64_t at, int64_t size) {
          const double pixel = static_cast<double>(static_cast<A>(flow)) + static_cast<double>(at);
          return static_cast<T>(
              static_cast<A>(2 * pixel / static_cast<double>(std::max<int64_t>(1, size - 1)) - 1));
        };
        to[p] = moved(from[p], p % width, width);
        to[n + p] = moved(from[n + p], p / width, height);
      }
    }
  });
}

// affine: each matrix row gets sums of dout times x, y and 1; warp: dout scaled.
void grid_backward_kernel(const GridAttrs& a, const KernelArgs& k) {
  const int64_t batch = k.in[0].dim(0), height = k.in[0].dim(2), width = k.in[0].dim(3);
  const int64_t n = height * width;
  dispatch_floating(k.in[0].dtype, [&]<class T>(T) {
    using A = acc_t<T>;
    for (int64_t b = 0; b < batch; ++b) {
      for (int64_t c = 0; c < 2; ++c) {
        const T* dy = k.in[0].ptr<T>() + (b * 2 + c) * n;
        double sums[3] = {};
        for (int64_t p = 0; p < n; ++p) {
          const double d = static_cast<double>(static_cast<A>(dy[p]));
          if (!affine(a)) {
            const int64_t size = std::max<int64_t>(1, (c ? height : width) - 1);
            k.out[0].ptr<T>()[(b * 2 + c) * n + p] =
                static_cast<T>(static_cast<A>(2 * d / static_cast<double>(size)));
            continue;
          }
          sums[0] += d * unit(p % width, width);
          sums[1] += d * unit(p / width, height);
          sums[2] += d;
        }
        for (int64_t j = 0; affine(a) && j < 3; ++j)
          k.out[0].ptr<T>()[b * 6 + c * 3 + j] = static_cast<T>(static_cast<A>(sums[j]));
      }
    }
  });
}

PLAIT_OP(grid_generator, GridAttrs)
    .doc("Grids for bilinear_sampler: from affine matrices, or from a flow in pixels.")
    .source("Jaderberg, Simonyan, Zisserman, Kavukcuoglu: Spatial transformer networks (2015)")
    .input("data",
           "floating (batch, 6), rows of 2 x 3 matrices; or (batch, 2, height, width), flow")
    .output("output", "(batch, 2, height, width): x and y in [-1, 1]")
    .required_attr("transform_type", &GridAttrs::transform_type, "what data holds")
    .choices({"affine", "warp"})
    .attr("target_shape", &GridAttrs::target_shape, Dims{0, 0}, "(height, width), for 'affine'")
    .on("nd sym", "GridGenerator")
    .infer(infer_grid)
    .cpu(grid_kernel)
    .grad(
        [](const GridAttrs& a, const GradArgs& g) -> Values {
          static const OpCall kBack("grid_generator_backward", {"transform_type", "target_shape"});
          return {kBack({g.dout()}, {a.transform_type, a.target_shape})};
        },
        op::saves_nothing());

PLAIT_OP(grid_generator_backward, GridAttrs)
    .doc("Gradient of grid_generator.")
    .input("dout", "gradient of the output")
    .output("ddata", "shape of data")
    .required_attr("transform_type", &GridAttrs::transform_type, "as for grid_generator")
    .attr("target_shape", &GridAttrs::target_shape, Dims{0, 0}, "as for grid_generator")
    .infer([](const GridAttrs& a, const Specs& in) -> Spec {
      const Dims& d = in[0].shape;
      const int64_t batch = d.empty() ? 0 : d[0];
      const Spec data{affine(a) ? Dims{batch, 6} : d, in[0].dtype};
      expect(in[0], infer_grid(a, {data}), "dout");
      return data;
    })
    .cpu(grid_backward_kernel)
    .grad(
        [](const GridAttrs& a, const GradArgs& g) -> Values {
          // The grid is linear in data up to a constant, which the difference removes.
          static const OpCall kGrid("grid_generator", {"transform_type", "target_shape"});
          const auto grid = [&](const Value& v) {
            return kGrid({v}, {a.transform_type, a.target_shape});
          };
          return {grid(g.dout()) - grid(op::full_of(g.out_spec(0), 0.0))};
        },
        op::saves_nothing());

struct TransformerAttrs {
  Dims target_shape;
  std::string transform_type, sampler_type;
};

Value grid_of(const TransformerAttrs& a, const Value& loc) {
  static const OpCall kGrid("grid_generator", {"transform_type", "target_shape"});
  return kGrid({loc}, {std::string("affine"), a.target_shape});
}

PLAIT_OP(spatial_transformer, TransformerAttrs)
    .doc("Images turned, scaled and moved by affine matrices.")
    .source("Jaderberg, Simonyan, Zisserman, Kavukcuoglu: Spatial transformer networks (2015)")
    .input("data", "floating (batch, channels, height, width)")
    .input("loc", "(batch, 6), rows of 2 x 3 matrices")
    .output("output", "(batch, channels, target height, target width)")
    .attr("target_shape", &TransformerAttrs::target_shape, Dims{0, 0}, "(height, width), > 0")
    .required_attr("transform_type", &TransformerAttrs::transform_type, "kind of the matrices")
    .choices({"affine"})
    .required_attr("sampler_type", &TransformerAttrs::sampler_type, "how images are read")
    .choices({"bilinear"})
    .on("nd sym", "SpatialTransformer")
    .infer([](const TransformerAttrs& a, const Specs& in) -> Spec {
      const Spec grid = infer_grid({"affine", a.target_shape}, {in[1]});
      return infer({}, {in[0], grid});
    })
    .cpu([](const TransformerAttrs& a, const KernelArgs& k) {
      const Dims shape{k.in[0].dim(0), 2, a.target_shape[0], a.target_shape[1]},
          strides = contiguous_strides(shape);
      std::vector<char> bytes(static_cast<size_t>(num_elements(shape) * dtype_size(k.in[0].dtype)));
      const View grid{bytes.data(), &shape, &strides, k.in[0].dtype, true};
      grid_kernel({"affine", a.target_shape}, {k.in.subspan(1, 1), {&grid, 1}, false, 1, {}});
      const View in[] = {k.in[0], grid};
      kernel({}, {in, k.out, false, k.threads, {}});
    })
    .grad(
        [](const TransformerAttrs& a, const GradArgs& g) -> Values {
          static const OpCall kSample("bilinear_sampler_backward"),
              kBack("grid_generator_backward", {"transform_type", "target_shape"});
          const Value in[] = {g.dout(), g.in(0), grid_of(a, g.in(1))};
          const Values d = kSample.all(in, {});
          return {d[0], kBack({d[1]}, {std::string("affine"), a.target_shape})};
        },
        op::saves_inputs());

}  // namespace
}  // namespace plait::ops
