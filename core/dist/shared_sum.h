#pragma once

#include <string>

#include "dist/communicator.h"
#include "op/ranks.h"

namespace plait::dist {

// Sums for operators over all ranks of a communicator that is used for nothing else.
class SharedSum final : public op::Ranks {
 public:
  explicit SharedSum(Ref<Communicator> comm) : comm_(std::move(comm)) {}
  // Fails on all ranks if one comes with another key.
  void sum(const std::string& key, double* data, int64_t n) override;
  void leave_out(const std::string& reason) override;

 private:
  Ref<Communicator> comm_;
};

}  // namespace plait::dist
