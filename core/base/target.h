#pragma once

// In front of functions of elements, which a device's compiler compiles for the device as well.
#ifdef __CUDACC__
#define PLAIT_FN __host__ __device__
#else
#define PLAIT_FN
#endif
