#include "dist/summed_store.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "base/error.h"
#include "dist/nccl_store.h"
#include "dist/served_store.h"
#include "dist/started.h"

namespace plait::dist {
namespace {

constexpr std::array<std::string_view, 5> kLocal = {
    "local", "device", "local_update_cpu", "local_allreduce_cpu", "local_allreduce_device"};
constexpr std::array<std::string_view, 5> kSummed = {"dist_sync", "dist_device_sync",
                                                     "dist_sync_device", "dist", "horovod"};
constexpr std::array<std::string_view, 2> kServed = {"dist_async", "dist_async_device"};

template <class List>
bool has(const List& list, const std::string& name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

// All processes that were started together; one rank if this one was started alone.
Ref<Communicator> all_processes() {
  const int started = started_processes();
  if (started == 0) return Communicator::in_process(1)[0];
  Ref<Communicator> all = Communicator::world(nullptr);
  check(started < 0 || started == all->size(), ErrorKind::kComm, "MPI: there is ", all->size(),
        " rank, must be ", started, " as its starter says: the library is not that of the mpirun",
        "\n  hint: name the file in PLAIT_MPI_LIBRARY");
  return all;
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
  if (name == "nccl") return std::make_unique<NcclStore>(name);
  if (has(kSummed, name)) return std::make_unique<SummedStore>(name, all_processes());
  if (has(kServed, name)) return std::make_unique<ServedStore>(name, all_processes());
  fail(ErrorKind::kInvalidArgument, "kvstore: type is '", type,
       "', must be 'local', 'device', 'dist_sync' or a name like them");
}

}  // namespace plait::dist
