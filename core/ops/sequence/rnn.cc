#include <cmath>
#include <exception>
#include <limits>

#include "kernels/buffer.h"
#include "kernels/gemm.h"
#include "kernels/math.h"
#include "kernels/parallel.h"
#include "kernels/random.h"
#include "kernels/simd.h"
#include "ops/in_float32.h"
#include "ops/sequence/rnn_packed.h"
#include "ops/sequence/sequence.h"

namespace plait::ops {
namespace {

namespace math = kernels::math;

int count_inputs(const RnnAttrs& a) { return 3 + a.lstm() + a.use_sequence_length; }

Specs infer(const RnnAttrs& a, const Specs& in) {
  const RnnPlan p(a, in[0].shape);
  const DType type = in[0].dtype;
  check(is_floating(type), ErrorKind::kType, "data has dtype ", type, ", must be floating");
  const auto expect = [&](size_t i, const char* name, const Dims& want) {
    check(in[i].shape == want, ErrorKind::kShape, name, " has shape ", in[i].shape, ", must be ",
          want, " for data of shape ", in[0].shape);
    check(in[i].dtype == type, ErrorKind::kType, name, " has dtype ", in[i].dtype, ", must be ",
          type, " as data");
  };
  check(!a.packed || (type == DType::kFloat32 && num_elements(in[0].shape) > 0), ErrorKind::kType,
        "data has shape ", in[0].shape, " and dtype ", type, ", must be float32 with packed");
  expect(1, "parameters", {a.packed ? PackedRnn(p).size() : p.parameters()});
  expect(2, "state", p.state_shape());
  if (a.lstm()) expect(3, "state_cell", p.cell_shape());
  if (a.use_sequence_length) {
    const Spec& length = in[a.lstm() ? 4 : 3];
    check(length.shape == Dims{p.batch}, ErrorKind::kShape, "sequence_length has shape ",
          length.shape, ", must be ", Dims{p.batch});
  }
  Specs out{{p.output_shape(), type}, {p.state_shape(), type}};
  if (a.lstm()) out.push_back({p.cell_shape(), type});
  out.push_back({{p.kept_size()}, type == DType::kFloat64 ? type : DType::kFloat32});
  return out;
}

void complete(const RnnAttrs& a, std::vector<Dims>& in, std::vector<bool>& known) {
  if (!known[0] || in[0].size() != 3) return;
  const RnnPlan p(a, in[0]);
  const Dims shapes[] = {in[0],
                         {a.packed ? PackedRnn(p).size() : p.parameters()},
                         p.state_shape(),
                         a.lstm() ? p.cell_shape() : Dims{p.batch},
                         {p.batch}};
  for (size_t i = 1; i < in.size(); ++i) {
    if (!known[i]) in[i] = shapes[i];
    known[i] = true;
  }
}

// One direction of one layer: pointers into the arrays of the call.
template <class T>
struct Pass {
  const T *wx, *wh, *wr, *bx, *bh;
  T *gates, *cell, *extra;  // kept for backward
  T *h, *c;                 // (N, R), (N, H): the running state, at first the given one
  T* y;                     // (T, N, D R), this direction's columns from `column`
  int64_t column;
};

template <class T>
void clip_cell(const RnnAttrs& a, T& c) {
  if (a.lstm_state_clip_nan && c != c) c = T(0);
  if (a.lstm_state_clip_min && c < static_cast<T>(*a.lstm_state_clip_min))
    c = static_cast<T>(*a.lstm_state_clip_min);
  if (a.lstm_state_clip_max && c > static_cast<T>(*a.lstm_state_clip_max))
    c = static_cast<T>(*a.lstm_state_clip_max);
}

// The functions of the gates of one sample at one step. `g` holds the part of the input on entry
// and the gates on exit, `s` the part of the state; `h` is the last state on entry.
template <class T>
void step(const RnnAttrs& a, int64_t n, T* g, const T* s, T* h, T* c, T* extra) {
  if (a.lstm()) {
    kernels::vector_loop(n, [=](int64_t j) {
      g[j] = math::sigmoid(g[j] + s[j]);
      g[n + j] = math::sigmoid(g[n + j] + s[n + j]);
      g[2 * n + j] = math::tanh(g[2 * n + j] + s[2 * n + j]);
      g[3 * n + j] = math::sigmoid(g[3 * n + j] + s[3 * n + j]);
      c[j] = g[n + j] * c[j] + g[j] * g[2 * n + j];
    });
    if (a.lstm_state_clip_min || a.lstm_state_clip_max) {
      for (int64_t j = 0; j < n; ++j) clip_cell(a, c[j]);
    }
    kernels::vector_loop(n, [=](int64_t j) { h[j] = g[3 * n + j] * math::tanh(c[j]); });
  } else if (a.gru()) {
    kernels::vector_loop(n, [=](int64_t j) {
      g[j] = math::sigmoid(g[j] + s[j]);
      g[n + j] = math::sigmoid(g[n + j] + s[n + j]);
      extra[j] = s[2 * n + j];
      g[2 * n + j] = math::tanh(g[2 * n + j] + g[j] * extra[j]);
      h[j] = (T(1) - g[n + j]) * g[2 * n + j] + g[n + j] * h[j];
    });
  } else if (a.mode == "rnn_tanh") {
    kernels::vector_loop(n, [=](int64_t j) { h[j] = g[j] = math::tanh(g[j] + s[j]); });
  } else {
    kernels::vector_loop(n, [=](int64_t j) {
      const T v = g[j] + s[j];
      h[j] = g[j] = v > T(0) ? v : T(0);
    });
  }
}

// The state's part of all gates: of each step with the same weights.
template <class T>
class StateProduct {
 public:
  StateProduct(const RnnAttrs& a, const RnnPlan& p, const T* weight, int threads)
      : gemm_(PackedRnn::state_product(p)), weight_(weight), threads_(threads) {
    if (!a.packed || p.batch == 1) own_.emplace(gemm_, dtype_of<T>(), weight, threads);
  }
  void run(const T* h, const T* bias, T* to) const {
    if (own_) return own_->run(h, bias, to);
    if constexpr (std::is_same_v<T, float>) {
      kernels::gemm_packed(gemm_, gemm_, h, weight_, bias, to, threads_);
    }
  }

