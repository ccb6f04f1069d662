#include "kernels/copy.h"
#include "kernels/parallel.h"
#include "op/functions.h"
#include "ops/image/image.h"

// Images as input of networks: channels in front, numbers of moderate size.
namespace plait::ops {
namespace {

using op::KernelArgs;

PLAIT_OP(image_to_tensor, op::NoAttrs)
    .doc("Images with their channels in front, divided by 255.")
    .input("data", "(height, width, channels), maybe with a batch axis in front; usually uint8")
    .output("out", "float32, (channels, height, width), with the batch axis if there was one")
    .on("nd sym", "_image_to_tensor")
    .on("nd sym", "image.to_tensor")
    .on("npx", "image.to_tensor")
    .infer([](const op::NoAttrs&, const Specs& in) -> Spec {
      const Picture p(in[0].shape);
      Dims shape{p.channels, p.height, p.width};
      if (in[0].shape.size() == 4) shape.insert(0, p.batch);
      return {shape, DType::kFloat32};
    })
    .cpu([](const op::NoAttrs&, const KernelArgs& k) {
      const Picture p(*k.in[0].shape);
      const int64_t pixels = p.height * p.width;
      dispatch_all(k.in[0].dtype, [&]<class T>(T) {
        const T* x = k.in[0].ptr<T>();
        float* y = k.out[0].ptr<float>();
        kernels::parallel_for(
            k.threads, p.batch * p.channels, 1 + 16384 / pixels, [&](int64_t begin, int64_t end) {
              for (int64_t plane = begin; plane < end; ++plane) {
                const T* from = x + plane / p.channels * pixels * p.channels + plane % p.channels;
                for (int64_t i = 0; i < pixels; ++i) {
                  y[plane * pixels + i] =
                      static_cast<float>(static_cast<acc_t<T>>(from[i * p.channels])) / 255.0f;
                }
              }
            });
      });
    });

struct NormalizeAttrs {
  std::vector<double> mean, std;
};

double of_channel(const std::vector<double>& v, int64_t c) {
  return v[v.size() == 1 ? 0 : static_cast<size_t>(c)];
}

PLAIT_OP(image_normalize, NormalizeAttrs)
    .doc("(data - mean) / std for each channel.")
    .input("data", "floating (channels, height, width), maybe with a batch axis in front")
    .output("out", "shape and dtype of data")
    .attr("mean", &NormalizeAttrs::mean, std::vector<double>{0.0, 0.0, 0.0, 0.0},
          "one number, or one for each channel")
    .attr("std", &NormalizeAttrs::std, std::vector<double>{1.0, 1.0, 1.0, 1.0},
          "one number, or one for each channel; not 0")
    .on("nd sym", "_image_normalize")
    .on("nd sym", "image.normalize")
    .on("npx", "image.normalize")
    .infer([](const NormalizeAttrs& a, const Specs& in) -> Spec {
      const Dims& d = in[0].shape;
      check(is_floating(in[0].dtype), ErrorKind::kType, "data has dtype ", in[0].dtype,
            ", must be floating");
      check(d.size() == 3 || d.size() == 4, ErrorKind::kShape, "data has shape ", d,
            ", must be (channels, height, width), maybe with a batch axis in front");
      const auto channels = static_cast<size_t>(d[d.size() - 3]);
      for (const auto* v : {&a.mean, &a.std}) {
        check(v->size() == 1 || v->size() >= channels, ErrorKind::kInvalidArgument,
              v == &a.mean ? "mean" : "std", " has ", v->size(), " numbers, must be 1 or ",
              channels);
      }
      for (double s : a.std) check(s != 0, ErrorKind::kInvalidArgument, "std has 0, must not be 0");
      return in[0];
    })
    .cpu([](const NormalizeAttrs& a, const KernelArgs& k) {
      const int64_t channels = k.in[0].dim(-3), plane = k.in[0].dim(-2) * k.in[0].dim(-1);
      dispatch_floating(k.in[0].dtype, [&]<class T>(T) {
        using A = acc_t<T>;
        kernels::parallel_for(
            k.threads, k.in[0].size() / plane, 1 + 16384 / plane, [&](int64_t begin, int64_t end) {
              for (int64_t p = begin; p < end; ++p) {
                const A mean = static_cast<A>(of_channel(a.mean, p % channels)),
                        scale = static_cast<A>(1 / of_channel(a.std, p % channels));
                for (int64_t i = p * plane; i < (p + 1) * plane; ++i) {
                  k.out[0].ptr<T>()[i] =
                      static_cast<T>((static_cast<A>(k.in[0].ptr<T>()[i]) - mean) * scale);
                }
              }
            });
      });
    })
    .grad(
        [](const NormalizeAttrs& a, const GradArgs& g) -> Values {
          static const OpCall kScale("image_normalize", {"mean", "std"});
          return {kScale({g.dout()}, {std::vector<double>{0.0}, a.std})};
        },
        op::saves_nothing());

}  // namespace
}  // namespace plait::ops
