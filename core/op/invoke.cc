#include "op/invoke.h"

#include <atomic>
#include <mutex>

#include "engine/engine.h"

namespace plait::op {
namespace {

constexpr double kBytesPerNs = 8, kFlopsPerNs = 30;

std::string shapes_of(std::span<const ArrayRef> in) {
  std::string text;
  for (const ArrayRef& a : in) text += (text.empty() ? "" : ", ") + to_string(a->shape());
  return text;
}

double cost_ns(const Op& op, const void* attrs, std::span<const ArrayRef> in, const Arrays& out) {
  int64_t bytes = 0;
  for (const ArrayRef& a : in) bytes += a->nbytes();
  for (const ArrayRef& a : out) bytes += a->nbytes();
  double cost = static_cast<double>(bytes) / kBytesPerNs;
  if (op.flops) {
    Specs specs;
    for (const ArrayRef& a : in) specs.push_back(a->spec());
    cost += op.flops(op, attrs, specs) / kFlopsPerNs;
  }
  return cost;
}

const InputDef& input_def(const Op& op, size_t i) {
  return op.inputs[std::min(i, op.inputs.size() - 1)];
}

// The kernel call with everything that it needs.
struct Call {
  const Op* op;
  AttrsRef attrs;
  Arrays in, out;
  bool is_train = false;
  RandomKey random;

  void run(int threads) const {
    SmallVec<View, 6> in_views, out_views;
    for (const ArrayRef& a : in) in_views.push_back(a->view());
    for (const ArrayRef& a : out) out_views.push_back(a->view());
    const KernelArgs args{{in_views.data(), in_views.size()},
                          {out_views.data(), out_views.size()},
                          is_train,
                          threads,
                          random};
    try {
      op->kernel(*op, op->data_of(attrs), args);
    } catch (const Error& e) {
      throw Error(e.kind(), cat(op->name, ": ", e.what(), "\n  for inputs of shape ",
                                shapes_of({in.data(), in.size()})));
    }
  }
  void variables(engine::Vars& reads, engine::Vars& writes) const {
    for (size_t i = 0; i < in.size(); ++i) {
      (input_def(*op, i).is_mutable ? writes : reads).push_back(&in[i]->var());
    }
    for (const ArrayRef& a : out) writes.push_back(&a->var());
    engine::make_distinct(reads, writes);
  }
};

class OpTask final : public engine::Task {
 public:
  explicit OpTask(Call call) : call_(std::move(call)) {
    call_.variables(reads_, writes_);
    for (const ArrayRef& a : call_.out) bytes_ += a->nbytes();
  }
  void run(int threads) override { call_.run(threads); }
  const char* name() const override { return call_.op->name.c_str(); }

