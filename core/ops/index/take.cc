#include <algorithm>

#include "kernels/convert.h"
#include "kernels/copy.h"
#include "kernels/gather.h"
#include "kernels/parallel.h"
#include "op/functions.h"
#include "op/op.h"
#include "op/rows.h"
#include "ops/expect.h"
#include "ops/index/add_rows.h"
#include "ops/lines.h"

// Picking elements by arrays of indices, and the reverse: adding to them.
namespace plait::ops {
namespace {

using op::KernelArgs;

struct TakeAttrs {
  int64_t axis;
  std::string mode;
  bool sparse_grad;
};

// An index into [0, n): mode "clip" moves it to the border, "wrap" counts round, "raise" refuses.
int64_t bounded(int64_t i, int64_t n, const std::string& mode) {
  if (i >= 0 && i < n) return i;
  if (mode == "wrap") return n ? ((i % n) + n) % n : 0;
  check(mode != "raise" || (i < 0 && i >= -n), ErrorKind::kIndex, "indices has ", i,
        ", must be in [", -n, ", ", n - 1, "]");
  if (mode == "raise") return i + n;
  return std::clamp<int64_t>(i, 0, n - 1);
}

// All indices as int64, checked.
std::vector<int64_t> read_indices(const View& v, int64_t n, const std::string& mode) {
  std::vector<int64_t> index(static_cast<size_t>(v.size()));
  kernels::convert(v.data, v.dtype, 1, index.data(), DType::kInt64, v.size());
  check(n > 0 || index.empty(), ErrorKind::kIndex, "indices points into an axis of size 0");
  for (int64_t& i : index) i = bounded(i, n, mode);
  return index;
}

Spec infer_take(const TakeAttrs& a, const Specs& in) {
  const Dims& data = in[0].shape;
  const int64_t axis = normalize_axis(a.axis, static_cast<int64_t>(data.size()));
  Dims shape(data.begin(), data.begin() + axis);
  shape.append(in[1].shape.begin(), in[1].shape.end());
  shape.append(data.begin() + axis + 1, data.end());
  return {shape, in[0].dtype};
}

void take_kernel(const TakeAttrs& a, const KernelArgs& k) {
  const Lines from(*k.in[0].shape, a.axis);
  const std::vector<int64_t> index = read_indices(k.in[1], from.n, a.mode);
  const int64_t picks = static_cast<int64_t>(index.size());
  const int64_t bytes = from.inner * dtype_size(k.out[0].dtype);
  if (bytes == 0) return;
  const char* x = k.in[0].ptr<char>();
  char* y = k.out[0].ptr<char>();
  kernels::parallel_for(k.threads, from.outer * picks, std::max<int64_t>(1, 65536 / (bytes + 1)),
                        [&](int64_t begin, int64_t end) {
                          while (begin < end) {
                            const int64_t outer = begin / picks, first = begin % picks;
                            const int64_t count = std::min(picks - first, end - begin);
                            kernels::gather_runs(x + outer * from.n * bytes, y + begin * bytes,
                                                 index.data() + first, count, bytes, bytes);
                            begin += count;
                          }
                        });
}

struct TakeBackAttrs {
  int64_t axis;
  std::string mode;
  Dims shape;
};

PLAIT_OP(take_backward, TakeBackAttrs)
    .doc("Gradient of take: rows of dout are added where the indices point.")
    .input("dout", "gradient of the result")
    .input("indices", "the indices of take")
    .output("out", "gradient of data")
    .attr("axis", &TakeBackAttrs::axis, 0, "axis of take")
    .attr("mode", &TakeBackAttrs::mode, "clip", "mode of take")
    .required_attr("shape", &TakeBackAttrs::shape, "shape of data")
    .infer([](const TakeBackAttrs& a, const Specs& in) -> Spec {
      const Spec data{a.shape, in[0].dtype};
      expect(in[0], infer_take({a.axis, a.mode, false}, {data, in[1]}), "dout");
      return data;
    })
    .takes_complex()
    .cpu([](const TakeBackAttrs& a, const KernelArgs& k) {
      const Lines to(a.shape, a.axis);
      const std::vector<int64_t> index = read_indices(k.in[1], to.n, a.mode);
      dispatch_inexact(k.out[0].dtype, [&](auto type) {
        using T = decltype(type);
        add_rows(k.in[0].ptr<T>(), k.out[0].ptr<T>(), to, index, k.threads);
      });
    })
    .grad(
        [](const TakeBackAttrs& a, const GradArgs& g) -> Values {
          static const OpCall take("take", {"axis", "mode"});
          return {take({g.dout(), g.in(1)}, {a.axis, a.mode}), Value{}};
        },
        op::saves_input(1));

// The rows that were taken, for a table whose gradient keeps rows.
Value taken_rows(const TakeAttrs& a, const GradArgs& g) {
  static const OpCall kRows("row_numbers", {"rows", "mode"});
  Dims rows = g.in_spec(0).shape;
  const Value index = kRows({g.in(1)}, {rows[0], a.mode});
  rows[0] = index.shape()[0];
  return op::row_values(op::reshape_to(g.dout(), rows), index, g.in_spec(0));
}

Values take_grad(const TakeAttrs& a, const GradArgs& g) {
  static const OpCall back("take_backward", {"axis", "mode", "shape"});
  const Dims& shape = g.in_spec(0).shape;
  if (a.sparse_grad && shape[0] > 0 && !op::current_tracer().differentiable() &&
      normalize_axis(a.axis, static_cast<int64_t>(shape.size())) == 0) {
    return {taken_rows(a, g), Value{}};
  }
  return {back({g.dout(), g.in(1)}, {a.axis, a.mode, shape}), Value{}};
}

PLAIT_OP(take, TakeAttrs)
    .doc("Elements of data along an axis, at the given indices.")
    .input("a", "array with the axis")
    .input("indices", "array of whole numbers, of any type")
    .output("out", "shape of a with the axis replaced by the axes of indices")
    .attr("axis", &TakeAttrs::axis, 0, "axis that is indexed")
    .attr("mode", &TakeAttrs::mode, "clip", "what happens to indices out of range")
    .choices({"raise", "wrap", "clip"})
    .attr("sparse_grad", &TakeAttrs::sparse_grad, false,
          "a with a row-sparse gradient gets the rows that were taken only, along axis 0")
    .on("nd sym np", "take")
    .infer(infer_take)
    .takes_complex()
    .gathers(0)
    .cpu(take_kernel)
    .grad(take_grad, op::saves_input(1));

struct PickAttrs {
  std::optional<int64_t> axis;
  bool keepdims;
  std::string mode;
};
int64_t pick_axis(const PickAttrs& a, const Dims& shape) {
  return normalize_axis(a.axis.value_or(-1), static_cast<int64_t>(shape.size()));
}

Spec infer_pick(const PickAttrs& a, const Specs& in) {
  Dims shape = in[0].shape;
  const size_t axis = static_cast<size_t>(pick_axis(a, shape));
  shape[axis] = 1;
  check(num_elements(in[1].shape) == num_elements(shape), ErrorKind::kShape, "index has shape ",
        in[1].shape, ", must be that of data ", in[0].shape, " without axis ", axis);
  if (!a.keepdims) shape.erase(axis);
  return {shape, in[0].dtype};
}

// Calls f(place in the result, place in data) for every picked element.
template <class F>
void each_pick(const Dims& shape, int64_t axis, const View& indices, const std::string& mode,
               const F& f) {
  const Lines from(shape, axis);
  const std::vector<int64_t> index = read_indices(indices, from.n, mode);
  for (int64_t o = 0; o < from.outer; ++o) {
    for (int64_t i = 0; i < from.inner; ++i) {
      const int64_t at = o * from.inner + i;
      f(at, (o * from.n + index[static_cast<size_t>(at)]) * from.inner + i);
    }
  }
}

struct PickBackAttrs {
  int64_t axis;
  std::string mode;
  Dims shape;
};
PLAIT_OP(pick_backward, PickBackAttrs)
    .doc("Gradient of pick: dout at the picked places, 0 elsewhere.")
    .input("dout", "gradient of the result")
    .input("index", "the indices of pick")
    .output("out", "gradient of data")
    .required_attr("axis", &PickBackAttrs::axis, "axis of pick")
    .attr("mode", &PickBackAttrs::mode, "clip", "mode of pick")
    .required_attr("shape", &PickBackAttrs::shape, "shape of data")
    .infer([](const PickBackAttrs& a, const Specs& in) -> Spec {
      check_size(a.shape, 1);
      const Spec data{a.shape, in[0].dtype};
      const Spec picked = infer_pick({a.axis, true, a.mode}, {data, in[1]});
      check(num_elements(in[0].shape) == num_elements(picked.shape), ErrorKind::kShape,
            "dout has shape ", in[0].shape, ", must have the elements of ", picked.shape);
      return data;
    })
    .cpu([](const PickBackAttrs& a, const KernelArgs& k) {
      kernels::fill(k.out[0], 0, k.threads);
      dispatch_floating(k.out[0].dtype, [&](auto type) {
        using T = decltype(type);
        each_pick(a.shape, a.axis, k.in[1], a.mode, [&](int64_t from, int64_t to) {
          k.out[0].ptr<T>()[to] = k.in[0].ptr<T>()[from];
        });
      });
    })
    .grad(
        [](const PickBackAttrs& a, const GradArgs& g) -> Values {
          static const OpCall pick("pick", {"axis", "mode"});
          return {op::reshape_to(pick({g.dout(), g.in(1)}, {a.axis, a.mode}), g.in_spec(0).shape),
                  Value{}};
        },
        op::saves_input(1));

PLAIT_OP(pick, PickAttrs)
    .doc("One element along an axis for each of the other indices.")
    .input("data", "array of shape (..., n, ...)")
    .input("index", "whole numbers; shape of data without the axis, or with size 1 there")
    .output("out", "shape of data without the axis")
    .attr("axis", &PickAttrs::axis, std::optional<int64_t>(-1), "axis of length n; None: the last")
    .attr("keepdims", &PickAttrs::keepdims, false, "keep the axis with size 1")
    .attr("mode", &PickAttrs::mode, "clip", "what happens to indices out of range")
    .choices({"clip", "wrap"})
    .on("nd sym npx", "pick")
    .on("nd sym", "choose_element_0index")
    .infer(infer_pick)
    .cpu([](const PickAttrs& a, const KernelArgs& k) {
      const Dims& shape = *k.in[0].shape;
      dispatch_all(k.out[0].dtype, [&](auto type) {
        using T = decltype(type);
        each_pick(shape, pick_axis(a, shape), k.in[1], a.mode, [&](int64_t to, int64_t from) {
          k.out[0].ptr<T>()[to] = k.in[0].ptr<T>()[from];
        });
      });
    })
    .grad(
        [](const PickAttrs& a, const GradArgs& g) -> Values {
          static const OpCall back("pick_backward", {"axis", "mode", "shape"});
          const Dims& shape = g.in_spec(0).shape;
          return {back({g.dout(), g.in(1)}, {pick_axis(a, shape), a.mode, shape}), Value{}};
        },
        op::saves_input(1));

struct OneHotAttrs {
  int64_t depth;
  double on_value, off_value;
  DType dtype;
};

PLAIT_OP(one_hot, OneHotAttrs)
    .doc("Vectors of length depth with on_value at the index and off_value elsewhere.")
    .input("indices", "whole numbers; those outside [0, depth) give off_value only")
    .output("out", "shape of indices and an axis of size depth")
    .required_attr("depth", &OneHotAttrs::depth, "length of the vectors")
    .attr("on_value", &OneHotAttrs::on_value, 1.0, "value at the index")
    .attr("off_value", &OneHotAttrs::off_value, 0.0, "value elsewhere")
    .attr("dtype", &OneHotAttrs::dtype, DType::kFloat32, "type of the result")
    .on("nd sym npx", "one_hot")
    .infer([](const OneHotAttrs& a, const Specs& in) -> Spec {
      check(a.depth >= 0, ErrorKind::kInvalidArgument, "depth is ", a.depth, ", must be >= 0");
      Dims shape = in[0].shape;
      shape.push_back(a.depth);
      return {shape, a.dtype};
    })
    .cpu([](const OneHotAttrs& a, const KernelArgs& k) {
      kernels::fill(k.out[0], a.off_value, k.threads);
      std::vector<int64_t> index(static_cast<size_t>(k.in[0].size()));
      kernels::convert(k.in[0].data, k.in[0].dtype, 1, index.data(), DType::kInt64, k.in[0].size());
      const int64_t item = dtype_size(a.dtype);
      char* y = k.out[0].ptr<char>();
      for (size_t i = 0; i < index.size(); ++i) {
        if (index[i] < 0 || index[i] >= a.depth) continue;
        const int64_t at = static_cast<int64_t>(i) * a.depth + index[i];
        kernels::convert(&a.on_value, DType::kFloat64, 1, y + at * item, a.dtype, 1);
      }
    })
    .grad([](const OneHotAttrs&, const GradArgs&) -> Values { return {Value{}}; },
          op::saves_nothing());

}  // namespace
}  // namespace plait::ops
