#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/small_vec.h"

namespace plait::kernels {

// What a product of matrices or a convolution does to each result before it stores it: steps in
// their order. Its text has them with semicolons between, each a word and its numbers:
//
//   add              plus the element of the next operand, an array with the shape of the result
//   scale a          times a
//   clip a b         at least a and at most b
//   leaky a          x > 0 ? x : a x
//   elu a            x > 0 ? x : a (exp(x) - 1)
//   hardsigmoid a b  a x + b, at least 0 and at most 1
//   hardswish a b    x times that
//   relu, sigmoid, tanh, softrelu, gelu, silu
class Epilogue {
 public:
  struct Step {
    std::string name;
    float a = 0, b = 0;
  };

  // Throws ErrorKind::kInvalidArgument.
  static std::shared_ptr<const Epilogue> parse(const std::string& text);

  const std::string& text() const { return text_; }
  const std::vector<Step>& steps() const { return steps_; }
  int32_t num_operands() const;  // steps `add`

 private:
  std::string text_;
  std::vector<Step> steps_;
};

// One use of an epilogue: its operands, in float32 without gaps.
struct Finish {
  const Epilogue* epilogue = nullptr;
  SmallVec<const void*, 2> operands;
};

// All steps, if there are any, for the n elements y of the result that start at its element `at`:
// for kernels that are not oneDNN's.
void run_steps(const Finish& finish, int64_t at, float* y, int64_t n);

}  // namespace plait::kernels
