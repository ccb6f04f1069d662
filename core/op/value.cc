#include "op/value.h"

#include "op/op.h"

namespace plait::op {
namespace {

thread_local Tracer* active_tracer = nullptr;

}  // namespace

Tracer& current_tracer() {
  check(active_tracer, ErrorKind::kInternal, "no gradient is being evaluated in this thread");
  return *active_tracer;
}

TracerScope::TracerScope(Tracer& tracer) : previous_(active_tracer) { active_tracer = &tracer; }
TracerScope::~TracerScope() { active_tracer = previous_; }

const Value& GradArgs::in(size_t i) const {
  check(static_cast<bool>(in_values[i]), ErrorKind::kInternal, "gradient reads input ", i,
        ", which it does not save");
  return in_values[i];
}

const Value& GradArgs::out(size_t i) const {
  check(static_cast<bool>(out_values[i]), ErrorKind::kInternal, "gradient reads output ", i,
        ", which it does not save");
  return out_values[i];
}

Value GradArgs::dout(size_t i) const {
  return has_dout(i) ? dout_values[i] : full_of(out_specs[i], 0.0);
}

OpCall::OpCall(const char* name, std::initializer_list<const char*> attr_names)
    : name_(name), attr_names_(attr_names) {}

void OpCall::resolve() const {
  static std::mutex mutex;
  std::lock_guard lock(mutex);
  if (op_.load()) return;
  const Op& op = Op::get(name_);
  for (const char* attr : attr_names_) fields_.push_back(op.field_index(attr));
  op_.store(&op);
}

Values OpCall::all(std::span<const Value> in, std::span<const AttrValue> attrs) const {
  if (!op_.load(std::memory_order_acquire)) resolve();
  const Op& op = *op_.load(std::memory_order_relaxed);
  AttrsRef made;
  if (op.has_attrs()) {
    SmallVec<std::pair<int, AttrValue>, 8> values;
    size_t i = 0;
    for (const AttrValue& v : attrs) values.emplace_back(fields_[i++], v);
    made = op.make_attrs({values.data(), values.size()});
  }
  return current_tracer().apply(op, made, in);
}

Value OpCall::operator()(std::initializer_list<Value> in,
                         std::initializer_list<AttrValue> attrs) const {
  return all({in.begin(), in.size()}, {attrs.begin(), attrs.size()})[0];
}

namespace {

const OpCall kAdd("add"), kSubtract("subtract"), kMultiply("multiply"), kDivide("divide"),
    kNegative("negative");
const OpCall kAddScalar("add_scalar", {"scalar"}), kSubtractScalar("subtract_scalar", {"scalar"}),
    kRsubtractScalar("rsubtract_scalar", {"scalar"}),
    kMultiplyScalar("multiply_scalar", {"scalar"}), kDivideScalar("divide_scalar", {"scalar"}),
    kRdivideScalar("rdivide_scalar", {"scalar"});
const OpCall kSumTo("sum_to_shape", {"shape"}), kViewShape("view_shape", {"shape"}),
    kCast("cast", {"dtype"}), kFull("full", {"shape", "value", "dtype"});

}  // namespace

Value operator+(const Value& a, const Value& b) { return kAdd({a, b}); }
Value operator-(const Value& a, const Value& b) { return kSubtract({a, b}); }
Value operator*(const Value& a, const Value& b) { return kMultiply({a, b}); }
Value operator/(const Value& a, const Value& b) { return kDivide({a, b}); }
Value operator+(const Value& a, double b) { return kAddScalar({a}, {b}); }
Value operator-(const Value& a, double b) { return kSubtractScalar({a}, {b}); }
Value operator*(const Value& a, double b) { return kMultiplyScalar({a}, {b}); }
Value operator/(const Value& a, double b) { return kDivideScalar({a}, {b}); }
Value operator+(double a, const Value& b) { return kAddScalar({b}, {a}); }
Value operator-(double a, const Value& b) { return kRsubtractScalar({b}, {a}); }
Value operator*(double a, const Value& b) { return kMultiplyScalar({b}, {a}); }
Value operator/(double a, const Value& b) { return kRdivideScalar({b}, {a}); }
Value operator-(const Value& a) { return kNegative({a}); }

Value sum_to(const Value& v, const Dims& shape) {
  return v.shape() == shape ? v : kSumTo({v}, {shape});
}
Value reshape_to(const Value& v, const Dims& shape) {
  return v.shape() == shape ? v : kViewShape({v}, {shape});
}
Value cast_to(const Value& v, DType dtype) {
  return v.dtype() == dtype ? v : kCast({v}, {std::string(dtype_name(dtype))});
}
Value full_of(const Spec& spec, double value) {
  return kFull({}, {spec.shape, value, std::string(dtype_name(spec.dtype))});
}

}  // namespace plait::op
