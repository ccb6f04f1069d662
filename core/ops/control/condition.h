#pragma once

#include "op/body.h"

// Graphs that say yes or no, as conditions of loops and branches.
namespace plait::ops {

using op::KernelArgs;

// Throws unless the array has one number.
void check_condition(const Spec& spec);

class Condition {
 public:
  Condition(op::Body& body, const Specs& in, const KernelArgs& k);
  bool holds(op::Pointers in, op::RandomKey key);  // false: the number is 0
  int64_t random_count() const { return routine_->random_count; }

 private:
  Ref<op::Routine> routine_;
  ArrayRef scratch_, result_;
  int threads_;
};

}  // namespace plait::ops
