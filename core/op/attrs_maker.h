#pragma once

#include <cstdint>

#include "op/op.h"

namespace plait::op {

// Makes the attributes of one call: set() those that are given, then done().
class AttrsMaker {
 public:
  explicit AttrsMaker(const Op& op) : op_(op), attrs_(op.new_attrs()) {}
  // None is the default, unless the attribute may be None.
  void set(int32_t index, const AttrValue& value);
  AttrsRef done();

 private:
  // Names the attribute in the message of a value that it does not take.
  void set_field(size_t i, const AttrValue& value);

  const Op& op_;
  AttrsRef attrs_;
  uint64_t given_ = 0;  // one bit for each field
};

}  // namespace plait::op
