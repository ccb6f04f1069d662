#include <algorithm>
#include <charconv>
#include <string_view>
#include <tuple>

#include "base/error.h"
#include "data/archive.h"
#include "data/iterator.h"

namespace plait::data {
namespace {

// The samples of a file with lines such as "1 0:0.5 7:2": labels, then elements by index.
struct Rows {
  std::string path;
  int64_t size;                  // elements of a row
  std::vector<size_t> begin{0};  // of each row in `index` and `value`, and the end
  std::vector<int64_t> index;
  std::vector<float> value, label;
  int64_t label_width = 0;

  Rows(std::string from, int64_t row_size) : path(std::move(from)), size(row_size) {
    const std::string bytes = read_file(path);
    int64_t number = 1;
    for (std::string_view left = bytes; !left.empty(); ++number) {
      const size_t stop = std::min(left.find('\n'), left.size());
      add(left.substr(0, stop), number);
      left.remove_prefix(std::min(stop + 1, left.size()));
    }
    check(count() > 0, ErrorKind::kIo, "LibSVMIter: ", path, " has no samples");
  }

  int64_t count() const { return static_cast<int64_t>(begin.size()) - 1; }

  // Row `row` to `size` floats.
  void write(int64_t row, float* to) const {
    std::fill_n(to, size, 0.f);
    const auto r = static_cast<size_t>(row);
    for (size_t i = begin[r]; i < begin[r + 1]; ++i) to[index[i]] = value[i];
  }

 private:
  template <class T>
  T read(std::string_view word, int64_t line) const {
    T number{};
    const char* stop = word.data() + word.size();
    const auto [end, error] = std::from_chars(word.data(), stop, number);
    check(error == std::errc{} && end == stop, ErrorKind::kIo, "LibSVMIter: ", path, ", line ",
          line, ": '", word, "' must be a number");
    return number;
  }

  void add(std::string_view line, int64_t number) {
    constexpr std::string_view kSpace = " \t\r";
    int64_t labels = 0;
    bool seen = false;
    while (true) {
      line.remove_prefix(std::min(line.find_first_not_of(kSpace), line.size()));
      if (line.empty()) break;
      const std::string_view word = line.substr(0, line.find_first_of(kSpace));
      line.remove_prefix(word.size());
      const size_t colon = word.find(':');
      if (colon == word.npos && index.size() == begin.back()) {
        label.push_back(read<float>(word, number));
        ++labels;
      } else {
        const int64_t at = read<int64_t>(word.substr(0, colon), number);
        check(at >= 0 && at < size, ErrorKind::kIo, "LibSVMIter: ", path, ", line ", number,
              ": index is ", at, ", must be in [0, ", size - 1, "]");
        index.push_back(at);
        value.push_back(read<float>(colon == word.npos ? "" : word.substr(colon + 1), number));
      }
      seen = true;
    }
    if (!seen) return;
    if (begin.size() == 1) label_width = labels;
    check(labels == label_width, ErrorKind::kIo, "LibSVMIter: ", path, ", line ", number, " has ",
          labels, " labels, must have ", label_width, " as the first line");
    begin.push_back(index.size());
  }
};

int64_t product(const Options& o, const std::string& name) {
  int64_t n = 1;
  for (int64_t d : o.shape(name)) {
    check(!__builtin_mul_overflow(n, d, &n), ErrorKind::kInvalidArgument, o.owner(), ": ", name,
          " is ", o.text(name), ", must have fewer than 2^63 elements");
  }
  return n;
}

Dims batch_shape(const Options& o, const std::string& name) {
  Dims shape{o.integer("batch_size", 1)};
  for (int64_t d : o.shape(name)) shape.push_back(d);
  return shape;
}

class LibSvmIterator final : public Iterator {
 public:
  explicit LibSvmIterator(const Options& o)
      : data_(o.text("data_libsvm"), product(o, "data_shape")),
        shape_(batch_shape(o, "data_shape")),
        label_shape_(batch_shape(o, "label_shape")),
        batch_(o.integer("batch_size", 1)),
        round_(o.flag("round_batch")) {
    const int64_t width = product(o, "label_shape");
    const std::string& path = o.text("label_libsvm");
    if (!path.empty()) {
      labels_ = std::make_unique<Rows>(path, width);
      check(labels_->count() == data_.count(), ErrorKind::kShape, "LibSVMIter: label_libsvm has ",
            labels_->count(), " samples, must have ", data_.count(), " as data_libsvm");
    } else {
      check(data_.label_width == width, ErrorKind::kIo, "LibSVMIter: ", data_.path, " has ",
            data_.label_width, " labels a line, must have ", width, " for label_shape ",
            o.text("label_shape"));
    }
    if (label_shape_.size() == 2 && width == 1) label_shape_.pop_back();
    std::tie(first_, last_) = o.part_of(data_.count());
    check(last_ > first_, ErrorKind::kIo, "LibSVMIter: ", data_.path, " has no samples for part ",
          o.text("part_index"));
    reset();
  }

  void reset() override { at_ = first_ + std::exchange(taken_, 0); }

  bool next(Batch& batch) override {
    const int64_t left = last_ - at_;
    if (left <= 0) return false;
    batch.data = Array::empty(shape_, DType::kFloat32);
    batch.label = Array::empty(label_shape_, DType::kFloat32);
    batch.index = Array::empty({batch_}, DType::kInt64);
    const int64_t width = batch.label->size() / batch_;
    for (int64_t i = 0; i < batch_; ++i) {
      const int64_t row = first_ + (at_ - first_ + i) % (last_ - first_);
      static_cast<int64_t*>(batch.index->data())[i] = row;
      data_.write(row, static_cast<float*>(batch.data->data()) + i * data_.size);
      float* label = static_cast<float*>(batch.label->data()) + i * width;
      if (labels_) {
        labels_->write(row, label);
      } else {
        std::copy_n(data_.label.data() + row * width, width, label);
      }
    }
    batch.pad = std::max<int64_t>(batch_ - left, 0);
    at_ += batch_;
    if (round_) taken_ = batch.pad % (last_ - first_);
    return true;
  }

 private:
  Rows data_;
  std::unique_ptr<Rows> labels_;  // null: those of `data_`
  Dims shape_, label_shape_;
  int64_t batch_, first_ = 0, last_ = 0, at_ = 0, taken_ = 0;  // taken_: as in RowsIterator
  bool round_;
};

}  // namespace

std::unique_ptr<Iterator> make_libsvm_iterator(const Options& o) {
  return std::make_unique<LibSvmIterator>(o);
}

}  // namespace plait::data
