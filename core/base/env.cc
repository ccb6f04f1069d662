#include "base/env.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sstream>

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

constexpr double kNoQuota = 1e9;

// Quota of one group: "cpu.max" holds both numbers in version 2, two files do in version 1.
double quota_in(const std::string& folder) {
  std::string quota, period;
  if (std::ifstream both(folder + "/cpu.max"); !(both >> quota >> period)) {
    std::ifstream(folder + "/cpu.cfs_quota_us") >> quota;
    std::ifstream(folder + "/cpu.cfs_period_us") >> period;
  }
  const double q = std::strtod(quota.c_str(), nullptr);  // 0 for "max", -1 for none
  const double p = std::strtod(period.c_str(), nullptr);
  return q > 0 && p > 0 ? q / p : kNoQuota;
}

bool names_cpu(const std::string& controllers) {
  std::istringstream list(controllers);
  for (std::string name; std::getline(list, name, ',');) {
    if (name == "cpu") return true;
  }
  return false;
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

double cgroup_cores(const std::string& membership, const std::string& root) {
  double cores = kNoQuota;
  std::ifstream groups(membership);
  for (std::string line; std::getline(groups, line);) {  // number:controllers:/path
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const bool is_v2 = controllers.empty();
    if (!is_v2 && !names_cpu(controllers)) continue;
    // In a container the path is that of the host, and its own group is mounted at the top.
    for (std::string path = line.substr(second + 1);; path.erase(path.rfind('/'))) {
      if (path == "/") path.clear();
      for (const std::string& mount : {std::string(is_v2 ? "" : "/cpu"), "/" + controllers}) {
        cores = std::min(cores, quota_in(root + mount + path));
      }
      if (path.empty() || path.rfind('/') == std::string::npos) break;
    }
  }
  return cores;
}

int num_cores() {
  static const int cores = [] {
    const int64_t wanted = get_int("PLAIT_NUM_THREADS", "OMP_NUM_THREADS", 0);
    if (wanted > 0) return static_cast<int>(std::min<int64_t>(wanted, 1024));
    const double limit = std::min<double>(
        affinity_cores(), std::ceil(cgroup_cores("/proc/self/cgroup", "/sys/fs/cgroup")));
    return std::max(1, static_cast<int>(limit));
  }();
  return cores;
}

}  // namespace plait::env
