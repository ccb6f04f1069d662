#include "base/env.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/error.h"
#include "testing.h"

using namespace plait;

TEST(env_prefers_our_name_to_that_of_mxnet) {
  setenv("MXNET_ENV_TEST", "mxnet", 1);
  CHECK_EQ(env::get_string("PLAIT_ENV_TEST", "MXNET_ENV_TEST", "none"), "mxnet");
  setenv("PLAIT_ENV_TEST", "plait", 1);
  CHECK_EQ(env::get_string("PLAIT_ENV_TEST", "MXNET_ENV_TEST", "none"), "plait");
  unsetenv("PLAIT_ENV_TEST");
  unsetenv("MXNET_ENV_TEST");
  CHECK_EQ(env::get_string("PLAIT_ENV_TEST", "MXNET_ENV_TEST", "none"), "none");
}

TEST(env_refuses_text_that_is_no_number) {
  setenv("PLAIT_ENV_TEST", "12", 1);
  CHECK_EQ(env::get_int("PLAIT_ENV_TEST", nullptr, 3), 12);
  setenv("PLAIT_ENV_TEST", "12 cores", 1);
  CHECK_THROWS(env::get_int("PLAIT_ENV_TEST", nullptr, 3), Error,
               "PLAIT_ENV_TEST is '12 cores', must be a whole number");
  unsetenv("PLAIT_ENV_TEST");
}

namespace {

// Files as the kernel shows them, in a folder that goes with the object.
class Cgroups {
 public:
  Cgroups() {
    std::string name = std::filesystem::temp_directory_path() / "plait_cgroup_XXXXXX";
    root_ = mkdtemp(name.data());
  }
  ~Cgroups() { std::filesystem::remove_all(root_); }
  void write(const std::string& file, const std::string& text) const {
    std::filesystem::create_directories((root_ / file).parent_path());
    std::ofstream(root_ / file) << text << '\n';
  }
  double cores() const { return env::cgroup_cores(root_ / "membership", root_); }

 private:
  std::filesystem::path root_;
};

}  // namespace

TEST(env_reads_quotas_of_version_2_groups) {
  const Cgroups groups;
  CHECK(groups.cores() > 1e6);  // no files at all
  groups.write("membership", "0::/user/job");
  CHECK(groups.cores() > 1e6);
  groups.write("cpu.max", "max 100000");
  groups.write("user/job/cpu.max", "250000 100000");
  CHECK_EQ(groups.cores(), 2.5);
  groups.write("user/cpu.max", "150000 100000");  // one around it is smaller
  CHECK_EQ(groups.cores(), 1.5);
  groups.write("membership", "0::/");
  CHECK(groups.cores() > 1e6);
  groups.write("cpu.max", "50000 100000");  // of the container itself
  CHECK_EQ(groups.cores(), 0.5);
  groups.write("membership", "0::/../of/the/host");
  CHECK_EQ(groups.cores(), 0.5);
}

TEST(env_reads_quotas_of_version_1_groups) {
  const Cgroups groups;
  groups.write("membership", "5:cpuset:/job\n4:cpu,cpuacct:/job\n1:name=systemd:/job");
  groups.write("cpuset/job/cpu.cfs_quota_us", "1");
  groups.write("cpuset/job/cpu.cfs_period_us", "100000");
  CHECK(groups.cores() > 1e6);  // a controller of another name
  groups.write("cpu,cpuacct/job/cpu.cfs_quota_us", "-1");
  groups.write("cpu,cpuacct/job/cpu.cfs_period_us", "100000");
  CHECK(groups.cores() > 1e6);
  groups.write("cpu,cpuacct/job/cpu.cfs_quota_us", "300000");
  CHECK_EQ(groups.cores(), 3.0);
  groups.write("cpu/cpu.cfs_quota_us", "100000");  // mounted at the top of a container
  groups.write("cpu/cpu.cfs_period_us", "50000");
  CHECK_EQ(groups.cores(), 2.0);
}

TEST(env_gives_at_least_one_core) { CHECK(env::num_cores() >= 1); }
