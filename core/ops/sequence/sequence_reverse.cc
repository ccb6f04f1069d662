#include <algorithm>

#include "kernels/parallel.h"
#include "ops/sequence/sequence.h"

namespace plait::ops {
namespace {

Spec infer(const SequenceAttrs& a, const Specs& in) {
  check_sequences(a, in);
  return in[0];
}

void kernel(const SequenceAttrs& a, const op::KernelArgs& k) {
  const Sequences s(*k.in[0].shape, a.axis);
  const std::vector<int64_t> length = sequence_lengths(k, 1, s);
  dispatch_all(k.in[0].dtype, [&]<class T>(T) {
    const T* x = k.in[0].ptr<T>();
    T* y = k.out[0].ptr<T>();
    kernels::parallel_for(k.threads, s.time, 1 + 16384 / (s.batch * s.inner + 1),
                          [&](int64_t begin, int64_t end) {
                            for (int64_t t = begin; t < end; ++t) {
                              for (int64_t b = 0; b < s.batch; ++b) {
                                const int64_t n = length[static_cast<size_t>(b)];
                                const int64_t from = t < n ? n - 1 - t : t;
                                std::copy_n(x + s.at(from, b), s.inner, y + s.at(t, b));
                              }
                            }
                          });
  });
}

PLAIT_OP(sequence_reverse, SequenceAttrs)
    .doc("Turns each sequence round; what lies behind its end stays.")
    .input("data", "(time, batch, ...)")
    .optional_input("sequence_length", "(batch,), steps of each sequence; with use_sequence_length")
    .output("output", "shape and dtype of data")
    .attr("use_sequence_length", &SequenceAttrs::use_sequence_length, false,
          "lengths are given; else all sequences fill the time axis")
    .attr("axis", &SequenceAttrs::axis, 0, "time axis, 0 or 1")
    .on("nd sym", "SequenceReverse")
    .on("npx", "sequence_reverse")
    .num_inputs(num_sequence_inputs)
    .infer(infer)
    .complete(complete_sequences)
    .cpu(kernel)
    .grad(
        [](const SequenceAttrs& a, const GradArgs& g) -> Values {
          static const OpCall kReverse("sequence_reverse", {"use_sequence_length", "axis"});
          if (!a.use_sequence_length) return {kReverse({g.dout()}, {false, a.axis})};
          return {kReverse({g.dout(), g.in(1)}, {true, a.axis}), Value{}};
        },
        op::saves_input(1));

}  // namespace
}  // namespace plait::ops
