// Parts of images have the pixels that the whole images have there.
#include "data/codecs.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "kernels/random.h"
#include "testing.h"

using namespace plait;

namespace {

struct Decoded {
  data::Image image;
  std::vector<uint8_t> pixels;
};

data::PixelMemory memory_of(Decoded& d) {
  return [&d](int64_t h, int64_t w, int64_t c) {
    d.pixels.resize(static_cast<size_t>(h * w * c));
    return d.pixels.data();
  };
}

// Smooth waves with sharp edges, so that neighbouring blocks and colours differ.
std::vector<uint8_t> waves(int64_t height, int64_t width, int64_t channels) {
  std::vector<uint8_t> pixels(static_cast<size_t>(height * width * channels));
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) {
      for (int64_t c = 0; c < channels; ++c) {
        pixels[static_cast<size_t>((y * width + x) * channels + c)] =
            static_cast<uint8_t>((x * (3 + c) + y * (5 - c) + ((x / 7 + y / 5) % 2) * 90) % 256);
      }
    }
  }
  return pixels;
}

void check_parts(const std::string& bytes, data::Color color) {
  Decoded whole;
  whole.image = data::decode_image(bytes, "x", color, memory_of(whole));
  const kernels::Philox source(5, 0);
  for (uint64_t trial = 0; trial < 60; ++trial) {
    kernels::Draws draws(source, trial);
    const auto upto = [&](int64_t n) {
      return std::min(n, static_cast<int64_t>(draws.uniform() * static_cast<double>(n + 1)));
    };
    data::Rect r{};
    const auto part = [&](int64_t h, int64_t w) {
      r.width = 1 + upto(w - 1), r.height = 1 + upto(h - 1);
      r.x = upto(w - r.width), r.y = upto(h - r.height);
      return r;
    };
    Decoded found;
    found.image = data::decode_part(bytes, "x", color, part, memory_of(found));
    CHECK(found.image.width == r.width && found.image.height == r.height);
    CHECK(found.image.channels == whole.image.channels);
    const int64_t row = r.width * found.image.channels;
    bool same = true;
    for (int64_t y = 0; y < r.height; ++y) {
      const auto* want =
          whole.pixels.data() + ((r.y + y) * whole.image.width + r.x) * whole.image.channels;
      same = same && std::equal(want, want + row, found.pixels.data() + y * row);
    }
    CHECK(same);
  }
}

}  // namespace

TEST(parts_of_images_are_those_of_the_whole) {
  if (!data::has_codecs()) return;
  for (int64_t channels : {1, 3}) {
    for (const auto& [height, width] : {std::pair{91, 133}, std::pair{64, 48}, std::pair{7, 5}}) {
      const std::vector<uint8_t> pixels = waves(height, width, channels);
      const data::Image image{height, width, channels, pixels.data()};
      for (const std::string& bytes : {data::encode_jpeg(image, 75), data::encode_png(image, 3)}) {
        check_parts(bytes, data::Color::kRgb);
        check_parts(bytes, data::Color::kGray);
        check_parts(bytes, data::Color::kAsStored);
      }
    }
  }
}

TEST(a_part_of_a_cut_image_is_an_error) {
  if (!data::has_codecs()) return;
  const std::vector<uint8_t> pixels = waves(120, 90, 3);
  const std::string bytes = data::encode_jpeg({120, 90, 3, pixels.data()}, 90);
  Decoded found;
  const auto top = [](int64_t, int64_t width) { return data::Rect{3, 0, width - 9, 8}; };
  data::decode_part(bytes, "x", data::Color::kRgb, top, memory_of(found));
  for (size_t size : {bytes.size() / 2, bytes.size() * 9 / 10}) {
    const std::string cut = bytes.substr(0, size);
    CHECK_THROWS(data::decode_part(cut, "x", data::Color::kRgb, top, memory_of(found)), Error,
                 "x is broken");
  }
}
