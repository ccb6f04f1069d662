#include <algorithm>
#include <cstdlib>
#include <exception>
#include <mutex>

#include "base/grid.h"
#include "kernels/copy.h"
#include "kernels/elementwise.h"
#include "kernels/parallel.h"
#include "ops/fused/program.h"

// Many element-wise operators in one pass over memory: the arrays are cut in tiles that fit the
// cache, and each tile goes through the whole program. The operators' own kernels do the work, so
// results are those of the operators one by one.
namespace plait::ops {
namespace {

struct PointwiseAttrs {
  ProgramRef program;
};

constexpr int64_t kTile = 4096;  // elements: a few intermediates of 16 kB stay in the first caches

// Elements of a tile for arrays in main memory and programs that mostly wait for it: so short that
// the processor reads the operands of the next instructions while it still computes.
constexpr int64_t kShortTile = 192;
constexpr int64_t kCacheBytes = int64_t{8} << 20;
// More than the caches of a few cores hold: results go past them, which saves reading what is
// overwritten.
constexpr int64_t kStreamBytes = int64_t{64} << 20;

int64_t bytes_of(const op::KernelArgs& k) {
  int64_t bytes = 0;
  for (const View& v : k.in) bytes += v.size() * dtype_size(v.dtype);
  for (const View& v : k.out) bytes += v.size() * dtype_size(v.dtype);
  return bytes;
}

int64_t tile_size(const Program& program, const op::KernelArgs& k, const Grid& grid) {
  const bool waits = program.code().size() <= k.in.size() + k.out.size();
  return grid.rows == 1 && waits && bytes_of(k) > kCacheBytes ? kShortTile : kTile;
}

Specs infer(const PointwiseAttrs& a, const Specs& in) {
  const Program& p = *a.program;
  check(static_cast<int32_t>(in.size()) == p.num_inputs(), ErrorKind::kInvalidArgument, "got ",
        in.size(), " arrays, must be ", p.num_inputs());
  check(!in.empty(), ErrorKind::kInvalidArgument, "program has no input, must read i0");
  Dims shape = in[0].shape;
  for (const Spec& s : in) shape = broadcast_shapes(shape, s.shape);
  std::vector<const Dims*> shapes;
  for (const Spec& s : in) shapes.push_back(&s.shape);
  Grid grid;
  check(grid.fit(shape, shapes), ErrorKind::kShape,
        "data must be arrays that broadcast over the first or the last axes only");
  Specs out;
  for (size_t i = 0; i < static_cast<size_t>(p.num_outputs()); ++i) {
    out.push_back({shape, p.out_dtype(i)});
  }
  return out;
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
    const auto places = static_cast<size_t>(program.num_places() + staged);
    thread_local Places memory;
    memory_ = memory.get(places * static_cast<size_t>(tile) * 8);
    for (size_t i = 0; i < staged_.size(); ++i) {
      if (staged_[i] < 0) continue;
      stages_.push_back({k.out[i].ptr<char>(), stage(i), dtype_size(k.out[i].dtype)});
    }
    size_t operands = program.code().size();
    for (const auto& code : program.code()) operands += code.in.size();
    views_.reserve(operands);  // spans into it stay valid
    for (size_t i = 0; i < calls_.size(); ++i) add_call(calls_[i], program.code()[i], grid);
  }
  ~Stretches() {
    if (!stages_.empty()) kernels::stream_end();
  }

