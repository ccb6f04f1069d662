#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <span>
#include <string>

#include "tensor/array.h"

namespace plait::dist {

// Arrays by key, for the devices of one process (MXNet's key-value stores "local" and "device").
//
//   LocalStore store("local");
//   store.init("w", weight);
//   store.push("w", gradients);   // their sum replaces the value, or goes to the updater
//   store.pull("w", weights);     // copies of the value
class LocalStore {
 public:
  using Updater = std::function<void(const std::string& key, const ArrayRef& sum, ArrayRef& value)>;

  explicit LocalStore(const std::string& type);

  const std::string& type() const { return type_; }
  void set_updater(Updater updater);
  void init(const std::string& key, const ArrayRef& value);  // copies it
  void push(const std::string& key, std::span<const ArrayRef> arrays);
  void pull(const std::string& key, std::span<const ArrayRef> arrays);

 private:
  ArrayRef& value_of(const std::string& key);

  std::string type_;
  std::recursive_mutex mutex_;  // an updater may use the store; guards what follows
  std::map<std::string, ArrayRef> values_;
  Updater updater_;
};

}  // namespace plait::dist
