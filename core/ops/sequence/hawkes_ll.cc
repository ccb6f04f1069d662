#include <cmath>
#include <span>
#include <vector>

#include "op/op.h"
#include "ops/expect.h"
#include "ops/second_gradient.h"

// Log likelihood of events that excite each other: Hawkes, Biometrika (1971), with exponential
// kernels. The rate of mark k is mu_k + alpha_k beta_k s_k, where s_k jumps by 1 at each event of
// the mark and decays by exp(-beta_k t).
namespace plait::ops {
namespace {

using op::KernelArgs;
using op::NoAttrs;

enum Input { kMu, kAlpha, kBeta, kState, kLags, kMarks, kLength, kEnd, kInputs };

Specs infer_from(const Specs& in, size_t first) {
  const Spec &mu = in[first], &lags = in[first + kLags];
  check(is_floating(mu.dtype), ErrorKind::kType, "lda has dtype ", mu.dtype, ", must be floating");
  check(mu.shape.size() == 2 && lags.shape.size() == 2 && lags.shape[0] == mu.shape[0],
        ErrorKind::kShape, "lda has shape ", mu.shape, ", lags has shape ", lags.shape,
        ", must be (batch, marks) and (batch, steps)");
  const int64_t n = mu.shape[0], marks = mu.shape[1];
  const Dims shapes[kInputs] = {mu.shape,   {marks},    {marks}, mu.shape,
                                lags.shape, lags.shape, {n},     {n}};
  static const char* const kNames[kInputs] = {"lda",  "alpha", "beta",         "state",
                                              "lags", "marks", "valid_length", "max_time"};
  for (size_t i = 0; i < kInputs; ++i) {
    const Spec& own = in[first + i];
    check(own.shape == shapes[i], ErrorKind::kShape, kNames[i], " has shape ", own.shape,
          ", must be ", shapes[i]);
    if (i == kMarks || i == kLength) continue;
    check(own.dtype == mu.dtype, ErrorKind::kType, kNames[i], " has dtype ", own.dtype,
          ", must be ", mu.dtype, " as lda");
  }
  check(in[first + kMarks].dtype == DType::kInt32, ErrorKind::kType, "marks has dtype ",
        in[first + kMarks].dtype, ", must be int32");
  check(in[first + kLength].dtype == mu.dtype, ErrorKind::kType, "valid_length has dtype ",
        in[first + kLength].dtype, ", must be ", mu.dtype, " as lda");
  return {{{n}, mu.dtype}, mu};
}

// One mark of one sample: its excitation, how that changes with beta and with the state at the
// start, and the time of its last event.
struct Mark {
  double s = 0, by_beta = 0, by_start = 1, last = 0;
};
struct Gradients {
  double mu = 0, alpha = 0, beta = 0, start = 0;
};

// The events of sample `n`: f(mark, its number, time since its last event, at an event or the end).
template <class T, class F>
void walk(std::span<const View> in, int64_t n, const F& f) {
  const int64_t marks = in[kMu].dim(1), steps = in[kLags].dim(1);
  std::vector<Mark> state(static_cast<size_t>(marks));
  for (int64_t k = 0; k < marks; ++k) {
    state[static_cast<size_t>(k)].s = static_cast<double>(in[kState].ptr<T>()[n * marks + k]);
  }
  const double length = static_cast<double>(in[kLength].ptr<T>()[n]);
  double now = 0;
  for (int64_t t = 0; t < steps && static_cast<double>(t) < length; ++t) {
    now += static_cast<double>(in[kLags].ptr<T>()[n * steps + t]);
    const int64_t k = in[kMarks].ptr<int32_t>()[n * steps + t];
    check(k >= 0 && k < marks, ErrorKind::kIndex, "marks has ", k, ", must be in [0, ", marks - 1,
          "]");
    Mark& mark = state[static_cast<size_t>(k)];
    f(mark, k, now - mark.last, true);
    mark.last = now;
  }
  const double end = static_cast<double>(in[kEnd].ptr<T>()[n]);
  for (int64_t k = 0; k < marks; ++k) {
    Mark& mark = state[static_cast<size_t>(k)];
    f(mark, k, end - mark.last, false);
  }
}

struct Rates {
  double mu, alpha, beta;
};
template <class T>
Rates rates_of(std::span<const View> in, int64_t n, int64_t k) {
  return {static_cast<double>(in[kMu].ptr<T>()[n * in[kMu].dim(1) + k]),
          static_cast<double>(in[kAlpha].ptr<T>()[k]), static_cast<double>(in[kBeta].ptr<T>()[k])};
}

void kernel(const NoAttrs&, const KernelArgs& a) {
  const int64_t marks = a.in[kMu].dim(1);
  dispatch_floating(a.in[kMu].dtype, [&]<class T>(T) {
    for (int64_t n = 0; n < a.in[kMu].dim(0); ++n) {
      double likelihood = 0;
      walk<T>(a.in, n, [&](Mark& mark, int64_t k, double d, bool event) {
        const Rates r = rates_of<T>(a.in, n, k);
        const double decay = std::exp(-r.beta * d);
        likelihood -= r.mu * d + r.alpha * mark.s * (1 - decay);
        if (event) likelihood += std::log(r.mu + r.alpha * r.beta * mark.s * decay);
        mark.s = (event ? 1.0 : 0.0) + mark.s * decay;
        if (!event) a.out[1].ptr<T>()[n * marks + k] = static_cast<T>(mark.s);
      });
      a.out[0].ptr<T>()[n] = static_cast<T>(likelihood);
    }
  });
}

// Adds one event, or the end, to the gradients of a mark; `dlike` and `dstate` are those of the
// results.
void differentiate(Mark& mark, const Rates& r, double d, bool event, double dlike, double dstate,
                   Gradients& g) {
  const double decay = std::exp(-r.beta * d);
  const double s_beta = mark.by_beta * decay - mark.s * d * decay, s_start = mark.by_start * decay;
  g.mu -= dlike * d;
  g.alpha -= dlike * mark.s * (1 - decay);
  g.beta -= dlike * r.alpha * (mark.by_beta - s_beta);
  g.start -= dlike * r.alpha * (mark.by_start - s_start);
  if (event) {
    const double per_rate = dlike / (r.mu + r.alpha * r.beta * mark.s * decay);
    g.mu += per_rate;
    g.alpha += per_rate * r.beta * mark.s * decay;
    g.beta += per_rate * r.alpha * (mark.s * decay + r.beta * s_beta);
    g.start += per_rate * r.alpha * r.beta * s_start;
  } else {
    g.beta += dstate * s_beta;
    g.start += dstate * s_start;
  }
  mark.s = (event ? 1.0 : 0.0) + mark.s * decay;
  mark.by_beta = s_beta;
  mark.by_start = s_start;
}

// Inputs: gradients of both results, then those of hawkes_ll.
void backward_kernel(const NoAttrs&, const KernelArgs& a) {
  const std::span<const View> in = a.in.subspan(2);
  const int64_t marks = in[kMu].dim(1);
  dispatch_floating(in[kMu].dtype, [&]<class T>(T) {
    std::vector<Gradients> shared(static_cast<size_t>(marks));
    for (int64_t n = 0; n < in[kMu].dim(0); ++n) {
      std::vector<Gradients> own(static_cast<size_t>(marks));
      const double dlike = static_cast<double>(a.in[0].ptr<T>()[n]);
      walk<T>(in, n, [&](Mark& mark, int64_t k, double d, bool event) {
        const double dstate = static_cast<double>(a.in[1].ptr<T>()[n * marks + k]);
        differentiate(mark, rates_of<T>(in, n, k), d, event, dlike, dstate,
                      own[static_cast<size_t>(k)]);
      });
      for (int64_t k = 0; k < marks; ++k) {
        const Gradients& g = own[static_cast<size_t>(k)];
        a.out[0].ptr<T>()[n * marks + k] = static_cast<T>(g.mu);
        a.out[3].ptr<T>()[n * marks + k] = static_cast<T>(g.start);
        shared[static_cast<size_t>(k)].alpha += g.alpha;
        shared[static_cast<size_t>(k)].beta += g.beta;
      }
    }
    for (int64_t k = 0; k < marks; ++k) {
      a.out[1].ptr<T>()[k] = static_cast<T>(shared[static_cast<size_t>(k)].alpha);
      a.out[2].ptr<T>()[k] = static_cast<T>(shared[static_cast<size_t>(k)].beta);
    }
  });
}

Values backward(const NoAttrs&, const GradArgs& g) {
  static const OpCall kBack("hawkes_ll_backward");
  Values in{g.dout(0), g.dout(1)};
  for (size_t i = 0; i < kInputs; ++i) in.push_back(g.in(i));
  Values found = kBack.all({in.data(), in.size()}, {});
  found.resize(kInputs);  // nothing flows to times, marks and lengths
  return found;
}

template <class Builder>
Builder& hawkes_inputs(Builder&& b) {
  return b.input("lda", "floating (batch, marks): mu, the rate without excitation, > 0, per time")
      .input("alpha", "(marks,): events that one event causes in the mean")
      .input("beta", "(marks,): decay of the excitation, per time")
      .input("state", "(batch, marks): excitation at the start")
      .input("lags", "(batch, steps): time since the event before")
      .input("marks", "int32 (batch, steps): kind of each event, in [0, marks)")
      .input("valid_length", "(batch,): events of each sample")
      .input("max_time", "(batch,): length of the interval that was watched");
}

const int registered_forward =
    hawkes_inputs(op::OpBuilder<NoAttrs>(op::Op::add("hawkes_ll", __FILE__, __LINE__)))
        .doc("Log likelihood of marked events by a Hawkes process with exponential decay.")
        .source("Hawkes, Biometrika 58 (1971); Laub, Taimre, Pollett, arXiv:1507.02822")
        .output("out", "(batch,): log likelihoods")
        .output("out_state", "(batch, marks): excitation at max_time")
        .on("nd sym", "_contrib_hawkesll")
        .on("nd sym", "contrib.hawkesll")
        .infer([](const NoAttrs&, const Specs& in) -> Specs { return infer_from(in, 0); })
        .cpu(kernel)
        .grad(backward, op::saves_inputs());

const int registered_backward =
    hawkes_inputs(op::OpBuilder<NoAttrs>(op::Op::add("hawkes_ll_backward", __FILE__, __LINE__))
                      .input("dout", "gradient of the log likelihoods")
                      .input("dstate", "gradient of the excitation at the end"))
        .doc("Gradient of hawkes_ll with respect to lda, alpha, beta and state.")
        .output("dlda", "shape of lda")
        .output("dalpha", "(marks,)")
        .output("dbeta", "(marks,)")
        .output("dstart", "shape of state")
        .infer([](const NoAttrs&, const Specs& in) -> Specs {
          const Specs out = infer_from(in, 2);
          expect(in[0], out[0], "dout");
          expect(in[1], out[1], "dstate");
          return {in[2], in[3], in[4], in[5]};
        })
        .cpu(backward_kernel)
        .grad(PLAIT_NO_SECOND_GRADIENT(NoAttrs, "hawkes_ll"), op::saves_nothing());

}  // namespace
}  // namespace plait::ops
