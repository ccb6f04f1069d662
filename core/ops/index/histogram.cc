#include <algorithm>
#include <cmath>

#include "kernels/convert.h"
#include "kernels/copy.h"
#include "kernels/parallel.h"
#include "kernels/simd.h"
#include "op/op.h"

// Counting numbers by intervals.
namespace plait::ops {
namespace {

using op::KernelArgs;

// Intervals between ascending edges; each contains its lower one, the last both.
class Bins {
 public:
  explicit Bins(const View& edges) : edges_(static_cast<size_t>(edges.size())) {
    const Dims dense = contiguous_strides(*edges.shape);
    kernels::copy(edges, {edges_.data(), edges.shape, &dense, DType::kFloat64, true}, 1);
    const double low = edges_.front(), width = (edges_.back() - low) / static_cast<double>(size());
    scale_ = 1 / width;
    is_even_ = width > 0 && std::isfinite(scale_);
    for (size_t i = 0; i < edges_.size() && is_even_; ++i) {
      is_even_ = std::fabs(edges_[i] - low - static_cast<double>(i) * width) < 0.25 * width;
    }
  }
  int64_t size() const { return static_cast<int64_t>(edges_.size()) - 1; }

  // The intervals of n numbers; -1: none.
  void find(const double* x, int64_t n, int32_t* at) const {
    const double low = edges_.front(), high = edges_.back();
    const auto top = static_cast<int32_t>(size() - 1);
    if (is_even_) {  // about, to one interval
      kernels::vector_loop(n, [=, scale = scale_](int64_t i) {
        const bool is_inside = x[i] >= low && x[i] <= high;
        const double guess = is_inside ? (x[i] - low) * scale : -1.0;
        at[i] = std::min(static_cast<int32_t>(guess), top);
      });
    }
    for (int64_t i = 0; i < n; ++i) {
      if (!is_even_) {
        const bool is_inside = x[i] >= low && x[i] <= high;
        const auto above = std::upper_bound(edges_.begin(), edges_.end(), x[i]);
        at[i] = is_inside ? std::min(static_cast<int32_t>(above - edges_.begin()) - 1, top) : -1;
      } else if (at[i] >= 0) {
        const auto j = static_cast<size_t>(at[i]);
        at[i] += (x[i] >= edges_[j + 1] && at[i] < top) - (x[i] < edges_[j]);
      }
    }
  }

 private:
  std::vector<double> edges_;
  double scale_ = 0;
  bool is_even_ = false;  // nearly: a number's interval follows from a product
};

// Calls f(first element, count, intervals) for blocks of the elements [begin, end).
template <class F>
void each_block(const Bins& bins, const View& data, int64_t begin, int64_t end, const F& f) {
  double x[kernels::kBlock];
  int32_t at[kernels::kBlock];
  const char* from = data.ptr<char>();
  for (int64_t i = begin; i < end; i += kernels::kBlock) {
    const int64_t n = std::min(kernels::kBlock, end - i);
    kernels::convert(from + i * dtype_size(data.dtype), data.dtype, 1, x, DType::kFloat64, n);
    bins.find(x, n, at);
    f(i, n, at);
  }
}

void count(const Bins& bins, const View& data, int threads, int64_t* out) {
  const auto parts = std::clamp<int64_t>(data.size() / kernels::kGrain, 1, threads);
  std::vector<std::vector<int64_t>> counts(static_cast<size_t>(parts));
  kernels::parallel_for(threads, parts, 1, [&](int64_t first, int64_t last) {
    for (int64_t part = first; part < last; ++part) {
      auto& own = counts[static_cast<size_t>(part)];
      own.assign(static_cast<size_t>(bins.size()) + 1, 0);  // the first: outside
      each_block(bins, data, data.size() * part / parts, data.size() * (part + 1) / parts,
                 [&](int64_t, int64_t n, const int32_t* at) {
                   for (int64_t j = 0; j < n; ++j) ++own[static_cast<size_t>(at[j] + 1)];
                 });
    }
  });
  for (int64_t i = 0; i < bins.size(); ++i) {
    out[i] = 0;
    for (const auto& own : counts) out[i] += own[static_cast<size_t>(i) + 1];
  }
}

PLAIT_OP(histogram_counts, op::NoAttrs)
    .doc("How many numbers lie in each interval, or the sum of the weights of these.")
    .input("edges",
           "ascending vector of n + 1 bounds, n in [1, 2^31); the last belongs to its "
           "interval")
    .input("data", "array of any shape")
    .optional_input("weights", "array of the shape of data")
    .output("out", "vector of length n: int64, or float64 with weights")
    .infer([](const op::NoAttrs&, const Specs& in) -> Spec {
      const Dims& edges = in[0].shape;
      check(edges.size() == 1 && edges[0] >= 2 && edges[0] < int64_t{1} << 31, ErrorKind::kShape,
            "edges has shape ", edges, ", must be a vector of 2 to 2^31 - 1 numbers");
      check(in.size() < 3 || in[2].shape == in[1].shape, ErrorKind::kShape, "weights has shape ",
            in.size() < 3 ? Dims{} : in[2].shape, ", must be ", in[1].shape);
      return {{edges[0] - 1}, in.size() < 3 ? DType::kInt64 : DType::kFloat64};
    })
    .cpu([](const op::NoAttrs&, const KernelArgs& k) {
      const Bins bins(k.in[0]);
      const View& data = k.in[1];
      if (k.in.size() < 3) return count(bins, data, k.threads, k.out[0].ptr<int64_t>());
      double* out = k.out[0].ptr<double>();
      std::fill_n(out, bins.size(), 0.0);
      double weight[kernels::kBlock];
      each_block(bins, data, 0, data.size(), [&](int64_t first, int64_t n, const int32_t* at) {
        const char* from = k.in[2].ptr<char>() + first * dtype_size(k.in[2].dtype);
        kernels::convert(from, k.in[2].dtype, 1, weight, DType::kFloat64, n);
        for (int64_t j = 0; j < n; ++j) {
          if (at[j] >= 0) out[at[j]] += weight[j];
        }
      });
    });

}  // namespace
}  // namespace plait::ops
