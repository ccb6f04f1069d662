#include <cmath>

#include "kernels/buffer.h"
#include "kernels/gemm.h"
#include "kernels/math.h"
#include "kernels/parallel.h"
#include "kernels/simd.h"
#include "ops/expect.h"
#include "ops/in_float32.h"
#include "ops/second_gradient.h"
#include "ops/sequence/rnn_plan.h"
#include "ops/sequence/sequence.h"

namespace plait::ops {
namespace {

Specs infer(const RnnAttrs& a, const Specs& in) {
  const RnnPlaces at(a);
  check(in.size() == at.kept + 1, ErrorKind::kInvalidArgument, "got ", in.size(),
        " arrays, must be ", at.kept + 1);
  static const op::Op& kForward = op::Op::get("rnn");
  Specs forward;
  kForward.infer(kForward, &a, Specs(in.begin() + at.data, in.begin() + at.output), forward);
  for (size_t i = 0; i < at.data; ++i) expect(in[i], forward[i], "gradient of an output");
  expect(in[at.output], forward[0], "output");
  expect(in[at.kept], forward.back(), "kept");
  Specs out{in[at.data], in[at.parameters], in[at.state]};
  if (!a.data_gradient) out[0].shape = {0};
  if (a.lstm()) out.push_back(in[at.cell]);
  return out;
}

// Gradients of the sums in front of the gates' functions, for one sample at one step: `dx` on the
// side of the input and, only where that differs, for gru, `ds` on the side of the state. `g`
// gates, `c` cell state, `c_before` and `h_before` those of the step before, `dh` gradient of the
// state; `dc` gradient of the cell state, on exit of the one before. `keep`, for gru: what goes
// straight to h_before.
template <class T>
void step_back(const RnnAttrs& a, int64_t n, const T* g, const T* c, const T* c_before,
               const T* h_before, const T* extra, const T* dh, T* dc, T* dx, T* ds, T* keep) {
  if (a.lstm()) {
    const T low = static_cast<T>(a.lstm_state_clip_min.value_or(-INFINITY)),
            high = static_cast<T>(a.lstm_state_clip_max.value_or(INFINITY));
    kernels::vector_loop(n, [=](int64_t j) {
      const T i = g[j], f = g[n + j], u = g[2 * n + j], o = g[3 * n + j],
              v = kernels::math::tanh(c[j]);
      T d = dc[j] + dh[j] * o * (T(1) - v * v);
      d = c[j] <= low || c[j] >= high ? T(0) : d;
      dx[j] = d * u * i * (T(1) - i);
      dx[n + j] = d * c_before[j] * f * (T(1) - f);
      dx[2 * n + j] = d * i * (T(1) - u * u);
      dx[3 * n + j] = dh[j] * v * o * (T(1) - o);
      dc[j] = d * f;
    });
  } else if (a.gru()) {
    kernels::vector_loop(n, [=](int64_t j) {
      const T r = g[j], z = g[n + j], u = g[2 * n + j];
      const T du = dh[j] * (T(1) - z) * (T(1) - u * u);
      ds[j] = dx[j] = du * extra[j] * r * (T(1) - r);
      ds[n + j] = dx[n + j] = dh[j] * (h_before[j] - u) * z * (T(1) - z);
      dx[2 * n + j] = du;
      ds[2 * n + j] = du * r;
      keep[j] = dh[j] * z;
    });
  } else {
    const bool tanh = a.mode == "rnn_tanh";
    kernels::vector_loop(n, [=](int64_t j) {
      dx[j] = dh[j] * (tanh ? T(1) - g[j] * g[j] : g[j] > T(0) ? T(1) : T(0));
    });
  }
}

// Back through time, one direction of one layer.
template <class T>
class BackPass {
 public:
  BackPass(const RnnAttrs& a, const RnnPlan& p, const op::KernelArgs& k, int64_t layer,
           int64_t direction, const std::vector<int64_t>& length)
      : a_(a),
        p_(p),
        k_(k),
        at_(a),
        layer_(layer),
        direction_(direction),
        length_(length),
        dx_(p.steps * p.batch * p.width()),
        own_ds_(a.gru() ? p.steps * p.batch * p.width() : 0),
        before_(p.steps * p.batch * p.recurrent),
        short_dh_(p.projected ? p.steps * p.batch * p.recurrent : 0),
        raw_(p.projected ? p.steps * p.batch * p.cells : 0),
        keep_(a.gru() ? p.batch * p.cells : 0),
        ds_(a.gru() ? own_ds_.data() : dx_.data()) {
    const int64_t place = layer * p.directions + direction, of_h = place * p.batch * p.recurrent,
                  of_c = place * p.batch * p.cells;
    const T* kept = k.in[at_.kept].ptr<T>();
    gates_ = kept + p.kept_gates(layer, direction);
    cells_ = kept + p.kept_cells(layer, direction);
    extra_ = kept + p.kept_extra(layer, direction);
    h0_ = k.in[at_.state].ptr<T>() + of_h;
    dh_ = k.out[2].ptr<T>() + of_h;
    std::copy_n(k.in[1].ptr<T>() + of_h, p.batch * p.recurrent, dh_);
    if (!a.lstm()) return;
    c0_ = k.in[at_.cell].ptr<T>() + of_c;
    dc_ = k.out[3].ptr<T>() + of_c;
    std::copy_n(k.in[2].ptr<T>() + of_c, p.batch * p.cells, dc_);
  }

