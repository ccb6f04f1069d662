#include "op/device.h"

#include <algorithm>

#include "engine/cost.h"
#include "engine/engine.h"
#include "memory/accelerator.h"
#include "op/device_kernel.h"
#include "op/invoke.h"

namespace plait::op {
namespace {

// The kernel of each operator by its number.
const DeviceKernel* device_kernel(const Op& op) {
  static const auto* table = [] {
    auto* kernels = new std::vector<const DeviceKernel*>;
    for (const auto& o : Op::all()) kernels->push_back(memory::accelerator()->kernel(o->name));
    return kernels;
  }();
  return (*table)[static_cast<size_t>(op.id)];
}

// A copy between the memories of two devices; both arrays lie without gaps.
class TransferTask final : public engine::Task {
 public:
  TransferTask(ArrayRef from, ArrayRef to) : from_(std::move(from)), to_(std::move(to)) {
    reads_.push_back(&from_->var());
    writes_.push_back(&to_->var());
    if (to_->nbytes() < to_->storage()->bytes()) reads_.push_back(&to_->var());
    updates_ = engine::make_distinct(reads_, writes_);
    bytes_ = to_->nbytes();
    // What waits for a device must not hold up the caller.
    if (!is_gpu(from_->device())) cost_ns_ = static_cast<double>(bytes_) / engine::kBytesPerNs;
    vars_.reserve(2);
  }
  void run(int) override {
    const Device there = to_->device(), here = from_->device();
    memory::Accelerator& device = memory::accelerator_of(is_gpu(there) ? there : here);
    if (!is_gpu(here)) {
      device.copy_from_host(there.id, to_->address(), from_->data(), bytes_);
      if (engine::is_serial()) device.synchronize(there.id);
    } else if (!is_gpu(there)) {
      device.copy_to_host(here.id, to_->data(), from_->address(), bytes_);
    } else {
      device.copy_across(there.id, to_->address(), here.id, from_->address(), bytes_);
    }
  }
  void let_go() override {
    vars_.add(*from_);
    vars_.add(*to_);
    from_ = to_ = nullptr;
  }
  const char* name() const override { return "copy"; }

 private:
  ArrayRef from_, to_;
  tensor::KeptVars vars_;
};

ArrayRef packed(const ArrayRef& a) {
  static const Op& copy = Op::get("copy");
  Arrays out{Array::empty(a->shape(), a->dtype(), a->device())};
  invoke(copy, {}, {&a, 1}, out);
  return out[0];
}

}  // namespace

bool has_kernel(const Op& op, Device device) {
  if (!is_gpu(device)) return true;
  return memory::accelerator() && (op.view || device_kernel(op));
}

void run_kernel(const Op& op, const void* attrs, const KernelArgs& args, Device device) {
  if (!is_gpu(device)) return op.kernel(op, attrs, args);
  memory::Accelerator& accelerator = memory::accelerator_of(device);
  const DeviceKernel* const kernel = device_kernel(op);
  check(kernel, ErrorKind::kNotImplemented, "has no CUDA kernel: copy its arrays to mx.cpu()");
  struct Work {
    const DeviceKernel& kernel;
    DeviceCall call;
  } work{*kernel, DeviceCall(op, attrs, args)};
  const auto enqueue = [](void* data) {
    const Work& w = *static_cast<const Work*>(data);
    w.kernel(w.call);
  };
  accelerator.run(device.id, op.name.c_str(), enqueue, &work);
  if (engine::is_serial()) accelerator.synchronize(device.id);
}

bool any_on_gpu(std::span<const ArrayRef> arrays) {
  return std::any_of(arrays.begin(), arrays.end(),
                     [](const ArrayRef& a) { return a && is_gpu(a->device()); });
}

void check_places(const Op& op, std::span<const ArrayRef> in, std::span<const ArrayRef> out) {
  const ArrayRef* first = nullptr;
  std::string name;
  const auto look = [&](const ArrayRef& a, const std::string& own) {
    if (!first) {
      first = &a;
      name = own;
    }
    check(share_memory(a->device(), (*first)->device()), ErrorKind::kDevice, op.name, ": ", own,
          " is on ", a->device(), ", must be on ", (*first)->device(), " as ", name);
  };
  for (size_t i = 0; i < in.size(); ++i) look(in[i], op.input_def(i).name);
  for (const ArrayRef& a : out) {
    if (a) look(a, "out");
  }
}

void transfer(ArrayRef from, const ArrayRef& to, int32_t priority) {
  if (from->size() == 0) return;
  if (!from->contiguous()) from = packed(from);
  const ArrayRef target =
      to->contiguous() ? to : Array::empty(to->shape(), to->dtype(), to->device());
  auto task = std::make_unique<TransferTask>(std::move(from), target);
  task->priority_ = priority;
  engine::push(std::move(task));
  if (target == to) return;
  static const Op& copy = Op::get("copy");
  Arrays out{to};
  invoke(copy, {}, {&target, 1}, out);
}

}  // namespace plait::op
