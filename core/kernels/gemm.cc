#include "kernels/gemm.h"

#include <vector>

#include "kernels/convert.h"
#include "kernels/dnnl.h"
#include "kernels/matrix_vector.h"
#include "kernels/parallel.h"
#include "kernels/simd.h"
#include "memory/pool.h"

#include <cblas.h>

namespace plait::kernels {
namespace {

using dnnl::memory;

struct Descs {
  memory::desc x, y, bias, c;

  Descs(const Gemm& g, memory::data_type type)
      : x({g.batch, g.m, g.k}, type,
          g.transpose_x ? memory::dims{g.m * g.k, 1, g.m} : memory::dims{g.m * g.k, g.k, 1}),
        y({g.batch, g.k, g.n}, type,
          g.transpose_y ? memory::dims{g.n * g.k, 1, g.k} : memory::dims{g.n * g.k, g.n, 1}),
        bias({1, 1, g.n}, type, memory::dims{g.n, g.n, 1}),
        c({g.batch, g.m, g.n}, type, memory::dims{g.m * g.n, g.n, 1}) {}
};

onednn::Key key_of(char kind, const Gemm& g, memory::data_type type, bool bias, int threads,
                   const Epilogue* epilogue = nullptr) {
  onednn::Key key(kind);
  key.add(g.transpose_x | g.transpose_y << 1 | bias << 2).add(g.batch).add(g.m).add(g.n).add(g.k);
  key.add(static_cast<int64_t>(type)).add(threads).add(epilogue);
  return key;
}

memory::desc any_layout(const memory::desc& d) {
  return {d.get_dims(), d.get_data_type(), memory::format_tag::any};
}

// The product for operands as they are, with y in a layout of its own.
onednn::Prepared prepare(const Descs& d, bool bias, const memory::desc& y,
                         const Epilogue* epilogue = nullptr) {
  const dnnl::primitive_attr attr = onednn::attributes(epilogue, d.c);
  const auto pd = bias ? dnnl::matmul::primitive_desc(onednn::cpu(), d.x, y, d.bias, d.c, attr)
                       : dnnl::matmul::primitive_desc(onednn::cpu(), d.x, y, d.c, attr);
  onednn::Prepared p(pd, dnnl::matmul(pd));
  p.add(DNNL_ARG_SRC, d.x, d.x, false);
  p.add(DNNL_ARG_WEIGHTS, pd.weights_desc(), pd.weights_desc(), false);
  p.add(DNNL_ARG_DST, d.c, d.c, true);
  if (bias) p.add(DNNL_ARG_BIAS, d.bias, d.bias, false);
  onednn::add_operands(p, epilogue, d.c);
  return p;
}

void* any(const void* p) { return const_cast<void*>(p); }

void run(const onednn::Prepared& primitive, const void* x, const void* y, const void* bias, void* c,
         const Finish& finish = {}) {
  SmallVec<void*, 8> data{any(x), any(y), c};
  if (bias) data.push_back(any(bias));
  for (const void* operand : finish.operands) data.push_back(any(operand));
  primitive.run(std::span<void* const>(data.data(), data.size()));
}

// float32 or bfloat16; sums are kept in float32.
void gemm_onednn(const Gemm& g, memory::data_type type, const void* x, const void* y,
                 const void* bias, void* c, int threads, const Finish& finish = {}) {
  onednn::ThreadScope scope(threads);
  const auto key = key_of('g', g, type, bias != nullptr, threads, finish.epilogue);
  const auto make = [&] {
    const Descs d(g, type);
    return prepare(d, bias, d.y, finish.epilogue);
  };
  run(onednn::prepared(key.text(), make), x, y, bias, c, finish);
}

// With y in the layout that the kernel likes best.
const onednn::Prepared& with_packed(const Gemm& g, bool bias, int threads) {
  const auto key = key_of('p', g, memory::data_type::f32, bias, threads);
  return onednn::prepared(key.text(), [&] {
    const Descs d(g, memory::data_type::f32);
    return prepare(d, bias, any_layout(d.y));
  });
}

// Brings y into that layout.
void pack(const Gemm& g, const memory::desc& wanted, const void* y, void* to, int threads) {
  const auto key = key_of('q', g, memory::data_type::f32, false, threads);
  onednn::prepared(key.text(), [&] {
    const memory::desc plain = Descs(g, memory::data_type::f32).y;
    const dnnl::reorder::primitive_desc pd(onednn::cpu(), plain, onednn::cpu(), wanted,
                                           onednn::attributes());
    onednn::Prepared p(pd, dnnl::reorder(pd));
    p.add(DNNL_ARG_FROM, plain, plain, false);
    p.add(DNNL_ARG_TO, wanted, wanted, true);
    return p;
  }).run({any(y), to});
}

// The same for any number of threads.
memory::desc packed_layout(const Gemm& usual) {
  onednn::ThreadScope scope(1);
  return with_packed(usual, false, 1).plain(1);
}

bool is_for_vector(const Gemm& g) { return g.batch == 1 && g.m == 1; }

// Products with a vector, which wait for memory; false: `g` is none of those with loops of our own.
bool product_with_vector(const Gemm& g, const float* x, const float* y, const float* bias, float* c,
                         int threads, const Finish& finish) {
  const bool plain = !bias && !finish.epilogue;
  if (!is_for_vector(g) && (g.batch != 1 || g.n != 1 || !plain)) return false;
  if (plain && g.m == 1 && g.n == 1) {
    *c = dot_product(g.k, x, y, threads);
  } else if (g.m == 1 && g.transpose_y) {
    matrix_vector(g.n, g.k, y, x, bias, c, threads, finish);
  } else if (g.m == 1) {
    vector_matrix(g.n, g.k, x, y, bias, c, threads, finish);
  } else if (g.transpose_x) {
    vector_matrix(g.m, g.k, y, x, nullptr, c, threads, {});
  } else {
    matrix_vector(g.m, g.k, x, y, nullptr, c, threads, {});
  }
  return true;
}

void row_product(const Gemm& g, int rows, const double* x, const double* y, double* c) {
  scipy_cblas_dgemm(CblasRowMajor, g.transpose_x ? CblasTrans : CblasNoTrans,
                    g.transpose_y ? CblasTrans : CblasNoTrans, rows, static_cast<int>(g.n),
                    static_cast<int>(g.k), 1.0, x, static_cast<int>(g.transpose_x ? g.m : g.k), y,
                    static_cast<int>(g.transpose_y ? g.k : g.n), 1.0, c, static_cast<int>(g.n));
}
template <class T>
void complex_product(const Gemm& g, int rows, const T* x, const T* y, T* c) {
  const T one(1);
  const auto product = std::is_same_v<T, Complex64> ? scipy_cblas_cgemm : scipy_cblas_zgemm;
  product(CblasRowMajor, g.transpose_x ? CblasTrans : CblasNoTrans,
          g.transpose_y ? CblasTrans : CblasNoTrans, rows, static_cast<int>(g.n),
          static_cast<int>(g.k), &one, x, static_cast<int>(g.transpose_x ? g.m : g.k), y,
          static_cast<int>(g.transpose_y ? g.k : g.n), &one, c, static_cast<int>(g.n));
}
void row_product(const Gemm& g, int rows, const Complex64* x, const Complex64* y, Complex64* c) {
  complex_product(g, rows, x, y, c);
}
void row_product(const Gemm& g, int rows, const Complex128* x, const Complex128* y, Complex128* c) {
  complex_product(g, rows, x, y, c);
}

// Threads share the rows of all products.
template <class T>
void gemm_openblas(const Gemm& g, const void* x_data, const void* y_data, const void* bias_data,
                   void* c_data, int threads) {
  const T *x = static_cast<const T*>(x_data), *y = static_cast<const T*>(y_data),
          *bias = static_cast<const T*>(bias_data);
  T* c = static_cast<T*>(c_data);
  scipy_openblas_set_num_threads(1);
  constexpr int64_t kFewest = 32;  // rows, below which a second thread gains nothing
  parallel_for(threads, g.batch * g.m, kFewest, [&](int64_t begin, int64_t end) {
    while (begin < end) {
      const int64_t b = begin / g.m, row = begin % g.m, rows = std::min(g.m - row, end - begin);
      T* out = c + begin * g.n;
      for (int64_t i = 0; i < rows; ++i) {
        for (int64_t j = 0; j < g.n; ++j) out[i * g.n + j] = bias ? bias[j] : T(0);
      }
      const T* from = x + b * g.m * g.k + (g.transpose_x ? row : row * g.k);
      row_product(g, static_cast<int>(rows), from, y + b * g.n * g.k, out);
      begin += rows;
    }
  });
}

void gemm_i64(const Gemm& g, const int64_t* x, const int64_t* y, const int64_t* bias, int64_t* c,
              int threads) {
  parallel_for(threads, g.batch * g.m, 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t b = row / g.m, i = row % g.m;
      const int64_t *xb = x + b * g.m * g.k, *yb = y + b * g.n * g.k;
      for (int64_t j = 0; j < g.n; ++j) {
        uint64_t sum = bias ? static_cast<uint64_t>(bias[j]) : 0;
        for (int64_t p = 0; p < g.k; ++p) {
          sum += static_cast<uint64_t>(xb[g.transpose_x ? p * g.m + i : i * g.k + p]) *
                 static_cast<uint64_t>(yb[g.transpose_y ? j * g.k + p : p * g.n + j]);
        }
        c[row * g.n + j] = static_cast<int64_t>(sum);
      }
    }
  });
}

