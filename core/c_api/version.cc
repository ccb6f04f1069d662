#include <string>

#include "memory/accelerator.h"
#include "plait/c_api.h"

namespace {

std::string features() {
#ifdef NDEBUG
  constexpr bool debug = false;
#else
  constexpr bool debug = true;
#endif
  const struct {
    const char* name;
    bool on;
  } all[] = {
      {"CUDA", plait::memory::accelerator_count() > 0},
      {"CUDNN", false},
      {"NCCL",
       plait::memory::accelerator_count() > 0 && plait::memory::why_no_device_groups().empty()},
      {"CUDA_RTC", false},
      {"TENSORRT", false},
      {"CPU_SSE", __builtin_cpu_supports("sse") != 0},
      {"CPU_SSE2", __builtin_cpu_supports("sse2") != 0},
      {"CPU_SSE3", __builtin_cpu_supports("sse3") != 0},
      {"CPU_SSE4_1", __builtin_cpu_supports("sse4.1") != 0},
      {"CPU_SSE4_2", __builtin_cpu_supports("sse4.2") != 0},
      {"CPU_SSE4A", __builtin_cpu_supports("sse4a") != 0},
      {"CPU_AVX", __builtin_cpu_supports("avx") != 0},
      {"CPU_AVX2", __builtin_cpu_supports("avx2") != 0},
      {"CPU_AVX512F", __builtin_cpu_supports("avx512f") != 0},
      {"CPU_AVX512_VNNI", __builtin_cpu_supports("avx512vnni") != 0},
      {"CPU_AVX512_BF16", __builtin_cpu_supports("avx512bf16") != 0},
      {"OPENMP", true},
      {"SSE", __builtin_cpu_supports("sse") != 0},
      {"F16C", __builtin_cpu_supports("f16c") != 0},
      {"JEMALLOC", false},
      {"BLAS_OPEN", true},
      {"BLAS_ATLAS", false},
      {"BLAS_MKL", false},
      {"BLAS_APPLE", false},
      {"LAPACK", true},
      {"MKLDNN", true},
      {"ONEDNN", true},
      {"OPENCV", false},
      {"CAFFE", false},
      {"PROFILER", true},
      {"DIST_KVSTORE", true},
      {"MPI", true},
      {"CXX14", true},
      {"INT64_TENSOR_SIZE", true},
      {"SIGNAL_HANDLER", false},
      {"DEBUG", debug},
      {"TVM_OP", false},
  };
  std::string text;
  for (const auto& f : all)
    text += (text.empty() ? "" : " ") + (f.name + std::string(f.on ? "=1" : "=0"));
  return text;
}

}  // namespace

int32_t plait_abi_version(void) { return PLAIT_ABI_VERSION; }
const char* plait_version(void) { return PLAIT_VERSION_STRING; }
const char* plait_features(void) {
  static const auto* text = new std::string(features());
  return text->c_str();
}
