#include "op/invoke.h"

#include <atomic>
#include <mutex>

#include "engine/cost.h"
#include "engine/engine.h"
#include "engine/profile.h"
#include "op/body.h"
#include "op/random_stream.h"
#include "op/ranks.h"

namespace plait::op {
namespace {

using engine::kBytesPerNs, engine::kFlopsPerNs;

double cost_ns(const Op& op, const void* attrs, std::span<const ArrayRef> in, const Specs& specs,
               const Arrays& out) {
  const Array* gathered = op.gathered < 0 ? nullptr : in[static_cast<size_t>(op.gathered)].get();
  int64_t bytes = 0;
  for (const ArrayRef& a : in) bytes += a.get() == gathered ? 0 : a->nbytes();
  for (const ArrayRef& a : out) {
    bytes += gathered && a->storage() == gathered->storage() ? 0 : a->nbytes();
  }
  double cost = static_cast<double>(bytes) / kBytesPerNs;
  if (op.flops) cost += op.flops(op, attrs, specs) / kFlopsPerNs;
  return cost;
}

const InputDef& input_def(const Op& op, size_t i) {
  return op.inputs[std::min(i, op.inputs.size() - 1)];
}

// One kernel call. The arrays belong to the caller.
struct Call {
  const Op* op;
  const AttrsRef& attrs;
  std::span<const ArrayRef> in;
  const Arrays& out;
  bool out_is_new = false;  // nobody else knows `out`
  bool is_train = false;
  RandomKey random = {};

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
      throw Error(e.kind(),
                  cat(op->name, ": ", e.what(), "\n  for inputs of shape ", shapes_of(in)));
    }
  }

  // Returns how many of `writes` are read as well: state, and arrays of which a part stays.
  int32_t variables(engine::Vars& reads, engine::Vars& writes) const {
    for (size_t i = 0; i < in.size(); ++i) {
      reads.push_back(&in[i]->var());
      if (is_mutable(*op, attrs, i, in.size())) writes.push_back(&in[i]->var());
    }
    for (const ArrayRef& a : out) {
      writes.push_back(&a->var());
      if (a->nbytes() < a->storage()->bytes()) reads.push_back(&a->var());
    }
    return engine::make_distinct(reads, writes);
  }

  bool waits() const {
    return has_ranks.load(std::memory_order_relaxed) && waits_for_ranks(*op, attrs, is_train);
  }

  std::string details() const {
    return shapes_of(in) + " -> " + shapes_of({out.data(), out.size()});
  }
};

class OpTask final : public engine::Task {
 public:
  OpTask(const Call& call, double cost_ns)
      : attrs_(call.attrs),
        in_(call.in),
        out_(call.out),
        call_{call.op, attrs_, {in_.data(), in_.size()}, out_, false, call.is_train, call.random} {
    updates_ = call_.variables(reads_, writes_);
    cost_ns_ = cost_ns;
    for (const ArrayRef& a : out_) bytes_ += a->nbytes();
    if (call.waits() && (turn_ = RankTurn::make())) RankTurn::join(*this);
  }
  void run(int threads) override {
    call_.run(threads);
    if (turn_) turn_->done();
  }
  const char* name() const override { return call_.op->name.c_str(); }
  std::string details() const override { return call_.details(); }

 private:
  AttrsRef attrs_;
  Arrays in_, out_;
  Call call_;  // over the above
  std::unique_ptr<RankTurn> turn_;
};

// Runs the call in this thread, if its variables are free. A call that makes its outputs only has
// to see that nobody writes its inputs.
bool run_now(const Call& call) {
  engine::Vars reads, writes;
  if (call.out_is_new) {
    for (const ArrayRef& a : call.in) reads.push_back(&a->var());
  } else {
    call.variables(reads, writes);
  }
  const engine::InlineGuard guard(reads, writes);
  if (!guard.held()) return false;
  engine::count_inlined();
  if (engine::profile::is_on()) [[unlikely]] {
    for (const ArrayRef& a : call.out) writes.push_back(&a->var());
    engine::make_distinct(reads, writes);
    const engine::profile::Scope scope(call.op->name.c_str(), call.details(), reads, writes, 0, 1);
    call.run(1);
  } else {
    call.run(1);
  }
  return true;
}

void schedule(const Call& call, double cost, int32_t priority = 0) {
  const bool is_short = !engine::is_serial() && engine::is_short(cost);
  if (is_short && !call.waits() && run_now(call)) return;
  auto task = std::make_unique<OpTask>(call, cost);
  task->priority_ = priority;
  engine::push(std::move(task));
}

