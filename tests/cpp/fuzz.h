#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <string>
#include <vector>

// Random damage to good files. Each test takes the first change from PLAIT_TEST_SEED and goes on
// for PLAIT_STRESS_SECONDS.
namespace plait::testing {

using Seeds = std::vector<std::string>;

// Random changes of byte strings.
class Mutator {
 public:
  explicit Mutator(uint64_t seed) : random_(seed) {}

  size_t below(size_t n);                  // 0 for n = 0
  std::string change(const Seeds& seeds);  // one of them, changed in one to four places

 private:
  void change_once(std::string& s, const Seeds& seeds);
  void put_number(std::string& s, size_t at);

  std::mt19937_64 random_;
};

// Feeds changed seeds to `read` for PLAIT_STRESS_SECONDS, or `few` of them. What is thrown must be
// an Error, and not one of ours.
void fuzz(const char* name, const Seeds& seeds, int few,
          const std::function<void(std::string&, Mutator&)>& read);

// A file that is removed at the end.
struct File {
  File() : path(std::filesystem::temp_directory_path() / "fuzz_test.XXXXXX") {
    close(mkstemp(path.data()));
  }
  ~File() { unlink(path.c_str()); }
  void write(const std::string& bytes) const { std::ofstream(path, std::ios::binary) << bytes; }
  std::string path;
};

}  // namespace plait::testing
