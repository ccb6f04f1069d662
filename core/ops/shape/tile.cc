#include "kernels/copy.h"
#include "op/functions.h"
#include "op/op.h"
#include "ops/sizes.h"

// Repetition: of the whole array along axes, or of each element.
namespace plait::ops {
namespace {

struct TileAttrs {
  Dims reps;
};
struct RepeatAttrs {
  int64_t repeats;
  std::optional<int64_t> axis;
};

// Shapes of data and reps with as many axes each.
struct Tiles {
  Dims data, reps;
  Tiles(const Dims& shape, const Dims& given) : data(shape), reps(given) {
    for (int64_t r : reps) {
      check(r >= 0, ErrorKind::kInvalidArgument, "reps is ", reps, ", must be >= 0");
    }
    while (data.size() < reps.size()) data.insert(0, 1);
    while (reps.size() < data.size()) reps.insert(0, 1);
    check(2 * data.size() <= kMaxNdim, ErrorKind::kShape, "data and reps have ", data.size(),
          " axes, must be at most ", kMaxNdim / 2);
  }
  Dims out() const {
    Dims shape = data;
    for (size_t i = 0; i < shape.size(); ++i) shape[i] = times(reps[i], shape[i], "reps");
    return shape;
  }
  // (r0, d0, r1, d1, ...) and the same with 1 for each r.
  Dims split(bool whole) const {
    Dims shape;
    for (size_t i = 0; i < data.size(); ++i) {
      shape.push_back(whole ? reps[i] : 1);
      shape.push_back(data[i]);
    }
    return shape;
  }
};

// Copies data, seen as `from`, into the result, seen as `to`, with broadcasting.
void copy_between(const op::KernelArgs& k, const Dims& from, const Dims& to) {
  const Dims in = contiguous_strides(from), out = contiguous_strides(to);
  kernels::copy({k.in[0].data, &from, &in, k.in[0].dtype, true},
                {k.out[0].data, &to, &out, k.out[0].dtype, true}, k.threads);
}

PLAIT_OP(tile, TileAttrs)
    .doc("The array repeated along each axis.")
    .input("data", "array of any shape")
    .output("out", "reps[i] copies of data one after another along axis i")
    .required_attr("reps", &TileAttrs::reps,
                   "copies along each axis, >= 0; axes are added in front where one has fewer")
    .on("nd sym np", "tile")
    .infer([](const TileAttrs& a, const Specs& in) -> Spec {
      return {Tiles(in[0].shape, a.reps).out(), in[0].dtype};
    })
    .takes_complex()
    .cpu([](const TileAttrs& a, const op::KernelArgs& k) {
      const Tiles t(*k.in[0].shape, a.reps);
      copy_between(k, t.split(false), t.split(true));
    })
    .portable()
    .grad(
        [](const TileAttrs& a, const GradArgs& g) -> Values {
          const Tiles t(g.in_spec(0).shape, a.reps);
          if (!is_inexact(g.in_spec(0).dtype)) return {Value{}};
          const Value parts = op::reshape_to(g.dout(), t.split(true));
          return {op::reshape_to(op::sum_to(parts, t.split(false)), g.in_spec(0).shape)};
        },
        op::saves_nothing());

// data as (outer, n, 1, inner); the result as (outer, n, repeats, inner).
struct Repeats {
  Dims from, to, out;
  Repeats(const RepeatAttrs& a, const Dims& data) {
    check(a.repeats >= 0, ErrorKind::kInvalidArgument, "repeats is ", a.repeats, ", must be >= 0");
    from = {1, 1, 1, 1};
    if (!a.axis) {
      from[1] = num_elements(data);
      out = {times(a.repeats, from[1], "repeats")};
    } else {
      const int64_t axis = normalize_axis(*a.axis, static_cast<int64_t>(data.size()));
      for (int64_t i = 0; i < static_cast<int64_t>(data.size()); ++i) {
        from[i < axis ? 0 : i == axis ? 1 : 3] *= data[static_cast<size_t>(i)];
      }
      out = data;
      out[static_cast<size_t>(axis)] = times(a.repeats, from[1], "repeats");
    }
    to = from;
    to[2] = a.repeats;
  }
};

PLAIT_OP(repeat, RepeatAttrs)
    .doc("Each element repeated, along an axis or of the flattened array.")
    .input("data", "array of any shape")
    .output("out", "data with repeats times the size along axis; a vector if axis is None")
    .required_attr("repeats", &RepeatAttrs::repeats, "how often each element comes, >= 0")
    .attr("axis", &RepeatAttrs::axis, std::optional<int64_t>(), "axis; None: the flattened array")
    .on("nd sym", "repeat")
    .infer([](const RepeatAttrs& a, const Specs& in) -> Spec {
      return {Repeats(a, in[0].shape).out, in[0].dtype};
    })
    .takes_complex()
    .cpu([](const RepeatAttrs& a, const op::KernelArgs& k) {
      const Repeats r(a, *k.in[0].shape);
      copy_between(k, r.from, r.to);
    })
    .portable()
    .grad(
        [](const RepeatAttrs& a, const GradArgs& g) -> Values {
          const Repeats r(a, g.in_spec(0).shape);
          if (!is_inexact(g.in_spec(0).dtype)) return {Value{}};
          return {op::reshape_to(op::sum_to(op::reshape_to(g.dout(), r.to), r.from),
                                 g.in_spec(0).shape)};
        },
        op::saves_nothing());

}  // namespace
}  // namespace plait::ops
