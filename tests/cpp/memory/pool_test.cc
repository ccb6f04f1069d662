#include "memory/pool.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <limits>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"
#include "testing.h"

using namespace plait;
using namespace plait::memory;

TEST(pool_blocks_are_aligned_and_hold_what_was_asked) {
  for (int64_t bytes = 1; bytes < (int64_t{8} << 20); bytes = bytes * 3 / 2 + 1) {
    void* block = allocate(bytes);
    CHECK_EQ(reinterpret_cast<uintptr_t>(block) % 64, 0u);
    std::memset(block, 0xab, static_cast<size_t>(bytes));
    deallocate(block, bytes);
  }
}

TEST(pool_blocks_of_slabs_do_not_overlap_and_can_be_used_again) {
  constexpr int64_t kSizes[] = {66000, 300000, 1200000, 4100000};
  for (int round = 0; round < 2; ++round) {
    std::vector<std::pair<char*, int64_t>> blocks;
    for (int64_t bytes : kSizes) {
      for (int i = 0; i < 40; ++i) {
        auto* block = static_cast<char*>(allocate(bytes));
        std::memset(block, static_cast<int>(blocks.size() % 251), static_cast<size_t>(bytes));
        blocks.emplace_back(block, bytes);
      }
    }
    bool whole = true;
    for (size_t i = 0; i < blocks.size(); ++i) {
      const auto [block, bytes] = blocks[i];
      for (int64_t at = 0; at < bytes; at += 1000) {
        whole = whole && static_cast<unsigned char>(block[at]) == i % 251;
      }
      deallocate(block, bytes);
    }
    CHECK(whole);
    release_cached();  // the next round gets their addresses, with other memory
    CHECK_EQ(pool_stats().bytes_cached, 0);
  }
}

TEST(pool_zero_bytes_are_null) {
  CHECK(allocate(0) == nullptr);
  deallocate(nullptr, 0);
}

TEST(pool_gives_a_freed_block_to_the_next_of_its_size) {
  release_cached();
  void* first = allocate(1000);
  deallocate(first, 1000);
  const int64_t before = pool_stats().system_allocations;
  void* second = allocate(1000);
  CHECK(first == second);
  CHECK_EQ(pool_stats().system_allocations, before);
  deallocate(second, 1000);
}

TEST(pool_has_enough_when_other_threads_keep_what_they_can) {
  constexpr int kBlocks = 30;
  std::array<void*, kBlocks> blocks;
  for (void*& block : blocks) block = allocate(1000);
  for (void* block : blocks) deallocate(block, 1000);
  const int64_t before = pool_stats().system_allocations;
  std::atomic<int> turn{0};
  std::thread other([&] {  // as a thread that ends tasks: frees and takes nothing
    for (int round = 1; round <= 40; ++round) {
      while (turn < 2 * round - 1) std::this_thread::yield();
      deallocate(blocks[0], 1000);
      turn = 2 * round;
    }
  });
  for (int round = 1; round <= 40; ++round) {
    for (void*& block : blocks) block = allocate(1000);
    turn = 2 * round - 1;
    while (turn < 2 * round) std::this_thread::yield();
    for (int i = 1; i < kBlocks; ++i) deallocate(blocks[static_cast<size_t>(i)], 1000);
  }
  other.join();
  CHECK_EQ(pool_stats().system_allocations, before);
}

TEST(pool_makes_room_for_other_sizes) {
  release_cached();
  constexpr int64_t kStep = 64 << 20;
  for (int64_t i = 1; i <= 20; ++i) {
    void* block = allocate(i * kStep);  // never touched, so no page of it exists
    deallocate(block, i * kStep);
    const PoolStats stats = pool_stats();
    CHECK(stats.bytes_in_use + stats.bytes_cached <=
          2 * stats.peak_bytes_in_use + (int64_t{256} << 20));
  }
  release_cached();
}

