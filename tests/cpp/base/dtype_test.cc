#include "base/dtype.h"

#include <cmath>
#include <limits>

#include "testing.h"

using namespace plait;

namespace {

Half half_of_bits(uint16_t bits) {
  Half h;
  h.bits = bits;
  return h;
}

Bfloat bfloat_of_bits(uint16_t bits) {
  Bfloat b;
  b.bits = bits;
  return b;
}

}  // namespace

TEST(dtype_every_half_survives_the_way_through_float) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = half_of_bits(static_cast<uint16_t>(bits));
    if (std::isnan(value)) {
      CHECK(std::isnan(static_cast<float>(Half(value))));
    } else {
      CHECK_EQ(Half(value).bits, bits);
    }
  }
}

TEST(dtype_half_rounds_to_nearest_with_ties_to_even) {
  CHECK_EQ(Half(65504.0f).bits, 0x7bff);
  CHECK_EQ(Half(65519.0f).bits, 0x7bff);
  CHECK_EQ(Half(65520.0f).bits, 0x7c00);
  CHECK_EQ(Half(1.0f + 0x1p-11f).bits, 0x3c00);
  CHECK_EQ(Half(1.0f + 3 * 0x1p-11f).bits, 0x3c02);
  CHECK_EQ(Half(0x1p-24f).bits, 1);
  CHECK_EQ(Half(0x1p-25f).bits, 0);
  CHECK_EQ(Half(-0.0f).bits, 0x8000);
  CHECK_EQ(Half(-std::numeric_limits<float>::infinity()).bits, 0xfc00);
}

TEST(dtype_every_bfloat_survives_the_way_through_float) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = bfloat_of_bits(static_cast<uint16_t>(bits));
    if (std::isnan(value)) {
      CHECK(std::isnan(static_cast<float>(Bfloat(value))));
    } else {
      CHECK_EQ(Bfloat(value).bits, bits);
    }
  }
}

TEST(dtype_bfloat_rounds_to_nearest_with_ties_to_even) {
  CHECK_EQ(Bfloat(1.0f + 0x1p-8f).bits, 0x3f80);
  CHECK_EQ(Bfloat(1.0f + 3 * 0x1p-8f).bits, 0x3f82);
  CHECK_EQ(Bfloat(std::numeric_limits<float>::max()).bits, 0x7f80);
}

TEST(dtype_names_numbers_and_sizes_agree) {
  for (int64_t i = 0; i < kNumDTypes; ++i) {
    const DType d = dtype_from_number(i);
    CHECK_EQ(dtype_from_name(dtype_name(d)), d);
    const auto size = dispatch_any(d, [](auto zero) { return int64_t{sizeof zero}; });
    CHECK_EQ(dtype_size(d), size);
    const DType same = dispatch_any(d, [](auto zero) { return dtype_of<decltype(zero)>(); });
    CHECK_EQ(same, d);
  }
  CHECK_THROWS(dtype_from_name("complex32"), Error, "dtype is 'complex32'");
  CHECK_THROWS(dtype_from_number(15), Error, "dtype number is 15");
  CHECK_THROWS(dtype_from_number(-1), Error, "dtype number is -1");
}

TEST(dtype_promotion_is_symmetric_and_holds_both) {
  for (int64_t i = 0; i < kNumDTypes; ++i) {
    for (int64_t j = 0; j < kNumDTypes; ++j) {
      const DType a = dtype_from_number(i), b = dtype_from_number(j), p = promote(a, b);
      CHECK_EQ(p, promote(b, a));
      CHECK_EQ(promote(p, p), p);
      CHECK_EQ(is_inexact(p), is_inexact(a) || is_inexact(b));
      CHECK_EQ(is_complex(p), is_complex(a) || is_complex(b));
      if (is_inexact(a) == is_inexact(b)) CHECK(dtype_size(p) >= dtype_size(a));
    }
  }
  CHECK_EQ(promote(DType::kUint8, DType::kInt8), DType::kInt16);
  CHECK_EQ(promote(DType::kFloat16, DType::kBfloat16), DType::kFloat32);
  CHECK_EQ(promote(DType::kBool, DType::kInt8), DType::kInt8);
  CHECK_EQ(promote(DType::kInt64, DType::kFloat32), DType::kFloat32);
  CHECK_EQ(promote(DType::kComplex64, DType::kFloat64), DType::kComplex128);
  CHECK_EQ(promote(DType::kComplex64, DType::kInt64), DType::kComplex64);
}
