// Damaged files never do more than throw an Error. Each test changes good files at random:
//
//   PLAIT_TEST_SEED=7 PLAIT_STRESS_SECONDS=300 plait_tests fuzz_images
//
// A build with -DPLAIT_SANITIZE=address,undefined sees what a plain one does not.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "base/env.h"
#include "base/error.h"
#include "data/archive.h"
#include "data/codecs.h"
#include "data/image_reader.h"
#include "data/record.h"
#include "testing.h"

using namespace plait;
using Seeds = std::vector<std::string>;

namespace {

// Random changes of byte strings.
class Mutator {
 public:
  explicit Mutator(uint64_t seed) : random_(seed) {}

  size_t below(size_t n) {
    return n ? std::uniform_int_distribution<size_t>(0, n - 1)(random_) : 0;
  }

  std::string change(const Seeds& seeds) {
    std::string out = seeds[below(seeds.size())];
    for (size_t n = 1 + below(4); n > 0; --n) change_once(out, seeds);
    return out;
  }

 private:
  void change_once(std::string& s, const Seeds& seeds) {
    const size_t at = below(s.size());
    switch (below(7)) {
      case 0:
        if (!s.empty()) s[at] = static_cast<char>(below(256));
        break;
      case 1:
        if (!s.empty()) s[at] = static_cast<char>(s[at] ^ (1 << below(8)));
        break;
      case 2: s.resize(at); break;
      case 3: put_number(s, at); break;
      case 4: s.erase(at, 1 + below(64)); break;
      case 5: s.insert(at, s.substr(below(s.size()), 1 + below(64))); break;
      default: {  // goes on like another file
        const std::string& other = seeds[below(seeds.size())];
        s.resize(at);
        s += other.substr(std::min(other.size(), at));
      }
    }
  }
  // Numbers at which sizes overflow.
  void put_number(std::string& s, size_t at) {
    static constexpr uint64_t kNumbers[] = {0,
                                            1,
                                            0x7f,
                                            0xff,
                                            0x7fff,
                                            0xffff,
                                            0x7fffffff,
                                            0xffffffff,
                                            0x80000000,
                                            1ull << 40,
                                            0x7fffffffffffffff,
                                            0xffffffffffffffff};
    uint64_t value = kNumbers[below(std::size(kNumbers))];
    if (below(2)) value = __builtin_bswap64(value);
    const size_t n = std::min(size_t{1} << below(4), s.size() - at);
    std::memcpy(s.data() + at, &value, n);
  }

  std::mt19937_64 random_;
};

// Feeds changed seeds to `read` for PLAIT_STRESS_SECONDS, or `few` of them. What is thrown must be
// an Error, and not one of ours.
void fuzz(const char* name, const Seeds& seeds, int few,
          const std::function<void(std::string&, Mutator&)>& read) {
  using Clock = std::chrono::steady_clock;
  const auto seconds = std::chrono::seconds(env::get_int("PLAIT_STRESS_SECONDS", nullptr, 0));
  Mutator mutator(static_cast<uint64_t>(env::get_int("PLAIT_TEST_SEED", nullptr, 1)));
  const auto end = Clock::now() + seconds;
  int64_t cases = 0, refused = 0;
  for (; cases < few || Clock::now() < end; ++cases) {
    std::string bytes = mutator.change(seeds);
    try {
      read(bytes, mutator);
    } catch (const Error& error) {
      CHECK(error.kind() != ErrorKind::kInternal);
      ++refused;
    } catch (const std::bad_alloc&) {
      ++refused;
    }
  }
  std::printf("%s: %lld cases, %lld refused\n", name, static_cast<long long>(cases),
              static_cast<long long>(refused));
}

// A file that is removed at the end.
struct File {
  File() : path(std::filesystem::temp_directory_path() / "fuzz_test.XXXXXX") {
    close(mkstemp(path.data()));
  }
  ~File() { unlink(path.c_str()); }
  void write(const std::string& bytes) const { std::ofstream(path, std::ios::binary) << bytes; }
  std::string path;
};

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
    data::decode_image(bytes, "x", colors[mutator.below(3)], [&](int64_t h, int64_t w, int64_t c) {
      check(h * w <= 1 << 24, ErrorKind::kIo, "too large for this test");
      pixels.resize(static_cast<size_t>(h * w * c));
      return pixels.data();
    });
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
