#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "base/view.h"
#include "kernels/chain.h"
#include "kernels/rows.h"

// Loops of functions of one, two or three numbers. A function is compiled for the types that have
// arithmetic (float, double, int32, int64, maybe complex); arrays of other types are converted
// block by block.
namespace plait::kernels {

// One function compiled for each type; null: not for this type, the next wider one is taken.
struct Loops {
  RowLoop f32 = nullptr, f64 = nullptr, i32 = nullptr, i64 = nullptr, c64 = nullptr, c128 = nullptr;
  ChainLoop chain = nullptr;                  // a function of one float, for chains around it
  Arithmetic arithmetic = Arithmetic::kNone;  // a function of two that may stand in a chain
};

// The loop for `type`, and in `type` the type it really computes in.
RowLoop loop_for(const Loops& loops, DType& type);

// out = f(a), f(a, b), f(a, b, c), with broadcasting of the inputs to the shape of out. Arithmetic
// is done in `type` (a compute type); an input of exactly the same place as `out` is allowed.
void apply(const Loops& loops, DType type, const View& out, std::span<const View> in, int threads,
           const double* params = nullptr);

// More than the caches of a few cores hold: results go past them, which saves reading what is
// overwritten.
inline constexpr int64_t kStreamBytes = int64_t{64} << 20;
// Elements that a thread takes at a time of what no cache holds.
inline constexpr int64_t kStreamPiece = int64_t{1} << 18;

// What apply() would run, once chosen, for callers that run it on many stretches of the same
// arrays.
struct Recorded {
  RowLoop loop = nullptr;  // null: apply() was not called once, or not for whole rows of one type
  Row row;                 // without `n`; numbers and parameters are copies in here
  int calls = 0;
  ChainLoop chain = nullptr;  // of loops over floats, as in Loops
  Arithmetic arithmetic = Arithmetic::kNone;
  double params[2] = {0, 0};
  alignas(16) char numbers[3][16] = {};

  Recorded() = default;
  Recorded(const Recorded&) = delete;
};

// Puts the function that `row` runs into an empty `chain`, but for its length. Null: it is no part
// of chains.
ChainLoop begin_chain(ChainLoop function, Arithmetic arithmetic, const Row& row, Chain& chain);

// While it exists, apply() in this thread writes down what it would do, and does nothing.
class Recorder {
 public:
  explicit Recorder(Recorded& to);
  Recorder(const Recorder&) = delete;
  ~Recorder();
};

// A number as an array of no axes, for operands that are attributes.
class Scalar {
 public:
  Scalar(double value, DType type);
  operator View() const { return {const_cast<char*>(bytes_), &kNone, &kNone, type_, true, true}; }

 private:
  static const Dims kNone;
  alignas(16) char bytes_[16];
  DType type_;
};

// Loops of a struct F with a static template function f.
template <class F>
constexpr Loops unary_float_loops() {
  Loops loops{detail::unary_row<F, float>, detail::unary_row<F, double>};
  loops.chain = detail::chain_of<F>();
  return loops;
}
template <class F>
constexpr Loops unary_loops() {
  Loops loops = unary_float_loops<F>();
  loops.i32 = detail::unary_row<F, int32_t>;
  loops.i64 = detail::unary_row<F, int64_t>;
  return loops;
}
template <class F>
constexpr Loops binary_loops() {
  Loops loops{detail::binary_row<F, float>, detail::binary_row<F, double>,
              detail::binary_row<F, int32_t>, detail::binary_row<F, int64_t>};
  if constexpr (requires { F::kArithmetic; }) loops.arithmetic = F::kArithmetic;
  return loops;
}
template <class F>
constexpr Loops binary_float_loops() {
  return {detail::binary_row<F, float>, detail::binary_row<F, double>, nullptr, nullptr};
}
template <class F>
constexpr Loops ternary_loops() {
  return {detail::ternary_row<F, float>, detail::ternary_row<F, double>, nullptr,
          detail::ternary_row<F, int64_t>};
}
template <class F>
constexpr Loops param_loops() {
  return {detail::param_row<F, float>, detail::param_row<F, double>, nullptr,
          detail::param_row<F, int64_t>};
}

// The same for complex numbers as well.
template <class F>
constexpr Loops with_complex_unary(Loops loops) {
  if constexpr (kHasComplex) {
    loops.c64 = detail::unary_row<F, Complex64>;
    loops.c128 = detail::unary_row<F, Complex128>;
  }
  return loops;
}
template <class F>
constexpr Loops with_complex_binary(Loops loops) {
  if constexpr (kHasComplex) {
    loops.c64 = detail::binary_row<F, Complex64>;
    loops.c128 = detail::binary_row<F, Complex128>;
  }
  return loops;
}
template <class F>
constexpr Loops with_complex_ternary(Loops loops) {
  if constexpr (kHasComplex) {
    loops.c64 = detail::ternary_row<F, Complex64>;
    loops.c128 = detail::ternary_row<F, Complex128>;
  }
  return loops;
}

}  // namespace plait::kernels