// Computes in T through converted copies.
template <class T, class F>
void through(const Gemm& g, DType dtype, const void* x, const void* y, const void* bias, void* c,
             const F& compute) {
  const auto converted = [&](const void* data, int64_t n) {
    std::vector<T> to(data ? static_cast<size_t>(n) : 0);
    if (data) convert(data, dtype, 1, to.data(), dtype_of<T>(), n);
    return to;
  };
  const auto xs = converted(x, g.batch * g.m * g.k), ys = converted(y, g.batch * g.n * g.k),
             bs = converted(bias, g.n);
  std::vector<T> out(static_cast<size_t>(g.batch * g.m * g.n));
  compute(xs.data(), ys.data(), bias ? bs.data() : nullptr, out.data());
  convert(out.data(), dtype_of<T>(), 1, c, dtype, static_cast<int64_t>(out.size()));
}

}  // namespace

void gemm(const Gemm& g, DType dtype, const void* x, const void* y, const void* bias, void* c,
          int threads, const Finish& finish) {
  if (g.batch * g.m * g.n == 0) return;
  if (g.k == 0) {  // an empty sum
    for (int64_t i = 0; i < g.batch * g.m; ++i) {
      char* row = static_cast<char*>(c) + i * g.n * dtype_size(dtype);
      if (bias) {
        std::memcpy(row, bias, static_cast<size_t>(g.n * dtype_size(dtype)));
      } else {
        std::memset(row, 0, static_cast<size_t>(g.n * dtype_size(dtype)));
      }
    }
    return;
  }
  switch (dtype) {
    case DType::kFloat32:
      if (product_with_vector(g, static_cast<const float*>(x), static_cast<const float*>(y),
                              static_cast<const float*>(bias), static_cast<float*>(c), threads,
                              finish)) {
        return;
      }
      gemm_onednn(g, memory::data_type::f32, x, y, bias, c, threads, finish);
      return;
    case DType::kFloat64: gemm_openblas<double>(g, x, y, bias, c, threads); return;
    case DType::kComplex64: gemm_openblas<Complex64>(g, x, y, bias, c, threads); return;
    case DType::kComplex128: gemm_openblas<Complex128>(g, x, y, bias, c, threads); return;
    case DType::kFloat16:
    case DType::kBfloat16:
      if (dtype == DType::kBfloat16 && kIsa == Isa::kAvx512) {  // where oneDNN has it
        gemm_onednn(g, memory::data_type::bf16, x, y, bias, c, threads);
        return;
      }
      through<float>(g, dtype, x, y, bias, c, [&](auto* a, auto* b, auto* d, auto* out) {
        gemm_onednn(g, memory::data_type::f32, a, b, d, out, threads);
      });
      return;
    default:
      through<int64_t>(g, dtype, x, y, bias, c, [&](auto* a, auto* b, auto* d, auto* out) {
        gemm_i64(g, a, b, d, out, threads);
      });
  }
}

