#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

namespace plait::cuda {

// The last operators that were enqueued on a stream, for the message of a failure: a device says
// that something failed, not what.
class Log {
 public:
  void add(const char* name) { names_[next_.fetch_add(1) % names_.size()].store(name); }
  // The device has done all so far.
  void clear() {
    for (auto& name : names_) name.store(nullptr);
  }
  // "relu", or "dot, relu (the last operators)".
  std::string text() const {
    std::string text;
    int count = 0;
    const uint64_t end = next_.load();
    for (uint64_t i = end; i < end + names_.size(); ++i) {
      const char* name = names_[i % names_.size()].load();
      if (!name) continue;
      text += (count++ ? ", " : "") + std::string(name);
    }
    return count > 1 ? "one of " + text + " (the last operators)" : text;
  }

 private:
  std::array<std::atomic<const char*>, 8> names_{};
  std::atomic<uint64_t> next_{0};
};

}  // namespace plait::cuda
