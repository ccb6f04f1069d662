#include "dist/shared_sum.h"

#include <algorithm>
#include <thread>
#include <vector>

#include "engine/threaded_test.h"

using namespace plait;
using namespace plait::dist;

namespace {

// What sum(keys[rank], ...) gives on each rank: the sum of numbers, or -1 where it fails.
std::vector<double> sums_of(const std::vector<std::string>& keys) {
  const auto ranks = Communicator::in_process(static_cast<int>(keys.size()));
  std::vector<double> found(keys.size());
  std::vector<std::thread> threads;
  for (size_t r = 0; r < keys.size(); ++r) {
    threads.emplace_back([&, r] {
      std::vector<double> numbers(3000, static_cast<double>(r + 1));
      try {
        SharedSum(ranks[r]).sum(keys[r], numbers.data(), 3000);
        found[r] = numbers[2999];
      } catch (const Error&) {
        found[r] = -1;
      }
    });
  }
  for (std::thread& t : threads) t.join();
  return found;
}

}  // namespace

THREADED_TEST(dist_shared_sum_adds_up_over_ranks) {
  CHECK((sums_of({"a"}) == std::vector<double>{1}));
  CHECK((sums_of({"a", "a", "a"}) == std::vector<double>{6, 6, 6}));
}

THREADED_TEST(dist_shared_sum_needs_one_key) {
  const std::vector<double> found = sums_of({"a", "a", "b"});
  CHECK_EQ(found[2], -1);  // whoever is last may have failed with the others' reason
  CHECK_EQ(*std::min_element(found.begin(), found.end()), -1);
}

THREADED_TEST(dist_shared_sum_that_is_left_out_fails_on_all) {
  const auto ranks = Communicator::in_process(2);
  std::thread other([&] { SharedSum(ranks[1]).leave_out("no memory"); });
  double number = 1;
  CHECK_THROWS(SharedSum(ranks[0]).sum("a", &number, 1), Error, "rank 1 leaves sums");
  other.join();
}
