#include "dist/nccl_store.h"

#include "memory/accelerator.h"

namespace plait::dist {
namespace {

Options named(const std::string& key) {
  Options options;
  options.name = key;
  return options;
}

}  // namespace

NcclStore::NcclStore(std::string type) : LocalStore(std::move(type)) {
  const std::string missing = memory::why_no_device_groups();
  check(missing.empty(), ErrorKind::kDevice, "kvstore: type is 'nccl', must be another. ", missing);
}

const std::vector<Ref<Communicator>>& NcclStore::ranks_of(const char* method,
                                                          const std::string& key,
                                                          std::span<const ArrayRef> arrays) {
  std::vector<int32_t> devices;
  for (const ArrayRef& a : arrays) {
    check(is_gpu(a->device()), ErrorKind::kDevice, "kvstore: ", method, " of key '", key,
          "' has an array on ", a->device(), ", must be on a gpu with type 'nccl'");
    for (const int32_t other : devices) {
      check(other != a->device().id, ErrorKind::kDevice, "kvstore: ", method, " of key '", key,
            "' has two arrays on ", a->device(), ", must be on different gpus");
    }
    devices.push_back(a->device().id);
  }
  auto& ranks = ranks_[devices];
  if (ranks.empty()) ranks = Communicator::in_process(static_cast<int>(arrays.size()));
  return ranks;
}

ArrayRef NcclStore::total(const std::string& key, std::span<const ArrayRef> arrays) {
  const auto& ranks = ranks_of("push", key, arrays);
  if (arrays.size() == 1) return arrays[0];
  std::vector<ArrayRef> sums;  // what is pushed stays the caller's
  for (const ArrayRef& a : arrays) sums.push_back(copy_of(a));
  for (size_t i = 0; i < sums.size(); ++i) {
    ranks[i]->allreduce(sums[i], Reduction::kSum, named(key));
  }
  return sums[0];
}

void NcclStore::pull(const std::string& key, std::span<const ArrayRef> arrays) {
  const std::lock_guard lock(mutex_);
  check_shapes(key, arrays);
  if (arrays.empty()) return;
  const auto& ranks = ranks_of("pull", key, arrays);
  copy_to_all(value_of(key), arrays.first(1));
  for (size_t i = 0; i < arrays.size() && arrays.size() > 1; ++i) {
    ranks[i]->broadcast(arrays[i], 0, named(key));
  }
}

}  // namespace plait::dist
