#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "data/codecs/formats.h"

#include <jpeglib.h>  // needs <cstdio>

#include <jerror.h>

// libjpeg reports errors by a call that must not return, so each stretch of calls stands in a
// function of its own behind setjmp, with nothing in it that has a destructor.
namespace plait::data {
namespace {

struct Errors {
  jpeg_error_mgr base;  // first: libjpeg hands out its address
  std::jmp_buf back;
  char text[JMSG_LENGTH_MAX];
};

void leave(j_common_ptr info) {
  auto* errors = reinterpret_cast<Errors*>(info->err);
  errors->base.format_message(info, errors->text);
  std::longjmp(errors->back, 1);
}

// A file that ends too early is an error; other damage is what libjpeg makes of it.
void warn(j_common_ptr info, int level) {
  if (level < 0 && info->err->msg_code == JWRN_JPEG_EOF) leave(info);
}

void silent(j_common_ptr) {}

void install(Errors& errors) {
  jpeg_std_error(&errors.base);
  errors.base.error_exit = leave;
  errors.base.emit_message = warn;
  errors.base.output_message = silent;
}

struct Decoder {
  jpeg_decompress_struct info = {};
  Errors errors;
  Decoder() {
    install(errors);
    info.err = &errors.base;
  }
  ~Decoder() { jpeg_destroy_decompress(&info); }
};

bool begin(Decoder& d, std::string_view bytes) {
  if (setjmp(d.errors.back)) return false;
  jpeg_create_decompress(&d.info);
  jpeg_mem_src(&d.info, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  jpeg_read_header(&d.info, TRUE);
  return true;
}

bool start(Decoder& d) {
  if (setjmp(d.errors.back)) return false;
  jpeg_start_decompress(&d.info);
  return true;
}

bool read_rows(Decoder& d, uint8_t* to, size_t stride) {
  if (setjmp(d.errors.back)) return false;
  while (d.info.output_scanline < d.info.output_height) {
    JSAMPROW row = to + d.info.output_scanline * stride;
    jpeg_read_scanlines(&d.info, &row, 1);
  }
  jpeg_finish_decompress(&d.info);
  return true;
}

// Columns [first, first + width) are computed, more if blocks ask for it.
bool narrow(Decoder& d, JDIMENSION& first, JDIMENSION& width) {
  if (setjmp(d.errors.back)) return false;
  jpeg_crop_scanline(&d.info, &first, &width);
  return true;
}

// `line` has room for a row of what is computed, from column `first` on.
bool read_part(Decoder& d, const Rect& part, JDIMENSION first, uint8_t* line, uint8_t* to) {
  if (setjmp(d.errors.back)) return false;
  const auto depth = static_cast<size_t>(d.info.output_components);
  const size_t skip = (static_cast<size_t>(part.x) - first) * depth;
  const size_t stride = static_cast<size_t>(part.width) * depth;
  JSAMPROW row = line;
  if (part.y > 0) jpeg_skip_scanlines(&d.info, static_cast<JDIMENSION>(part.y));
  for (int64_t y = 0; y < part.height; ++y) {
    jpeg_read_scanlines(&d.info, &row, 1);
    std::memcpy(to + static_cast<size_t>(y) * stride, line + skip, stride);
  }
  // The last row is read so that a file which ends too early is found.
  const JDIMENSION left = d.info.output_height - d.info.output_scanline;
  if (left > 1) jpeg_skip_scanlines(&d.info, left - 1);
  if (left > 0) jpeg_read_scanlines(&d.info, &row, 1);
  jpeg_finish_decompress(&d.info);
  return true;
}

// Inks to colours; Adobe's programs store the inks inverted.
void cmyk_to(const uint8_t* from, uint8_t* to, size_t n, int channels, bool inverted) {
  for (size_t i = 0; i < n; ++i) {
    int rgb[3];
    for (int c = 0; c < 3; ++c) {
      const int ink = from[i * 4 + c], black = from[i * 4 + 3];
      rgb[c] = inverted ? ink * black / 255 : (255 - ink) * (255 - black) / 255;
    }
    if (channels == 1) {
      to[i] = static_cast<uint8_t>((rgb[0] * 4899 + rgb[1] * 9617 + rgb[2] * 1868 + 8192) >> 14);
    } else {
      for (int c = 0; c < 3; ++c) to[i * 3 + c] = static_cast<uint8_t>(rgb[c]);
    }
  }
}

struct Encoder {
  jpeg_compress_struct info = {};
  Errors errors;
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  Encoder() {
    install(errors);
    info.err = &errors.base;
  }
  ~Encoder() {
    jpeg_destroy_compress(&info);
    std::free(bytes);
  }
};

bool compress(Encoder& e, const Image& image, int quality) {
  if (setjmp(e.errors.back)) return false;
  jpeg_create_compress(&e.info);
  jpeg_mem_dest(&e.info, &e.bytes, &e.size);
  e.info.image_width = static_cast<JDIMENSION>(image.width);
  e.info.image_height = static_cast<JDIMENSION>(image.height);
  e.info.input_components = static_cast<int>(image.channels);
  e.info.in_color_space = image.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&e.info);
  jpeg_set_quality(&e.info, quality, TRUE);
  jpeg_start_compress(&e.info, TRUE);
  while (e.info.next_scanline < e.info.image_height) {
    JSAMPROW row = const_cast<uint8_t*>(image.pixels) +
                   int64_t{e.info.next_scanline} * image.width * image.channels;
    jpeg_write_scanlines(&e.info, &row, 1);
  }
  jpeg_finish_compress(&e.info);
  return true;
}

}  // namespace

Image decode_jpeg(std::string_view bytes, const std::string& what, Color color, const PartOf& part,
                  const PixelMemory& memory) {
  Decoder d;
  const auto need = [&](bool good) {
    check(good, ErrorKind::kIo, "image: ", what, " is broken: ", d.errors.text);
  };
  need(begin(d, bytes));
  check_size(what, d.info.image_height, d.info.image_width);
  const bool inks = d.info.num_components == 4;
  const bool gray =
      color == Color::kGray || (color == Color::kAsStored && d.info.num_components == 1);
  d.info.out_color_space = inks ? JCS_CMYK : gray ? JCS_GRAYSCALE : JCS_RGB;
  need(start(d));
  const int64_t full_height = d.info.output_height, full_width = d.info.output_width;
  const Rect rect = part ? part(full_height, full_width) : Rect{0, 0, full_width, full_height};
  Image image{rect.height, rect.width, gray ? 1 : 3, nullptr};
  uint8_t* to = memory(image.height, image.width, image.channels);
  image.pixels = to;
  if (rect.width == full_width && rect.height == full_height && !inks) {
    need(read_rows(d, to, static_cast<size_t>(image.width * image.channels)));
    return image;
  }
  // Colours are smoothed across the edges of blocks: with a block more on both sides the part has
  // the values of the whole image.
  const int64_t block = int64_t{d.info.max_h_samp_factor} * DCTSIZE;
  const int64_t left = std::max<int64_t>(rect.x - block, 0);
  auto first = static_cast<JDIMENSION>(left);
  auto width = static_cast<JDIMENSION>(std::min(rect.x + rect.width + block, full_width) - left);
  need(narrow(d, first, width));
  std::vector<uint8_t> line(static_cast<size_t>(width) * (inks ? 4 : image.channels));
  if (!inks) {
    need(read_part(d, rect, first, line.data(), to));
    return image;
  }
  const auto n = static_cast<size_t>(image.height * image.width);
  std::vector<uint8_t> raw(n * 4);
  need(read_part(d, rect, first, line.data(), raw.data()));
  cmyk_to(raw.data(), to, n, static_cast<int>(image.channels), d.info.saw_Adobe_marker);
  return image;
}

std::string encode_jpeg(const Image& image, int quality) {
  check(image.channels == 1 || image.channels == 3, ErrorKind::kShape, "image: channels is ",
        image.channels, ", must be 1 or 3 for JPEG");
  check(image.height > 0 && image.width > 0 && image.height <= 65500 && image.width <= 65500,
        ErrorKind::kShape, "image: size is ", image.height, " x ", image.width,
        ", each must be in [1, 65500] for JPEG");
  check(quality >= 1 && quality <= 100, ErrorKind::kInvalidArgument, "image: quality is ", quality,
        ", must be in [1, 100]");
  Encoder e;
  check(compress(e, image, quality), ErrorKind::kIo, "image: cannot write JPEG: ", e.errors.text);
  return {reinterpret_cast<const char*>(e.bytes), e.size};
}

}  // namespace plait::data
