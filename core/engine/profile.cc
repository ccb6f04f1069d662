#include "engine/profile.h"

#include <mutex>

namespace plait::engine::profile {
namespace {

std::mutex mutex;
std::vector<Span>& stored() {
  static auto* list = new std::vector<Span>;  // workers may outlive static objects
  return *list;
}
std::atomic<uint64_t> next_id{1};
std::atomic<int32_t> next_thread{0};
std::atomic<int64_t (*)()> memory_probe{nullptr};

int32_t thread_number() {
  thread_local const int32_t number = next_thread.fetch_add(1);
  return number;
}

}  // namespace

void set_on(bool on) { recording = on; }
void set_memory_probe(int64_t (*probe)()) { memory_probe = probe; }

Scope::Scope(const char* name, std::string details, const Vars& reads, const Vars& writes,
             int64_t pushed_ns, int cores)
    : writes_(writes), exceptions_(std::uncaught_exceptions()) {
  span_.name = name;
  span_.details = std::move(details);
  span_.id = next_id.fetch_add(1, std::memory_order_relaxed);
  span_.thread = thread_number();
  span_.cores = cores;
  const auto depend = [&](const Var* v) {
    if (v->last_writer) span_.after.push_back(v->last_writer);
  };
  for (const Var* v : reads) depend(v);
  for (const Var* v : writes) depend(v);
  span_.begin_ns = Native::now_ns();
  span_.pushed_ns = pushed_ns ? pushed_ns : span_.begin_ns;
}

Scope::~Scope() {
  span_.end_ns = Native::now_ns();
  span_.failed = span_.failed || std::uncaught_exceptions() > exceptions_;
  for (Var* v : writes_) v->last_writer = span_.id;
  if (const auto probe = memory_probe.load()) span_.bytes = probe();
  std::lock_guard lock(mutex);
  stored().push_back(std::move(span_));
}

std::vector<Span> spans(bool clear) {
  std::lock_guard lock(mutex);
  if (!clear) return stored();
  return std::exchange(stored(), {});
}

int64_t count() {
  std::lock_guard lock(mutex);
  return static_cast<int64_t>(stored().size());
}

}  // namespace plait::engine::profile
