#include <algorithm>

#include "base/error.h"
#include "data/image_iterator.h"

namespace plait::data {
namespace {

constexpr int64_t kAhead = 4;  // channels, height, width and number of labels, before the labels

// The limits of sampler i of an option that has one value for all or one for each.
class PerSampler {
 public:
  PerSampler(const Options& o, const std::string& name, int64_t samplers) : values_(o.reals(name)) {
    const auto n = static_cast<int64_t>(values_.size());
    check(n == 1 || n == samplers, ErrorKind::kInvalidArgument, o.owner(), ": ", name, " has ", n,
          " values, must have 1 or ", samplers, " (num_crop_sampler)");
  }
  double operator[](size_t i) const { return values_[values_.size() > 1 ? i : 0]; }

 private:
  std::vector<double> values_;
};

std::vector<CropSampler> samplers_of(const Options& o) {
  const int64_t n = o.integer("num_crop_sampler", 0);
  const auto all = [&](const std::string& name) { return PerSampler(o, name, n); };
  const PerSampler scale0 = all("min_crop_scales"), scale1 = all("max_crop_scales");
  const PerSampler ratio0 = all("min_crop_aspect_ratios"), ratio1 = all("max_crop_aspect_ratios");
  const PerSampler overlap0 = all("min_crop_overlaps"), overlap1 = all("max_crop_overlaps");
  const PerSampler part0 = all("min_crop_sample_coverages"), trials = all("max_crop_trials");
  const PerSampler part1 = all("max_crop_sample_coverages");
  const PerSampler object0 = all("min_crop_object_coverages");
  const PerSampler object1 = all("max_crop_object_coverages");
  std::vector<CropSampler> samplers;
  for (size_t i = 0; i < static_cast<size_t>(n); ++i) {
    samplers.push_back({scale0[i], scale1[i], ratio0[i], ratio1[i], overlap0[i], overlap1[i],
                        part0[i], part1[i], object0[i], object1[i],
                        static_cast<int64_t>(trials[i])});
  }
  return samplers;
}

std::shared_ptr<const DetectionOptions> detection_of(const Options& o) {
  auto to = std::make_shared<DetectionOptions>();
  const auto chance = [&](const char* limit, const char* probability) {
    return Chance{o.real(limit), o.real(probability)};
  };
  to->samplers = samplers_of(o);
  to->crop_probability = o.real("rand_crop_prob");
  to->keep_by_overlap = o.choice("crop_emit_mode", {"center", "overlap"}) == 1;
  to->min_kept = o.real("emit_overlap_thresh");
  to->pad = chance("max_pad_scale", "rand_pad_prob");
  if (!(to->pad.limit > 1)) to->pad = {1, 0};
  to->hue = chance("max_random_hue", "random_hue_prob");
  to->lightness = chance("max_random_illumination", "random_illumination_prob");
  to->saturation = chance("max_random_saturation", "random_saturation_prob");
  to->contrast = chance("max_random_contrast", "random_contrast_prob");
  to->mirror = o.real("rand_mirror_prob");
  to->mode = static_cast<ResizeMode>(o.choice("resize_mode", {"force", "shrink", "fit"}));
  to->pad_value = static_cast<float>(o.real("label_pad_value"));
  return to;
}

// The largest number of labels of these records.
int64_t most_labels(const Options& o, const std::vector<int64_t>& offsets,
                    const LabelTable* table) {
  const RecordFile file(o.text("path_imgrec"));
  std::string record;
  size_t most = 0;
  for (int64_t offset : offsets) {
    try {
      file.read(offset, record);
      const std::string what = cat(file.path(), ": the record at byte ", offset);
      most = std::max(most, split_record(record, what, table).count);
    } catch (const Error&) {
      if (!o.flag("skip_broken")) throw;
    }
  }
  return static_cast<int64_t>(most);
}

}  // namespace

std::unique_ptr<Iterator> make_detection_iterator(const Options& o) {
  ReaderOptions to = plain_reader_options(o);
  std::vector<int64_t> offsets = part_of_records(o);
  SampleOptions& s = to.sample;
  s.detection = detection_of(o);
  const double std[] = {o.real("std_r"), o.real("std_g"), o.real("std_b")};
  for (size_t c = 0; c < 3; ++c) s.colors.std[c] = std[c] != 0 ? std[c] : 1;
  int64_t width = o.integer("label_width", -1);
  const int64_t padded = o.integer("label_pad_width", -1);
  if (width <= 0 || padded <= 0) width = most_labels(o, offsets, s.table.get());
  if (padded > 0) {
    check(padded >= width, ErrorKind::kInvalidArgument, o.owner(), ": label_pad_width is ", padded,
          ", must be at least ", width, ", the number of labels of some record");
    width = padded;
  }
  s.label_width = std::max<int64_t>(width, 2) + kAhead;
  return image_passes(o, to, std::move(offsets));
}

}  // namespace plait::data
