#include "op/invoke.h"

#include "engine/cost.h"
#include "engine/engine.h"
#include "op/body.h"
#include "op/call.h"
#include "op/device.h"
#include "op/random_stream.h"

namespace plait::op {
namespace {

constexpr double kEnqueueNs = 1000;  // to give a device work

ArrayRef copy_of(const ArrayRef& a) {
  static const Op& copy = Op::get("copy");
  Arrays out;
  invoke(copy, {}, {&a, 1}, out);
  return out[0];
}

void copy_into(const ArrayRef& from, const ArrayRef& to) {
  static const Op& copy = Op::get("copy");
  const AttrsRef none;
  const Arrays out{to};
  const double cost = cost_ns(copy, nullptr, {&from, 1}, {}, {to->spec()}, {});
  schedule({&copy, none, {&from, 1}, out, cost, runs_here(copy, none, cost, false)});
}

// The view that the operator asks for, on the input's memory.
ArrayRef view_of(const Op& op, const void* attrs, ArrayRef in) {
  ViewPlan plan;
  try {
    if (!op.view(op, attrs, in->layout(), plan)) {
      in = copy_of(in);
      check(op.view(op, attrs, in->layout(), plan), ErrorKind::kInternal,
            "no view of contiguous data");
    }
  } catch (const Error& e) {
    throw Error(e.kind(), cat(op.name, ": ", e.what()));
  }
  return in->alias(std::move(plan.shape), std::move(plan.strides), plan.offset);
}

// True if writing `out` while reading `in` could spoil what is still to be read.
bool overlaps(const Array& in, const Array& out) {
  if (!(in.storage() == out.storage())) return false;
  const bool same = in.offset_bytes() == out.offset_bytes() && in.shape() == out.shape() &&
                    in.strides() == out.strides() && in.dtype() == out.dtype();
  return !same;
}

void check_given(const Op& op, const Array& given, const Spec& want) {
  check(given.shape() == want.shape, ErrorKind::kShape, op.name, ": out has shape ", given.shape(),
        ", must be ", want.shape);
  check(given.dtype() == want.dtype, ErrorKind::kType, op.name, ": out has dtype ", given.dtype(),
        ", must be ", want.dtype);
  check(!given.storage()->read_only(), ErrorKind::kInvalidArgument, op.name,
        ": out is read-only memory, must be writable");
}

// The array to compute into instead of `given`, or `given` itself.
ArrayRef target_for(const Op& op, const ArrayRef& given, std::span<const ArrayRef> in) {
  bool direct = given->contiguous() || op.strided;
  for (const ArrayRef& a : in) {
    if (a->storage() == given->storage()) direct = direct && op.inplace && !overlaps(*a, *given);
  }
  return direct ? given : Array::deferred(given->shape(), given->dtype(), given->device());
}

// True if all inputs fit a kernel, which may not take strides; one that it writes must.
bool check_inputs(const Op& op, const AttrsRef& attrs, std::span<const ArrayRef> in) {
  bool all_fit = true;
  for (const ArrayRef& a : in) all_fit = all_fit && (op.strided || a->contiguous());
  for (size_t i = 0; op.writes_inputs && i < in.size(); ++i) {
    const bool fits = op.strided || in[i]->contiguous();
    if (!is_mutable(op, attrs, i, in.size())) continue;
    check(!in[i]->storage()->read_only(), ErrorKind::kInvalidArgument, op.name, ": ",
          op.input_def(i).name, " is read-only memory, must be writable");
    check(fits, ErrorKind::kInvalidArgument, op.name, ": ", op.input_def(i).name, " has strides ",
          in[i]->strides(), ", must be contiguous");
  }
  return all_fit;
}

bool writes_inputs(const Op& op, const AttrsRef& attrs, size_t num_inputs) {
  bool writes = false;
  for (size_t i = 0; op.writes_inputs && i < num_inputs; ++i) {
    writes = writes || is_mutable(op, attrs, i, num_inputs);
  }
  return writes;
}

Specs specs_of(std::span<const ArrayRef> arrays) {
  Specs specs;
  for (const ArrayRef& a : arrays) specs.emplace_back(a->shape(), a->dtype());
  return specs;
}

// Makes the outputs that are not given, with their memory if `at_once`, and checks the others.
void make_outputs(const Op& op, const Specs& specs, std::span<const ArrayRef> in, bool at_once,
                  Arrays& out) {
  check(out.size() <= specs.size(), ErrorKind::kInvalidArgument, op.name, ": got ", out.size(),
        " arrays in out, must be at most ", specs.size());
  const Device device = in.empty() ? Device{} : in[0]->device();
  const auto make = at_once ? Array::empty : Array::deferred;
  out.resize(specs.size());
  for (size_t i = 0; i < specs.size(); ++i) {
    if (out[i]) {
      check_given(op, *out[i], specs[i]);
    } else {
      out[i] = make(specs[i].shape, specs[i].dtype, device);
    }
  }
}

// The arrays to compute into, if some of `out` cannot be written directly; else none.
Arrays redirected(const Op& op, std::span<const ArrayRef> in, const Arrays& out) {
  Arrays targets;
  for (size_t i = 0; i < out.size(); ++i) {
    ArrayRef target = target_for(op, out[i], in);
    if (target == out[i]) continue;
    if (targets.empty()) targets = out;
    targets[i] = std::move(target);
  }
  return targets;
}

// An operator without inputs that has no kernel for the gpu of `out`: its numbers are made on the
// CPU, which also makes random ones the same everywhere, and copied.
bool made_on_cpu(const Op& op, const AttrsRef& attrs, std::span<const ArrayRef> in, Arrays& out,
                 const InvokeOptions& options) {
  if (!in.empty() || out.empty() || !out[0] || has_kernel(op, out[0]->device())) return false;
  Arrays made;
  invoke(op, attrs, in, made, options);
  check(made.size() == out.size(), ErrorKind::kInternal, op.name, ": out is incomplete");
  for (size_t i = 0; i < made.size(); ++i) {
    check_given(op, *out[i], made[i]->spec());
    transfer(made[i], out[i], options.priority);
  }
  return true;
}

// A copy from one device's memory to another's.
bool is_transfer(const Op& op, std::span<const ArrayRef> in, const Arrays& out) {
  static const Op& copy = Op::get("copy");
  if (&op != &copy || in.size() != 1 || out.size() != 1 || !out[0]) return false;
  if (share_memory(in[0]->device(), out[0]->device())) return false;
  check_given(op, *out[0], in[0]->spec());
  return true;
}

int64_t elements_of(const Specs& specs) {
  int64_t n = 0;
  for (const Spec& s : specs) n += num_elements(s.shape);
  return n;
}

// A result that is a view of the input's memory, or a copy of such a view.
void invoke_view(const Op& op, const AttrsRef& attrs, std::span<const ArrayRef> in, Arrays& out,
                 bool allow_view) {
  check_count(op, attrs, in.size());
  ArrayRef view = view_of(op, op.data_of(attrs), in[0]);
  if (out.empty()) {
    out.push_back(allow_view ? view : copy_of(view));
  } else {
    check_given(op, *out[0], view->spec());
    copy_into(overlaps(*view, *out[0]) ? copy_of(view) : view, out[0]);
  }
}

}  // namespace

std::string shapes_of(std::span<const ArrayRef> arrays) {
  std::string text;
  for (const ArrayRef& a : arrays) text += (text.empty() ? "" : ", ") + to_string(a->shape());
  return text;
}

void invoke(const Op& op, const AttrsRef& given_attrs, std::span<const ArrayRef> in, Arrays& out,
            const InvokeOptions& options) {
  const AttrsRef& attrs = given_attrs || !op.has_attrs() ? given_attrs : op.default_attrs();
  const bool on_gpu = any_on_gpu(in) || any_on_gpu({out.data(), out.size()});
  if (on_gpu && is_transfer(op, in, out)) return transfer(in[0], out[0], options.priority);
  if (on_gpu && made_on_cpu(op, attrs, in, out, options)) return;
  if (on_gpu) check_places(op, in, {out.data(), out.size()});
  if (op.view) return invoke_view(op, attrs, in, out, options.allow_view);
  const Specs in_specs = specs_of(in);
  Specs specs;
  infer(op, attrs, in_specs, specs);

  Arrays packed;
  if (!check_inputs(op, attrs, in)) {
    for (const ArrayRef& a : in) packed.push_back(a->contiguous() ? a : copy_of(a));
    in = {packed.data(), packed.size()};
  }
  const bool has_state = writes_inputs(op, attrs, in.size()), out_is_new = out.empty();
  const int64_t elements = elements_of(specs);
  const bool does_nothing = elements == 0 && !has_state;
  const double cost = does_nothing ? 0
                      : on_gpu     ? kEnqueueNs
                                   : cost_ns(op, op.data_of(attrs), in, in_specs, specs, out);
  const bool is_short = runs_here(op, attrs, cost, options.is_train);
  make_outputs(op, specs, in, is_short, out);
  if (does_nothing) return;
  check(!on_gpu || has_kernel(op, out[0]->device()), ErrorKind::kNotImplemented, op.name,
        ": has no CUDA kernel: copy its arrays to mx.cpu()");
  const Arrays targets = out_is_new ? Arrays() : redirected(op, in, out);
  Call call{&op, attrs, in, targets.empty() ? out : targets, cost, is_short};
  call.out_is_new = out_is_new && !has_state;
  call.is_train = options.is_train;
  if (op.random) {
    call.random = next_random_key(random_count(op, attrs, in_specs, elements, options.is_train));
  }
  schedule(call, options.priority);
  for (size_t i = 0; i < targets.size(); ++i) {
    if (!(out[i] == targets[i])) copy_into(targets[i], out[i]);
  }
}

bool invoke_now(const Op& op, const AttrsRef& attrs, std::span<const ArrayRef> in, Arrays& out,
                bool is_train) {
  constexpr double kMostNs = 3000;
  if (op.view || op.random || (!attrs && op.has_attrs())) return false;
  int64_t bytes = 0;
  for (const ArrayRef& a : in) bytes += a->nbytes();
  if (any_on_gpu(in)) return false;
  if (static_cast<double>(bytes) > kMostNs * engine::kBytesPerNs) return false;
  if (writes_inputs(op, attrs, in.size()) || !check_inputs(op, attrs, in)) return false;
  const Specs in_specs = specs_of(in);
  Specs specs;
  infer(op, attrs, in_specs, specs);
  const bool does_nothing = elements_of(specs) == 0;
  const double cost = does_nothing ? 0 : cost_ns(op, op.data_of(attrs), in, in_specs, specs, out);
  if (cost > kMostNs || !runs_here(op, attrs, cost, is_train)) return false;
  make_outputs(op, specs, in, true, out);
  const Call call{&op, attrs, in, out, cost, true, true, is_train, {}};
  if (does_nothing || call.run_now()) return true;
  out.clear();
  return false;
}

}  // namespace plait::op
