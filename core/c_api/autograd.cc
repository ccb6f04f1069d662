#include "autograd/autograd.h"

#include "c_api/common.h"
#include "graph/trace.h"

using namespace plait;
using namespace plait::c_api;

namespace {

Arrays arrays_of(const plait_array_t* handles, int32_t count, bool allow_null = false) {
  require_list(handles, count, "arrays");
  Arrays list;
  for (int32_t i = 0; i < count; ++i) {
    list.push_back(allow_null && !handles[i] ? ArrayRef() : array_of(handles[i]));
  }
  return list;
}

// A step whose backward is a C function.
class CallbackNode final : public autograd::TapeNode {
 public:
  CallbackNode(const char* name, int32_t num_in, plait_backward_t backward, plait_drop_t drop,
               void* user)
      : name_(name ? name : "function"),
        num_in_(num_in),
        backward_(backward),
        drop_(drop),
        user_(user) {}
  ~CallbackNode() override {
    if (drop_) drop_(user_);
  }

  op::Values backward(const Arrays& dout, bool create_graph) override {
    std::vector<plait_array_t> out_grads, in_grads(static_cast<size_t>(num_in_), nullptr);
    for (const ArrayRef& d : dout) out_grads.push_back(reinterpret_cast<plait_array_t>(d.get()));
    (void)create_graph;  // the function's own operations are recorded if the pass records
    const plait_status_t status = backward_(
        user_, out_grads.data(), static_cast<int32_t>(out_grads.size()), in_grads.data(), num_in_);
    op::Values din;
    for (plait_array_t g : in_grads) din.push_back(autograd::value_of(ArrayRef::adopt(raw(g))));
    check(status == PLAIT_OK, ErrorKind::kCallback, name_, ": ", plait_last_error());
    return din;
  }
  const char* name() const override { return name_.c_str(); }

 private:
  std::string name_;
  int32_t num_in_;
  plait_backward_t backward_;
  plait_drop_t drop_;
  void* user_;
};

}  // namespace

int32_t plait_autograd_is_recording(void) { return autograd::is_recording(); }
int32_t plait_autograd_is_training(void) { return autograd::is_training(); }
int32_t plait_autograd_set_recording(int32_t on) { return autograd::set_recording(on != 0); }
int32_t plait_autograd_set_training(int32_t on) { return autograd::set_training(on != 0); }
int32_t plait_autograd_is_recorded(plait_array_t array) {
  return array ? autograd::is_recorded(*raw(array)) : -1;
}

plait_status_t plait_autograd_mark_variables(const plait_array_t* arrays,
                                             const plait_array_t* grads, const int32_t* grad_reqs,
                                             int32_t count) {
  return guarded([&] {
    require_list(arrays, count, "arrays");
    require_list(grad_reqs, count, "grad_reqs");
    for (int32_t i = 0; i < count; ++i) {
      const int32_t req = grad_reqs[i];
      check(req == PLAIT_GRAD_NULL || req == PLAIT_GRAD_WRITE || req == PLAIT_GRAD_ADD,
            ErrorKind::kInvalidArgument, "mark_variables: grad_req is ", req,
            ", must be 0, 1 or 3");
      autograd::mark_variable(array_of(arrays[i]),
                              grads && grads[i] ? array_of(grads[i]) : ArrayRef(),
                              static_cast<autograd::GradReq>(req));
    }
  });
}

plait_status_t plait_autograd_get_grad(plait_array_t array, plait_array_t* grad,
                                       int32_t* grad_req) {
  return guarded([&] {
    require(grad, "grad");
    require(grad_req, "grad_req");
    const ArrayRef a = array_of(array);
    *grad = new_handle(autograd::grad_of(a));
    *grad_req = static_cast<int32_t>(autograd::grad_req_of(a));
  });
}

plait_status_t plait_autograd_backward(const plait_array_t* heads, const plait_array_t* head_grads,
                                       int32_t num_heads, const plait_array_t* variables,
                                       int32_t num_variables, int32_t flags, plait_array_t* grads) {
  return guarded([&] {
    const Arrays from = arrays_of(heads, num_heads), wanted = arrays_of(variables, num_variables);
    require_list(grads, num_variables, "grads");
    if (num_variables == 0) graph::Trace::check_no_trace("backward()");
    Arrays seeds;
    if (head_grads) seeds = arrays_of(head_grads, num_heads, true);
    Arrays result = autograd::backward(
        {from.data(), from.size()}, {seeds.data(), seeds.size()}, {wanted.data(), wanted.size()},
        flags & PLAIT_BACKWARD_RETAIN, flags & PLAIT_BACKWARD_CREATE, flags & PLAIT_BACKWARD_TRAIN);
    for (size_t i = 0; i < result.size(); ++i) grads[i] = new_handle(std::move(result[i]));
  });
}

plait_status_t plait_autograd_record(const char* name, const plait_array_t* inputs,
                                     int32_t num_inputs, const plait_array_t* outputs,
                                     int32_t num_outputs, plait_backward_t backward,
                                     plait_drop_t drop, void* user) {
  return guarded([&] {
    Ref<autograd::TapeNode> node(new CallbackNode(name, num_inputs, backward, drop, user));
    require(reinterpret_cast<const void*>(backward), "backward");
    const Arrays in = arrays_of(inputs, num_inputs), out = arrays_of(outputs, num_outputs);
    autograd::record(std::move(node), {in.data(), in.size()}, {out.data(), out.size()});
  });
}
