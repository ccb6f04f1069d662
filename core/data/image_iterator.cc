#include "data/image_iterator.h"

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "data/archive.h"

namespace plait::data {
namespace {

// Limits of a ratio; without `low`, a `high` below 1 is the distance from 1.
std::pair<double, double> ratio_limits(double low, double high) {
  if (low > 0) return {low, high > 0 ? high : low};
  return high >= 1 ? std::pair(1 / high, high) : std::pair(1 - high, 1 + high);
}

// MXNet's 1e10 stands for no limit.
int64_t side_limit(double length) {
  return length > 0 && length < 1e9 ? static_cast<int64_t>(length) : 0;
}

// What changes place and form of the picture.
void set_geometry(const Options& o, SampleOptions& s) {
  s.pad = o.integer("pad", 0);
  s.rand_crop = o.flag("rand_crop"), s.sized_crop = o.flag("random_resized_crop");
  s.min_area = o.real("min_random_area"), s.max_area = o.real("max_random_area");
  // One pair of options: of the part that is cut out, or of a stretch of the whole.
  const auto [least, most_ratio] =
      ratio_limits(o.real("min_aspect_ratio"), o.real("max_aspect_ratio"));
  (s.sized_crop ? s.min_ratio : s.min_stretch) = least;
  (s.sized_crop ? s.max_ratio : s.max_stretch) = most_ratio;
  const double turn = o.real("rotate"), most = o.real("max_rotate_angle");
  s.min_angle = turn == -1 ? -most : turn, s.max_angle = turn == -1 ? most : turn;
  s.max_shear = o.real("max_shear_ratio");
  if (!s.sized_crop)
    s.min_zoom = o.real("min_random_scale"), s.max_zoom = o.real("max_random_scale");
  s.min_size = side_limit(o.real("min_img_size")), s.max_size = side_limit(o.real("max_img_size"));
  const int64_t side = std::max(o.integer("min_crop_size", -1), o.integer("max_crop_size", -1));
  if (!s.sized_crop && side > 0) {
    s.min_crop = std::max<int64_t>(o.integer("min_crop_size", -1), 1), s.max_crop = side;
  }
  s.mirror = o.flag("mirror") ? 1 : o.flag("rand_mirror") ? 0.5 : 0;
}

}  // namespace

ReaderOptions plain_reader_options(const Options& o) {
  ReaderOptions to;
  SampleOptions& s = to.sample;
  const std::vector<int64_t> shape = o.shape("data_shape");
  check(shape.size() == 3, ErrorKind::kShape, o.owner(), ": data_shape is '", o.text("data_shape"),
        "', must be (channels, height, width)");
  s.channels = shape[0], s.height = shape[1], s.width = shape[2];
  s.dtype = dtype_from_name(o.text("dtype"));
  to.batch_size = o.integer("batch_size", 1);
  to.threads = o.integer("preprocess_threads", 1);
  to.prefetch = o.integer("prefetch_buffer", 1);
  to.skip_broken = o.flag("skip_broken");
  s.resize = std::max<int64_t>(o.integer("resize", -1), 0);
  s.fill_value = static_cast<int32_t>(o.integer("fill_value", 0));
  s.interpolation = static_cast<int32_t>(o.integer("inter_method", 0));
  s.colors.mean = {o.real("mean_r"), o.real("mean_g"), o.real("mean_b")};
  s.colors.scale = o.real("scale");
  const std::string& list = o.text("path_imglist");
  if (!list.empty()) s.table = read_label_list(o.owner(), list);
  return to;
}

ReaderOptions reader_options(const Options& o) {
  ReaderOptions to = plain_reader_options(o);
  SampleOptions& s = to.sample;
  s.label_width = o.integer("label_width", 1);
  set_geometry(o, s);
  ColorOptions& c = s.colors;
  c.brightness = o.real("brightness"), c.contrast = o.real("contrast");
  c.saturation = o.real("saturation"), c.hue = o.real("hue"), c.pca_noise = o.real("pca_noise");
  c.random_h = o.real("random_h"), c.random_l = o.real("random_l");
  c.random_s = o.real("random_s"), c.max_contrast = o.real("max_random_contrast");
  c.max_illumination = o.real("max_random_illumination");
  c.std = {o.real("std_r"), o.real("std_g"), o.real("std_b")};
  return to;
}

std::vector<int64_t> part_of_records(const Options& o) {
  const std::string& path = o.text("path_imgrec");
  const std::vector<int64_t> all = RecordFile(path).offsets(o.flag("skip_broken"));
  const auto [first, last] = o.part_of(static_cast<int64_t>(all.size()));
  const std::vector<int64_t> own(all.begin() + first, all.begin() + last);
  check(!own.empty(), ErrorKind::kIo, o.owner(), ": ", path, " has no records for part ",
        o.text("part_index"));
  return own;
}

namespace {

// Only cut to their size.
ReaderOptions without_changes(const ReaderOptions& from) {
  ReaderOptions to = from;
  SampleOptions plain;
  const SampleOptions& s = from.sample;
  plain.channels = s.channels, plain.height = s.height, plain.width = s.width;
  plain.label_width = s.label_width, plain.resize = s.resize, plain.fill_value = s.fill_value;
  plain.interpolation = s.interpolation, plain.table = s.table;
  if (s.detection) {
    auto detection = std::make_shared<DetectionOptions>();
    detection->mode = s.detection->mode, detection->pad = {1, 0};
    plain.detection = std::move(detection);
  }
  to.sample = plain;
  return to;
}

// The mean over the records, of shape (channels, height, width).
ArrayRef average(const std::string& path, const ReaderOptions& options,
                 const std::vector<int64_t>& offsets) {
  const SampleOptions& s = options.sample;
  const ArrayRef mean = Array::empty({s.channels, s.height, s.width}, DType::kFloat32);
  std::vector<double> sum(static_cast<size_t>(mean->size()));
  int64_t count = 0;
  ImageReader reader(path, options);
  reader.start(offsets, 0);
  for (ImageReader::Batch batch; reader.next(batch); count += batch.count) {
    const auto* row = static_cast<const float*>(batch.data->data());
    for (int64_t i = 0; i < batch.count; ++i) {
      for (double& x : sum) x += static_cast<double>(*row++);
    }
  }
  auto* to = static_cast<float*>(mean->data());
  for (double x : sum)
    *to++ = static_cast<float>(x / static_cast<double>(std::max<int64_t>(count, 1)));
  return mean;
}

// The content of the file `path`, which is made if it is not there.
std::vector<float> mean_image(const std::string& owner, const std::string& path,
                              const std::string& records, const ReaderOptions& options,
                              const std::vector<int64_t>& offsets) {
  ArrayRef mean;
  if (!std::filesystem::exists(path)) {
    mean = average(records, without_changes(options), offsets);
    write_file(path, write_archive({{mean, {}}}, {"mean_img"}));
  } else {
    const Archive content = read_archive(read_file(path), path);
    if (content.arrays.size() == 1) mean = content.arrays[0].dense;
    const SampleOptions& s = options.sample;
    const Dims shape{s.channels, s.height, s.width};
    const bool fits = mean && mean->shape() == shape && mean->dtype() == DType::kFloat32;
    check(fits, ErrorKind::kIo, owner, ": mean_img ", path,
          " must have one float32 array of shape ", shape);
  }
  const auto* from = static_cast<const float*>(mean->data());
  return {from, from + mean->size()};
}

ReaderOptions with_mean(const Options& o, ReaderOptions options,
                        const std::vector<int64_t>& offsets) {
  const std::string& path = o.text("mean_img");
  if (path.empty()) return options;
  options.sample.colors.mean_image =
      mean_image(o.owner(), path, o.text("path_imgrec"), options, offsets);
  return options;
}

class ImageIterator final : public Iterator {
 public:
  ImageIterator(const Options& o, const ReaderOptions& options, std::vector<int64_t> offsets)
      : options_(with_mean(o, options, offsets)),
        reader_(o.text("path_imgrec"), options_),
        offsets_(std::move(offsets)),
        shuffle_(o.flag("shuffle")),
        round_(o.flag("round_batch")),
        seed_(static_cast<uint64_t>(o.integer("seed", 0))),
        seed_of_changes_(static_cast<uint64_t>(
            o.text("seed_aug").empty() ? o.integer("seed", 0) : o.integer("seed_aug", 0))) {
    reset();
  }

