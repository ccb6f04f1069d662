#include "data/image_reader.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace plait::data {
namespace {

void require(const char* name, int64_t value, int64_t low, int64_t high) {
  check(value >= low && value <= high, ErrorKind::kInvalidArgument, "image_reader: ", name, " is ",
        value, ", must be in [", low, ", ", high, "]");
}

void require_finite(const char* name, double value, double low, double high = 1e9) {
  check(value >= low && value <= high, ErrorKind::kInvalidArgument, "image_reader: ", name, " is ",
        value, ", must be a number in [", low, ", ", high, "]");
}

void validate_turns(const SampleOptions& s) {
  require_finite("min_angle", s.min_angle, -1e6, 1e6);
  require_finite("max_angle", s.max_angle, s.min_angle, 1e6);
  require_finite("max_shear", s.max_shear, 0, 1e3);
  require_finite("min_stretch", s.min_stretch, 1e-3, 1e3);
  require_finite("max_stretch", s.max_stretch, s.min_stretch, 1e3);
  require_finite("min_zoom", s.min_zoom, 1e-3, 1e3);
  require_finite("max_zoom", s.max_zoom, s.min_zoom, 1e3);
  require("min_size", s.min_size, 0, 1 << 14);
  require("max_size", s.max_size, 0, int64_t{1} << 40);
  check(s.max_size == 0 || s.max_size >= s.min_size, ErrorKind::kInvalidArgument,
        "image_reader: max_size is ", s.max_size, ", must be 0 or at least min_size, ", s.min_size);
  require("max_crop", s.max_crop, 0, 1 << 14);
  require("min_crop", s.min_crop, s.max_crop ? 1 : 0, s.max_crop);
}

void validate_colors(const ColorOptions& c, const SampleOptions& s) {
  const std::pair<const char*, double> limits[] = {
      {"brightness", c.brightness},     {"contrast", c.contrast},
      {"saturation", c.saturation},     {"hue", c.hue},
      {"pca_noise", c.pca_noise},       {"random_h", c.random_h},
      {"random_l", c.random_l},         {"random_s", c.random_s},
      {"max_contrast", c.max_contrast}, {"max_illumination", c.max_illumination}};
  for (const auto& [name, value] : limits) require_finite(name, value, 0);
  for (double value : c.std) {
    check(value != 0, ErrorKind::kInvalidArgument, "image_reader: std is 0, must not be");
  }
  const auto size = static_cast<size_t>(s.channels * s.height * s.width);
  check(c.mean_image.empty() || c.mean_image.size() == size, ErrorKind::kShape,
        "image_reader: mean_image has ", c.mean_image.size(), " numbers, must have ", size);
}

void validate_detection(const DetectionOptions& d, const SampleOptions& s) {
  require("label_width", s.label_width, 4 + 2, 1 << 20);
  for (const Chance& chance : {d.hue, d.lightness, d.saturation, d.contrast}) {
    require_finite("limit of a change", chance.limit, 0);
  }
  require_finite("pad.limit", d.pad.limit, 1, 1e3);
  for (const CropSampler& c : d.samplers) {
    require_finite("min_scale", c.min_scale, 0, 1);
    require_finite("max_scale", c.max_scale, c.min_scale, 1);
    require_finite("min_ratio", c.min_ratio, 1e-6);
    require_finite("max_ratio", c.max_ratio, c.min_ratio);
    require("trials", c.trials, 0, 1 << 20);
  }
}

void validate(const ReaderOptions& o) {
  const SampleOptions& s = o.sample;
  check(s.channels == 1 || s.channels == 3, ErrorKind::kInvalidArgument,
        "image_reader: channels is ", s.channels, ", must be 1 or 3");
  require("height", s.height, 1, 1 << 14);
  require("width", s.width, 1, 1 << 14);
  require("label_width", s.label_width, 1, 1 << 20);
  require("batch_size", o.batch_size, 1, 1 << 20);
  require("threads", o.threads, 1, 256);
  require("prefetch", o.prefetch, 1, 256);
  require("resize", s.resize, 0, 1 << 14);
  require("pad", s.pad, 0, 1 << 12);
  require("fill_value", s.fill_value, 0, 255);
  check((s.interpolation >= 0 && s.interpolation <= 4) || s.interpolation == Picture::kAuto ||
            s.interpolation == Picture::kAny,
        ErrorKind::kInvalidArgument, "image_reader: interpolation is ", s.interpolation,
        ", must be in [0, 4], 9 or 10");
  check(s.dtype == DType::kFloat32 || s.dtype == DType::kUint8 || s.dtype == DType::kInt8,
        ErrorKind::kType, "image_reader: dtype is ", dtype_name(s.dtype),
        ", must be float32, uint8 or int8");
  require_finite("min_area", s.min_area, 1e-9);
  require_finite("max_area", s.max_area, s.min_area);
  require_finite("min_ratio", s.min_ratio, 1e-9);
  require_finite("max_ratio", s.max_ratio, s.min_ratio);
  require_finite("mirror", s.mirror, 0);
  validate_turns(s);
  validate_colors(s.colors, s);
  if (s.detection) validate_detection(*s.detection, s);
}

}  // namespace

