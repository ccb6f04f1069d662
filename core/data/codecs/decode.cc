#include <cstring>
#include <vector>

#include "base/error.h"
#include "data/codecs/formats.h"

namespace plait::data {
namespace {

bool is_jpeg(std::string_view bytes) { return bytes.starts_with("\xff\xd8"); }

}  // namespace

void check_size(const std::string& what, int64_t height, int64_t width) {
  check(height > 0 && width > 0 && height <= kMaxPixels / width, ErrorKind::kIo, "image: ", what,
        " has ", height, " x ", width, " pixels, must have 1 to ", kMaxPixels);
}

Image decode_image(std::string_view bytes, const std::string& what, Color color,
                   const PixelMemory& memory) {
  if (is_jpeg(bytes)) return decode_jpeg(bytes, what, color, {}, memory);
  if (bytes.starts_with("\x89PNG\r\n\x1a\n")) return decode_png(bytes, what, color, memory);
  fail(ErrorKind::kIo, "image: ", what, " of ", bytes.size(), " bytes is neither JPEG nor PNG");
}

Image decode_part(std::string_view bytes, const std::string& what, Color color, const PartOf& part,
                  const PixelMemory& memory) {
  if (is_jpeg(bytes)) return decode_jpeg(bytes, what, color, part, memory);
  std::vector<uint8_t> pixels;
  const Image whole = decode_image(bytes, what, color, [&](int64_t h, int64_t w, int64_t c) {
    pixels.resize(static_cast<size_t>(h * w * c));
    return pixels.data();
  });
  const Rect rect = part(whole.height, whole.width);
  const int64_t c = whole.channels, row = rect.width * c;
  uint8_t* to = memory(rect.height, rect.width, c);
  for (int64_t y = 0; y < rect.height; ++y) {
    std::memcpy(to + y * row, whole.pixels + ((rect.y + y) * whole.width + rect.x) * c,
                static_cast<size_t>(row));
  }
  return {rect.height, rect.width, c, to};
}

bool has_codecs() { return true; }

}  // namespace plait::data
