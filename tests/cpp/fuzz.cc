#include "fuzz.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>

#include "base/env.h"
#include "base/error.h"
#include "testing.h"

namespace plait::testing {

size_t Mutator::below(size_t n) {
  return n ? std::uniform_int_distribution<size_t>(0, n - 1)(random_) : 0;
}

std::string Mutator::change(const Seeds& seeds) {
  std::string out = seeds[below(seeds.size())];
  for (size_t n = 1 + below(4); n > 0; --n) change_once(out, seeds);
  return out;
}

void Mutator::change_once(std::string& s, const Seeds& seeds) {
  const size_t at = below(s.size());
  switch (below(7)) {
    case 0:
      if (!s.empty()) s[at] = static_cast<char>(below(256));
      break;
    case 1:
      if (!s.empty()) s[at] = static_cast<char>(s[at] ^ (1 << below(8)));
      break;
    case 2: s.resize(at); break;
    case 3: put_number(s, at); break;
    case 4: s.erase(at, 1 + below(64)); break;
    case 5: s.insert(at, s.substr(below(s.size()), 1 + below(64))); break;
    default: {  // goes on like another file
      const std::string& other = seeds[below(seeds.size())];
      s.resize(at);
      s += other.substr(std::min(other.size(), at));
    }
  }
}

// Numbers at which sizes overflow.
void Mutator::put_number(std::string& s, size_t at) {
  static constexpr uint64_t kNumbers[] = {0,
                                          1,
                                          0x7f,
                                          0xff,
                                          0x7fff,
                                          0xffff,
                                          0x7fffffff,
                                          0xffffffff,
                                          0x80000000,
                                          1ull << 40,
                                          0x7fffffffffffffff,
                                          0xffffffffffffffff};
  uint64_t value = kNumbers[below(std::size(kNumbers))];
  if (below(2)) value = __builtin_bswap64(value);
  const size_t n = std::min(size_t{1} << below(4), s.size() - at);
  std::memcpy(s.data() + at, &value, n);
}

void fuzz(const char* name, const Seeds& seeds, int few,
          const std::function<void(std::string&, Mutator&)>& read) {
  using Clock = std::chrono::steady_clock;
  const auto seconds = std::chrono::seconds(env::get_int("PLAIT_STRESS_SECONDS", nullptr, 0));
  Mutator mutator(static_cast<uint64_t>(env::get_int("PLAIT_TEST_SEED", nullptr, 1)));
  const auto end = Clock::now() + seconds;
  int64_t cases = 0, refused = 0;
  for (; cases < few || Clock::now() < end; ++cases) {
    std::string bytes = mutator.change(seeds);
    try {
      read(bytes, mutator);
    } catch (const Error& error) {
      CHECK(error.kind() != ErrorKind::kInternal);
      ++refused;
    } catch (const std::bad_alloc&) {
      ++refused;
    }
  }
  std::printf("%s: %lld cases, %lld refused\n", name, static_cast<long long>(cases),
              static_cast<long long>(refused));
}

}  // namespace plait::testing
