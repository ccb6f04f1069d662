/* Statistics of what happens inside an executor. Part of plait.hpp. */
#pragma once

#include <functional>
#include <iostream>
#include <regex>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "plait/cpp/executor.hpp"

namespace plait::cpp {

/* Every `interval` batches, a statistic of each output inside the executors and of each of their
 * arrays whose whole name fits `pattern`; without a function the mean of absolute values.
 *
 *   Monitor monitor(10, std::regex(".*weight|fc1_output"));
 *   monitor.install(exec.get());
 *   monitor.tic();
 *   exec->Forward(true);
 *   monitor.toc_print();
 *
 * The executors live at least until the last toc(). */
class Monitor {
 public:
  using StatFunc = std::function<NDArray(const NDArray&)>;
  using Stat = std::tuple<int, std::string, NDArray>; /* batch, name, statistic */

  explicit Monitor(int interval, std::regex pattern = std::regex(".*"),
                   StatFunc stat_func = mean_abs)
      : interval_(interval), pattern_(std::move(pattern)), stat_func_(std::move(stat_func)) {
    if (interval < 1) {
      throw Error(PLAIT_ERR_INVALID_ARGUMENT,
                  "Monitor: interval is " + std::to_string(interval) + ", must be >= 1");
    }
  }
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;
  ~Monitor() {
    if (is_active_) watch(false);
  }

  void install(Executor* executor) { executors_.push_back(executor); }
  /* Before Forward(). */
  void tic() {
    if (step_++ % interval_ != 0) return;
    is_active_ = true;
    stats_.clear();
    watch(true);
  }
  /* After it: the statistics of this batch, if it is one of those. */
  std::vector<Stat> toc() {
    if (!is_active_) return {};
    is_active_ = false;
    watch(false);
    for (const Executor* executor : executors_) {
      for (const auto& [name, array] : executor->arg_dict()) add(name, array);
      for (const auto& [name, array] : executor->aux_dict()) add(name, array);
    }
    return std::exchange(stats_, {});
  }
  void toc_print() {
    for (const auto& [batch, name, statistic] : toc()) {
      std::cout << "Batch: " << batch << ' ' << name;
      for (float value : statistic.Values()) std::cout << ' ' << value;
      std::cout << '\n';
    }
  }

 private:
  static NDArray mean_abs(const NDArray& x) {
    return Operator("mean")(Operator("abs")(x).Invoke()).Invoke()[0];
  }
  void add(const std::string& name, const NDArray& array) {
    if (std::regex_match(name, pattern_)) stats_.emplace_back(step_, name, stat_func_(array));
  }
  void watch(bool on) {
    for (Executor* executor : executors_) {
      executor->SetMonitorCallback(
          on ? [this](const std::string& name, const NDArray& array) { add(name, array); }
             : Executor::MonitorCallback());
    }
  }

  int interval_, step_ = 0;
  std::regex pattern_;
  StatFunc stat_func_;
  std::vector<Executor*> executors_;
  bool is_active_ = false;
  std::vector<Stat> stats_;
};

}  // namespace plait::cpp
