// plait_tests                 run every test
// plait_tests NAME...         run these
// plait_tests --list          print the names
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <map>
#include <string>
#include <vector>

#include "testing.h"

namespace plait::testing {
namespace {

std::map<std::string, void (*)()>& tests() {
  static std::map<std::string, void (*)()> all;
  return all;
}

bool run(const std::string& name, void (*body)()) {
  try {
    body();
    return true;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "FAILED %s\n  %s\n", name.c_str(), e.what());
    return false;
  }
}

}  // namespace

Register::Register(const char* name, void (*body)()) {
  if (!tests().emplace(name, body).second) {
    std::fprintf(stderr, "two C++ tests are called %s\n", name);
    std::abort();
  }
}

}  // namespace plait::testing

int main(int argc, char** argv) {
  using plait::testing::tests;
  if (argc == 2 && std::strcmp(argv[1], "--list") == 0) {
    for (const auto& [name, body] : tests()) std::printf("%s\n", name.c_str());
    return 0;
  }
  std::vector<std::string> names(argv + 1, argv + argc);
  if (names.empty()) {
    for (const auto& [name, body] : tests()) names.push_back(name);
  }
  int failed = 0;
  for (const std::string& name : names) {
    const auto it = tests().find(name);
    if (it == tests().end()) {
      std::fprintf(stderr, "no C++ test is called %s\n", name.c_str());
      return 2;
    }
    failed += !plait::testing::run(name, it->second);
  }
  std::printf("%zu tests, %d failed\n", names.size(), failed);
  return failed ? 1 : 0;
}