  void run(int64_t begin, int64_t n) {
    if (n != shape_[0]) {
      shape_[0] = n;
      for (Call& call : calls_) call.loop.row.n = n;
    }
    for (const Moving& m : moving_) *m.place = m.base + begin * m.item;
    for (const Call& call : calls_) {
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

  char* place(int64_t i) const { return memory_ + i * tile_ * 8; }
  char* stage(size_t output) const { return place(program_.num_places() + staged_[output]); }

  void add_call(Call& call, const Program::Instruction& code, const Grid& grid) {
    const size_t first = views_.size(), n = code.in.size();
    for (int32_t r : code.in) add_view(static_cast<size_t>(r), grid);
    add_view(static_cast<size_t>(code.out), grid);
    View* const in = &views_[first];
    call.op = code.op;
    call.attrs = code.op->data_of(code.attrs);
    call.args = {{in, n}, {in + n, 1}, k_.is_train, 1, {}};
    {
      const kernels::Recorder recorder(call.loop);  // chooses the loop, on no elements
      call.op->kernel(*call.op, call.attrs, call.args);
    }
    if (kernels::Row& row = call.loop.row; call.loop.loop) {
      move(row.y);
      for (const void*& operand : row.in) move(const_cast<void*&>(operand));
    } else {
      for (View& v : std::span<View>(in, n + 1)) {
        if (v.shape == &shape_) move(v.data);
      }
    }
  }

  void add_view(size_t r, const Grid& grid) {
    const size_t inputs = k_.in.size(), first = inputs + k_.out.size();
    if (r >= first) {
      const auto t = static_cast<int32_t>(r - first);
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
    for (int64_t i = 0; i < program_.num_places() + static_cast<int64_t>(stages_.size()); ++i) {
      if (data == place(i)) return true;
    }
    return false;
  }

  const Program& program_;
  const op::KernelArgs& k_;
  const int64_t tile_;
  SmallVec<int32_t, 4> staged_;  // of each output: its place for a tile, or -1
  char* memory_ = nullptr;
  Dims shape_{0}, strides_{1};
  std::vector<View> views_;
  std::vector<Moving> moving_;
  std::vector<Stage> stages_;
  std::vector<Call> calls_;
};
const Dims Stretches::kNone{};

// Runs the program on parts of arrays that are cut into rows and columns.
class Interpreter {
 public:
  Interpreter(const Program& program, const op::KernelArgs& k, const Grid& grid)
      : program_(program), k_(k), grid_(grid) {
    const size_t n = static_cast<size_t>(program.num_registers());
    views_.resize(n);
    for (size_t i = 0; i < k.in.size(); ++i) views_[i].dtype = k.in[i].dtype;
    for (size_t i = 0; i < k.out.size(); ++i) views_[k.in.size() + i].dtype = k.out[i].dtype;
    thread_local Places places;
    char* memory = places.get(static_cast<size_t>(program.num_places() * kTile * 8));
    for (int32_t t = 0; t < program.num_temporaries(); ++t) {
      View& v = views_[k.in.size() + k.out.size() + static_cast<size_t>(t)];
      v = {memory + program.place_of(t) * kTile * 8, &shape_, &strides_, program.temporary_dtype(t),
           true};
    }
    shape_ = row_shape_ = column_shape_ = {0, 1};
    strides_ = {0, 1};
    row_strides_ = {0, 1};
    column_strides_ = {1, 0};
  }

  // Rows [row, row + rows) and columns [column, column + columns).
  void run(int64_t row, int64_t rows, int64_t column, int64_t columns) {
    set_shapes(rows, columns);
    const int64_t whole = row * grid_.columns + column;
    const size_t inputs = k_.in.size();
    for (size_t i = 0; i < inputs; ++i) {
      switch (grid_.parts[i]) {
        case GridPart::kWhole: place(views_[i], k_.in[i], whole, shape_, strides_, true); break;
        case GridPart::kRow:
          place(views_[i], k_.in[i], column, row_shape_, row_strides_, rows == 1);
          break;
        case GridPart::kColumn:
          place(views_[i], k_.in[i], row, column_shape_, column_strides_, false);
          break;
        case GridPart::kNumber: place(views_[i], k_.in[i], 0, kNone, kNone, true); break;
      }
    }
    for (size_t i = 0; i < k_.out.size(); ++i) {
      place(views_[inputs + i], k_.out[i], whole, shape_, strides_, true);
    }
    View in[kMostOperands];
    for (const Program::Instruction& code : program_.code()) {
      size_t n = 0;
      for (int32_t r : code.in) in[n++] = views_[static_cast<size_t>(r)];
      const op::KernelArgs args{
          {in, n}, {&views_[static_cast<size_t>(code.out)], 1}, k_.is_train, 1, {}};
      code.op->kernel(*code.op, code.op->data_of(code.attrs), args);
    }
  }

 private:
  static constexpr size_t kMostOperands = 8;
  static const Dims kNone;

  void set_shapes(int64_t rows, int64_t columns) {
    shape_[0] = rows;
    shape_[1] = columns;
    strides_[0] = columns;
    row_shape_[0] = 1;
    row_shape_[1] = columns;
    column_shape_[0] = rows;
  }
  static void place(View& v, const View& of, int64_t offset, const Dims& shape, const Dims& strides,
                    bool contiguous) {
    v.data = static_cast<char*>(of.data) + offset * dtype_size(of.dtype);
    v.shape = &shape;
    v.strides = &strides;
    v.contiguous = contiguous;
  }

  const Program& program_;
  const op::KernelArgs& k_;
  const Grid& grid_;
  Dims shape_, strides_, row_shape_, row_strides_, column_shape_, column_strides_;
  SmallVec<View, 24> views_;
};
const Dims Interpreter::kNone{};

void kernel(const PointwiseAttrs& a, const op::KernelArgs& k) {
  SmallVec<const Dims*, 8> shapes;
  for (const View& v : k.in) shapes.push_back(v.shape);
  Grid grid;
  check(grid.fit(*k.out[0].shape, {shapes.data(), shapes.size()}), ErrorKind::kInternal,
        "arrays do not fit the program");
  const int64_t tile = tile_size(*a.program, k, grid);
  const int64_t columns = std::min(grid.columns, tile);
  const int64_t rows = std::clamp<int64_t>(tile / std::max<int64_t>(columns, 1), 1, grid.rows);
  const int64_t across = (grid.columns + columns - 1) / std::max<int64_t>(columns, 1);
  const int64_t tiles = across * ((grid.rows + rows - 1) / rows);
  const auto run = [&](int64_t begin, int64_t end) {
    if (grid.rows == 1) {
      Stretches stretches(*a.program, k, grid, tile);
      for (int64_t t = begin; t < end; ++t) {
        stretches.run(t * columns, std::min(columns, grid.columns - t * columns));
      }
      return;
    }
    Interpreter interpreter(*a.program, k, grid);
    for (int64_t t = begin; t < end; ++t) {
      const int64_t r = t / across * rows, c = t % across * columns;
      interpreter.run(r, std::min(rows, grid.rows - r), c, std::min(columns, grid.columns - c));
    }
  };
  std::exception_ptr failure;
  std::mutex mutex;
  kernels::parallel_for(k.threads, tiles, std::max<int64_t>(1, kernels::kGrain / tile),
                        [&](int64_t begin, int64_t end) {
                          try {
                            run(begin, end);
                          } catch (...) {
                            std::lock_guard lock(mutex);
                            failure = std::current_exception();
                          }
                        });
  if (failure) std::rethrow_exception(failure);
}

PLAIT_OP(pointwise, PointwiseAttrs)
    .doc("A program of element-wise operators in one pass over memory; made by the graph compiler.")
    .variadic_input("data", "arrays that broadcast over the first or the last axes")
    .output("out", "broadcast shape; as many as the program writes")
    .required_attr("program", &PointwiseAttrs::program, "lines such as 'o0:float32 = add(i0, i1)'")
    .num_outputs([](const PointwiseAttrs& a) { return a.program->num_outputs(); })
    .infer(infer)
    .cpu(kernel);

}  // namespace
}  // namespace plait::ops
