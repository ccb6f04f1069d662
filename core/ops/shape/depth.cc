#include "kernels/copy.h"
#include "op/functions.h"
#include "op/op.h"

// Blocks of pixels as channels, and back.
namespace plait::ops {
namespace {

struct BlockAttrs {
  int64_t block_size;
};

void check_data(const BlockAttrs& a, const Dims& d) {
  check(d.size() == 4, ErrorKind::kShape, "data has shape ", d,
        ", must be (batch, channels, height, width)");
  check(a.block_size >= 1 && a.block_size < int64_t{1} << 31, ErrorKind::kInvalidArgument,
        "block_size is ", a.block_size, ", must be in [1, 2^31)");
}

// Copies data, seen as an array of six axes with its axes in the order `axes`, to the result.
void permute(const op::KernelArgs& k, const Dims& seen, const Dims& axes) {
  const Dims steps = contiguous_strides(seen);
  Dims shape, strides;
  for (int64_t axis : axes) {
    shape.push_back(seen[static_cast<size_t>(axis)]);
    strides.push_back(steps[static_cast<size_t>(axis)]);
  }
  const Dims out = contiguous_strides(shape);
  kernels::copy({k.in[0].data, &shape, &strides, k.in[0].dtype, false},
                {k.out[0].data, &shape, &out, k.out[0].dtype, true}, k.threads);
}

PLAIT_OP(depth_to_space, BlockAttrs)
    .doc("Channels become blocks of pixels: channel (i b + j) c + k is pixel (i, j) of channel k.")
    .input("data", "(batch, b b c, height, width)")
    .output("out", "(batch, c, b height, b width)")
    .required_attr("block_size", &BlockAttrs::block_size, "side b of a block, >= 1")
    .on("nd sym", "depth_to_space")
    .infer([](const BlockAttrs& a, const Specs& in) -> Spec {
      const Dims& d = in[0].shape;
      check_data(a, d);
      const int64_t b = a.block_size;
      check(d[1] % (b * b) == 0, ErrorKind::kShape, "data has ", d[1],
            " channels, must be a multiple of block_size squared, ", b * b);
      return {{d[0], d[1] / (b * b), d[2] * b, d[3] * b}, in[0].dtype};
    })
    .cpu([](const BlockAttrs& a, const op::KernelArgs& k) {
      const Dims& d = *k.in[0].shape;
      const int64_t b = a.block_size;
      permute(k, {d[0], b, b, d[1] / (b * b), d[2], d[3]}, {0, 3, 4, 1, 5, 2});
    })
    .portable()
    .grad(
        [](const BlockAttrs& a, const GradArgs& g) -> Values {
          static const OpCall kBack("space_to_depth", {"block_size"});
          return {kBack({g.dout()}, {a.block_size})};
        },
        op::saves_nothing());

PLAIT_OP(space_to_depth, BlockAttrs)
    .doc("Blocks of pixels become channels: the reverse of depth_to_space.")
    .input("data", "(batch, c, b height, b width)")
    .output("out", "(batch, b b c, height, width)")
    .required_attr("block_size", &BlockAttrs::block_size, "side b of a block, >= 1")
    .on("nd sym", "space_to_depth")
    .infer([](const BlockAttrs& a, const Specs& in) -> Spec {
      const Dims& d = in[0].shape;
      check_data(a, d);
      const int64_t b = a.block_size;
      check(d[2] % b == 0 && d[3] % b == 0, ErrorKind::kShape, "data has shape ", d,
            ", height and width must be multiples of block_size, ", b);
      return {{d[0], d[1] * b * b, d[2] / b, d[3] / b}, in[0].dtype};
    })
    .cpu([](const BlockAttrs& a, const op::KernelArgs& k) {
      const Dims& d = *k.in[0].shape;
      const int64_t b = a.block_size;
      permute(k, {d[0], d[1], d[2] / b, b, d[3] / b, b}, {0, 3, 5, 1, 2, 4});
    })
    .portable()
    .grad(
        [](const BlockAttrs& a, const GradArgs& g) -> Values {
          static const OpCall kBack("depth_to_space", {"block_size"});
          return {kBack({g.dout()}, {a.block_size})};
        },
        op::saves_nothing());

}  // namespace
}  // namespace plait::ops
