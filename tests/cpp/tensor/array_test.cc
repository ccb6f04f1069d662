#include "tensor/array.h"

#include <array>
#include <thread>

#include "memory/pool.h"
#include "testing.h"

using namespace plait;

namespace {

int64_t in_use() { return memory::pool_stats().bytes_in_use; }

}  // namespace

TEST(array_that_is_deferred_takes_memory_when_it_is_asked_for) {
  const int64_t before = in_use();
  {
    const ArrayRef a = Array::deferred({100, 100}, DType::kFloat32);
    const ArrayRef view = a->alias({10}, {100}, 7);
    CHECK(!a->layout().data);
    CHECK_EQ(in_use(), before);
    CHECK_EQ(static_cast<char*>(view->data()), static_cast<char*>(a->data()) + 28);
    CHECK(in_use() >= before + 40000);
  }
  CHECK_EQ(in_use(), before);
}

TEST(array_that_is_not_deferred_or_large_has_memory_at_once) {
  const int64_t before = in_use();
  const ArrayRef a = Array::empty({1000}, DType::kFloat32);
  CHECK(in_use() >= before + 4000);
  const ArrayRef large = Array::deferred({16 << 20}, DType::kFloat32);
  CHECK(in_use() >= before + (int64_t{64} << 20));
  CHECK(!Array::deferred({0, 5}, DType::kFloat32)->data());
}

TEST(array_that_is_deferred_has_one_place_for_all_threads) {
  const int64_t before = in_use();
  for (int round = 0; round < 200; ++round) {
    const ArrayRef a = Array::deferred({5000}, DType::kFloat32);
    std::array<void*, 3> seen{};
    std::array<std::thread, 3> threads;
    for (size_t i = 0; i < threads.size(); ++i) {
      threads[i] = std::thread([&, i] { seen[i] = a->data(); });
    }
    for (std::thread& t : threads) t.join();
    for (void* place : seen) CHECK(place == a->data());
  }
  CHECK_EQ(in_use(), before);
}

TEST(array_leaves_its_variable_to_who_keeps_it_and_its_memory_to_others) {
  const int64_t before = in_use();
  {
    tensor::KeptVars kept;
    ArrayRef a = Array::empty({1000}, DType::kFloat32);
    ArrayRef view = a->alias({10}, {1});
    kept.add(*a);
    kept.add(*view);
    engine::Var& var = a->var();
    a = {};
    CHECK(in_use() >= before + 4000);
    view = {};
    CHECK_EQ(in_use(), before);
    engine::wait_to_write(var);
  }
  CHECK_EQ(in_use(), before);
}