  void reset() override {
    std::vector<int64_t> order = offsets_;
    if (shuffle_) {
      const std::vector<int64_t> places =
          shuffled(static_cast<int64_t>(order.size()), seed_ + pass_);
      for (size_t i = 0; i < order.size(); ++i) order[i] = offsets_[static_cast<size_t>(places[i])];
    }
    const auto batch = static_cast<size_t>(options_.batch_size);
    fill_ = round_ ? static_cast<int64_t>((batch - order.size() % batch) % batch) : 0;
    const size_t n = order.size();
    for (int64_t i = 0; i < fill_; ++i) order.push_back(order[static_cast<size_t>(i) % n]);
    left_ = static_cast<int64_t>((order.size() + batch - 1) / batch);
    reader_.start(std::move(order), (seed_of_changes_ << 32) + pass_);
    ++pass_;
  }

  bool next(Batch& batch) override {
    ImageReader::Batch got;
    if (!reader_.next(got)) return false;
    --left_;
    batch.pad = options_.batch_size - got.count + (left_ == 0 ? fill_ : 0);
    batch.data = got.data, batch.label = got.label, batch.index = got.index;
    if (options_.sample.label_width == 1 && !options_.sample.detection) {
      batch.label = batch.label->alias({options_.batch_size}, {1});
    }
    return true;
  }

 private:
  ReaderOptions options_;
  ImageReader reader_;
  std::vector<int64_t> offsets_;
  bool shuffle_, round_;
  uint64_t seed_, seed_of_changes_, pass_ = 0;
  int64_t fill_ = 0, left_ = 0;
};

}  // namespace

std::unique_ptr<Iterator> image_passes(const Options& o, const ReaderOptions& options,
                                       std::vector<int64_t> offsets) {
  return std::make_unique<ImageIterator>(o, options, std::move(offsets));
}

std::unique_ptr<Iterator> make_image_iterator(const Options& o) {
  return image_passes(o, reader_options(o), part_of_records(o));
}

}  // namespace plait::data
