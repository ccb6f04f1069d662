/* Arrays and gradients. Part of plait.hpp. */
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
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
  /* Of one axis. */
  NDArray(const float* data, size_t size) : NDArray(data, Shape(size), Context::cpu()) {}
  explicit NDArray(const std::vector<float>& data) : NDArray(data.data(), data.size()) {}

  explicit operator bool() const { return handle_ != nullptr; }
  plait_array_t handle() const { return handle_.get(); }
  Shape GetShape() const {
    const int64_t* sizes = plait_array_shape(handle());
    return Shape(std::vector<int64_t>(sizes, sizes + plait_array_ndim(handle())));
  }
  int64_t Size() const { return plait_array_size(handle()); }
  plait_dtype_t GetDType() const { return static_cast<plait_dtype_t>(plait_array_dtype(handle())); }

  Context GetContext() const { return Context(plait_array_device(handle())); }
  /* The elements in row-major order, after a wait; valid until the next operation on the array. */
  const float* GetData() const {
    require_contiguous_float("GetData");
    void* data = nullptr;
    Check(plait_array_data(handle(), 0, &data));
    return static_cast<const float*>(data);
  }

  void WaitToWrite() const { Check(plait_array_wait_to_write(handle())); }
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
  void CopyTo(NDArray* other) const { Check(plait_array_copy_to(handle(), other->handle())); }
  void CopyTo(const NDArray& other) const { Check(plait_array_copy_to(handle(), other.handle())); }
  NDArray Copy(Context ctx) const {
    const NDArray other(GetShape(), ctx, GetDType());
    CopyTo(other);
    return other;
  }
  /* Rows [begin, end), and one of them; a copy. */
  NDArray Slice(int64_t begin, int64_t end) const;
  NDArray At(int64_t index) const;
  /* One element of a float32 array with two (three) axes, after a wait; and its place in memory. */
  float At(size_t h, size_t w) const { return element({h, w}); }
  float At(size_t c, size_t h, size_t w) const { return element({c, h, w}); }
  size_t Offset(size_t h, size_t w) const { return offset({h, w}); }
  size_t Offset(size_t c, size_t h, size_t w) const { return offset({c, h, w}); }
  NDArray Reshape(const Shape& shape) const;
  /* Position of the largest value of each row. */
  NDArray ArgmaxChannel() const;
  /* Fills the array, in place. */
  NDArray& operator=(double value);
  static void SampleGaussian(double mu, double sigma, NDArray* out);
  static void SampleUniform(double begin, double end, NDArray* out);

  /* Gradients: marks this array as a variable that collects them in Grad(). */
  void AttachGrad(plait_grad_req_t request = PLAIT_GRAD_WRITE) const;
  /* The same in `grad`, of the same shape and dtype; none with kNullOp. */
  void AttachGrad(const NDArray& grad, plait_grad_req_t request) const {
    const plait_array_t array = handle();
    const plait_array_t place = request == PLAIT_GRAD_NULL ? nullptr : grad.handle();
    const int32_t number = request;
    Check(plait_autograd_mark_variables(&array, &place, &number, 1));
  }
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
  static void Save(const std::string& file, const std::vector<NDArray>& arrays) {
    std::vector<plait_array_t> handles;
    for (const NDArray& x : arrays) handles.push_back(x.handle());
    Check(plait_archive_save(file.c_str(), handles.data(), nullptr,
                             static_cast<int32_t>(handles.size())));
  }
  /* Arrays without names are named by their number. */
  static std::map<std::string, NDArray> LoadToMap(const std::string& file) {
    std::map<std::string, NDArray> arrays;
    for (auto& [name, array] : load(file)) arrays.insert_or_assign(name, array);
    return arrays;
  }
  static std::vector<NDArray> LoadToList(const std::string& file) {
    std::vector<NDArray> arrays;
    for (auto& [name, array] : load(file)) arrays.push_back(array);
    return arrays;
  }
  /* Both at once; either may be null. */
  static void Load(const std::string& file, std::vector<NDArray>* list,
                   std::map<std::string, NDArray>* map = nullptr) {
    for (auto& [name, array] : load(file)) {
      if (list) list->push_back(array);
      if (map) map->insert_or_assign(name, array);
    }
  }

 private:
  size_t offset(std::initializer_list<size_t> index) const {
    const Shape shape = GetShape();
    if (shape.size() != index.size()) {
      throw Error(PLAIT_ERR_SHAPE, "NDArray: got " + std::to_string(index.size()) +
                                       " indices, must be " + std::to_string(shape.size()));
    }
    size_t place = 0, axis = 0;
    for (size_t i : index) {
      const auto size = static_cast<size_t>(shape[axis++]);
      if (i >= size) {
        throw Error(PLAIT_ERR_INDEX, "NDArray: index is " + std::to_string(i) +
                                         ", must be less than " + std::to_string(size));
      }
      place = place * size + i;
    }
    return place;
  }
  float element(std::initializer_list<size_t> index) const {
    const size_t place = offset(index);
    return GetData()[place];
  }
  static std::vector<std::pair<std::string, NDArray>> load(const std::string& file) {
    plait_archive_t archive = nullptr;
    Check(plait_archive_load(file.c_str(), &archive));
    const detail::Owner<plait_archive_t, plait_archive_free> owner(archive);
    std::vector<std::pair<std::string, NDArray>> arrays;
    for (int32_t i = 0; i < plait_archive_count(archive); ++i) {
      plait_array_t array = nullptr;
      Check(plait_archive_array(archive, i, &array));
      const char* name = plait_archive_name(archive, i);
      arrays.emplace_back(name ? name : std::to_string(i), NDArray(array));
    }
    return arrays;
  }
  void require_contiguous_float(const char* what) const {
    if (GetDType() != PLAIT_DTYPE_FLOAT32 || !plait_array_is_contiguous(handle())) {
      throw Error(PLAIT_ERR_TYPE, std::string(what) + ": array must be float32 in row-major order");
    }
  }
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

