#pragma once

#include <vector>

#include "dist/communicator.h"
#include "dist/local_store.h"

namespace plait::dist {

// Arrays by key for the GPUs of one process, which sum and copy through NCCL.
class NcclStore final : public LocalStore {
 public:
  // Throws ErrorKind::kDevice if NCCL is not there.
  explicit NcclStore(std::string type);

  void pull(const std::string& key, std::span<const ArrayRef> arrays) override;

 protected:
  ArrayRef total(const std::string& key, std::span<const ArrayRef> arrays) override;

 private:
  // One rank for each of the arrays, which are on different GPUs.
  const std::vector<Ref<Communicator>>& ranks_of(const char* method, const std::string& key,
                                                 std::span<const ArrayRef> arrays);

  std::map<std::vector<int32_t>, std::vector<Ref<Communicator>>> ranks_;  // by devices
};

}  // namespace plait::dist
