#include "kernels/resample.h"

#include <vector>

#include "testing.h"

using namespace plait::kernels;

namespace {

std::vector<float> resampled(std::vector<float> row, int64_t width, Interpolation how) {
  std::vector<float> out(static_cast<size_t>(width));
  const auto n = static_cast<int64_t>(row.size());
  resample(row.data(), {1, n}, out.data(), {1, width}, 1, how);
  return out;
}

}  // namespace

TEST(resample_to_the_same_size_copies) {
  const std::vector<float> row = {3, 1, 4, 1, 5};
  for (int how = 0; how <= 4; ++how) {
    CHECK(resampled(row, 5, static_cast<Interpolation>(how)) == row);
  }
}

TEST(resample_area_means_over_pixels) {
  const std::vector<float> halves = {5, 30};
  CHECK(resampled({0, 10, 20, 40}, 2, Interpolation::kArea) == halves);
}

TEST(resample_rounds_bytes_and_stays_in_range) {
  const uint8_t row[4] = {0, 255, 0, 255};
  uint8_t out[8];
  resample(row, {1, 4}, out, {1, 8}, 1, Interpolation::kCubic);
  CHECK_EQ(int{out[0]}, 0);
  CHECK_EQ(int{out[7]}, 255);
}
