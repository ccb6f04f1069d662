#include <algorithm>

#include "kernels/convert.h"
#include "kernels/copy.h"
#include "kernels/parallel.h"
#include "kernels/simd.h"
#include "op/op.h"

// Finding places in sorted numbers, and counting whole numbers.
namespace plait::ops {
namespace {

using op::KernelArgs;

struct SearchAttrs {
  std::string side;
};

// All elements as T, row-major.
template <class T>
std::vector<T> read(const View& v) {
  std::vector<T> out(static_cast<size_t>(v.size()));
  const Dims dense = contiguous_strides(*v.shape);
  kernels::copy(v, {out.data(), v.shape, &dense, dtype_of<T>(), true}, 1);
  return out;
}

// NaN is larger than any number, as in sort.
template <class T>
bool below(T a, T b) {
  return a < b || (b != b && a == a);
}

PLAIT_OP(searchsorted, SearchAttrs)
    .doc(
        "Where numbers belong in a sorted vector: with side 'left' the first place i with "
        "sorted[i] >= v, with 'right' the first with sorted[i] > v.")
    .input("sorted", "ascending vector of length n")
    .input("v", "array of any shape")
    .output("out", "shape of v, int64, in [0, n]")
    .attr("side", &SearchAttrs::side, "left", "before or behind equal elements")
    .choices({"left", "right"})
    .infer([](const SearchAttrs&, const Specs& in) -> Spec {
      check(in[0].shape.size() == 1, ErrorKind::kShape, "sorted has shape ", in[0].shape,
            ", must be a vector");
      return {in[1].shape, DType::kInt64};
    })
    .cpu([](const SearchAttrs& a, const KernelArgs& k) {
      const bool right = a.side == "right";
      const auto search = [&](auto type) {
        using T = decltype(type);
        const std::vector<T> sorted = read<T>(k.in[0]), v = read<T>(k.in[1]);
        int64_t* out = k.out[0].ptr<int64_t>();
        kernels::parallel_for(
            k.threads, static_cast<int64_t>(v.size()), 1024, [&](int64_t begin, int64_t end) {
              for (int64_t i = begin; i < end; ++i) {
                const T x = v[static_cast<size_t>(i)];
                const auto at = right ? std::upper_bound(sorted.begin(), sorted.end(), x, below<T>)
                                      : std::lower_bound(sorted.begin(), sorted.end(), x, below<T>);
                out[i] = at - sorted.begin();
              }
            });
      };
      const bool whole = !is_floating(k.in[0].dtype) && !is_floating(k.in[1].dtype);
      whole ? search(int64_t{}) : search(double{});
    })
    .strided();

struct BinAttrs {
  int64_t length;
};

PLAIT_OP(bincount, BinAttrs)
    .doc("How often each whole number from 0 occurs, or the sum of the weights of its places.")
    .input("data", "vector of whole numbers in [0, length)")
    .optional_input("weights", "vector as long as data")
    .output("out", "vector of the given length: int64, or float64 with weights")
    .required_attr("length", &BinAttrs::length, "number of counters")
    .infer([](const BinAttrs& a, const Specs& in) -> Spec {
      check(in[0].shape.size() == 1, ErrorKind::kShape, "data has shape ", in[0].shape,
            ", must be a vector");
      check(!is_floating(in[0].dtype), ErrorKind::kType, "data has dtype ", in[0].dtype,
            ", must be an integer");
      check(a.length >= 0, ErrorKind::kInvalidArgument, "length is ", a.length, ", must be >= 0");
      check(in.size() < 2 || in[1].shape == in[0].shape, ErrorKind::kShape, "weights has shape ",
            in.size() < 2 ? Dims{} : in[1].shape, ", must be ", in[0].shape);
      return {{a.length}, in.size() < 2 ? DType::kInt64 : DType::kFloat64};
    })
    .cpu([](const BinAttrs& a, const KernelArgs& k) {
      kernels::fill(k.out[0], 0, k.threads);
      const std::vector<int64_t> data = read<int64_t>(k.in[0]);
      for (int64_t i : data) {
        check(i >= 0 && i < a.length, ErrorKind::kInvalidArgument, "data has ", i,
              ", must be in [0, ", a.length - 1, "]");
      }
      if (k.in.size() < 2) {
        for (int64_t i : data) ++k.out[0].ptr<int64_t>()[i];
        return;
      }
      const std::vector<double> weights = read<double>(k.in[1]);
      for (size_t i = 0; i < data.size(); ++i) k.out[0].ptr<double>()[data[i]] += weights[i];
    })
    .strided();

struct RunAttrs {
  bool equal_nan;
};

PLAIT_OP(run_starts, RunAttrs)
    .doc("Where a sorted vector has another element than before.")
    .input("sorted", "vector, NaN last")
    .output("out", "shape of sorted, bool; the first is True")
    .attr("equal_nan", &RunAttrs::equal_nan, true, "whether NaN are equal to one another")
    .infer([](const RunAttrs&, const Specs& in) -> Spec {
      check(in[0].shape.size() == 1, ErrorKind::kShape, "sorted has shape ", in[0].shape,
            ", must be a vector");
      return {in[0].shape, DType::kBool};
    })
    .cpu([](const RunAttrs& a, const KernelArgs& k) {
      const int64_t n = k.in[0].size();
      uint8_t* y = k.out[0].ptr<uint8_t>();
      if (n > 0) y[0] = 1;
      dispatch_all(k.in[0].dtype, [&]<class T>(T) {
        const T* x = k.in[0].ptr<T>();
        kernels::vector_loop(n - 1, [=, nan_starts = !a.equal_nan](int64_t i) {
          const bool is_nan = (x[i] != x[i]) & (x[i + 1] != x[i + 1]);
          y[i + 1] = (x[i + 1] != x[i]) & (!is_nan | nan_starts);
        });
      });
    });

}  // namespace
}  // namespace plait::ops