ImageReader::ImageReader(const std::string& path, const ReaderOptions& options)
    : file_(path), options_(options), pid_(getpid()) {
  validate(options);
  check(has_codecs(), ErrorKind::kNotImplemented,
        "image_reader: this build has no JPEG and PNG codecs\n"
        "  hint: install libjpeg-turbo and libpng with their headers and build again");
  for (int64_t i = 0; i < options.threads; ++i) threads_.emplace_back([this] { work(); });
}

ImageReader::~ImageReader() {
  if (getpid() != pid_) {  // a forked child has no such threads to wait for
    for (std::thread& thread : threads_) thread.detach();
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  work_to_do_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ImageReader::require_same_process() const {
  check(getpid() == pid_, ErrorKind::kInvalidArgument, "image_reader: ", file_.path(),
        " was opened before this process was forked; its threads are not here");
}

void ImageReader::start(std::vector<int64_t> offsets, uint64_t seed) {
  require_same_process();
  {
    const std::lock_guard lock(mutex_);
    offsets_ = std::move(offsets);
    seed_ = seed;
    next_item_ = next_batch_ = 0;
    slots_.clear();  // threads that are at work on one keep it until they are done
  }
  work_to_do_.notify_all();
}

std::shared_ptr<ImageReader::Slot> ImageReader::new_slot(int64_t rows) const {
  const SampleOptions& s = options_.sample;
  const int64_t n = options_.batch_size;
  auto slot = std::make_shared<Slot>();
  slot->batch.data = Array::empty({n, s.channels, s.height, s.width}, s.dtype);
  slot->batch.label = Array::empty({n, s.label_width}, DType::kFloat32);
  slot->batch.index = Array::empty({n}, DType::kInt64);
  slot->good.assign(static_cast<size_t>(n), 0);
  slot->remaining = rows;
  return slot;
}

// A sample to make; false when the reader ends.
bool ImageReader::take(std::unique_lock<std::mutex>& lock, Task& task) {
  const int64_t size = options_.batch_size;
  work_to_do_.wait(lock, [&] {
    const bool left = next_item_ < static_cast<int64_t>(offsets_.size());
    return stop_ || (left && next_item_ / size < next_batch_ + options_.prefetch);
  });
  if (stop_) return false;
  const auto place = static_cast<size_t>(next_item_ / size - next_batch_);
  if (place == slots_.size()) {
    const int64_t left = static_cast<int64_t>(offsets_.size()) - next_item_;
    slots_.push_back(new_slot(std::min(left, size)));
  }
  task = {slots_[place], offsets_[static_cast<size_t>(next_item_)], next_item_, next_item_ % size,
          seed_};
  ++next_item_;
  return true;
}

void ImageReader::run(SampleMaker& maker, std::string& record, const Task& task) {
  const Batch& batch = task.slot->batch;
  const std::string what = cat("image: ", file_.path(), ": the record at byte ", task.offset);
  check(file_.read(task.offset, record) >= 0, ErrorKind::kIo, what, " lies after the end");
  const kernels::Philox source(task.seed, 0);
  const int64_t row_bytes = batch.data->nbytes() / options_.batch_size;
  maker.make(record, what, kernels::Draws(source, static_cast<uint64_t>(task.item)),
             static_cast<char*>(batch.data->data()) + task.row * row_bytes,
             static_cast<float*>(batch.label->data()) + task.row * options_.sample.label_width);
  constexpr size_t kId = 8;  // where the header has it
  std::memcpy(static_cast<int64_t*>(batch.index->data()) + task.row, record.data() + kId,
              sizeof(int64_t));
}

void ImageReader::work() {
  SampleMaker maker(options_.sample);
  std::string record;
  Task task;
  std::unique_lock lock(mutex_);
  for (;;) {
    std::exception_ptr error;
    bool good = true;
    try {
      if (!take(lock, task)) return;
    } catch (...) {  // no memory for a batch: the consumer shall know
      auto slot = std::make_shared<Slot>();
      slot->error = std::current_exception();
      slots_.push_back(slot);
      offsets_.resize(static_cast<size_t>(next_item_));
      batch_done_.notify_all();
      continue;
    }
    lock.unlock();
    try {
      run(maker, record, task);
    } catch (...) {
      good = false;
      error = std::current_exception();
    }
    lock.lock();
    task.slot->good[static_cast<size_t>(task.row)] = good;
    if (!good && options_.skip_broken) ++skipped_;
    if (!good && !options_.skip_broken && task.row < task.slot->error_row) {
      task.slot->error = error;
      task.slot->error_row = task.row;
    }
    if (--task.slot->remaining == 0) batch_done_.notify_all();
    task.slot.reset();
  }
}

// Moves good rows to the front and fills the rest with copies of them.
void ImageReader::close_gaps(Slot& slot) const {
  Batch& batch = slot.batch;
  const int64_t n = options_.batch_size;
  const Array* arrays[] = {batch.data.get(), batch.label.get(), batch.index.get()};
  const auto copy_row = [&](int64_t from, int64_t to) {
    for (const Array* array : arrays) {
      const int64_t bytes = array->nbytes() / n;
      char* base = static_cast<char*>(array->data());
      if (from != to)
        std::memcpy(base + to * bytes, base + from * bytes, static_cast<size_t>(bytes));
    }
  };
  for (int64_t i = 0; i < n; ++i) {
    if (slot.good[static_cast<size_t>(i)]) copy_row(i, batch.count++);
  }
  for (int64_t i = batch.count; i < n; ++i) {
    if (batch.count > 0) {
      copy_row(i - batch.count, i);
      continue;
    }
    for (const Array* array : arrays) {
      std::memset(array->data(), 0, static_cast<size_t>(array->nbytes()));
    }
    return;
  }
}

bool ImageReader::next(Batch& batch) {
  require_same_process();
  std::shared_ptr<Slot> slot;
  {
    std::unique_lock lock(mutex_);
    const auto ended = [&] {
      return slots_.empty() && next_item_ >= static_cast<int64_t>(offsets_.size());
    };
    batch_done_.wait(
        lock, [&] { return ended() || (!slots_.empty() && slots_.front()->remaining == 0); });
    if (ended()) return false;
    slot = slots_.front();
    slots_.pop_front();
    ++next_batch_;
  }
  work_to_do_.notify_all();
  if (slot->error) std::rethrow_exception(slot->error);
  close_gaps(*slot);
  batch = slot->batch;
  return true;
}

}  // namespace plait::data
