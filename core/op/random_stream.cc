#include "op/random_stream.h"

#include <algorithm>
#include <mutex>

namespace plait::op {
namespace {
std::mutex random_mutex;
RandomKey random_state{0, 0};
}  // namespace

void seed_random(uint64_t seed) {
  std::lock_guard lock(random_mutex);
  random_state = {seed, 0};
}

RandomKey random_position() {
  std::lock_guard lock(random_mutex);
  return random_state;
}

void set_random_position(RandomKey position) {
  std::lock_guard lock(random_mutex);
  random_state = position;
}

RandomKey next_random_key(int64_t count) {
  std::lock_guard lock(random_mutex);
  const RandomKey key = random_state;
  random_state.offset += static_cast<uint64_t>(std::max<int64_t>(count, 1));
  return key;
}

}  // namespace plait::op
