#pragma once

#include "dist/communicator.h"
#include "dist/local_store.h"

namespace plait::dist {

// Arrays by key on all ranks of a communicator, which make the same calls in the same order: what
// they push is summed over all of them, and each makes the same update to its own copy.
class SummedStore final : public LocalStore {
 public:
  SummedStore(std::string type, Ref<Communicator> comm)
      : LocalStore(std::move(type)), comm_(std::move(comm)) {}

  int rank() const override { return comm_->rank(); }
  int num_workers() const override { return comm_->size(); }
  void barrier() override { comm_->barrier(); }

 protected:
  void spread(const std::string& key, const ArrayRef& value) override;
  ArrayRef total(const std::string& key, std::span<const ArrayRef> arrays) override;

 private:
  Ref<Communicator> comm_;
};

}  // namespace plait::dist
