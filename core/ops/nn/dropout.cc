#include "kernels/parallel.h"
#include "op/op.h"

namespace plait::op {
namespace {

struct DropoutAttrs {
  double p;
  std::string mode;
  Dims axes;
};

bool active(const DropoutAttrs& a, bool is_train) {
  return a.p > 0 && (is_train || a.mode == "always");
}

// Sizes of the mask: 1 along the axes that share it.
Dims mask_shape(const DropoutAttrs& a, const Dims& data) {
  Dims shape = data;
  for (int64_t axis : a.axes)
    shape[static_cast<size_t>(normalize_axis(axis, static_cast<int64_t>(data.size()), "axes"))] = 1;
  return shape;
}

Specs infer(const DropoutAttrs& a, const Specs& in) {
  check(a.p >= 0 && a.p < 1, ErrorKind::kInvalidArgument, "p is ", a.p, ", must be in [0, 1)");
  check(in[0].dtype == DType::kFloat32 || in[0].dtype == DType::kFloat64, ErrorKind::kType,
        "data has dtype ", in[0].dtype, ", must be float32 or float64");
  return {in[0], {mask_shape(a, in[0].shape), in[0].dtype}};
}

// Number in [0, 1) for one counter: the finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
double uniform_at(RandomKey key, uint64_t i) {
  uint64_t z = key.seed * 0xd1342543de82ef95ull + (key.offset + i + 1) * 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

template <class T>
void drop(const DropoutAttrs& a, const KernelArgs& k) {
  const T* x = k.in[0].ptr<T>();
  T *y = k.out[0].ptr<T>(), *mask = k.out[1].ptr<T>();
  const bool on = active(a, k.is_train);
  const T keep = static_cast<T>(1 / (1 - a.p));
  kernels::parallel_for(k.threads, k.out[1].size(), 4096, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      mask[i] = !on ? T(1) : uniform_at(k.random, static_cast<uint64_t>(i)) < a.p ? T(0) : keep;
    }
  });
  const Dims &shape = *k.out[0].shape, &small = *k.out[1].shape;
  const bool shared = !(shape == small);
  kernels::parallel_for(k.threads, k.out[0].size(), 4096, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      int64_t at = i;
      if (shared) {
        int64_t rest = i, step = 1;
        at = 0;
        for (size_t d = shape.size(); d-- > 0;) {
          if (small[d] > 1) at += rest % shape[d] * step;
          rest /= shape[d];
          step *= small[d];
        }
      }
      y[i] = x[i] * mask[at];
    }
  });
}

void kernel(const DropoutAttrs& a, const KernelArgs& k) {
  if (k.in[0].dtype == DType::kFloat64)
    drop<double>(a, k);
  else
    drop<float>(a, k);
}

Values backward(const DropoutAttrs&, const GradArgs& g) { return {g.dout() * g.out(1)}; }

PLAIT_OP(dropout, DropoutAttrs)
    .doc("In train mode sets random elements to 0 and scales the others by 1 / (1 - p).")
    .source("Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, JMLR 15 (2014)")
    .input("data", "floating array of any shape")
    .output("output", "shape and dtype of data")
    .hidden_output("mask", "factor of each element; sizes 1 along axes")
    .attr("p", &DropoutAttrs::p, 0.5, "probability of 0, in [0, 1)")
    .attr("mode", &DropoutAttrs::mode, "training", "when elements are dropped")
    .choices({"training", "always"})
    .attr("axes", &DropoutAttrs::axes, Dims{}, "axes along which the mask is the same")
    .on("nd", "Dropout")
    .on("sym", "Dropout")
    .on("npx", "dropout")
    .random()
    .uses_train()
    .infer(infer)
    .cpu(kernel)
    .grad(backward, saves_output(1));

}  // namespace
}  // namespace plait::op
