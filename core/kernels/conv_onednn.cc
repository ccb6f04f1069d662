#include "kernels/convolution.h"
#include "kernels/dnnl.h"
#include "kernels/simd.h"

namespace plait::kernels::onednn {
namespace {

using dnnl::memory;
using Tag = memory::format_tag;

struct Descs {
  memory::desc src, weights, bias, dst;           // as the caller has them
  memory::desc free_src, free_weights, free_dst;  // layout left to oneDNN
  memory::dims stride, dilate, pad;
};

// Blocked layouts fill the channels up to whole vectors. True where that costs much: then channels
// go last, without blocks.
bool fills_badly(const Conv& c) {
  const int64_t lanes = kIsa == Isa::kAvx512 ? 16 : 8;
  const auto filled = [=](int64_t n) { return (n + lanes - 1) / lanes * lanes; };
  if (c.groups > 1 || c.in_channels <= 4) return false;
  return 4 * filled(c.in_channels) * filled(c.out_channels) > 5 * c.in_channels * c.out_channels;
}

Descs describe(const Conv& c, memory::data_type type, bool bias) {
  constexpr std::array<Tag, 3> kData{Tag::ncw, Tag::nchw, Tag::ncdhw},
      kLast{Tag::nwc, Tag::nhwc, Tag::ndhwc}, kWeights{Tag::oiw, Tag::oihw, Tag::oidhw},
      kGrouped{Tag::goiw, Tag::goihw, Tag::goidhw};
  const auto n = static_cast<size_t>(c.axes - 1);
  const Tag free = c.channels_last || fills_badly(c) ? kLast[n] : Tag::any;
  memory::dims src{c.batch, c.in_channels}, dst{c.batch, c.out_channels}, weights;
  if (c.groups > 1) weights.push_back(c.groups);
  weights.push_back(c.out_channels / c.groups);
  weights.push_back(c.in_channels / c.groups);
  Descs d;
  for (size_t i = 2 - n; i < 3; ++i) {
    src.push_back(c.in[i]);
    dst.push_back(c.out[i]);
    weights.push_back(c.kernel[i]);
    d.stride.push_back(c.stride[i]);
    d.dilate.push_back(c.dilate[i] - 1);
    d.pad.push_back(c.pad[i]);
  }
  const Tag given = c.channels_last ? kLast[n] : kData[n];
  d.src = memory::desc(src, type, given);
  d.dst = memory::desc(dst, type, given);
  d.weights = memory::desc(weights, type, c.groups > 1 ? kGrouped[n] : kWeights[n]);
  d.free_src = memory::desc(src, type, free);
  d.free_dst = memory::desc(dst, type, free);
  d.free_weights = memory::desc(weights, type, Tag::any);
  if (bias) d.bias = memory::desc({c.out_channels}, type, Tag::a);
  return d;
}

std::string key_of(char kind, const Conv& c, memory::data_type type, bool bias, int threads,
                   const Epilogue* epilogue = nullptr) {
  Key key(kind);
  key.add(static_cast<int64_t>(type));
  key.add(c.batch).add(c.in_channels).add(c.out_channels).add(c.groups).add(bias).add(threads);
  key.add(c.axes).add(c.channels_last).add(c.packed);
  for (const Conv::Axes& a : {c.in, c.kernel, c.stride, c.dilate, c.pad}) {
    for (int64_t v : a) key.add(v);
  }
  return key.add(epilogue).text();
}

constexpr auto kDirect = dnnl::algorithm::convolution_direct;

dnnl::convolution_forward::primitive_desc forward_desc(const Descs& d, bool bias,
                                                       const dnnl::primitive_attr& attr) {
  const auto kind = dnnl::prop_kind::forward_training;
  if (bias) {
    return {cpu(),      kind,     kDirect,  d.free_src, d.free_weights, d.bias,
            d.free_dst, d.stride, d.dilate, d.pad,      d.pad,          attr};
  }
  return {cpu(),    kind,  kDirect, d.free_src, d.free_weights, d.free_dst, d.stride,
          d.dilate, d.pad, d.pad,   attr};
}

void* writable(const void* p) { return const_cast<void*>(p); }

memory::data_type type_of(DType dtype) {
  return dtype == DType::kBfloat16 ? memory::data_type::bf16 : memory::data_type::f32;
}

PackedLayouts packed_weights(const Conv& c) {
  return PackedLayouts([&c] {
    return forward_desc(describe(c, memory::data_type::f32, false), false, attributes())
        .weights_desc();
  });
}

Prepared prepare_packed(const Conv& c, const Descs& d, bool bias, int threads,
                        const Epilogue* epilogue) {
  const PackedLayouts packed = packed_weights(c);
  const auto pd =
      packed.fitting(threads, [&] { return forward_desc(d, bias, attributes(epilogue, d.dst)); });
  Prepared p(pd, dnnl::convolution_forward(pd));
  p.add(DNNL_ARG_SRC, d.src, pd.src_desc(), false);
  packed.add_to(p, DNNL_ARG_WEIGHTS, pd.weights_desc());
  p.add(DNNL_ARG_DST, d.dst, pd.dst_desc(), true);
  return p;
}

Prepared prepare_plain(const Descs& d, bool bias, const Epilogue* epilogue) {
  const auto pd = forward_desc(d, bias, attributes(epilogue, d.dst));
  Prepared p(pd, dnnl::convolution_forward(pd));
  p.add(DNNL_ARG_SRC, d.src, pd.src_desc(), false);
  p.add(DNNL_ARG_WEIGHTS, d.weights, pd.weights_desc(), false);
  p.add(DNNL_ARG_DST, d.dst, pd.dst_desc(), true);
  return p;
}

}  // namespace

bool has(DType dtype) {
  static const bool multiplies_bf16 = [] {
    const auto isa = dnnl::get_effective_cpu_isa();
    return isa == dnnl::cpu_isa::avx512_core_bf16 || isa == dnnl::cpu_isa::avx512_core_fp16 ||
           isa == dnnl::cpu_isa::avx512_core_amx || isa == dnnl::cpu_isa::avx512_core_amx_fp16;
  }();
  return dtype == DType::kFloat32 || (dtype == DType::kBfloat16 && multiplies_bf16);
}

void conv(const Conv& c, DType dtype, const void* x, const void* w, const void* bias, void* y,
          int threads, const Finish& finish) {
  ThreadScope scope(threads);
  const auto type = type_of(dtype);
  const auto& forward = prepared(key_of('c', c, type, bias, threads, finish.epilogue), [&] {
    const Descs d = describe(c, type, bias);
    Prepared p = c.packed ? prepare_packed(c, d, bias, threads, finish.epilogue)
                          : prepare_plain(d, bias, finish.epilogue);
    if (bias) p.add(DNNL_ARG_BIAS, d.bias, d.bias, false);
    add_operands(p, finish.epilogue, d.dst);
    return p;
  });
  SmallVec<void*, 8> data{writable(x), writable(w), y};
  if (bias) data.push_back(writable(bias));
  for (const void* operand : finish.operands) data.push_back(writable(operand));
  forward.run(std::span<void* const>(data.data(), data.size()));
}

void conv_backward_data(const Conv& c, DType dtype, const void* dy, const void* w, void* dx,
                        int threads) {
  ThreadScope scope(threads);
  const auto type = type_of(dtype);
  prepared(key_of('d', c, type, false, threads), [&] {
    const Descs d = describe(c, type, false);
    const dnnl::convolution_backward_data::primitive_desc pd(
        cpu(), kDirect, d.free_src, d.free_weights, d.free_dst, d.stride, d.dilate, d.pad, d.pad,
        forward_desc(d, false, attributes()), attributes());
    Prepared p(pd, dnnl::convolution_backward_data(pd));
    p.add(DNNL_ARG_DIFF_DST, d.dst, pd.diff_dst_desc(), false);
    p.add(DNNL_ARG_WEIGHTS, d.weights, pd.weights_desc(), false);
    p.add(DNNL_ARG_DIFF_SRC, d.src, pd.diff_src_desc(), true);
    return p;
  }).run({writable(dy), writable(w), dx});
}

void conv_backward_weight(const Conv& c, DType dtype, const void* x, const void* dy, void* dw,
                          int threads) {
  ThreadScope scope(threads);
  const auto type = type_of(dtype);
  prepared(key_of('w', c, type, false, threads), [&] {
    const Descs d = describe(c, type, false);
    const dnnl::convolution_backward_weights::primitive_desc pd(
        cpu(), kDirect, d.free_src, d.free_weights, d.free_dst, d.stride, d.dilate, d.pad, d.pad,
        forward_desc(d, false, attributes()), attributes());
    Prepared p(pd, dnnl::convolution_backward_weights(pd));
    p.add(DNNL_ARG_SRC, d.src, pd.src_desc(), false);
    p.add(DNNL_ARG_DIFF_DST, d.dst, pd.diff_dst_desc(), false);
    p.add(DNNL_ARG_DIFF_WEIGHTS, d.weights, pd.diff_weights_desc(), true);
    return p;
  }).run({writable(x), writable(dy), dw});
}

int64_t packed_size(const Conv& c) {
  return packed_weights(c).bytes() / static_cast<int64_t>(sizeof(float));
}

void pack(const Conv& c, const void* w, void* to, int threads) {
  ThreadScope scope(threads);
  packed_weights(c).pack(describe(c, memory::data_type::f32, false).weights, w, to,
                         key_of('k', c, memory::data_type::f32, false, threads));
}

}  // namespace plait::kernels::onednn