  // `x` input of the layer, `y` its output, `dy` gradient of that. The gradient of the input goes
  // to `dinput` unless that is null; the second direction adds to it.
  void run(const T* x, const T* y, const T* dy, T* dinput) {
    through_time(y, dy);
    const int64_t rows = p_.steps * p_.batch, width = p_.width(), features = p_.inputs(layer_);
    const T* params = k_.in[at_.parameters].ptr<T>();
    T* dparams = k_.out[1].ptr<T>();
    const DType type = dtype_of<T>();
    if (dinput) {
      const kernels::Buffer<T> more(direction_ ? rows * features : 0);
      T* const part = direction_ ? more.data() : dinput;
      kernels::gemm({false, false, 1, rows, features, width}, type, dx_.data(),
                    params + p_.input_weight(layer_, direction_), nullptr, part, k_.threads);
      if (direction_) {
        kernels::vector_loop(rows * features, [=](int64_t i) { dinput[i] += part[i]; });
      }
    }
    kernels::gemm({true, false, 1, width, features, rows}, type, dx_.data(), x, nullptr,
                  dparams + p_.input_weight(layer_, direction_), k_.threads);
    kernels::gemm({true, false, 1, width, p_.recurrent, rows}, type, ds_, before_.data(), nullptr,
                  dparams + p_.state_weight(layer_, direction_), k_.threads);
    if (p_.projected) {
      kernels::gemm({true, false, 1, p_.recurrent, p_.cells, rows}, type, short_dh_.data(),
                    raw_.data(), nullptr, dparams + p_.projection(layer_, direction_), k_.threads);
    }
    T* dbias = dparams + p_.bias(layer_, direction_);
    sum_rows(dx_.data(), rows, width, dbias);
    if (ds_ == dx_.data()) {
      std::copy_n(dbias, width, dbias + width);
    } else {
      sum_rows(ds_, rows, width, dbias + width);
    }
  }

 private:
  static void sum_rows(const T* x, int64_t rows, int64_t width, T* sum) {
    std::vector<double> total(static_cast<size_t>(width), 0.0);
    double* to = total.data();
    for (int64_t i = 0; i < rows; ++i) {
      const T* row = x + i * width;
      kernels::vector_loop(width, [=](int64_t j) { to[j] += static_cast<double>(row[j]); });
    }
    for (int64_t j = 0; j < width; ++j) sum[j] = static_cast<T>(to[j]);
  }

  // State (or cell state) before step t of sample b: of the step that ran before it, or the given.
  const T* earlier(const T* steps, int64_t row, int64_t column, const T* given, int64_t n,
                   int64_t t, int64_t b) const {
    const int64_t s = direction_ ? t + 1 : t - 1;
    const bool first = s < 0 || s >= length_[static_cast<size_t>(b)];
    return first ? given + b * n : steps + (s * p_.batch + b) * row + column;
  }

