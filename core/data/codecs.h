#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace plait::data {

// Pixels in rows, channels of a pixel side by side.
struct Image {
  int64_t height = 0, width = 0, channels = 0;
  const uint8_t* pixels = nullptr;
  int64_t size() const { return height * width * channels; }
};

// What the channels of a decoded image are; kAsStored keeps one to four channels.
enum class Color { kGray, kRgb, kAsStored };

// Gives memory for height x width x channels bytes.
using PixelMemory = std::function<uint8_t*(int64_t height, int64_t width, int64_t channels)>;

struct Rect {
  int64_t x, y, width, height;
};

// Chooses a part of an image of height x width pixels, inside it.
using PartOf = std::function<Rect(int64_t height, int64_t width)>;

// Images of more pixels are refused before memory is asked for.
inline constexpr int64_t kMaxPixels = int64_t{1} << 28;

// Reads JPEG or PNG, whichever `bytes` is, into memory from `memory`, which is asked for once.
// Throws ErrorKind::kIo, with `what` as the image's name, for anything else and for broken images;
// kNotImplemented if the library was built without codecs. Does not turn images by their EXIF data.
Image decode_image(std::string_view bytes, const std::string& what, Color color,
                   const PixelMemory& memory);

// The pixels of one part: those that `decode_image` gives there, but of a JPEG much of the rest is
// not computed.
Image decode_part(std::string_view bytes, const std::string& what, Color color, const PartOf& part,
                  const PixelMemory& memory);

// Writes one or three channels. `quality`: 1 to 100.
std::string encode_jpeg(const Image& image, int quality);
// One to four channels. `level` of compression: 0 to 9.
std::string encode_png(const Image& image, int level);

// Whether the library was built with codecs.
bool has_codecs();

}  // namespace plait::data
