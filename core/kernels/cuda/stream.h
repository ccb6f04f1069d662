#pragma once

#ifdef __CUDACC__
#include "kernels/cuda/real/stream.h"
#else
#include "kernels/cuda/emulated/stream.h"
#endif
