#include "dist/local_store.h"

#include "base/error.h"
#include "op/invoke.h"

namespace plait::dist {
namespace {

ArrayRef apply(const char* name, std::span<const ArrayRef> in, const ArrayRef& to) {
  Arrays out;
  if (to) out.push_back(to);
  const op::Op& op = op::Op::get(name);
  op::invoke(op, op.make_attrs({}), in, out);
  return out[0];
}

// The array, or a copy on that device.
ArrayRef at(const ArrayRef& array, Device device) {
  if (share_memory(array->device(), device)) return array;
  return apply("copy", {&array, 1}, Array::empty(array->shape(), array->dtype(), device));
}

void require_shape(const std::string& key, const Array& array, const Array& value) {
  check(array.shape() == value.shape(), ErrorKind::kShape, "kvstore: array has shape ",
        array.shape(), ", must be ", value.shape(), ", that of key '", key, "'");
  check(array.dtype() == value.dtype(), ErrorKind::kType, "kvstore: array has dtype ",
        dtype_name(array.dtype()), ", must be ", dtype_name(value.dtype()), ", that of key '", key,
        "'");
}

}  // namespace

ArrayRef LocalStore::copy_of(const ArrayRef& array) { return apply("copy", {&array, 1}, {}); }

ArrayRef LocalStore::total(const std::string&, std::span<const ArrayRef> arrays) {
  if (arrays.size() == 1) return arrays[0];
  Arrays here;
  for (const ArrayRef& a : arrays) here.push_back(at(a, arrays[0]->device()));
  return apply("add_n", {here.data(), here.size()}, {});
}

void LocalStore::copy_to_all(const ArrayRef& value, std::span<const ArrayRef> arrays) {
  for (const ArrayRef& array : arrays) apply("copy", {&value, 1}, array);
}

void LocalStore::set_updater(Updater updater, bool in_any_thread) {
  const std::lock_guard lock(mutex_);
  updater_ = std::move(updater);
  in_any_thread_ = in_any_thread;
}

ArrayRef& LocalStore::value_of(const std::string& key) {
  const auto it = values_.find(key);
  check(it != values_.end(), ErrorKind::kKey, "kvstore: key is '", key,
        "', must be one that init was called for");
  return it->second;
}

void LocalStore::init(const std::string& key, const ArrayRef& value) {
  const std::lock_guard lock(mutex_);
  check(!values_.count(key), ErrorKind::kInvalidArgument, "kvstore: key '", key,
        "' is there already, must be new");
  const ArrayRef kept = copy_of(value);
  spread(key, kept);
  values_[key] = kept;
}

void LocalStore::check_shapes(const std::string& key, std::span<const ArrayRef> arrays) {
  const ArrayRef& value = value_of(key);
  for (const ArrayRef& array : arrays) require_shape(key, *array, *value);
}

ArrayRef LocalStore::checked_total(const std::string& key, std::span<const ArrayRef> arrays) {
  check_shapes(key, arrays);
  check(!arrays.empty(), ErrorKind::kInvalidArgument, "kvstore: push of key '", key,
        "' has no arrays, must have one or more");
  return total(key, arrays);
}

void LocalStore::take(const std::string& key, const ArrayRef& total) {
  ArrayRef& value = value_of(key);
  const ArrayRef sum = at(total, value->device());
  if (updater_) {
    updater_(key, sum, value);
  } else {
    apply("copy", {&sum, 1}, value);
  }
}

void LocalStore::push(const std::string& key, std::span<const ArrayRef> arrays) {
  const std::lock_guard lock(mutex_);
  take(key, checked_total(key, arrays));
}

void LocalStore::pull(const std::string& key, std::span<const ArrayRef> arrays) {
  const std::lock_guard lock(mutex_);
  check_shapes(key, arrays);
  copy_to_all(value_of(key), arrays);
}

}  // namespace plait::dist
