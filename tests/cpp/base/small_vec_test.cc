#include "base/small_vec.h"

#include <memory>
#include <numeric>
#include <string>

#include "testing.h"

using plait::SmallVec;
using Ints = SmallVec<int64_t, 2>;

TEST(small_vec_keeps_elements_when_it_leaves_inline_storage) {
  Ints v;
  for (int64_t i = 0; i < 100; ++i) v.push_back(i);
  CHECK_EQ(v.size(), 100u);
  CHECK_EQ(std::accumulate(v.begin(), v.end(), int64_t{0}), 4950);
}

TEST(small_vec_copies_and_moves_inline_and_heap_contents) {
  for (size_t n : {0u, 1u, 2u, 3u, 50u}) {
    Ints a(n, 7);
    Ints copy = a;
    CHECK(copy == a);
    Ints moved = std::move(a);
    CHECK(moved == copy);
    CHECK(a.empty());
    a = copy;
    CHECK(a == copy);
    a = std::move(moved);
    CHECK(a == copy);
    CHECK(moved.empty());
    const Ints& self = a;
    a = self;
    CHECK(a == copy);
  }
}

TEST(small_vec_inserts_and_erases_anywhere) {
  Ints v{1, 2, 4};
  v.insert(2, 3);
  v.insert(0, 0);
  v.insert(v.size(), 5);
  CHECK((v == Ints{0, 1, 2, 3, 4, 5}));
  v.erase(0);
  v.erase(v.size() - 1);
  v.erase(1);
  CHECK((v == Ints{1, 3, 4}));
}

TEST(small_vec_resizes_both_ways) {
  Ints v;
  v.resize(5, 9);
  CHECK((v == Ints{9, 9, 9, 9, 9}));
  v.resize(1);
  CHECK((v == Ints{9}));
}

TEST(small_vec_destroys_what_it_holds) {
  auto shared = std::make_shared<int>(1);
  {
    SmallVec<std::shared_ptr<int>, 2> v(5, shared);
    CHECK_EQ(shared.use_count(), 6);
    auto moved = std::move(v);
    CHECK_EQ(shared.use_count(), 6);
    moved.pop_back();
    CHECK_EQ(shared.use_count(), 5);
  }
  CHECK_EQ(shared.use_count(), 1);
}
