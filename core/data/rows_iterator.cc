#include <algorithm>
#include <cstring>
#include <numeric>
#include <random>
#include <utility>

#include "base/error.h"
#include "data/iterator.h"

namespace plait::data {
namespace {

// Row `order[(at + i) % n]` of `from` becomes row i of the result.
ArrayRef gather(const Array& from, const std::vector<int64_t>& order, int64_t at, int64_t rows) {
  Dims shape = from.shape();
  shape[0] = rows;
  const ArrayRef out = Array::empty(shape, from.dtype());
  const auto n = static_cast<int64_t>(order.size());
  const int64_t bytes = from.nbytes() / from.shape()[0];
  if (bytes == 0) return out;
  for (int64_t i = 0; i < rows; ++i) {
    const int64_t row = order[static_cast<size_t>((at + i) % n)];
    std::memcpy(static_cast<char*>(out->data()) + i * bytes,
                static_cast<const char*>(from.data()) + row * bytes, static_cast<size_t>(bytes));
  }
  return out;
}

class RowsIterator final : public Iterator {
 public:
  RowsIterator(ArrayRef data, ArrayRef label, int64_t batch_size, Shuffle shuffle, uint64_t seed,
               LastBatch last)
      : data_(std::move(data)),
        label_(std::move(label)),
        index_(Array::empty({data_->shape()[0]}, DType::kInt64)),
        order_(static_cast<size_t>(data_->shape()[0])),
        batch_(batch_size),
        shuffle_(shuffle),
        seed_(seed),
        last_(last) {
    std::iota(order_.begin(), order_.end(), 0);
    std::copy(order_.begin(), order_.end(), static_cast<int64_t*>(index_->data()));
    reset();
  }

  void reset() override {
    at_ = std::exchange(taken_, 0);
    const bool anew = shuffle_ == Shuffle::kEachPass || (shuffle_ == Shuffle::kOnce && pass_ == 0);
    if (anew) order_ = shuffled(static_cast<int64_t>(order_.size()), seed_ + pass_);
    ++pass_;
  }

  bool next(Batch& batch) override {
    const int64_t left = static_cast<int64_t>(order_.size()) - at_;
    if (left <= 0 || (last_ == LastBatch::kDiscard && left < batch_)) return false;
    batch.data = gather(*data_, order_, at_, batch_);
    batch.label = gather(*label_, order_, at_, batch_);
    batch.index = gather(*index_, order_, at_, batch_);
    batch.pad = std::max<int64_t>(batch_ - left, 0);
    at_ += batch_;
    if (last_ == LastBatch::kRound) taken_ = batch.pad % static_cast<int64_t>(order_.size());
    return true;
  }

 private:
  ArrayRef data_, label_, index_;
  std::vector<int64_t> order_;
  int64_t batch_, at_ = 0, taken_ = 0;  // samples of the next pass that this one took
  Shuffle shuffle_;
  uint64_t seed_, pass_ = 0;
  LastBatch last_;
};

constexpr OptionDef kOptions[] = {
    {"batch_size", "1", "samples in a batch"},
    {"shuffle", "false", "a new order in each pass"},
    {"seed", "0", "of the order"},
    {"last_batch_handle", "pad", "pad: fill the last batch from the start; discard: leave it out"},
};

// A contiguous copy, made now.
ArrayRef copied(const ArrayRef& from, const char* name) {
  check(from->ndim() > 0 && from->contiguous(), ErrorKind::kShape, "NDArrayIter: ", name,
        " has shape ", from->shape(), ", must be contiguous with at least one axis");
  from->wait_to_read();
  const ArrayRef to = Array::empty(from->shape(), from->dtype());
  std::memcpy(to->data(), from->data(), static_cast<size_t>(from->nbytes()));
  return to;
}

}  // namespace

std::vector<int64_t> shuffled(int64_t count, uint64_t seed) {
  std::vector<int64_t> order(static_cast<size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  std::mt19937_64 draw(seed);
  for (uint64_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[draw() % i]);
  return order;
}

std::unique_ptr<Iterator> rows_iterator(const std::string& owner, ArrayRef data, ArrayRef label,
                                        int64_t batch_size, Shuffle shuffle, uint64_t seed,
                                        LastBatch last) {
  const int64_t n = data->shape()[0];
  check(n > 0 && label->shape()[0] == n, ErrorKind::kShape, owner, ": data has ", n,
        " samples and label ", label->shape()[0], ", must be the same number > 0");
  check(last != LastBatch::kDiscard || batch_size <= n, ErrorKind::kInvalidArgument, owner,
        ": batch_size is ", batch_size, ", must be at most the number of samples, ", n);
  return std::make_unique<RowsIterator>(std::move(data), std::move(label), batch_size, shuffle,
                                        seed, last);
}

std::span<const OptionDef> array_options() { return kOptions; }

std::unique_ptr<Iterator> array_iterator(const ArrayRef& data, const ArrayRef& label,
                                         const Given& given) {
  const Options o("NDArrayIter", kOptions, given);
  const std::string& last = o.text("last_batch_handle");
  check(last == "pad" || last == "discard", ErrorKind::kInvalidArgument,
        "NDArrayIter: last_batch_handle is '", last, "', must be 'pad' or 'discard'");
  return rows_iterator("NDArrayIter", copied(data, "data"), copied(label, "label"),
                       o.integer("batch_size", 1),
                       o.flag("shuffle") ? Shuffle::kEachPass : Shuffle::kNever,
                       static_cast<uint64_t>(o.integer("seed", 0)),
                       last == "pad" ? LastBatch::kPad : LastBatch::kDiscard);
}

}  // namespace plait::data
