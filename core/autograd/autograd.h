#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "op/invoke.h"
#include "op/op.h"
#include "tensor/array.h"
#include "tensor/sparse.h"

namespace plait::autograd {

enum class GradReq : int32_t { kNull = 0, kWrite = 1, kAdd = 3 };  // numbers are MXNet's

// Per thread.
bool is_recording();
bool is_training();
bool set_recording(bool on);  // returns the value before
bool set_training(bool on);

// What everybody calls instead of op::invoke: runs the operator and, while recording, remembers it.
void invoke(const op::Op& op, const op::AttrsRef& attrs, std::span<const ArrayRef> in, Arrays& out,
            bool allow_view = false);

// op::invoke_now; false as well while the thread records or somebody listens.
bool invoke_now(const op::Op& op, const op::AttrsRef& attrs, std::span<const ArrayRef> in,
                Arrays& out);

// Hears of every operator that a thread applies through `invoke`.
class Listener {
 public:
  virtual ~Listener() = default;
  virtual void applied(const op::Op& op, const op::AttrsRef& attrs, std::span<const ArrayRef> in,
                       std::span<const ArrayRef> out) = 0;
};
void set_listener(Listener* listener);  // of the calling thread; null: nobody

inline Value value_of(const ArrayRef& a) { return a ? Value{a, {}, 0, a->spec()} : Value{}; }

// A recorded step. Built-in operators, compiled graphs and users' functions each derive from it.
class TapeNode : public RefCounted {
 public:
  // Gradients of the inputs from those of the outputs (null: none came in). Runs under recording
  // if higher orders were asked for. Without them a gradient may hold rows only.
  virtual op::Values backward(const Arrays& dout, bool create_graph) = 0;
  // The same without higher orders; the gradient of input i may be written into `into[i]` and
  // returned as that array, unless it is null. With `last` the step will not run again, so what it
  // saved may be overwritten.
  virtual op::Values backward_into(const Arrays& dout, const Arrays& into, bool last) {
    static_cast<void>(into), static_cast<void>(last);
    return backward(dout, false);
  }
  virtual const char* name() const = 0;
};

// Records one step of own making: `out` become its results, gradients flow to `in`.
void record(Ref<TapeNode> node, std::span<const ArrayRef> in, std::span<const ArrayRef> out);

// Makes `array` a leaf whose gradient is collected in `grad` (null with kNull).
void mark_variable(const ArrayRef& array, const ArrayRef& grad, GradReq req);
ArrayRef grad_of(const ArrayRef& array);  // null if not marked
// The same with a row-sparse gradient: backward stores the rows to which gradients flow.
void mark_variable(const ArrayRef& array, const SparseRef& grad, GradReq req);
SparseRef sparse_grad_of(const ArrayRef& array);  // null if not marked so
GradReq grad_req_of(const ArrayRef& array);
bool is_recorded(const Array& array);  // result of a recorded step or a marked leaf

// Backward from `heads`; `head_grads` empty or null entries mean ones. Results go to the marked
// leaves by their grad_req, or, if `variables` is not empty, are returned in that order.
Arrays backward(std::span<const ArrayRef> heads, std::span<const ArrayRef> head_grads,
                std::span<const ArrayRef> variables, bool retain_graph, bool create_graph,
                bool train_mode);

}  // namespace plait::autograd
