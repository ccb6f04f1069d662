#include "kernels/cuda/gemm.h"

#include <type_traits>

#include "base/error.h"
#include "kernels/cast.h"
#include "kernels/cuda/blas.h"
#include "kernels/cuda/launch.h"

namespace plait::cuda {
namespace {

using kernels::cast;
using kernels::Gemm;

// Whole numbers wrap round, float16 and bfloat16 are computed in float32.
template <class T>
using Sum = std::conditional_t<std::is_integral_v<T>, uint64_t, acc_t<T>>;

// A result by itself: for what the device's BLAS does not take.
template <class T>
struct Result {
  Strided<T> s;

  PLAIT_FN void operator()(int64_t i) const {
    using A = Sum<T>;
    const Gemm& g = s.g;
    const int64_t col = i % g.n, row = i / g.n % g.m, b = i / g.n / g.m;
    const int64_t step_x = g.transpose_x ? g.m : 1, step_y = g.transpose_y ? 1 : g.n;
    const T* p = s.x + b * s.stride_x + (g.transpose_x ? row : row * g.k);
    const T* q = s.y + b * s.stride_y + (g.transpose_y ? col * g.k : col);
    T& c = s.c[b * s.stride_c + row * g.n + col];
    A sum = s.add ? cast<A>(c) : A(0);
    for (int64_t j = 0; j < g.k; ++j) sum += cast<A>(p[j * step_x]) * cast<A>(q[j * step_y]);
    c = cast<T>(sum);
  }
};

template <class T>
struct AddBias {
  int64_t n;
  const T* bias;
  T* c;
  PLAIT_FN void operator()(int64_t i) const {
    c[i] = cast<T>(cast<Sum<T>>(c[i]) + cast<Sum<T>>(bias[i % n]));
  }
};

template <class T>
void by_kernel(const Strided<T>& s) {
  for_each(s.g.batch * s.g.m * s.g.n, Result<T>{s});
}

// Row-major matrices are the transposed ones of a BLAS: c^T = op(y)^T op(x)^T.
template <class T>
void multiply_typed(const Strided<T>& s) {
  const Gemm& g = s.g;
  const bool is_empty = g.m == 0 || g.n == 0 || g.k == 0 || g.batch == 0;
  const Product<T> p{g.transpose_y,
                     g.transpose_x,
                     g.n,
                     g.m,
                     g.k,
                     g.batch,
                     s.y,
                     g.transpose_y ? g.k : g.n,
                     s.stride_y,
                     s.x,
                     g.transpose_x ? g.m : g.k,
                     s.stride_x,
                     s.c,
                     g.n,
                     s.stride_c,
                     s.add};
  if (is_empty || !multiply(p)) by_kernel(s);
}

}  // namespace

void multiply_rows(const Strided<float>& s) { multiply_typed(s); }
void multiply_rows(const Strided<double>& s) { multiply_typed(s); }

}  // namespace plait::cuda

namespace plait::kernels {

void gemm(const Gemm& g, DType dtype, const void* x, const void* y, const void* bias, void* c, int,
          const Finish& finish) {
  check(!finish.epilogue, ErrorKind::kNotImplemented, "an epilogue has no CUDA kernel");
  dispatch_all(dtype, [&]<class T>(T) {
    const cuda::Strided<T> s{
        g,         static_cast<const T*>(x), g.m * g.k, static_cast<const T*>(y),
        g.k * g.n, static_cast<T*>(c),       g.m * g.n};
    if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>) {
      cuda::multiply_rows(s);
    } else {
      cuda::by_kernel(s);
    }
    if (bias) {
      cuda::for_each(g.batch * g.m * g.n, cuda::AddBias<T>{g.n, static_cast<const T*>(bias), s.c});
    }
  });
}

}  // namespace plait::kernels
