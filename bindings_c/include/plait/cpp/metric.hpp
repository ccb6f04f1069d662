/* Measures of quality. Part of plait.hpp. */
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "plait/cpp/ndarray.hpp"

namespace plait::cpp {

/* A mean over batches: Update() adds one, Get() gives the mean since Reset(). */
class EvalMetric {
 public:
  explicit EvalMetric(std::string name) : name_(std::move(name)) {}
  virtual ~EvalMetric() = default;
  virtual void Update(NDArray labels, NDArray preds) = 0;
  void Reset() { sum_metric = 0, num_inst = 0; }
  double Get() const {
    return num_inst ? sum_metric / static_cast<double>(num_inst)
                    : std::numeric_limits<double>::quiet_NaN();
  }
  std::pair<std::string, double> GetNameValue() const { return {name_, Get()}; }

 protected:
  double sum_metric = 0;
  int64_t num_inst = 0;

  static void require_equal(const char* metric, int64_t labels, int64_t preds) {
    if (labels == preds) return;
    throw Error(PLAIT_ERR_SHAPE, std::string(metric) + ": labels have " + std::to_string(labels) +
                                     " elements, must have " + std::to_string(preds));
  }
  void add(double sum, int64_t count) { sum_metric += sum, num_inst += count; }

 private:
  std::string name_;
};

/* Share of the samples whose class has the highest of the scores (samples, classes). */
class Accuracy : public EvalMetric {
 public:
  Accuracy() : EvalMetric("accuracy") {}
  void Update(NDArray labels, NDArray preds) override {
    const std::vector<float> truth = labels.Values(), scores = preds.Values();
    const Shape shape = preds.GetShape();
    const bool classes = shape.size() > 1; /* else `preds` are the classes themselves */
    const auto width = classes ? static_cast<size_t>(preds.Size() / shape[0]) : 1;
    require_equal("accuracy", labels.Size(), static_cast<int64_t>(scores.size() / width));
    int64_t right = 0;
    for (size_t i = 0; i < truth.size(); ++i) {
      const auto row = scores.begin() + static_cast<std::ptrdiff_t>(i * width);
      const auto best = std::max_element(row, row + static_cast<std::ptrdiff_t>(width)) - row;
      right += truth[i] == (classes ? static_cast<float>(best) : *row);
    }
    add(static_cast<double>(right), labels.Size());
  }
};

/* Mean of -log of the probability (samples, classes) that the right class got. */
class LogLoss : public EvalMetric {
 public:
  LogLoss() : EvalMetric("logloss") {}
  void Update(NDArray labels, NDArray preds) override {
    const std::vector<float> truth = labels.Values(), probability = preds.Values();
    const auto width = static_cast<size_t>(preds.Size() / std::max<int64_t>(labels.Size(), 1));
    require_equal("logloss", labels.Size() * static_cast<int64_t>(width), preds.Size());
    double sum = 0;
    for (size_t i = 0; i < truth.size(); ++i) {
      if (!(truth[i] >= 0 && truth[i] < static_cast<float>(width))) {
        throw Error(PLAIT_ERR_INDEX, "logloss: label is " + std::to_string(truth[i]) +
                                         ", must be less than " + std::to_string(width));
      }
      const float p = probability[i * width + static_cast<size_t>(truth[i])];
      sum -= std::log(std::max(p, 1e-15f));
    }
    add(sum, labels.Size());
  }
};

/* Means over batches of a function of all elements of `labels` and `preds`. */
class DifferenceMetric : public EvalMetric {
 public:
  using EvalMetric::EvalMetric;
  void Update(NDArray labels, NDArray preds) override {
    require_equal(GetNameValue().first.c_str(), labels.Size(), preds.Size());
    const std::vector<float> a = labels.Values(), b = preds.Values();
    double total = 0;
    for (size_t i = 0; i < a.size(); ++i) {
      total += of_difference(static_cast<double>(b[i]) - static_cast<double>(a[i]));
    }
    add(of_mean(total / static_cast<double>(std::max<size_t>(a.size(), 1))), 1);
  }

 protected:
  virtual double of_difference(double x) const { return x * x; }
  virtual double of_mean(double mean) const { return mean; }
};

class MAE : public DifferenceMetric {
 public:
  MAE() : DifferenceMetric("mae") {}

 protected:
  double of_difference(double x) const override { return std::fabs(x); }
};

class MSE : public DifferenceMetric {
 public:
  MSE() : DifferenceMetric("mse") {}
};

class RMSE : public DifferenceMetric {
 public:
  RMSE() : DifferenceMetric("rmse") {}

 protected:
  double of_mean(double mean) const override { return std::sqrt(mean); }
};

/* Ratio of the square of the largest value, 255, to the mean square error, in decibel. */
class PSNR : public DifferenceMetric {
 public:
  PSNR() : DifferenceMetric("psnr") {}

 protected:
  double of_mean(double mean) const override {
    return mean > 0 ? 10 * std::log10(255 * 255 / mean) : 99;
  }
};

}  // namespace plait::cpp
