#include "kernels/elementwise.h"

#include <cstring>

#include "kernels/convert.h"
#include "kernels/copy.h"
#include "kernels/strided.h"

namespace plait::kernels {
namespace {

// Runs one row whose operands have other types, block by block through buffers on the stack.
struct Converter {
  RowLoop loop;
  DType type;
  DType out_type;
  DType in_type[3];
  int inputs;

  void operator()(Row r) const {
    alignas(64) char buffer[4][kBlock * kWidest];
    Row part = r;
    bool fixed[3];  // operands that do not change along the row are converted once
    for (int k = 0; k < inputs; ++k) {
      fixed[k] = r.step[k] == 0 && in_type[k] != type;
      if (!fixed[k]) continue;
      convert(r.in[k], in_type[k], 1, buffer[k], type, 1);
      part.in[k] = buffer[k];
    }
    for (int64_t at = 0; at < r.n; at += kBlock) {
      part.n = std::min(kBlock, r.n - at);
      for (int k = 0; k < inputs; ++k) {
        if (fixed[k]) continue;
        const char* x = static_cast<const char*>(r.in[k]) + at * r.step[k] * dtype_size(in_type[k]);
        part.in[k] = x;
        if (in_type[k] == type) continue;
        convert(x, in_type[k], r.step[k], buffer[k], type, part.n);
        part.in[k] = buffer[k];
        part.step[k] = 1;
      }
      char* y = static_cast<char*>(r.y) + at * r.sy * dtype_size(out_type);
      part.y = y;
      if (out_type == type) {
        loop(part);
      } else {
        part.y = buffer[3];
        part.sy = 1;
        loop(part);
        convert_scatter(buffer[3], type, y, out_type, r.sy, part.n);
      }
    }
  }
};

[[gnu::tls_model("initial-exec")]] constinit thread_local Recorded* recording = nullptr;

void record(RowLoop loop, const Row& row, std::span<const View> in) {
  Recorded& to = *recording;
  to.row = row;
  for (size_t k = 0; k < in.size(); ++k) {
    if (in[k].ndim() > 0) continue;
    std::memcpy(to.numbers[k], in[k].data, static_cast<size_t>(dtype_size(in[k].dtype)));
    to.row.in[k] = to.numbers[k];
  }
  if (row.params) {
    std::copy_n(row.params, 2, to.params);
    to.row.params = to.params;
  }
  to.loop = loop;
}

// One function of floats that no cache holds: results go past the caches. False: another function.
bool stream(const Loops& loops, const Row& whole, size_t inputs, int threads) {
  const float* y = static_cast<const float*>(whole.y);
  int64_t arrays = 1;
  for (size_t k = 0; k < inputs; ++k) {
    if (whole.in[k] == y) return false;  // it was just read
    arrays += whole.step[k];
  }
  const int64_t bytes = whole.n * arrays * static_cast<int64_t>(sizeof(float));
  if (bytes <= kStreamBytes || reinterpret_cast<uintptr_t>(y) % 64 != 0) return false;
  Chain chain;
  chain.streams = true;
  const ChainLoop loop = begin_chain(loops.chain, loops.arithmetic, whole, chain);
  if (!loop) return false;
  parallel_pieces(threads, whole.n, kStreamPiece, [&](int64_t begin, int64_t end) {
    Chain part = chain;
    part.n = end - begin;
    part.x += begin;
    part.y += begin;
    for (Chain::Step& s : part.all_steps()) s.other = s.other ? s.other + begin : nullptr;
    loop(part);
    stream_end();
  });
  return true;
}

// Puts the inputs into `row`, for arrays of one shape, and numbers, that lie without gaps; false:
// others are among them.
bool fill_row(const View& out, std::span<const View> in, Row& row) {
  bool fits = out.contiguous;
  for (size_t k = 0; k < in.size(); ++k) {
    const View& v = in[k];
    const bool is_number = v.ndim() == 0;
    fits = fits && v.contiguous && (v.shape == out.shape || is_number || *v.shape == *out.shape);
    row.in[k] = v.data;
    row.step[k] = is_number ? 0 : 1;
  }
  return fits;
}

// A call that needs more than one run of the loop.
struct Stretches {
  RowLoop loop;
  DType type;
  bool same_type;  // all operands have it
  const View& out;
  std::span<const View> in;

