#pragma once

#include <cstdint>
#include <span>

// A function of one number with arithmetic before and after it, in one pass that keeps the numbers
// in registers: sigmoid(a * b + c) * d reads four arrays and writes one. What is done is read while
// the loop runs, for a vector at a time, so one loop of a function serves all chains around it.
namespace plait::kernels {

// What a step does with the number v so far and its other operand w.
enum class Arithmetic : uint8_t {
  kNone,
  kAdd,           // v + w
  kSubtract,      // v - w
  kSubtractFrom,  // w - v
  kMultiply,      // v w
  kDivide,        // v / w
  kDivideInto,    // w / v
};
// The same with the operands the other way round.
Arithmetic reversed(Arithmetic how);

// y = steps(f(steps(x))) over floats that lie one after the other, all numbers as of the operators
// one by one. y may be one of the operands.
struct Chain {
  static constexpr int kMostSteps = 8;
  struct Step {
    Arithmetic how;
    const float* other;  // null: `number`
    float number;
  };

  int64_t n = 0;
  const float* x = nullptr;
  float* y = nullptr;
  bool streams = false;  // y, whose vectors are aligned, goes past the caches: then stream_end()
  int before = 0;        // steps before the function
  int num_steps = 0;
  Step steps[kMostSteps];

  std::span<Step> all_steps() { return {steps, static_cast<size_t>(num_steps)}; }
  void add(Arithmetic how, const float* other) { steps[num_steps++] = {how, other, 0}; }
  void add(Arithmetic how, float number) { steps[num_steps++] = {how, nullptr, number}; }
};
using ChainLoop = void (*)(const Chain&);

// Steps without a function.
void arithmetic_chain(const Chain& chain);

}  // namespace plait::kernels
