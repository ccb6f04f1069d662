#pragma once

#include <vector>

#include "dist/communicator.h"

namespace plait::dist {

// What messages are sent from and written to: the arrays of an operation, or for those on GPUs
// arrays in the memory of the host, copied by tasks of the engine.
//
//   HostCopies host(options);
//   const ArrayRef here = host.both(data);
//   submit(... here ...);
//   host.finish();
class HostCopies {
 public:
  explicit HostCopies(const Options& options) : options_(options) {}
  ArrayRef in(const ArrayRef& array) { return is_gpu(array->device()) ? copied(array) : array; }
  ArrayRef out(const ArrayRef& array) {
    return is_gpu(array->device()) ? written(array, {}) : array;
  }
  ArrayRef both(const ArrayRef& array) {
    return is_gpu(array->device()) ? written(array, copied(array)) : array;
  }
  // After the operation was submitted: copies back what it writes.
  void finish();

 private:
  struct Written {
    ArrayRef here, there;
  };
  ArrayRef copied(const ArrayRef& array);
  ArrayRef written(const ArrayRef& array, ArrayRef here);

  const Options& options_;
  std::vector<Written> written_;
};

}  // namespace plait::dist
