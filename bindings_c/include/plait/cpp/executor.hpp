/* Symbols bound to arrays. Part of plait.hpp. */
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "plait/cpp/symbol.hpp"

namespace plait::cpp {

/* A symbol bound to arrays. */
class Executor {
 public:
  Executor(const Symbol& symbol, const std::map<std::string, NDArray>& arrays,
           plait_grad_req_t request)
      : Executor(symbol, arrays) {
    for (const NDArray& x : arg_arrays) {
      if (request != PLAIT_GRAD_NULL) x.AttachGrad(request);
      grad_arrays.push_back(x.Grad());
    }
  }
  /* Arrays in the order of ListArguments() and ListAuxiliaryStates(). */
  Executor(const Symbol& symbol, const std::vector<NDArray>& args,
           const std::vector<NDArray>& grads, const std::vector<OpReqType>& requests,
           const std::vector<NDArray>& aux)
      : Executor(symbol, both(by_name(symbol.ListArguments(), args),
                              by_name(symbol.ListAuxiliaryStates(), aux))) {
    if (grads.size() != args.size() || requests.size() != args.size()) {
      throw Error(PLAIT_ERR_INVALID_ARGUMENT,
                  "executor: got " + std::to_string(grads.size()) + " gradients and " +
                      std::to_string(requests.size()) + " requests, must be " +
                      std::to_string(args.size()) + " of each");
    }
    for (size_t i = 0; i < args.size(); ++i) {
      args[i].AttachGrad(grads[i], requests[i]);
      grad_arrays.push_back(requests[i] == kNullOp ? NDArray() : grads[i]);
    }
  }

  std::vector<NDArray> arg_arrays, grad_arrays, aux_arrays, outputs;

  /* Called by Forward() with the name and the value of each output inside the symbol. An empty
   * function ends that. */
  using MonitorCallback = std::function<void(const std::string&, const NDArray&)>;
  void SetMonitorCallback(MonitorCallback callback) {
    monitor_ = std::move(callback);
    if (monitor_ && !inside_) {
      const Symbol internals = symbol_.GetInternals();
      inside_ = std::make_unique<Graph>(Symbol::Group({symbol_, internals}), arrays_);
      inside_names_ = internals.ListOutputs();
    }
  }

  /* Computes `outputs`; is_train: as in training, and Backward() is possible. */
  void Forward(bool is_train) {
    std::vector<NDArray> all = (monitor_ ? *inside_ : graph_).call(is_train);
    const auto count = symbol_.GetNumOutputs();
    for (size_t i = count; i < all.size(); ++i) {
      const std::string& name = inside_names_[i - count];
      if (!arrays_.count(name)) monitor_(name, all[i]);
    }
    all.resize(count);
    outputs = std::move(all);
  }
  /* Fills `grad_arrays` from gradients of the outputs; ones if there are none. */
  void Backward(const std::vector<NDArray>& head_grads = {}) const {
    std::vector<plait_array_t> heads, grads;
    for (const NDArray& x : outputs) heads.push_back(x.handle());
    for (const NDArray& x : head_grads) grads.push_back(x.handle());
    if (!grads.empty()) grads.resize(heads.size());
    Check(plait_autograd_backward(heads.data(), grads.empty() ? nullptr : grads.data(),
                                  static_cast<int32_t>(heads.size()), nullptr, 0,
                                  PLAIT_BACKWARD_TRAIN | PLAIT_BACKWARD_RETAIN, nullptr));
  }

  std::map<std::string, NDArray> arg_dict() const {
    return by_name(symbol_.ListArguments(), arg_arrays);
  }
  std::map<std::string, NDArray> grad_dict() const {
    return by_name(symbol_.ListArguments(), grad_arrays);
  }
  std::map<std::string, NDArray> aux_dict() const {
    return by_name(symbol_.ListAuxiliaryStates(), aux_arrays);
  }

 private:
  using Arrays = std::map<std::string, NDArray>;

  /* A symbol made ready to run on arrays. */
  struct Graph {
    Graph(const Symbol& symbol, const Arrays& arrays)
        : output_count(plait_symbol_num_outputs(symbol.handle())) {
      plait_graph_t graph = nullptr;
      Check(plait_graph_new(symbol.handle(), &graph));
      handle.reset(graph);
      for (const std::string& name : symbol.ListInputs()) {
        const auto it = arrays.find(name);
        if (it == arrays.end()) {
          throw Error(PLAIT_ERR_INVALID_ARGUMENT, "executor: no array for " + name);
        }
        inputs.push_back(it->second);
      }
    }
    std::vector<NDArray> call(bool is_train) const {
      std::vector<plait_array_t> in, out(static_cast<size_t>(output_count));
      for (const NDArray& x : inputs) in.push_back(x.handle());
      int32_t n = 0;
      const int32_t recording = plait_autograd_set_recording(is_train);
      const int32_t training = plait_autograd_set_training(is_train);
      const plait_status_t status = plait_graph_call(
          handle.get(), in.data(), static_cast<int32_t>(in.size()), out.data(), output_count, &n);
      plait_autograd_set_recording(recording);
      plait_autograd_set_training(training);
      Check(status);
      std::vector<NDArray> results;
      for (plait_array_t x : out) results.emplace_back(x);
      return results;
    }
    int32_t output_count;
    detail::Owner<plait_graph_t, plait_graph_free> handle;
    std::vector<NDArray> inputs;
  };

