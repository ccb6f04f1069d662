#pragma once

#include <cuda_runtime.h>

#include <cstddef>

// The functions of NCCL that are used, as its manual has them: its header is not needed to build.
// tests/cuda/nccl_declarations.cu compares them with it.
namespace plait::cuda::nccl {

using Comm = struct ncclComm*;
using Result = int;
inline constexpr Result kSuccess = 0, kInProgress = 7;

struct UniqueId {
  char bytes[128];
};

enum Type : int {
  kInt8 = 0,
  kUint8 = 1,
  kInt32 = 2,
  kUint32 = 3,
  kInt64 = 4,
  kUint64 = 5,
  kFloat16 = 6,
  kFloat32 = 7,
  kFloat64 = 8,
  kBfloat16 = 9,
};
enum Operation : int { kSum = 0, kProd = 1, kMax = 2, kMin = 3 };

// name, result, arguments
#define PLAIT_NCCL_FUNCTIONS(X)                                                               \
  X(GetUniqueId, Result, (UniqueId*))                                                         \
  X(CommInitRank, Result, (Comm*, int size, UniqueId, int rank))                              \
  X(CommAbort, Result, (Comm))                                                                \
  X(CommGetAsyncError, Result, (Comm, Result*))                                               \
  X(GetErrorString, const char*, (Result))                                                    \
  X(GetLastError, const char*, (Comm))                                                        \
  X(GroupStart, Result, ())                                                                   \
  X(GroupEnd, Result, ())                                                                     \
  X(AllReduce, Result, (const void*, void*, size_t, Type, Operation, Comm, cudaStream_t))     \
  X(ReduceScatter, Result, (const void*, void*, size_t, Type, Operation, Comm, cudaStream_t)) \
  X(AllGather, Result, (const void*, void*, size_t, Type, Comm, cudaStream_t))                \
  X(Broadcast, Result, (const void*, void*, size_t, Type, int root, Comm, cudaStream_t))      \
  X(Send, Result, (const void*, size_t, Type, int peer, Comm, cudaStream_t))                  \
  X(Recv, Result, (void*, size_t, Type, int peer, Comm, cudaStream_t))

struct Functions {
#define PLAIT_NCCL_POINTER(name, result, arguments) result(*name) arguments = nullptr;
  PLAIT_NCCL_FUNCTIONS(PLAIT_NCCL_POINTER)
#undef PLAIT_NCCL_POINTER
};

}  // namespace plait::cuda::nccl
