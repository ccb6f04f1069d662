/* Initial values of parameters. Part of plait.hpp. */
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "plait/cpp/symbol.hpp"

namespace plait::cpp {

/* Base of the initializers: biases, beta and means 0, gamma and variances 1; what is left is drawn
 * by InitWeight(). */
class Initializer {
 public:
  virtual ~Initializer() = default;
  virtual void operator()(const std::string& name, NDArray* array) const {
    const auto ends = [&](const char* suffix) { return name.ends_with(suffix); };
    if (name.starts_with("upsampling")) return InitBilinear(array);
    if (ends("bias") || ends("beta") || ends("mean")) return fill(0, array);
    if (ends("gamma") || ends("var")) return fill(1, array);
    InitWeight(array);
  }

 protected:
  virtual void InitWeight(NDArray* array) const = 0;
  static void fill(double value, NDArray* array) { *array = value; }
  static void uniform(double low, double high, NDArray* array) {
    NDArray::SampleUniform(low, high, array);
  }
  static void normal(double mean, double deviation, NDArray* array) {
    NDArray::SampleGaussian(mean, deviation, array);
  }
  /* Weights that make a transposed convolution enlarge linearly. */
  static void InitBilinear(NDArray* array) {
    const Shape shape = array->GetShape();
    if (shape.size() != 4) {
      throw Error(PLAIT_ERR_SHAPE, "Bilinear: array must have four axes");
    }
    const int64_t rows = shape[2], columns = shape[3];
    const double f = std::ceil(static_cast<double>(columns) / 2);
    const double c = (2 * f - 1 - std::fmod(f, 2)) / (2 * f);
    std::vector<float> weights;
    for (int64_t i = 0; i < array->Size(); ++i) {
      const auto x = static_cast<double>(i % columns);
      const auto y = static_cast<double>(i / columns % rows);
      weights.push_back(
          static_cast<float>((1 - std::fabs(x / f - c)) * (1 - std::fabs(y / f - c))));
    }
    array->SyncCopyFromCPU(weights);
  }
};

/* The same number everywhere, whatever the name. */
class Constant : public Initializer {
 public:
  explicit Constant(double value) : value_(value) {}
  void operator()(const std::string&, NDArray* array) const override { fill(value_, array); }

 protected:
  void InitWeight(NDArray* array) const override { fill(value_, array); }

 private:
  double value_;
};

class Zero : public Constant {
 public:
  Zero() : Constant(0) {}
};

class One : public Constant {
 public:
  One() : Constant(1) {}
};

class Uniform : public Initializer {
 public:
  explicit Uniform(double scale) : Uniform(-scale, scale) {}
  Uniform(double begin, double end) : begin_(begin), end_(end) {}

 protected:
  void InitWeight(NDArray* array) const override { uniform(begin_, end_, array); }

 private:
  double begin_, end_;
};

class Normal : public Initializer {
 public:
  Normal(double mu, double sigma) : mu_(mu), sigma_(sigma) {}

 protected:
  void InitWeight(NDArray* array) const override { normal(mu_, sigma_, array); }

 private:
  double mu_, sigma_;
};

class Bilinear : public Initializer {
 public:
  void operator()(const std::string&, NDArray* array) const override { InitBilinear(array); }

 protected:
  void InitWeight(NDArray* array) const override { InitBilinear(array); }
};

/* Glorot, Bengio: Understanding the difficulty of training deep feedforward networks (2010). */
class Xavier : public Initializer {
 public:
  enum RandType { gaussian, uniform };
  enum FactorType { avg, in, out };
  explicit Xavier(RandType rand_type = gaussian, FactorType factor_type = avg, double magnitude = 3)
      : rand_type_(rand_type), factor_type_(factor_type), magnitude_(magnitude) {}

 protected:
  void InitWeight(NDArray* array) const override {
    const Shape shape = array->GetShape();
    double area = 1;
    for (size_t i = 2; i < shape.size(); ++i) area *= static_cast<double>(shape[i]);
    const double fan_in = shape.size() > 1 ? static_cast<double>(shape[1]) * area : 1;
    const double fan_out = static_cast<double>(shape[0]) * area;
    const double factor = factor_type_ == in    ? fan_in
                          : factor_type_ == out ? fan_out
                                                : (fan_in + fan_out) / 2;
    const double scale = std::sqrt(magnitude_ / factor);
    if (rand_type_ == uniform) return Initializer::uniform(-scale, scale, array);
    normal(0, scale, array);
  }

 private:
  RandType rand_type_;
  FactorType factor_type_;
  double magnitude_;
};

/* He, Zhang, Ren, Sun: Delving deep into rectifiers (2015); `slope` of the negative side. */
class MSRAPrelu : public Xavier {
 public:
  explicit MSRAPrelu(FactorType factor_type = avg, double slope = 0.25)
      : Xavier(gaussian, factor_type, 2 / (1 + slope * slope)) {}
};

}  // namespace plait::cpp
