#include "kernels/conv_int8.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/dnnl.h"
#include "kernels/parallel.h"

namespace plait::kernels {
namespace {

using dnnl::memory;
using Tag = memory::format_tag;

// Without instructions for sums of four products oneDNN adds pairs of them in 16 bits, which
// overflow.
bool sums_exactly() {
  static const bool yes = [] {
    onednn::cpu();  // sets the limit that PLAIT_SIMD asks for
    switch (dnnl::get_effective_cpu_isa()) {
      case dnnl::cpu_isa::avx2_vnni:
      case dnnl::cpu_isa::avx2_vnni_2:
      case dnnl::cpu_isa::avx512_core_vnni:
      case dnnl::cpu_isa::avx512_core_bf16:
      case dnnl::cpu_isa::avx512_core_fp16:
      case dnnl::cpu_isa::avx512_core_amx:
      case dnnl::cpu_isa::avx512_core_amx_fp16: return true;
      default: return false;
    }
  }();
  return yes;
}

memory::data_type type_of(DType d) {
  if (d == DType::kFloat32) return memory::data_type::f32;
  return d == DType::kInt8 ? memory::data_type::s8 : memory::data_type::u8;
}

memory::desc plain_weights(const Conv& c, Tag dense, Tag grouped) {
  const auto s8 = memory::data_type::s8;
  const int64_t out = c.out_channels / c.groups, in = c.in_channels / c.groups;
  if (c.groups == 1) return {{out, in, c.kernel[1], c.kernel[2]}, s8, dense};
  return {{c.groups, out, in, c.kernel[1], c.kernel[2]}, s8, grouped};
}

memory::desc plain_weights(const Conv& c) { return plain_weights(c, Tag::oihw, Tag::goihw); }

dnnl::convolution_forward::primitive_desc desc_of(const Int8Conv& q, const memory::desc& weights) {
  const Conv& c = q.shape;
  const memory::desc src({c.batch, c.in_channels, c.in[1], c.in[2]}, type_of(q.data), Tag::nhwc);
  const memory::desc dst({c.batch, c.out_channels, c.out[1], c.out[2]}, type_of(q.out), Tag::nhwc);
  const memory::desc bias({c.out_channels}, memory::data_type::f32, Tag::a);
  dnnl::primitive_attr attr = onednn::attributes();
  attr.set_scales_mask(DNNL_ARG_WEIGHTS, c.groups > 1 ? 3 : 1);
  dnnl::post_ops steps;
  if (q.sum_scale != 0) {
    steps.append_sum(static_cast<float>(q.sum_scale), 0, type_of(q.operand));
  }
  if (q.relu) steps.append_eltwise(dnnl::algorithm::eltwise_relu, 0, 0);
  attr.set_post_ops(steps);
  return {onednn::cpu(),
          dnnl::prop_kind::forward_inference,
          dnnl::algorithm::convolution_direct,
          src,
          weights,
          q.has_bias ? bias : memory::desc(),
          dst,
          {c.stride[1], c.stride[2]},
          {c.dilate[1] - 1, c.dilate[2] - 1},
          {c.pad[1], c.pad[2]},
          {c.pad[1], c.pad[2]},
          attr};
}

dnnl::convolution_forward::primitive_desc best_desc(const Int8Conv& q) {
  return desc_of(q, plain_weights(q.shape, Tag::any, Tag::any));
}

onednn::PackedLayouts packed_weights(const Int8Conv& q) {
  return onednn::PackedLayouts([&q] { return best_desc(q).weights_desc(); });
}

std::string key_of(char kind, const Int8Conv& q, int threads) {
  const Conv& c = q.shape;
  onednn::Key key(kind);
  key.add(c.batch).add(c.in_channels).add(c.out_channels).add(c.groups).add(c.packed).add(threads);
  for (const Conv::Axes& a : {c.in, c.kernel, c.stride, c.dilate, c.pad}) {
    for (int64_t v : a) key.add(v);
  }
  for (DType d : {q.data, q.out, q.operand}) key.add(static_cast<int64_t>(d));
  int64_t scale;
  static_assert(sizeof scale == sizeof q.sum_scale);
  std::memcpy(&scale, &q.sum_scale, sizeof scale);
  return key.add(q.has_bias).add(q.relu).add(scale).text();
}

void* writable(const void* p) { return const_cast<void*>(p); }

void by_onednn(const Int8Conv& q, const Int8Operands& in, void* out, int threads) {
  const Conv& c = q.shape;
  if (q.sum_scale != 0) {
    const int64_t bytes = c.batch * c.out_size() * c.out_channels * dtype_size(q.out);
    std::memcpy(out, in.operand, static_cast<size_t>(bytes));
  }
  onednn::ThreadScope scope(threads);
  const auto& forward = onednn::prepared(key_of('8', q, threads), [&] {
    const auto layouts = packed_weights(q);
    const auto pd =
        c.packed ? layouts.fitting(threads, [&] { return best_desc(q); }) : best_desc(q);
    onednn::Prepared p(pd, dnnl::convolution_forward(pd));
    p.add(DNNL_ARG_SRC, pd.src_desc(), pd.src_desc(), false);
    if (c.packed) {
      layouts.add_to(p, DNNL_ARG_WEIGHTS, pd.weights_desc());
    } else {
      p.add(DNNL_ARG_WEIGHTS, plain_weights(c), pd.weights_desc(), false);
    }
    p.add(DNNL_ARG_DST, pd.dst_desc(), pd.dst_desc(), true);
    const memory::desc scale({c.out_channels}, memory::data_type::f32, Tag::a);
    p.add(DNNL_ARG_ATTR_SCALES | DNNL_ARG_WEIGHTS, scale, scale, false);
    if (q.has_bias) p.add(DNNL_ARG_BIAS, pd.bias_desc(), pd.bias_desc(), false);
    return p;
  });
  void* const data[] = {writable(in.data), writable(in.weight), out, writable(in.scale),
                        writable(in.bias)};
  forward.run({data, q.has_bias ? 5u : 4u});
}

template <class F>
void with_type(DType d, const F& f) {
  if (d == DType::kFloat32) return f(float{});
  d == DType::kInt8 ? f(int8_t{}) : f(uint8_t{});
}

template <class T>
T stored(float v) {
  if constexpr (std::is_same_v<T, float>) return v;
  constexpr float kLow = std::numeric_limits<T>::min(), kHigh = std::numeric_limits<T>::max();
  return static_cast<T>(std::nearbyint(std::clamp(v, kLow, kHigh)));
}

// By a convolution of the same numbers in float32.
void by_float(const Int8Conv& q, const Int8Operands& in, void* out, int threads) {
  const Conv& c = q.shape;
  const auto per_filter = static_cast<size_t>(c.in_channels / c.groups * c.kernel_size());
  std::vector<float> x(static_cast<size_t>(c.batch * c.in_size() * c.in_channels));
  std::vector<float> w(static_cast<size_t>(c.out_channels) * per_filter);
  std::vector<float> y(static_cast<size_t>(c.batch * c.out_size() * c.out_channels));
  with_type(q.data,
            [&]<class T>(T) { std::copy_n(static_cast<const T*>(in.data), x.size(), x.data()); });
  std::copy_n(static_cast<const int8_t*>(in.weight), w.size(), w.data());
  Conv plain = c;
  plain.channels_last = true;
  plain.packed = false;
  conv(plain, DType::kFloat32, x.data(), w.data(), nullptr, y.data(), threads);
  const auto channels = static_cast<size_t>(c.out_channels);
  const auto factor = static_cast<float>(q.sum_scale);
  with_type(q.out, [&]<class T>(T) {
    with_type(q.operand, [&]<class S>(S) {
      for (size_t i = 0; i < y.size(); ++i) {
        float v = std::nearbyint(y[i]) * in.scale[i % channels];
        if (q.has_bias) v += in.bias[i % channels];
        if (factor != 0) v += factor * static_cast<float>(static_cast<const S*>(in.operand)[i]);
        static_cast<T*>(out)[i] = stored<T>(q.relu ? std::max(v, 0.0f) : v);
      }
    });
  });
}

}  // namespace

void conv(const Int8Conv& c, const Int8Operands& in, void* out, int threads) {
  sums_exactly() ? by_onednn(c, in, out, threads) : by_float(c, in, out, threads);
}

int64_t packed_size(const Int8Conv& c) {
  if (sums_exactly()) return packed_weights(c).bytes();
  return static_cast<int64_t>(plain_weights(c.shape).get_size());
}

void pack(const Int8Conv& c, const void* weight, void* to, int threads) {
  if (!sums_exactly()) return void(std::memcpy(to, weight, static_cast<size_t>(packed_size(c))));
  onednn::ThreadScope scope(threads);
  packed_weights(c).pack(plain_weights(c.shape), weight, to, key_of('9', c, threads));
}

}  // namespace plait::kernels
