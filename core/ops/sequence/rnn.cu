#include "kernels/cuda/launch.h"
#include "kernels/gemm.h"
#include "kernels/math.h"
#include "kernels/random.h"
#include "ops/sequence/rnn_device.h"

// The same steps as on the CPU: a product of matrices and a pointwise kernel for each. Lengths out
// of range are clipped by the steps that there are.
namespace plait::ops {
namespace {

namespace math = kernels::math;

// Bounds of the cell state.
template <class T>
struct Clip {
  bool has_low, has_high, no_nan;
  T low, high;
  explicit Clip(const RnnAttrs& a)
      : has_low(a.lstm_state_clip_min.has_value()),
        has_high(a.lstm_state_clip_max.has_value()),
        no_nan((has_low || has_high) && a.lstm_state_clip_nan),
        low(static_cast<T>(a.lstm_state_clip_min.value_or(0))),
        high(static_cast<T>(a.lstm_state_clip_max.value_or(0))) {}
  PLAIT_FN T operator()(T c) const {
    if (no_nan && c != c) c = T(0);
    if (has_low && c < low) c = low;
    if (has_high && c > high) c = high;
    return c;
  }
};

// One direction of one layer; see rnn.cc.
template <class T>
struct Pass {
  const T *wh, *wr, *bh;
  T *gates, *cell, *extra, *h, *c, *y;
  int64_t column;
};

// One cell of one sample at step t: `gates` holds the part of the input and gets the gates, `s` is
// the part of the state. The cell puts out `raw`, or without a projection the state.
template <class T>
struct Forward {
  Step s;
  Clip<T> clip;
  Pass<T> w;
  int64_t t;
  const T* state;
  T* raw;

