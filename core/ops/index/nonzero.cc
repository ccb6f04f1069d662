#include <algorithm>
#include <numeric>

#include "kernels/buffer.h"
#include "kernels/copy.h"
#include "kernels/parallel.h"
#include "kernels/simd.h"
#include "op/op.h"

// Where an array is not zero. How many places there are must be known before the result exists:
// `count_nonzero` says it.
namespace plait::ops {
namespace {

using op::KernelArgs;
using op::NoAttrs;

// One byte for each element: 1 if it is not zero, else 0.
class Truth {
 public:
  Truth(const View& in, int threads) : own_(is_own(in) ? 0 : in.size()), bytes_(own_.data()) {
    if (!is_own(in)) {
      const Dims dense = contiguous_strides(*in.shape);
      kernels::copy(in, {own_.data(), in.shape, &dense, DType::kBool, true}, threads);
    } else {
      bytes_ = in.ptr<uint8_t>();
    }
  }
  const uint8_t* data() const { return bytes_; }

 private:
  static bool is_own(const View& in) { return in.dtype == DType::kBool && in.contiguous; }
  kernels::Buffer<uint8_t> own_;
  const uint8_t* bytes_;
};

int64_t count_true(const uint8_t* flags, int64_t n) {
  return kernels::vector_call([=] {
    int64_t sum = 0;
    for (int64_t i = 0; i < n; i += 128) {  // so few fit a byte
      uint8_t part = 0;
      for (int64_t j = i; j < std::min(i + 128, n); ++j) part += flags[j];
      sum += part;
    }
    return sum;
  });
}

// The coordinates of the true elements at [begin, end), behind `found` others of `count`. A row of
// the last axis has the other coordinates in common.
void write_places(const uint8_t* flags, int64_t begin, int64_t end, const Dims& shape,
                  int64_t found, int64_t count, int64_t* out) {
  constexpr int64_t kPart = 512;
  const auto last = static_cast<int64_t>(shape.size()) - 1;
  const int64_t width = shape[static_cast<size_t>(last)];
  int64_t at[kPart];
  while (begin < end) {
    const int64_t row = begin / width, column = begin % width;
    const int64_t n = std::min({width - column, end - begin, kPart});
    int64_t few = 0;
    for (int64_t j = 0; j < n; ++j) {
      at[few] = column + j;
      few += flags[begin + j];
    }
    std::copy_n(at, few, out + last * count + found);
    int64_t rest = few ? row : 0;
    for (int64_t d = last; few && d-- > 0; rest /= shape[static_cast<size_t>(d)]) {
      std::fill_n(out + d * count + found, few, rest % shape[static_cast<size_t>(d)]);
    }
    found += few;
    begin += n;
  }
}

PLAIT_OP(count_nonzero, NoAttrs)
    .doc("How many elements are not 0.")
    .input("data", "array of any shape")
    .output("out", "one number, int64")
    .infer([](const NoAttrs&, const Specs&) -> Spec {
      return {{}, DType::kInt64};
    })
    .takes_complex()
    .cpu([](const NoAttrs&, const KernelArgs& k) {
      const Truth flags(k.in[0], k.threads);
      *k.out[0].ptr<int64_t>() = count_true(flags.data(), k.in[0].size());
    })
    .strided();

struct CountAttrs {
  int64_t count;
};

PLAIT_OP(nonzero_places, CountAttrs)
    .doc("Indices of the elements that are not 0, in row-major order.")
    .input("data", "array of any shape with an axis")
    .output("out", "(ndim, count), int64: for each axis the index of each element")
    .required_attr("count", &CountAttrs::count, "how many elements of data are not 0")
    .infer([](const CountAttrs& a, const Specs& in) -> Spec {
      const int64_t ndim = static_cast<int64_t>(in[0].shape.size());
      check(ndim > 0, ErrorKind::kShape, "data has shape (), must have an axis");
      check(a.count >= 0, ErrorKind::kInvalidArgument, "count is ", a.count, ", must be >= 0");
      return {{ndim, a.count}, DType::kInt64};
    })
    .takes_complex()
    .cpu([](const CountAttrs& a, const KernelArgs& k) {
      const int64_t size = k.in[0].size();
      const int64_t parts = std::clamp<int64_t>(size / kernels::kGrain, 1, k.threads);
      const Truth flags(k.in[0], k.threads);
      std::vector<int64_t> before(static_cast<size_t>(parts) + 1, 0);
      const auto edge = [&](int64_t part) { return size * part / parts; };
      kernels::parallel_for(k.threads, parts, 1, [&](int64_t first, int64_t last) {
        for (int64_t p = first; p < last; ++p) {
          before[static_cast<size_t>(p) + 1] =
              count_true(flags.data() + edge(p), edge(p + 1) - edge(p));
        }
      });
      std::partial_sum(before.begin(), before.end(), before.begin());
      check(before.back() == a.count, ErrorKind::kInvalidArgument, "count is ", a.count,
            ", must be ", before.back(), ", the number of elements that are not 0");
      kernels::parallel_for(k.threads, parts, 1, [&](int64_t first, int64_t last) {
        for (int64_t p = first; p < last; ++p) {
          write_places(flags.data(), edge(p), edge(p + 1), *k.in[0].shape,
                       before[static_cast<size_t>(p)], a.count, k.out[0].ptr<int64_t>());
        }
      });
    })
    .strided();

}  // namespace
}  // namespace plait::ops
