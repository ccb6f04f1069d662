#pragma once

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "base/grid.h"
#include "kernels/copy.h"
#include "kernels/elementwise.h"
#include "ops/fused/program.h"

// What `pointwise` runs on arrays that are all whole or one number.
namespace plait::ops {

// More than the caches of a few cores hold: results go past them, which saves reading what is
// overwritten.
inline constexpr int64_t kStreamBytes = int64_t{64} << 20;

inline int64_t bytes_of(const op::KernelArgs& k) {
  int64_t bytes = 0;
  for (const View& v : k.in) bytes += v.size() * dtype_size(v.dtype);
  for (const View& v : k.out) bytes += v.size() * dtype_size(v.dtype);
  return bytes;
}

// Memory of intermediates, one for each thread, kept between calls.
class Places {
 public:
  char* get(size_t bytes) {
    if (bytes > size_) {
      std::free(data_);
      size_ = (bytes + 4095) / 4096 * 4096;
      data_ = static_cast<char*>(std::aligned_alloc(64, size_));
      if (!data_) throw std::bad_alloc();
    }
    return data_;
  }
  ~Places() { std::free(data_); }

 private:
  char* data_ = nullptr;
  size_t size_ = 0;
};

// Runs the program on stretches of arrays that are all whole or one number: everything but the
// places of the data is made ready once.
class Stretches {
 public:
  Stretches(const Program& program, const op::KernelArgs& k, const Grid& grid, int64_t tile)
      : program_(program), k_(k), tile_(tile), calls_(program.code().size()) {
    const bool streams = bytes_of(k) > kStreamBytes;
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
    for (size_t i = 0; i < program.code().size(); ++i) {
      if (i + 1 < program.code().size() && add_pair(calls_[num_calls_], i, grid)) {
        ++i;
      } else {
        add_call(calls_[num_calls_], program.code()[i], grid);
      }
      ++num_calls_;
    }
  }
  ~Stretches() {
    if (streams_) kernels::stream_end();
  }

  void run(int64_t begin, int64_t n) {
    if (n != shape_[0]) {
      shape_[0] = n;
      for (Call& call : std::span(calls_.data(), num_calls_)) call.loop.row.n = n;
    }
    for (const Moving& m : moving_) *m.place = m.base + begin * m.item;
    for (const Call& call : std::span(calls_.data(), num_calls_)) {
      if (call.loop.loop) {
        call.loop.loop(call.loop.row);
      } else {
        call.op->kernel(*call.op, call.attrs, call.args);
      }
    }
    for (const Stage& s : stages_) {
      kernels::stream_copy(s.to + begin * s.item, s.from, n * s.item);
    }
  }

 private:
  static const Dims kNone;
  struct Moving {
    void** place;
    char* base;
    int64_t item;  // bytes
  };
  struct Call {
    kernels::Recorded loop;  // runs in place of the kernel, if there is one
    const op::Op* op = nullptr;
    const void* attrs = nullptr;
    op::KernelArgs args;
  };
  struct Stage {
    char* to;
    const char* from;
    int64_t item;  // bytes
  };

  // What lies over an input is in the cache.
  bool may_stream(const View& out) const {
    for (const View& v : k_.in) {
      if (v.data == out.data) return false;
    }
    return reinterpret_cast<uintptr_t>(out.data) % 64 == 0;
  }

  // The first register of an intermediate.
  int32_t first_place() const { return program_.num_inputs() + program_.num_outputs(); }
  char* place(int64_t i) const { return memory_ + i * tile_ * 8; }
  char* stage(size_t output) const { return place(program_.num_places() + staged_[output]); }

  // Chooses the loop, on no elements.
  void record(Call& call, const Program::Instruction& code, const Grid& grid) {
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

  void add_call(Call& call, const Program::Instruction& code, const Grid& grid) {
    record(call, code, grid);
    if (call.loop.loop) {
      move_row(call.loop.row);
    } else {
      for (const View& v : call.args.in) move_view(v);
      move_view(call.args.out[0]);
    }
  }
  // Lets an instruction write a staged output at once, if no other reads it.
  bool take_stage(int32_t out, void*& y) {
    const auto stage =
        std::find_if(stages_.begin(), stages_.end(), [&](const Stage& s) { return s.from == y; });
    if (stage == stages_.end() || program_.num_reads(out) > 0) return false;
    y = stage->to;
    moving_.push_back({&y, stage->to, stage->item});
    stages_.erase(stage);
    return true;
  }
  void move_row(kernels::Row& row) {
    move(row.y);
    for (const void*& operand : row.in) move(const_cast<void*&>(operand));
  }
  void move_view(const View& v) {
    if (v.shape == &shape_) move(const_cast<View&>(v).data);
  }

  // A product of arrays and a sum that alone reads it are one loop. False: these are others.
  bool add_pair(Call& call, size_t i, const Grid& grid) {
    static const op::Op &times = op::Op::get("multiply"), &plus = op::Op::get("add"),
                        &minus = op::Op::get("subtract");
    const Program::Instruction &product = program_.code()[i], &sum = program_.code()[i + 1];
    if (product.op != &times || (sum.op != &plus && sum.op != &minus)) return false;
    if (product.out < first_place() || program_.num_reads(product.out) != 1) return false;
    const auto reads = [&](size_t k) { return sum.in[k] == product.out; };
    if (!reads(0) && !reads(1)) return false;
    Call first, second;
    const size_t before = views_.size();
    record(first, product, grid);
    record(second, sum, grid);
    const auto fits = [](const kernels::Recorded& r) {
      return r.loop && r.row.step[0] == 1 && r.row.step[1] == 1;
    };
    const bool is_float = first.args.out[0].dtype == DType::kFloat32;
    if (!is_float || !fits(first.loop) || !fits(second.loop)) {
      views_.resize(before);
      return false;
    }
    using kernels::Joined;
    const Joined how = sum.op == &plus ? Joined::kAdd
                       : reads(0)      ? Joined::kSubtract
                                       : Joined::kSubtractFrom;
    kernels::Row& row = call.loop.row;
    row = first.loop.row;
    row.y = second.loop.row.y;
    row.in[2] = second.loop.row.in[reads(0) ? 1 : 0];
    call.loop.loop = kernels::product_loop(how, take_stage(sum.out, row.y));
    move_row(row);
    return true;
  }

  void add_view(size_t r, const Grid& grid) {
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
      views_.push_back(
          {is_staged ? stage(r - inputs) : of.data, &shape_, &strides_, of.dtype, true});
    }
  }

  // Lets `data`, which is at the start of a whole array, follow the stretches.
  void move(void*& data) {
    for (const View& v : views_) {
      if (v.data != data || v.shape != &shape_ || is_own(data)) continue;
      moving_.push_back({&data, static_cast<char*>(data), dtype_size(v.dtype)});
      return;
    }
  }
  bool is_own(const void* data) const {
    return data >= memory_ && data < memory_ + own_places_ * tile_ * 8;
  }

  const Program& program_;
  const op::KernelArgs& k_;
  const int64_t tile_;
  SmallVec<int32_t, 4> staged_;  // of each output: its place for a tile, or -1
  int64_t own_places_ = 0;
  char* memory_ = nullptr;
  Dims shape_{0}, strides_{1};
  std::vector<View> views_;
  std::vector<Moving> moving_;
  std::vector<Stage> stages_;
  std::vector<Call> calls_;
  size_t num_calls_ = 0;
  bool streams_ = false;
};
inline const Dims Stretches::kNone{};

}  // namespace plait::ops
