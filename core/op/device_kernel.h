#pragma once

#include <string>
#include <vector>

#include "op/op.h"

namespace plait::op {

// What a kernel for a device gets: the call, and its attributes by their names. Everything in it
// belongs to the host but the data of the views.
class DeviceCall {
 public:
  DeviceCall(const Op& op, const void* attrs, const KernelArgs& args)
      : args_(args), op_(op), attrs_(attrs) {}
  const KernelArgs& args() const { return args_; }
  const View& in(size_t i) const { return args_.in[i]; }
  const View& out(size_t i) const { return args_.out[i]; }
  size_t num_in() const { return args_.in.size(); }
  size_t num_out() const { return args_.out.size(); }
  const void* attrs_struct() const { return attrs_; }

  // attr<int64_t>("axis")
  template <class T>
  T attr(const char* name) const {
    for (const auto& field : op_.fields) {
      if (field->name == name) return AttrCodec<T>::from(field->get(attrs_));
    }
    fail(ErrorKind::kInternal, "kernel asks for attribute '", name, "', which does not exist");
  }

 private:
  const KernelArgs& args_;
  const Op& op_;
  const void* attrs_;
};

// The kernel of one operator in a library for a device.
class DeviceKernel {
 public:
  using Function = void (*)(void* function, const DeviceCall&);
  DeviceKernel(std::string name, Function call, void* function)
      : name_(std::move(name)), call_(call), function_(function) {}
  const std::string& name() const { return name_; }
  void operator()(const DeviceCall& c) const { call_(function_, c); }

 private:
  std::string name_;
  Function call_;
  void* function_;
};

}  // namespace plait::op
