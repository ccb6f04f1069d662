#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>

#include "base/grid.h"
#include "kernels/parallel.h"
#include "ops/fused/program.h"
#include "ops/fused/stretches.h"

// Many element-wise operators in one pass over memory: the arrays are cut in tiles that fit the
// cache, and each tile goes through the whole program. The operators' own kernels do the work, so
// results are those of the operators one by one.
namespace plait::ops {
namespace {

struct PointwiseAttrs {
  ProgramRef program;
};

constexpr int64_t kTile = 4096;  // elements: a few intermediates of 16 kB stay in the first caches

// Elements of a tile for arrays in main memory: so short that the processor reads the operands of
// the next instructions while it still computes.
constexpr int64_t kShortTile = 128;
constexpr int64_t kCacheBytes = int64_t{8} << 20;

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

// Calls work(begin, end) for parts of [0, n) in several threads; the first error of one is thrown.
template <class Work>
void in_parallel(int threads, int64_t n, int64_t grain, const Work& work) {
  std::exception_ptr failure;
  std::mutex mutex;
  kernels::parallel_for(threads, n, grain, [&](int64_t begin, int64_t end) {
    try {
      work(begin, end);
    } catch (...) {
      std::lock_guard lock(mutex);
      failure = std::current_exception();
    }
  });
  if (failure) std::rethrow_exception(failure);
}

// Arrays that are all whole or one number.
void run_flat(const Program& program, const op::KernelArgs& k, const Grid& grid) {
  const int64_t n = grid.columns, bytes = bytes_of(k);
  const bool waits = program.code().size() <= k.in.size() + k.out.size();
  const int64_t tile =
      std::min(std::max<int64_t>(n, 1), bytes > kCacheBytes && waits ? kShortTile : kTile);
  const auto run = [&](Stretches& stretches, int64_t begin, int64_t end) {
    const int64_t step = stretches.is_one_chain() ? end - begin : tile;
    for (; begin < end; begin += step) stretches.run(begin, std::min(step, end - begin));
  };
  if (bytes <= kernels::kStreamBytes || k.threads == 1) {
    const int64_t tiles = (n + tile - 1) / tile;
    return in_parallel(k.threads, tiles, std::max<int64_t>(1, kernels::kGrain / tile),
                       [&](int64_t begin, int64_t end) {
                         Stretches stretches(program, k, grid, tile);
                         run(stretches, begin * tile, std::min(end * tile, n));
                       });
  }
  std::atomic<int64_t> next{0};  // a thread that is held up takes fewer pieces
  in_parallel(k.threads, k.threads, 1, [&](int64_t, int64_t) {
    Stretches stretches(program, k, grid, tile);
    for (;;) {
      const int64_t begin = next.fetch_add(kernels::kStreamPiece, std::memory_order_relaxed);
      if (begin >= n) return;
      run(stretches, begin, std::min(begin + kernels::kStreamPiece, n));
    }
  });
}

void run_rows(const Program& program, const op::KernelArgs& k, const Grid& grid) {
  const int64_t columns = std::min(grid.columns, kTile);
  const int64_t rows = std::clamp<int64_t>(kTile / std::max<int64_t>(columns, 1), 1, grid.rows);
  const int64_t across = (grid.columns + columns - 1) / std::max<int64_t>(columns, 1);
  const int64_t tiles = across * ((grid.rows + rows - 1) / rows);
  in_parallel(k.threads, tiles, std::max<int64_t>(1, kernels::kGrain / kTile),
              [&](int64_t begin, int64_t end) {
                Interpreter interpreter(program, k, grid);
                for (int64_t t = begin; t < end; ++t) {
                  const int64_t r = t / across * rows, c = t % across * columns;
                  interpreter.run(r, std::min(rows, grid.rows - r), c,
                                  std::min(columns, grid.columns - c));
                }
              });
}

void kernel(const PointwiseAttrs& a, const op::KernelArgs& k) {
  SmallVec<const Dims*, 8> shapes;
  for (const View& v : k.in) shapes.push_back(v.shape);
  Grid grid;
  check(grid.fit(*k.out[0].shape, {shapes.data(), shapes.size()}), ErrorKind::kInternal,
        "arrays do not fit the program");
  grid.rows == 1 ? run_flat(*a.program, k, grid) : run_rows(*a.program, k, grid);
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