  Executor(const Symbol& symbol, const Arrays& arrays)
      : symbol_(symbol), arrays_(arrays), graph_(symbol, arrays) {
    for (const std::string& name : symbol.ListArguments()) arg_arrays.push_back(arrays.at(name));
    for (const std::string& name : symbol.ListAuxiliaryStates()) {
      aux_arrays.push_back(arrays.at(name));
    }
  }
  static Arrays by_name(const std::vector<std::string>& names, const std::vector<NDArray>& arrays) {
    if (arrays.size() != names.size()) {
      throw Error(PLAIT_ERR_INVALID_ARGUMENT, "executor: got " + std::to_string(arrays.size()) +
                                                  " arrays, must be " +
                                                  std::to_string(names.size()));
    }
    Arrays all;
    for (size_t i = 0; i < names.size(); ++i) all.emplace(names[i], arrays[i]);
    return all;
  }
  static Arrays both(Arrays a, const Arrays& b) {
    a.insert(b.begin(), b.end());
    return a;
  }

  Symbol symbol_;
  Arrays arrays_;
  Graph graph_;
  MonitorCallback monitor_;
  std::unique_ptr<Graph> inside_; /* with the outputs, then all inside; made for the monitor */
  std::vector<std::string> inside_names_;
};

namespace detail {

inline NDArray zeros(const Shape& shape, Context ctx) {
  const NDArray array(shape, ctx);
  return invoke(find("zeros_like"), {array}, {}, {array})[0];
}

}  // namespace detail

inline void Symbol::InferArgsMap(Context ctx, std::map<std::string, NDArray>* args,
                                 const std::map<std::string, NDArray>& known) const {
  std::map<std::string, Shape> shapes;
  for (const auto& [name, array] : known) shapes.emplace(name, array.GetShape());
  const auto all = InferShapes(shapes);
  for (const std::string& name : ListArguments()) {
    if (!args->count(name)) args->emplace(name, detail::zeros(all.at(name), ctx));
  }
}

inline std::unique_ptr<Executor> Symbol::SimpleBind(Context ctx,
                                                    const std::map<std::string, NDArray>& args,
                                                    plait_grad_req_t request) const {
  std::map<std::string, NDArray> arrays = args;
  InferArgsMap(ctx, &arrays, args);
  std::map<std::string, Shape> shapes;
  for (const std::string& name : ListArguments()) shapes.emplace(name, arrays.at(name).GetShape());
  const auto all = InferShapes(shapes);
  for (const std::string& name : ListAuxiliaryStates()) {
    if (!arrays.count(name)) arrays.emplace(name, detail::zeros(all.at(name), ctx));
  }
  return std::make_unique<Executor>(*this, arrays, request);
}

inline void Symbol::InferExecutorArrays(Context ctx, std::vector<NDArray>* arg_arrays,
                                        std::vector<NDArray>* grad_arrays,
                                        std::vector<OpReqType>* grad_reqs,
                                        std::vector<NDArray>* aux_arrays,
                                        const std::map<std::string, NDArray>& args,
                                        const std::map<std::string, NDArray>& grads,
                                        const std::map<std::string, OpReqType>& requests,
                                        const std::map<std::string, NDArray>& aux) const {
  std::map<std::string, Shape> known;
  for (const auto& [name, array] : args) known.emplace(name, array.GetShape());
  const auto shapes = InferShapes(known);
  const auto pick = [&](const std::map<std::string, NDArray>& given, const std::string& name) {
    const auto it = given.find(name);
    return it == given.end() ? detail::zeros(shapes.at(name), ctx) : it->second;
  };
  for (const std::string& name : ListArguments()) {
    const auto request = requests.find(name);
    grad_reqs->push_back(request == requests.end() ? kWriteTo : request->second);
    arg_arrays->push_back(pick(args, name));
    grad_arrays->push_back(grad_reqs->back() == kNullOp ? NDArray() : pick(grads, name));
  }
  for (const std::string& name : ListAuxiliaryStates()) aux_arrays->push_back(pick(aux, name));
}

inline std::unique_ptr<Executor> Symbol::Bind(Context, const std::vector<NDArray>& arg_arrays,
                                              const std::vector<NDArray>& grad_arrays,
                                              const std::vector<OpReqType>& grad_reqs,
                                              const std::vector<NDArray>& aux_arrays) const {
  return std::make_unique<Executor>(*this, arg_arrays, grad_arrays, grad_reqs, aux_arrays);
}

inline std::unique_ptr<Executor> Symbol::SimpleBind(
    Context ctx, const std::map<std::string, NDArray>& args,
    const std::map<std::string, NDArray>& grads, const std::map<std::string, OpReqType>& requests,
    const std::map<std::string, NDArray>& aux) const {
  std::vector<NDArray> arg_arrays, grad_arrays, aux_arrays;
  std::vector<OpReqType> grad_reqs;
  InferExecutorArrays(ctx, &arg_arrays, &grad_arrays, &grad_reqs, &aux_arrays, args, grads,
                      requests, aux);
  return Bind(ctx, arg_arrays, grad_arrays, grad_reqs, aux_arrays);
}

}  // namespace plait::cpp
