#include <atomic>

#include "autograd/tape.h"
#include "op/body.h"
#include "op/rows.h"

namespace plait::autograd {
namespace {

// Read at each operation, by one instruction with this model.
[[gnu::tls_model("initial-exec")]] thread_local bool recording = false;
[[gnu::tls_model("initial-exec")]] thread_local bool training = false;
[[gnu::tls_model("initial-exec")]] thread_local Listener* listener = nullptr;
std::atomic<uint64_t> next_sequence{1};

bool wanted(uint64_t mask, size_t i) {
  return mask == op::Saves::kAll || (i < 64 && (mask >> i & 1));
}

// An array as it was at a moment, and the means to see that it still is.
struct Saved {
  ArrayRef array;
  uint64_t version = 0;
  explicit operator bool() const { return static_cast<bool>(array); }
};

Saved save(const ArrayRef& a) { return {a->detached(), a->version()}; }

// The step of a built-in operator.
class OpNode final : public TapeNode {
 public:
  OpNode(const op::Op& op, op::AttrsRef attrs, std::span<const ArrayRef> in, const Arrays& out)
      : op_(op),
        attrs_(std::move(attrs)),
        device_(out[0]->device()),
        source_(in.empty() ? device_ : in[0]->device()) {
    for (size_t i = 0; i < in.size(); ++i) {
      in_specs_.push_back(in[i]->spec());
      const bool used = wanted(op.saves.inputs, i);
      in_.push_back(used ? save(in[i]) : Saved{});
      in_meta_.push_back(Ref<Meta>(used ? meta_of(*in[i]) : nullptr));
      needs_.push_back(meta_of(*in[i]) != nullptr);
    }
    for (size_t i = 0; i < out.size(); ++i) {
      out_specs_.push_back(out[i]->spec());
      out_.push_back(wanted(op.saves.outputs, i) ? save(out[i]) : Saved{});
    }
  }

  // Called by `record` when the step exists: outputs are differentiable again through it.
  void set_step(Step* step) { step_ = step; }

  op::Values backward(const Arrays& dout, bool create_graph) override {
    op::GradArgs g;
    g.in_specs = in_specs_;
    g.out_specs = out_specs_;
    g.needs = needs_;
    for (size_t i = 0; i < in_.size(); ++i) {
      g.in_values.push_back(restore(in_[i], create_graph ? in_meta_[i] : Ref<Meta>(), "input", i));
    }
    for (size_t i = 0; i < out_.size(); ++i) {
      Ref<Meta> meta;
      if (create_graph && out_[i]) {
        meta = make_ref<Meta>();
        meta->step = Ref<Step>(step_);
        meta->index = static_cast<int32_t>(i);
      }
      g.out_values.push_back(restore(out_[i], meta, "output", i));
    }
    for (const ArrayRef& d : dout) g.dout_values.push_back(value_of(d));
    g.dout_values.resize(out_.size());
    EagerTracer tracer(create_graph, device_);
    op::TracerScope scope(tracer);
    op::Values d = op_.grad(op_, op_.data_of(attrs_), g);
    if (!share_memory(device_, source_)) move_back(d);
    return d;
  }
  const char* name() const override { return op_.name.c_str(); }

 private:
  // A copy from one device to another: its gradient goes the other way.
  void move_back(op::Values& values) const {
    static const op::Op& copy = op::Op::get("copy");
    for (Value& v : values) {
      if (!v.array || share_memory(v.array->device(), source_)) continue;
      Arrays out{Array::empty(v.array->shape(), v.array->dtype(), source_)};
      invoke(copy, {}, {&v.array, 1}, out, false);
      v = value_of(out[0]);
    }
  }
  Value restore(const Saved& s, Ref<Meta> meta, const char* what, size_t i) const {
    if (!s) return {};
    check(s.array->version() == s.version, ErrorKind::kInvalidArgument, op_.name, ": ", what, ' ',
          i, " was changed after it was recorded for backward, must stay as it was");
    ArrayRef a = s.array;
    if (meta) {
      a = a->detached();
      a->autograd = meta;
    }
    return value_of(a);
  }

  const op::Op& op_;
  op::AttrsRef attrs_;
  Device device_, source_;  // of the results and the inputs
  Specs in_specs_, out_specs_;
  SmallVec<Saved, 3> in_, out_;
  SmallVec<Ref<Meta>, 3> in_meta_;
  std::vector<bool> needs_;
  Step* step_ = nullptr;  // owns this
};

// The step of an operator without a gradient: an error if backward reaches it.
class DeadEnd final : public TapeNode {
 public:
  explicit DeadEnd(const op::Op& op) : op_(op) {}
  op::Values backward(const Arrays&, bool) override { op::fail_without_gradient(op_); }
  const char* name() const override { return op_.name.c_str(); }

