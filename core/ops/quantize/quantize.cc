#include "ops/quantize/scale.h"

#include "kernels/parallel.h"

// Real numbers to whole ones and back.
namespace plait::ops {
namespace {

using op::KernelArgs;

struct QuantizeAttrs {
  std::string out_type;
  std::optional<double> min_calib_range, max_calib_range;
};

void check_calibration(const std::optional<double>& low, const std::optional<double>& high) {
  check(low.has_value() == high.has_value(), ErrorKind::kInvalidArgument,
        "min_calib_range and max_calib_range must both be given or both be left out");
  check(!low || *low <= *high, ErrorKind::kInvalidArgument, "min_calib_range is ", low.value_or(0),
        ", must be at most max_calib_range, ", high.value_or(0));
}

DType out_type(const QuantizeAttrs& a) {
  if (a.out_type != "auto") return dtype_from_name(a.out_type);
  return a.min_calib_range && *a.min_calib_range >= 0 ? DType::kUint8 : DType::kInt8;
}

std::pair<double, double> extremes(const View& v) {
  double low = INFINITY, high = -INFINITY;
  for (int64_t i = 0; i < v.size(); ++i) {
    const double x = static_cast<double>(v.ptr<float>()[i]);
    low = std::min(low, x);
    high = std::max(high, x);
  }
  return v.size() ? std::pair{low, high} : std::pair{0.0, 0.0};
}

// Elements of `from`, in units of `unit`, as whole numbers for the range up to `top`.
template <class X>
void quantize(const X* from, double unit, const View& to, double top, int threads) {
  const double factor = top > 0 ? unit * levels_of(to.dtype) / top : 0.0;
  const auto run = [&]<class T>(T) {
    T* y = to.ptr<T>();
    kernels::parallel_for(threads, to.size(), 4096, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        y[i] = quantized<T>(static_cast<double>(from[i]) * factor);
      }
    });
  };
  to.dtype == DType::kInt8 ? run(int8_t{}) : run(uint8_t{});
}

void set_range(const KernelArgs& k, double low, double high) {
  k.out[1].ptr<float>()[0] = static_cast<float>(low);
  k.out[2].ptr<float>()[0] = static_cast<float>(high);
}

PLAIT_OP(quantize_v2, QuantizeAttrs)
    .doc("Real numbers as whole ones, and the range that these stand for.")
    .input("data", "float32 array of any shape")
    .output("output", "int8 or uint8, shape of data")
    .output("min_output", "(1,) float32, lower end of the range")
    .output("max_output", "(1,) float32, upper end")
    .attr("out_type", &QuantizeAttrs::out_type, "int8",
          "type of the result; auto: uint8 if no number of the calibrated range is negative")
    .choices({"auto", "int8", "uint8"})
    .attr("min_calib_range", &QuantizeAttrs::min_calib_range, std::nullopt,
          "lower end of the numbers to expect; None: the least of data")
    .attr("max_calib_range", &QuantizeAttrs::max_calib_range, std::nullopt, "upper end")
    .on("nd sym", "_contrib_quantize_v2")
    .on("nd sym", "contrib.quantize_v2")
    .infer([](const QuantizeAttrs& a, const Specs& in) -> Specs {
      check(in[0].dtype == DType::kFloat32, ErrorKind::kType, "data has dtype ", in[0].dtype,
            ", must be float32");
      check_calibration(a.min_calib_range, a.max_calib_range);
      return {{in[0].shape, out_type(a)}, kRangeEnd, kRangeEnd};
    })
    .cpu([](const QuantizeAttrs& a, const KernelArgs& k) {
      auto [low, high] =
          a.min_calib_range ? std::pair{*a.min_calib_range, *a.max_calib_range} : extremes(k.in[0]);
      const double top = largest(low, high);
      if (k.out[0].dtype == DType::kInt8) low = -(high = top);
      quantize(k.in[0].ptr<float>(), 1.0, k.out[0], top, k.threads);
      set_range(k, low, high);
    });

struct DequantizeAttrs {
  DType out_type;
};

