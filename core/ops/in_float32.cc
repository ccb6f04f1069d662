#include "ops/in_float32.h"

#include "kernels/convert.h"

namespace plait::ops {
namespace {

bool is_half(DType d) { return d == DType::kFloat16 || d == DType::kBfloat16; }

bool has_half(std::span<const View> views) {
  return std::any_of(views.begin(), views.end(), [](const View& v) { return is_half(v.dtype); });
}

}  // namespace

bool Widened::is_needed(const op::KernelArgs& k) { return has_half(k.in) || has_half(k.out); }

View Widened::widened(const View& v) {
  if (!is_half(v.dtype)) return v;
  arrays_.push_back(std::make_unique_for_overwrite<float[]>(static_cast<size_t>(v.size())));
  View wide = v;
  wide.data = arrays_.back().get();
  wide.dtype = DType::kFloat32;
  return wide;
}

Widened::Widened(const op::KernelArgs& k) : given_(k), args_(k) {
  for (const View& v : k.in) {
    in_.push_back(widened(v));
    if (is_half(v.dtype)) {
      kernels::convert(v.data, v.dtype, 1, in_.back().data, DType::kFloat32, v.size());
    }
  }
  for (const View& v : k.out) out_.push_back(widened(v));
  args_.in = {in_.data(), in_.size()};
  args_.out = {out_.data(), out_.size()};
}

void Widened::store() const {
  for (size_t i = 0; i < out_.size(); ++i) {
    const View& v = given_.out[i];
    if (is_half(v.dtype)) {
      kernels::convert(out_[i].data, DType::kFloat32, 1, v.data, v.dtype, v.size());
    }
  }
}

}  // namespace plait::ops
