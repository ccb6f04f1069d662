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
  return arrays.size() == 1 ? arrays[0] : apply("add_n", arrays, {});
}

void LocalStore::set_updater(Updater updater) {
  const std::lock_guard lock(mutex_);
  updater_ = std::move(updater);
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

void LocalStore::push(const std::string& key, std::span<const ArrayRef> arrays) {
  const std::lock_guard lock(mutex_);
  ArrayRef& value = value_of(key);
  check(!arrays.empty(), ErrorKind::kInvalidArgument, "kvstore: push of key '", key,
        "' has no arrays, must have one or more");
  for (const ArrayRef& array : arrays) require_shape(key, *array, *value);
  const ArrayRef sum = total(key, arrays);
  if (updater_) {
    updater_(key, sum, value);
  } else {
    apply("copy", {&sum, 1}, value);
  }
}

void LocalStore::pull(const std::string& key, std::span<const ArrayRef> arrays) {
  const std::lock_guard lock(mutex_);
  const ArrayRef& value = value_of(key);
  for (const ArrayRef& array : arrays) {
    require_shape(key, *array, *value);
    apply("copy", {&value, 1}, array);
  }
}

}  // namespace plait::dist
