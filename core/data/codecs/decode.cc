#include "base/error.h"
#include "data/codecs/formats.h"

namespace plait::data {

void check_size(const std::string& what, int64_t height, int64_t width) {
  check(height > 0 && width > 0 && height <= kMaxPixels / width, ErrorKind::kIo, "image: ", what,
        " has ", height, " x ", width, " pixels, must have 1 to ", kMaxPixels);
}

Image decode_image(std::string_view bytes, const std::string& what, Color color,
                   const PixelMemory& memory) {
  if (bytes.starts_with("\xff\xd8")) return decode_jpeg(bytes, what, color, memory);
  if (bytes.starts_with("\x89PNG\r\n\x1a\n")) return decode_png(bytes, what, color, memory);
  fail(ErrorKind::kIo, "image: ", what, " of ", bytes.size(), " bytes is neither JPEG nor PNG");
}

bool has_codecs() { return true; }

}  // namespace plait::data
