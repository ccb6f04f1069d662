#include "dist/shared_sum.h"

#include <algorithm>

#include "base/error.h"

namespace plait::dist {
namespace {

// FNV-1a: http://www.isthe.com/chongo/tech/comp/fnv
uint32_t hash_of(const std::string& key) {
  uint32_t hash = 2166136261u;
  for (const char c : key) hash = (hash ^ static_cast<uint8_t>(c)) * 16777619u;
  return hash;
}

double* numbers(const ArrayRef& array) { return static_cast<double*>(array->data()); }

}  // namespace

void SharedSum::sum(const std::string& key, double* data, int64_t n) {
  if (comm_->size() == 1) return;
  Options options;
  options.waits = true;
  options.name = key;
  // The hash goes along: unless all are equal, some rank's own is not their mean.
  const double hash = hash_of(key);
  const ArrayRef all = Array::empty({n + 1}, DType::kFloat64);
  std::copy_n(data, n, numbers(all));
  numbers(all)[n] = hash;
  comm_->allreduce(all, Reduction::kSum, options);
  if (numbers(all)[n] != hash * comm_->size()) {
    const std::string reason = cat("sum over ranks: rank ", comm_->rank(), " comes with key '", key,
                                   "', must be that of all ranks");
    comm_->abort(reason);
    fail(ErrorKind::kComm, reason);
  }
  std::copy_n(numbers(all), n, data);
}

void SharedSum::leave_out(const std::string& reason) {
  comm_->abort(cat("rank ", comm_->rank(), " leaves sums over ranks out: ", reason));
}

}  // namespace plait::dist
