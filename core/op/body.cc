#include "op/body.h"

#include <atomic>
#include <memory>

namespace plait::op {
namespace {

std::atomic<BodyRef (*)(const std::string&)> reader{nullptr};

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

bool set_control(int32_t op_id, Control control) {
  Op& op = *Op::all()[static_cast<size_t>(op_id)];
  op.writes_inputs = op.writes_inputs || control.writes;
  op.control = new Control(std::move(control));  // as long as the operator: for ever
  return true;
}

bool is_body(const Op& op, std::string_view attribute) {
  const Control* control = op.control;
  return control && std::any_of(control->bodies.begin(), control->bodies.end(),
                                [&](const char* name) { return attribute == name; });
}

bool is_mutable(const Op& op, const AttrsRef& attrs, size_t i, size_t n) {
  if (!op.writes_inputs) return false;
  if (!op.control || !op.control->writes) return op.input_def(i).is_mutable;
  return op.control->writes(op.data_of(attrs), i, n, true);
}

bool is_aux(const Op& op, const AttrsRef& attrs, size_t i, size_t n) {
  if (!op.control || !op.control->is_aux) return op.input_def(i).is_aux;
  return op.control->is_aux(op.data_of(attrs), i, n);
}

int64_t random_count(const Op& op, const AttrsRef& attrs, const Specs& in, int64_t out_elements,
                     bool is_train) {
  const Control* control = op.control;
  return control && control->random_count ? control->random_count(op.data_of(attrs), in, is_train)
                                          : out_elements;
}

}  // namespace plait::op
