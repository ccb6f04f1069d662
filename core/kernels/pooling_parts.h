#pragma once

#include <algorithm>
#include <vector>

#include "kernels/convert.h"
#include "kernels/pooling.h"

// What both layouts of pooling share: the parts of windows, and operands of any dtype.
namespace plait::kernels {

// The part of a window inside the data along one axis.
struct PoolRange {
  int64_t start, first, last;  // start may be negative; [first, last) is inside
  int64_t count;               // elements of the mean, padding included
};
inline PoolRange range_of(const Pool& p, size_t axis, int64_t at) {
  const int64_t start = at * p.stride[axis] - p.pad[axis], end = start + p.kernel[axis];
  return {start, std::max<int64_t>(start, 0), std::min(end, p.in[axis]),
          std::min(end, p.in[axis] + p.pad[axis]) - start};
}
inline double mean_count(const Pool& p, const PoolRange& r) {
  return static_cast<double>(p.include_pad ? r.count : std::max<int64_t>(r.last - r.first, 0));
}

// An operand: planes of `size` elements.
struct PoolData {
  void* data;
  int64_t size;
};

// One plane of an operand as T: the memory itself, or a converted copy.
template <class T>
class PoolOperand {
 public:
  PoolOperand(const PoolData& d, DType dtype) : data_(d), dtype_(dtype) {
    if (dtype != dtype_of<T>() && d.data) copy_.resize(static_cast<size_t>(d.size));
  }
  T* plane(int64_t n) {
    return copy_.empty() ? static_cast<T*>(data_.data) + n * data_.size : copy_.data();
  }
  void load(int64_t n) {
    if (!copy_.empty()) convert(place(n), dtype_, 1, copy_.data(), dtype_of<T>(), data_.size);
  }
  void store(int64_t n) {
    if (!copy_.empty()) convert(copy_.data(), dtype_of<T>(), 1, place(n), dtype_, data_.size);
  }

 private:
  char* place(int64_t n) const {
    return static_cast<char*>(data_.data) + n * data_.size * dtype_size(dtype_);
  }
  PoolData data_;
  DType dtype_;
  std::vector<T> copy_;
};

inline PoolData pool_operand(const void* data, int64_t size) {
  return {const_cast<void*>(data), size};
}

}  // namespace plait::kernels
