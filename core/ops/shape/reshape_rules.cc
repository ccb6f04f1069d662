#include <algorithm>

#include "ops/shape/reshape.h"
#include "ops/sizes.h"

namespace plait::ops {

void complete_shape(Dims& shape, const Dims& from) {
  const int64_t total = num_elements(from);
  int64_t known = 1, open = -1;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == -1) {
      check(open < 0, ErrorKind::kShape, "shape is ", shape, ", must have at most one -1");
      open = static_cast<int64_t>(i);
    } else {
      check(shape[i] >= 0, ErrorKind::kShape, "shape is ", shape, ", sizes must be >= 0 or -1");
      known = times(shape[i], known, "shape");
    }
  }
  if (open >= 0 && known > 0 && total % known == 0) {
    shape[static_cast<size_t>(open)] = total / known;
    return;
  }
  check(open < 0 && known == total, ErrorKind::kShape, "shape is ", shape, ", must hold the ",
        total, " elements of shape ", from);
}

namespace {

struct Codes {
  const Dims& codes;
  const Dims& from;
  Dims out;
  size_t at = 0;  // next axis of `from`

  int64_t take() {
    check(at < from.size(), ErrorKind::kShape, "shape is ", codes, ", refers to more axes than ",
          from, " has");
    return from[at++];
  }
  // Two sizes whose product is the next axis; one may be -1.
  void split(int64_t a, int64_t b) {
    const int64_t size = take();
    if (a == -1 && b > 0) a = size / b;
    if (b == -1 && a > 0) b = size / a;
    check(a >= 0 && b >= 0 && times(a, b, "shape") == size, ErrorKind::kShape, "shape is ", codes,
          ", must split axis ", at - 1, " of ", from, " into two sizes whose product is ", size);
    out.push_back(a);
    out.push_back(b);
  }
  void expand() {
    for (size_t i = 0; i < codes.size(); ++i) {
      switch (codes[i]) {
        case 0: out.push_back(take()); break;
        case -1:
          out.push_back(-1);
          at += at < from.size();
          break;
        case -2:
          while (at < from.size()) out.push_back(take());
          break;
        case -3: {
          const int64_t first = take();
          out.push_back(first * take());
          break;
        }
        case -4:
          check(i + 2 < codes.size(), ErrorKind::kShape, "shape is ", codes,
                ", two sizes must follow -4");
          split(codes[i + 1], codes[i + 2]);
          i += 2;
          break;
        default: out.push_back(codes[i]); at += at < from.size();
      }
    }
  }
};

Dims reversed(const Dims& dims) {
  Dims out = dims;
  std::reverse(out.begin(), out.end());
  return out;
}

// Reversed, the two sizes after -4 stand before it: put the code in front again.
Dims reversed_codes(const Dims& codes) {
  Dims out;
  for (size_t i = codes.size(); i-- > 0;) {
    if (i >= 2 && codes[i - 2] == -4) {
      out.push_back(-4);
      out.push_back(codes[i]);
      out.push_back(codes[i - 1]);
      i -= 2;
    } else {
      out.push_back(codes[i]);
    }
  }
  return out;
}

}  // namespace

Dims expand_reshape_codes(const Dims& codes, const Dims& from, bool reverse) {
  const Dims used_codes = reverse ? reversed_codes(codes) : codes;
  const Dims used_from = reverse ? reversed(from) : from;
  Codes state{used_codes, used_from, {}};
  state.expand();
  Dims out = reverse ? reversed(state.out) : state.out;
  complete_shape(out, from);
  return out;
}

bool reshape_strides(const View& in, ViewPlan& out) {
  out.offset = 0;
  out.strides = contiguous_strides(out.shape);
  if (in.contiguous) return true;
  // Axes of size 1 do not matter; each group of axes with one product must be evenly spaced.
  Dims shape, strides;
  for (int64_t i = 0; i < in.ndim(); ++i) {
    if (in.dim(i) == 1) continue;
    shape.push_back(in.dim(i));
    strides.push_back(in.stride(i));
  }
  size_t i = 0, j = 0;
  while (i < shape.size() && j < out.shape.size()) {
    int64_t old_size = shape[i], new_size = out.shape[j];
    size_t i_end = i + 1, j_end = j + 1;
    while (old_size != new_size) {
      if (old_size < new_size)
        old_size *= shape[i_end++];
      else
        new_size *= out.shape[j_end++];
    }
    for (size_t k = i; k + 1 < i_end; ++k) {
      if (strides[k] != strides[k + 1] * shape[k + 1]) return false;
    }
    int64_t step = strides[i_end - 1];
    for (size_t k = j_end; k-- > j;) {
      out.strides[k] = step;
      step *= out.shape[k];
    }
    i = i_end;
    j = j_end;
  }
  for (; j < out.shape.size(); ++j) out.strides[j] = 1;
  return true;
}

}  // namespace plait::ops
