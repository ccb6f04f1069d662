#include "dist/communicator.h"

#include <algorithm>
#include <thread>

#include "engine/threaded_test.h"

using namespace plait;
using namespace plait::dist;

namespace {

using Group = std::vector<Ref<Communicator>>;

// Whole numbers that differ between ranks and places; sums of few are exact.
float value(int rank, int64_t i) { return static_cast<float>((i % 97 + 1) * (rank + 1)); }

ArrayRef filled(int rank, int64_t count) {
  ArrayRef a = Array::empty(Dims{count}, DType::kFloat32);
  a->wait_to_write();
  auto* data = static_cast<float*>(a->data());
  for (int64_t i = 0; i < count; ++i) data[i] = value(rank, i);
  return a;
}

float at(const ArrayRef& a, int64_t i) {
  a->wait_to_read();
  return static_cast<const float*>(a->data())[i];
}

float sum_at(int size, int64_t i) {
  float sum = 0;
  for (int r = 0; r < size; ++r) sum += value(r, i);
  return sum;
}

Options named(const char* name, int32_t priority = 0) {
  Options options;
  options.name = name;
  options.priority = priority;
  return options;
}

constexpr int64_t kSizes[] = {0, 1, 3, 1000, 4096, 4097, 50001};

}  // namespace

THREADED_TEST(dist_allreduce_sums_on_every_rank) {
  for (int size = 1; size <= 5; ++size) {
    const Group ranks = Communicator::in_process(size);
    for (int64_t count : kSizes) {
      std::vector<ArrayRef> data;
      for (const auto& r : ranks) data.push_back(filled(r->rank(), count));
      for (const auto& r : ranks) {
        r->allreduce(data[static_cast<size_t>(r->rank())], Reduction::kSum, named("x"));
      }
      for (const ArrayRef& a : data) {
        a->wait_to_read();
        for (int64_t i = 0; i < count; i += 7) CHECK_EQ(at(a, i), sum_at(size, i));
      }
    }
  }
}

THREADED_TEST(dist_gathers_scatters_and_exchanges) {
  for (int size = 2; size <= 4; ++size) {
    const Group ranks = Communicator::in_process(size);
    const int64_t count = 1001;
    std::vector<ArrayRef> mine, all, part, swapped, whole;
    for (const auto& r : ranks) {
      mine.push_back(filled(r->rank(), count));
      whole.push_back(filled(r->rank(), count * size));
      all.push_back(Array::empty(Dims{count * size}, DType::kFloat32));
      part.push_back(Array::empty(Dims{count}, DType::kFloat32));
      swapped.push_back(Array::empty(Dims{count * size}, DType::kFloat32));
    }
    for (const auto& r : ranks) {
      const auto me = static_cast<size_t>(r->rank());
      r->allgather(mine[me], all[me], {}, {});
      r->reduce_scatter(whole[me], part[me], Reduction::kSum, {});
      r->all_to_all(whole[me], swapped[me], {}, {}, {});
    }
    for (int r = 0; r < size; ++r) {
      const auto me = static_cast<size_t>(r);
      for (int other = 0; other < size; ++other) {
        CHECK_EQ(at(all[me], other * count + 5), value(other, 5));
        CHECK_EQ(at(swapped[me], other * count + 5), value(other, r * count + 5));
      }
      CHECK_EQ(at(part[me], 5), sum_at(size, r * count + 5));
    }
  }
}

THREADED_TEST(dist_ranks_call_from_threads_of_their_own) {
  const int size = 4, rounds = 50;
  const Group ranks = Communicator::in_process(size);
  std::vector<int> wrong(size, 0);
  std::vector<std::thread> threads;
  for (const auto& r : ranks) {
    threads.emplace_back([&, rank = r->rank()] {
      const Ref<Communicator> comm = ranks[static_cast<size_t>(rank)];
      std::vector<ArrayRef> data;
      for (int i = 0; i < rounds; ++i) {
        data.push_back(filled(rank, 1 + 131 * i));
        comm->allreduce(data.back(), Reduction::kSum, named("x", i % 5));
        ArrayRef passed = Array::empty(Dims{1 + i}, DType::kFloat32);
        comm->receive(passed, (rank + size - 1) % size, i % 3, {});
        comm->send(filled(rank, 1 + i), (rank + 1) % size, i % 3, {});
        wrong[static_cast<size_t>(rank)] += at(passed, i) != value((rank + size - 1) % size, i);
      }
      comm->barrier();
      for (int i = 0; i < rounds; ++i) {
        const int64_t last = 131 * i;
        wrong[static_cast<size_t>(rank)] +=
            at(data[static_cast<size_t>(i)], last) != sum_at(size, last);
      }
    });
  }
  for (std::thread& t : threads) t.join();
  CHECK_EQ(std::count(wrong.begin(), wrong.end(), 0), size);
}