GemmWith::GemmWith(const Gemm& g, DType dtype, const void* y, int threads)
    : gemm_(g), dtype_(dtype), y_(y), threads_(threads) {
  if (dtype != DType::kFloat32 || g.batch * g.m * g.n * g.k == 0 || is_for_vector(g)) return;
  onednn::ThreadScope scope(threads);
  const memory::desc plain = Descs(g, memory::data_type::f32).y;
  const memory::desc wanted = with_packed(g, false, threads).plain(1);
  if (wanted == plain) return;
  bytes_ = static_cast<int64_t>(wanted.get_size());
  packed_ = plait::memory::allocate(bytes_);
  pack(g, wanted, y, packed_, threads);
}

GemmWith::~GemmWith() {
  if (packed_) plait::memory::deallocate(packed_, bytes_);
}

void GemmWith::run(const void* x, const void* bias, void* c) const {
  if (!packed_) return gemm(gemm_, dtype_, x, y_, bias, c, threads_);
  onednn::ThreadScope scope(threads_);
  kernels::run(with_packed(gemm_, bias != nullptr, threads_), x, packed_, bias, c);
}

int64_t gemm_packed_size(const Gemm& usual) {
  return static_cast<int64_t>(packed_layout(usual).get_size() / sizeof(float));
}

void gemm_pack(const Gemm& usual, const float* y, float* to, int threads) {
  const memory::desc wanted = packed_layout(usual);
  onednn::ThreadScope scope(threads);
  pack(usual, wanted, y, to, threads);
}

void gemm_packed(const Gemm& g, const Gemm& usual, const float* x, const float* packed,
                 const float* bias, float* c, int threads, const Finish& finish) {
  onednn::ThreadScope scope(threads);
  auto key = key_of('r', g, memory::data_type::f32, bias, threads, finish.epilogue);
  key.add(usual.m);
  const auto make = [&] {
    return prepare(Descs(g, memory::data_type::f32), bias, packed_layout(usual), finish.epilogue);
  };
  run(onednn::prepared(key.text(), make), x, packed, bias, c, finish);
}

}  // namespace plait::kernels
