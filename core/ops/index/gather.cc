#include "ops/index/gather.h"

#include <cstring>

#include "kernels/copy.h"
#include "kernels/gather.h"
#include "op/functions.h"
#include "ops/expect.h"

namespace plait::ops {

namespace {

using op::KernelArgs;

// Offsets of all elements of some axes, in row-major order.
std::vector<int64_t> offsets(const Dims& shape, const Dims& strides,
                             const std::vector<int64_t>& axes) {
  std::vector<int64_t> out{0};
  for (int64_t axis : axes) {
    std::vector<int64_t> next;
    next.reserve(out.size() * static_cast<size_t>(shape[axis]));
    for (int64_t base : out) {
      for (int64_t i = 0; i < shape[axis]; ++i) next.push_back(base + i * strides[axis]);
    }
    out = std::move(next);
  }
  return out;
}

bool is_indexed(const GatherAttrs& a, int64_t axis) {
  return std::find(a.axes.begin(), a.axes.end(), axis) != a.axes.end();
}

// The axes that are not indexed: those before the indices in the result, and those behind.
std::pair<std::vector<int64_t>, std::vector<int64_t>> other_axes(const GatherAttrs& a,
                                                                 int64_t ndim) {
  std::vector<int64_t> before, after;
  for (int64_t i = 0; i < ndim; ++i) {
    if (is_indexed(a, i)) continue;
    (a.front || i > a.axes[0] ? after : before).push_back(i);
  }
  return {before, after};
}

Dims joint_shape(std::span<const View> indices) {
  Dims shape = *indices[0].shape;
  for (const View& v : indices) shape = broadcast_shapes(shape, *v.shape);
  return shape;
}

}  // namespace

Selection::Selection(const GatherAttrs& a, const Dims& shape, const Dims& strides,
                     std::span<const View> indices, int threads) {
  const auto [before, after] = other_axes(a, static_cast<int64_t>(shape.size()));
  before_ = offsets(shape, strides, before);
  after_ = offsets(shape, strides, after);
  for (size_t i = 0; i < after_.size(); ++i)
    dense_ = dense_ && after_[i] == static_cast<int64_t>(i);
  const Dims joint = joint_shape(indices), dense = contiguous_strides(joint);
  picked_.assign(static_cast<size_t>(num_elements(joint)), 0);
  std::vector<int64_t> index(picked_.size());
  for (size_t k = 0; k < indices.size(); ++k) {
    const int64_t axis = a.axes[k], n = shape[axis], step = strides[axis];
    kernels::copy(indices[k], {index.data(), &joint, &dense, DType::kInt64, true}, threads);
    for (size_t i = 0; i < index.size(); ++i) {
      check(index[i] >= -n && index[i] < n, ErrorKind::kIndex, "indices has ", index[i],
            ", must be in [", -n, ", ", n - 1, "] for axis ", axis);
      picked_[i] += (index[i] < 0 ? index[i] + n : index[i]) * step;
    }
  }
}

void Selection::gather(const char* x, char* y, int64_t item, int threads) const {
  const int64_t inner = dense_ ? 1 : static_cast<int64_t>(after_.size());
  const int64_t picks = static_cast<int64_t>(picked_.size()), bytes = run() * item;
  if (bytes == 0 || inner == 0) return;
  const int64_t rows = static_cast<int64_t>(before_.size()) * picks;
  const int64_t grain = std::max<int64_t>(1, 65536 / (bytes * inner));
  kernels::parallel_for(threads, rows, grain, [&](int64_t begin, int64_t end) {
    while (begin < end) {
      const int64_t first = begin % picks,
                    count = dense_ ? std::min(picks - first, end - begin) : 1;
      const int64_t* const at = dense_ ? picked_.data() + first : after_.data();
      const int64_t base = before_[static_cast<size_t>(begin / picks)] +
                           (dense_ ? 0 : picked_[static_cast<size_t>(first)]);
      kernels::gather_runs(x + base * item, y + begin * inner * bytes, at, dense_ ? count : inner,
                           item, bytes);
      begin += count;
    }
  });
}

Dims broadcast_indices(const GatherAttrs& a, const Dims& data, const Specs& in, size_t first) {
  const int64_t ndim = static_cast<int64_t>(data.size());
  check(!a.axes.empty() && a.axes.size() + first == in.size(), ErrorKind::kInvalidArgument,
        "axes is ", a.axes, ", must have one entry for each of the ", in.size() - first,
        " arrays of indices");
  Dims joint = in[first].shape;
  for (size_t i = 0; i < a.axes.size(); ++i) {
    check(a.axes[i] >= (i ? a.axes[i - 1] + 1 : 0) && a.axes[i] < ndim, ErrorKind::kIndex,
          "axes is ", a.axes, ", must be ascending numbers in [0, ", ndim - 1, "]");
    const Spec& index = in[first + i];
    check(is_integer(index.dtype), ErrorKind::kType, "indices has dtype ", index.dtype,
          ", must be an integer");
    joint = broadcast_shapes(joint, index.shape);
  }
  return joint;
}

Dims gathered_shape(const GatherAttrs& a, const Dims& data, const Dims& indices) {
  const auto [before, after] = other_axes(a, static_cast<int64_t>(data.size()));
  Dims out;
  for (int64_t axis : before) out.push_back(data[axis]);
  out.append(indices.begin(), indices.end());
  for (int64_t axis : after) out.push_back(data[axis]);
  return out;
}

namespace {

#define PLAIT_GATHER(name)                                                                   \
  PLAIT_OP(name, GatherAttrs)                                                                \
      .required_attr("axes", &GatherAttrs::axes, "axes that are indexed, ascending, from 0") \
      .attr("front", &GatherAttrs::front, false,                                             \
            "put the axes of the indices first; else they stand where the first one stood")

PLAIT_GATHER(gather_axes)
    .doc("Elements at arrays of indices on some axes, and all of the others.")
    .input("data", "array of any shape")
    .variadic_input("indices",
                    "arrays of whole numbers that broadcast together; negative ones "
                    "count from the end")
    .output("out", "the axes of the indices and those that are not indexed")
    .infer([](const GatherAttrs& a, const Specs& in) -> Spec {
      const Dims joint = broadcast_indices(a, in[0].shape, in, 1);
      return {gathered_shape(a, in[0].shape, joint), in[0].dtype};
    })
    .takes_complex()
    .gathers(0)
    .cpu([](const GatherAttrs& a, const KernelArgs& k) {
      const Selection picks(a, *k.in[0].shape, *k.in[0].strides, k.in.subspan(1), k.threads);
      const int64_t item = dtype_size(k.in[0].dtype);
      picks.gather(k.in[0].ptr<char>(), k.out[0].ptr<char>(), item, k.threads);
    })
    .grad(
        [](const GatherAttrs& a, const GradArgs& g) -> Values {
          static const OpCall back("gather_axes_backward", {"axes", "front", "shape"});
          Values out(g.num_in());
          if (!is_inexact(g.in_spec(0).dtype)) return out;
          Values in{g.dout()};
          for (size_t i = 1; i < g.num_in(); ++i) in.push_back(g.in(i));
          const op::AttrValue attrs[] = {a.axes, a.front, g.in_spec(0).shape};
          out[0] = back.all({in.data(), in.size()}, attrs)[0];
          return out;
        },
        op::Saves{op::Saves::kAll & ~1ull, 0});

PLAIT_GATHER(gather_axes_backward)
    .doc("Gradient of gather_axes: dout is added where the indices point.")
    .input("dout", "gradient of the result")
    .variadic_input("indices", "as in gather_axes")
    .output("out", "gradient of data")
    .required_attr("shape", &GatherAttrs::shape, "shape of data")
    .infer([](const GatherAttrs& a, const Specs& in) -> Spec {
      const Dims joint = broadcast_indices(a, a.shape, in, 1);
      expect(in[0], {gathered_shape(a, a.shape, joint), in[0].dtype}, "dout");
      return {a.shape, in[0].dtype};
    })
    .takes_complex()
    .cpu([](const GatherAttrs& a, const KernelArgs& k) {
      const Selection picks(a, a.shape, contiguous_strides(a.shape), k.in.subspan(1), k.threads);
      kernels::fill(k.out[0], 0, k.threads);
      dispatch_inexact(k.out[0].dtype, [&](auto type) {
        using T = decltype(type);
        const T* dy = k.in[0].ptr<T>();
        T* dx = k.out[0].ptr<T>();
        kernels::parallel_for(k.threads, picks.run(), 256, [&](int64_t begin, int64_t end) {
          picks.each_run([&](int64_t from, int64_t to) {
            kernels::add_run(dx + to + begin, dy + from + begin, end - begin);
          });
        });
      });
    })
    .grad(
        [](const GatherAttrs& a, const GradArgs& g) -> Values {
          static const OpCall gather("gather_axes", {"axes", "front"});
          Values in{g.dout()}, out(g.num_in());
          for (size_t i = 1; i < g.num_in(); ++i) in.push_back(g.in(i));
          const op::AttrValue attrs[] = {a.axes, a.front};
          out[0] = gather.all({in.data(), in.size()}, attrs)[0];
          return out;
        },
        op::Saves{op::Saves::kAll & ~1ull, 0});

// Copies data, unless the result lies where data does, and overwrites the selected elements.
void assign_kernel(const GatherAttrs& a, const KernelArgs& k) {
  const View &data = k.in[0], &out = k.out[0];
  const auto indices = k.in.subspan(2);
  const Selection picks(a, *out.shape, *out.strides, indices, k.threads);
  const Dims shape = gathered_shape(a, *out.shape, joint_shape(indices));
  const Dims dense = contiguous_strides(shape);
  const int64_t item = dtype_size(out.dtype);
  std::vector<char> converted;
  const char* values = k.in[1].ptr<char>();
  if (*k.in[1].shape != shape || *k.in[1].strides != dense || k.in[1].dtype != out.dtype ||
      k.in[1].data == out.data) {
    converted.resize(static_cast<size_t>(num_elements(shape) * item));
    values = converted.data();
    kernels::copy(k.in[1], {converted.data(), &shape, &dense, out.dtype, true}, k.threads);
  }
  if (data.data != out.data) kernels::copy(data, out, k.threads);
  char* y = out.ptr<char>();
  const size_t bytes = static_cast<size_t>(picks.run() * item);
  picks.each_run([&](int64_t from, int64_t to) {  // in order: the last of several values stays
    std::memcpy(y + to * item, values + from * item, bytes);
  });
}

Values assign_grad(const GatherAttrs& a, const GradArgs& g) {
  static const OpCall gather("gather_axes", {"axes", "front"}),
      assign("assign_axes", {"axes", "front"});
  const op::AttrValue attrs[] = {a.axes, a.front};
  Values out(g.num_in()), from{g.dout()}, into{g.dout(), op::full_of({{}, g.dout().dtype()}, 0.0)};
  for (size_t i = 2; i < g.num_in(); ++i) {
    from.push_back(g.in(i));
    into.push_back(g.in(i));
  }
  if (g.needs_grad(0) && is_inexact(g.in_spec(0).dtype)) {
    out[0] = assign.all({into.data(), into.size()}, attrs)[0];
  }
  if (g.needs_grad(1) && is_inexact(g.in_spec(1).dtype)) {
    const Value picked = gather.all({from.data(), from.size()}, attrs)[0];
    out[1] = op::cast_to(op::sum_to(picked, g.in_spec(1).shape), g.in_spec(1).dtype);
  }
  return out;
}

PLAIT_GATHER(assign_axes)
    .doc(
        "data with values written at arrays of indices on some axes, and all of the others. Of "
        "several values for one place the last stays.")
    .input("data", "array of any shape")
    .input("value", "array that broadcasts to what gather_axes would give; is converted")
    .variadic_input("indices", "as in gather_axes")
    .output("out", "shape and dtype of data")
    .infer([](const GatherAttrs& a, const Specs& in) -> Spec {
      const Dims shape = gathered_shape(a, in[0].shape, broadcast_indices(a, in[0].shape, in, 2));
      const bool fits =
          in[1].shape.size() <= shape.size() && broadcast_shapes(in[1].shape, shape) == shape;
      check(fits, ErrorKind::kShape, "value has shape ", in[1].shape, ", must broadcast to ",
            shape);
      return in[0];
    })
    .takes_complex()
    .gathers(0)
    .cpu(assign_kernel)
    .strided()
    .inplace()
    .grad(assign_grad, op::Saves{op::Saves::kAll & ~3ull, 0});

}  // namespace
}  // namespace plait::ops
