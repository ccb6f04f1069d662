#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace plait::cuda {

// Of the calling thread, while it runs an operator.
cudaStream_t current_stream();

// That of a device's kernels. The device becomes the calling thread's.
cudaStream_t stream_of(int32_t device);

// Throws ErrorKind::kDevice with the reason and what was tried.
void check_cuda(cudaError_t code, const char* what);

}  // namespace plait::cuda
