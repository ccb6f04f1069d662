#include <cmath>

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

// Places of the inputs: gradients of output, state and cell; the inputs of rnn; output, kept.
struct Places {
  size_t data, parameters, state, cell, length, output, kept;
  explicit Places(const RnnAttrs& a)
      : data(a.lstm() ? 3 : 2),
        parameters(data + 1),
        state(data + 2),
        cell(data + 3),
        length(data + 3 + a.lstm()),
        output(data + 3 + a.lstm() + a.use_sequence_length),
        kept(output + 1) {}
};

Specs infer(const RnnAttrs& a, const Specs& in) {
  const Places at(a);
  check(in.size() == at.kept + 1, ErrorKind::kInvalidArgument, "got ", in.size(),
        " arrays, must be ", at.kept + 1);
  static const op::Op& kForward = op::Op::get("rnn");
  Specs forward;
  kForward.infer(kForward, &a, Specs(in.begin() + at.data, in.begin() + at.output), forward);
  for (size_t i = 0; i < at.data; ++i) expect(in[i], forward[i], "gradient of an output");
  expect(in[at.output], forward[0], "output");
  expect(in[at.kept], forward.back(), "kept");
  Specs out{in[at.data], in[at.parameters], in[at.state]};
  if (a.lstm()) out.push_back(in[at.cell]);
  return out;
}

// Gradients of the sums in front of the gates' functions, for one sample at one step. `g` gates,
// `c` cell state, `c_before` and `h_before` those of the step before, `dh` gradient of the state;
// `dc` gradient of the cell state, on exit of the one before. `keep`: what goes straight to
// h_before.
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
      keep[j] = T(0);
    });
    std::copy_n(dx, 4 * n, ds);
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
      ds[j] = dx[j] = dh[j] * (tanh ? T(1) - g[j] * g[j] : g[j] > T(0) ? T(1) : T(0));
      keep[j] = T(0);
    });
  }
}

// Back through time, one direction of one layer.
template <class T>
class BackPass {
 public:
  BackPass(const RnnAttrs& a, const RnnPlan& p, const op::KernelArgs& k, int64_t layer,
           int64_t direction, const std::vector<int64_t>& length)
      : a_(a), p_(p), k_(k), at_(a), layer_(layer), direction_(direction), length_(length) {
    const auto size = [&](int64_t n) { return static_cast<size_t>(p.steps * p.batch * n); };
    dx_.assign(size(p.width()), T(0));
    ds_.assign(size(p.width()), T(0));
    before_.assign(size(p.recurrent), T(0));
    if (p.projected) {
      dh_.assign(size(p.recurrent), T(0));
      raw_.assign(size(p.cells), T(0));
    }
  }

