#include "op/body.h"

#include <atomic>
#include <memory>

namespace plait::op {
namespace {

std::atomic<BodyRef (*)(const std::string&)> reader{nullptr};

// By number of the operator; filled before main, read-only afterwards.
std::vector<std::unique_ptr<Control>>& controls() {
  static std::vector<std::unique_ptr<Control>> all;
  return all;
}

const InputDef& input_def(const Op& op, size_t i) {
  return op.inputs[std::min(i, op.inputs.size() - 1)];
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
  const auto id = static_cast<size_t>(op.id);
  return id < controls().size() ? controls()[id].get() : nullptr;
}

bool set_control(int32_t op_id, Control control) {
  const auto id = static_cast<size_t>(op_id);
  if (controls().size() <= id) controls().resize(id + 1);
  controls()[id] = std::make_unique<Control>(std::move(control));
  return true;
}

bool is_body(const Op& op, std::string_view attribute) {
  const Control* control = control_of(op);
  return control && std::any_of(control->bodies.begin(), control->bodies.end(),
                                [&](const char* name) { return attribute == name; });
}

bool is_mutable(const Op& op, const AttrsRef& attrs, size_t i, size_t n) {
  const Control* control = control_of(op);
  if (!control || !control->writes) return input_def(op, i).is_mutable;
  return control->writes(op.data_of(attrs), i, n, true);
}

bool is_aux(const Op& op, const AttrsRef& attrs, size_t i, size_t n) {
  const Control* control = control_of(op);
  if (!control || !control->is_aux) return input_def(op, i).is_aux;
  return control->is_aux(op.data_of(attrs), i, n);
}

int64_t random_count(const Op& op, const AttrsRef& attrs, const Specs& in, int64_t out_elements,
                     bool is_train) {
  const Control* control = control_of(op);
  return control && control->random_count ? control->random_count(op.data_of(attrs), in, is_train)
                                          : out_elements;
}

}  // namespace plait::op
