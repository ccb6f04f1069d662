#pragma once

#include <span>

#include "base/dims.h"

namespace plait {

// How an operand lies in arrays that are seen as (rows, columns).
enum class GridPart { kWhole, kRow, kColumn, kNumber };

// Arrays of one shape, cut into rows and columns so that each operand which broadcasts to them is
// whole, one row, one column or one number.
struct Grid {
  int64_t rows = 1, columns = 1;
  SmallVec<GridPart, 8> parts;  // of the operands

  // False if there is no such cut, as for a vector along a middle axis.
  bool fit(const Dims& shape, std::span<const Dims* const> operands);
};

}  // namespace plait
