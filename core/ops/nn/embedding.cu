#include "kernels/cuda/element.h"
#include "kernels/cuda/launch.h"
#include "op/device_op.h"

namespace plait::ops {
namespace {

using cuda::Numbers;
using op::DeviceCall;

PLAIT_FN int64_t nearest(int64_t i, int64_t rows) { return i < 0 ? 0 : i < rows ? i : rows - 1; }

template <class T>
struct Gather {
  int64_t rows, n;
  Numbers index;
  const T* table;
  T* out;
  PLAIT_FN void operator()(int64_t i) const {
    out[i] = table[nearest(index.get<int64_t>(i / n), rows) * n + i % n];
  }
};

void kernel(const DeviceCall& c) {
  const auto rows = c.attr<int64_t>("input_dim"), n = c.attr<int64_t>("output_dim");
  dispatch_all(c.in(1).dtype, [&]<class T>(T) {
    cuda::for_each(c.out(0).size(),
                   Gather<T>{rows, n, Numbers(c.in(0)), c.in(1).ptr<T>(), c.out(0).ptr<T>()});
  });
}

// Each thread owns a column, so the order of the sums is fixed.
template <class T>
struct Scatter {
  int64_t rows, n, count;
  Numbers index;
  const T* dy;
  T* dw;
  PLAIT_FN void operator()(int64_t column) const {
    for (int64_t r = 0; r < rows; ++r) dw[r * n + column] = T(0.0f);
    for (int64_t i = 0; i < count; ++i) {
      T& to = dw[nearest(index.get<int64_t>(i), rows) * n + column];
      to = static_cast<T>(to + dy[i * n + column]);
    }
  }
};

void backward_kernel(const DeviceCall& c) {
  const auto rows = c.attr<int64_t>("input_dim"), n = c.attr<int64_t>("output_dim");
  dispatch_floating(c.in(0).dtype, [&]<class T>(T) {
    cuda::for_each(n, Scatter<T>{rows, n, c.in(1).size(), Numbers(c.in(1)), c.in(0).ptr<T>(),
                                 c.out(0).ptr<T>()});
  });
}

PLAIT_DEVICE_KERNEL(embedding, kernel);
PLAIT_DEVICE_KERNEL(embedding_backward, backward_kernel);

}  // namespace
}  // namespace plait::ops