  bool is_live(int64_t t, int64_t b) const { return t < length_[static_cast<size_t>(b)]; }

  // f(b) for all samples, on all threads.
  template <class F>
  void each_sample(const F& f) const {
    kernels::parallel_for(k_.threads, p_.batch, 1 + 4096 / p_.width(),
                          [&](int64_t begin, int64_t end) {
                            for (int64_t b = begin; b < end; ++b) f(b);
                          });
  }

  // A step behind the end of a sample has no part in any gradient.
  void clear_step(int64_t at) {
    std::fill_n(dx_.data() + at * p_.width(), p_.width(), T(0));
    std::fill_n(ds_ + at * p_.width(), p_.width(), T(0));
    std::fill_n(before_.data() + at * p_.recurrent, p_.recurrent, T(0));
    if (!p_.projected) return;
    std::fill_n(short_dh_.data() + at * p_.recurrent, p_.recurrent, T(0));
    std::fill_n(raw_.data() + at * p_.cells, p_.cells, T(0));
  }

  // The gradient of the output at a step joins that of the state.
  void add_output(const T* dy, int64_t t, int64_t b) {
    const int64_t r = p_.recurrent;
    const T* from = dy + (t * p_.batch + b) * p_.directions * r + direction_ * r;
    T* const to = dh_ + b * r;
    kernels::vector_loop(r, [=](int64_t j) { to[j] += from[j]; });
  }

  // One sample at one step; `whole` gradient of what its cells put out.
  void cell_back(const T* y, int64_t t, int64_t b, const T* whole) {
    const int64_t n = p_.cells, r = p_.recurrent, width = p_.width(), at = t * p_.batch + b;
    const T* h_before = earlier(y, p_.directions * r, direction_ * r, h0_, r, t, b);
    std::copy_n(h_before, r, before_.data() + at * r);
    step_back(a_, n, gates_ + at * width, cells_ + at * n,
              dc_ ? earlier(cells_, n, 0, c0_, n, t, b) : nullptr, h_before, extra_ + at * n, whole,
              dc_ ? dc_ + b * n : nullptr, dx_.data() + at * width, ds_ + at * width,
              a_.gru() ? keep_.data() + b * n : nullptr);
  }

  void through_time(const T* y, const T* dy) {
    const int64_t n = p_.cells, r = p_.recurrent, width = p_.width();
    const T* params = k_.in[at_.parameters].ptr<T>();
    const kernels::Buffer<T> full(p_.projected ? p_.batch * n : 0), through(p_.batch * r);
    const kernels::GemmWith to_state({false, false, 1, p_.batch, r, width}, dtype_of<T>(),
                                     params + p_.state_weight(layer_, direction_), k_.threads);
    for (int64_t i = 0; i < p_.steps; ++i) {
      const int64_t t = direction_ ? i : p_.steps - 1 - i;
      if (p_.projected) {
        each_sample([&](int64_t b) {
          if (!is_live(t, b)) return;
          add_output(dy, t, b);
          const int64_t at = t * p_.batch + b;
          std::copy_n(dh_ + b * r, r, short_dh_.data() + at * r);
          std::copy_n(extra_ + at * n, n, raw_.data() + at * n);
        });
        kernels::gemm({false, false, 1, p_.batch, n, r}, dtype_of<T>(), dh_,
                      params + p_.projection(layer_, direction_), nullptr, full.data(), k_.threads);
      }
      each_sample([&](int64_t b) {
        if (!is_live(t, b)) return clear_step(t * p_.batch + b);
        if (!p_.projected) add_output(dy, t, b);
        cell_back(y, t, b, p_.projected ? full.data() + b * n : dh_ + b * r);
      });
      to_state.run(ds_ + t * p_.batch * width, nullptr, through.data());
      each_sample([&](int64_t b) {
        if (!is_live(t, b)) return;
        T* const to = dh_ + b * r;
        const T* from = through.data() + b * r;
        if (!a_.gru()) {
          std::copy_n(from, r, to);
          return;
        }
        const T* straight = keep_.data() + b * n;
        kernels::vector_loop(r, [=](int64_t j) { to[j] = from[j] + straight[j]; });
      });
    }
  }