 private:
  kernels::Gemm gemm_;
  const T* weight_;
  int threads_;
  std::optional<kernels::GemmWith> own_;
};

template <class T>
void input_product(const RnnAttrs& a, const kernels::Gemm& g, const T* x, const Pass<T>& to,
                   int threads) {
  if constexpr (std::is_same_v<T, float>) {
    if (a.packed && g.m > 1) {
      return kernels::gemm_packed(g, g, x, to.wx, to.bx, to.gates, threads);
    }
  }
  kernels::gemm(g, dtype_of<T>(), x, to.wx, to.bx, to.gates, threads);
}

// All steps of one direction; `gates` holds the part of the input.
template <class T>
void run_pass(const RnnAttrs& a, const RnnPlan& p, const Pass<T>& w, bool backwards,
              const std::vector<int64_t>& length, int threads) {
  const int64_t width = p.width(), n = p.cells, r = p.recurrent, rows = p.directions * r;
  const kernels::Buffer<T> state_part(p.batch * width), raw(p.projected ? p.batch * n : 0),
      short_h(p.projected ? p.batch * r : 0);
  const StateProduct<T> of_state(a, p, w.wh, threads);
  for (int64_t i = 0; i < p.steps; ++i) {
    const int64_t t = backwards ? p.steps - 1 - i : i;
    of_state.run(w.h, w.bh, state_part.data());
    kernels::parallel_for(threads, p.batch, 1 + 4096 / width, [&](int64_t begin, int64_t end) {
      for (int64_t b = begin; b < end; ++b) {
        const int64_t at = t * p.batch + b;
        if (t >= length[static_cast<size_t>(b)]) continue;
        T* h = p.projected ? raw.data() + b * n : w.h + b * r;
        step(a, n, w.gates + at * width, state_part.data() + b * width, h,
             w.c ? w.c + b * n : nullptr, w.extra + at * n);
        if (w.c) std::copy_n(w.c + b * n, n, w.cell + at * n);
        if (p.projected) std::copy_n(h, n, w.extra + at * n);
      }
    });
    if (p.projected) {
      kernels::gemm({false, true, 1, p.batch, r, n}, dtype_of<T>(), raw.data(), w.wr, nullptr,
                    short_h.data(), threads);
    }
    for (int64_t b = 0; b < p.batch; ++b) {
      T* out = w.y + (t * p.batch + b) * rows + w.column;
      if (t >= length[static_cast<size_t>(b)]) {
        std::fill_n(out, r, T(0));
        continue;
      }
      if (p.projected) std::copy_n(short_h.data() + b * r, r, w.h + b * r);
      std::copy_n(w.h + b * r, r, out);
    }
  }
}

// Both directions of a layer at once, on a thread each, where a step is little work or there are
// no more threads: a step waits for the one before, and its threads for each other.
template <class T>
void run_passes(const RnnAttrs& a, const RnnPlan& p, const std::vector<Pass<T>>& passes,
                const std::vector<int64_t>& length, int threads) {
  constexpr int64_t kShort = 1 << 17;  // products: two threads would meet for longer than they save
  const int64_t work = p.batch * p.width() * p.recurrent;
  const int inner = work < kShort ? 1 : threads;
  const bool apart = passes.size() == 2 && (threads == 2 || (threads > 2 && work < (1 << 20)));
  std::exception_ptr failure[2];
  const auto run = [&](int64_t begin, int64_t end) {
    for (int64_t d = begin; d < end; ++d) {
      try {
        run_pass(a, p, passes[static_cast<size_t>(d)], d == 1, length, apart ? 1 : inner);
      } catch (...) {
        failure[d] = std::current_exception();
      }
    }
  };
  kernels::parallel_for(apart ? 2 : 1, static_cast<int64_t>(passes.size()), 1, run);
  for (const std::exception_ptr& f : failure) {
    if (f) std::rethrow_exception(f);
  }
}

// Factors of dropout between layers: 0, or 1 / (1 - p).
template <class T>
void drop(const RnnAttrs& a, const op::KernelArgs& k, int64_t layer, int64_t size, const T* y,
          T* factor, T* dropped) {
  const kernels::Philox random(k.random.seed, k.random.offset);
  const T keep = static_cast<T>(1 / (1 - a.p));
  kernels::parallel_for(k.threads, size, 4096, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const auto index = static_cast<uint64_t>(layer * size + i);
      factor[i] = kernels::Draws(random, index).uniform() < a.p ? T(0) : keep;
      dropped[i] = y[i] * factor[i];
    }
  });
}

