#include <algorithm>
#include <cstring>

#include "c_api/common.h"
#include "dist/communicator.h"
#include "dist/shared_sum.h"
#include "dist/started.h"
#include "op/ranks.h"

using namespace plait;
using namespace plait::c_api;

struct plait_comm_s {
  static constexpr char kKind[] = "comm";
  Ref<dist::Communicator> comm;
};

namespace {

// Lives on while the call does, even if the handle is freed meanwhile.
Ref<dist::Communicator> comm_of(plait_comm_t handle) {
  require(handle, "comm");
  return handle->comm;
}

dist::Options options_of(const plait_comm_options_t* options) {
  plait_comm_options_t all{};
  if (options) {
    check(options->struct_size >= sizeof(uint32_t), ErrorKind::kInvalidArgument, "struct_size is ",
          options->struct_size, ", must be the size of the struct");
    std::memcpy(&all, options, std::min<size_t>(options->struct_size, sizeof all));
  }
  dist::Options out;
  out.priority = all.priority;
  out.waits = all.wait != 0;
  out.no_limit = all.no_limit != 0;
  if (all.name) out.name = all.name;
  return out;
}

std::vector<int64_t> counts_of(const dist::Communicator& comm, const int64_t* counts) {
  return counts ? std::vector<int64_t>(counts, counts + comm.size()) : std::vector<int64_t>();
}

}  // namespace

plait_status_t plait_comm_new_group(int32_t size, plait_comm_t* out) {
  return guarded([&] {
    require(out, "out");
    int32_t i = 0;
    for (auto& comm : dist::Communicator::in_process(size))
      out[i++] = new_object<plait_comm_s>(comm);
  });
}

plait_status_t plait_comm_new_world(const void* mpi_comm, plait_comm_t* out) {
  return guarded([&] {
    require(out, "out");
    *out = new_object<plait_comm_s>(dist::Communicator::world(mpi_comm));
  });
}

int32_t plait_comm_started(void) { return dist::started_processes(); }

plait_status_t plait_comm_split(plait_comm_t comm, int64_t color, int64_t key, plait_comm_t* out) {
  return guarded([&] {
    require(out, "out");
    *out = new_object<plait_comm_s>(comm_of(comm)->split(color, key));
  });
}

void plait_comm_free(plait_comm_t comm) { free_object(comm); }

int32_t plait_comm_rank(plait_comm_t comm) { return is_alive(comm) ? comm->comm->rank() : -1; }
int32_t plait_comm_size(plait_comm_t comm) { return is_alive(comm) ? comm->comm->size() : -1; }

plait_status_t plait_comm_allreduce(plait_comm_t comm, plait_array_t data,
                                    plait_reduction_t reduction,
                                    const plait_comm_options_t* options) {
  return guarded([&] {
    comm_of(comm)->allreduce(array_of(data), reduction_from_number(reduction),
                             options_of(options));
  });
}

plait_status_t plait_comm_allreduce_list(plait_comm_t comm, const plait_array_t* data,
                                         int32_t count, plait_reduction_t reduction,
                                         const plait_comm_options_t* options) {
  return guarded([&] {
    const auto c = comm_of(comm);
    require(data, "data");
    require_list(data, count, "data");
    std::vector<ArrayRef> list;
    for (int32_t i = 0; i < count; ++i) list.push_back(array_of(data[i]));
    c->allreduce_list(list, reduction_from_number(reduction), options_of(options));
  });
}

plait_status_t plait_comm_broadcast(plait_comm_t comm, plait_array_t data, int32_t root,
                                    const plait_comm_options_t* options) {
  return guarded([&] { comm_of(comm)->broadcast(array_of(data), root, options_of(options)); });
}

plait_status_t plait_comm_allgather(plait_comm_t comm, plait_array_t mine, plait_array_t all,
                                    const int64_t* counts, const plait_comm_options_t* options) {
  return guarded([&] {
    const auto c = comm_of(comm);
    c->allgather(array_of(mine), array_of(all), counts_of(*c, counts), options_of(options));
  });
}

plait_status_t plait_comm_reduce_scatter(plait_comm_t comm, plait_array_t all, plait_array_t mine,
                                         plait_reduction_t reduction,
                                         const plait_comm_options_t* options) {
  return guarded([&] {
    comm_of(comm)->reduce_scatter(array_of(all), array_of(mine),
                                  reduction_from_number(reduction), options_of(options));
  });
}

plait_status_t plait_comm_all_to_all(plait_comm_t comm, plait_array_t source, plait_array_t target,
                                     const int64_t* send_counts, const int64_t* receive_counts,
                                     const plait_comm_options_t* options) {
  return guarded([&] {
    const auto c = comm_of(comm);
    c->all_to_all(array_of(source), array_of(target), counts_of(*c, send_counts),
                  counts_of(*c, receive_counts), options_of(options));
  });
}

plait_status_t plait_comm_send(plait_comm_t comm, plait_array_t data, int32_t peer, int32_t channel,
                               const plait_comm_options_t* options) {
  return guarded([&] { comm_of(comm)->send(array_of(data), peer, channel, options_of(options)); });
}

plait_status_t plait_comm_receive(plait_comm_t comm, plait_array_t data, int32_t peer,
                                  int32_t channel, const plait_comm_options_t* options) {
  return guarded(
      [&] { comm_of(comm)->receive(array_of(data), peer, channel, options_of(options)); });
}

plait_status_t plait_comm_barrier(plait_comm_t comm) {
  return guarded([&] { comm_of(comm)->barrier(); });
}

plait_status_t plait_comm_pending(plait_comm_t comm, plait_buffer_t* out) {
  return guarded([&] {
    require(out, "out");
    *out = new_buffer(comm_of(comm)->pending());
  });
}

plait_status_t plait_comm_abort(plait_comm_t comm, const char* reason) {
  return guarded([&] {
    const auto c = comm_of(comm);
    require(reason, "reason");
    c->abort(reason);
  });
}

plait_status_t plait_comm_kill(plait_comm_t comm) {
  return guarded([&] { comm_of(comm)->kill_all(); });
}

plait_status_t plait_comm_share_batches(plait_comm_t comm) {
  return guarded([&] {
    if (!comm) {
      op::set_ranks(nullptr);
      return;
    }
    const Ref<dist::Communicator> all = comm_of(comm), own = all->split(0, all->rank());
    op::set_ranks(std::make_shared<dist::SharedSum>(own));
  });
}
