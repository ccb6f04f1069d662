#pragma once

#include <cstdint>
#include <string>

namespace plait::env {

// Settings are read from the environment once, when first asked for.
// `mxnet_name` (may be null) is honoured when the PLAIT_ name is not set.
std::string get_string(const char* name, const char* mxnet_name, const std::string& fallback);

// Throws ErrorKind::kInvalidArgument if the text is not a whole number.
int64_t get_int(const char* name, const char* mxnet_name, int64_t fallback);

// Cores that this process may use: PLAIT_NUM_THREADS, else OMP_NUM_THREADS, else the smaller of
// the affinity mask and the cgroup's CPU quota. At least 1.
int num_cores();

// The least CPU quota, in cores, among the process's control group and those around it; a large
// number if there is none. `membership` is /proc/self/cgroup or a file like it, `root` the folder
// in which the file systems of the groups are mounted. Version 1 and 2: the Linux kernel's
// admin-guide/cgroup-v2 (cpu.max) and scheduler/sched-bwc (cpu.cfs_quota_us).
double cgroup_cores(const std::string& membership, const std::string& root);

}  // namespace plait::env
