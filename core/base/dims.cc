#include "base/dims.h"

namespace plait {

std::string to_string(const Dims& dims) {
  std::string text = "(";
  for (size_t i = 0; i < dims.size(); ++i) {
    if (i) text += ", ";
    text += dims[i] == kNone ? "None" : std::to_string(dims[i]);
  }
  return text + (dims.size() == 1 ? ",)" : ")");
}

int64_t check_size(const Dims& shape, int64_t item) {
  int64_t bytes = item;
  bool is_empty = false;
  for (int64_t d : shape) {
    is_empty |= d == 0;
    check(d >= 0, ErrorKind::kShape, "shape is ", shape, ", sizes must be >= 0");
    check(d == 0 || !__builtin_mul_overflow(bytes, d, &bytes), ErrorKind::kShape, "shape is ",
          shape, ", its bytes must fit in 64 bits");
  }
  return is_empty ? 0 : bytes;
}

Dims broadcast_shapes(const Dims& a, const Dims& b) {
  if (a == b) return a;
  const size_t ndim = std::max(a.size(), b.size());
  Dims out(ndim);
  for (size_t i = 0; i < ndim; ++i) {
    const int64_t x = i < a.size() ? a[a.size() - 1 - i] : 1;
    const int64_t y = i < b.size() ? b[b.size() - 1 - i] : 1;
    check(x == y || x == 1 || y == 1, ErrorKind::kShape, "shapes ", a, " and ", b,
          " do not broadcast; axis ", -static_cast<int64_t>(i) - 1, " is ", x, " and ", y,
          ", must be equal or 1");
    out[ndim - 1 - i] = x == 1 ? y : x;
  }
  return out;
}

}  // namespace plait
