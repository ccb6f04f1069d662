#include "op/rows.h"

#include <string>

namespace plait::op {
namespace {

struct Rows : RefCounted {
  Value index, values;
};

const Rows& rows_of(const Value& v) { return static_cast<const Rows&>(*v.node); }

}  // namespace

Value row_values(const Value& values, const Value& index, const Spec& spec) {
  auto rows = make_ref<Rows>();
  rows->index = index;
  rows->values = values;
  return {nullptr, rows, kRows, spec};
}

Value row_index(const Value& v) { return rows_of(v).index; }
Value row_data(const Value& v) { return rows_of(v).values; }

Value dense(const Value& v) {
  static const OpCall kScatter("take_backward", {"axis", "mode", "shape"});
  if (!is_rows(v)) return v;
  return kScatter({row_data(v), row_index(v)}, {int64_t{0}, std::string("clip"), v.shape()});
}

}  // namespace plait::op
