#include "engine/profile.h"

#include "c_api/common.h"
#include "graph/json_text.h"
#include "memory/pool.h"

using namespace plait;
using namespace plait::c_api;
namespace profile = plait::engine::profile;

namespace {

std::string json_of(const profile::Span& s) {
  std::string after;
  for (uint64_t id : s.after) after += cat(after.empty() ? "" : ", ", id);
  return cat("{\"id\": ", s.id, ", \"name\": ", graph::Json::quote(s.name),
             ", \"shapes\": ", graph::Json::quote(s.details), ", \"pushed\": ", s.pushed_ns,
             ", \"begin\": ", s.begin_ns, ", \"end\": ", s.end_ns, ", \"thread\": ", s.thread,
             ", \"cores\": ", s.cores, ", \"failed\": ", s.failed ? "true" : "false",
             ", \"after\": [", after, "], \"bytes\": ", s.bytes, "}");
}

}  // namespace

plait_status_t plait_profiler_set_state(int32_t state) {
  return guarded([&] {
    check(state >= PLAIT_PROFILE_OFF && state <= PLAIT_PROFILE_MEMORY, ErrorKind::kInvalidArgument,
          "state is ", state, ", must be in [0, 2]");
    profile::set_memory_probe(state == PLAIT_PROFILE_MEMORY
                                  ? +[] { return memory::pool_stats().bytes_in_use; }
                                  : nullptr);
    profile::set_on(state != PLAIT_PROFILE_OFF);
  });
}

int64_t plait_profiler_count(void) { return profile::count(); }

plait_status_t plait_profiler_read(int32_t clear, plait_buffer_t* json) {
  return guarded([&] {
    require(json, "json");
    std::string text = "[";
    for (const profile::Span& s : profile::spans(clear != 0)) {
      text += (text.size() > 1 ? ",\n" : "") + json_of(s);
    }
    *json = new_buffer(text + "]");
  });
}