#define PLAIT__IN_PLACE(op, name, scalar_name)                               \
  inline NDArray& operator op(NDArray& a, const NDArray& b) {                \
    detail::invoke(detail::find(name), {a, b}, {}, {a});                     \
    return a;                                                                \
  }                                                                          \
  inline NDArray& operator op(NDArray& a, double b) {                        \
    detail::invoke(detail::find(scalar_name), {a}, {detail::value(b)}, {a}); \
    return a;                                                                \
  }
PLAIT__IN_PLACE(+=, "add", "add_scalar")
PLAIT__IN_PLACE(-=, "subtract", "subtract_scalar")
PLAIT__IN_PLACE(*=, "multiply", "multiply_scalar")
PLAIT__IN_PLACE(/=, "divide", "divide_scalar")
#undef PLAIT__IN_PLACE

namespace detail {

using Attrs = std::vector<std::pair<const char*, plait_value_t>>;

/* Attributes by name as the library takes them. */
inline std::vector<plait_value_t> by_position(plait_op_t op, const Attrs& attrs) {
  std::vector<plait_value_t> values;
  for (const auto& [key, value] : attrs) {
    int32_t index = 0;
    Check(plait_op_attr_index(op, key, &index));
    const auto place = static_cast<size_t>(index);
    const plait_value_t none{PLAIT_VALUE_NONE, 0, {0}};
    if (values.size() <= place) values.resize(place + 1, none);
    values[place] = value;
  }
  return values;
}
inline std::vector<NDArray> invoke_named(const char* name, const std::vector<NDArray>& inputs,
                                         const Attrs& attrs, const std::vector<NDArray>& out = {}) {
  const plait_op_t op = find(name);
  return invoke(op, inputs, by_position(op, attrs), out);
}

}  // namespace detail

inline NDArray NDArray::Slice(int64_t begin, int64_t end) const {
  return detail::invoke_named("slice_axis", {*this},
                              {{"axis", detail::value(int64_t{0})},
                               {"begin", detail::value(begin)},
                               {"end", detail::value(end)}})[0];
}
inline NDArray NDArray::At(int64_t index) const {
  Shape shape = GetShape();
  const NDArray row = Slice(index, index + 1);
  if (shape.size() > 1)
    shape.erase(shape.begin());
  else
    shape[0] = 1;
  return row.Reshape(shape);
}
inline NDArray NDArray::Reshape(const Shape& shape) const {
  const std::vector<int64_t> sizes = shape;
  return detail::invoke_named("reshape", {*this}, {{"shape", detail::value(sizes)}})[0];
}
inline NDArray NDArray::ArgmaxChannel() const {
  return detail::invoke_named("argmax_channel", {*this}, {})[0];
}
inline NDArray& NDArray::operator=(double value) {
  detail::invoke_named("full_like", {*this}, {{"fill_value", detail::value(value)}}, {*this});
  return *this;
}
inline void NDArray::SampleGaussian(double mu, double sigma, NDArray* out) {
  const std::vector<int64_t> sizes = out->GetShape();
  detail::invoke_named("random_normal", {},
                       {{"loc", detail::value(mu)},
                        {"scale", detail::value(sigma)},
                        {"shape", detail::value(sizes)}},
                       {*out});
}
inline void NDArray::SampleUniform(double begin, double end, NDArray* out) {
  const std::vector<int64_t> sizes = out->GetShape();
  detail::invoke_named("random_uniform", {},
                       {{"low", detail::value(begin)},
                        {"high", detail::value(end)},
                        {"shape", detail::value(sizes)}},
                       {*out});
}

inline void NDArray::AttachGrad(plait_grad_req_t request) const {
  AttachGrad(detail::invoke(detail::find("zeros_like"), {*this}, {})[0], request);
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
