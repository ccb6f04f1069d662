// Damaged files never do more than throw an Error. Each test changes good files at random:
//
//   PLAIT_TEST_SEED=7 PLAIT_STRESS_SECONDS=300 plait_tests fuzz_images
//
// A build with -DPLAIT_SANITIZE=address,undefined sees what a plain one does not.
#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "base/error.h"
#include "data/archive.h"
#include "data/codecs.h"
#include "data/image_reader.h"
#include "data/iterator.h"
#include "data/record.h"
#include "fuzz.h"
#include "testing.h"

using namespace plait;
using testing::File;
using testing::fuzz;
using testing::Mutator;
using testing::Seeds;

namespace {

std::string picture(int64_t height, int64_t width, int64_t channels, bool jpeg) {
  std::vector<uint8_t> pixels(static_cast<size_t>(height * width * channels));
  for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<uint8_t>(i * i / 7);
  const data::Image image{height, width, channels, pixels.data()};
  return jpeg ? data::encode_jpeg(image, 80) : data::encode_png(image, 3);
}

Seeds pictures() {
  return {picture(24, 31, 3, true), picture(17, 16, 1, true),  picture(20, 21, 3, false),
          picture(9, 33, 1, false), picture(16, 16, 4, false), picture(12, 8, 2, false)};
}

uint32_t crc(const char* bytes, size_t n) {
  uint32_t c = 0xffffffff;
  for (size_t i = 0; i < n; ++i) {
    c ^= static_cast<uint8_t>(bytes[i]);
    for (int k = 0; k < 8; ++k) c = c & 1 ? c >> 1 ^ 0xedb88320u : c >> 1;
  }
  return ~c;
}

// Corrects the checks of PNG's chunks, so that changes come further than these.
void correct_checks(std::string& s) {
  for (size_t at = 8; at + 12 <= s.size();) {
    uint32_t length;
    std::memcpy(&length, s.data() + at, 4);
    length = __builtin_bswap32(length);
    if (length > s.size() - at - 12) return;
    const uint32_t check = __builtin_bswap32(crc(s.data() + at + 4, length + 4));
    std::memcpy(s.data() + at + 8 + length, &check, 4);
    at += 12 + length;
  }
}

std::string record_of(const std::vector<std::string>& records) {
  const File file;
  data::RecordWriter writer(file.path);
  for (const std::string& record : records) writer.write(record);
  writer.close();
  return data::read_file(file.path);
}

// What recordio.pack makes of floats and an image.
std::string packed(const std::vector<float>& labels, const std::string& image) {
  const auto count = static_cast<uint32_t>(labels.size());
  std::string out(reinterpret_cast<const char*>(&count), 4);
  out.append(20, '\0');
  out.append(reinterpret_cast<const char*>(labels.data()), labels.size() * 4);
  return out + image;
}

}  // namespace

TEST(fuzz_records) {
  const std::string magic = "\x0a\x23\xd7\xce";
  const Seeds seeds = {record_of({"first", "second", magic + "abcd" + magic, ""}),
                       record_of({std::string(500, 'x')}), record_of({magic, magic + magic})};
  const File file;
  fuzz("records", seeds, 300, [&](std::string& bytes, Mutator& mutator) {
    file.write(bytes);
    const data::RecordFile reader(file.path);
    std::string record;
    for (int64_t at : reader.offsets(true)) {
      CHECK(at >= 0 && at < static_cast<int64_t>(bytes.size()));
    }
    reader.find(static_cast<int64_t>(mutator.below(bytes.size() + 9)));
    for (int64_t at = 0; at >= 0;) {
      const int64_t next = reader.read(at, record);
      CHECK(next < 0 || next > at);
      at = next;
    }
  });
}

TEST(fuzz_images) {
  if (!data::has_codecs()) return;
  std::vector<uint8_t> pixels;
  fuzz("images", pictures(), 300, [&](std::string& bytes, Mutator& mutator) {
    if (mutator.below(2) && bytes.starts_with("\x89PNG")) correct_checks(bytes);
    const data::Color colors[] = {data::Color::kGray, data::Color::kRgb, data::Color::kAsStored};
    const data::Color color = colors[mutator.below(3)];
    const auto memory = [&](int64_t h, int64_t w, int64_t c) {
      check(h * w <= 1 << 24, ErrorKind::kIo, "too large for this test");
      pixels.resize(static_cast<size_t>(h * w * c));
      return pixels.data();
    };
    if (mutator.below(2)) {
      data::decode_image(bytes, "x", color, memory);
      return;
    }
    const auto part = [&](int64_t h, int64_t w) -> data::Rect {
      const auto y = static_cast<int64_t>(mutator.below(static_cast<size_t>(h)));
      const auto x = static_cast<int64_t>(mutator.below(static_cast<size_t>(w)));
      return {x, y, w - x, h - y};
    };
    data::decode_part(bytes, "x", color, part, memory);
  });
}

