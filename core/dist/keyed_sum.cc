#include "dist/keyed_sum.h"

#include <algorithm>

#include "base/error.h"

namespace plait::dist {
namespace {

constexpr uint32_t kChannels = 128;

// FNV-1a: http://www.isthe.com/chongo/tech/comp/fnv
uint32_t hash_of(const std::string& key) {
  uint32_t hash = 2166136261u;
  for (const char c : key) hash = (hash ^ static_cast<uint8_t>(c)) * 16777619u;
  return hash;
}

double* numbers(const ArrayRef& array) { return static_cast<double*>(array->data()); }

}  // namespace

void keyed_sum(Communicator& comm, const std::string& key, double* data, int64_t n) {
  // The hash goes along: keys may share a channel.
  const uint32_t hash = hash_of(key);
  const int channel = static_cast<int>(hash % kChannels);
  Options options;
  options.waits = true;
  options.name = key;
  const ArrayRef mine = Array::empty({n + 1}, DType::kFloat64);
  std::copy_n(data, n, numbers(mine));
  numbers(mine)[n] = hash;
  if (comm.rank() > 0) {
    comm.send(mine, 0, channel, options);
    comm.receive(mine, 0, channel, options);
    std::copy_n(numbers(mine), n, data);
    return;
  }
  const ArrayRef other = Array::empty({n + 1}, DType::kFloat64);
  for (int rank = 1; rank < comm.size(); ++rank) {
    comm.receive(other, rank, channel, options);
    check(numbers(other)[n] == hash, ErrorKind::kComm, "sum over ranks: rank ", rank,
          " comes with another key than '", key, "', must come in the same order");
    for (int64_t i = 0; i < n; ++i) numbers(mine)[i] += numbers(other)[i];
  }
  for (int rank = 1; rank < comm.size(); ++rank) comm.send(mine, rank, channel, options);
  std::copy_n(numbers(mine), n, data);
}

}  // namespace plait::dist
