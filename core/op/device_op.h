#pragma once

#include <initializer_list>
#include <utility>

#include "op/device_kernel.h"

// How kernels come into a library for a device. Two ways:
//
// A file of ops/ whose operator says `.portable()` is compiled once more for the device, where
// this class stands for the core's OpBuilder: of the definition it keeps the name and the kernel.
// Such a kernel reaches elements only through functions of kernels/, which exist for the device
// too.
//
// A file softmax.cu beside softmax.cc adds a kernel of its own:
//
//   void kernel(const DeviceCall& c) { const auto axis = c.attr<int64_t>("axis"); ... }
//   PLAIT_DEVICE_KERNEL(softmax, kernel);
namespace plait::op {

// All kernels of this library, in the order of their definition.
std::vector<DeviceKernel>& device_kernels();

inline int add_device_kernel(const char* name, void (*f)(const DeviceCall&)) {
  const auto call = [](void* function, const DeviceCall& c) {
    reinterpret_cast<void (*)(const DeviceCall&)>(function)(c);
  };
  device_kernels().emplace_back(name, call, reinterpret_cast<void*>(f));
  return 0;
}

#define PLAIT_DEVICE_KERNEL(op_name, function)                      \
  [[maybe_unused]] static const int plait_device_kernel_##op_name = \
      ::plait::op::add_device_kernel(#op_name, function)

template <class A>
class OpBuilder {
 public:
  explicit OpBuilder(const Op& op) : name_(op.name) {}

  // The last kernel that the definition names counts.
  OpBuilder& cpu(void (*f)(const A&, const KernelArgs&)) {
    kernel_ = f;
    return is_portable_ ? portable() : *this;
  }
  OpBuilder& portable() {
    const auto call = [](void* function, const DeviceCall& c) {
      static const A none{};
      const auto* attrs = static_cast<const A*>(c.attrs_struct());
      const auto kernel = reinterpret_cast<void (*)(const A&, const KernelArgs&)>(function);
      kernel(attrs ? *attrs : none, c.args());
    };
    auto& list = device_kernels();
    if (is_portable_) list.pop_back();
    list.emplace_back(name_, call, reinterpret_cast<void*>(kernel_));
    is_portable_ = true;
    return *this;
  }

  // The rest of a definition is the core's.
#define PLAIT_NOT_HERE(word)        \
  template <class... Rest>          \
  OpBuilder& word(const Rest&...) { \
    return *this;                   \
  }
  PLAIT_NOT_HERE(doc)
  PLAIT_NOT_HERE(source)
  PLAIT_NOT_HERE(input)
  PLAIT_NOT_HERE(optional_input)
  PLAIT_NOT_HERE(variadic_input)
  PLAIT_NOT_HERE(mutable_variadic_input)
  PLAIT_NOT_HERE(mutable_input)
  PLAIT_NOT_HERE(aux_input)
  PLAIT_NOT_HERE(output)
  PLAIT_NOT_HERE(hidden_output)
  PLAIT_NOT_HERE(attr)
  PLAIT_NOT_HERE(required_attr)
  PLAIT_NOT_HERE(on)
  PLAIT_NOT_HERE(infer)
  PLAIT_NOT_HERE(grad)
  PLAIT_NOT_HERE(view)
  PLAIT_NOT_HERE(flops)
  PLAIT_NOT_HERE(num_inputs)
  PLAIT_NOT_HERE(num_outputs)
  PLAIT_NOT_HERE(visible_outputs)
  PLAIT_NOT_HERE(complete)
  PLAIT_NOT_HERE(gathers)
  PLAIT_NOT_HERE(strided)
  PLAIT_NOT_HERE(inplace)
  PLAIT_NOT_HERE(elementwise)
  PLAIT_NOT_HERE(takes_complex)
  PLAIT_NOT_HERE(random)
  PLAIT_NOT_HERE(uses_train)
#undef PLAIT_NOT_HERE
  OpBuilder& choices(std::initializer_list<const char*>) { return *this; }

  operator int() const { return 0; }  // lets PLAIT_OP be a static initialiser

 private:
  std::string name_;
  void (*kernel_)(const A&, const KernelArgs&) = nullptr;
  bool is_portable_ = false;
};

}  // namespace plait::op
