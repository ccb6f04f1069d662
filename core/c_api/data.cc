#include <memory>

#include "c_api/common.h"
#include "c_api/options.h"
#include "data/codecs.h"
#include "data/image_reader.h"
#include "data/record.h"
#include "kernels/resample.h"
#include "op/invoke.h"

using namespace plait;
using namespace plait::c_api;

struct plait_record_file_s {
  static constexpr char kKind[] = "record_file";
  explicit plait_record_file_s(const char* path) : file(path) {}
  data::RecordFile file;
};

struct plait_record_writer_s {
  static constexpr char kKind[] = "record_writer";
  explicit plait_record_writer_s(const char* path) : writer(path) {}
  data::RecordWriter writer;
};

struct plait_image_reader_s {
  static constexpr char kKind[] = "image_reader";
  plait_image_reader_s(const std::string& path, const data::ReaderOptions& options)
      : reader(path, options) {}
  data::ImageReader reader;
};

namespace {

std::string_view view_of(const void* bytes, int64_t size) {
  check(size >= 0, ErrorKind::kInvalidArgument, "size is ", size, ", must be >= 0");
  if (size) require(bytes, "bytes");
  return {static_cast<const char*>(bytes), static_cast<size_t>(size)};
}

// A contiguous array with axes for height, width and channels, whose content is there.
ArrayRef image_of(plait_array_t handle, bool allow_float) {
  ArrayRef image = array_of(handle);
  const bool fits =
      image->dtype() == DType::kUint8 || (allow_float && image->dtype() == DType::kFloat32);
  check(fits, ErrorKind::kType, "image: dtype is ", dtype_name(image->dtype()), ", must be uint8",
        allow_float ? " or float32" : "");
  check(image->ndim() == 3 && image->size() > 0, ErrorKind::kShape, "image: shape is ",
        image->shape(), ", must be (height, width, channels), each > 0");
  if (!image->contiguous()) {
    Arrays out;
    op::invoke(op::Op::get("copy"), {}, {&image, 1}, out);
    image = out[0];
  }
  image->wait_to_read();
  return image;
}

template <class T>
void resize(const Array& from, const Array& to, int32_t how) {
  const Dims &a = from.shape(), &b = to.shape();
  kernels::resample(static_cast<const T*>(from.data()), {a[0], a[1]}, static_cast<T*>(to.data()),
                    {b[0], b[1]}, a[2], static_cast<kernels::Interpolation>(how));
}

data::CropSampler sampler_of(const plait_crop_sampler_t& from) {
  return {from.scale[0],
          from.scale[1],
          from.ratio[0],
          from.ratio[1],
          from.overlap[0],
          from.overlap[1],
          from.sample_coverage[0],
          from.sample_coverage[1],
          from.object_coverage[0],
          from.object_coverage[1],
          from.trials};
}

std::shared_ptr<const data::DetectionOptions> detection_of(const plait_detection_options_t* from) {
  if (!from) return nullptr;
  auto to = std::make_shared<data::DetectionOptions>();
  check(from->sampler_count >= 0, ErrorKind::kInvalidArgument, "sampler_count is ",
        from->sampler_count, ", must be >= 0");
  if (from->sampler_count) require(from->samplers, "samplers");
  for (int64_t i = 0; i < from->sampler_count; ++i) {
    to->samplers.push_back(sampler_of(from->samplers[i]));
  }
  check(from->resize_mode >= 0 && from->resize_mode <= 2, ErrorKind::kInvalidArgument,
        "resize_mode is ", from->resize_mode, ", must be in [0, 2]");
  const auto chance = [](const double* pair) { return data::Chance{pair[0], pair[1]}; };
  to->crop_probability = from->crop_probability, to->mirror = from->mirror;
  to->keep_by_overlap = from->keep_by_overlap != 0, to->min_kept = from->min_kept;
  to->mode = static_cast<data::ResizeMode>(from->resize_mode);
  to->pad = chance(from->pad), to->hue = chance(from->hue);
  to->lightness = chance(from->lightness), to->saturation = chance(from->saturation);
  to->contrast = chance(from->contrast), to->pad_value = static_cast<float>(from->pad_value);
  return to;
}

std::shared_ptr<const data::LabelTable> table_of(const plait_image_reader_options_t& from) {
  require(from.list_ids, "list_ids");
  require(from.list_begin, "list_begin");
  auto to = std::make_shared<data::LabelTable>();
  for (int64_t i = 0; i < from.list_count; ++i) {
    const int64_t begin = from.list_begin[i], end = from.list_begin[i + 1];
    check(begin >= 0 && end >= begin, ErrorKind::kInvalidArgument, "list_begin falls at ", i);
    to->places[from.list_ids[i]] = {static_cast<size_t>(begin), static_cast<size_t>(end - begin)};
  }
  const int64_t total = from.list_begin[from.list_count];
  if (total) require(from.list_labels, "list_labels");
  to->values.assign(from.list_labels, from.list_labels + total);
  return to;
}

data::ColorOptions colors_of(const plait_image_reader_options_t& from) {
  data::ColorOptions to;
  to.brightness = from.brightness, to.contrast = from.contrast, to.saturation = from.saturation;
  to.hue = from.hue, to.pca_noise = from.pca_noise;
  to.random_h = from.random_h, to.random_l = from.random_l, to.random_s = from.random_s;
  to.max_contrast = from.max_contrast, to.max_illumination = from.max_illumination;
  to.scale = from.scale;
  std::copy(from.mean, from.mean + 3, to.mean.begin());
  std::copy(from.std, from.std + 3, to.std.begin());
  return to;
}

// What the options have as pointers.
void set_extras(const plait_image_reader_options_t& from, data::SampleOptions& to) {
  const int64_t size = to.channels * to.height * to.width;
  if (from.mean_image && size > 0) {
    to.colors.mean_image.assign(from.mean_image, from.mean_image + size);
  }
  to.detection = detection_of(from.detection);
  if (from.list_count > 0) to.table = table_of(from);
}

data::ReaderOptions options_of(const plait_image_reader_options_t& from) {
  check(from.dtype >= 0 && from.dtype < kNumDTypes, ErrorKind::kType, "image_reader: dtype is ",
        from.dtype, ", must be a dtype");
  data::ReaderOptions to;
  data::SampleOptions& s = to.sample;
  to.batch_size = from.batch_size, to.threads = from.threads, to.prefetch = from.prefetch;
  to.skip_broken = from.skip_broken != 0;
  s.channels = from.channels, s.height = from.height, s.width = from.width;
  s.label_width = from.label_width, s.dtype = static_cast<DType>(from.dtype);
  s.resize = from.resize, s.pad = from.pad, s.fill_value = from.fill_value;
  s.interpolation = from.interpolation;
  s.rand_crop = from.rand_crop != 0, s.sized_crop = from.sized_crop != 0;
  s.min_area = from.min_area, s.max_area = from.max_area;
  s.min_ratio = from.min_ratio, s.max_ratio = from.max_ratio;
  s.mirror = from.mirror;
  s.min_angle = from.angle[0], s.max_angle = from.angle[1], s.max_shear = from.max_shear;
  if (from.stretch[1] != 0) s.min_stretch = from.stretch[0], s.max_stretch = from.stretch[1];
  if (from.zoom[1] != 0) s.min_zoom = from.zoom[0], s.max_zoom = from.zoom[1];
  s.min_size = from.min_size, s.max_size = from.max_size;
  s.min_crop = from.min_crop, s.max_crop = from.max_crop;
  s.colors = colors_of(from);
  set_extras(from, s);
  return to;
}

void require_struct(const plait_image_reader_options_t& options) {
  check(options.struct_size == sizeof options, ErrorKind::kInvalidArgument, "struct_size is ",
        options.struct_size, ", must be ", sizeof options);
}

}  // namespace

