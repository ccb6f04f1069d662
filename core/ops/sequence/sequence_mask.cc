#include <cstring>

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
    const T *x = k.in[0].ptr<T>(), value = static_cast<T>(static_cast<acc_t<T>>(a.value));
    T* y = k.out[0].ptr<T>();
    kernels::parallel_for(k.threads, s.time, 1 + 16384 / (s.batch * s.inner + 1),
                          [&](int64_t begin, int64_t end) {
                            for (int64_t t = begin; t < end; ++t) {
                              for (int64_t b = 0; b < s.batch; ++b) {
                                const int64_t at = s.at(t, b);
                                if (t < length[static_cast<size_t>(b)])
                                  std::copy_n(x + at, s.inner, y + at);
                                else
                                  std::fill_n(y + at, s.inner, value);
                              }
                            }
                          });
  });
}

PLAIT_OP(sequence_mask, SequenceAttrs)
    .doc("Sets what lies behind the end of each sequence to a value.")
    .input("data", "(time, batch, ...), or (batch, time, ...) with axis 1")
    .optional_input("sequence_length", "(batch,), steps of each sequence; with use_sequence_length")
    .output("output", "shape and dtype of data")
    .attr("use_sequence_length", &SequenceAttrs::use_sequence_length, false,
          "lengths are given; else the data is copied")
    .attr("value", &SequenceAttrs::value, 0.0, "what is written")
    .attr("axis", &SequenceAttrs::axis, 0, "time axis, 0 or 1")
    .on("nd sym", "SequenceMask")
    .on("npx", "sequence_mask")
    .num_inputs(num_sequence_inputs)
    .infer(infer)
    .complete(complete_sequences)
    .cpu(kernel)
    .grad(
        [](const SequenceAttrs& a, const GradArgs& g) -> Values {
          static const OpCall kMask("sequence_mask", {"use_sequence_length", "axis"});
          if (!a.use_sequence_length) return {g.dout()};
          return {kMask({g.dout(), g.in(1)}, {true, a.axis}), Value{}};
        },
        op::saves_input(1));

}  // namespace
}  // namespace plait::ops
