#include <cmath>
#include <vector>

#include "kernels/parallel.h"
#include "op/functions.h"
#include "op/op.h"
#include "ops/expect.h"
#include "ops/second_gradient.h"
#include "ops/sizes.h"

namespace plait::ops {
namespace {

using op::KernelArgs;

struct CorrelationAttrs {
  int64_t kernel_size, max_displacement, stride1, stride2, pad_size;
  bool is_multiply;
};

// Patches of data1 are compared with patches of data2 that are moved by up to max_displacement.
struct Plan {
  int64_t batch, channels, height, width, side, radius, rows, columns;

  Plan(const CorrelationAttrs& a, const Dims& d)
      : batch(d[0]), channels(d[1]), height(d[2]), width(d[3]) {
    check_extent(a.kernel_size, 1, "kernel_size");
    check(a.kernel_size % 2 == 1, ErrorKind::kInvalidArgument, "kernel_size is ", a.kernel_size,
          ", must be odd");
    check_extent(a.stride1, 1, "stride1");
    check_extent(a.stride2, 1, "stride2");
    check_extent(a.max_displacement, 0, "max_displacement");
    check_extent(a.pad_size, 0, "pad_size");
    radius = a.max_displacement / a.stride2;
    side = 2 * radius + 1;
    times(side, side, "max_displacement");
    const int64_t border = a.max_displacement + a.kernel_size / 2;
    const auto size = [&](int64_t n) {
      const int64_t inside = n + 2 * a.pad_size - 2 * border;
      return inside > 0 ? (inside + a.stride1 - 1) / a.stride1 : 0;
    };
    rows = size(height);
    columns = size(width);
    check(rows > 0 && columns > 0, ErrorKind::kShape, "data1 has shape ", d,
          ", must be larger than the displaced kernel, padded by pad_size");
  }
};

Spec infer(const CorrelationAttrs& a, const Specs& in) {
  check(is_floating(in[0].dtype) && in[1].dtype == in[0].dtype, ErrorKind::kType,
        "data1 has dtype ", in[0].dtype, ", data2 has dtype ", in[1].dtype,
        ", must be floating and equal");
  check(in[0].shape.size() == 4 && in[1].shape == in[0].shape, ErrorKind::kShape,
        "data1 has shape ", in[0].shape, ", data2 has shape ", in[1].shape,
        ", must be (batch, channels, height, width) and equal");
  const Plan p(a, in[0].shape);
  return {{p.batch, p.side * p.side, p.rows, p.columns}, in[0].dtype};
}

// f(place in the result, place in data1 or -1, place in data2 or -1) for all products of one
// sample; -1 is padding.
template <class F>
void each_product(const CorrelationAttrs& a, const Plan& p, const F& f) {
  const auto place = [&](int64_t c, int64_t y, int64_t x) {
    const int64_t r = y - a.pad_size, s = x - a.pad_size;
    return r >= 0 && r < p.height && s >= 0 && s < p.width ? (c * p.height + r) * p.width + s : -1;
  };
  for (int64_t d = 0; d < p.side * p.side; ++d) {
    const int64_t down = (d / p.side - p.radius) * a.stride2,
                  right = (d % p.side - p.radius) * a.stride2;
    for (int64_t i = 0; i < p.rows * p.columns; ++i) {
      const int64_t y = i / p.columns * a.stride1 + a.max_displacement,
                    x = i % p.columns * a.stride1 + a.max_displacement;
      for (int64_t c = 0; c < p.channels; ++c) {
        for (int64_t k = 0; k < a.kernel_size * a.kernel_size; ++k) {
          const int64_t r = y + k / a.kernel_size, s = x + k % a.kernel_size;
          f(d * p.rows * p.columns + i, place(c, r, s), place(c, r + down, s + right));
        }
      }
    }
  }
}

double share(const CorrelationAttrs& a, const Plan& p) {
  return 1.0 / static_cast<double>(a.kernel_size * a.kernel_size * p.channels);
}

void kernel(const CorrelationAttrs& a, const KernelArgs& k) {
  const Plan p(a, *k.in[0].shape);
  const int64_t size = p.channels * p.height * p.width, out = k.out[0].size() / p.batch;
  dispatch_floating(k.in[0].dtype, [&]<class T>(T) {
    using A = acc_t<T>;
    kernels::parallel_for(k.threads, p.batch, 1, [&](int64_t begin, int64_t end) {
      std::vector<A> sums(static_cast<size_t>(out));
      for (int64_t b = begin; b < end; ++b) {
        const T *x = k.in[0].ptr<T>() + b * size, *z = k.in[1].ptr<T>() + b * size;
        std::fill(sums.begin(), sums.end(), A(0));
        each_product(a, p, [&](int64_t to, int64_t i, int64_t j) {
          const A u = i < 0 ? A(0) : static_cast<A>(x[i]), v = j < 0 ? A(0) : static_cast<A>(z[j]);
          sums[static_cast<size_t>(to)] += a.is_multiply ? u * v : std::fabs(u - v);
        });
        for (int64_t i = 0; i < out; ++i) {
          k.out[0].ptr<T>()[b * out + i] =
              static_cast<T>(sums[static_cast<size_t>(i)] * static_cast<A>(share(a, p)));
        }
      }
    });
  });
}

// Inputs: dout, data1, data2.
void backward_kernel(const CorrelationAttrs& a, const KernelArgs& k) {
  const Plan p(a, *k.in[1].shape);
  const int64_t size = p.channels * p.height * p.width, out = k.in[0].size() / p.batch;
  dispatch_floating(k.in[0].dtype, [&]<class T>(T) {
    using A = acc_t<T>;
    kernels::parallel_for(k.threads, p.batch, 1, [&](int64_t begin, int64_t end) {
      std::vector<A> first(static_cast<size_t>(size)), second(first);
      for (int64_t b = begin; b < end; ++b) {
        const T *x = k.in[1].ptr<T>() + b * size, *z = k.in[2].ptr<T>() + b * size,
                *dy = k.in[0].ptr<T>() + b * out;
        std::fill(first.begin(), first.end(), A(0));
        std::fill(second.begin(), second.end(), A(0));
        each_product(a, p, [&](int64_t from, int64_t i, int64_t j) {
          const A u = i < 0 ? A(0) : static_cast<A>(x[i]), v = j < 0 ? A(0) : static_cast<A>(z[j]);
          const A d = static_cast<A>(dy[from]) * static_cast<A>(share(a, p));
          const A sign = u > v ? A(1) : u < v ? A(-1) : A(0);
          if (i >= 0) first[static_cast<size_t>(i)] += d * (a.is_multiply ? v : sign);
          if (j >= 0) second[static_cast<size_t>(j)] += d * (a.is_multiply ? u : -sign);
        });
        for (int64_t i = 0; i < size; ++i) {
          k.out[0].ptr<T>()[b * size + i] = static_cast<T>(first[static_cast<size_t>(i)]);
          k.out[1].ptr<T>()[b * size + i] = static_cast<T>(second[static_cast<size_t>(i)]);
        }
      }
    });
  });
}

template <class Builder>
Builder& correlation_attrs(Builder&& b) {
  return b.attr("kernel_size", &CorrelationAttrs::kernel_size, 1, "side of a patch, odd")
      .attr("max_displacement", &CorrelationAttrs::max_displacement, 1,
            "largest displacement along each axis, >= 0")
      .attr("stride1", &CorrelationAttrs::stride1, 1, "distance of patches in data1, > 0")
      .attr("stride2", &CorrelationAttrs::stride2, 1, "distance of displacements, > 0")
      .attr("pad_size", &CorrelationAttrs::pad_size, 0, "zeros around both images, >= 0")
      .attr("is_multiply", &CorrelationAttrs::is_multiply, true,
            "mean product; False: mean absolute difference");
}

const int registered_forward =
    correlation_attrs(
        op::OpBuilder<CorrelationAttrs>(op::Op::add("correlation", __FILE__, __LINE__)))
        .doc("Compares patches of an image with displaced patches of another one.")
        .source("Dosovitskiy et al.: FlowNet, ICCV (2015), sec. 3")
        .input("data1", "floating (batch, channels, height, width)")
        .input("data2", "the same shape")
        .output("output", "(batch, displacements, rows, columns)")
        .on("nd sym", "Correlation")
        .infer(infer)
        .cpu(kernel)
        .grad(
            +[](const CorrelationAttrs& a, const GradArgs& g) -> Values {
              static const OpCall kBack("correlation_backward",
                                        {"kernel_size", "max_displacement", "stride1", "stride2",
                                         "pad_size", "is_multiply"});
              const Value in[] = {g.dout(), g.in(0), g.in(1)};
              const op::AttrValue attrs[] = {a.kernel_size, a.max_displacement, a.stride1,
                                             a.stride2,     a.pad_size,         a.is_multiply};
              return kBack.all(in, attrs);
            },
            op::saves_inputs());

const int registered_backward =
    correlation_attrs(
        op::OpBuilder<CorrelationAttrs>(op::Op::add("correlation_backward", __FILE__, __LINE__)))
        .doc("Gradients of correlation.")
        .input("dout", "gradient of the output")
        .input("data1", "as for correlation")
        .input("data2", "as for correlation")
        .output("ddata1", "shape of data1")
        .output("ddata2", "shape of data2")
        .infer(+[](const CorrelationAttrs& a, const Specs& in) -> Specs {
          expect(in[0], infer(a, {in[1], in[2]}), "dout");
          return {in[1], in[2]};
        })
        .cpu(backward_kernel)
        .grad(PLAIT_NO_SECOND_GRADIENT(CorrelationAttrs, "correlation"), op::saves_nothing());

}  // namespace
}  // namespace plait::ops
