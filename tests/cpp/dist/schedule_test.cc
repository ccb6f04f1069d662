#include "dist/schedule.h"

#include <cstring>
#include <numeric>

#include "testing.h"

using namespace plait;
using namespace plait::dist;

namespace {

// Ranks of one process whose schedules the test moves by hand.
struct Ranks {
  explicit Ranks(int size) : transports(in_process_transports(size)) {
    std::vector<int> numbers(transports.size());
    std::iota(numbers.begin(), numbers.end(), 0);
    members = std::make_shared<const std::vector<int>>(numbers);
  }
  int size() const { return static_cast<int>(transports.size()); }
  Peers peers(int rank) {
    return {transports[static_cast<size_t>(rank)], members, rank, Tag{0, false, 0, number}};
  }
  // All ranks of one operation, in an order that `seed` tells. Schedules that are done are kept.
  void run(std::vector<Schedule> schedules, unsigned seed) {
    std::vector<bool> done(schedules.size(), false);
    for (size_t left = schedules.size(), turns = 0; left > 0; ++turns) {
      CHECK(turns < 100000);
      seed = seed * 1664525 + 1013904223;
      const size_t i = (seed >> 16) % schedules.size();
      if (done[i] || schedules[i].advance() != Advance::kDone) continue;
      done[i] = true;
      --left;
    }
    ++number;
  }

  std::vector<TransportRef> transports;
  Members members;
  uint32_t number = 1;
};

Span span(std::vector<float>& v) {
  return {reinterpret_cast<char*>(v.data()), static_cast<int64_t>(v.size()), 4};
}

std::vector<std::vector<float>> inputs(int size, int64_t count) {
  std::vector<std::vector<float>> all(static_cast<size_t>(size));
  unsigned state = 7;
  for (auto& v : all) {
    v.resize(static_cast<size_t>(count));
    for (float& x : v) {
      state = state * 1664525 + 1013904223;
      x = static_cast<float>(state >> 8) / 1e6f;
    }
  }
  return all;
}

}  // namespace

TEST(dist_schedules_give_the_same_bits_in_any_order) {
  const Combine add = combine_of(DType::kFloat32, Reduction::kSum);
  for (int size = 1; size <= 6; ++size) {
    Ranks ranks(size);
    for (int64_t count : {1, 5, 3000, 5001}) {
      std::vector<float> wanted;
      for (unsigned seed = 1; seed < 4; ++seed) {
        auto data = inputs(size, count);
        std::vector<Schedule> all;
        for (int r = 0; r < size; ++r) {
          all.push_back(allreduce(ranks.peers(r), span(data[static_cast<size_t>(r)]), add));
        }
        ranks.run(std::move(all), seed);
        if (wanted.empty()) wanted = data[0];
        for (const auto& v : data) {
          CHECK(std::memcmp(v.data(), wanted.data(), wanted.size() * 4) == 0);
        }
      }
    }
  }
}

TEST(dist_broadcasts_reach_all_from_every_root) {
  for (int size = 1; size <= 5; ++size) {
    Ranks ranks(size);
    for (int root = 0; root < size; ++root) {
      for (int64_t count : {3, 9001}) {
        auto data = inputs(size, count);
        const auto wanted = data[static_cast<size_t>(root)];
        std::vector<Schedule> all;
        for (int r = 0; r < size; ++r) {
          all.push_back(broadcast(ranks.peers(r), span(data[static_cast<size_t>(r)]), root));
        }
        ranks.run(std::move(all), 3);
        for (const auto& v : data) CHECK(v == wanted);
      }
    }
  }
}

TEST(dist_schedules_can_be_given_up) {
  const Combine add = combine_of(DType::kFloat32, Reduction::kSum);
  Ranks ranks(3);
  auto data = inputs(3, 5000);
  {
    Schedule alone = allreduce(ranks.peers(0), span(data[0]), add);
    CHECK(alone.advance() != Advance::kDone);
    CHECK(alone.missing() != nullptr);
    CHECK(alone.advance() == Advance::kStuck);
  }
  ++ranks.number;
  std::vector<Schedule> all;
  for (int r = 0; r < 3; ++r) all.push_back(barrier(ranks.peers(r)));
  ranks.run(std::move(all), 5);
}

TEST(dist_compare_names_what_differs) {
  Ranks ranks(2);
  Schedule a = compare(ranks.peers(0), "allreduce x"), b = compare(ranks.peers(1), "broadcast y");
  CHECK_THROWS(
      while (true) {
        a.advance();
        b.advance();
      },
      Error, "rank 0 calls allreduce x, rank 1 calls broadcast y");
}
