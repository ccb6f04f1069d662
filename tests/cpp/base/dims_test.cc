#include "base/dims.h"

#include "testing.h"

using namespace plait;

TEST(dims_print_as_python_tuples) {
  CHECK_EQ(to_string(Dims{}), "()");
  CHECK_EQ(to_string(Dims{2}), "(2,)");
  CHECK_EQ(to_string(Dims{2, 3}), "(2, 3)");
}

TEST(dims_strides_are_row_major) {
  CHECK((contiguous_strides(Dims{2, 3, 4}) == Dims{12, 4, 1}));
  CHECK((contiguous_strides(Dims{}) == Dims{}));
}

TEST(dims_contiguity_ignores_axes_of_size_one_and_empty_arrays) {
  CHECK(is_contiguous({2, 3}, {3, 1}));
  CHECK(!is_contiguous({2, 3}, {1, 2}));
  CHECK(is_contiguous({2, 1, 3}, {3, 77, 1}));
  CHECK(is_contiguous({0, 3}, {-5, 9}));
  CHECK(is_contiguous({}, {}));
}

TEST(dims_axis_counts_from_both_ends) {
  CHECK_EQ(normalize_axis(-1, 3), 2);
  CHECK_EQ(normalize_axis(2, 3), 2);
  CHECK_THROWS(normalize_axis(3, 3), Error, "axis is 3, must be in [-3, 2]");
  CHECK_THROWS(normalize_axis(-4, 3), Error, "axis is -4");
  CHECK_THROWS(normalize_axis(0, 0), Error, "axis is 0");
}

TEST(dims_broadcast_follows_numpy) {
  CHECK((broadcast_shapes({4, 1, 3}, {5, 1}) == Dims{4, 5, 3}));
  CHECK((broadcast_shapes({}, {2}) == Dims{2}));
  CHECK((broadcast_shapes({0}, {1}) == Dims{0}));
  CHECK_THROWS(broadcast_shapes({2, 3}, {2, 4}), Error, "shapes (2, 3) and (2, 4)");
  CHECK_THROWS(broadcast_shapes({0}, {2}), Error, "do not broadcast");
}
