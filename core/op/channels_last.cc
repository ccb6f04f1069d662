#include "op/channels_last.h"

#include <string>
#include <unordered_map>

namespace plait::op {
namespace {

std::unordered_map<std::string, PrefersLast>& table() {
  static std::unordered_map<std::string, PrefersLast> functions;
  return functions;
}

}  // namespace

void set_prefers_last(const char* op, PrefersLast f) { table()[op] = f; }

PrefersLast prefers_last(const Op& op) {
  const auto found = table().find(op.name);
  return found == table().end() ? nullptr : found->second;
}

}  // namespace plait::op
