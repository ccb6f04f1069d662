/* The key-value store. Part of plait.hpp. */
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "plait/cpp/optimizer.hpp"

namespace plait::cpp {

/* Arrays by key, one store for the program as in MXNet; with "dist_sync" one for all processes.
 *
 *   KVStore::SetType("local");
 *   KVStore::Init(0, weight);
 *   KVStore::Push(0, gradient);
 *   KVStore::Pull(0, &weight);
 */
class KVStore {
 public:
  /* Begins a new, empty store. */
  static void SetType(const std::string& type) { state().open(type); }
  static std::string GetType() { return plait_kvstore_type(state().get()); }
  static int GetRank() { return plait_kvstore_rank(state().get()); }
  static int GetNumWorkers() { return plait_kvstore_num_workers(state().get()); }
  static std::string GetRole() { return "worker"; }
  /* Waits for all work, and until all processes that share the store have come here. */
  static void Barrier() {
    Check(plait_engine_wait_all());
    Check(plait_kvstore_barrier(state().get()));
  }

  static void Init(const std::string& key, const NDArray& value) {
    Check(plait_kvstore_init(state().get(), key.c_str(), value.handle()));
  }
  static void Init(int key, const NDArray& value) { Init(std::to_string(key), value); }
  template <class Key>
  static void Init(const std::vector<Key>& keys, const std::vector<NDArray>& values) {
    require_equal(keys.size(), values.size());
    for (size_t i = 0; i < keys.size(); ++i) Init(keys[i], values[i]);
  }

  /* `priority` is accepted for MXNet's programs. */
  static void Push(const std::string& key, const NDArray& value, int priority = 0) {
    static_cast<void>(priority);
    push(key, {value});
  }
  static void Push(int key, const NDArray& value, int priority = 0) {
    Push(std::to_string(key), value, priority);
  }
  /* Arrays of the same key, which may stand there several times, are added up. */
  template <class Key>
  static void Push(const std::vector<Key>& keys, const std::vector<NDArray>& values,
                   int priority = 0) {
    static_cast<void>(priority);
    for (const auto& [key, group] : groups(keys, values)) push(text(key), group);
  }

  static void Pull(const std::string& key, NDArray* out, int priority = 0) {
    static_cast<void>(priority);
    const plait_array_t handle = out->handle();
    Check(plait_kvstore_pull(state().get(), key.c_str(), &handle, 1));
  }
  static void Pull(int key, NDArray* out, int priority = 0) {
    Pull(std::to_string(key), out, priority);
  }
  template <class Key>
  static void Pull(const std::vector<Key>& keys, std::vector<NDArray>* outs, int priority = 0) {
    require_equal(keys.size(), outs->size());
    for (size_t i = 0; i < keys.size(); ++i) Pull(keys[i], &(*outs)[i], priority);
  }

  /* From now on the store updates its values by what is pushed; keys get numbers of their own. */
  static void SetOptimizer(std::unique_ptr<Optimizer> optimizer) {
    auto* updater = new Updater{std::move(optimizer), {}};
    const auto drop = [](void* user) { delete static_cast<Updater*>(user); };
    Check(plait_kvstore_set_updater(state().get(), update, drop, updater));
  }

 private:
  struct Updater {
    std::unique_ptr<Optimizer> optimizer;
    std::map<std::string, int> numbers;
  };
  struct State {
    detail::Owner<plait_kvstore_t, plait_kvstore_free> handle;
    void open(const std::string& type) {
      plait_kvstore_t out = nullptr;
      Check(plait_kvstore_new(type.c_str(), &out));
      handle.reset(out);
    }
    plait_kvstore_t get() {
      if (!handle) open("local");
      return handle.get();
    }
  };
  static State& state() {
    static State one;
    return one;
  }
  static plait_status_t update(void* user, const char* key, plait_array_t sum,
                               plait_array_t value) {
    try {
      auto* own = static_cast<Updater*>(user);
      const int number =
          own->numbers.emplace(key, static_cast<int>(own->numbers.size())).first->second;
      own->optimizer->Update(number, NDArray(plait_array_retain(value)),
                             NDArray(plait_array_retain(sum)));
      return PLAIT_OK;
    } catch (const std::exception& error) {
      plait_set_last_error(error.what());
      return PLAIT_ERR_CALLBACK;
    }
  }
  static void push(const std::string& key, const std::vector<NDArray>& values) {
    std::vector<plait_array_t> handles;
    for (const NDArray& x : values) handles.push_back(x.handle());
    Check(plait_kvstore_push(state().get(), key.c_str(), handles.data(),
                             static_cast<int32_t>(handles.size())));
  }
  static std::string text(const std::string& key) { return key; }
  static std::string text(int key) { return std::to_string(key); }
  template <class Key>
  static std::vector<std::pair<Key, std::vector<NDArray>>> groups(
      const std::vector<Key>& keys, const std::vector<NDArray>& values) {
    require_equal(keys.size(), values.size());
    std::vector<std::pair<Key, std::vector<NDArray>>> all;
    std::map<Key, size_t> places;
    for (size_t i = 0; i < keys.size(); ++i) {
      const size_t at = places.emplace(keys[i], all.size()).first->second;
      if (at == all.size()) all.push_back({keys[i], {}});
      all[at].second.push_back(values[i]);
    }
    return all;
  }
  static void require_equal(size_t keys, size_t values) {
    if (keys == values) return;
    throw Error(PLAIT_ERR_INVALID_ARGUMENT, "kvstore: got " + std::to_string(keys) + " keys and " +
                                                std::to_string(values) +
                                                " arrays, must be as many");
  }
};

}  // namespace plait::cpp
