#include "kernels/copy.h"

#include "kernels/convert.h"
#include "kernels/cuda/runtime.h"
#include "kernels/elementwise.h"

namespace plait::kernels {
namespace {

struct Same {
  template <class T>
  PLAIT_FN static T f(T x) {
    return x;
  }
};

// Elements as they are; those of 16 bytes are complex numbers.
struct Pair {
  uint64_t low, high;
};
template <class T>
struct MoveElement {
  Row r;
  PLAIT_FN void operator()(int64_t i) const {
    static_cast<T*>(r.y.data)[r.offset(r.y, i)] =
        static_cast<const T*>(r.in[0].data)[r.offset(r.in[0], i)];
  }
};
template <class T>
void move_row(const Row& r) {
  cuda::for_each(r.n, MoveElement<T>{r});
}

RowLoop mover(int64_t item) {
  switch (item) {
    case 1: return move_row<uint8_t>;
    case 2: return move_row<uint16_t>;
    case 4: return move_row<uint32_t>;
    case 8: return move_row<uint64_t>;
    default: return move_row<Pair>;
  }
}

// The same elements as whole numbers of their size; those of 16 bytes keep the strides.
View as_bits(View v) {
  switch (dtype_size(v.dtype)) {
    case 1: v.dtype = DType::kUint8; break;
    case 2: v.dtype = DType::kUint16; break;
    case 4: v.dtype = DType::kInt32; break;
    default: v.dtype = DType::kInt64;
  }
  return v;
}

// The type through which elements go, as convert() has it.
DType middle(DType from, DType to) { return compute_type(to) == to ? to : compute_type(from); }

}  // namespace

void copy(const View& in, const View& out, int threads) {
  const bool same = in.dtype == out.dtype && !in.on_host;
  if (same && in.contiguous && out.contiguous && *in.shape == *out.shape) {
    return cuda::copy_bytes(out.data, in.data, out.size() * dtype_size(out.dtype));
  }
  if (same) {
    const RowLoop loop = mover(dtype_size(in.dtype));
    Loops loops;
    loops.i32 = loops.i64 = loop;
    const View from = as_bits(in), to = as_bits(out);
    return apply(loops, compute_type(to.dtype), to, {&from, 1}, threads);
  }
  static constexpr Loops kLoops = unary_loops<Same>();
  check(!is_complex(out.dtype), ErrorKind::kNotImplemented, "dtype is ", out.dtype,
        ", must be real on a gpu");
  apply(kLoops, middle(in.dtype, out.dtype), out, {&in, 1}, threads);
}

void convert(const void* src, DType from, int64_t step, void* dst, DType to, int64_t n) {
  const Dims shape{n}, strides{step}, dense{1};
  copy({const_cast<void*>(src), &shape, &strides, from, step == 1}, {dst, &shape, &dense, to, true},
       1);
}

void fill(const View& out, double value, int threads) {
  const bool whole = !is_floating(out.dtype) && out.dtype != DType::kBool;
  const Scalar number(value, whole ? DType::kInt64 : DType::kFloat64);
  copy(number, out, threads);
}

}  // namespace plait::kernels
