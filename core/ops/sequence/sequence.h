#pragma once

#include <vector>

#include "kernels/convert.h"
#include "op/op.h"

// Sequences of different lengths in one array: time and batch are its first two axes.
namespace plait::ops {

struct SequenceAttrs {
  bool use_sequence_length;
  double value;
  int64_t axis;
  int64_t length;  // of the time axis, for the gradient of sequence_last only
};

// data as (time, batch, inner), or (batch, time, inner) if the time axis is 1.
struct Sequences {
  int64_t time, batch, inner = 1;
  bool time_first;

  Sequences(const Dims& data, int64_t axis)
      : time(data[static_cast<size_t>(axis)]),
        batch(data[static_cast<size_t>(1 - axis)]),
        time_first(axis == 0) {
    for (size_t i = 2; i < data.size(); ++i) inner *= data[i];
  }
  // Place of the first element of step t of sequence b.
  int64_t at(int64_t t, int64_t b) const {
    return (time_first ? t * batch + b : b * time + t) * inner;
  }
};

inline int num_sequence_inputs(const SequenceAttrs& a) { return a.use_sequence_length ? 2 : 1; }

inline void check_sequences(const SequenceAttrs& a, const Specs& in) {
  check(a.axis == 0 || a.axis == 1, ErrorKind::kInvalidArgument, "axis is ", a.axis,
        ", must be 0 or 1");
  check(in[0].shape.size() >= 2, ErrorKind::kShape, "data has shape ", in[0].shape,
        ", must have a time and a batch axis");
  if (!a.use_sequence_length) return;
  const Dims want{in[0].shape[static_cast<size_t>(1 - a.axis)]};
  check(in[1].shape == want, ErrorKind::kShape, "sequence_length has shape ", in[1].shape,
        ", must be ", want);
}

inline void complete_sequences(const SequenceAttrs& a, std::vector<Dims>& in,
                               std::vector<bool>& known) {
  if (in.size() < 2 || known[1] || !known[0] || in[0].size() < 2) return;
  in[1] = {in[0][static_cast<size_t>(1 - a.axis)]};
  known[1] = true;
}

// Length of each sequence; all of the time axis if none are given.
inline std::vector<int64_t> sequence_lengths(const op::KernelArgs& k, size_t input,
                                             const Sequences& s) {
  std::vector<int64_t> length(static_cast<size_t>(s.batch), s.time);
  if (k.in.size() <= input) return length;
  kernels::convert(k.in[input].data, k.in[input].dtype, 1, length.data(), DType::kInt64, s.batch);
  for (int64_t n : length) {
    check(n >= 0 && n <= s.time, ErrorKind::kInvalidArgument, "sequence_length has ", n,
          ", must be in [0, ", s.time, "]");
  }
  return length;
}

}  // namespace plait::ops