  PLAIT_FN T lstm(T* g, const T* p, T& c) const {
    const int64_t n = s.cells;
    g[0] = math::sigmoid(g[0] + p[0]);
    g[n] = math::sigmoid(g[n] + p[n]);
    g[2 * n] = math::tanh(g[2 * n] + p[2 * n]);
    g[3 * n] = math::sigmoid(g[3 * n] + p[3 * n]);
    c = clip(g[n] * c + g[0] * g[2 * n]);
    return g[3 * n] * math::tanh(c);
  }
  PLAIT_FN T gru(T* g, const T* p, T& extra, T before) const {
    const int64_t n = s.cells;
    g[0] = math::sigmoid(g[0] + p[0]);
    g[n] = math::sigmoid(g[n] + p[n]);
    extra = p[2 * n];
    g[2 * n] = math::tanh(g[2 * n] + g[0] * extra);
    return (T(1) - g[n]) * g[2 * n] + g[n] * before;
  }
  PLAIT_FN void operator()(int64_t i) const {
    const int64_t b = i / s.cells, j = i % s.cells, at = t * s.batch + b;
    const bool live = t < s.length_of(b);
    T value = T(0);
    if (live) {
      T* g = w.gates + at * s.width + j;
      const T* p = state + b * s.width + j;
      if (s.cell == Cell::kLstm) {
        value = lstm(g, p, w.c[i]);
        w.cell[at * s.cells + j] = w.c[i];
      } else if (s.cell == Cell::kGru) {
        value = gru(g, p, w.extra[at * s.cells + j], w.h[i]);
      } else {
        const T v = g[0] + p[0];
        value = g[0] = s.cell == Cell::kTanh ? math::tanh(v) : v > T(0) ? v : T(0);
      }
    }
    if (raw) {
      raw[i] = value;
      if (live) w.extra[at * s.cells + j] = value;
      return;
    }
    w.y[at * s.row + w.column + j] = value;
    if (live) w.h[i] = value;
  }
};

// The state that a projection gives.
template <class T>
struct Projected {
  Step s;
  Pass<T> w;
  int64_t t;
  const T* value;
  PLAIT_FN void operator()(int64_t i) const {
    const int64_t b = i / s.recurrent, j = i % s.recurrent;
    const bool live = t < s.length_of(b);
    w.y[(t * s.batch + b) * s.row + w.column + j] = live ? value[i] : T(0);
    if (live) w.h[i] = value[i];
  }
};

template <class T>
void run_pass(const RnnAttrs& a, const RnnPlan& p, const Step& s, const Pass<T>& w,
              bool backwards) {
  const cuda::Scratch<T> state(p.batch * p.width()), raw(p.projected ? p.batch * p.cells : 0),
      value(p.projected ? p.batch * p.recurrent : 0);
  for (int64_t i = 0; i < p.steps; ++i) {
    const int64_t t = backwards ? p.steps - 1 - i : i;
    kernels::gemm({false, true, 1, p.batch, p.width(), p.recurrent}, dtype_of<T>(), w.h, w.wh, w.bh,
                  state.data(), 1);
    cuda::for_each(p.batch * p.cells, Forward<T>{s, Clip<T>(a), w, t, state.data(), raw.data()});
    if (!p.projected) continue;
    kernels::gemm({false, true, 1, p.batch, p.recurrent, p.cells}, dtype_of<T>(), raw.data(), w.wr,
                  nullptr, value.data(), 1);
    cuda::for_each(p.batch * p.recurrent, Projected<T>{s, w, t, value.data()});
  }
}

// Factors of dropout between layers, drawn as on the CPU; without `drops` they are 1.
template <class T>
struct Drop {
  kernels::Philox random;
  int64_t first;
  double p;
  bool drops;
  const T* y;
  T *factor, *dropped;
  PLAIT_FN void operator()(int64_t i) const {
    if (!drops) {
      factor[i] = T(1);
      return;
    }
    const bool out = kernels::Draws(random, static_cast<uint64_t>(first + i)).uniform() < p;
    factor[i] = out ? T(0) : static_cast<T>(1 / (1 - p));
    dropped[i] = y[i] * factor[i];
  }
};

template <class T>
void forward(const RnnAttrs& a, const op::KernelArgs& k) {
  const RnnPlan p(a, *k.in[0].shape);
  Step s(a, p);
  if (a.use_sequence_length) s.length = cuda::Numbers(k.in[a.lstm() ? 4 : 3]);
  const T* params = k.in[1].ptr<T>();
  T *h = k.out[1].ptr<T>(), *c = a.lstm() ? k.out[2].ptr<T>() : nullptr;
  T* kept = k.out[k.out.size() - 1].ptr<T>();
  copy_numbers(k.in[2].ptr<T>(), h, k.in[2].size());
  if (c) copy_numbers(k.in[3].ptr<T>(), c, k.in[3].size());
  const T* x = k.in[0].ptr<T>();
  const bool drops = k.is_train && a.p > 0 && p.layers > 1;
  const cuda::Scratch<T> dropped(drops ? p.layer_size() : 0);
  for (int64_t l = 0; l < p.layers; ++l) {
    const bool last = l + 1 == p.layers;
    T* y = last ? k.out[0].ptr<T>() : kept + p.kept_output(l);
    for (int64_t d = 0; d < p.directions; ++d) {
      const int64_t place = l * p.directions + d;
      const T* bias = params + p.bias(l, d);
      const Pass<T> w{params + p.state_weight(l, d),
                      params + p.projection(l, d),
                      bias + p.width(),
                      kept + p.kept_gates(l, d),
                      kept + p.kept_cells(l, d),
                      kept + p.kept_extra(l, d),
                      h + place * p.batch * p.recurrent,
                      c ? c + place * p.batch * p.cells : nullptr,
                      y,
                      d * p.recurrent};
      kernels::gemm({false, true, 1, p.steps * p.batch, p.width(), p.inputs(l)}, dtype_of<T>(), x,
                    params + p.input_weight(l, d), bias, w.gates, 1);
      run_pass(a, p, s, w, d == 1);
    }
    x = y;
    if (last || a.p == 0) continue;
    cuda::for_each(p.layer_size(),
                   Drop<T>{kernels::Philox(k.random.seed, k.random.offset), l * p.layer_size(), a.p,
                           drops, y, kept + p.kept_dropout(l), dropped.data()});
    if (drops) x = dropped.data();
  }
}

void kernel(const op::DeviceCall& c) {
  run_rnn(c, 0, [](const RnnAttrs& a, const op::KernelArgs& k, auto type) {
    forward<decltype(type)>(a, k);
  });
}

PLAIT_DEVICE_KERNEL(rnn, kernel);

}  // namespace
}  // namespace plait::ops