PLAIT_OP(dequantize, DequantizeAttrs)
    .doc("The real numbers that whole ones stand for.")
    .input("data", "int8, uint8 or int32 array of any shape")
    .input("min_range", "(1,) float32, lower end of its range")
    .input("max_range", "(1,) float32, upper end")
    .output("out", "float32, shape of data")
    .attr("out_type", &DequantizeAttrs::out_type, DType::kFloat32, "float32")
    .on("nd sym", "_contrib_dequantize")
    .on("nd sym", "contrib.dequantize")
    .infer([](const DequantizeAttrs& a, const Specs& in) -> Spec {
      const DType d = in[0].dtype;
      check(d == DType::kInt8 || d == DType::kUint8 || d == DType::kInt32, ErrorKind::kType,
            "data has dtype ", d, ", must be int8, uint8 or int32");
      check(a.out_type == DType::kFloat32, ErrorKind::kType, "out_type is ", a.out_type,
            ", must be float32");
      check_range_end(in, 1, "min_range");
      check_range_end(in, 2, "max_range");
      return {in[0].shape, DType::kFloat32};
    })
    .cpu([](const DequantizeAttrs&, const KernelArgs& k) {
      const DType d = k.in[0].dtype;
      const double scale = scale_of(d, k.in[1], k.in[2]);
      const auto run = [&]<class T>(T) {
        for (int64_t i = 0; i < k.out[0].size(); ++i) {
          k.out[0].ptr<float>()[i] = static_cast<float>(k.in[0].ptr<T>()[i] * scale);
        }
      };
      d == DType::kInt8 ? run(int8_t{}) : d == DType::kUint8 ? run(uint8_t{}) : run(int32_t{});
    });

struct RequantizeAttrs {
  std::string out_type;
  std::optional<double> min_calib_range, max_calib_range;
};

PLAIT_OP(requantize, RequantizeAttrs)
    .doc("int32 numbers as int8 ones of a narrower range.")
    .input("data", "int32 array of any shape")
    .input("min_range", "(1,) float32, lower end of its range")
    .input("max_range", "(1,) float32, upper end")
    .output("output", "int8, shape of data")
    .output("min_output", "(1,) float32, lower end of the new range")
    .output("max_output", "(1,) float32, upper end")
    .attr("out_type", &RequantizeAttrs::out_type, "int8", "type of the result")
    .choices({"int8"})
    .attr("min_calib_range", &RequantizeAttrs::min_calib_range, std::nullopt,
          "lower end of the numbers to expect; None: the least of data")
    .attr("max_calib_range", &RequantizeAttrs::max_calib_range, std::nullopt, "upper end")
    .on("nd sym", "_contrib_requantize")
    .on("nd sym", "contrib.requantize")
    .infer([](const RequantizeAttrs& a, const Specs& in) -> Specs {
      check(in[0].dtype == DType::kInt32, ErrorKind::kType, "data has dtype ", in[0].dtype,
            ", must be int32");
      check_range_end(in, 1, "min_range");
      check_range_end(in, 2, "max_range");
      check_calibration(a.min_calib_range, a.max_calib_range);
      return {{in[0].shape, DType::kInt8}, kRangeEnd, kRangeEnd};
    })
    .cpu([](const RequantizeAttrs& a, const KernelArgs& k) {
      const double unit = scale_of(DType::kInt32, k.in[1], k.in[2]);
      const auto* x = k.in[0].ptr<int32_t>();
      double top = 0;
      for (int64_t i = 0; i < k.in[0].size(); ++i) {
        top = std::max(top, std::fabs(static_cast<double>(x[i])) * unit);
      }
      if (a.min_calib_range) top = largest(*a.min_calib_range, *a.max_calib_range);
      quantize(x, unit, k.out[0], top, k.threads);
      set_range(k, -top, top);
    });

PLAIT_OP(quantized_flatten, op::NoAttrs)
    .doc("All axes but the first joined; the range stays.")
    .input("data", "int8 or uint8 (n, ...)")
    .input("min_data", "(1,) float32, lower end of its range")
    .input("max_data", "(1,) float32, upper end")
    .output("output", "(n, product of the others), dtype of data")
    .output("min_output", "(1,) float32")
    .output("max_output", "(1,) float32")
    .on("nd sym", "_contrib_quantized_flatten")
    .on("nd sym", "contrib.quantized_flatten")
    .infer([](const op::NoAttrs&, const Specs& in) -> Specs {
      const Dims& d = in[0].shape;
      check_low(in[0], "data");
      check(!d.empty(), ErrorKind::kShape, "data has shape (), must have an axis");
      check_range_end(in, 1, "min_data");
      check_range_end(in, 2, "max_data");
      int64_t rest = 1;
      for (size_t i = 1; i < d.size(); ++i) rest *= d[i];
      return {{Dims{d[0], rest}, in[0].dtype}, kRangeEnd, kRangeEnd};
    })
    .cpu([](const op::NoAttrs&, const KernelArgs& k) {
      std::copy_n(k.in[0].ptr<char>(), k.in[0].size(), k.out[0].ptr<char>());
      for (size_t i = 1; i < 3; ++i) k.out[i].ptr<float>()[0] = k.in[i].ptr<float>()[0];
    });

}  // namespace
}  // namespace plait::ops
