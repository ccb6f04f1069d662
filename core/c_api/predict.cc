#include "autograd/tape.h"
#include "c_api/common.h"
#include "data/archive.h"
#include "graph/predictor.h"
#include "op/sparse.h"

using namespace plait;
using namespace plait::c_api;

struct plait_predictor_s {
  static constexpr char kKind[] = "predictor";
  graph::Predictor predictor;
};

namespace {

graph::Predictor& predictor_of(plait_predictor_t handle) {
  require(handle, "predictor");
  return handle->predictor;
}

plait_predictor_t made(std::string_view symbol, const data::Archive& weights) {
  autograd::EagerTracer tracer(false);
  op::TracerScope scope(tracer);
  std::vector<ArrayRef> arrays;
  for (const data::Stored& w : weights.arrays) {
    arrays.push_back(w.sparse ? op::dense_of(*w.sparse) : w.dense);
  }
  return new_object<plait_predictor_s>(
      graph::Predictor(graph::Symbol::from_json(symbol), weights.names, arrays));
}

const char* name_at(const std::vector<std::string>& names, int32_t index) {
  const bool inside = index >= 0 && index < static_cast<int32_t>(names.size());
  return inside ? names[static_cast<size_t>(index)].c_str() : nullptr;
}

}  // namespace

plait_status_t plait_predictor_load(const char* symbol_path, const char* params_path,
                                    plait_predictor_t* out) {
  return guarded([&] {
    require(symbol_path, "symbol_path");
    require(params_path, "params_path");
    require(out, "out");
    const std::string symbol = data::read_file(symbol_path);
    *out = made(symbol, data::read_archive(data::read_file(params_path), params_path));
  });
}

plait_status_t plait_predictor_load_buffer(const char* symbol, int64_t symbol_bytes,
                                           const void* params, int64_t params_bytes,
                                           plait_predictor_t* out) {
  return guarded([&] {
    require(symbol, "symbol");
    require(params, "params");
    require(out, "out");
    check(symbol_bytes >= 0 && params_bytes >= 0, ErrorKind::kInvalidArgument,
          "predictor: numbers of bytes are ", symbol_bytes, " and ", params_bytes,
          ", must be >= 0");
    const std::string_view bytes(static_cast<const char*>(params),
                                 static_cast<size_t>(params_bytes));
    *out = made({symbol, static_cast<size_t>(symbol_bytes)}, data::read_archive(bytes, "params"));
  });
}

plait_status_t plait_predictor_clone(plait_predictor_t predictor, plait_predictor_t* out) {
  return guarded([&] {
    require(out, "out");
    *out = new_object<plait_predictor_s>(predictor_of(predictor));
  });
}

void plait_predictor_free(plait_predictor_t predictor) { free_object(predictor); }

int32_t plait_predictor_num_inputs(plait_predictor_t predictor) {
  return is_alive(predictor) ? static_cast<int32_t>(predictor->predictor.inputs().size()) : -1;
}

const char* plait_predictor_input_name(plait_predictor_t predictor, int32_t index) {
  return is_alive(predictor) ? name_at(predictor->predictor.inputs(), index) : nullptr;
}

int32_t plait_predictor_num_outputs(plait_predictor_t predictor) {
  return is_alive(predictor) ? static_cast<int32_t>(predictor->predictor.outputs().size()) : -1;
}

const char* plait_predictor_output_name(plait_predictor_t predictor, int32_t index) {
  return is_alive(predictor) ? name_at(predictor->predictor.outputs(), index) : nullptr;
}

plait_status_t plait_predictor_set_input(plait_predictor_t predictor, const char* name,
                                         plait_array_t array) {
  return guarded([&] {
    require(name, "name");
    predictor_of(predictor).set_input(name, array_of(array));
  });
}

plait_status_t plait_predictor_run(plait_predictor_t predictor) {
  return guarded([&] { predictor_of(predictor).run(); });
}

plait_status_t plait_predictor_output(plait_predictor_t predictor, int32_t index,
                                      plait_array_t* out) {
  return guarded([&] {
    require(out, "out");
    check(index >= 0, ErrorKind::kIndex, "predictor: output is ", index, ", must be >= 0");
    *out = new_handle(predictor_of(predictor).output(static_cast<size_t>(index)));
  });
}
