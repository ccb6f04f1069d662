#include "ops/control/condition.h"

#include "kernels/convert.h"

namespace plait::ops {

void check_condition(const Spec& spec) {
  check(num_elements(spec.shape) == 1, ErrorKind::kShape, "condition has shape ", spec.shape,
        ", must be one number");
}

Condition::Condition(op::Body& body, const Specs& in, const KernelArgs& k)
    : routine_(body.compile(in, k.is_train, {})),
      scratch_(Array::empty(Dims{routine_->forward_scratch}, DType::kUint8)),
      result_(Array::empty(routine_->out[0].shape, routine_->out[0].dtype)),
      threads_(k.threads) {}

bool Condition::holds(op::Pointers in, op::RandomKey key) {
  char* const out = static_cast<char*>(result_->data());
  routine_->forward(in, {&out, 1}, {}, static_cast<char*>(scratch_->data()), key, threads_);
  bool answer = false;
  kernels::convert(out, result_->dtype(), 1, &answer, DType::kBool, 1);
  return answer;
}

}  // namespace plait::ops
