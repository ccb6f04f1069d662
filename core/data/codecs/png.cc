#include <png.h>

#include <csetjmp>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "data/codecs/formats.h"

// libpng reports errors by a call that must not return, so each stretch of calls stands in a
// function of its own behind setjmp, with nothing in it that has a destructor.
namespace plait::data {
namespace {

struct State {
  png_structp png = nullptr;
  png_infop info = nullptr;
  std::jmp_buf back;
  char text[128] = "no memory";
  std::string_view bytes;
  size_t at = 0;
  std::string* out = nullptr;
};

void leave(png_structp png, const char* message) {
  auto* state = static_cast<State*>(png_get_error_ptr(png));
  std::strncpy(state->text, message, sizeof state->text - 1);
  std::longjmp(state->back, 1);
}

void silent(png_structp, const char*) {}

void supply(png_structp png, png_bytep to, size_t n) {
  auto* state = static_cast<State*>(png_get_io_ptr(png));
  if (n > state->bytes.size() - state->at) png_error(png, "it ends too early");
  std::memcpy(to, state->bytes.data() + state->at, n);
  state->at += n;
}

void keep(png_structp png, png_bytep from, size_t n) {
  auto* state = static_cast<State*>(png_get_io_ptr(png));
  bool good = true;
  try {
    state->out->append(reinterpret_cast<const char*>(from), n);
  } catch (const std::bad_alloc&) {
    good = false;
  }
  if (!good) png_error(png, "no memory");
}

void no_flush(png_structp) {}

struct Decoder : State {
  ~Decoder() { png_destroy_read_struct(&png, &info, nullptr); }
};

struct Encoder : State {
  ~Encoder() { png_destroy_write_struct(&png, &info); }
};

bool begin(State& d) {
  if (setjmp(d.back)) return false;
  d.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &d, leave, silent);
  if (!d.png || !(d.info = png_create_info_struct(d.png))) return false;
  png_set_read_fn(d.png, &d, supply);
  png_read_info(d.png, d.info);
  return true;
}

// Eight bits a channel, in the colours that are asked for; transparency is dropped, not mixed.
bool transform(State& d, Color color) {
  if (setjmp(d.back)) return false;
  const int kind = png_get_color_type(d.png, d.info);
  png_set_expand(d.png);
  png_set_strip_16(d.png);
  if (color != Color::kAsStored) png_set_strip_alpha(d.png);
  if (color == Color::kRgb) png_set_gray_to_rgb(d.png);
  // The weights of BT.601, as for JPEG.
  if (color == Color::kGray && kind & PNG_COLOR_MASK_COLOR) {
    png_set_rgb_to_gray_fixed(d.png, PNG_ERROR_ACTION_NONE, 29900, 58700);
  }
  png_set_interlace_handling(d.png);
  png_read_update_info(d.png, d.info);
  return true;
}

bool read_rows(State& d, png_bytepp rows) {
  if (setjmp(d.back)) return false;
  png_read_image(d.png, rows);
  png_read_end(d.png, nullptr);
  return true;
}

bool write_rows(State& e, const Image& image, int level) {
  if (setjmp(e.back)) return false;
  constexpr int kKinds[] = {PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB,
                            PNG_COLOR_TYPE_RGB_ALPHA};
  e.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &e, leave, silent);
  if (!e.png || !(e.info = png_create_info_struct(e.png))) return false;
  png_set_write_fn(e.png, &e, keep, no_flush);
  png_set_compression_level(e.png, level);
  png_set_IHDR(e.png, e.info, static_cast<png_uint_32>(image.width),
               static_cast<png_uint_32>(image.height), 8, kKinds[image.channels - 1],
               PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(e.png, e.info);
  for (int64_t y = 0; y < image.height; ++y) {
    png_write_row(e.png, image.pixels + y * image.width * image.channels);
  }
  png_write_end(e.png, nullptr);
  return true;
}

}  // namespace

Image decode_png(std::string_view bytes, const std::string& what, Color color,
                 const PixelMemory& memory) {
  Decoder d;
  d.bytes = bytes;
  const auto need = [&](bool good) {
    check(good, ErrorKind::kIo, "image: ", what, " is broken at byte ", d.at, ": ", d.text);
  };
  need(begin(d));
  Image image{png_get_image_height(d.png, d.info), png_get_image_width(d.png, d.info), 0, nullptr};
  check_size(what, image.height, image.width);
  need(transform(d, color));
  image.channels = png_get_channels(d.png, d.info);
  uint8_t* to = memory(image.height, image.width, image.channels);
  image.pixels = to;
  std::vector<png_bytep> rows(static_cast<size_t>(image.height));
  for (png_bytep& row : rows) row = to, to += image.width * image.channels;
  need(read_rows(d, rows.data()));
  return image;
}

std::string encode_png(const Image& image, int level) {
  check(image.channels >= 1 && image.channels <= 4, ErrorKind::kShape, "image: channels is ",
        image.channels, ", must be in [1, 4] for PNG");
  check(level >= 0 && level <= 9, ErrorKind::kInvalidArgument, "image: level is ", level,
        ", must be in [0, 9]");
  constexpr int64_t kMax = 1000000;  // libpng's own limit
  check(image.height > 0 && image.width > 0 && image.height <= kMax && image.width <= kMax,
        ErrorKind::kShape, "image: size is ", image.height, " x ", image.width,
        ", each must be in [1, ", kMax, "] for PNG");
  std::string out;
  Encoder e;
  e.out = &out;
  check(write_rows(e, image, level), ErrorKind::kIo, "image: cannot write PNG: ", e.text);
  return out;
}

}  // namespace plait::data
