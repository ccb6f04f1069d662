#include "engine/engine.h"

#include <algorithm>
#include <cstring>

#include "c_api/common.h"
#include "memory/accelerator.h"
#include "memory/pool.h"

using namespace plait;
using namespace plait::c_api;

namespace {

int32_t (*user_interrupted)(void) = nullptr;
int32_t (*user_origin)(char*, int32_t) = nullptr;

std::string origin() {
  char text[512] = "";
  return user_origin(text, sizeof text) == 0 ? std::string(text) : std::string();
}

// Writes as much of `full` as the caller's struct has room for.
template <class Stats>
void write_stats(Stats full, Stats* out) {
  require(out, "stats");
  const uint32_t room = out->struct_size;
  check(room >= sizeof(uint32_t), ErrorKind::kInvalidArgument, "struct_size is ", room,
        ", must be the size of the struct");
  full.struct_size = room;
  std::memcpy(out, &full, std::min<size_t>(room, sizeof full));
}

}  // namespace

plait_status_t plait_engine_wait_all(void) {
  return guarded([] {
    engine::wait_all();
    memory::synchronize_devices();
  });
}

plait_status_t plait_engine_get_stats(plait_engine_stats_t* stats) {
  return guarded([&] {
    const engine::EngineStats s = engine::stats();
    write_stats(plait_engine_stats_t{0, s.workers, s.inlined, s.queued, s.pending, s.bytes_pending,
                                     s.in_caller, s.busy_ns, s.uptime_ns, s.threads, 0},
                stats);
  });
}

int32_t plait_engine_is_serial(void) {
  int32_t serial = -1;
  guarded([&] { serial = engine::is_serial(); });
  return serial;
}

plait_status_t plait_engine_set_interrupt_check(int32_t (*interrupted)(void)) {
  return guarded([&] {
    user_interrupted = interrupted;
    engine::set_interrupt_check(interrupted ? +[] { return user_interrupted() != 0; } : nullptr);
  });
}

plait_status_t plait_engine_before_fork(void) {
  return guarded([] { engine::before_fork(); });
}
plait_status_t plait_engine_after_fork_parent(void) {
  return guarded([] { engine::after_fork_parent(); });
}
plait_status_t plait_engine_after_fork_child(void) {
  return guarded([] {});  // fork() itself has made a fresh engine there
}
plait_status_t plait_engine_shutdown(void) {
  return guarded([] { engine::shutdown(); });
}

plait_status_t plait_engine_set_num_threads(int32_t threads, int32_t* before) {
  return guarded([&] {
    const int old = engine::set_num_threads(threads);
    if (before) *before = old;
  });
}
plait_status_t plait_engine_set_bulk_size(int64_t size, int64_t* before) {
  return guarded([&] {
    const int64_t old = engine::set_bulk_size(size);
    if (before) *before = old;
  });
}
plait_status_t plait_engine_set_caller_limit(int64_t ns, int64_t* before) {
  return guarded([&] {
    const int64_t old = engine::set_caller_limit_ns(ns);
    if (before) *before = old;
  });
}
plait_status_t plait_engine_set_origin(int32_t (*source)(char*, int32_t)) {
  return guarded([&] {
    engine::set_origin(nullptr);
    user_origin = source;
    if (source) engine::set_origin(origin);
  });
}

plait_status_t plait_memory_get_stats(plait_memory_stats_t* stats) {
  return guarded([&] {
    const memory::PoolStats s = memory::pool_stats();
    write_stats(plait_memory_stats_t{0, 0, s.bytes_in_use, s.bytes_cached, s.peak_bytes_in_use,
                                     s.allocations, s.system_allocations},
                stats);
  });
}

plait_status_t plait_memory_release(void) {
  return guarded([] { memory::release_cached(); });
}
plait_status_t plait_memory_fail_after(int64_t n) {
  return guarded([&] { memory::fail_allocation_after(n); });
}
