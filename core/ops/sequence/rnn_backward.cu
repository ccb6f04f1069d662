#include <limits>

#include "kernels/cuda/launch.h"
#include "kernels/gemm.h"
#include "kernels/math.h"
#include "ops/sequence/rnn_device.h"

// Back through time as in rnn_backward.cc, by pointwise kernels and products of matrices.
namespace plait::ops {
namespace {

// Arrays of one direction of one layer; see rnn_backward.cc.
template <class T>
struct Back {
  Step s;
  bool reversed, projected;
  int64_t column;  // of its outputs
  T low, high;     // bounds of the cell state
  const T *gates, *cells, *extra, *h0, *c0, *y, *dy;
  T *dx, *ds, *before, *short_dh, *raw, *keep, *dh, *dc;

  PLAIT_FN bool is_live(int64_t t, int64_t b) const { return t < s.length_of(b); }
  // Element j of what `steps` holds of the step that ran before t, or of the given one.
  PLAIT_FN T earlier(const T* steps, int64_t row, int64_t from, const T* given, int64_t n,
                     int64_t t, int64_t b, int64_t j) const {
    const int64_t u = reversed ? t + 1 : t - 1;
    const bool first = u < 0 || u >= s.length_of(b);
    return first ? given[b * n + j] : steps[(u * s.batch + b) * row + from + j];
  }
  PLAIT_FN T state_before(int64_t t, int64_t b, int64_t j) const {
    return earlier(y, s.row, column, h0, s.recurrent, t, b, j);
  }
  PLAIT_FN T output_gradient(int64_t t, int64_t b, int64_t j) const {
    return dy[(t * s.batch + b) * s.row + column + j];
  }
};

// With a projection: the gradient of the output joins that of the state.
template <class T>
struct Join {
  Back<T> w;
  int64_t t;
  PLAIT_FN void operator()(int64_t i) const {
    const int64_t b = i / w.s.recurrent, j = i % w.s.recurrent, at = t * w.s.batch * w.s.recurrent;
    const bool live = w.is_live(t, b);
    if (live) w.dh[i] += w.output_gradient(t, b, j);
    w.short_dh[at + i] = live ? w.dh[i] : T(0);
  }
};

// State before the step, for the product that gives the gradient of its weights.
template <class T>
struct KeepBefore {
  Back<T> w;
  int64_t t;
  PLAIT_FN void operator()(int64_t i) const {
    const int64_t b = i / w.s.recurrent, j = i % w.s.recurrent;
    w.before[t * w.s.batch * w.s.recurrent + i] = w.is_live(t, b) ? w.state_before(t, b, j) : T(0);
  }
};

// One cell of one sample; `whole` gradient of what the cells put out, with a projection.
template <class T>
struct CellBack {
  Back<T> w;
  int64_t t;
  const T* whole;