template <class T>
void forward(const RnnAttrs& a, const op::KernelArgs& k) {
  const RnnPlan p(a, *k.in[0].shape);
  const Sequences sequences(*k.in[0].shape, 0);
  const std::vector<int64_t> length = sequence_lengths(k, a.lstm() ? 4 : 3, sequences);
  const T* params = k.in[1].ptr<T>();
  T *h = k.out[1].ptr<T>(), *c = a.lstm() ? k.out[2].ptr<T>() : nullptr;
  T* kept = k.out[k.out.size() - 1].ptr<T>();
  std::copy_n(k.in[2].ptr<T>(), k.in[2].size(), h);
  if (c) std::copy_n(k.in[3].ptr<T>(), k.in[3].size(), c);
  const T* x = k.in[0].ptr<T>();
  const bool drops = !a.packed && k.is_train && a.p > 0 && p.layers > 1;
  std::optional<PackedRnn> packed;
  if (a.packed) packed.emplace(p);
  const kernels::Buffer<T> dropped(drops ? p.layer_size() : 0);
  for (int64_t l = 0; l < p.layers; ++l) {
    const bool last = l + 1 == p.layers;
    T* y = last ? k.out[0].ptr<T>() : kept + p.kept_output(l);
    std::vector<Pass<T>> passes;
    for (int64_t d = 0; d < p.directions; ++d) {
      const int64_t row = l * p.directions + d;
      const auto place = [&, l, d](auto of) { return params + (packed ? of(*packed) : of(p)); };
      const T* bias = place([l, d](const auto& at) { return at.bias(l, d); });
      const Pass<T> pass{place([l, d](const auto& at) { return at.input_weight(l, d); }),
                         place([l, d](const auto& at) { return at.state_weight(l, d); }),
                         place([l, d](const auto& at) { return at.projection(l, d); }),
                         bias,
                         bias + p.width(),
                         kept + p.kept_gates(l, d),
                         kept + p.kept_cells(l, d),
                         kept + p.kept_extra(l, d),
                         h + row * p.batch * p.recurrent,
                         c ? c + row * p.batch * p.cells : nullptr,
                         y,
                         d * p.recurrent};
      input_product(a, PackedRnn::input_product(p, l), x, pass, k.threads);
      passes.push_back(pass);
    }
    run_passes(a, p, passes, length, k.threads);
    x = y;
    if (last || a.p == 0) continue;
    T* factor = kept + p.kept_dropout(l);
    if (drops) {
      drop(a, k, l, p.layer_size(), y, factor, dropped.data());
      x = dropped.data();
    } else {
      std::fill_n(factor, p.layer_size(), T(1));
    }
  }
}

Values backward(const RnnAttrs& a, const GradArgs& g) {
  static const OpCall kBack(
      "rnn_backward",
      {"state_size", "num_layers", "bidirectional", "mode", "p", "projection_size",
       "lstm_state_clip_min", "lstm_state_clip_max", "use_sequence_length", "data_gradient"});
  const size_t kept = g.out_specs.size() - 1;
  Values in;
  for (size_t i = 0; i < kept; ++i) in.push_back(g.dout(i));
  for (size_t i = 0; i < g.num_in(); ++i) in.push_back(g.in(i));
  in.push_back(g.out(0));
  in.push_back(g.out(kept));
  const auto optional = [](const auto& v) { return v ? op::AttrValue(*v) : op::AttrValue{}; };
  const op::AttrValue attrs[] = {a.state_size,
                                 a.num_layers,
                                 a.bidirectional,
                                 a.mode,
                                 a.p,
                                 optional(a.projection_size),
                                 optional(a.lstm_state_clip_min),
                                 optional(a.lstm_state_clip_max),
                                 a.use_sequence_length,
                                 g.needs_grad(0)};
  Values d = kBack.all({in.data(), in.size()}, attrs);
  d.resize(g.num_in());
  if (!g.needs_grad(0)) d[0] = {};
  return d;
}

