#include "op/body.h"

#include <atomic>
#include <map>

namespace plait::op {
namespace {

std::atomic<BodyRef (*)(const std::string&)> reader{nullptr};

// Filled before main; read-only afterwards.
std::map<int32_t, Control>& controls() {
  static std::map<int32_t, Control> all;
  return all;
}

}  // namespace

BodyRef read_body(const std::string& text) {
  const auto read = reader.load();
  check(read != nullptr, ErrorKind::kInternal, "no reader of bodies");
  return read(text);
}

bool set_body_reader(BodyRef (*read)(const std::string&)) {
  reader = read;
  return true;
}

const Control* control_of(const Op& op) {
  const auto found = controls().find(op.id);
  return found == controls().end() ? nullptr : &found->second;
}

bool set_control(int32_t op_id, Control control) {
  controls()[op_id] = std::move(control);
  return true;
}

bool is_body(const Op& op, std::string_view attribute) {
  const Control* control = control_of(op);
  return control && std::any_of(control->bodies.begin(), control->bodies.end(),
                                [&](const char* name) { return attribute == name; });
}

int64_t random_count(const Op& op, const AttrsRef& attrs, const Specs& in, int64_t out_elements,
                     bool is_train) {
  const Control* control = control_of(op);
  return control ? control->random_count(op.data_of(attrs), in, is_train) : out_elements;
}

}  // namespace plait::op
