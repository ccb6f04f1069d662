#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "data/archive.h"
#include "data/iterator.h"

namespace plait::data {
namespace {

// The sizes and bytes of a file in LeCun's IDX format (http://yann.lecun.com/exdb/mnist): two
// zeros, 8 for unsigned bytes, the number of axes, their sizes as big-endian 32-bit integers.
struct Idx {
  std::vector<int64_t> sizes;
  std::string bytes;  // with the header
  size_t start = 0;

  Idx(const std::string& path, size_t axes) : bytes(read_file(path)) {
    const bool packed = bytes.size() > 1 && bytes[0] == '\x1f' && bytes[1] == '\x8b';
    check(!packed, ErrorKind::kIo, "MNISTIter: ", path,
          " is packed by gzip, must be unpacked\n  hint: gunzip --keep ", path);
    start = 4 + 4 * axes;
    const bool good = bytes.size() >= start && bytes[0] == 0 && bytes[1] == 0 && bytes[2] == 8 &&
                      static_cast<size_t>(bytes[3]) == axes;
    check(good, ErrorKind::kIo, "MNISTIter: ", path, " is no IDX file of bytes with ", axes,
          " axes");
    uint64_t count = 1;
    for (size_t i = 0; i < axes; ++i) {
      uint64_t n = 0;
      for (size_t k = 0; k < 4; ++k) n = n << 8 | static_cast<uint8_t>(bytes[4 + 4 * i + k]);
      sizes.push_back(static_cast<int64_t>(n));
      check(!__builtin_mul_overflow(count, n, &count), ErrorKind::kIo, "MNISTIter: ", path,
            " is corrupt");
    }
    check(bytes.size() - start == count, ErrorKind::kIo, "MNISTIter: ", path, " has ",
          bytes.size() - start, " values, must have ", count);
  }

  // The samples [first, last) as float32.
  ArrayRef floats(int64_t first, int64_t last, Dims shape, float scale) const {
    shape.insert(0, last - first);
    const ArrayRef out = Array::empty(shape, DType::kFloat32);
    auto* to = static_cast<float*>(out->data());
    const int64_t item = last > first ? out->size() / (last - first) : 0;
    const auto* from = reinterpret_cast<const uint8_t*>(bytes.data() + start) + first * item;
    for (int64_t i = 0; i < out->size(); ++i) to[i] = static_cast<float>(from[i]) / scale;
    return out;
  }
};

// The numbers of a file with commas between them, `width` on each line that is not empty.
std::vector<float> read_csv(const std::string& path, int64_t width) {
  const std::string bytes = read_file(path);
  const char* const stop = bytes.c_str() + bytes.size();
  std::vector<float> numbers;
  int64_t line = 1;
  for (const char* at = bytes.c_str(); at < stop; ++line) {
    int64_t found = 0;
    bool good = true;
    while (*at == ' ' || *at == '\r') ++at;
    while (at < stop && *at != '\n' && good) {
      float number = 0;
      const auto [end, error] = std::from_chars(at, stop, number);
      good = error == std::errc{};
      numbers.push_back(number);
      ++found;
      for (at = end; *at == ' ' || *at == '\r' || *at == '\t';) ++at;
      good = good && (*at == ',' || *at == '\n' || at == stop);
      if (*at == ',') ++at;
      while (*at == ' ' || *at == '\t') ++at;
    }
    check(good, ErrorKind::kIo, "CSVIter: ", path, ", line ", line,
          " has something that is no number");
    check(!found || found == width, ErrorKind::kIo, "CSVIter: ", path, ", line ", line, " has ",
          found, " numbers, must have ", width);
    if (at < stop) ++at;
  }
  return numbers;
}

ArrayRef csv_array(const std::string& path, const std::vector<int64_t>& shape) {
  int64_t width = 1;
  for (int64_t n : shape) {
    check(!__builtin_mul_overflow(width, n, &width), ErrorKind::kInvalidArgument,
          "CSVIter: a sample has more than 2^63 - 1 numbers, must have fewer");
  }
  const std::vector<float> numbers = read_csv(path, width);
  Dims all(shape.begin(), shape.end());
  all.insert(0, static_cast<int64_t>(numbers.size()) / width);
  const ArrayRef out = Array::empty(all, DType::kFloat32);
  std::copy(numbers.begin(), numbers.end(), static_cast<float*>(out->data()));
  return out;
}

// A label of one number is an element, not an axis.
ArrayRef squeezed(const ArrayRef& label) {
  if (label->ndim() != 2 || label->shape()[1] != 1) return label;
  return label->alias({label->shape()[0]}, {1});
}

}  // namespace

std::unique_ptr<Iterator> make_mnist_iterator(const Options& o) {
  const Idx image(o.text("image"), 3), label(o.text("label"), 1);
  const int64_t n = image.sizes[0];
  check(label.sizes[0] == n, ErrorKind::kShape, "MNISTIter: image has ", n, " samples and label ",
        label.sizes[0], ", must be the same number");
  const auto [first, last] = o.part_of(n);
  const int64_t height = image.sizes[1], width = image.sizes[2];
  const Dims shape = o.flag("flat") ? Dims{height * width} : Dims{1, height, width};
  return rows_iterator("MNISTIter", image.floats(first, last, shape, 256),
                       label.floats(first, last, {}, 1), o.integer("batch_size", 1),
                       o.flag("shuffle") ? Shuffle::kOnce : Shuffle::kNever,
                       static_cast<uint64_t>(o.integer("seed", 0)), LastBatch::kDiscard);
}

std::unique_ptr<Iterator> make_csv_iterator(const Options& o) {
  const ArrayRef data = csv_array(o.text("data_csv"), o.shape("data_shape"));
  ArrayRef label;
  if (o.text("label_csv").empty()) {
    Dims shape;
    for (int64_t n : o.shape("label_shape")) shape.push_back(n);
    shape.insert(0, data->shape()[0]);
    label = Array::empty(shape, DType::kFloat32);
    std::fill_n(static_cast<float*>(label->data()), label->size(), 0.f);
  } else {
    label = csv_array(o.text("label_csv"), o.shape("label_shape"));
  }
  return rows_iterator("CSVIter", data, squeezed(label), o.integer("batch_size", 1),
                       Shuffle::kNever, 0,
                       o.flag("round_batch") ? LastBatch::kRound : LastBatch::kPad);
}

}  // namespace plait::data