plait_status_t plait_record_file_open(const char* path, plait_record_file_t* out) {
  return guarded([&] {
    require(path, "path");
    require(out, "out");
    *out = new_object<plait_record_file_s>(path);
  });
}

void plait_record_file_free(plait_record_file_t file) { free_object(file); }

plait_status_t plait_record_file_read(plait_record_file_t file, int64_t offset,
                                      plait_buffer_t* record, int64_t* next) {
  return guarded([&] {
    require(file, "file");
    require(record, "record");
    require(next, "next");
    std::string bytes;
    const int64_t after = file->file.read(offset, bytes);
    *record = after < 0 ? nullptr : new_buffer(std::move(bytes));
    *next = after;
  });
}

plait_status_t plait_record_file_offsets(plait_record_file_t file, int32_t recover,
                                         plait_array_t* out) {
  return guarded([&] {
    require(file, "file");
    require(out, "out");
    const std::vector<int64_t> offsets = file->file.offsets(recover != 0);
    const ArrayRef array = Array::empty({static_cast<int64_t>(offsets.size())}, DType::kInt64);
    std::copy(offsets.begin(), offsets.end(), static_cast<int64_t*>(array->data()));
    *out = new_handle(array);
  });
}

plait_status_t plait_record_file_find(plait_record_file_t file, int64_t offset, int64_t* found) {
  return guarded([&] {
    require(file, "file");
    require(found, "found");
    *found = file->file.find(offset);
  });
}

plait_status_t plait_record_writer_open(const char* path, plait_record_writer_t* out) {
  return guarded([&] {
    require(path, "path");
    require(out, "out");
    *out = new_object<plait_record_writer_s>(path);
  });
}

plait_status_t plait_record_writer_write(plait_record_writer_t writer, const void* bytes,
                                         int64_t size, int64_t* offset) {
  return guarded([&] {
    require(writer, "writer");
    require(offset, "offset");
    *offset = writer->writer.write(view_of(bytes, size));
  });
}

int64_t plait_record_writer_tell(plait_record_writer_t writer) {
  return is_alive(writer) ? writer->writer.tell() : -1;
}

plait_status_t plait_record_writer_flush(plait_record_writer_t writer) {
  return guarded([&] {
    require(writer, "writer");
    writer->writer.flush();
  });
}

