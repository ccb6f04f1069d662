#include <cmath>

#include "kernels/convert.h"
#include "kernels/copy.h"
#include "kernels/parallel.h"
#include "kernels/simd.h"
#include "op/op.h"
#include "ops/sizes.h"

// Sequences and matrices made from nothing.
namespace plait::ops {
namespace {

using op::KernelArgs;

// Writes the numbers that fill(block, first, n) puts into blocks of n, of a contiguous array.
template <class F>
void write(const View& out, int threads, const F& fill) {
  const int64_t item = dtype_size(out.dtype);
  kernels::parallel_for(threads, out.size(), kernels::kGrain, [&](int64_t begin, int64_t end) {
    double block[kernels::kBlock];
    for (int64_t i = begin; i < end; i += kernels::kBlock) {
      const int64_t n = std::min(kernels::kBlock, end - i);
      fill(block, i, n);
      kernels::convert(block, DType::kFloat64, 1, out.ptr<char>() + i * item, out.dtype, n);
    }
  });
}

// start + (i / repeat) * step for every element i, each rounded twice as in NumPy.
void write_steps(const View& out, int threads, double start, double step, int64_t repeat) {
  if (repeat == 1 && (start == 0 || step == 1)) {  // one rounding at most, which may be fused
    return write(out, threads, [=](double* y, int64_t first, int64_t n) {
      kernels::vector_loop(
          n, [=](int64_t j) { y[j] = start + static_cast<double>(first + j) * step; });
    });
  }
  write(out, threads, [=](double* y, int64_t first, int64_t n) {
    for (int64_t j = 0; j < n; ++j) {
      y[j] = start + static_cast<double>(repeat == 1 ? first + j : (first + j) / repeat) * step;
    }
  });
}

struct ArangeAttrs {
  double start, step;
  std::optional<double> stop;
  int64_t repeat;
  bool infer_range;
  std::string ctx;
  DType dtype;
};

PLAIT_OP(arange, ArangeAttrs)
    .doc("start, start + step, ... before stop; each `repeat` times.")
    .output("out", "vector")
    .attr("start", &ArangeAttrs::start, 0.0, "first number; the end if stop is None")
    .attr("stop", &ArangeAttrs::stop, std::optional<double>(), "end, not included")
    .attr("step", &ArangeAttrs::step, 1.0, "distance, not 0")
    .attr("repeat", &ArangeAttrs::repeat, 1, "how often each number comes")
    .attr("infer_range", &ArangeAttrs::infer_range, false, "kept for files; has no effect")
    .attr("ctx", &ArangeAttrs::ctx, "", "device; set by the caller's context")
    .attr("dtype", &ArangeAttrs::dtype, DType::kFloat32, "type of the result")
    .on("nd sym", "_arange")
    .infer([](const ArangeAttrs& a, const Specs&) -> Spec {
      check(a.step != 0, ErrorKind::kInvalidArgument, "step is 0, must not be 0");
      check(a.repeat >= 1, ErrorKind::kInvalidArgument, "repeat is ", a.repeat, ", must be >= 1");
      const double first = a.stop ? a.start : 0.0, end = a.stop.value_or(a.start);
      const double count = std::max(0.0, std::ceil((end - first) / a.step));
      check(count < 0x1p62, ErrorKind::kInvalidArgument, "stop is ", end,
            ", must be less than 2^62", " steps of ", a.step, " from ", first);
      return {{times(a.repeat, static_cast<int64_t>(count), "repeat")}, a.dtype};
    })
    .cpu([](const ArangeAttrs& a, const KernelArgs& k) {
      const double first = a.stop ? a.start : 0.0;
      write_steps(k.out[0], k.threads, first, a.step, a.repeat);
    });

struct ArangeLikeAttrs {
  double start, step;
  int64_t repeat;
  std::optional<int64_t> axis;
  std::string ctx;
};

PLAIT_OP(arange_like, ArangeLikeAttrs)
    .doc("A sequence as long as an axis of data, or as all of it in its shape.")
    .input("data", "array that gives the length")
    .output("out", "vector, or the shape of data if axis is None")
    .attr("start", &ArangeLikeAttrs::start, 0.0, "first number")
    .attr("step", &ArangeLikeAttrs::step, 1.0, "distance")
    .attr("repeat", &ArangeLikeAttrs::repeat, 1, "how often each number comes")
    .attr("ctx", &ArangeLikeAttrs::ctx, "", "device; that of data is taken")
    .attr("axis", &ArangeLikeAttrs::axis, std::optional<int64_t>(), "axis; None: all elements")
    .on("nd sym", "contrib.arange_like")
    .on("nd sym", "_contrib_arange_like")
    .on("npx", "arange_like")
    .infer([](const ArangeLikeAttrs& a, const Specs& in) -> Spec {
      check(a.repeat >= 1, ErrorKind::kInvalidArgument, "repeat is ", a.repeat, ", must be >= 1");
      if (!a.axis) return in[0];
      return {{in[0].shape[normalize_axis(*a.axis, static_cast<int64_t>(in[0].shape.size()))]},
              in[0].dtype};
    })
    .cpu([](const ArangeLikeAttrs& a, const KernelArgs& k) {
      write_steps(k.out[0], k.threads, a.start, a.step, a.repeat);
    })
    .grad([](const ArangeLikeAttrs&, const op::GradArgs&) -> Values { return {Value{}}; },
          op::saves_nothing());

struct EyeAttrs {
  int64_t rows, columns, k;
  std::string ctx;
  DType dtype;
};

PLAIT_OP(eye, EyeAttrs)
    .doc("1 on a diagonal, 0 elsewhere.")
    .output("out", "matrix of shape (N, M)")
    .required_attr("N", &EyeAttrs::rows, "rows")
    .attr("M", &EyeAttrs::columns, 0, "columns; 0: as many as rows")
    .attr("k", &EyeAttrs::k, 0, "diagonal: 0 the main one, above it > 0, below it < 0")
    .attr("ctx", &EyeAttrs::ctx, "", "device; set by the caller's context")
    .attr("dtype", &EyeAttrs::dtype, DType::kFloat32, "type of the result")
    .on("nd sym", "_eye")
    .on("nd sym", "eye")
    .infer([](const EyeAttrs& a, const Specs&) -> Spec {
      check(a.rows >= 0 && a.columns >= 0, ErrorKind::kInvalidArgument, "N is ", a.rows,
            " and M is ", a.columns, ", must be >= 0");
      return {{a.rows, a.columns ? a.columns : a.rows}, a.dtype};
    })
    .takes_complex()
    .cpu([](const EyeAttrs& a, const KernelArgs& k) {
      const int64_t rows = k.out[0].dim(0), columns = k.out[0].dim(1);
      kernels::fill(k.out[0], 0, k.threads);
      const int64_t first = std::max<int64_t>(0, -a.k), start = std::max<int64_t>(0, a.k);
      const Dims n{std::max<int64_t>(0, std::min(rows - first, columns - start))};
      if (n[0] == 0) return;
      const Dims step{columns + 1};
      char* at = k.out[0].ptr<char>() + (first * columns + start) * dtype_size(a.dtype);
      kernels::fill({at, &n, &step, a.dtype, false}, 1, 1);
    });

struct LinspaceAttrs {
  double start, stop;
  int64_t num;
  bool endpoint;
  std::string ctx;
  DType dtype;
};

PLAIT_OP(linspace, LinspaceAttrs)
    .doc("num evenly spaced numbers from start to stop.")
    .output("out", "vector of length num")
    .required_attr("start", &LinspaceAttrs::start, "first number")
    .required_attr("stop", &LinspaceAttrs::stop, "last number")
    .required_attr("num", &LinspaceAttrs::num, "how many, >= 0")
    .attr("endpoint", &LinspaceAttrs::endpoint, true, "False: stop itself is left out")
    .attr("ctx", &LinspaceAttrs::ctx, "", "device; set by the caller's context")
    .attr("dtype", &LinspaceAttrs::dtype, DType::kFloat32, "type of the result")
    .on("nd sym", "_linspace")
    .on("nd sym", "linspace")
    .infer([](const LinspaceAttrs& a, const Specs&) -> Spec {
      check(a.num >= 0, ErrorKind::kInvalidArgument, "num is ", a.num, ", must be >= 0");
      return {{a.num}, a.dtype};
    })
    .cpu([](const LinspaceAttrs& a, const KernelArgs& k) {
      const double gaps = std::max<double>(1, static_cast<double>(a.num - (a.endpoint ? 1 : 0)));
      const double step = (a.stop - a.start) / gaps;
      write_steps(k.out[0], k.threads, a.start, step, 1);
    });

}  // namespace
}  // namespace plait::ops
