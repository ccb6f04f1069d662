#include "kernels/copy.h"
#include "kernels/cuda/element.h"
#include "kernels/cuda/launch.h"
#include "op/device_op.h"

namespace plait::ops {
namespace {

using cuda::Numbers;
using op::DeviceCall;

// Points in an array; coordinates out of range are clipped.
struct Points {
  int64_t m, count, inner = 1;
  int64_t sizes[kMaxNdim];
  Numbers indices;

  Points(const Dims& data, const View& index)
      : m(index.dim(0)), count(index.size() / index.dim(0)), indices(index) {
    for (size_t i = 0; i < data.size(); ++i) {
      if (static_cast<int64_t>(i) < m) {
        sizes[i] = data[i];
      } else {
        inner *= data[i];
      }
    }
  }
  PLAIT_FN int64_t at(int64_t point) const {
    int64_t place = 0;
    for (int64_t d = 0; d < m; ++d) {
      const int64_t n = sizes[d], given = indices.get<int64_t>(d * count + point);
      const int64_t v = given < 0 ? given + n : given;
      place = place * n + (v < 0 ? 0 : v < n ? v : n - 1);
    }
    return place * inner;
  }
};

template <class T>
struct Gather {
  Points points;
  const T* x;
  T* y;
  PLAIT_FN void operator()(int64_t i) const {
    y[i] = x[points.at(i / points.inner) + i % points.inner];
  }
};

// A thread owns one element of every part, so that of points which are equal the last one counts,
// and sums have a fixed order.
template <class T, bool kAdd>
struct Scatter {
  Points points;
  const T* x;
  T* y;
  PLAIT_FN void operator()(int64_t column) const {
    for (int64_t p = 0; p < points.count; ++p) {
      const T value = x[p * points.inner + column];
      T& to = y[points.at(p) + column];
      to = kAdd ? static_cast<T>(to + value) : value;
    }
  }
};

void gather_kernel(const DeviceCall& c) {
  const Points points(*c.in(0).shape, c.in(1));
  dispatch_all(c.out(0).dtype, [&]<class T>(T) {
    cuda::for_each(c.out(0).size(), Gather<T>{points, c.in(0).ptr<T>(), c.out(0).ptr<T>()});
  });
}

template <bool kAdd>
void put(const View& data, const View& indices, const View& out) {
  const Points points(*out.shape, indices);
  dispatch_all(out.dtype, [&]<class T>(T) {
    cuda::for_each(points.inner, Scatter<T, kAdd>{points, data.ptr<T>(), out.ptr<T>()});
  });
}

template <bool kAdd>
void scatter_kernel(const DeviceCall& c) {
  kernels::fill(c.out(0), 0, 1);
  put<kAdd>(c.in(0), c.in(1), c.out(0));
}

void set_kernel(const DeviceCall& c) {
  if (c.in(0).data != c.out(0).data) kernels::copy(c.in(0), c.out(0), 1);
  put<false>(c.in(1), c.in(2), c.out(0));
}

PLAIT_DEVICE_KERNEL(gather_nd, gather_kernel);
PLAIT_DEVICE_KERNEL(scatter_nd, scatter_kernel<false>);
PLAIT_DEVICE_KERNEL(scatter_add_nd, scatter_kernel<true>);
PLAIT_DEVICE_KERNEL(scatter_set_nd, set_kernel);

}  // namespace
}  // namespace plait::ops
