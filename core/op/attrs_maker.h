#pragma once

#include <cstdint>

#include "op/op.h"

namespace plait::op {

// Makes the attributes of one call: set() those that are given, then done().
class AttrsMaker {
 public:
  explicit AttrsMaker(const Op& op) : op_(op), attrs_(op.copy_of_attrs(*op.defaults)) {}
  // None is the default, unless the attribute may be None.
  void set(int32_t index, const AttrValue& value);
  AttrsRef done();

 private:
  const Op& op_;
  Ref<Attrs> attrs_;
  uint64_t given_ = 0;  // one bit for each field
};

}  // namespace plait::op
