#pragma once

#include <algorithm>

#include "kernels/convolution.h"
#include "kernels/parallel.h"

namespace plait::kernels {

// Part of a row of the result of a convolution over one or two axes of data with channels last:
// which lines of the kernel and which places need no look at the border.
struct ConvRow {
  const Conv& c;
  const float* x;                 // the sample
  int64_t top;                    // line of the data under the first line of the kernel
  int64_t first_line, last_line;  // lines of the kernel that lie inside
  int64_t first, last;            // the part's places
  int64_t begin, end;             // those of them whose windows lie inside across

  static constexpr int64_t kPart = 512;  // places
  static int64_t parts(const Conv& c) { return (c.out[2] + kPart - 1) / kPart; }
  static int64_t count(const Conv& c) { return c.batch * c.out[1] * parts(c); }

  // Number `i` of the parts of all rows of all samples.
  ConvRow(const Conv& conv, int64_t i, const float* data)
      : c(conv),
        x(data + i / parts(c) / c.out[1] * c.in_size() * c.in_channels),
        top(i / parts(c) % c.out[1] * c.stride[1] - c.pad[1]),
        first(i % parts(c) * kPart),
        last(std::min(first + kPart, c.out[2])) {
    const int64_t dilate = c.dilate[1];
    first_line = top < 0 ? (-top + dilate - 1) / dilate : 0;
    last_line = top < c.in[1] ? std::min(c.kernel[1], (c.in[1] - 1 - top) / dilate + 1) : 0;
    const int64_t span = c.dilate[2] * (c.kernel[2] - 1) + 1, room = c.in[2] + c.pad[2] - span;
    begin = std::clamp((c.pad[2] + c.stride[2] - 1) / c.stride[2], first, last);
    end = room < 0 ? begin : std::clamp(room / c.stride[2] + 1, begin, last);
  }

  // Data under line `line` and column 0 of the kernel for place `o`; may lie outside.
  const float* data(int64_t line, int64_t o) const {
    const int64_t at = (top + line * c.dilate[1]) * c.in[2] + o * c.stride[2] - c.pad[2];
    return x + at * c.in_channels;
  }
};

// f(part) for all parts on several threads; `work`: products of a place.
template <class F>
void each_row_part(const Conv& c, int64_t work, int threads, const F& f) {
  const int64_t grain = 1 + kGrain / (std::min(c.out[2], ConvRow::kPart) * work);
  parallel_for(threads, ConvRow::count(c), grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) f(i);
  });
}

// Where part `i` begins in the result.
inline int64_t part_begin(const Conv& c, int64_t i) {
  const int64_t row = i / ConvRow::parts(c), place = i % ConvRow::parts(c) * ConvRow::kPart;
  return (row * c.out[2] + place) * c.out_channels;
}

inline bool has_rows(const Conv& c) {
  return c.channels_last && c.in[0] == 1 && c.kernel[0] == 1 && c.out[0] == 1;
}

}  // namespace plait::kernels
