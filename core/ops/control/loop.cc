#include "ops/control/loop.h"

#include <cstring>

#include "kernels/copy.h"
#include "ops/sizes.h"

namespace plait::ops {
namespace {

constexpr int64_t kAlignment = 64;
constexpr int64_t kHeader = kAlignment;  // of what is saved: how many steps were made

int64_t aligned(int64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }
int64_t bytes_of(const Spec& s) { return num_elements(s.shape) * dtype_size(s.dtype); }
int64_t bytes_of(const View& v) { return v.size() * dtype_size(v.dtype); }

// Bytes of one row of the first axis.
int64_t row_bytes(const View& v) { return v.dim(0) ? bytes_of(v) / v.dim(0) : 0; }

ArrayRef memory(int64_t bytes) { return Array::empty(Dims{bytes}, DType::kUint8); }
char* start(const ArrayRef& a) { return static_cast<char*>(a->data()); }

void add_into(const View& to, const char* from, int threads) {
  static const op::Op& add = op::Op::get("add");
  View other = to;
  other.data = const_cast<char*>(from);
  const View in[] = {to, other};
  add.kernel(add, nullptr, {in, {&to, 1}, false, threads, {}});
}

}  // namespace

StepMemory::StepMemory(const Wiring& wiring, const op::Routine& routine) {
  const auto take = [this](const Spec& spec) {
    const int64_t at = bytes;
    bytes += aligned(bytes_of(spec));
    return at;
  };
  for (size_t s = 0; s < wiring.num_states(); ++s) {
    state.push_back(take(routine.out[wiring.num_out_data + s]));
  }
  for (const op::Routine::Residual& r : routine.residuals) {
    if (r.output < 0) own.push_back(take(r.spec));
  }
}

size_t location(const char* list, int64_t value, size_t end) {
  check(value >= 0 && value < static_cast<int64_t>(end), ErrorKind::kInvalidArgument, list, " has ",
        value, ", must be in [0, ", static_cast<int64_t>(end) - 1, "]");
  return static_cast<size_t>(value);
}

Specs specs_of(std::span<const View> views) {
  Specs specs;
  for (const View& v : views) specs.push_back({*v.shape, v.dtype});
  return specs;
}

Dims row_shape(const Dims& shape) {
  return shape.size() == 1 ? Dims{1} : Dims(shape.begin() + 1, shape.end());
}

Specs body_specs(const Wiring& wiring, const Specs& in) {
  Specs specs;
  for (const Wiring::Source& s : wiring.in) {
    const bool state = s.kind == Wiring::Source::kState;
    Spec spec = in[state ? wiring.init[s.index] : s.index];
    if (s.kind == Wiring::Source::kItem) spec.shape = row_shape(spec.shape);
    specs.push_back(std::move(spec));
  }
  return specs;
}

Ref<op::Routine> routine_for(const Wiring& wiring, op::Body& body, const Specs& in, bool is_train,
                             const Recorded& recorded) {
  std::vector<bool> needs;
  if (!recorded.needs.empty()) {
    for (const Wiring::Source& s : wiring.in) {
      // States of later steps depend on whatever wants a gradient.
      needs.push_back(s.kind == Wiring::Source::kState || recorded.needs[s.index]);
    }
  }
  return body.compile(body_specs(wiring, in), is_train, needs);
}

bool writes_fixed(const Wiring& wiring, const op::Body& body, size_t i, bool is_train) {
  for (size_t b = 0; b < wiring.in.size(); ++b) {
    const Wiring::Source& s = wiring.in[b];
    if (s.kind == Wiring::Source::kFixed && s.index == i && body.writes(b, is_train)) return true;
  }
  return false;
}

bool is_fixed_aux(const Wiring& wiring, const op::Body& body, size_t i) {
  for (size_t b = 0; b < wiring.in.size(); ++b) {
    const Wiring::Source& s = wiring.in[b];
    if (s.kind == Wiring::Source::kFixed && s.index == i && body.is_aux(b)) return true;
  }
  return false;
}

Specs loop_specs(const Wiring& wiring, op::Body& body, const Specs& in, int64_t steps,
                 const Recorded& recorded) {
  for (size_t b = 0; b < wiring.in.size(); ++b) {
    check(wiring.in[b].kind == Wiring::Source::kFixed || !body.writes(b, true),
          ErrorKind::kInvalidArgument, "input ", b,
          " of the body is written by it, must not be data or a state of the loop");
  }
  const Specs made = body.infer(body_specs(wiring, in));
  const size_t n = wiring.num_out_data;
  Specs out;
  for (size_t i = 0; i < n; ++i) {
    Dims shape{steps};
    shape.append(made[i].shape.begin(), made[i].shape.end());
    out.push_back({std::move(shape), made[i].dtype});
  }
  for (size_t s = 0; s < wiring.num_states(); ++s) {
    const Spec &before = in[wiring.init[s]], &after = made[n + s];
    check(before.shape == after.shape, ErrorKind::kShape, "state ", s, " has shape ", before.shape,
          " before a step and ", after.shape, " behind it, must keep its shape");
    check(before.dtype == after.dtype, ErrorKind::kType, "state ", s, " is ", before.dtype,
          " before a step and ", after.dtype, " behind it, must keep its dtype");
    out.push_back(before);
  }
  int64_t saved = 0;
  if (!recorded.needs.empty()) {
    const auto routine = routine_for(wiring, body, in, recorded.is_train, recorded);
    saved = kHeader + times(steps, StepMemory(wiring, *routine).bytes, "number of steps");
  }
  out.push_back({Dims{saved}, DType::kUint8});
  return out;
}

void complete_loop(const Wiring& wiring, const op::Body& body, std::vector<Dims>& in,
                   std::vector<bool>& known) {
  std::vector<Dims> shapes;
  std::vector<bool> found;
  const auto input_of = [&](const Wiring::Source& s) {
    return s.kind == Wiring::Source::kState ? wiring.init[s.index] : s.index;
  };
  for (const Wiring::Source& s : wiring.in) {
    const size_t i = input_of(s);
    Dims shape = known[i] ? in[i] : Dims{};
    if (known[i] && s.kind == Wiring::Source::kItem) {
      if (shape.empty()) return;  // infer says what is wrong
      shape = row_shape(shape);
    }
    shapes.push_back(std::move(shape));
    found.push_back(known[i]);
  }
  body.complete(shapes, found);
  for (size_t b = 0; b < wiring.in.size(); ++b) {
    const size_t i = input_of(wiring.in[b]);
    if (known[i] || !found[b] || wiring.in[b].kind == Wiring::Source::kItem) continue;
    in[i] = shapes[b];
    known[i] = true;
  }
}

Values gradients_by(const char* forward, const op::AttrsRef& attrs, const GradArgs& g,
                    size_t visible, const Recorded& recorded) {
  check(!recorded.needs.empty(), ErrorKind::kInternal, forward, ": was not recorded");
  Values in;
  for (size_t i = 0; i < visible; ++i) in.push_back(g.dout(i));
  const op::Control& control = *op::Op::get(forward).control;
  const void* a = op::Op::get(forward).data_of(attrs);
  for (size_t i = 0; i < g.num_in(); ++i) {
    const bool written = control.writes(a, i, g.num_in(), recorded.is_train);
    in.push_back(written ? op::full_of(g.in_spec(i), 0) : g.in(i));
  }
  for (size_t i = 0; i < g.out_specs.size(); ++i) in.push_back(g.out(i));
  Values d = op::current_tracer().apply(op::Op::get(cat(forward, "_backward")), attrs,
                                        {in.data(), in.size()});
  for (size_t i = 0; i < g.num_in(); ++i) {
    if (!is_floating(g.in_spec(i).dtype)) d[i] = Value{};
  }
  return d;
}

Specs differentiated(const Specs& in, size_t visible, size_t num_in, const op::BodyRef& body) {
  check(static_cast<bool>(body), ErrorKind::kInvalidArgument,
        "is part of a gradient, must not be called");
  check(in.size() == 2 * visible + num_in + 1, ErrorKind::kInvalidArgument, "got ", in.size(),
        " arrays, must be ", 2 * visible + num_in + 1);
  const auto first = in.begin() + visible;
  return Specs(first, first + num_in);
}

LoopForward::LoopForward(const Wiring& wiring, op::Routine& routine, const KernelArgs& k)
    : wiring_(wiring),
      routine_(routine),
      k_(k),
      layout_(wiring, routine),
      saves_(k.out.back().size() > 0),
      scratch_(memory(routine.forward_scratch)) {
  for (size_t input : wiring.init) states_.push_back(static_cast<char*>(k.in[input].data));
  next_.resize(states_.size());
  if (!saves_) spare_ = memory(2 * layout_.bytes);
}

void LoopForward::step(int64_t t, op::RandomKey key) {
  char* const base = saves_ ? static_cast<char*>(k_.out.back().data) + kHeader + t * layout_.bytes
                            : start(spare_) + t % 2 * layout_.bytes;
  SmallVec<char*, 16> in, out, own;
  for (const Wiring::Source& s : wiring_.in) {
    if (s.kind == Wiring::Source::kState) {
      in.push_back(states_[s.index]);
      continue;
    }
    const View& v = k_.in[s.index];
    in.push_back(static_cast<char*>(v.data) +
                 (s.kind == Wiring::Source::kItem ? t * row_bytes(v) : 0));
  }
  for (size_t i = 0; i < wiring_.num_out_data; ++i) {
    out.push_back(static_cast<char*>(k_.out[i].data) + t * row_bytes(k_.out[i]));
  }
  for (size_t s = 0; s < next_.size(); ++s) out.push_back(next_[s] = base + layout_.state[s]);
  for (int64_t at : layout_.own) own.push_back(base + at);
  routine_.forward({in.data(), in.size()}, {out.data(), out.size()}, {own.data(), own.size()},
                   start(scratch_), key, k_.threads);
  std::swap(states_, next_);
}

void LoopForward::finish(int64_t made, int64_t steps) {
  const size_t n = wiring_.num_out_data;
  for (size_t s = 0; s < states_.size(); ++s) {
    const View& out = k_.out[n + s];
    if (bytes_of(out)) std::memcpy(out.data, states_[s], static_cast<size_t>(bytes_of(out)));
  }
  for (size_t i = 0; i < n && made < steps; ++i) {
    const int64_t row = row_bytes(k_.out[i]);
    if (!row) continue;
    std::memset(static_cast<char*>(k_.out[i].data) + made * row, 0,
                static_cast<size_t>((steps - made) * row));
  }
  if (saves_) std::memcpy(k_.out.back().data, &made, sizeof(made));
}

LoopBackward::LoopBackward(const Wiring& wiring, op::Routine& routine, const KernelArgs& k,
                           size_t num_in)
    : wiring_(wiring),
      routine_(routine),
      k_(k),
      layout_(wiring, routine),
      dout_(k.in.first(wiring.num_out_data + wiring.num_states())),
      in_(k.in.subspan(dout_.size(), num_in)),
      out_(k.in.subspan(dout_.size() + num_in)),
      saved_(static_cast<char*>(out_.back().data)),
      scratch_(memory(routine.backward_scratch)),
      filled_(num_in, false) {
  int64_t fixed = 0;
  for (const Wiring::Source& s : wiring.in) {
    if (s.kind == Wiring::Source::kFixed) fixed += aligned(bytes_of(in_[s.index]));
  }
  spare_ = memory(2 * layout_.bytes);
  fixed_ = memory(fixed);
  char* at = start(fixed_);
  for (const Wiring::Source& s : wiring.in) {
    dfixed_.push_back(at);
    if (s.kind == Wiring::Source::kFixed) at += aligned(bytes_of(in_[s.index]));
  }
  for (size_t s = 0; s < wiring.num_states(); ++s) {
    const View& dout = dout_[wiring.num_out_data + s];
    dstates_.push_back(start(spare_) + layout_.state[s]);
    next_.push_back(start(spare_) + layout_.bytes + layout_.state[s]);
    if (bytes_of(dout)) {
      std::memcpy(dstates_[s], dout.data, static_cast<size_t>(bytes_of(dout)));
    }
  }
}

void LoopBackward::put(size_t input, const char* from) {
  const View& to = k_.out[input];
  if (to.size() == 0) return;
  if (filled_[input]) {
    add_into(to, from, k_.threads);
  } else {
    std::memcpy(to.data, from, static_cast<size_t>(bytes_of(to)));
  }
  filled_[input] = true;
}

void LoopBackward::run(int64_t steps) {
  int64_t made = 0;
  std::memcpy(&made, saved_, sizeof(made));
  for (const Wiring::Source& s : wiring_.in) {
    if (s.kind != Wiring::Source::kItem || made == 0) continue;
    filled_[s.index] = true;  // row by row
  }
  for (int64_t t = std::min(made, steps); t-- > 0;) step(t);
  for (size_t s = 0; s < dstates_.size(); ++s) {
    if (is_floating(k_.out[wiring_.init[s]].dtype)) put(wiring_.init[s], dstates_[s]);
  }
  for (size_t i = 0; i < filled_.size(); ++i) {
    if (!filled_[i]) kernels::fill(k_.out[i], 0, k_.threads);
  }
}

// Fills what backward will not write with zeros.
char* LoopBackward::target(size_t b, int64_t t) {
  const Wiring::Source& s = wiring_.in[b];
  if (s.kind == Wiring::Source::kState) return next_[s.index];
  if (s.kind == Wiring::Source::kFixed) return dfixed_[b];
  const int64_t row = row_bytes(k_.out[s.index]);
  char* const to = static_cast<char*>(k_.out[s.index].data) + t * row;
  if (!routine_.gives[b]) std::memset(to, 0, static_cast<size_t>(row));
  return to;
}

void LoopBackward::step(int64_t t) {
  char* const base = saved_ + kHeader + t * layout_.bytes;
  const size_t n = wiring_.num_out_data;
  SmallVec<char*, 16> in, residuals, dout, din;
  for (size_t s = 0; s < next_.size(); ++s) {
    std::memset(next_[s], 0, static_cast<size_t>(bytes_of(dout_[n + s])));
  }
  for (size_t b = 0; b < wiring_.in.size(); ++b) {
    const Wiring::Source& s = wiring_.in[b];
    const bool is_state = s.kind == Wiring::Source::kState;
    const View& v = in_[is_state ? wiring_.init[s.index] : s.index];
    char* const data = static_cast<char*>(v.data);
    in.push_back(is_state && t                     ? base - layout_.bytes + layout_.state[s.index]
                 : s.kind == Wiring::Source::kItem ? data + t * row_bytes(v)
                                                   : data);
    char* const to = target(b, t);
    din.push_back(routine_.gives[b] ? to : nullptr);
  }
  size_t own = 0;
  for (const op::Routine::Residual& r : routine_.residuals) {
    const auto o = static_cast<size_t>(r.output);
    residuals.push_back(r.output < 0 ? base + layout_.own[own++]
                        : o < n      ? static_cast<char*>(out_[o].data) + t * row_bytes(out_[o])
                                     : base + layout_.state[o - n]);
  }
  for (size_t i = 0; i < n; ++i) {
    dout.push_back(static_cast<char*>(dout_[i].data) + t * row_bytes(dout_[i]));
  }
  for (char* d : dstates_) dout.push_back(d);
  routine_.backward({in.data(), in.size()}, {residuals.data(), residuals.size()},
                    {dout.data(), dout.size()}, {din.data(), din.size()}, start(scratch_),
                    k_.threads);
  for (size_t b = 0; b < wiring_.in.size(); ++b) {
    const Wiring::Source& s = wiring_.in[b];
    if (s.kind == Wiring::Source::kFixed && routine_.gives[b]) put(s.index, dfixed_[b]);
  }
  std::swap(dstates_, next_);
}

}  // namespace plait::ops
