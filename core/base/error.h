#pragma once

#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

#include "base/status.h"

namespace plait {

// The one exception type of the core. `what()` is the message that the user reads.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  ErrorKind kind() const { return kind_; }

 private:
  ErrorKind kind_;
};

template <class... Parts>
std::string cat(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

template <class... Parts>
[[noreturn]] void fail(ErrorKind kind, const Parts&... parts) {
  throw Error(kind, cat(parts...));
}

// check(n > 0, ErrorKind::kInvalidArgument, "n is ", n, ", must be > 0")
template <class... Parts>
inline void check(bool condition, ErrorKind kind, const Parts&... parts) {
  if (!condition) [[unlikely]] {
    fail(kind, parts...);
  }
}

}  // namespace plait
