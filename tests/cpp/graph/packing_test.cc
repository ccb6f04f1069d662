#include "graph/packing.h"

#include <algorithm>
#include <random>

#include "testing.h"

using namespace plait::graph;

namespace {

bool overlap(const Span& a, const Span& b) {
  const bool in_time = a.begin <= b.end && b.begin <= a.end;
  return in_time && a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
}

TEST(packing_shares_memory_of_spans_that_follow_each_other) {
  std::vector<Span> spans{{64, 0, 1}, {128, 2, 3}, {64, 3, 4}};
  CHECK_EQ(pack(spans), 192);
  CHECK_EQ(spans[0].offset, 0);
  CHECK_EQ(spans[1].offset, 0);
  CHECK_EQ(spans[2].offset, 128);
}

TEST(packing_keeps_given_offsets) {
  std::vector<Span> spans{{64, 0, 9, 128}, {128, 1, 2}, {64, 1, 2}};
  CHECK_EQ(pack(spans), 256);
  CHECK_EQ(spans[0].offset, 128);
  CHECK_EQ(spans[1].offset, 0);
  CHECK_EQ(spans[2].offset, 192);
}

TEST(packing_of_random_spans_never_overlaps) {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    std::vector<Span> spans;
    int64_t sum = 0;
    for (int i = 0; i < 60; ++i) {
      const auto begin = static_cast<int64_t>(random() % 100);
      const auto bytes = static_cast<int64_t>(64 * (random() % 20));
      spans.push_back({bytes, begin, begin + static_cast<int64_t>(random() % 20)});
      sum += bytes;
    }
    const int64_t total = pack(spans);
    CHECK(total <= sum);
    for (size_t i = 0; i < spans.size(); ++i) {
      CHECK(spans[i].offset >= 0 && spans[i].offset + spans[i].bytes <= total);
      for (size_t j = 0; j < i; ++j) CHECK(!overlap(spans[i], spans[j]));
    }
  }
}

}  // namespace
