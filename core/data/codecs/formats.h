#pragma once

#include "data/codecs.h"

namespace plait::data {

// `part` may be empty: the whole image.
Image decode_jpeg(std::string_view bytes, const std::string& what, Color color, const PartOf& part,
                  const PixelMemory& memory);
Image decode_png(std::string_view bytes, const std::string& what, Color color,
                 const PixelMemory& memory);

// Throws for sizes that must not be decoded.
void check_size(const std::string& what, int64_t height, int64_t width);

}  // namespace plait::data
