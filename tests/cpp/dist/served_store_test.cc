#include "dist/served_store.h"

#include <thread>

#include "engine/threaded_test.h"

using namespace plait;
using namespace plait::dist;

namespace {

ArrayRef filled(float value) {
  ArrayRef a = Array::empty(Dims{3}, DType::kFloat32);
  a->wait_to_write();
  std::fill_n(static_cast<float*>(a->data()), 3, value);
  return a;
}

float first_of(const ArrayRef& a) {
  a->wait_to_read();
  return static_cast<const float*>(a->data())[0];
}

float pulled(ServedStore& store, const std::string& key) {
  const ArrayRef out = filled(0);
  store.pull(key, {&out, 1});
  return first_of(out);
}

void push(ServedStore& store, const std::string& key, float value) {
  const ArrayRef data = filled(value);
  store.push(key, {&data, 1});
}

// value += sum
void add(const std::string&, const ArrayRef& sum, ArrayRef& value) {
  value = filled(first_of(value) + first_of(sum));
}

// Runs `body(store)` for each of `size` ranks, in threads; what they throw.
template <class Body>
std::vector<std::string> on_ranks(int size, const Body& body) {
  const auto ranks = Communicator::in_process(size);
  std::vector<std::string> errors(static_cast<size_t>(size));
  std::vector<std::thread> threads;
  for (const auto& r : ranks) {
    threads.emplace_back([&, r] {
      try {
        ServedStore store("dist_async", r);
        body(store);
      } catch (const std::exception& e) {
        errors[static_cast<size_t>(r->rank())] = e.what();
      }
    });
  }
  for (std::thread& t : threads) t.join();
  return errors;
}

void require_none(const std::vector<std::string>& errors) {
  for (const std::string& e : errors) CHECK_EQ(e, "");
}

}  // namespace

THREADED_TEST(dist_served_store_replaces_values) {
  require_none(on_ranks(3, [](ServedStore& store) {
    for (const char* key : {"a", "b", "c", "d"}) {
      store.init(key, filled(static_cast<float>(store.rank() + 7)));
      CHECK_EQ(pulled(store, key), 7);  // that of rank 0
      store.barrier();
      if (store.rank() == 1) push(store, key, 5);
      store.barrier();
      CHECK_EQ(pulled(store, key), 5);
    }
  }));
}

THREADED_TEST(dist_served_store_applies_each_push_once) {
  for (const bool in_any_thread : {false, true}) {
    for (int size : {1, 2, 4}) {
      const int pushes = 25;
      require_none(on_ranks(size, [&](ServedStore& store) {
        for (const char* key : {"a", "b", "c"}) store.init(key, filled(0));
        store.set_updater(add, in_any_thread);
        store.barrier();
        for (int i = 1; i <= pushes; ++i) {
          for (const char* key : {"a", "b", "c"}) {
            push(store, key, 1);
            CHECK(i % 5 || pulled(store, key) >= static_cast<float>(i));  // its own at least
          }
        }
        store.barrier();
        for (const char* key : {"a", "b", "c"}) {
          CHECK_EQ(pulled(store, key), static_cast<float>(pushes * size));
        }
      }));
    }
  }
}

THREADED_TEST(dist_served_store_ends_with_what_others_still_push) {
  const int pushes = 30;
  std::atomic<int> steps{0};
  require_none(on_ranks(3, [&](ServedStore& store) {
    for (const char* key : {"a", "b", "c"}) store.init(key, filled(0));
    store.set_updater([&](const std::string&, const ArrayRef&, ArrayRef&) { ++steps; });
    store.barrier();
    for (int i = 0; i < pushes * store.rank(); ++i) push(store, "a", 1);
  }));
  CHECK_EQ(steps.load(), 3 * pushes);
}

THREADED_TEST(dist_served_store_whose_updater_fails) {
  const auto errors = on_ranks(2, [](ServedStore& store) {
    store.init("w", filled(0));  // kept by rank 0
    store.set_updater([](const std::string&, const ArrayRef&,
                         ArrayRef&) { fail(ErrorKind::kInvalidArgument, "no step today"); },
                      true);
    store.barrier();
    if (store.rank() == 1) push(store, "w", 1);
    store.barrier();
  });
  CHECK(errors[0].find("no step today") != std::string::npos);
  // Rank 1 may have left the barrier by then.
  CHECK(errors[1].empty() || errors[1].find("no step today") != std::string::npos);
}

THREADED_TEST(dist_served_store_whose_updater_uses_it) {
  const auto errors = on_ranks(1, [](ServedStore& store) {
    store.init("w", filled(0));
    store.set_updater([&](const std::string&, const ArrayRef&, ArrayRef&) { store.barrier(); });
    push(store, "w", 1);
  });
  CHECK(errors[0].find("the updater of 'dist_async' uses the store") != std::string::npos);
}
