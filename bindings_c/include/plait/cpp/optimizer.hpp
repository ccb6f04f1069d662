/* Optimizers. Part of plait.hpp. */
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "plait/cpp/lr_scheduler.hpp"
#include "plait/cpp/symbol.hpp"

namespace plait::cpp {

/* Changes weights by gradients; the state of each weight is kept by its index. */
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  virtual std::string GetType() const = 0;
  /* A number, or text that is one. */
  template <class T>
  Optimizer* SetParam(const std::string& name, const T& value) {
    const auto it = params_.find(name);
    if (it == params_.end()) {
      std::string known;
      for (const auto& [key, _] : params_) known += (known.empty() ? "" : ", ") + key;
      throw Error(PLAIT_ERR_KEY, "optimizer: parameter is '" + name + "', must be one of " + known);
    }
    if constexpr (std::is_arithmetic_v<T>) {
      it->second = static_cast<double>(value);
    } else {
      const std::string text = value;
      char* end = nullptr;
      it->second = std::strtod(text.c_str(), &end);
      if (end == text.c_str() || *end) {
        throw Error(PLAIT_ERR_INVALID_ARGUMENT,
                    "optimizer: " + name + " is '" + text + "', must be a number");
      }
    }
    return this;
  }
  /* The scheduler starts from the rate that was set. */
  Optimizer* SetLRScheduler(std::unique_ptr<LRScheduler> scheduler) {
    scheduler_ = std::move(scheduler);
    if (scheduler_) scheduler_->SetLR(param("lr"));
    return this;
  }
  void Update(int index, NDArray weight, NDArray grad) {
    const int64_t step = ++counts_[index];
    num_update_ = std::max(num_update_, step);
    const double lr = scheduler_ ? scheduler_->GetLR(num_update_) : param("lr");
    Step(index, weight, grad, lr, step);
  }
  /* The parameters as lines "name=value". */
  std::string Serialize() const {
    std::string text = "opt_type=" + GetType();
    for (const auto& [key, value] : params_) text += "\n" + key + "=" + std::to_string(value);
    return text;
  }

 protected:
  explicit Optimizer(std::map<std::string, double> params) : params_(std::move(params)) {
    params_.insert({{"lr", 0.01}, {"wd", 0}, {"rescale_grad", 1}, {"clip_gradient", -1}});
  }
  /* One step of one weight; `step` counts its steps from 1. */
  virtual void Step(int index, const NDArray& weight, const NDArray& grad, double lr,
                    int64_t step) = 0;

  double param(const char* name) const { return params_.at(name); }
  /* The operator of a step with the parameters that all have. */
  Operator update(const char* name, double lr) const {
    Operator op(name);
    op.SetParam("lr", lr).SetParam("wd", param("wd"));
    op.SetParam("rescale_grad", param("rescale_grad"));
    op.SetParam("clip_gradient", param("clip_gradient"));
    return op;
  }
  /* The gradient after rescaling and clipping. */
  NDArray prepared(const NDArray& grad) const {
    const NDArray scaled = grad * param("rescale_grad");
    const double limit = param("clip_gradient");
    if (limit <= 0) return scaled;
    return Operator("clip").SetParam("a_min", -limit).SetParam("a_max", limit)(scaled).Invoke()[0];
  }
  static NDArray sqrt(const NDArray& x) { return detail::invoke(detail::find("sqrt"), {x}, {})[0]; }
  /* The state `name` of a weight, zeros at first. */
  NDArray& state(const char* name, int index, const NDArray& weight) {
    NDArray& array = states_[{name, index}];
    if (!array) array = detail::invoke(detail::find("zeros_like"), {weight}, {})[0];
    return array;
  }

 private:
  std::map<std::string, double> params_;
  std::map<std::pair<std::string, int>, NDArray> states_;
  std::map<int, int64_t> counts_;
  int64_t num_update_ = 0;
  std::unique_ptr<LRScheduler> scheduler_;
};

class SGDOptimizer : public Optimizer {
 public:
  SGDOptimizer() : Optimizer({{"momentum", 0}}) {}
  std::string GetType() const override { return "sgd"; }

 protected:
  void Step(int index, const NDArray& weight, const NDArray& grad, double lr, int64_t) override {
    if (param("momentum") == 0) {
      update("sgd_update", lr)(weight)(grad).Invoke({weight});
      return;
    }
    update("sgd_mom_update", lr)
        .SetParam("momentum", param("momentum"))(weight)(grad)(state("momentum", index, weight))
        .Invoke({weight});
  }
};

/* Bernstein, Wang, Azizzadenesheli, Anandkumar: signSGD (2018). */
class SignumOptimizer : public Optimizer {
 public:
  SignumOptimizer() : Optimizer({{"momentum", 0.9}, {"wd_lh", 0}}) {}
  std::string GetType() const override { return "signum"; }