plait_status_t plait_record_writer_close(plait_record_writer_t writer) {
  return guarded([&] {
    require(writer, "writer");
    writer->writer.close();
  });
}

void plait_record_writer_free(plait_record_writer_t writer) { free_object(writer); }

int32_t plait_image_has_codecs(void) { return data::has_codecs(); }

plait_status_t plait_image_decode(const void* bytes, int64_t size, const char* name, int32_t color,
                                  plait_array_t* out) {
  return guarded([&] {
    require(out, "out");
    check(color >= -1 && color <= 1, ErrorKind::kInvalidArgument, "image: color is ", color,
          ", must be -1, 0 or 1");
    const data::Color colors[] = {data::Color::kAsStored, data::Color::kGray, data::Color::kRgb};
    ArrayRef array;
    data::decode_image(view_of(bytes, size), name ? name : "the image", colors[color + 1],
                       [&](int64_t height, int64_t width, int64_t channels) {
                         array = Array::empty({height, width, channels}, DType::kUint8);
                         return static_cast<uint8_t*>(array->data());
                       });
    *out = new_handle(array);
  });
}

plait_status_t plait_image_encode(plait_array_t image, const char* format, int32_t quality,
                                  plait_buffer_t* out) {
  return guarded([&] {
    require(format, "format");
    require(out, "out");
    const std::string_view kind = format;
    check(kind == "jpeg" || kind == "png", ErrorKind::kInvalidArgument, "image: format is \"", kind,
          "\", must be \"jpeg\" or \"png\"");
    const ArrayRef array = image_of(image, false);
    const Dims& shape = array->shape();
    const data::Image pixels{shape[0], shape[1], shape[2], static_cast<uint8_t*>(array->data())};
    *out = new_buffer(kind == "jpeg" ? data::encode_jpeg(pixels, quality)
                                     : data::encode_png(pixels, quality));
  });
}

plait_status_t plait_image_resample(plait_array_t image, int64_t height, int64_t width,
                                    int32_t interpolation, plait_array_t* out) {
  return guarded([&] {
    require(out, "out");
    check(interpolation >= 0 && interpolation <= 4, ErrorKind::kInvalidArgument,
          "image: interpolation is ", interpolation, ", must be in [0, 4]");
    check(height > 0 && width > 0 && height <= data::kMaxPixels / width, ErrorKind::kShape,
          "image: size is ", height, " x ", width, ", must be 1 to ", data::kMaxPixels, " pixels");
    const ArrayRef from = image_of(image, true);
    const ArrayRef to = Array::empty({height, width, from->shape()[2]}, from->dtype());
    if (from->dtype() == DType::kUint8) {
      resize<uint8_t>(*from, *to, interpolation);
    } else {
      resize<float>(*from, *to, interpolation);
    }
    *out = new_handle(to);
  });
}

plait_status_t plait_image_reader_new(const char* path, const plait_image_reader_options_t* options,
                                      plait_image_reader_t* out) {
  return guarded([&] {
    require(path, "path");
    require(options, "options");
    require(out, "out");
    require_struct(*options);
    *out = new_object<plait_image_reader_s>(path, options_of(*options));
  });
}

plait_status_t plait_image_reader_from_text(const char* const* names, const char* const* values,
                                            int32_t count,
                                            const plait_image_reader_options_t* extras,
                                            plait_image_reader_t* out) {
  return guarded([&] {
    require(out, "out");
    const data::Options given = data::image_options(given_options(names, values, count));
    check(given.text("mean_img").empty(), ErrorKind::kInvalidArgument,
          "image_reader: mean_img is for iterators, must be mean_image of extras");
    data::ReaderOptions options = data::reader_options(given);
    if (extras) {
      require_struct(*extras);
      set_extras(*extras, options.sample);
    }
    *out = new_object<plait_image_reader_s>(given.text("path_imgrec"), options);
  });
}

void plait_image_reader_free(plait_image_reader_t reader) { free_object(reader); }

plait_status_t plait_image_reader_start(plait_image_reader_t reader, const int64_t* offsets,
                                        int64_t count, uint64_t seed) {
  return guarded([&] {
    require(reader, "reader");
    check(count >= 0, ErrorKind::kInvalidArgument, "count is ", count, ", must be >= 0");
    if (count) require(offsets, "offsets");
    reader->reader.start({offsets, offsets + count}, seed);
  });
}

plait_status_t plait_image_reader_next(plait_image_reader_t reader, plait_array_t* data,
                                       plait_array_t* label, plait_array_t* index, int64_t* rows) {
  return guarded([&] {
    require(reader, "reader");
    require(data, "data");
    require(label, "label");
    require(index, "index");
    require(rows, "rows");
    data::ImageReader::Batch batch;
    const bool more = reader->reader.next(batch);
    *data = more ? new_handle(batch.data) : nullptr;
    *label = more ? new_handle(batch.label) : nullptr;
    *index = more ? new_handle(batch.index) : nullptr;
    *rows = batch.count;
  });
}

int64_t plait_image_reader_skipped(plait_image_reader_t reader) {
  return is_alive(reader) ? reader->reader.skipped() : -1;
}