  void run(const Row& r) const {
    if (same_type) return loop(r);
    Converter convert_row{loop, type, out.dtype, {type, type, type}, static_cast<int>(in.size())};
    for (size_t k = 0; k < in.size(); ++k) convert_row.in_type[k] = in[k].dtype;
    convert_row(r);
  }

  // The row that starts at these offsets, in elements.
  template <class Offsets>
  void run_at(Row r, int64_t out_offset, const Offsets& in_offset) const {
    r.y = static_cast<char*>(out.data) + out_offset * dtype_size(out.dtype);
    for (size_t k = 0; k < in.size(); ++k) {
      r.in[k] = static_cast<const char*>(in[k].data) + in_offset(k) * dtype_size(in[k].dtype);
    }
    run(r);
  }

  void parts_of_row(const Row& whole, int threads) const {
    parallel_for(threads, whole.n, kGrain, [&](int64_t begin, int64_t end) {
      Row r = whole;
      r.n = end - begin;
      run_at(r, begin, [&](size_t k) { return begin * r.step[k]; });
    });
  }

  void rows(Row whole, int threads) const {
    const View* views[4] = {&out, nullptr, nullptr, nullptr};
    for (size_t k = 0; k < in.size(); ++k) views[k + 1] = &in[k];
    const Walk walk(*out.shape, {views, in.size() + 1});
    whole.sy = walk.row_stride[0];
    for (size_t k = 0; k < in.size(); ++k) whole.step[k] = walk.row_stride[k + 1];
    walk.parallel_rows(threads, kGrain, [&](const auto& offset, int64_t n) {
      Row r = whole;
      r.n = n;
      run_at(r, offset[0], [&](size_t k) { return offset[k + 1]; });
    });
  }
};

}  // namespace

ChainLoop begin_chain(ChainLoop function, Arithmetic arithmetic, const Row& row, Chain& chain) {
  const float *a = static_cast<const float*>(row.in[0]), *b = static_cast<const float*>(row.in[1]);
  chain.y = static_cast<float*>(row.y);
  if (row.sy == 1 && row.step[0] == 1 && function) {
    chain.x = a;
    return function;
  }
  if (arithmetic == Arithmetic::kNone || row.sy != 1) return nullptr;
  if (row.step[0] == 1) {
    chain.x = a;
    row.step[1] == 1 ? chain.add(arithmetic, b) : chain.add(arithmetic, *b);
  } else if (row.step[1] == 1) {
    chain.x = b;
    chain.add(reversed(arithmetic), *a);
  } else {
    return nullptr;
  }
  return arithmetic_chain;
}

Recorder::Recorder(Recorded& to) { recording = &to; }
Recorder::~Recorder() { recording = nullptr; }

void apply(const Loops& loops, DType type, const View& out, std::span<const View> in, int threads,
           const double* params) {
  const RowLoop loop = loop_for(loops, type);
  bool same_type = out.dtype == type;
  for (const View& v : in) same_type = same_type && v.dtype == type;
  Row whole;
  whole.params = params;
  whole.y = out.data;
  const bool one_row = fill_row(out, in, whole);
  if (recording) [[unlikely]] {
    recording->loop = nullptr;
    if (++recording->calls == 1 && same_type && one_row) record(loop, whole, in);
    if (recording->loop && loop == loops.f32) {
      recording->chain = loops.chain;
      recording->arithmetic = loops.arithmetic;
    }
    return;
  }
  whole.n = out.size();
  if (whole.n == 0) return;
  if (one_row && same_type) {
    if (loop == loops.f32 && stream(loops, whole, in.size(), threads)) return;
    if (threads == 1 || whole.n <= kGrain) return loop(whole);
  }

  const Stretches stretches{loop, type, same_type, out, in};
  one_row ? stretches.parts_of_row(whole, threads) : stretches.rows(whole, threads);
}

}  // namespace plait::kernels
