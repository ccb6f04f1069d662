#pragma once

#include <atomic>
#include <initializer_list>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "op/attr.h"
#include "tensor/array.h"

// Gradients are graphs of operators. They are written once with Values, which stand for arrays when
// the operators run at once and for edges of a graph while one is built.
namespace plait::op {

class Op;

struct Value {
  ArrayRef array;        // eager
  Ref<RefCounted> node;  // in a graph: the node and which of its outputs
  int32_t index = 0;
  Spec spec;

  explicit operator bool() const { return array || node; }
  const Dims& shape() const { return spec.shape; }
  DType dtype() const { return spec.dtype; }
};
using Values = SmallVec<Value, 4>;

// Applies operators to Values.
class Tracer {
 public:
  virtual ~Tracer() = default;
  virtual Values apply(const Op& op, const AttrsRef& attrs, std::span<const Value> in) = 0;
  // True if what is applied may be differentiated again: then fused backward kernels that have no
  // gradient of their own must not be used.
  virtual bool differentiable() const = 0;
};

// The tracer of the calling thread; set while gradients are evaluated.
Tracer& current_tracer();
class TracerScope {
 public:
  explicit TracerScope(Tracer& tracer);
  ~TracerScope();

 private:
  Tracer* previous_;
};

// What a gradient function gets. Only values named by the operator's Saves may be asked for; the
// specs of all are there.
class GradArgs {
 public:
  Values in_values, out_values, dout_values;  // empty Value: not saved, or no gradient came in
  Specs in_specs, out_specs;
  std::vector<bool> needs;  // which inputs want a gradient; others may be left empty

  const Value& in(size_t i) const;
  const Value& out(size_t i) const;
  // Gradient of output i; zeros if nothing flowed in.
  Value dout(size_t i = 0) const;
  bool has_dout(size_t i) const { return static_cast<bool>(dout_values[i]); }
  const Spec& in_spec(size_t i) const { return in_specs[i]; }
  const Spec& out_spec(size_t i) const { return out_specs[i]; }
  size_t num_in() const { return in_specs.size(); }
  bool needs_grad(size_t i) const { return needs[i]; }
};

// A call by name, resolved once:
//   static const OpCall kSum("sum", {"axis", "keepdims"});
//   Value total = kSum({x}, {Dims{0}, true});
class OpCall {
 public:
  OpCall(const char* name, std::initializer_list<const char*> attr_names = {});
  Value operator()(std::initializer_list<Value> in,
                   std::initializer_list<AttrValue> attrs = {}) const;
  Values all(std::span<const Value> in, std::span<const AttrValue> attrs) const;

 private:
  void resolve() const;
  const char* name_;
  std::vector<const char*> attr_names_;
  mutable std::atomic<const Op*> op_{nullptr};
  mutable std::vector<int> fields_;
};

// Arithmetic on Values with broadcasting; implemented by the operators of the same meaning.
Value operator+(const Value& a, const Value& b);
Value operator-(const Value& a, const Value& b);
Value operator*(const Value& a, const Value& b);
Value operator/(const Value& a, const Value& b);
Value operator+(const Value& a, double b);
Value operator-(const Value& a, double b);
Value operator*(const Value& a, double b);
Value operator/(const Value& a, double b);
Value operator+(double a, const Value& b);
Value operator-(double a, const Value& b);
Value operator*(double a, const Value& b);
Value operator/(double a, const Value& b);
Value operator-(const Value& a);

// Sums `v` over the axes that broadcasting added, so that it gets `shape`.
Value sum_to(const Value& v, const Dims& shape);
Value reshape_to(const Value& v, const Dims& shape);
Value cast_to(const Value& v, DType dtype);
Value full_of(const Spec& spec, double value);

}  // namespace plait::op

namespace plait {
using op::GradArgs;
using op::OpCall;
using op::Value;
using op::Values;
}  // namespace plait
