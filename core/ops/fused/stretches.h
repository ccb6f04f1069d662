#pragma once

#include <cstdlib>
#include <vector>

#include "base/grid.h"
#include "kernels/elementwise.h"
#include "ops/fused/program.h"

// What `pointwise` runs on arrays that are all whole or one number.
namespace plait::ops {

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
// places of the data is made ready once. Instructions of which each alone reads the one before run
// as chains (kernels/chain.h), so their intermediates stay in registers.
class Stretches {
 public:
  // `tile`: the most elements that run() takes at a time.
  Stretches(const Program& program, const op::KernelArgs& k, const Grid& grid, int64_t tile);
  Stretches(const Stretches&) = delete;
  ~Stretches();

  void run(int64_t begin, int64_t n);

  // Whether one chain is the whole program; tiles are for what has intermediates in memory.
  bool is_one_chain() const { return num_calls_ == 1 && calls_[0].chain_loop && stages_.empty(); }

 private:
  static const Dims kNone;
  struct Moving {
    void** place;
    char* base;
    int64_t item;  // bytes
  };
  struct Call {
    kernels::Recorded loop;                   // runs in place of the kernel, if there is one
    kernels::ChainLoop chain_loop = nullptr;  // runs in place of both
    kernels::Chain chain;
    const op::Op* op = nullptr;
    const void* attrs = nullptr;
    op::KernelArgs args;
  };
  struct Stage {
    char* to;
    const char* from;
    int64_t item;  // bytes
  };

  bool may_stream(const View& out) const;
  // The first register of an intermediate.
  int32_t first_place() const { return program_.num_inputs() + program_.num_outputs(); }
  char* place(int64_t i) const { return memory_ + i * tile_ * 8; }
  char* stage(size_t output) const { return place(program_.num_places() + staged_[output]); }

  size_t add_call(Call& call, size_t i, const Grid& grid);
  void record(Call& call, const Program::Instruction& code, const Grid& grid);
  void begin_chain(Call& call);
  bool extend_chain(Call& call, size_t i, const Grid& grid);
  bool take_stage(int32_t out, float*& y);

  void add_view(size_t r, const Grid& grid);
  void move_chain(kernels::Chain& chain);
  void move_call(Call& call);
  void move(void*& data);
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

}  // namespace plait::ops
