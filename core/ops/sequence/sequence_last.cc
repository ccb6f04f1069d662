#include <algorithm>

#include "kernels/copy.h"
#include "ops/expect.h"
#include "ops/sequence/sequence.h"

namespace plait::ops {
namespace {

Spec infer(const SequenceAttrs& a, const Specs& in) {
  check_sequences(a, in);
  Dims shape = in[0].shape;
  check(shape[static_cast<size_t>(a.axis)] > 0, ErrorKind::kShape, "data has shape ", shape,
        ", must have a step");
  shape.erase(static_cast<size_t>(a.axis));
  return {shape, in[0].dtype};
}

// f(first element of the last step, first element of the result) for every sequence.
template <class F>
void each_last(const Sequences& s, const std::vector<int64_t>& length, const F& f) {
  for (int64_t b = 0; b < s.batch; ++b) {
    const int64_t n = length[static_cast<size_t>(b)];
    check(n > 0, ErrorKind::kInvalidArgument, "sequence_length has 0, must be in [1, ", s.time,
          "]");
    f(s.at(n - 1, b), b * s.inner);
  }
}

Spec infer_backward(const SequenceAttrs& a, const Specs& in) {
  Dims shape = in[0].shape;
  check(!shape.empty() && (a.axis == 0 || a.axis == 1), ErrorKind::kShape, "dout has shape ", shape,
        ", axis is ", a.axis, ", must have a batch axis, and be 0 or 1");
  shape.insert(static_cast<size_t>(a.axis), a.length);
  Specs forward{{shape, in[0].dtype}};
  if (a.use_sequence_length) forward.push_back(in[1]);
  expect(in[0], infer(a, forward), "dout");
  return forward[0];
}

PLAIT_OP(sequence_last, SequenceAttrs)
    .doc("The last step of each sequence.")
    .input("data", "(time, batch, ...), or (batch, time, ...) with axis 1")
    .optional_input("sequence_length", "(batch,), steps of each, >= 1; with use_sequence_length")
    .output("output", "data without the time axis")
    .attr("use_sequence_length", &SequenceAttrs::use_sequence_length, false,
          "lengths are given; else all sequences fill the time axis")
    .attr("axis", &SequenceAttrs::axis, 0, "time axis, 0 or 1")
    .on("nd sym", "SequenceLast")
    .on("npx", "sequence_last")
    .num_inputs(num_sequence_inputs)
    .infer(infer)
    .complete(complete_sequences)
    .cpu([](const SequenceAttrs& a, const op::KernelArgs& k) {
      const Sequences s(*k.in[0].shape, a.axis);
      dispatch_all(k.in[0].dtype, [&]<class T>(T) {
        each_last(s, sequence_lengths(k, 1, s), [&](int64_t from, int64_t to) {
          std::copy_n(k.in[0].ptr<T>() + from, s.inner, k.out[0].ptr<T>() + to);
        });
      });
    })
    .grad(
        [](const SequenceAttrs& a, const GradArgs& g) -> Values {
          static const OpCall kBack("sequence_last_backward",
                                    {"use_sequence_length", "axis", "length"});
          Values in{g.dout()};
          if (a.use_sequence_length) in.push_back(g.in(1));
          const op::AttrValue attrs[] = {a.use_sequence_length, a.axis,
                                         g.in_spec(0).shape[static_cast<size_t>(a.axis)]};
          Values d(g.num_in());
          d[0] = kBack.all({in.data(), in.size()}, attrs)[0];
          return d;
        },
        op::saves_input(1));

PLAIT_OP(sequence_last_backward, SequenceAttrs)
    .doc("Gradient of sequence_last: zeros with dout at the last step of each sequence.")
    .input("dout", "gradient of the output")
    .optional_input("sequence_length", "as for sequence_last")
    .output("ddata", "gradient of data")
    .attr("use_sequence_length", &SequenceAttrs::use_sequence_length, false, "as for sequence_last")
    .attr("axis", &SequenceAttrs::axis, 0, "as for sequence_last")
    .required_attr("length", &SequenceAttrs::length, "size of the time axis")
    .num_inputs(num_sequence_inputs)
    .infer(infer_backward)
    .cpu([](const SequenceAttrs& a, const op::KernelArgs& k) {
      const Sequences s(*k.out[0].shape, a.axis);
      kernels::fill(k.out[0], 0, k.threads);
      dispatch_all(k.in[0].dtype, [&]<class T>(T) {
        each_last(s, sequence_lengths(k, 1, s), [&](int64_t to, int64_t from) {
          std::copy_n(k.in[0].ptr<T>() + from, s.inner, k.out[0].ptr<T>() + to);
        });
      });
    })
    .grad(
        [](const SequenceAttrs& a, const GradArgs& g) -> Values {
          static const OpCall kLast("sequence_last", {"use_sequence_length", "axis"});
          Values in{g.dout()};
          if (a.use_sequence_length) in.push_back(g.in(1));
          const op::AttrValue attrs[] = {a.use_sequence_length, a.axis};
          Values d(g.num_in());
          d[0] = kLast.all({in.data(), in.size()}, attrs)[0];
          return d;
        },
        op::saves_input(1));

}  // namespace
}  // namespace plait::ops
