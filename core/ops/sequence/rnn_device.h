#pragma once

#include "kernels/cuda/element.h"
#include "kernels/cuda/widened.h"
#include "op/device_op.h"
#include "ops/sequence/rnn_plan.h"

// What the kernels of rnn and its gradient share on a device.
namespace plait::ops {

enum class Cell : int32_t { kLstm, kGru, kTanh, kRelu };

inline Cell cell_of(const RnnAttrs& a) {
  if (a.lstm()) return Cell::kLstm;
  if (a.gru()) return Cell::kGru;
  return a.mode == "rnn_tanh" ? Cell::kTanh : Cell::kRelu;
}

// Sizes of one step, and how many steps each sample has.
struct Step {
  Cell cell;
  int64_t batch, cells, recurrent, width, row;  // row: of the output, all directions
  int64_t steps;
  cuda::Numbers length;

  Step(const RnnAttrs& a, const RnnPlan& p)
      : cell(cell_of(a)),
        batch(p.batch),
        cells(p.cells),
        recurrent(p.recurrent),
        width(p.width()),
        row(p.directions * p.recurrent),
        steps(p.steps) {}
  PLAIT_FN int64_t length_of(int64_t b) const {
    return length.data ? length.get<int64_t>(b) : steps;
  }
};

// Calls f(attributes, arrays, T{}) with arrays of float32 or float64.
template <class F>
void run_rnn(const op::DeviceCall& c, size_t data, const F& f) {
  const op::KernelArgs& k = c.args();
  cuda::Widened wide;
  std::vector<View> in, out;
  for (const View& v : k.in) in.push_back(wide.in(v));
  for (const View& v : k.out) out.push_back(wide.out(v));
  const op::KernelArgs args{in, out, k.is_train, k.threads, k.random};
  const auto& a = *static_cast<const RnnAttrs*>(c.attrs_struct());
  in[data].dtype == DType::kFloat64 ? f(a, args, double{}) : f(a, args, float{});
  wide.store();
}

template <class T>
void copy_numbers(const T* from, T* to, int64_t n) {
  if (n > 0) cuda::copy_bytes(to, from, n * int64_t{sizeof(T)});
}

}  // namespace plait::ops
