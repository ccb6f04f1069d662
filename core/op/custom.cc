#include "op/custom.h"

#include <map>
#include <mutex>

#include "base/error.h"

namespace plait::op {
namespace {

struct Registry {
  std::mutex mutex;
  std::map<std::string, std::shared_ptr<const CustomOp>> ops;
};

Registry& registry() {
  // Never destroyed: what is registered may call into an interpreter that is gone at exit.
  static Registry& the = *new Registry;
  return the;
}

}  // namespace

void register_custom(const std::string& name, CustomOp op) {
  auto made = std::make_shared<const CustomOp>(std::move(op));
  std::lock_guard lock(registry().mutex);
  std::swap(registry().ops[name], made);
}

std::shared_ptr<const CustomOp> find_custom(const std::string& name) {
  std::lock_guard lock(registry().mutex);
  const auto found = registry().ops.find(name);
  check(found != registry().ops.end(), ErrorKind::kKey, "op_type is '", name,
        "', must be the name of a registered operator");
  return found->second;
}

std::vector<std::string> custom_names() {
  std::lock_guard lock(registry().mutex);
  std::vector<std::string> names;
  for (const auto& [name, op] : registry().ops) names.push_back(name);
  return names;
}

}  // namespace plait::op