 protected:
  void Step(int index, const NDArray& weight, const NDArray& grad, double lr, int64_t) override {
    if (param("momentum") == 0) {
      update("signsgd_update", lr)(weight)(grad).Invoke({weight});
      return;
    }
    update("signum_update", lr)
        .SetParam("wd_lh", param("wd_lh"))
        .SetParam("momentum", param("momentum"))(weight)(grad)(state("momentum", index, weight))
        .Invoke({weight});
  }
};

/* Graves: Generating sequences with recurrent neural networks (2013), equations 38 to 45. */
class RMSPropOptimizer : public Optimizer {
 public:
  RMSPropOptimizer()
      : Optimizer({{"lr", 0.001}, {"gamma1", 0.9}, {"gamma2", 0.9}, {"epsilon", 1e-8}}) {}
  std::string GetType() const override { return "rmsprop"; }

 protected:
  void Step(int index, const NDArray& weight, const NDArray& grad, double lr, int64_t) override {
    const NDArray n = state("n", index, weight), g = state("g", index, weight);
    const NDArray delta = state("delta", index, weight);
    update("rmspropalex_update", lr)
        .SetParam("gamma1", param("gamma1"))
        .SetParam("gamma2", param("gamma2"))
        .SetParam("epsilon", param("epsilon"))(weight)(grad)(n)(g)(delta)
        .Invoke({weight});
  }
};

/* Kingma, Ba: Adam (2015). */
class AdamOptimizer : public Optimizer {
 public:
  AdamOptimizer()
      : Optimizer({{"lr", 0.001}, {"beta1", 0.9}, {"beta2", 0.999}, {"epsilon", 1e-8}}) {}
  std::string GetType() const override { return "adam"; }

 protected:
  void Step(int index, const NDArray& weight, const NDArray& grad, double lr,
            int64_t step) override {
    const auto t = static_cast<double>(step);
    const double correction =
        std::sqrt(1 - std::pow(param("beta2"), t)) / (1 - std::pow(param("beta1"), t));
    const NDArray mean = state("mean", index, weight), var = state("var", index, weight);
    update("adam_update", lr * correction)
        .SetParam("beta1", param("beta1"))
        .SetParam("beta2", param("beta2"))
        .SetParam("epsilon", param("epsilon"))(weight)(grad)(mean)(var)
        .Invoke({weight});
  }
};

/* Duchi, Hazan, Singer: Adaptive subgradient methods, JMLR 12 (2011). */
class AdaGradOptimizer : public Optimizer {
 public:
  AdaGradOptimizer() : Optimizer({{"eps", 1e-7}}) {}
  std::string GetType() const override { return "adagrad"; }

 protected:
  void Step(int index, const NDArray& weight, const NDArray& grad, double lr, int64_t) override {
    const NDArray g = prepared(grad);
    NDArray history = state("history", index, weight), w = weight;
    history += g * g;
    w -= (g / sqrt(history + param("eps")) + weight * param("wd")) * lr;
  }
};

/* Zeiler: ADADELTA (2012). It has no learning rate. */
class AdaDeltaOptimizer : public Optimizer {
 public:
  AdaDeltaOptimizer() : Optimizer({{"rho", 0.9}, {"epsilon", 1e-5}}) {}
  std::string GetType() const override { return "adadelta"; }

 protected:
  void Step(int index, const NDArray& weight, const NDArray& grad, double, int64_t) override {
    const double rho = param("rho"), epsilon = param("epsilon");
    const NDArray g = prepared(grad);
    NDArray mean = state("mean", index, weight), change = state("change", index, weight);
    NDArray w = weight;
    mean *= rho;
    mean += g * g * (1 - rho);
    const NDArray delta = sqrt(change + epsilon) / sqrt(mean + epsilon) * g;
    change *= rho;
    change += delta * delta * (1 - rho);
    w -= delta + weight * param("wd");
  }
};

/* Optimizers by name. */
struct OptimizerRegistry {
  static std::unique_ptr<Optimizer> Find(const std::string& name) {
    if (name == "sgd" || name == "ccsgd") return std::make_unique<SGDOptimizer>();
    if (name == "signum") return std::make_unique<SignumOptimizer>();
    if (name == "rmsprop") return std::make_unique<RMSPropOptimizer>();
    if (name == "adam") return std::make_unique<AdamOptimizer>();
    if (name == "adagrad") return std::make_unique<AdaGradOptimizer>();
    if (name == "adadelta") return std::make_unique<AdaDeltaOptimizer>();
    throw Error(PLAIT_ERR_KEY, "optimizer: name is '" + name +
                                   "', must be one of sgd, ccsgd, signum, rmsprop, adam, adagrad, "
                                   "adadelta");
  }
};

}  // namespace plait::cpp
