#include <memory>

#include "c_api/common.h"
#include "dist/local_store.h"

using namespace plait;
using namespace plait::c_api;

struct plait_kvstore_s {
  static constexpr char kKind[] = "kvstore";
  std::unique_ptr<dist::LocalStore> store;
};

namespace {

dist::LocalStore& store_of(plait_kvstore_t handle) {
  require(handle, "kvstore");
  return *handle->store;
}

std::span<const ArrayRef> arrays_of(const plait_array_t* arrays, int32_t count) {
  require_list(arrays, count, "arrays");
  for (int32_t i = 0; i < count; ++i) require(arrays[i], "an array");
  return borrowed(arrays, count);
}

// A function of the caller; `drop` is called when nobody can call it any more.
class User {
 public:
  User(plait_updater_t update, plait_drop_t drop, void* user)
      : update_(update), drop_(drop), user_(user) {}
  User(const User&) = delete;
  User& operator=(const User&) = delete;
  ~User() {
    if (drop_) drop_(user_);
  }
  void operator()(const std::string& key, const ArrayRef& sum, const ArrayRef& value) const {
    const auto handle = [](const ArrayRef& a) { return reinterpret_cast<plait_array_t>(a.get()); };
    const plait_status_t status = update_(user_, key.c_str(), handle(sum), handle(value));
    if (status == PLAIT_OK) return;
    fail(ErrorKind::kCallback, "kvstore: key '", key, "': ", plait_last_error());
  }

 private:
  plait_updater_t update_;
  plait_drop_t drop_;
  void* user_;
};

void set_updater(plait_kvstore_t kvstore, plait_updater_t update, plait_drop_t drop, void* user,
                 bool in_any_thread) {
  auto own = std::make_shared<User>(update, drop, user);  // from here on `drop` is called
  dist::LocalStore& store = store_of(kvstore);
  if (!update) return store.set_updater({});
  store.set_updater([own](const std::string& key, const ArrayRef& sum,
                          ArrayRef& value) { (*own)(key, sum, value); },
                    in_any_thread);
}

}  // namespace

plait_status_t plait_kvstore_new(const char* type, plait_kvstore_t* out) {
  return guarded([&] {
    require(type, "type");
    require(out, "out");
    *out = new_object<plait_kvstore_s>(dist::make_store(type));
  });
}

void plait_kvstore_free(plait_kvstore_t kvstore) { free_object(kvstore); }

const char* plait_kvstore_type(plait_kvstore_t kvstore) {
  return is_alive(kvstore) ? kvstore->store->type().c_str() : nullptr;
}

int32_t plait_kvstore_rank(plait_kvstore_t kvstore) {
  return is_alive(kvstore) ? kvstore->store->rank() : -1;
}

int32_t plait_kvstore_num_workers(plait_kvstore_t kvstore) {
  return is_alive(kvstore) ? kvstore->store->num_workers() : -1;
}

plait_status_t plait_kvstore_barrier(plait_kvstore_t kvstore) {
  return guarded([&] { store_of(kvstore).barrier(); });
}

plait_status_t plait_kvstore_init(plait_kvstore_t kvstore, const char* key, plait_array_t value) {
  return guarded([&] {
    require(key, "key");
    store_of(kvstore).init(key, array_of(value));
  });
}

plait_status_t plait_kvstore_push(plait_kvstore_t kvstore, const char* key,
                                  const plait_array_t* arrays, int32_t count) {
  return guarded([&] {
    require(key, "key");
    store_of(kvstore).push(key, arrays_of(arrays, count));
  });
}

plait_status_t plait_kvstore_pull(plait_kvstore_t kvstore, const char* key,
                                  const plait_array_t* arrays, int32_t count) {
  return guarded([&] {
    require(key, "key");
    store_of(kvstore).pull(key, arrays_of(arrays, count));
  });
}

plait_status_t plait_kvstore_set_updater(plait_kvstore_t kvstore, plait_updater_t update,
                                         plait_drop_t drop, void* user) {
  return guarded([&] { set_updater(kvstore, update, drop, user, false); });
}

plait_status_t plait_kvstore_set_concurrent_updater(plait_kvstore_t kvstore, plait_updater_t update,
                                                    plait_drop_t drop, void* user) {
  return guarded([&] { set_updater(kvstore, update, drop, user, true); });
}
