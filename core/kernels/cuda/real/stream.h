#pragma once

#include <cuda_runtime.h>

namespace plait::cuda {

// Of the calling thread, while it runs an operator.
cudaStream_t current_stream();

// Throws ErrorKind::kDevice with the reason and what was tried.
void check_cuda(cudaError_t code, const char* what);

}  // namespace plait::cuda
