#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "base/small_vec.h"
#include "engine/engine.h"

// What the profiler remembers of each operation: kept in memory until it is written.
namespace plait::engine::profile {

struct Span {
  std::string name, details;
  int64_t pushed_ns = 0, begin_ns = 0, end_ns = 0;
  int64_t bytes = -1;  // memory in use at the end; -1: not asked for
  uint64_t id = 0;
  SmallVec<uint64_t, 4> after;  // spans whose results this one used
  int32_t thread = 0;           // number in order of first use
  int32_t cores = 0;
  bool failed = false;
};

inline std::atomic<bool> recording{false};
inline bool is_on() { return recording.load(std::memory_order_relaxed); }
void set_on(bool on);
// Called at the end of each span, if set; gives the bytes in use.
void set_memory_probe(int64_t (*probe)());

// Begins a span of the calling thread, which holds the variables; the end is taken and the span is
// stored when it goes out of scope. An exception that passes marks it.
class Scope {
 public:
  Scope(const char* name, std::string details, const Vars& reads, const Vars& writes,
        int64_t pushed_ns, int cores);
  Scope(const Scope&) = delete;
  ~Scope();
  void set_failed() { span_.failed = true; }

 private:
  const Vars& writes_;
  Span span_;
  int exceptions_;
};

// All spans so far, in the order of their ends; `clear` forgets them.
std::vector<Span> spans(bool clear);
int64_t count();

}  // namespace plait::engine::profile
