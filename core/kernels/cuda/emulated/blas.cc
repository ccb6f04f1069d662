#include "kernels/cuda/blas.h"

#include <cblas.h>

#include "kernels/cuda/stream.h"

// The same products by the host's BLAS.
namespace plait::cuda {
namespace {

template <class T, class F>
bool enqueue_products(const F& function, const Product<T>& p) {
  enqueue([function, p] {
    for (int64_t b = 0; b < p.batch; ++b) {
      function(CblasColMajor, p.transpose_x ? CblasTrans : CblasNoTrans,
               p.transpose_y ? CblasTrans : CblasNoTrans, static_cast<int>(p.m),
               static_cast<int>(p.n), static_cast<int>(p.k), T(1), p.x + b * p.stride_x,
               static_cast<int>(p.lead_x), p.y + b * p.stride_y, static_cast<int>(p.lead_y),
               T(p.add ? 1 : 0), p.c + b * p.stride_c, static_cast<int>(p.lead_c));
    }
  });
  return true;
}

}  // namespace

bool multiply(const Product<float>& p) { return enqueue_products(&scipy_cblas_sgemm, p); }
bool multiply(const Product<double>& p) { return enqueue_products(&scipy_cblas_dgemm, p); }

}  // namespace plait::cuda