TEST(fuzz_archives) {
  const auto array = [](Dims shape, DType dtype) {
    ArrayRef a = Array::empty(shape, dtype);
    if (a->nbytes()) std::memset(a->data(), 1, static_cast<size_t>(a->nbytes()));
    return data::Stored{a, nullptr};
  };
  const auto index = [](std::initializer_list<int64_t> numbers) {
    ArrayRef a = Array::empty(Dims{static_cast<int64_t>(numbers.size())}, DType::kInt64);
    std::copy(numbers.begin(), numbers.end(), static_cast<int64_t*>(a->data()));
    return a;
  };
  const ArrayRef values = array({2}, DType::kFloat32).dense;
  const data::Stored csr{nullptr,
                         make_ref<SparseArray>(Storing::kCsr, Dims{2, 3},
                                               Arrays{values, index({1, 0}), index({0, 1, 2})})};
  const data::Stored rows{
      nullptr, make_ref<SparseArray>(Storing::kRowSparse, Dims{5}, Arrays{values, index({1, 4})})};
  const Seeds seeds = {
      data::write_archive({csr, rows}, {}),
      data::write_archive({array({3, 4}, DType::kFloat32), array({5}, DType::kInt64)}, {"a", "b"}),
      data::write_archive({array({}, DType::kFloat16), array({0, 3}, DType::kUint8)}, {})};
  fuzz("archives", seeds, 2000,
       [](std::string& bytes, Mutator&) { data::read_archive(bytes, "x"); });
}

// Passes over `kind`; an error of the file names it.
static void read_all(const char* kind, const data::Given& options, const std::string& path) {
  try {
    const std::unique_ptr<data::Iterator> samples = data::make_iterator(kind, options);
    for (data::Batch batch; samples->next(batch);) CHECK(batch.pad >= 0 && batch.pad < 2);
  } catch (const Error& error) {
    CHECK(error.kind() != ErrorKind::kIo ||
          std::string(error.what()).find(path) != std::string::npos);
    throw;
  }
}

TEST(fuzz_csv) {
  const Seeds seeds = {"1,2,3\n4,5.5,-6e3\n0,0,1e-9\n", "7, 8 ,9\r\n\r\n1,nan,inf\r\n", "1,2,3"};
  const File file, labels;
  labels.write("1\n2\n");
  fuzz("csv", seeds, 2000, [&](std::string& bytes, Mutator& mutator) {
    file.write(bytes);
    data::Given options{{"data_csv", file.path}, {"data_shape", "(3,)"}, {"batch_size", "2"}};
    if (mutator.below(2)) options.emplace_back("label_csv", labels.path);
    if (mutator.below(2)) options.emplace_back("round_batch", "false");
    read_all("CSVIter", options, file.path);
  });
}

TEST(fuzz_libsvm) {
  const Seeds seeds = {"1 0:0.5 2:7\n0 1:1e9\n", "3 2:1\r\n\r\n-1.5 0:2 1:3\n", "1 0:1"};
  const File file, labels;
  labels.write("0 0:1\n0 0:2\n");
  fuzz("libsvm", seeds, 2000, [&](std::string& bytes, Mutator& mutator) {
    file.write(bytes);
    data::Given options{{"data_libsvm", file.path}, {"data_shape", "(3,)"}, {"batch_size", "2"}};
    if (mutator.below(2)) options.emplace_back("label_libsvm", labels.path);
    if (mutator.below(2)) options.emplace_back("round_batch", "false");
    read_all("LibSVMIter", options, file.path);
  });
}

TEST(fuzz_idx) {
  const std::string pixels(3 * 4 * 5, '\x07'), numbers("\x00\x01\x02", 3);
  const std::string image = std::string("\0\0\x08\x03\0\0\0\x03\0\0\0\x04\0\0\0\x05", 16) + pixels;
  const std::string label = std::string("\0\0\x08\x01\0\0\0\x03", 8) + numbers;
  const File images, labels;
  fuzz("idx", {image, label}, 2000, [&](std::string& bytes, Mutator& mutator) {
    const bool first = mutator.below(2);
    images.write(first ? bytes : image);
    labels.write(first ? label : bytes);
    read_all("MNISTIter",
             {{"image", images.path},
              {"label", labels.path},
              {"batch_size", "2"},
              {"flat", mutator.below(2) ? "true" : "false"}},
             first ? images.path : labels.path);
  });
}

TEST(fuzz_image_readers) {
  if (!data::has_codecs()) return;
  Seeds records;
  for (const std::string& image : pictures()) {
    records.push_back(packed({2, 5, 1, 0.1f, 0.2f, 0.7f, 0.9f}, image));
  }
  const Seeds seeds = {record_of(records), record_of({records[0], records[3], records[1]})};
  const File file;
  fuzz("image readers", seeds, 20, [&](std::string& bytes, Mutator& mutator) {
    file.write(bytes);
    data::ReaderOptions o;
    o.batch_size = 2, o.threads = 2, o.skip_broken = mutator.below(2);
    o.sample.height = 11, o.sample.width = 13;
    o.sample.resize = static_cast<int64_t>(mutator.below(2) * 14);
    o.sample.interpolation = static_cast<int32_t>(mutator.below(5));
    if (mutator.below(2)) {
      o.sample.min_angle = -30, o.sample.max_angle = 30, o.sample.max_shear = 0.3;
      o.sample.rand_crop = o.sample.sized_crop = true;
      o.sample.colors.hue = o.sample.colors.random_h = o.sample.colors.contrast = 0.5;
    } else {
      auto detection = std::make_shared<data::DetectionOptions>();
      detection->samplers.push_back({0.3, 0.9, 0.5, 2, 0.1, 1, 0, 1, 0, 1, 5});
      detection->crop_probability = detection->mirror = 0.5;
      detection->pad = {2, 0.5}, detection->hue = {30, 0.5};
      o.sample.detection = detection;
      o.sample.label_width = 20;
    }
    data::ImageReader reader(file.path, o);
    reader.start(data::RecordFile(file.path).offsets(true), 1);
    for (data::ImageReader::Batch batch; reader.next(batch);) CHECK(batch.count <= 2);
  });
}
