#include <type_traits>

#include "kernels/cuda/launch.h"
#include "kernels/gemm.h"
#include "op/device_op.h"

namespace plait::ops {
namespace {

using op::DeviceCall;

// y = alpha y + beta c
template <class T>
struct Finish {
  acc_t<T> alpha, beta;
  const T* c;
  T* y;
  PLAIT_FN void operator()(int64_t i) const {
    using A = acc_t<T>;
    y[i] = static_cast<T>(alpha * static_cast<A>(y[i]) + (c ? beta * static_cast<A>(c[i]) : A(0)));
  }
};

void kernel(const DeviceCall& c) {
  const bool turns_a = c.attr<bool>("transpose_a"), turns_b = c.attr<bool>("transpose_b");
  const View &a = c.in(0), &out = c.out(0);
  const int64_t m = out.dim(-2), n = out.dim(-1), k = a.dim(turns_a ? -2 : -1);
  int64_t batch = 1;
  for (int64_t i = 0; i + 2 < out.ndim(); ++i) batch *= out.dim(i);
  kernels::gemm({turns_a, turns_b, batch, m, n, k}, a.dtype, a.data, c.in(1).data, nullptr,
                out.data, 1);
  const double alpha = c.attr<double>("alpha");
  const bool adds = c.num_in() > 2;
  const double beta = adds ? c.attr<double>("beta") : 0;
  if (alpha == 1 && !adds) return;
  dispatch_floating(out.dtype, [&]<class T>(T) {
    using A = acc_t<T>;
    cuda::for_each(out.size(), Finish<T>{static_cast<A>(alpha), static_cast<A>(beta),
                                         adds ? c.in(2).ptr<T>() : nullptr, out.ptr<T>()});
  });
}

PLAIT_DEVICE_KERNEL(linalg_gemm2, kernel);
PLAIT_DEVICE_KERNEL(linalg_gemm, kernel);

}  // namespace
}  // namespace plait::ops