 private:
  const op::Op& op_;
};

Ref<Step> record_step(Ref<TapeNode> node, std::span<const ArrayRef> in,
                      std::span<const ArrayRef> out) {
  auto step = make_ref<Step>();
  step->sequence = next_sequence.fetch_add(1, std::memory_order_relaxed);
  step->node = std::move(node);
  step->inputs.reserve(in.size());
  for (const ArrayRef& a : in) step->inputs.emplace_back(meta_of(*a));
  for (const ArrayRef& a : out) step->out_specs.push_back(a->spec());
  for (size_t i = 0; i < out.size(); ++i) {
    if (!is_inexact(out[i]->dtype())) continue;
    auto meta = make_ref<Meta>();
    meta->step = step;
    meta->index = static_cast<int32_t>(i);
    out[i]->autograd = meta;
  }
  return step;
}

}  // namespace

bool is_recording() { return recording; }
bool is_training() { return training; }
bool set_recording(bool on) { return std::exchange(recording, on); }
bool set_training(bool on) { return std::exchange(training, on); }

void invoke(const op::Op& op, const op::AttrsRef& given, std::span<const ArrayRef> in, Arrays& out,
            bool allow_view) {
  bool tracked = false;
  if (recording) {
    for (const ArrayRef& a : in) tracked = tracked || a->autograd;
    for (const ArrayRef& a : out) {
      check(!a || !a->autograd || !meta_of(*a)->step, ErrorKind::kInvalidArgument, op.name,
            ": out is part of the recording, must not be written while autograd records");
    }
  }
  if (!tracked || !op.grad) {
    const bool fresh = out.empty();
    op::invoke(op, given, in, out, {training, allow_view});
    if (listener) listener->applied(op, given, in, {out.data(), out.size()});
    if (tracked && fresh && op::needs_gradient(op)) {
      record_step(make_ref<DeadEnd>(op), in, {out.data(), out.size()});
    }
    return;
  }
  op::AttrsRef attrs = given;
  if (!attrs && op.has_attrs()) attrs = op.default_attrs();
  const op::AttrsRef plain = attrs;
  if (const op::Control* control = op.control; control && control->recorded) {
    std::vector<bool> needs;
    for (const ArrayRef& a : in) needs.push_back(is_recorded(*a));
    attrs = control->recorded(op.data_of(plain), needs, training);
  }
  op::invoke(op, attrs, in, out, {training, allow_view});
  if (listener) listener->applied(op, plain, in, {out.data(), out.size()});
  Ref<OpNode> node(new OpNode(op, attrs, in, out));
  const Ref<Step> step = record_step(node, in, {out.data(), out.size()});
  node->set_step(step.get());
}

bool invoke_now(const op::Op& op, const op::AttrsRef& attrs, std::span<const ArrayRef> in,
                Arrays& out) {
  return !recording && !listener && op::invoke_now(op, attrs, in, out, training);
}

void set_listener(Listener* to) { listener = to; }
bool has_listener() { return listener != nullptr; }

void record(Ref<TapeNode> node, std::span<const ArrayRef> in, std::span<const ArrayRef> out) {
  record_step(std::move(node), in, out);
}

void mark_variable(const ArrayRef& array, const ArrayRef& grad, GradReq req) {
  if (req == GradReq::kNull) {
    array->autograd = nullptr;
    return;
  }
  check(is_inexact(array->dtype()), ErrorKind::kType, "attach_grad: dtype is ", array->dtype(),
        ", must be floating or complex");
  check(grad && grad->shape() == array->shape(), ErrorKind::kShape, "attach_grad: grad has shape ",
        grad ? to_string(grad->shape()) : "none", ", must be ", array->shape());
  auto meta = make_ref<Meta>();
  meta->grad = grad;
  meta->req = req;
  array->autograd = meta;
}

void mark_variable(const ArrayRef& array, const SparseRef& grad, GradReq req) {
  if (req == GradReq::kNull) {
    array->autograd = nullptr;
    return;
  }
  check(is_floating(array->dtype()), ErrorKind::kType, "attach_grad: dtype is ", array->dtype(),
        ", must be floating");
  check(grad->storing() == Storing::kRowSparse, ErrorKind::kType,
        "attach_grad: grad is a csr matrix, must be dense or row_sparse");
  check(grad->spec() == array->spec(), ErrorKind::kShape, "attach_grad: grad has shape ",
        grad->shape(), " and dtype ", grad->dtype(), ", must be ", array->shape(), " and ",
        array->dtype());
  auto meta = make_ref<Meta>();
  meta->rows = grad;
  meta->req = req;
  array->autograd = meta;
}

SparseRef sparse_grad_of(const ArrayRef& array) {
  return array->autograd ? meta_of(*array)->rows : SparseRef();
}

ArrayRef grad_of(const ArrayRef& array) {
  return array->autograd ? meta_of(*array)->grad : ArrayRef();
}

GradReq grad_req_of(const ArrayRef& array) {
  return array->autograd ? meta_of(*array)->req : GradReq::kNull;
}

bool is_recorded(const Array& array) { return static_cast<bool>(array.autograd); }

op::Values EagerTracer::apply(const op::Op& op, const op::AttrsRef& attrs,
                              std::span<const Value> in) {
  Arrays arrays, out;
  for (const Value& v : in) arrays.push_back(op::is_rows(v) ? op::dense(v).array : v.array);
  if (arrays.empty() && is_gpu(device_)) {
    Specs specs;
    op::infer(op, attrs, {}, specs);
    for (const Spec& s : specs) out.push_back(Array::empty(s.shape, s.dtype, device_));
  }
  invoke(op, attrs, {arrays.data(), arrays.size()}, out, true);
  op::Values values;
  for (const ArrayRef& a : out) values.push_back(value_of(a));
  return values;
}

}  // namespace plait::autograd