TEST(pool_statistics_return_to_where_they_were) {
  release_cached();
  const PoolStats before = pool_stats();
  void* block = allocate(5000);
  CHECK(pool_stats().bytes_in_use >= before.bytes_in_use + 5000);
  CHECK(pool_stats().peak_bytes_in_use >= pool_stats().bytes_in_use);
  deallocate(block, 5000);
  CHECK_EQ(pool_stats().bytes_in_use, before.bytes_in_use);
  release_cached();
  CHECK_EQ(pool_stats().bytes_cached, before.bytes_cached);
}

TEST(pool_refuses_more_than_there_can_be) {
  const int64_t in_use = pool_stats().bytes_in_use;
  CHECK_THROWS(allocate(std::numeric_limits<int64_t>::max()), Error, "refused");
  CHECK_THROWS(allocate(int64_t{1} << 47), Error, "refused");
  CHECK_EQ(pool_stats().bytes_in_use, in_use);
}

TEST(pool_fails_the_wanted_allocation) {
  fail_allocation_after(1);
  void* block = allocate(64);
  CHECK_THROWS(allocate(64), Error, "refused");
  deallocate(block, 64);
  block = allocate(64);
  deallocate(block, 64);
}

TEST(pool_serves_threads_at_once) {
  const int64_t in_use = pool_stats().bytes_in_use;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < 5000; ++i) {
        const int64_t bytes = 64 + (i * 37 + t) % 5000;
        auto* block = static_cast<unsigned char*>(allocate(bytes));
        block[0] = block[bytes - 1] = static_cast<unsigned char>(t);
        if (block[0] != t || block[bytes - 1] != t) std::abort();
        deallocate(block, bytes);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK_EQ(pool_stats().bytes_in_use, in_use);
}

TEST(pool_counts_small_blocks_that_threads_keep) {
  release_cached();
  const PoolStats before = pool_stats();
  std::vector<void*> blocks;
  for (int i = 0; i < 40; ++i) blocks.push_back(allocate(100));
  CHECK_EQ(pool_stats().bytes_in_use, before.bytes_in_use + 40 * 112);
  const int64_t ready = pool_stats().bytes_cached;
  std::thread other([&] {  // frees what another thread made, and ends
    for (void* block : blocks) deallocate(block, 100);
    void* again = allocate(100);
    CHECK(std::find(blocks.begin(), blocks.end(), again) != blocks.end());
    deallocate(again, 100);
    CHECK_EQ(pool_stats().bytes_in_use, before.bytes_in_use);
    CHECK_EQ(pool_stats().bytes_cached, ready + 40 * 112);
  });
  other.join();
  CHECK_EQ(pool_stats().bytes_in_use, before.bytes_in_use);
  CHECK_EQ(pool_stats().bytes_cached, ready + 40 * 112);
  CHECK_EQ(pool_stats().allocations, before.allocations + 41);
  release_cached();
  CHECK_EQ(pool_stats().bytes_cached, before.bytes_cached);
}

TEST(pool_gets_what_other_threads_keep_when_they_next_keep_a_block) {
  release_cached();
  const int64_t before = pool_stats().bytes_cached;
  std::atomic<int64_t> ready{0};
  std::atomic<int> turn{0};
  std::thread other([&] {
    void* kept = allocate(100);
    void* last = allocate(100);
    ready = pool_stats().bytes_cached;
    deallocate(kept, 100);
    turn = 1;
    while (turn < 2) std::this_thread::yield();
    deallocate(last, 100);
    turn = 3;
    while (turn < 4) std::this_thread::yield();
  });
  while (turn < 1) std::this_thread::yield();
  CHECK_EQ(pool_stats().bytes_cached, ready + 112);
  release_cached();
  CHECK_EQ(pool_stats().bytes_cached, before + 112);
  turn = 2;
  while (turn < 3) std::this_thread::yield();
  CHECK_EQ(pool_stats().bytes_cached, before + 224);  // one of them in the pool
  release_cached();
  CHECK_EQ(pool_stats().bytes_cached, before + 112);
  turn = 4;
  other.join();
}
