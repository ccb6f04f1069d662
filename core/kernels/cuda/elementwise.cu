#include "kernels/elementwise.h"

#include <cstring>

#include "kernels/strided.h"

namespace plait::kernels {
namespace {

// Puts the axes that Walk found into `row`: its outer axes and its rows.
void fill_axes(Row& row, const Walk& walk, std::span<Operand* const> operands) {
  row.ndim = walk.ndim + 1;
  for (size_t d = 0; d < static_cast<size_t>(walk.ndim); ++d) {
    row.shape[d] = walk.shape[d];
    for (size_t k = 0; k < operands.size(); ++k) operands[k]->stride[d] = walk.stride[k][d];
  }
  row.shape[walk.ndim] = walk.row;
  for (size_t k = 0; k < operands.size(); ++k) {
    operands[k]->stride[walk.ndim] = walk.row_stride[k];
  }
}

void fill_operand(Operand& o, const View& v) {
  o.dtype = v.dtype;
  o.step = v.ndim() == 0 ? 0 : 1;
  if (v.on_host) {
    std::memcpy(o.number, v.data, static_cast<size_t>(dtype_size(v.dtype)));
  } else {
    o.data = v.data;
  }
}

}  // namespace

void apply(const Loops& loops, DType type, const View& out, std::span<const View> in, int,
           const double* params) {
  const RowLoop loop = loop_for(loops, type);
  Row row;
  row.n = out.size();
  row.inputs = static_cast<int32_t>(in.size());
  row.plain = out.contiguous && out.dtype == type;
  if (params) std::memcpy(row.params, params, sizeof row.params);
  fill_operand(row.y, out);
  row.y.step = 1;
  const View* views[4] = {&out, nullptr, nullptr, nullptr};
  Operand* operands[4] = {&row.y, nullptr, nullptr, nullptr};
  for (size_t k = 0; k < in.size(); ++k) {
    const View& v = in[k];
    check(!is_complex(v.dtype), ErrorKind::kNotImplemented, "dtype is ", v.dtype,
          ", must be real on a gpu");
    fill_operand(row.in[k], v);
    views[k + 1] = &v;
    operands[k + 1] = &row.in[k];
    row.plain =
        row.plain && v.dtype == type && (v.ndim() == 0 || (v.contiguous && *v.shape == *out.shape));
  }
  if (!row.plain) {
    fill_axes(row, Walk(*out.shape, {views, in.size() + 1}), {operands, in.size() + 1});
  }
  loop(row);
}

}  // namespace plait::kernels
