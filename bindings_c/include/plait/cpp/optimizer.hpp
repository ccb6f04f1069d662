/* Initial values and optimizers. Part of plait.hpp. */
#pragma once

#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "plait/cpp/symbol.hpp"

namespace plait::cpp {

/* Base of the initializers: biases, beta and means 0, gamma and variances 1, weights drawn. */
class Initializer {
 public:
  virtual ~Initializer() = default;
  void operator()(const std::string& name, NDArray* array) const {
    const auto ends = [&](const char* suffix) { return name.ends_with(suffix); };
    if (ends("bias") || ends("beta") || ends("mean")) return fill("zeros_like", array);
    if (ends("gamma") || ends("var")) return fill("ones_like", array);
    draw(array);
  }

 protected:
  virtual void draw(NDArray* array) const = 0;
  static void uniform(double scale, NDArray* array) {
    Operator("random_uniform")
        .SetParam("low", -scale)
        .SetParam("high", scale)
        .SetParam("shape", array->GetShape())
        .Invoke({*array});
  }

 private:
  static void fill(const char* name, NDArray* array) {
    detail::invoke(detail::find(name), {*array}, {}, {*array});
  }
};

class Uniform : public Initializer {
 public:
  explicit Uniform(double scale) : scale_(scale) {}

 protected:
  void draw(NDArray* array) const override { uniform(scale_, array); }

 private:
  double scale_;
};

/* Glorot, Bengio: Understanding the difficulty of training deep feedforward networks (2010). */
class Xavier : public Initializer {
 public:
  explicit Xavier(double magnitude = 3) : magnitude_(magnitude) {}

 protected:
  void draw(NDArray* array) const override {
    const Shape shape = array->GetShape();
    double area = 1;
    for (size_t i = 2; i < shape.size(); ++i) area *= static_cast<double>(shape[i]);
    const double in = shape.size() > 1 ? static_cast<double>(shape[1]) * area : 1;
    const double out = static_cast<double>(shape[0]) * area;
    uniform(std::sqrt(2 * magnitude_ / (in + out)), array);
  }

 private:
  double magnitude_;
};

/* Changes weights by gradients; the state of each weight is kept by its index. */
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer* SetParam(const std::string& name, double value) {
    const auto it = params_.find(name);
    if (it == params_.end()) {
      throw Error(PLAIT_ERR_KEY, "optimizer: parameter is '" + name + "', must be a known name");
    }
    it->second = value;
    return this;
  }
  virtual void Update(int index, const NDArray& weight, const NDArray& grad) = 0;

 protected:
  explicit Optimizer(std::map<std::string, double> params) : params_(std::move(params)) {
    params_.insert({{"lr", 0.01}, {"wd", 0}, {"rescale_grad", 1}, {"clip_gradient", -1}});
  }
  double param(const char* name) const { return params_.at(name); }
  /* The operator of a step with the parameters that all have. */
  Operator step(const char* name, double lr) const {
    Operator op(name);
    op.SetParam("lr", lr).SetParam("wd", param("wd"));
    op.SetParam("rescale_grad", param("rescale_grad"));
    op.SetParam("clip_gradient", param("clip_gradient"));
    return op;
  }
  static NDArray zeros_like(const NDArray& x) {
    return detail::invoke(detail::find("zeros_like"), {x}, {})[0];
  }

 private:
  std::map<std::string, double> params_;
};

class SGDOptimizer : public Optimizer {
 public:
  SGDOptimizer() : Optimizer({{"momentum", 0}}) {}
  void Update(int index, const NDArray& weight, const NDArray& grad) override {
    if (param("momentum") == 0) {
      step("sgd_update", param("lr"))(weight)(grad).Invoke({weight});
      return;
    }
    NDArray& momentum = momenta_[index];
    if (!momentum) momentum = zeros_like(weight);
    step("sgd_mom_update", param("lr"))
        .SetParam("momentum", param("momentum"))(weight)(grad)(momentum)
        .Invoke({weight});
  }

 private:
  std::map<int, NDArray> momenta_;
};

/* Kingma, Ba: Adam (2015). */
class AdamOptimizer : public Optimizer {
 public:
  AdamOptimizer()
      : Optimizer({{"lr", 0.001}, {"beta1", 0.9}, {"beta2", 0.999}, {"epsilon", 1e-8}}) {}
  void Update(int index, const NDArray& weight, const NDArray& grad) override {
    State& state = states_[index];
    if (!state.mean) state.mean = zeros_like(weight), state.var = zeros_like(weight);
    ++state.steps;
    const double correction = std::sqrt(1 - std::pow(param("beta2"), state.steps)) /
                              (1 - std::pow(param("beta1"), state.steps));
    step("adam_update", param("lr") * correction)
        .SetParam("beta1", param("beta1"))
        .SetParam("beta2", param("beta2"))
        .SetParam("epsilon", param("epsilon"))(weight)(grad)(state.mean)(state.var)
        .Invoke({weight});
  }

 private:
  struct State {
    NDArray mean, var;
    int steps = 0;
  };
  std::map<int, State> states_;
};

struct OptimizerRegistry {
  static std::unique_ptr<Optimizer> Find(const std::string& name) {
    if (name == "sgd") return std::make_unique<SGDOptimizer>();
    if (name == "adam") return std::make_unique<AdamOptimizer>();
    throw Error(PLAIT_ERR_KEY, "optimizer: name is '" + name + "', must be 'sgd' or 'adam'");
  }
};

}  // namespace plait::cpp
