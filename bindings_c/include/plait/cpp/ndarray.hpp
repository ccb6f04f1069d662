/* Arrays and gradients. Part of plait.hpp. */
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "plait/cpp/base.hpp"

namespace plait::cpp {

class NDArray {
 public:
  /* No array: an optional input that is left out. */
  NDArray() = default;
  /* Takes over the handle. */
  explicit NDArray(plait_array_t handle) : handle_(handle, plait_array_free) {}
  /* Undefined content. */
  NDArray(const Shape& shape, Context ctx, plait_dtype_t dtype = PLAIT_DTYPE_FLOAT32) {
    plait_array_t out = nullptr;
    Check(plait_array_empty(shape.data(), static_cast<int32_t>(shape.size()), dtype, ctx.device(),
                            &out));
    handle_ = detail::share(out, plait_array_free);
  }
  /* A copy of `data`, which has as many elements as `shape`. */
  NDArray(const float* data, const Shape& shape, Context ctx) {
    plait_array_t out = nullptr;
    Check(plait_array_from_data(data, shape.data(), nullptr, static_cast<int32_t>(shape.size()),
                                PLAIT_DTYPE_FLOAT32, ctx.device(), &out));
    handle_ = detail::share(out, plait_array_free);
  }
  NDArray(const std::vector<float>& data, const Shape& shape, Context ctx)
      : NDArray((check_size(data, shape), data.data()), shape, ctx) {}

  explicit operator bool() const { return handle_ != nullptr; }
  plait_array_t handle() const { return handle_.get(); }
  Shape GetShape() const {
    const int64_t* sizes = plait_array_shape(handle());
    return Shape(std::vector<int64_t>(sizes, sizes + plait_array_ndim(handle())));
  }
  int64_t Size() const { return plait_array_size(handle()); }
  plait_dtype_t GetDType() const { return static_cast<plait_dtype_t>(plait_array_dtype(handle())); }

  void WaitToRead() const { Check(plait_array_wait_to_read(handle())); }
  static void WaitAll() { Check(plait_engine_wait_all()); }
  /* `size` elements of float32. */
  void SyncCopyToCPU(float* data, int64_t size) const {
    Check(plait_array_copy_to_host(handle(), data, size * static_cast<int64_t>(sizeof(float))));
  }
  void SyncCopyToCPU(std::vector<float>* data) const {
    data->resize(static_cast<size_t>(Size()));
    SyncCopyToCPU(data->data(), Size());
  }
  void SyncCopyFromCPU(const float* data, int64_t size) const {
    Check(plait_array_copy_from_host(handle(), data, size * static_cast<int64_t>(sizeof(float))));
  }
  void SyncCopyFromCPU(const std::vector<float>& data) const {
    SyncCopyFromCPU(data.data(), static_cast<int64_t>(data.size()));
  }
  std::vector<float> Values() const {
    std::vector<float> data;
    SyncCopyToCPU(&data);
    return data;
  }
  void CopyTo(const NDArray& other) const { Check(plait_array_copy_to(handle(), other.handle())); }

  /* Gradients: marks this array as a variable that collects them in Grad(). */
  void AttachGrad(plait_grad_req_t request = PLAIT_GRAD_WRITE) const;
  NDArray Grad() const {
    plait_array_t grad = nullptr;
    int32_t request = 0;
    Check(plait_autograd_get_grad(handle(), &grad, &request));
    return grad ? NDArray(grad) : NDArray();
  }
  void Backward(bool retain_graph = false) const {
    const plait_array_t head = handle();
    const int32_t flags = PLAIT_BACKWARD_TRAIN | (retain_graph ? PLAIT_BACKWARD_RETAIN : 0);
    Check(plait_autograd_backward(&head, nullptr, 1, nullptr, 0, flags, nullptr));
  }

  static void Save(const std::string& file, const std::map<std::string, NDArray>& arrays) {
    std::vector<plait_array_t> handles;
    std::vector<const char*> names;
    for (const auto& [name, array] : arrays) {
      names.push_back(name.c_str());
      handles.push_back(array.handle());
    }
    Check(plait_archive_save(file.c_str(), handles.data(), names.data(),
                             static_cast<int32_t>(handles.size())));
  }
  static std::map<std::string, NDArray> LoadToMap(const std::string& file) {
    plait_archive_t archive = nullptr;
    Check(plait_archive_load(file.c_str(), &archive));
    const detail::Owner<plait_archive_t, plait_archive_free> owner(archive);
    std::map<std::string, NDArray> arrays;
    for (int32_t i = 0; i < plait_archive_count(archive); ++i) {
      plait_array_t array = nullptr;
      Check(plait_archive_array(archive, i, &array));
      const char* name = plait_archive_name(archive, i);
      arrays.insert_or_assign(name ? name : std::to_string(i), NDArray(array));
    }
    return arrays;
  }

