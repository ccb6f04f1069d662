/* Learning rates that change. Part of plait.hpp. */
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "plait/cpp/base.hpp"

namespace plait::cpp {

/* Gives the rate for the number of steps so far. */
class LRScheduler {
 public:
  explicit LRScheduler(double base_lr = 0.01) : base_lr_(base_lr) {}
  virtual ~LRScheduler() = default;
  void SetLR(double lr) { base_lr_ = lr; }
  virtual double GetLR(int64_t num_update) = 0;

 protected:
  double base_lr_;
};

/* Multiplies the rate by `factor` every `step` steps, down to `stop_factor_lr`. */
class FactorScheduler : public LRScheduler {
 public:
  explicit FactorScheduler(int64_t step, double factor = 1, double stop_factor_lr = 1e-8)
      : step_(step), factor_(factor), stop_(stop_factor_lr) {
    if (step < 1) {
      throw Error(PLAIT_ERR_INVALID_ARGUMENT,
                  "FactorScheduler: step is " + std::to_string(step) + ", must be >= 1");
    }
  }
  double GetLR(int64_t num_update) override {
    for (; num_update > count_ + step_; count_ += step_) {
      base_lr_ = std::max(base_lr_ * factor_, stop_);
    }
    return base_lr_;
  }

 private:
  int64_t count_ = 0, step_;
  double factor_, stop_;
};

/* Multiplies the rate by `factor` after each of the `steps`, which ascend. */
class MultiFactorScheduler : public LRScheduler {
 public:
  explicit MultiFactorScheduler(std::vector<int64_t> steps, double factor = 1)
      : steps_(std::move(steps)), factor_(factor) {}
  double GetLR(int64_t num_update) override {
    for (; next_ < steps_.size() && num_update > steps_[next_]; ++next_) base_lr_ *= factor_;
    return base_lr_;
  }

 private:
  std::vector<int64_t> steps_;
  double factor_;
  size_t next_ = 0;
};

}  // namespace plait::cpp
