/* Symbols bound to arrays. Part of plait.hpp. */
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "plait/cpp/symbol.hpp"

namespace plait::cpp {

/* A symbol bound to arrays. */
class Executor {
 public:
  Executor(const Symbol& symbol, const std::map<std::string, NDArray>& arrays,
           plait_grad_req_t request)
      : symbol_(symbol), output_count_(plait_symbol_num_outputs(symbol.handle())) {
    plait_graph_t graph = nullptr;
    Check(plait_graph_new(symbol.handle(), &graph));
    graph_.reset(graph);
    for (const std::string& name : symbol.ListInputs()) {
      const auto it = arrays.find(name);
      if (it == arrays.end()) {
        throw Error(PLAIT_ERR_INVALID_ARGUMENT, "executor: no array for " + name);
      }
      inputs_.push_back(it->second);
    }
    for (const std::string& name : symbol.ListArguments()) {
      arg_arrays.push_back(arrays.at(name));
      if (request != PLAIT_GRAD_NULL) arg_arrays.back().AttachGrad(request);
      grad_arrays.push_back(arg_arrays.back().Grad());
    }
    for (const std::string& name : symbol.ListAuxiliaryStates()) {
      aux_arrays.push_back(arrays.at(name));
    }
  }

  std::vector<NDArray> arg_arrays, grad_arrays, aux_arrays, outputs;

  /* Computes `outputs`; is_train: as in training, and Backward() is possible. */
  void Forward(bool is_train) {
    std::vector<plait_array_t> in, out(static_cast<size_t>(output_count_));
    for (const NDArray& x : inputs_) in.push_back(x.handle());
    int32_t n = 0;
    const int32_t recording = plait_autograd_set_recording(is_train);
    const int32_t training = plait_autograd_set_training(is_train);
    const plait_status_t status = plait_graph_call(
        graph_.get(), in.data(), static_cast<int32_t>(in.size()), out.data(), output_count_, &n);
    plait_autograd_set_recording(recording);
    plait_autograd_set_training(training);
    Check(status);
    outputs.clear();
    for (plait_array_t x : out) outputs.emplace_back(x);
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
  static std::map<std::string, NDArray> by_name(const std::vector<std::string>& names,
                                                const std::vector<NDArray>& arrays) {
    std::map<std::string, NDArray> all;
    for (size_t i = 0; i < names.size(); ++i) all.emplace(names[i], arrays[i]);
    return all;
  }
  Symbol symbol_;
  int32_t output_count_;
  detail::Owner<plait_graph_t, plait_graph_free> graph_;
  std::vector<NDArray> inputs_;
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

}  // namespace plait::cpp
