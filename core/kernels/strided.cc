#include "kernels/strided.h"

namespace plait::kernels {

Walk::Walk(const Dims& to, std::span<const View* const> views)
    : arrays(static_cast<int>(views.size())), size(num_elements(to)) {
  const int64_t rank = static_cast<int64_t>(to.size());
  int used = 0;  // axes so far, the row included, outermost first
  for (int64_t i = 0; i < rank; ++i) {
    if (to[i] == 1) continue;
    std::array<int64_t, kMaxArrays> step{};
    bool merge = used > 0;
    for (int a = 0; a < arrays; ++a) {
      const View& v = *views[a];
      const int64_t own = i - (rank - v.ndim());
      step[a] = own < 0 || (*v.shape)[own] == 1 ? 0 : (*v.strides)[own];
      merge = merge && stride[a][used - 1] == step[a] * to[i];
    }
    if (merge) {
      shape[used - 1] *= to[i];
    } else {
      shape[used++] = to[i];
    }
    for (int a = 0; a < arrays; ++a) stride[a][used - 1] = step[a];
  }
  if (used == 0) return;
  ndim = used - 1;
  row = shape[ndim];
  for (int a = 0; a < arrays; ++a) row_stride[a] = stride[a][ndim];
}

}  // namespace plait::kernels
