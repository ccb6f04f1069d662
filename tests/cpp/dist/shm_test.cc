#include "dist/shm.h"

#include <unistd.h>

#include <cstring>
#include <numeric>
#include <thread>

#include "testing.h"

using namespace plait;
using namespace plait::dist;

namespace {

// Shared memory of `count` "processes", all of which are this one.
struct Memory {
  explicit Memory(int count) {
    static int number = 0;
    const std::string name = cat("/plait-test-", getpid(), "-", number++);
    ShmLink::create(name, count);
    std::vector<int> ranks(static_cast<size_t>(count));
    std::iota(ranks.begin(), ranks.end(), 0);
    for (int i = 0; i < count; ++i) {
      links.push_back(std::make_unique<ShmLink>(name, i, ranks));
    }
    ShmLink::unlink(name);
  }
  std::vector<std::unique_ptr<ShmLink>> links;
};

void finish(ShmLink& link, Transfer& transfer) {
  while (transfer.advance() != Advance::kDone) {
    if (!link.poll()) link.idle(1000000);
  }
}

std::vector<int32_t> numbers(int64_t count, int32_t first) {
  std::vector<int32_t> list(static_cast<size_t>(count));
  std::iota(list.begin(), list.end(), first);
  return list;
}

Landing landing(std::vector<int32_t>& to, Combine combine = nullptr) {
  return {to.data(), static_cast<int64_t>(to.size() * 4), combine, 4};
}

constexpr int64_t kCounts[] = {0, 1, 7, 8, 1000, 65537, 300000};

}  // namespace

TEST(dist_shm_carries_messages_of_all_sizes) {
  Memory memory(2);
  std::thread sender([&] {
    ShmLink& link = *memory.links[0];
    uint64_t tag = 0;
    for (int64_t count : kCounts) {
      const auto data = numbers(count, static_cast<int32_t>(count));
      const auto sending = link.send(1, ++tag, data.data(), count * 4);
      finish(link, *sending);
    }
  });
  ShmLink& link = *memory.links[1];
  uint64_t tag = 0;
  bool same = true;
  for (int64_t count : kCounts) {
    std::vector<int32_t> got(static_cast<size_t>(count), -1);
    const auto receiving = link.receive(0, ++tag, landing(got));
    finish(link, *receiving);
    same = same && got == numbers(count, static_cast<int32_t>(count));
  }
  sender.join();
  CHECK(same);
}

TEST(dist_shm_reduces_out_of_the_ring_in_both_directions) {
  Memory memory(2);
  const Combine add = combine_of(DType::kInt32, Reduction::kSum);
  bool same[2] = {true, true};
  const auto rank = [&](int me) {
    ShmLink& link = *memory.links[static_cast<size_t>(me)];
    for (int round = 0; round < 20; ++round) {
      const int64_t count = 1 + 9001 * round % 70000;
      const auto mine = numbers(count, me);
      auto sum = mine;
      const auto out = link.send(1 - me, static_cast<uint64_t>(round), mine.data(), count * 4);
      const auto in = link.receive(1 - me, static_cast<uint64_t>(round), landing(sum, add));
      bool sent = false, received = false;
      while (!sent || !received) {
        sent = sent || out->advance() == Advance::kDone;
        received = received || in->advance() == Advance::kDone;
        if (!link.poll()) link.idle(100000);
      }
      for (int64_t i = 0; i < count; ++i) {
        same[me] = same[me] && sum[static_cast<size_t>(i)] == 2 * i + 1;
      }
    }
  };
  std::thread other(rank, 1);
  rank(0);
  other.join();
  CHECK(same[0] && same[1]);
}

TEST(dist_shm_keeps_messages_that_nobody_waits_for) {
  Memory memory(3);
  const auto first = numbers(10, 0), second = numbers(10, 100);
  for (const auto& [tag, data] : {std::pair{5, &first}, std::pair{6, &second}}) {
    const auto sending = memory.links[2]->send(0, static_cast<uint64_t>(tag), data->data(), 40);
    CHECK(sending->advance() == Advance::kDone);
  }
  memory.links[0]->poll();
  std::vector<int32_t> got(10);
  for (const auto& [tag, data] : {std::pair{6, &second}, std::pair{5, &first}}) {
    const auto receiving = memory.links[0]->receive(2, static_cast<uint64_t>(tag), landing(got));
    CHECK(receiving->advance() == Advance::kDone);
    CHECK(got == *data);
  }
}

TEST(dist_shm_receive_can_be_given_up) {
  Memory memory(2);
  std::vector<int32_t> got(4);
  { const auto receiving = memory.links[0]->receive(1, 1, landing(got)); }
  const auto data = numbers(4, 1);
  const auto sending = memory.links[1]->send(0, 1, data.data(), 16);
  CHECK(sending->advance() == Advance::kDone);
  memory.links[0]->poll();
  const auto again = memory.links[0]->receive(1, 1, landing(got));
  CHECK(again->advance() == Advance::kDone);
  CHECK(got == data);
}

TEST(dist_shm_other_sizes_fail) {
  Memory memory(2);
  const auto data = numbers(4, 1);
  const auto sending = memory.links[1]->send(0, 1, data.data(), 16);
  sending->advance();
  std::vector<int32_t> got(5);
  const auto receiving = memory.links[0]->receive(1, 1, landing(got));
  CHECK_THROWS(receiving->advance(), Error, "sent 16 bytes, must be 20");
}

TEST(dist_shm_failures_and_ends_are_seen) {
  Memory memory(3);
  CHECK_EQ(memory.links[0]->trouble(1, 0), "");
  memory.links[1]->announce_failure("no more data");
  CHECK_EQ(memory.links[0]->trouble(1, 0), "rank 1 failed: no more data");
  memory.links[2] = nullptr;
  CHECK_EQ(memory.links[0]->trouble(2, 0), "rank 2 has ended without it");
}

TEST(dist_shm_silence_counts_by_the_watching_process_own_time) {
  constexpr int64_t kSecond = 1000000000;
  Memory memory(2);
  ShmLink& link = *memory.links[0];
  CHECK_EQ(link.trouble(1, 5 * kSecond), "");   // the silence begins here, whatever the clock says
  CHECK_EQ(link.trouble(1, 34 * kSecond), "");  // not stopped: three times 10 s
  const std::string found = link.trouble(1, 35 * kSecond);
  CHECK(found.find("shows no sign of life for 30 s") != std::string::npos);
  memory.links[1]->beat();
  CHECK_EQ(link.trouble(1, 36 * kSecond), "");
  CHECK_EQ(link.trouble(1, 65 * kSecond), "");
}
