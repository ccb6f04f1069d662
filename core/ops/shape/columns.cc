#include <algorithm>
#include <vector>

#include "kernels/parallel.h"
#include "op/functions.h"
#include "op/op.h"
#include "ops/sizes.h"

// The windows of a convolution as columns, and their sum back into images.
namespace plait::ops {
namespace {

struct ColumnAttrs {
  Dims kernel, stride, dilate, pad, output_size;
};

struct Windows {
  Dims in, out, kernel, stride, dilate, pad;  // one size for each spatial axis
  int64_t window, places;

  Windows(const ColumnAttrs& a, const Dims& spatial) : in(spatial), kernel(a.kernel) {
    const size_t n = kernel.size();
    check(n >= 1 && n <= 3 && n == in.size(), ErrorKind::kInvalidArgument, "kernel is ", kernel,
          ", must have one size for each of 1 to 3 spatial axes, ", in);
    const auto filled = [n](const Dims& d, int64_t v) { return d.empty() ? Dims(n, v) : d; };
    stride = filled(a.stride, 1), dilate = filled(a.dilate, 1), pad = filled(a.pad, 0);
    check(stride.size() == n && dilate.size() == n && pad.size() == n, ErrorKind::kInvalidArgument,
          "stride, dilate and pad are ", stride, ", ", dilate, ", ", pad, ", must have ", n,
          " sizes each");
    check_window(kernel, stride, dilate, pad);
    for (size_t i = 0; i < n; ++i) {
      const int64_t span = in[i] + 2 * pad[i] - (dilate[i] * (kernel[i] - 1) + 1);
      check(span >= 0, ErrorKind::kShape, "kernel is ", kernel, ", must fit into ", in,
            " padded by ", pad);
      out.push_back(span / stride[i] + 1);
    }
    window = product(kernel, "kernel");
    places = product(out, "pad");
  }
  // f(place in the columns of a channel, place in its plane) for all that are not padding.
  template <class F>
  void each(const F& f) const {
    const Dims k = contiguous_strides(kernel), o = contiguous_strides(out);
    for (int64_t w = 0; w < window; ++w) {
      for (int64_t p = 0; p < places; ++p) {
        int64_t at = 0;
        bool inside = true;
        for (size_t i = 0; i < in.size(); ++i) {
          const int64_t q =
              p / o[i] % out[i] * stride[i] - pad[i] + w / k[i] % kernel[i] * dilate[i];
          inside = inside && q >= 0 && q < in[i];
          at = at * in[i] + q;
        }
        if (inside) f(w * places + p, at);
      }
    }
  }
};

// Adds (or copies) between planes and columns of every channel.
void move(const Windows& w, const op::KernelArgs& k, bool to_columns) {
  const int64_t plane = num_elements(w.in), column = w.window * w.places;
  dispatch_floating(k.in[0].dtype, [&]<class T>(T) {
    using A = acc_t<T>;
    const int64_t from = to_columns ? plane : column, to = to_columns ? column : plane;
    const int64_t channels = k.out[0].size() / to;
    kernels::parallel_for(k.threads, channels, 1, [&](int64_t begin, int64_t end) {
      std::vector<A> sums(static_cast<size_t>(to));
      for (int64_t c = begin; c < end; ++c) {
        const T* x = k.in[0].ptr<T>() + c * from;
        std::fill(sums.begin(), sums.end(), A(0));
        w.each([&](int64_t in_columns, int64_t in_plane) {
          const int64_t a = to_columns ? in_columns : in_plane,
                        b = to_columns ? in_plane : in_columns;
          sums[static_cast<size_t>(a)] += static_cast<A>(x[b]);
        });
        for (int64_t i = 0; i < to; ++i)
          k.out[0].ptr<T>()[c * to + i] = static_cast<T>(sums[static_cast<size_t>(i)]);
      }
    });
  });
}

Dims spatial(const Dims& d) { return Dims(d.begin() + 2, d.end()); }

template <class Builder>
Builder& window_attrs(Builder&& b) {
  return b.required_attr("kernel", &ColumnAttrs::kernel, "sizes of the window")
      .attr("stride", &ColumnAttrs::stride, Dims{}, "steps of the window; default ones")
      .attr("dilate", &ColumnAttrs::dilate, Dims{}, "steps inside the window; default ones")
      .attr("pad", &ColumnAttrs::pad, Dims{}, "zeros at both ends; default none");
}

const int registered_im2col =
    window_attrs(op::OpBuilder<ColumnAttrs>(op::Op::add("im2col", __FILE__, __LINE__)))
        .doc("The windows of images as columns: a convolution becomes a matrix product.")
        .input("data", "floating (batch, channels, spatial...)")
        .output("out", "(batch, channels * window, places)")
        .on("nd sym", "im2col")
        .infer(+[](const ColumnAttrs& a, const Specs& in) -> Spec {
          const Dims& d = in[0].shape;
          check(d.size() >= 3 && is_floating(in[0].dtype), ErrorKind::kShape, "data has shape ", d,
                " and dtype ", in[0].dtype, ", must be floating (batch, channels, spatial...)");
          const Windows w(a, spatial(d));
          return {{d[0], times(w.window, d[1], "kernel"), w.places}, in[0].dtype};
        })
        .cpu([](const ColumnAttrs& a, const op::KernelArgs& k) {
          move(Windows(a, spatial(*k.in[0].shape)), k, true);
        })
        .grad(
            +[](const ColumnAttrs& a, const GradArgs& g) -> Values {
              static const OpCall kBack("col2im",
                                        {"output_size", "kernel", "stride", "dilate", "pad"});
              return {kBack({g.dout()},
                            {spatial(g.in_spec(0).shape), a.kernel, a.stride, a.dilate, a.pad})};
            },
            op::saves_nothing());

const int registered_col2im =
    window_attrs(
        op::OpBuilder<ColumnAttrs>(op::Op::add("col2im", __FILE__, __LINE__))
            .required_attr("output_size", &ColumnAttrs::output_size, "spatial sizes of the images"))
        .doc("Sums columns of windows into images: the gradient of im2col.")
        .input("data", "floating (batch, channels * window, places)")
        .output("out", "(batch, channels, output_size...)")
        .on("nd sym", "col2im")
        .infer(+[](const ColumnAttrs& a, const Specs& in) -> Spec {
          const Dims& d = in[0].shape;
          check_size(a.output_size, 1);
          const Windows w(a, a.output_size);
          check(
              is_floating(in[0].dtype) && d.size() == 3 && d[1] % w.window == 0 && d[2] == w.places,
              ErrorKind::kShape, "data has shape ", d, " and dtype ", in[0].dtype,
              ", must be floating (batch, multiple of ", w.window, ", ", w.places, ")");
          Dims out{d[0], d[1] / w.window};
          out.append(a.output_size.begin(), a.output_size.end());
          return {out, in[0].dtype};
        })
        .cpu([](const ColumnAttrs& a, const op::KernelArgs& k) {
          move(Windows(a, a.output_size), k, false);
        })
        .grad(
            +[](const ColumnAttrs& a, const GradArgs& g) -> Values {
              static const OpCall kBack("im2col", {"kernel", "stride", "dilate", "pad"});
              return {kBack({g.dout()}, {a.kernel, a.stride, a.dilate, a.pad})};
            },
            op::saves_nothing());

}  // namespace
}  // namespace plait::ops
