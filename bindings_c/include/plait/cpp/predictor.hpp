/* Exported networks. Part of plait.hpp. */
#pragma once

#include <string>

#include "plait/cpp/ndarray.hpp"

namespace plait::cpp {

/* An exported network, ready to run. A copy shares the weights and is for another thread. */
class Predictor {
 public:
  Predictor(const std::string& symbol_file, const std::string& params_file) {
    plait_predictor_t out = nullptr;
    Check(plait_predictor_load(symbol_file.c_str(), params_file.c_str(), &out));
    handle_.reset(out);
  }
  Predictor(const Predictor& other) {
    plait_predictor_t out = nullptr;
    Check(plait_predictor_clone(other.handle_.get(), &out));
    handle_.reset(out);
  }
  Predictor& operator=(const Predictor&) = delete;

  void SetInput(const std::string& name, const NDArray& array) {
    Check(plait_predictor_set_input(handle_.get(), name.c_str(), array.handle()));
  }
  void Forward() { Check(plait_predictor_run(handle_.get())); }
  NDArray GetOutput(int32_t index) const {
    plait_array_t out = nullptr;
    Check(plait_predictor_output(handle_.get(), index, &out));
    return NDArray(out);
  }

 private:
  detail::Owner<plait_predictor_t, plait_predictor_free> handle_;
};

}  // namespace plait::cpp
