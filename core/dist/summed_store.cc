#include "dist/summed_store.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <string_view>

#include "base/error.h"

namespace plait::dist {
namespace {

constexpr std::array<std::string_view, 6> kLocal = {
    "local", "device", "nccl", "local_update_cpu", "local_allreduce_cpu", "local_allreduce_device"};
constexpr std::array<std::string_view, 5> kSummed = {"dist_sync", "dist_device_sync",
                                                     "dist_sync_device", "dist", "horovod"};
// Set by the starters of Open MPI, MPICH and Slurm in each process.
constexpr std::array<const char*, 3> kStarted = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK"};

template <class List>
bool has(const List& list, const std::string& name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

// All processes that were started together; one rank if this one was started alone.
Ref<Communicator> all_processes() {
  const bool together =
      std::any_of(kStarted.begin(), kStarted.end(), [](const char* n) { return std::getenv(n); });
  return together ? Communicator::world(nullptr) : Communicator::in_process(1)[0];
}

}  // namespace

void SummedStore::spread(const std::string& key, const ArrayRef& value) {
  Options options;
  options.name = key;
  comm_->broadcast(value, 0, options);
}

ArrayRef SummedStore::total(const std::string& key, std::span<const ArrayRef> arrays) {
  const ArrayRef sum = arrays.size() == 1 ? copy_of(arrays[0]) : LocalStore::total(key, arrays);
  Options options;
  options.name = key;
  comm_->allreduce(sum, Reduction::kSum, options);
  return sum;
}

std::unique_ptr<LocalStore> make_store(const std::string& type) {
  std::string name = type;
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (has(kLocal, name)) return std::make_unique<LocalStore>(name);
  if (has(kSummed, name)) return std::make_unique<SummedStore>(name, all_processes());
  check(!name.starts_with("dist_async"), ErrorKind::kNotImplemented, "kvstore: type is '", type,
        "', must be 'dist_sync' outside Python, whose threads serve the others");
  fail(ErrorKind::kInvalidArgument, "kvstore: type is '", type,
       "', must be 'local', 'device', 'dist_sync' or a name like them");
}

}  // namespace plait::dist