THREADED_TEST(dist_lists_are_summed_as_one_array) {
  const Group ranks = Communicator::in_process(3);
  std::vector<std::vector<ArrayRef>> lists;
  for (const auto& r : ranks) lists.push_back({filled(r->rank(), 5), filled(r->rank(), 7000)});
  for (const auto& r : ranks) {
    r->allreduce_list(lists[static_cast<size_t>(r->rank())], Reduction::kSum, {});
  }
  for (const auto& list : lists) {
    CHECK_EQ(at(list[0], 4), sum_at(3, 4));
    CHECK_EQ(at(list[1], 6999), sum_at(3, 6999));
  }
}

THREADED_TEST(dist_split_makes_groups_of_equal_color) {
  const Group ranks = Communicator::in_process(4);
  std::vector<std::thread> threads;
  std::vector<float> sums(4);
  for (const auto& r : ranks) {
    threads.emplace_back([&, rank = r->rank()] {
      const auto me = static_cast<size_t>(rank);
      const Ref<Communicator> half = ranks[me]->split(rank % 2, -rank);
      CHECK_EQ(half->size(), 2);
      CHECK_EQ(half->rank(), rank < 2 ? 1 : 0);
      ArrayRef a = filled(rank, 1);
      half->allreduce(a, Reduction::kSum, {});
      sums[me] = at(a, 0);
    });
  }
  for (std::thread& t : threads) t.join();
  CHECK((sums == std::vector<float>{4, 6, 4, 6}));
}

THREADED_TEST(dist_sizes_that_differ_fail_on_all_ranks) {
  const Group ranks = Communicator::in_process(3);
  std::vector<ArrayRef> data;
  for (const auto& r : ranks) data.push_back(filled(r->rank(), r->rank() == 2 ? 5 : 4));
  for (const auto& r : ranks) {
    r->allreduce(data[static_cast<size_t>(r->rank())], Reduction::kSum, named("odd"));
  }
  for (const ArrayRef& a : data) CHECK_THROWS(a->wait_to_read(), Error, "'odd'");
  ArrayRef later = filled(0, 2);
  ranks[0]->allreduce(later, Reduction::kSum, named("later"));
  CHECK_THROWS(later->wait_to_read(), Error, "'odd'");
}

THREADED_TEST(dist_abort_ends_what_waits) {
  const Group ranks = Communicator::in_process(2);
  ArrayRef a = filled(0, 3);
  ranks[0]->allreduce(a, Reduction::kSum, named("lonely"));
  CHECK(!a->var().is_quiet(false));
  ranks[1]->abort("rank 1 gives up");
  CHECK_THROWS(a->wait_to_read(), Error, "rank 1 gives up");
}

THREADED_TEST(dist_operations_end_without_their_communicator) {
  ArrayRef a = filled(0, 3000), b = filled(1, 3000);
  {
    const Group ranks = Communicator::in_process(2);
    ranks[0]->allreduce(a, Reduction::kSum, {});
    ranks[1]->allreduce(b, Reduction::kSum, {});
  }
  CHECK_EQ(at(a, 10), sum_at(2, 10));
  CHECK_EQ(at(b, 10), sum_at(2, 10));
}

THREADED_TEST(dist_arguments_are_checked) {
  const Group ranks = Communicator::in_process(2);
  const ArrayRef a = filled(0, 6);
  CHECK_THROWS(ranks[0]->broadcast(a, 2, {}), Error, "root is 2");
  CHECK_THROWS(ranks[0]->send(a, 0, 0, {}), Error, "must be another rank");
  CHECK_THROWS(ranks[0]->send(a, 1, 128, {}), Error, "channel is 128");
  CHECK_THROWS(ranks[0]->reduce_scatter(a, a, Reduction::kSum, {}), Error, "must have 12");
  CHECK_THROWS(Communicator::in_process(0), Error, "size is 0");
}
