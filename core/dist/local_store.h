#pragma once

#include <functional>
#include <map>
#include <memory>
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

  explicit LocalStore(std::string type) : type_(std::move(type)) {}
  virtual ~LocalStore() = default;

  const std::string& type() const { return type_; }
  virtual int rank() const { return 0; }
  virtual int num_workers() const { return 1; }
  virtual void barrier() {}  // waits until all workers have called it
  // Called in threads that are in a call of the store, or in any, one at a time.
  void set_updater(Updater updater, bool in_any_thread = false);
  virtual void init(const std::string& key, const ArrayRef& value);  // copies it
  virtual void push(const std::string& key, std::span<const ArrayRef> arrays);
  virtual void pull(const std::string& key, std::span<const ArrayRef> arrays);

 protected:
  static ArrayRef copy_of(const ArrayRef& array);
  static void copy_to_all(const ArrayRef& value, std::span<const ArrayRef> arrays);
  // Makes what init keeps the same on all workers.
  virtual void spread(const std::string&, const ArrayRef&) {}
  // What a push adds up to; may be the array that was pushed.
  virtual ArrayRef total(const std::string& key, std::span<const ArrayRef> arrays);

  // With the mutex held:
  ArrayRef& value_of(const std::string& key);
  ArrayRef checked_total(const std::string& key, std::span<const ArrayRef> arrays);
  void check_shapes(const std::string& key, std::span<const ArrayRef> arrays);
  void take(const std::string& key, const ArrayRef& sum);  // replaces the value or updates it
  bool updates_in_calls() const { return updater_ && !in_any_thread_; }

  std::recursive_mutex mutex_;  // an updater may use the store; guards what follows

 private:
  std::string type_;
  std::map<std::string, ArrayRef> values_;
  Updater updater_;
  bool in_any_thread_ = false;
};

// The store that MXNet calls by this name. All processes call it if it is one of several.
std::unique_ptr<LocalStore> make_store(const std::string& type);

}  // namespace plait::dist
