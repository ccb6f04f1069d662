#include "graph/predictor.h"

#include <algorithm>
#include <limits>
#include <map>

#include "engine/engine.h"
#include "op/invoke.h"

namespace plait::graph {
namespace {

// Operators behave as in prediction, nothing is recorded, and the calling thread does the work
// while it lives.
class PredictScope {
 public:
  PredictScope()
      : recording_(autograd::set_recording(false)),
        training_(autograd::set_training(false)),
        limit_ns_(engine::set_caller_limit_ns(std::numeric_limits<int64_t>::max())) {}
  ~PredictScope() {
    autograd::set_recording(recording_);
    autograd::set_training(training_);
    engine::set_caller_limit_ns(limit_ns_);
  }

 private:
  bool recording_, training_;
  int64_t limit_ns_;
};

std::string plain_name(const std::string& name) {
  return name.starts_with("arg:") || name.starts_with("aux:") ? name.substr(4) : name;
}

ArrayRef zeros(const Dims& shape, DType dtype) {
  const op::Op& op = op::Op::get("zeros");
  const std::pair<int, op::AttrValue> attrs[] = {
      {op.field_index("shape"), shape}, {op.field_index("dtype"), std::string(dtype_name(dtype))}};
  Arrays out;
  op::invoke(op, op.make_attrs(attrs), {}, out);
  return out[0];
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& n : names) text += (text.empty() ? "" : ", ") + n;
  return text;
}

}  // namespace

Predictor::Predictor(Symbol symbol, const std::vector<std::string>& names,
                     const std::vector<ArrayRef>& arrays)
    : network_(make_ref<Network>()) {
  check(names.size() == arrays.size(), ErrorKind::kInvalidArgument,
        "predictor: weights have no names, must have them");
  std::map<std::string, ArrayRef> by_name;
  for (size_t i = 0; i < names.size(); ++i) by_name[plain_name(names[i])] = arrays[i];
  network_->names = symbol.list_inputs();
  network_->outputs = symbol.list_outputs();
  network_->graph = make_ref<CachedGraph>(std::move(symbol));
  for (const std::string& name : network_->names) {
    const auto it = by_name.find(name);
    network_->weights.push_back(it == by_name.end() ? ArrayRef() : it->second);
    if (it == by_name.end()) network_->inputs.push_back(name);
  }
  given_.resize(network_->names.size());
}

void Predictor::set_input(std::string_view name, ArrayRef array) {
  const auto& names = network_->names;
  const auto at = static_cast<size_t>(std::find(names.begin(), names.end(), name) - names.begin());
  check(at < names.size() && !network_->weights[at], ErrorKind::kKey, "predictor: input is '", name,
        "', must be one of: ", joined(network_->inputs));
  given_[at] = std::move(array);
}

void Predictor::run() {
  PredictScope scope;
  const Arrays in = complete();
  results_ = network_->graph->call({in.data(), in.size()});
}

ArrayRef Predictor::output(size_t index) const {
  check(!results_.empty(), ErrorKind::kInvalidArgument,
        "predictor: there is no output, must run before");
  check(index < results_.size(), ErrorKind::kIndex, "predictor: output is ", index,
        ", must be in [0, ", results_.size() - 1, "]");
  return results_[index];
}

Arrays Predictor::complete() const {
  Arrays in;
  for (size_t i = 0; i < given_.size(); ++i) {
    in.push_back(network_->weights[i] ? network_->weights[i] : given_[i]);
  }
  for (size_t i = 0; i < in.size(); ++i) {
    if (!in[i]) in[i] = zeros_for(i, in);
  }
  return in;
}

ArrayRef Predictor::zeros_for(size_t missing, const Arrays& known) const {
  std::vector<std::string> names;
  std::vector<std::optional<Dims>> shapes;
  std::vector<std::optional<DType>> dtypes;
  for (size_t i = 0; i < known.size(); ++i) {
    if (!known[i]) continue;
    names.push_back(network_->names[i]);
    shapes.emplace_back(known[i]->shape());
    dtypes.emplace_back(known[i]->dtype());
  }
  const Symbol& symbol = network_->graph->symbol();
  const Inferred found = symbol.infer(names, shapes, dtypes);
  const auto arguments = symbol.list_arguments();
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] != network_->names[missing] || !found.arg_shapes[i]) continue;
    return zeros(*found.arg_shapes[i], found.arg_dtypes[i].value_or(DType::kFloat32));
  }
  fail(ErrorKind::kInvalidArgument, "predictor: input '", network_->names[missing],
       "' is not set, must be set before it runs");
}

}  // namespace plait::graph
