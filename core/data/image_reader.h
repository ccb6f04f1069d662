#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "data/record.h"
#include "data/sample.h"

namespace plait::data {

struct ReaderOptions {
  SampleOptions sample;
  int64_t batch_size = 0;
  int64_t threads = 1;
  int64_t prefetch = 4;      // batches that may be ready or in work before they are asked for
  bool skip_broken = false;  // leave out records that cannot be decoded, instead of failing
};

// Decodes the images of a record file in threads of its own and hands them out in batches.
//
//   ImageReader reader("train.rec", options);
//   reader.start(offsets, seed);
//   for (ImageReader::Batch batch; reader.next(batch);) use(batch.data, batch.label);
//
// The same offsets and seed give the same batches, whatever the number of threads.
class ImageReader {
 public:
  struct Batch {
    ArrayRef data;      // (batch_size, channels, height, width)
    ArrayRef label;     // (batch_size, label_width), float32
    ArrayRef index;     // (batch_size,), int64: first id in the header of each record
    int64_t count = 0;  // rows that hold samples; the others repeat them, or are 0 if none does
  };

  ImageReader(const std::string& path, const ReaderOptions& options);
  ~ImageReader();

  // Begins a pass over the records at `offsets`, in this order; drops a pass under way.
  void start(std::vector<int64_t> offsets, uint64_t seed);
  // The next batch, after a wait; false at the end of the pass. Throws what reading a record threw.
  bool next(Batch& batch);
  // Records left out since the reader exists.
  int64_t skipped() const { return skipped_; }

 private:
  struct Slot {
    Batch batch;
    std::vector<char> good;
    int64_t remaining = 0;
    std::exception_ptr error;  // of the first row that has one
    int64_t error_row = INT64_MAX;
  };
  struct Task {
    std::shared_ptr<Slot> slot;
    int64_t offset, item, row;
    uint64_t seed;
  };

  void work();
  bool take(std::unique_lock<std::mutex>& lock, Task& task);
  void run(SampleMaker& maker, std::string& record, const Task& task);
  std::shared_ptr<Slot> new_slot(int64_t rows) const;
  void close_gaps(Slot& slot) const;
  void require_same_process() const;

  RecordFile file_;
  ReaderOptions options_;
  int pid_;
  std::atomic<int64_t> skipped_{0};

  std::mutex mutex_;  // guards what follows
  std::condition_variable work_to_do_, batch_done_;
  std::vector<int64_t> offsets_;
  uint64_t seed_ = 0;
  int64_t next_item_ = 0;   // first sample that no thread has taken
  int64_t next_batch_ = 0;  // first batch that was not handed out: slots_[0]
  std::deque<std::shared_ptr<Slot>> slots_;
  bool stop_ = false;

  std::vector<std::thread> threads_;
};

}  // namespace plait::data
