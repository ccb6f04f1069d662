#include <map>

#include "kernels/cuda/runtime.h"
#include "op/device_op.h"

namespace plait::op {

std::vector<DeviceKernel>& device_kernels() {
  static auto* list = new std::vector<DeviceKernel>;
  return *list;
}

Op& Op::add(const char* name, const char*, int) {
  Op* const op = new Op;  // one for each definition of the library
  op->name = name;
  return *op;
}

}  // namespace plait::op

namespace plait::cuda {

const op::DeviceKernel* find_kernel(const std::string& name) {
  static const auto* index = [] {
    auto* by_name = new std::map<std::string, const op::DeviceKernel*>;
    for (const op::DeviceKernel& k : op::device_kernels()) {
      check(by_name->emplace(k.name(), &k).second, ErrorKind::kInternal, k.name(),
            ": has two CUDA kernels");
    }
    return by_name;
  }();
  const auto it = index->find(name);
  return it == index->end() ? nullptr : it->second;
}

}  // namespace plait::cuda