 private:
  Call call_;
};

void schedule(Call call, double cost) {
  if (!engine::is_serial() && cost < static_cast<double>(engine::inline_limit_ns())) {
    engine::Vars reads, writes;
    call.variables(reads, writes);
    engine::InlineGuard guard(reads, writes);
    if (guard.held()) {
      engine::count_inlined();
      call.run(1);
      return;
    }
  }
  engine::push(std::make_unique<OpTask>(std::move(call)));
}

ArrayRef copy_of(const ArrayRef& a) {
  static const Op& copy = Op::get("copy");
  Arrays out;
  invoke(copy, {}, {&a, 1}, out);
  return out[0];
}

void copy_into(const ArrayRef& from, const ArrayRef& to) {
  static const Op& copy = Op::get("copy");
  Call call{&copy, {}, {from}, {to}, false, {}};
  const double cost = cost_ns(copy, nullptr, {&from, 1}, call.out);
  schedule(std::move(call), cost);
}

// The view that the operator asks for, on the input's memory.
ArrayRef view_of(const Op& op, const void* attrs, ArrayRef in) {
  ViewPlan plan;
  try {
    if (!op.view(op, attrs, in->view(), plan)) {
      in = copy_of(in);
      check(op.view(op, attrs, in->view(), plan), ErrorKind::kInternal,
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
ArrayRef target_for(const Op& op, const ArrayRef& given, const Arrays& in) {
  bool direct = given->contiguous() || op.strided;
  for (const ArrayRef& a : in) {
    if (a->storage() == given->storage()) direct = direct && op.inplace && !overlaps(*a, *given);
  }
  return direct ? given : Array::empty(given->shape(), given->dtype(), given->device());
}

void check_count(const Op& op, const AttrsRef& attrs, size_t given) {
  size_t least = 0, most = op.inputs.size();
  for (const InputDef& d : op.inputs) least += d.kind == InputDef::kRequired;
  if (!op.inputs.empty() && op.inputs.back().kind == InputDef::kVariadic) most = SIZE_MAX;
  if (op.num_inputs) {
    least = most =
        static_cast<size_t>(op.num_inputs(op, op.data_of(attrs), static_cast<int>(given)));
  }
  if (given >= least && given <= most) return;
  fail(ErrorKind::kInvalidArgument, op.name, ": got ", given, " input arrays, must be ",
       least == most ? "" : "at least ", least);
}

}  // namespace

int num_outputs(const Op& op, const AttrsRef& attrs) {
  return op.num_outputs ? op.num_outputs(op, op.data_of(attrs))
                        : static_cast<int>(op.outputs.size());
}

int visible_outputs(const Op& op, const AttrsRef& attrs) {
  if (op.visible_outputs) return op.visible_outputs(op, op.data_of(attrs));
  const int n = num_outputs(op, attrs);
  int hidden = 0;
  for (const OutputDef& d : op.outputs) hidden += d.hidden;
  return n - hidden;
}

void infer(const Op& op, const AttrsRef& attrs, const Specs& in, Specs& out) {
  check_count(op, attrs, in.size());
  try {
    if (op.infer) {
      op.infer(op, op.data_of(attrs), in, out);
      return;
    }
    const Dims strides = contiguous_strides(in[0].shape);
    const View view{nullptr, &in[0].shape, &strides, in[0].dtype, true};
    ViewPlan plan;
    op.view(op, op.data_of(attrs), view, plan);
    out.clear();
    out.push_back({std::move(plan.shape), in[0].dtype});
  } catch (const Error& e) {
    throw Error(e.kind(), cat(op.name, ": ", e.what()));
  }
}

void invoke(const Op& op, const AttrsRef& given_attrs, std::span<const ArrayRef> in, Arrays& out,
            const InvokeOptions& options) {
  AttrsRef attrs = given_attrs;
  if (!attrs && op.has_attrs()) attrs = op.make_attrs({});
  const void* data = op.data_of(attrs);
  if (op.view) {
    check_count(op, attrs, in.size());
    ArrayRef view = view_of(op, data, in[0]);
    if (out.empty()) {
      out.push_back(options.allow_view ? view : copy_of(view));
    } else {
      check_given(op, *out[0], view->spec());
      copy_into(overlaps(*view, *out[0]) ? copy_of(view) : view, out[0]);
    }
    return;
  }
  Specs in_specs, specs;
  for (const ArrayRef& a : in) in_specs.push_back(a->spec());
  infer(op, attrs, in_specs, specs);

  Call call{&op, attrs, {}, {}, options.is_train, {}};
  for (size_t i = 0; i < in.size(); ++i) {
    const bool state = input_def(op, i).is_mutable;
    check(!state || !in[i]->storage()->read_only(), ErrorKind::kInvalidArgument, op.name, ": ",
          input_def(op, i).name, " is read-only memory, must be writable");
    check(!state || op.strided || in[i]->contiguous(), ErrorKind::kInvalidArgument, op.name, ": ",
          input_def(op, i).name, " has strides ", in[i]->strides(), ", must be contiguous");
    call.in.push_back(op.strided || in[i]->contiguous() ? in[i] : copy_of(in[i]));
  }
  const Device device = in.empty() ? Device{} : in[0]->device();
  Arrays wanted = std::move(out);
  check(wanted.size() <= specs.size(), ErrorKind::kInvalidArgument, op.name, ": got ",
        wanted.size(), " arrays in out, must be at most ", specs.size());
  out = Arrays();
  for (size_t i = 0; i < specs.size(); ++i) {
    if (i < wanted.size() && wanted[i]) {
      check_given(op, *wanted[i], specs[i]);
      call.out.push_back(target_for(op, wanted[i], call.in));
      out.push_back(wanted[i]);
    } else {
      call.out.push_back(Array::empty(specs[i].shape, specs[i].dtype, device));
      out.push_back(call.out.back());
    }
  }
  int64_t elements = 0;
  bool has_state = false;
  for (const ArrayRef& a : call.out) elements += a->size();
  for (size_t i = 0; i < in.size(); ++i) has_state = has_state || input_def(op, i).is_mutable;
  if (elements == 0 && !has_state) return;
  if (op.random) call.random = next_random_key(elements);
  const Arrays computed = call.out;
  const double cost = cost_ns(op, data, {call.in.data(), call.in.size()}, call.out);
  schedule(std::move(call), cost);
  for (size_t i = 0; i < out.size(); ++i) {
    if (!(out[i] == computed[i])) copy_into(computed[i], out[i]);
  }
}

namespace {
std::mutex random_mutex;
RandomKey random_state{0, 0};
}  // namespace

void seed_random(uint64_t seed) {
  std::lock_guard lock(random_mutex);
  random_state = {seed, 0};
}

RandomKey next_random_key(int64_t count) {
  std::lock_guard lock(random_mutex);
  const RandomKey key = random_state;
  random_state.offset += static_cast<uint64_t>(std::max<int64_t>(count, 1));
  return key;
}

}  // namespace plait::op