  PLAIT_FN void lstm(int64_t i, int64_t b, int64_t j, T dh, T* dx) const {
    const int64_t n = w.s.cells, at = t * w.s.batch + b;
    const T *g = w.gates + at * w.s.width + j, c = w.cells[at * n + j];
    const T in = g[0], forget = g[n], u = g[2 * n], o = g[3 * n], v = kernels::math::tanh(c);
    T d = w.dc[i] + dh * o * (T(1) - v * v);
    if (c <= w.low || c >= w.high) d = T(0);
    dx[0] = d * u * in * (T(1) - in);
    dx[n] = d * w.earlier(w.cells, n, 0, w.c0, n, t, b, j) * forget * (T(1) - forget);
    dx[2 * n] = d * in * (T(1) - u * u);
    dx[3 * n] = dh * v * o * (T(1) - o);
    w.dc[i] = d * forget;
  }
  PLAIT_FN void gru(int64_t i, int64_t b, int64_t j, T dh, T* dx, T* ds) const {
    const int64_t n = w.s.cells, at = t * w.s.batch + b;
    const T* g = w.gates + at * w.s.width + j;
    const T r = g[0], z = g[n], u = g[2 * n], du = dh * (T(1) - z) * (T(1) - u * u);
    ds[0] = dx[0] = du * w.extra[at * n + j] * r * (T(1) - r);
    ds[n] = dx[n] = dh * (w.state_before(t, b, j) - u) * z * (T(1) - z);
    dx[2 * n] = du;
    ds[2 * n] = du * r;
    w.keep[i] = dh * z;
  }
  PLAIT_FN void operator()(int64_t i) const {
    const int64_t n = w.s.cells, b = i / n, j = i % n, at = t * w.s.batch + b;
    T *dx = w.dx + at * w.s.width + j, *ds = w.ds + at * w.s.width + j;
    const bool live = w.is_live(t, b);
    if (w.projected) w.raw[at * n + j] = live ? w.extra[at * n + j] : T(0);
    if (!live) {  // a step behind the end has no part in any gradient
      for (int64_t q = 0; q < w.s.width; q += n) dx[q] = ds[q] = T(0);
      return;
    }
    const T dh = whole ? whole[i] : w.dh[i] + w.output_gradient(t, b, j);
    if (w.s.cell == Cell::kLstm) return lstm(i, b, j, dh, dx);
    if (w.s.cell == Cell::kGru) return gru(i, b, j, dh, dx, ds);
    const T g = w.gates[at * w.s.width + j];
    dx[0] = dh * (w.s.cell == Cell::kTanh ? T(1) - g * g : g > T(0) ? T(1) : T(0));
  }
};

template <class T>
struct Through {
  Back<T> w;
  int64_t t;
  const T* part;
  PLAIT_FN void operator()(int64_t i) const {
    if (!w.is_live(t, i / w.s.recurrent)) return;
    w.dh[i] = w.s.cell == Cell::kGru ? part[i] + w.keep[i] : part[i];
  }
};

template <class T>
struct SumRows {
  int64_t rows, width;
  const T* x;
  T* sum;
  template <class Team>
  PLAIT_FN void operator()(const Team& team, int64_t j) const {
    const double total = team.reduce(
        rows, 0.0, [&](int64_t i) { return static_cast<double>(x[i * width + j]); }, cuda::Plus());
    team.each(1, [&](int64_t) { sum[j] = static_cast<T>(total); });
  }
};

template <class T>
struct Multiply {
  const T *x, *factor;
  T* y;
  PLAIT_FN void operator()(int64_t i) const { y[i] = x[i] * factor[i]; }
};
template <class T>
struct Add {
  const T* x;
  T* y;
  PLAIT_FN void operator()(int64_t i) const { y[i] += x[i]; }
};

template <class T>
void through_time(const RnnPlan& p, const Back<T>& w, const T* state_weight, const T* projection) {
  const int64_t n = p.cells, r = p.recurrent;
  const cuda::Scratch<T> full(p.projected ? p.batch * n : 0), part(p.batch * r);
  for (int64_t i = 0; i < p.steps; ++i) {
    const int64_t t = w.reversed ? i : p.steps - 1 - i;
    if (p.projected) {
      cuda::for_each(p.batch * r, Join<T>{w, t});
      kernels::gemm({false, false, 1, p.batch, n, r}, dtype_of<T>(), w.dh, projection, nullptr,
                    full.data(), 1);
    }
    cuda::for_each(p.batch * r, KeepBefore<T>{w, t});
    cuda::for_each(p.batch * n, CellBack<T>{w, t, full.data()});
    kernels::gemm({false, false, 1, p.batch, r, p.width()}, dtype_of<T>(),
                  w.ds + t * p.batch * p.width(), state_weight, nullptr, part.data(), 1);
    cuda::for_each(p.batch * r, Through<T>{w, t, part.data()});
  }
}

// Memory of one direction.
template <class T>
struct Memory {
  cuda::Scratch<T> dx, own_ds, before, short_dh, raw, keep;
  explicit Memory(const RnnPlan& p, bool gru)
      : dx(p.steps * p.batch * p.width()),
        own_ds(gru ? p.steps * p.batch * p.width() : 0),
        before(p.steps * p.batch * p.recurrent),
        short_dh(p.projected ? p.steps * p.batch * p.recurrent : 0),
        raw(p.projected ? p.steps * p.batch * p.cells : 0),
        keep(gru ? p.batch * p.cells : 0) {}
};

// `x` input of the layer, `y` its output, `dy` gradient of that; `dinput` may be null, and the
// second direction adds to it.
template <class T>
void direction_back(const RnnAttrs& a, const RnnPlan& p, const op::KernelArgs& k, int64_t layer,
                    int64_t direction, const T* x, const T* y, const T* dy, T* dinput) {
  const RnnPlaces at(a);
  const Memory<T> m(p, a.gru());
  const int64_t place = layer * p.directions + direction, of_h = place * p.batch * p.recurrent,
                of_c = place * p.batch * p.cells;
  const T *kept = k.in[at.kept].ptr<T>(), *params = k.in[at.parameters].ptr<T>();
  T* dparams = k.out[1].ptr<T>();
  T* const ds = a.gru() ? m.own_ds.data() : m.dx.data();
  constexpr T kInfinity = std::numeric_limits<T>::infinity();
  Back<T> w{Step(a, p),
            direction == 1,
            p.projected,
            direction * p.recurrent,
            a.lstm_state_clip_min ? static_cast<T>(*a.lstm_state_clip_min) : -kInfinity,
            a.lstm_state_clip_max ? static_cast<T>(*a.lstm_state_clip_max) : kInfinity,
            kept + p.kept_gates(layer, direction),
            kept + p.kept_cells(layer, direction),
            kept + p.kept_extra(layer, direction),
            k.in[at.state].ptr<T>() + of_h,
            a.lstm() ? k.in[at.cell].ptr<T>() + of_c : nullptr,
            y,
            dy,
            m.dx.data(),
            ds,
            m.before.data(),
            m.short_dh.data(),
            m.raw.data(),
            m.keep.data(),
            k.out[2].ptr<T>() + of_h,
            a.lstm() ? k.out[3].ptr<T>() + of_c : nullptr};
  if (a.use_sequence_length) w.s.length = cuda::Numbers(k.in[at.length]);
  copy_numbers(k.in[1].ptr<T>() + of_h, w.dh, p.batch * p.recurrent);
  if (a.lstm()) copy_numbers(k.in[2].ptr<T>() + of_c, w.dc, p.batch * p.cells);
  through_time(p, w, params + p.state_weight(layer, direction),
               params + p.projection(layer, direction));

  const int64_t rows = p.steps * p.batch, width = p.width(), features = p.inputs(layer);
  const DType type = dtype_of<T>();
  if (dinput) {
    const cuda::Scratch<T> more(direction ? rows * features : 0);
    T* const to = direction ? more.data() : dinput;
    kernels::gemm({false, false, 1, rows, features, width}, type, w.dx,
                  params + p.input_weight(layer, direction), nullptr, to, 1);
    if (direction) cuda::for_each(rows * features, Add<T>{to, dinput});
  }
  kernels::gemm({true, false, 1, width, features, rows}, type, w.dx, x, nullptr,
                dparams + p.input_weight(layer, direction), 1);
  kernels::gemm({true, false, 1, width, p.recurrent, rows}, type, ds, w.before, nullptr,
                dparams + p.state_weight(layer, direction), 1);
  if (p.projected) {
    kernels::gemm({true, false, 1, p.recurrent, p.cells, rows}, type, w.short_dh, w.raw, nullptr,
                  dparams + p.projection(layer, direction), 1);
  }
  T* dbias = dparams + p.bias(layer, direction);
  cuda::for_each_line(width, rows, SumRows<T>{rows, width, w.dx, dbias});
  cuda::for_each_line(width, rows, SumRows<T>{rows, width, ds, dbias + width});
}

template <class T>
void differentiate(const RnnAttrs& a, const op::KernelArgs& k) {
  const RnnPlan p(a, *k.in[RnnPlaces(a).data].shape);
  each_layer_back<T, cuda::Scratch<T>>(
      a, p, k,
      [](int64_t n, const T* x, const T* factor, T* to) {
        cuda::for_each(n, Multiply<T>{x, factor, to});
      },
      [&](int64_t l, int64_t d, const T* x, const T* y, const T* dy, T* dx) {
        direction_back(a, p, k, l, d, x, y, dy, dx);
      });
}

void kernel(const op::DeviceCall& c) {
  const auto& a = *static_cast<const RnnAttrs*>(c.attrs_struct());
  run_rnn(c, RnnPlaces(a).data, [](const RnnAttrs& attrs, const op::KernelArgs& k, auto type) {
    differentiate<decltype(type)>(attrs, k);
  });
}

PLAIT_DEVICE_KERNEL(rnn_backward, kernel);

}  // namespace
}  // namespace plait::ops
