#include "base/error.h"
#include "data/codecs.h"

namespace plait::data {
namespace {

[[noreturn]] void absent() {
  fail(ErrorKind::kNotImplemented,
       "image: this build has no JPEG and PNG codecs\n"
       "  hint: install libjpeg-turbo and libpng with their headers and build again");
}

}  // namespace

Image decode_image(std::string_view, const std::string&, Color, const PixelMemory&) { absent(); }
Image decode_part(std::string_view, const std::string&, Color, const PartOf&, const PixelMemory&) {
  absent();
}
std::string encode_jpeg(const Image&, int) { absent(); }
std::string encode_png(const Image&, int) { absent(); }
bool has_codecs() { return false; }

}  // namespace plait::data
