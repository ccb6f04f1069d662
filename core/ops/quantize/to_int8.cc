#include "kernels/parallel.h"
#include "kernels/simd.h"
#include "ops/quantize/scale.h"

// Real numbers as whole ones by a factor that is known beforehand.
namespace plait::ops {
namespace {

using op::KernelArgs;

struct ToInt8Attrs {
  double scale;
  DType dtype;
};

template <class T>
void convert(const float* x, T* y, int64_t n, float scale) {
  constexpr float kLow = std::numeric_limits<T>::min(), kHigh = std::numeric_limits<T>::max();
  constexpr float kWhole = 3 << 22;  // sums with it have no fraction
  kernels::vector_loop(n, [=](int64_t i) {
    float v = x[i] * scale;
    v = v > kLow ? v : kLow;  // NaN gives the least
    v = v < kHigh ? v : kHigh;
    y[i] = static_cast<T>(static_cast<int32_t>((v + kWhole) - kWhole));
  });
}

PLAIT_OP(to_int8, ToInt8Attrs)
    .doc("The nearest whole numbers to data times a factor, the even one of two.")
    .input("data", "float32 array of any shape")
    .output("output", "int8 or uint8, shape of data; numbers beyond their ends become the ends")
    .required_attr("scale", &ToInt8Attrs::scale, "the factor, > 0")
    .attr("dtype", &ToInt8Attrs::dtype, DType::kInt8, "int8 or uint8")
    .on("nd sym", "contrib.to_int8")
    .infer([](const ToInt8Attrs& a, const Specs& in) -> Spec {
      check(in[0].dtype == DType::kFloat32, ErrorKind::kType, "data has dtype ", in[0].dtype,
            ", must be float32");
      check(a.scale > 0, ErrorKind::kInvalidArgument, "scale is ", a.scale, ", must be > 0");
      check_low({in[0].shape, a.dtype}, "result");
      return {in[0].shape, a.dtype};
    })
    .cpu([](const ToInt8Attrs& a, const KernelArgs& k) {
      const auto* x = k.in[0].ptr<float>();
      const auto scale = static_cast<float>(a.scale);
      kernels::parallel_for(k.threads, k.out[0].size(), kernels::kGrain, [&](int64_t b, int64_t e) {
        k.out[0].dtype == DType::kInt8 ? convert(x + b, k.out[0].ptr<int8_t>() + b, e - b, scale)
                                       : convert(x + b, k.out[0].ptr<uint8_t>() + b, e - b, scale);
      });
    });

}  // namespace
}  // namespace plait::ops