// What the operator and its twin with packed parameters share.
op::OpBuilder<RnnAttrs>& complete_rnn(op::OpBuilder<RnnAttrs>&& b) {
  return b.input("data", "floating (steps, batch, features)")
      .input(
          "parameters",
          "vector: for each layer and direction weights of input, state and projection, gate by "
          "gate (lstm: input, forget, cell, output; gru: reset, update, new); then all biases, of "
          "input and state")
      .input("state", "(layers * directions, batch, state_size or projection_size), at the start")
      .optional_input("state_cell",
                      "(layers * directions, batch, state_size), at the start; for lstm")
      .optional_input("sequence_length", "(batch,), steps of each; with use_sequence_length")
      .output("output", "(steps, batch, directions * state_size or projection_size)")
      .output("state_output", "state at the end; with state_outputs")
      .output("statecell_output", "state_cell at the end; with state_outputs, for lstm")
      .hidden_output("kept", "what the gradient needs")
      .required_attr("state_size", &RnnAttrs::state_size, "cells of a layer, > 0")
      .required_attr("num_layers", &RnnAttrs::num_layers, "layers, > 0")
      .attr("bidirectional", &RnnAttrs::bidirectional, false,
            "each layer runs forwards and backwards; the results are joined")
      .required_attr("mode", &RnnAttrs::mode, "kind of cell")
      .choices({"gru", "lstm", "rnn_relu", "rnn_tanh"})
      .attr("p", &RnnAttrs::p, 0.0, "probability of dropping an output between layers, in [0, 1)")
      .attr("state_outputs", &RnnAttrs::state_outputs, false, "return the last states as well")
      .attr("projection_size", &RnnAttrs::projection_size, std::nullopt,
            "numbers to which the output of an lstm is projected")
      .attr("lstm_state_clip_min", &RnnAttrs::lstm_state_clip_min, std::nullopt,
            "least cell state of lstm")
      .attr("lstm_state_clip_max", &RnnAttrs::lstm_state_clip_max, std::nullopt,
            "largest cell state of lstm")
      .attr("lstm_state_clip_nan", &RnnAttrs::lstm_state_clip_nan, false,
            "with a bound, NaN in a cell state becomes 0")
      .attr("use_sequence_length", &RnnAttrs::use_sequence_length, false,
            "lengths are given; outputs behind the end are 0 and states those at the end")
      .num_inputs(count_inputs)
      .num_outputs([](const RnnAttrs& a) { return a.lstm() ? 4 : 3; })
      .visible_outputs([](const RnnAttrs& a) { return !a.state_outputs ? 1
                                                      : a.lstm()       ? 3
                                                                       : 2; })
      .infer(infer)
      .complete(complete)
      .cpu(in_float32([](const RnnAttrs& a, const op::KernelArgs& k) {
        k.in[0].dtype == DType::kFloat64 ? forward<double>(a, k) : forward<float>(a, k);
      }))
      .flops([](const RnnAttrs& a, const Specs& in) {
        const RnnPlan p(a, in[0].shape);
        return 2.0 * static_cast<double>(p.steps * p.batch) * static_cast<double>(p.weights_size());
      });
}

[[maybe_unused]] const int registered =
    complete_rnn(op::OpBuilder<RnnAttrs>(op::Op::add("rnn", __FILE__, __LINE__)))
        .doc("A recurrent network of one or more layers, run over whole sequences.")
        .source(
            "Hochreiter, Schmidhuber (1997): lstm; Cho et al. (2014): gru, with the reset gate "
            "applied "
            "behind the state's product; Sak, Senior, Beaufays (2014): projection")
        .random()
        .uses_train()
        .on("nd sym", "RNN")
        .on("npx", "rnn")
        .grad(backward, op::saves_inputs() | op::Saves{0, op::Saves::kAll});

[[maybe_unused]] const int registered_packed =
    complete_rnn(op::OpBuilder<RnnAttrs>(op::Op::add("rnn_packed", __FILE__, __LINE__)))
        .doc(
            "rnn with the parameters that rnn_pack made for data of this shape, float32; made by "
            "the "
            "graph compiler.")
        .attr("packed", &RnnAttrs::packed, true, "is true");

}  // namespace
}  // namespace plait::ops
