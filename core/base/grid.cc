#include "base/grid.h"

namespace plait {
namespace {

// The part that `d` is when the axes of `shape` are cut before `cut`; false if none.
bool part_at(const Dims& d, const Dims& shape, size_t cut, GridPart& part) {
  if (d.size() > shape.size()) return false;
  const size_t lead = shape.size() - d.size();
  bool row = true, column = true;
  for (size_t i = 0; i < shape.size(); ++i) {
    const int64_t size = i < lead ? 1 : d[i - lead];
    row = row && size == (i < cut ? 1 : shape[i]);
    column = column && size == (i < cut ? shape[i] : 1);
  }
  part = row ? GridPart::kRow : GridPart::kColumn;
  return row || column;
}

int64_t product(const Dims& d, size_t begin, size_t end) {
  return num_elements(std::span<const int64_t>(d.data() + begin, end - begin));
}

}  // namespace

bool Grid::fit(const Dims& shape, std::span<const Dims* const> operands) {
  const int64_t n = num_elements(shape);
  for (size_t cut = 0; cut <= shape.size(); ++cut) {
    parts.clear();
    bool fits = true, flat = true;
    for (const Dims* d : operands) {
      GridPart part = GridPart::kNumber;
      if (num_elements(*d) != 1 || d->size() > shape.size()) {
        const bool whole = *d == shape;
        flat = flat && whole;
        part = GridPart::kWhole;
        fits = fits && (whole || part_at(*d, shape, cut, part));
      }
      parts.push_back(part);
    }
    if (!fits) continue;
    rows = flat ? 1 : product(shape, 0, cut);
    columns = flat ? n : product(shape, cut, shape.size());
    return true;
  }
  return false;
}

}  // namespace plait
