#pragma once

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "data/options.h"
#include "tensor/array.h"

namespace plait::data {

struct ReaderOptions;  // data/image_reader.h

struct Batch {
  ArrayRef data, label;
  ArrayRef index;   // (batch_size,), int64: which samples
  int64_t pad = 0;  // samples at the end that only fill the batch up
};

// Passes over the samples of files or arrays, batch by batch.
class Iterator {
 public:
  virtual ~Iterator() = default;
  virtual void reset() = 0;             // begins the next pass
  virtual bool next(Batch& batch) = 0;  // false at the end of the pass
};

using Given = std::vector<std::pair<std::string, std::string>>;

// A kind of iterator over files, with the names of MXNet.
struct IteratorKind {
  const char* name;
  const char* doc;
  std::span<const OptionDef> options;
  std::unique_ptr<Iterator> (*make)(const Options& options);
};
std::span<const IteratorKind> iterator_kinds();
std::unique_ptr<Iterator> make_iterator(const std::string& kind, const Given& given);

// What happens to samples that do not fill the last batch.
// A last batch that is not full: filled from the start; so, and the next pass begins behind what
// filled it, as MXNet's iterators over files do; or left out.
enum class LastBatch { kPad, kRound, kDiscard };

enum class Shuffle { kNever, kOnce, kEachPass };

// Passes over the rows of two arrays in memory, which it shares: `data` and `label` are contiguous,
// their first axes have the same length > 0, and nobody writes to them.
std::unique_ptr<Iterator> rows_iterator(const std::string& owner, ArrayRef data, ArrayRef label,
                                        int64_t batch_size, Shuffle shuffle, uint64_t seed,
                                        LastBatch last);

// The options of NDArrayIter, which passes over copies of two arrays.
std::span<const OptionDef> array_options();
std::unique_ptr<Iterator> array_iterator(const ArrayRef& data, const ArrayRef& label,
                                         const Given& given);

// 0 ... count - 1, shuffled: the same for the same seed on every machine.
std::vector<int64_t> shuffled(int64_t count, uint64_t seed);

std::unique_ptr<Iterator> make_mnist_iterator(const Options& options);
std::unique_ptr<Iterator> make_csv_iterator(const Options& options);
std::unique_ptr<Iterator> make_libsvm_iterator(const Options& options);
std::unique_ptr<Iterator> make_image_iterator(const Options& options);
std::unique_ptr<Iterator> make_detection_iterator(const Options& options);

// The options of ImageRecordIter, and what they say to the reader of images.
Options image_options(const Given& given);
ReaderOptions reader_options(const Options& options);

}  // namespace plait::data
