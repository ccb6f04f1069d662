#include "base/env.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>

#include "base/error.h"

namespace plait::env {
namespace {

const char* lookup(const char* name, const char* mxnet_name) {
  const char* text = std::getenv(name);
  if (!text && mxnet_name) text = std::getenv(mxnet_name);
  return text && *text ? text : nullptr;
}

int affinity_cores() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return CPU_COUNT(&set);
}

// CPU quota of a version 2 or version 1 cgroup, in cores; a large number if there is none.
double cgroup_cores() {
  double quota = 0, period = 0;
  std::string text;
  if (std::ifstream v2("/sys/fs/cgroup/cpu.max"); v2 >> text >> period && text != "max") {
    quota = std::strtod(text.c_str(), nullptr);
  } else {
    std::ifstream q("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"),
        p("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
    q >> quota;
    p >> period;
  }
  return quota > 0 && period > 0 ? quota / period : 1e9;
}

}  // namespace

std::string get_string(const char* name, const char* mxnet_name, const std::string& fallback) {
  const char* text = lookup(name, mxnet_name);
  return text ? text : fallback;
}

int64_t get_int(const char* name, const char* mxnet_name, int64_t fallback) {
  const char* text = lookup(name, mxnet_name);
  if (!text) return fallback;
  char* end = nullptr;
  const long long value = std::strtoll(text, &end, 10);
  check(*end == '\0', ErrorKind::kInvalidArgument, name, " is '", text,
        "', must be a whole number");
  return value;
}

int num_cores() {
  static const int cores = [] {
    const int64_t wanted = get_int("PLAIT_NUM_THREADS", "OMP_NUM_THREADS", 0);
    if (wanted > 0) return static_cast<int>(std::min<int64_t>(wanted, 1024));
    const double limit = std::min<double>(affinity_cores(), std::ceil(cgroup_cores()));
    return std::max(1, static_cast<int>(limit));
  }();
  return cores;
}

}  // namespace plait::env
