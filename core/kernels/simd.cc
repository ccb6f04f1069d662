#include "kernels/simd.h"

#include <algorithm>
#include <cstdio>

#include "base/env.h"

namespace plait::kernels {
namespace {

Isa supported() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    return Isa::kAvx512;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return Isa::kAvx2;
#endif
  return Isa::kBaseline;
}

}  // namespace

Isa detect_isa() {
  const std::string most = env::get_string("PLAIT_SIMD", nullptr, "avx512");
  if (most == "baseline") return Isa::kBaseline;
  if (most == "avx2") return std::min(Isa::kAvx2, supported());
  if (most != "avx512") {
    // Runs while the library is loaded, where nothing could catch an exception.
    std::fprintf(stderr,
                 "plait: PLAIT_SIMD is '%s', must be baseline, avx2 or avx512; it is ignored\n",
                 most.c_str());
  }
  return supported();
}

}  // namespace plait::kernels
