#include "kernels/cuda/blas.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "base/env.h"
#include "base/error.h"
#include "kernels/cuda/stream.h"

// cuBLAS, found when it is first asked for: nothing of it is needed to build. Its functions are
// declared here as the cuBLAS manual has them (cublasSgemmStridedBatched and its like).
namespace plait::cuda {
namespace {

using Handle = struct cublasContext*;
using Status = int;                     // 0: success
enum Transpose { kNot = 0, kYes = 1 };  // CUBLAS_OP_N, CUBLAS_OP_T

template <class T>
using Multiply = Status (*)(Handle, int, int, int m, int n, int k, const T* alpha, const T* x,
                            int lead_x, long long stride_x, const T* y, int lead_y,
                            long long stride_y, const T* beta, T* c, int lead_c, long long stride_c,
                            int batch);

class Cublas {
 public:
  // Null if there is no library.
  static Cublas* get() {
    static Cublas* found = open();
    return found;
  }

  template <class T>
  void multiply(Multiply<T> function, const Product<T>& p) {
    const T one = 1, keep = p.add ? 1 : 0;
    std::lock_guard lock(mutex_);
    Handle handle = handle_of_device();
    require(set_stream_(handle, current_stream()), "cublasSetStream");
    require(function(handle, p.transpose_x ? kYes : kNot, p.transpose_y ? kYes : kNot,
                     static_cast<int>(p.m), static_cast<int>(p.n), static_cast<int>(p.k), &one, p.x,
                     static_cast<int>(p.lead_x), p.stride_x, p.y, static_cast<int>(p.lead_y),
                     p.stride_y, &keep, p.c, static_cast<int>(p.lead_c), p.stride_c,
                     static_cast<int>(p.batch)),
            "gemmStridedBatched");
  }
  Multiply<float> single;
  Multiply<double> wide;

 private:
  static Cublas* open() {
    const std::string named = env::get_string("PLAIT_CUBLAS_LIBRARY", nullptr, "");
    for (const std::string& name : {named, std::string("libcublas.so.13"),
                                    std::string("libcublas.so.12"), std::string("libcublas.so")}) {
      if (name.empty()) continue;
      if (void* library = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL)) return new Cublas(library);
    }
    return nullptr;
  }
  explicit Cublas(void* library) : library_(library) {
    load(create_, "cublasCreate_v2");
    load(set_stream_, "cublasSetStream_v2");
    load(single, "cublasSgemmStridedBatched");
    load(wide, "cublasDgemmStridedBatched");
  }
  template <class F>
  void load(F& function, const char* name) {
    function = reinterpret_cast<F>(dlsym(library_, name));
    check(function, ErrorKind::kDevice, "cuBLAS has no function ", name);
  }
  static void require(Status status, const char* what) {
    check(status == 0, ErrorKind::kDevice, "cuBLAS: ", what, " gave status ", status);
  }
  Handle handle_of_device() {
    int device = 0;
    check_cuda(cudaGetDevice(&device), "question for the device");
    Handle& handle = handles_[device];
    if (!handle) require(create_(&handle), "cublasCreate");
    return handle;
  }

  void* library_;
  std::mutex mutex_;  // a handle belongs to one thread at a time
  std::map<int, Handle> handles_;
  Status (*create_)(Handle*);
  Status (*set_stream_)(Handle, cudaStream_t);
};

template <class T>
bool fits(const Product<T>& p) {
  return std::max({p.m, p.n, p.k, p.lead_x, p.lead_y, p.lead_c, p.batch}) <= INT32_MAX;
}

}  // namespace

bool multiply(const Product<float>& p) {
  Cublas* blas = Cublas::get();
  if (!blas || !fits(p)) return false;
  blas->multiply(blas->single, p);
  return true;
}
bool multiply(const Product<double>& p) {
  Cublas* blas = Cublas::get();
  if (!blas || !fits(p)) return false;
  blas->multiply(blas->wide, p);
  return true;
}

}  // namespace plait::cuda