  // `x` input of the layer, `y` its output, `dy` gradient of that; adds to `dinput`.
  void run(const T* x, const T* y, const T* dy, T* dinput) {
    through_time(y, dy);
    const int64_t rows = p_.steps * p_.batch, width = p_.width(), features = p_.inputs(layer_);
    const T* params = k_.in[at_.parameters].ptr<T>();
    T* dparams = k_.out[1].ptr<T>();
    const DType type = dtype_of<T>();
    std::vector<T> part(static_cast<size_t>(rows * features));
    kernels::gemm({false, false, 1, rows, features, width}, type, dx_.data(),
                  params + p_.input_weight(layer_, direction_), nullptr, part.data(), k_.threads);
    const T* more = part.data();
    kernels::vector_loop(rows * features, [=](int64_t i) { dinput[i] += more[i]; });
    kernels::gemm({true, false, 1, width, features, rows}, type, dx_.data(), x, nullptr,
                  dparams + p_.input_weight(layer_, direction_), k_.threads);
    kernels::gemm({true, false, 1, width, p_.recurrent, rows}, type, ds_.data(), before_.data(),
                  nullptr, dparams + p_.state_weight(layer_, direction_), k_.threads);
    if (p_.projected) {
      kernels::gemm({true, false, 1, p_.recurrent, p_.cells, rows}, type, dh_.data(), raw_.data(),
                    nullptr, dparams + p_.projection(layer_, direction_), k_.threads);
    }
    T* dbias = dparams + p_.bias(layer_, direction_);
    sum_rows(dx_.data(), rows, width, dbias);
    sum_rows(ds_.data(), rows, width, dbias + width);
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

  void through_time(const T* y, const T* dy) {
    const int64_t n = p_.cells, r = p_.recurrent, width = p_.width(), row = p_.directions * r;
    const int64_t place = layer_ * p_.directions + direction_, column = direction_ * r;
    const T* kept = k_.in[at_.kept].ptr<T>();
    const T* gates = kept + p_.kept_gates(layer_, direction_);
    const T *cells = kept + p_.kept_cells(layer_, direction_),
            *extra = kept + p_.kept_extra(layer_, direction_);
    const T* h0 = k_.in[at_.state].ptr<T>() + place * p_.batch * r;
    const T* c0 = a_.lstm() ? k_.in[at_.cell].ptr<T>() + place * p_.batch * n : nullptr;
    const T* params = k_.in[at_.parameters].ptr<T>();
    T* dh = k_.out[2].ptr<T>() + place * p_.batch * r;
    T* dc = a_.lstm() ? k_.out[3].ptr<T>() + place * p_.batch * n : nullptr;
    std::copy_n(k_.in[1].ptr<T>() + place * p_.batch * r, p_.batch * r, dh);
    if (dc) std::copy_n(k_.in[2].ptr<T>() + place * p_.batch * n, p_.batch * n, dc);
    std::vector<T> full(static_cast<size_t>(p_.batch * n)), keep(static_cast<size_t>(p_.batch * n)),
        through(static_cast<size_t>(p_.batch * r));
    const kernels::GemmWith to_state({false, false, 1, p_.batch, r, width}, dtype_of<T>(),
                                     params + p_.state_weight(layer_, direction_), k_.threads);
    for (int64_t i = 0; i < p_.steps; ++i) {
      const int64_t t = direction_ ? i : p_.steps - 1 - i;
      const auto live = [&](int64_t b) { return t < length_[static_cast<size_t>(b)]; };
      for (int64_t b = 0; b < p_.batch; ++b) {
        if (!live(b)) continue;
        const T* from = dy + (t * p_.batch + b) * row + column;
        for (int64_t j = 0; j < r; ++j) dh[b * r + j] += from[j];
      }
      const T* whole = dh;  // gradient of what the cells put out
      if (p_.projected) {
        kernels::gemm({false, false, 1, p_.batch, n, r}, dtype_of<T>(), dh,
                      params + p_.projection(layer_, direction_), nullptr, full.data(), k_.threads);
        whole = full.data();
      }
      for (int64_t b = 0; b < p_.batch; ++b) {
        if (!live(b)) continue;
        const int64_t at = t * p_.batch + b;
        const T* h_before = earlier(y, row, column, h0, r, t, b);
        std::copy_n(h_before, r, before_.data() + at * r);
        if (p_.projected) {
          std::copy_n(dh + b * r, r, dh_.data() + at * r);
          std::copy_n(extra + at * n, n, raw_.data() + at * n);
        }
        step_back(a_, n, gates + at * width, cells + at * n,
                  dc ? earlier(cells, n, 0, c0, n, t, b) : nullptr, h_before, extra + at * n,
                  whole + b * n, dc ? dc + b * n : nullptr, dx_.data() + at * width,
                  ds_.data() + at * width, keep.data() + b * n);
      }
      to_state.run(ds_.data() + t * p_.batch * width, nullptr, through.data());
      for (int64_t b = 0; b < p_.batch; ++b) {
        if (!live(b)) continue;
        for (int64_t j = 0; j < r; ++j) {
          dh[b * r + j] = through[static_cast<size_t>(b * r + j)] +
                          (p_.projected ? T(0) : keep[static_cast<size_t>(b * n + j)]);
        }
      }
    }
  }

  const RnnAttrs& a_;
  const RnnPlan& p_;
  const op::KernelArgs& k_;
  Places at_;
  int64_t layer_, direction_;
  const std::vector<int64_t>& length_;
  std::vector<T> dx_, ds_, before_, dh_, raw_;  // (T, N, ...)
};

template <class T>
void differentiate(const RnnAttrs& a, const op::KernelArgs& k) {
  const Places at(a);
  const Dims& data = *k.in[at.data].shape;
  const RnnPlan p(a, data);
  std::vector<int64_t> length(static_cast<size_t>(p.batch), p.steps);
  if (a.use_sequence_length) {
    const View& v = k.in[at.length];
    kernels::convert(v.data, v.dtype, 1, length.data(), DType::kInt64, p.batch);
  }
  const T* kept = k.in[at.kept].ptr<T>();
  std::vector<T> dy(k.in[0].ptr<T>(), k.in[0].ptr<T>() + k.in[0].size()), dropped;
  for (int64_t l = p.layers; l-- > 0;) {
    const T* y = l + 1 == p.layers ? k.in[at.output].ptr<T>() : kept + p.kept_output(l);
    const T* x = k.in[at.data].ptr<T>();
    const T* factor = l ? kept + p.kept_dropout(l - 1) : nullptr;
    if (l) {
      dropped.resize(static_cast<size_t>(p.layer_size()));
      const T* below = kept + p.kept_output(l - 1);
      for (size_t i = 0; i < dropped.size(); ++i) dropped[i] = below[i] * factor[i];
      x = dropped.data();
    }
    std::vector<T> dx(static_cast<size_t>(p.steps * p.batch * p.inputs(l)), T(0));
    for (int64_t d = 0; d < p.directions; ++d) {
      BackPass<T>(a, p, k, l, d, length).run(x, y, dy.data(), dx.data());
    }
    for (size_t i = 0; l && i < dx.size(); ++i) dx[i] *= factor[i];
    dy = std::move(dx);
  }
  std::copy(dy.begin(), dy.end(), k.out[0].ptr<T>());
}

PLAIT_OP(rnn_backward, RnnAttrs)
    .doc("Gradients of rnn with respect to data, parameters, state and state_cell.")
    .variadic_input("arrays",
                    "gradients of output, state and cell; the inputs of rnn; its output; what it "
                    "kept")
    .output("ddata", "shape of data")
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
    .num_outputs([](const RnnAttrs& a) { return a.lstm() ? 4 : 3; })
    .infer(infer)
    .cpu(in_float32([](const RnnAttrs& a, const op::KernelArgs& k) {
      k.in[0].dtype == DType::kFloat64 ? differentiate<double>(a, k) : differentiate<float>(a, k);
    }))
    .flops([](const RnnAttrs& a, const Specs& in) {
      const RnnPlan p(a, in[Places(a).data].shape);
      return 4.0 * static_cast<double>(p.steps * p.batch) * static_cast<double>(p.weights_size());
    })
    .grad(PLAIT_NO_SECOND_GRADIENT(RnnAttrs, "rnn"), op::saves_nothing());

}  // namespace
}  // namespace plait::ops