ArrayRef copy_of(const ArrayRef& a) {
  static const Op& copy = Op::get("copy");
  Arrays out;
  invoke(copy, {}, {&a, 1}, out);
  return out[0];
}

void copy_into(const ArrayRef& from, const ArrayRef& to) {
  static const Op& copy = Op::get("copy");
  const Arrays out{to};
  schedule({&copy, {}, {&from, 1}, out}, cost_ns(copy, nullptr, {&from, 1}, {}, out));
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

// True if the operator changes an input. `packed` becomes the inputs if some had to be copied,
// because the kernel takes no strides.
bool check_inputs(const Op& op, const AttrsRef& attrs, std::span<const ArrayRef> in,
                  Arrays& packed) {
  bool has_state = false, all_fit = true;
  for (size_t i = 0; i < in.size(); ++i) {
    const bool fits = op.strided || in[i]->contiguous();
    all_fit = all_fit && fits;
    if (!is_mutable(op, attrs, i, in.size())) continue;
    has_state = true;
    check(!in[i]->storage()->read_only(), ErrorKind::kInvalidArgument, op.name, ": ",
          input_def(op, i).name, " is read-only memory, must be writable");
    check(fits, ErrorKind::kInvalidArgument, op.name, ": ", input_def(op, i).name, " has strides ",
          in[i]->strides(), ", must be contiguous");
  }
  if (all_fit) return has_state;
  for (const ArrayRef& a : in) packed.push_back(a->contiguous() ? a : copy_of(a));
  return has_state;
}

// Makes the outputs that are not given, with their memory if `at_once`, and checks the others.
// `redirected` stays empty or becomes the arrays to compute into. Returns the number of elements.
int64_t prepare_outputs(const Op& op, const Specs& specs, std::span<const ArrayRef> in, Arrays& out,
                        Arrays& redirected, bool at_once) {
  const Device device = in.empty() ? Device{} : in[0]->device();
  check(out.size() <= specs.size(), ErrorKind::kInvalidArgument, op.name, ": got ", out.size(),
        " arrays in out, must be at most ", specs.size());
  int64_t elements = 0;
  for (size_t i = 0; i < specs.size(); ++i) {
    if (i < out.size() && out[i]) {
      check_given(op, *out[i], specs[i]);
      ArrayRef target = target_for(op, out[i], in);
      if (!(target == out[i]) && redirected.empty()) redirected = out;
      if (!redirected.empty()) redirected[i] = std::move(target);
    } else {
      out.resize(std::max(out.size(), i + 1));
      const auto make = at_once ? Array::empty : Array::deferred;
      out[i] = make(specs[i].shape, specs[i].dtype, device);
      if (!redirected.empty()) {
        redirected.resize(out.size());
        redirected[i] = out[i];
      }
    }
    elements += out[i]->size();
  }
  return elements;
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

std::string shapes_of(std::span<const ArrayRef> arrays) {
  std::string text;
  for (const ArrayRef& a : arrays) text += (text.empty() ? "" : ", ") + to_string(a->shape());
  return text;
}

int num_outputs(const Op& op, const AttrsRef& attrs) try {
  return op.num_outputs ? op.num_outputs(op, op.data_of(attrs))
                        : static_cast<int>(op.outputs.size());
} catch (const Error& e) {
  throw Error(e.kind(), cat(op.name, ": ", e.what()));
}

bool needs_gradient(const Op& op) { return op.name.find("_backward") != std::string::npos; }

void fail_without_gradient(const Op& op) {
  fail(ErrorKind::kNotImplemented, op.name,
       ": has no gradient, must not lie between the head and a variable\n"
       "  hint: detach its input or use stop_gradient");
}

int visible_outputs(const Op& op, const AttrsRef& attrs) {
  if (op.visible_outputs) return op.visible_outputs(op, op.data_of(attrs));
  const int n = num_outputs(op, attrs);
  int hidden = 0;
  for (const OutputDef& d : op.outputs) hidden += d.hidden;
  return n - hidden;
}

// Arrays have 0 to 2^63 - 1 elements, also where nothing is allocated yet.
static void check_sizes(const Specs& out) {
  for (const Spec& s : out) {
    bool is_empty = false, is_large = false;
    int64_t n = 1;
    for (int64_t d : s.shape) {
      check(d >= 0, ErrorKind::kShape, "a result has shape ", s.shape, ", must have sizes >= 0");
      is_empty |= d == 0;
      is_large |= __builtin_mul_overflow(n, d, &n);
    }
    check(is_empty || !is_large, ErrorKind::kShape, "a result has shape ", s.shape,
          ", must have at most 2^63 - 1 elements");
  }
}

namespace {

// Complex numbers reach only operators that know them, and come only from such.
void check_real(const Op& op, const Specs& in, const Specs& out) {
  for (size_t i = 0; i < in.size(); ++i) {
    check(!is_complex(in[i].dtype), ErrorKind::kType, input_def(op, i).name, " has dtype ",
          in[i].dtype, ", must be real");
  }
  for (const Spec& s : out) {
    check(!is_complex(s.dtype), ErrorKind::kType, "dtype is ", s.dtype, ", must be real");
  }
}

}  // namespace

void infer(const Op& op, const AttrsRef& attrs, const Specs& in, Specs& out) {
  check_count(op, attrs, in.size());
  try {
    if (op.infer) {
      if (!op.complex) check_real(op, in, {});
      op.infer(op, op.data_of(attrs), in, out);
      check_sizes(out);
      if (!op.complex) check_real(op, {}, out);
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
  const bool needs_defaults = !given_attrs && op.has_attrs();
  const AttrsRef defaults = needs_defaults ? op.make_attrs({}) : AttrsRef();
  const AttrsRef& attrs = needs_defaults ? defaults : given_attrs;
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
  for (const ArrayRef& a : in) in_specs.emplace_back(a->shape(), a->dtype());
  infer(op, attrs, in_specs, specs);

  Arrays packed;
  const bool has_state = check_inputs(op, attrs, in, packed);
  if (!packed.empty()) in = {packed.data(), packed.size()};
  const bool out_is_new = out.empty();
  Arrays redirected;  // where an output cannot be written directly
  const int64_t elements = prepare_outputs(op, specs, in, out, redirected, false);
  if (elements == 0 && !has_state) return;
  const Arrays& computed = redirected.empty() ? out : redirected;
  const Call call{
      &op,
      attrs,
      in,
      computed,
      out_is_new && !has_state,
      options.is_train,
      op.random ? next_random_key(random_count(op, attrs, in_specs, elements, options.is_train))
                : RandomKey{}};
  schedule(call, cost_ns(op, data, in, in_specs, out), options.priority);
  for (size_t i = 0; i < redirected.size(); ++i) {
    if (!(out[i] == redirected[i])) copy_into(redirected[i], out[i]);
  }
}

bool invoke_now(const Op& op, const AttrsRef& attrs, std::span<const ArrayRef> in, Arrays& out,
                bool is_train) {
  constexpr double kMostNs = 3000;
  if (engine::is_serial() || op.view || op.random || (!attrs && op.has_attrs())) return false;
  if (has_ranks.load(std::memory_order_relaxed) && waits_for_ranks(op, attrs, is_train)) {
    return false;
  }
  Specs in_specs, specs;
  int64_t bytes = 0;
  for (size_t i = 0; i < in.size(); ++i) {
    if (is_mutable(op, attrs, i, in.size()) || !(op.strided || in[i]->contiguous())) return false;
    bytes += in[i]->nbytes();
    in_specs.emplace_back(in[i]->shape(), in[i]->dtype());
  }
  if (static_cast<double>(bytes) > kMostNs * kBytesPerNs) return false;
  infer(op, attrs, in_specs, specs);
  const void* data = op.data_of(attrs);
  if (op.flops && op.flops(op, data, in_specs) > kMostNs * kFlopsPerNs) return false;
  Arrays none;
  if (prepare_outputs(op, specs, in, out, none, true) == 0) return true;
  const double cost = cost_ns(op, data, in, in_specs, out);
  const Call call{&op, attrs, in, out, true, is_train, {}};
  if (cost < kMostNs && engine::is_short(cost) && run_now(call)) return true;
  out.clear();
  return false;
}

namespace {
std::mutex random_mutex;
RandomKey random_state{0, 0};
}  // namespace

void seed_random(uint64_t seed) {
  std::lock_guard lock(random_mutex);
  random_state = {seed, 0};
}

RandomKey random_position() {
  std::lock_guard lock(random_mutex);
  return random_state;
}

void set_random_position(RandomKey position) {
  std::lock_guard lock(random_mutex);
  random_state = position;
}

RandomKey next_random_key(int64_t count) {
  std::lock_guard lock(random_mutex);
  const RandomKey key = random_state;
  random_state.offset += static_cast<uint64_t>(std::max<int64_t>(count, 1));
  return key;
}

}  // namespace plait::op
