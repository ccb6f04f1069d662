#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/cuda/stream.h"

namespace plait::cuda {

inline constexpr int64_t kMostBlocks = 1 << 16;

class Block {
 public:
  template <class G>
  __device__ void each(int64_t n, const G& g) const {
    for (int64_t i = threadIdx.x; i < n; i += kThreads) g(i);
    __syncthreads();
  }

  template <class A, class G, class C>
  __device__ A reduce(int64_t n, A start, const G& value, const C& combine) const {
    static_assert(sizeof(A) <= 16);
    __shared__ alignas(16) unsigned char bytes[kThreads * 16];
    A* partial = reinterpret_cast<A*>(bytes);
    A mine = start;
    for (int64_t i = threadIdx.x; i < n; i += kThreads) mine = combine(mine, value(i));
    partial[threadIdx.x] = mine;
    __syncthreads();
    for (int width = kThreads / 2; width > 0; width /= 2) {
      if (threadIdx.x < width) {
        partial[threadIdx.x] = combine(partial[threadIdx.x], partial[threadIdx.x + width]);
      }
      __syncthreads();
    }
    const A result = partial[0];
    __syncthreads();  // the next call writes again
    return result;
  }
};

template <class F>
__global__ void run_each(int64_t n, F f) {
  const int64_t step = int64_t{gridDim.x} * kThreads;
  for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < n; i += step) f(i);
}

template <class F>
__global__ void run_blocks(int64_t blocks, F f) {
  for (int64_t b = blockIdx.x; b < blocks; b += gridDim.x) f(Block(), b);
}

// f(i) for i in [0, n), in any order.
template <class F>
void for_each(int64_t n, const F& f) {
  if (n <= 0) return;
  const auto blocks = static_cast<unsigned>(std::min((n + kThreads - 1) / kThreads, kMostBlocks));
  run_each<<<blocks, kThreads, 0, current_stream()>>>(n, f);
  check_cuda(cudaGetLastError(), "start of a kernel");
}

// f(block, b) for b in [0, blocks), in any order.
template <class F>
void for_each_block(int64_t blocks, const F& f) {
  if (blocks <= 0) return;
  run_blocks<<<static_cast<unsigned>(std::min(blocks, kMostBlocks)), kThreads, 0,
               current_stream()>>>(blocks, f);
  check_cuda(cudaGetLastError(), "start of a kernel");
}

}  // namespace plait::cuda
