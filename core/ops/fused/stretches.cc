#include "ops/fused/stretches.h"

#include <algorithm>

#include "kernels/copy.h"

namespace plait::ops {

const Dims Stretches::kNone{};

Stretches::Stretches(const Program& program, const op::KernelArgs& k, const Grid& grid,
                     int64_t tile)
    : program_(program), k_(k), tile_(tile), calls_(program.code().size()) {
  const bool streams = bytes_of(k) > kernels::kStreamBytes;
  int32_t staged = 0;
  for (const View& v : k.out) staged_.push_back(streams && may_stream(v) ? staged++ : -1);
  own_places_ = program.num_places() + staged;
  thread_local Places memory;
  memory_ = memory.get(static_cast<size_t>(own_places_ * tile * 8));
  for (size_t i = 0; i < staged_.size(); ++i) {
    if (staged_[i] < 0) continue;
    stages_.push_back({k.out[i].ptr<char>(), stage(i), dtype_size(k.out[i].dtype)});
  }
  streams_ = !stages_.empty();
  size_t operands = program.code().size();
  for (const auto& code : program.code()) operands += code.in.size();
  views_.reserve(operands);  // spans into it stay valid
  for (size_t i = 0; i < program.code().size(); ++num_calls_) {
    i += add_call(calls_[num_calls_], i, grid);
  }
}

Stretches::~Stretches() {
  if (streams_) kernels::stream_end();
}

void Stretches::run(int64_t begin, int64_t n) {
  if (n != shape_[0]) {
    shape_[0] = n;
    for (Call& call : std::span(calls_.data(), num_calls_)) call.loop.row.n = call.chain.n = n;
  }
  for (const Moving& m : moving_) *m.place = m.base + begin * m.item;
  for (const Call& call : std::span(calls_.data(), num_calls_)) {
    if (call.chain_loop) {
      call.chain_loop(call.chain);
    } else if (call.loop.loop) {
      call.loop.loop(call.loop.row);
    } else {
      call.op->kernel(*call.op, call.attrs, call.args);
    }
  }
  for (const Stage& s : stages_) {
    kernels::stream_copy(s.to + begin * s.item, s.from, n * s.item);
  }
}

// What lies over an input is in the cache.
bool Stretches::may_stream(const View& out) const {
  for (const View& v : k_.in) {
    if (v.data == out.data) return false;
  }
  return reinterpret_cast<uintptr_t>(out.data) % 64 == 0;
}

// One call for the instruction i and those after it that it can take; how many these are.
size_t Stretches::add_call(Call& call, size_t i, const Grid& grid) {
  record(call, program_.code()[i], grid);
  begin_chain(call);
  size_t taken = 1;
  while (call.chain_loop && extend_chain(call, i + taken - 1, grid)) ++taken;
  if (call.chain_loop) {
    const int32_t out = program_.code()[i + taken - 1].out;
    call.chain.streams = take_stage(out, call.chain.y);
    if (taken == 1 && !call.chain.streams) call.chain_loop = nullptr;  // its own loop is shorter
  }
  call.chain_loop ? move_chain(call.chain) : move_call(call);
  return taken;
}

// Chooses the loop, on no elements.
void Stretches::record(Call& call, const Program::Instruction& code, const Grid& grid) {
  const size_t first = views_.size(), n = code.in.size();
  for (int32_t r : code.in) add_view(static_cast<size_t>(r), grid);
  add_view(static_cast<size_t>(code.out), grid);
  View* const in = &views_[first];
  call.op = code.op;
  call.attrs = code.op->data_of(code.attrs);
  call.args = {{in, n}, {in + n, 1}, k_.is_train, 1, {}};
  const kernels::Recorder recorder(call.loop);
  call.op->kernel(*call.op, call.attrs, call.args);
}

void Stretches::begin_chain(Call& call) {
  const kernels::Recorded& r = call.loop;
  if (r.loop) call.chain_loop = kernels::begin_chain(r.chain, r.arithmetic, r.row, call.chain);
}

// Takes the instruction after i, the last one of the chain, if it alone reads what that writes.
bool Stretches::extend_chain(Call& call, size_t i, const Grid& grid) {
  if (i + 1 == program_.code().size()) return false;
  const int32_t link = program_.code()[i].out;
  const Program::Instruction& next = program_.code()[i + 1];
  if (link < first_place() || program_.num_reads(link) != 1) return false;
  if (std::find(next.in.begin(), next.in.end(), link) == next.in.end()) return false;

  kernels::Chain& chain = call.chain;
  const size_t before = views_.size();
  Call other;
  record(other, next, grid);
  begin_chain(other);
  views_.resize(before);
  if (!other.chain_loop) return false;
  const bool is_function = other.chain.num_steps == 0;
  if (is_function) {
    if (call.chain_loop != kernels::arithmetic_chain) return false;  // it has one
    call.chain_loop = other.chain_loop;
    chain.before = chain.num_steps;
  } else {
    if (chain.num_steps == kernels::Chain::kMostSteps) return false;
    kernels::Chain::Step step = other.chain.steps[0];
    if (step.other == chain.y) {
      step = {kernels::reversed(step.how), other.chain.x, 0};
    }
    chain.steps[chain.num_steps++] = step;
  }
  chain.y = other.chain.y;
  return true;
}

// Lets a chain write a staged output at once, if no other instruction reads it.
bool Stretches::take_stage(int32_t out, float*& y) {
  const auto stage = std::find_if(stages_.begin(), stages_.end(), [&](const Stage& s) {
    return s.from == reinterpret_cast<const char*>(y);
  });
  if (stage == stages_.end() || program_.num_reads(out) > 0) return false;
  y = reinterpret_cast<float*>(stage->to);
  stages_.erase(stage);
  return true;
}

void Stretches::add_view(size_t r, const Grid& grid) {
  const size_t inputs = k_.in.size();
  if (static_cast<int32_t>(r) >= first_place()) {
    const int32_t t = static_cast<int32_t>(r) - first_place();
    views_.push_back(
        {place(program_.place_of(t)), &shape_, &strides_, program_.temporary_dtype(t), true});
    return;
  }
  const View& of = r < inputs ? k_.in[r] : k_.out[r - inputs];
  const bool is_staged = r >= inputs && staged_[r - inputs] >= 0;
  if (r < inputs && grid.parts[r] == GridPart::kNumber) {
    views_.push_back({of.data, &kNone, &kNone, of.dtype, true});
  } else {
    views_.push_back({is_staged ? stage(r - inputs) : of.data, &shape_, &strides_, of.dtype, true});
  }
}

// The arrays of a call follow the stretches; what is its own stays.
void Stretches::move_chain(kernels::Chain& chain) {
  const auto move_array = [&](const float*& array) {
    if (!array || is_own(array)) return;
    void*& place = reinterpret_cast<void*&>(const_cast<float*&>(array));
    moving_.push_back({&place, static_cast<char*>(place), sizeof(float)});
  };
  move_array(chain.x);
  move_array(const_cast<const float*&>(chain.y));
  for (kernels::Chain::Step& s : chain.all_steps()) move_array(s.other);
}

void Stretches::move_call(Call& call) {
  if (call.loop.loop) {
    move(call.loop.row.y);
    for (const void*& operand : call.loop.row.in) move(const_cast<void*&>(operand));
    return;
  }
  const auto move_view = [&](const View& v) {
    if (v.shape == &shape_) move(const_cast<View&>(v).data);
  };
  for (const View& v : call.args.in) move_view(v);
  move_view(call.args.out[0]);
}

// Lets `data`, which is at the start of a whole array, follow the stretches.
void Stretches::move(void*& data) {
  for (const View& v : views_) {
    if (v.data != data || v.shape != &shape_ || is_own(data)) continue;
    moving_.push_back({&data, static_cast<char*>(data), dtype_size(v.dtype)});
    return;
  }
}

}  // namespace plait::ops
