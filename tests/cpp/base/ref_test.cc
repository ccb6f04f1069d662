#include "base/ref.h"

#include <thread>
#include <vector>

#include "testing.h"

using namespace plait;

namespace {

struct Counted : RefCounted {
  explicit Counted(int* live) : live_(live) { ++*live_; }
  ~Counted() override { --*live_; }
  int* live_;
};

}  // namespace

TEST(ref_frees_with_the_last_owner) {
  int live = 0;
  {
    auto a = make_ref<Counted>(&live);
    CHECK(a->unique());
    Ref<RefCounted> base = a;
    CHECK(!a->unique());
    Ref<Counted> moved = std::move(a);
    CHECK(!a);
    CHECK_EQ(live, 1);
  }
  CHECK_EQ(live, 0);
}

TEST(ref_detach_and_adopt_keep_the_count) {
  int live = 0;
  Counted* raw = make_ref<Counted>(&live).detach();
  CHECK_EQ(live, 1);
  Ref<Counted>::adopt(raw);
  CHECK_EQ(live, 0);
}

TEST(ref_is_shared_between_threads) {
  int live = 0;
  {
    auto root = make_ref<Counted>(&live);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([root] {
        for (int i = 0; i < 10000; ++i) Ref<Counted> copy = root;
      });
    }
    for (auto& thread : threads) thread.join();
    threads.clear();
    CHECK(root->unique());
  }
  CHECK_EQ(live, 0);
}
