#pragma once

#include <vector>

#include "autograd/autograd.h"

namespace plait::autograd {

struct Step;

// What an array knows of the recording; hangs on Array::autograd.
class Meta : public RefCounted {
 public:
  ~Meta() override;

  Ref<Step> step;     // null: a leaf
  int32_t index = 0;  // which output of `step`
  ArrayRef grad;      // leaf: where its gradient goes
  SparseRef rows;     // the same for a leaf with a row-sparse gradient
  GradReq req = GradReq::kNull;
};

// A recorded step with the places of its inputs (null: no gradient wanted).
struct Step : RefCounted {
  ~Step() override;

  uint64_t sequence = 0;
  Ref<TapeNode> node;  // null once its saved arrays were freed
  std::vector<Ref<Meta>> inputs;
  std::vector<Spec> out_specs;
  Step* next_doomed = nullptr;  // in a list of steps that nobody needs any more
};

bool has_listener();  // somebody hears of what this thread applies

inline Meta* meta_of(const Array& a) { return static_cast<Meta*>(a.autograd.get()); }

// Gradients run operators at once on arrays.
class EagerTracer final : public op::Tracer {
 public:
  // Constants are made on `device`.
  explicit EagerTracer(bool create_graph, Device device = {})
      : create_graph_(create_graph), device_(device) {}
  op::Values apply(const op::Op& op, const op::AttrsRef& attrs, std::span<const Value> in) override;
  bool differentiable() const override { return create_graph_; }

 private:
  bool create_graph_;
  Device device_;
};

}  // namespace plait::autograd