 private:
  static void check_size(const std::vector<float>& data, const Shape& shape) {
    if (static_cast<int64_t>(data.size()) != shape.Size()) {
      throw Error(PLAIT_ERR_SHAPE, "NDArray: data has " + std::to_string(data.size()) +
                                       " elements, must have " + std::to_string(shape.Size()));
    }
  }
  std::shared_ptr<std::remove_pointer_t<plait_array_t>> handle_;
};

namespace detail {

/* Runs an operator; `out` holds arrays that are written into. */
inline std::vector<NDArray> invoke(plait_op_t op, const std::vector<NDArray>& inputs,
                                   const std::vector<plait_value_t>& values,
                                   const std::vector<NDArray>& out = {}) {
  std::vector<plait_array_t> in, results;
  for (const NDArray& x : inputs) in.push_back(x.handle());
  for (const NDArray& x : out) results.push_back(x.handle());
  results.resize(out.empty() ? 8 : out.size());
  int32_t n = -1;
  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto capacity = static_cast<int32_t>(results.size());
    const plait_status_t status =
        plait_op_invoke(op, in.data(), static_cast<int32_t>(in.size()), values.data(),
                        static_cast<int32_t>(values.size()), 0, results.data(), capacity, &n);
    if (status == PLAIT_OK) break;
    if (attempt || n <= capacity) Check(status);
    results.resize(static_cast<size_t>(n)); /* more outputs than most operators have */
  }
  if (!out.empty()) return out;
  std::vector<NDArray> arrays;
  for (int32_t i = 0; i < n; ++i) arrays.emplace_back(results[static_cast<size_t>(i)]);
  return arrays;
}

inline NDArray binary(const char* name, const NDArray& a, const NDArray& b) {
  return invoke(find(name), {a, b}, {})[0];
}
inline NDArray scalar(const char* name, const NDArray& a, double b) {
  return invoke(find(name), {a}, {value(b)})[0];
}

}  // namespace detail

#define PLAIT__ARITHMETIC(op, name, scalar_name, reverse_name)     \
  inline NDArray operator op(const NDArray& a, const NDArray& b) { \
    return detail::binary(name, a, b);                             \
  }                                                                \
  inline NDArray operator op(const NDArray& a, double b) {         \
    return detail::scalar(scalar_name, a, b);                      \
  }                                                                \
  inline NDArray operator op(double a, const NDArray& b) {         \
    return detail::scalar(reverse_name, b, a);                     \
  }
PLAIT__ARITHMETIC(+, "add", "add_scalar", "add_scalar")
PLAIT__ARITHMETIC(-, "subtract", "subtract_scalar", "rsubtract_scalar")
PLAIT__ARITHMETIC(*, "multiply", "multiply_scalar", "multiply_scalar")
PLAIT__ARITHMETIC(/, "divide", "divide_scalar", "rdivide_scalar")
#undef PLAIT__ARITHMETIC

inline void NDArray::AttachGrad(plait_grad_req_t request) const {
  const NDArray grad = detail::invoke(detail::find("zeros_like"), {*this}, {})[0];
  const plait_array_t array = handle(), place = grad.handle();
  const int32_t number = request;
  Check(plait_autograd_mark_variables(&array, &place, &number, 1));
}

/* Operators are recorded for gradients while it lives. */
class AutogradRecord {
 public:
  explicit AutogradRecord(bool train_mode = true)
      : recording_(plait_autograd_set_recording(1)),
        training_(plait_autograd_set_training(train_mode)) {}
  ~AutogradRecord() {
    plait_autograd_set_recording(recording_);
    plait_autograd_set_training(training_);
  }
  AutogradRecord(const AutogradRecord&) = delete;
  AutogradRecord& operator=(const AutogradRecord&) = delete;

 private:
  int32_t recording_, training_;
};

inline void RandomSeed(uint64_t seed) { Check(plait_random_seed(seed)); }

}  // namespace plait::cpp