  const RnnAttrs& a_;
  const RnnPlan& p_;
  const op::KernelArgs& k_;
  RnnPlaces at_;
  int64_t layer_, direction_;
  const std::vector<int64_t>& length_;
  kernels::Buffer<T> dx_, own_ds_, before_, short_dh_, raw_;  // (T, N, ...)
  kernels::Buffer<T> keep_;                                   // (N, H)
  T* ds_;
  const T *gates_, *cells_, *extra_, *h0_, *c0_ = nullptr;
  T *dh_, *dc_ = nullptr;  // running gradients of the states
};

std::vector<int64_t> lengths(const RnnAttrs& a, const RnnPlan& p, const op::KernelArgs& k) {
  std::vector<int64_t> length(static_cast<size_t>(p.batch), p.steps);
  if (a.use_sequence_length) {
    const View& v = k.in[RnnPlaces(a).length];
    kernels::convert(v.data, v.dtype, 1, length.data(), DType::kInt64, p.batch);
  }
  return length;
}

template <class T>
void differentiate(const RnnAttrs& a, const op::KernelArgs& k) {
  const RnnPlan p(a, *k.in[RnnPlaces(a).data].shape);
  const std::vector<int64_t> length = lengths(a, p, k);
  each_layer_back<T, kernels::Buffer<T>>(
      a, p, k,
      [](int64_t n, const T* x, const T* factor, T* to) {
        kernels::vector_loop(n, [=](int64_t i) { to[i] = x[i] * factor[i]; });
      },
      [&](int64_t l, int64_t d, const T* x, const T* y, const T* dy, T* dx) {
        BackPass<T>(a, p, k, l, d, length).run(x, y, dy, dx);
      });
}

PLAIT_OP(rnn_backward, RnnAttrs)
    .doc("Gradients of rnn with respect to data, parameters, state and state_cell.")
    .variadic_input("arrays",
                    "gradients of output, state and cell; the inputs of rnn; its output; what it "
                    "kept")
    .output("ddata", "shape of data; (0,) without data_gradient")
    .output("dparameters", "shape of parameters")
    .output("dstate", "shape of state")
    .output("dstate_cell", "shape of state_cell; for lstm")
    .required_attr("state_size", &RnnAttrs::state_size, "as for rnn")
    .required_attr("num_layers", &RnnAttrs::num_layers, "as for rnn")
    .attr("bidirectional", &RnnAttrs::bidirectional, false, "as for rnn")
    .required_attr("mode", &RnnAttrs::mode, "as for rnn")
    .attr("p", &RnnAttrs::p, 0.0, "as for rnn")
    .attr("projection_size", &RnnAttrs::projection_size, std::nullopt, "as for rnn")
    .attr("lstm_state_clip_min", &RnnAttrs::lstm_state_clip_min, std::nullopt, "as for rnn")
    .attr("lstm_state_clip_max", &RnnAttrs::lstm_state_clip_max, std::nullopt, "as for rnn")
    .attr("use_sequence_length", &RnnAttrs::use_sequence_length, false, "as for rnn")
    .attr("data_gradient", &RnnAttrs::data_gradient, true, "whether ddata is computed")
    .num_outputs([](const RnnAttrs& a) { return a.lstm() ? 4 : 3; })
    .infer(infer)
    .cpu(in_float32([](const RnnAttrs& a, const op::KernelArgs& k) {
      k.in[0].dtype == DType::kFloat64 ? differentiate<double>(a, k) : differentiate<float>(a, k);
    }))
    .flops([](const RnnAttrs& a, const Specs& in) {
      const RnnPlan p(a, in[RnnPlaces(a).data].shape);
      return 4.0 * static_cast<double>(p.steps * p.batch) * static_cast<double>(p.weights_size());
    })
    .grad(PLAIT_NO_SECOND_GRADIENT(RnnAttrs, "rnn"), op::saves_nothing());

}  // namespace
}  // namespace plait::ops
