#include "kernels/convert.h"
#include "kernels/copy.h"
#include "op/op.h"

// Where an array is not zero. How many places there are must be known before the result exists:
// `count_nonzero` says it.
namespace plait::ops {
namespace {

using op::KernelArgs;
using op::NoAttrs;

// One byte for each element: is it not zero?
std::vector<char> truth(const View& in) {
  std::vector<char> out(static_cast<size_t>(in.size()));
  const Dims dense = contiguous_strides(*in.shape);
  kernels::copy(in, {out.data(), in.shape, &dense, DType::kBool, true}, 1);
  return out;
}

PLAIT_OP(count_nonzero, NoAttrs)
    .doc("How many elements are not 0.")
    .input("data", "array of any shape")
    .output("out", "one number, int64")
    .infer([](const NoAttrs&, const Specs&) -> Spec {
      return {{}, DType::kInt64};
    })
    .takes_complex()
    .cpu([](const NoAttrs&, const KernelArgs& k) {
      int64_t n = 0;
      for (char t : truth(k.in[0])) n += t != 0;
      *k.out[0].ptr<int64_t>() = n;
    })
    .strided();

struct CountAttrs {
  int64_t count;
};

PLAIT_OP(nonzero_places, CountAttrs)
    .doc("Indices of the elements that are not 0, in row-major order.")
    .input("data", "array of any shape with an axis")
    .output("out", "(ndim, count), int64: for each axis the index of each element")
    .required_attr("count", &CountAttrs::count, "how many elements of data are not 0")
    .infer([](const CountAttrs& a, const Specs& in) -> Spec {
      const int64_t ndim = static_cast<int64_t>(in[0].shape.size());
      check(ndim > 0, ErrorKind::kShape, "data has shape (), must have an axis");
      check(a.count >= 0, ErrorKind::kInvalidArgument, "count is ", a.count, ", must be >= 0");
      return {{ndim, a.count}, DType::kInt64};
    })
    .takes_complex()
    .cpu([](const CountAttrs& a, const KernelArgs& k) {
      const View& in = k.in[0];
      const std::vector<char> flags = truth(in);
      int64_t* out = k.out[0].ptr<int64_t>();
      int64_t found = 0;
      for (size_t i = 0; i < flags.size(); ++i) {
        if (!flags[i]) continue;
        check(found < a.count, ErrorKind::kInvalidArgument, "count is ", a.count,
              ", must be the number of elements that are not 0");
        int64_t rest = static_cast<int64_t>(i);
        for (int64_t d = in.ndim(); d-- > 0; rest /= in.dim(d)) {
          out[d * a.count + found] = rest % in.dim(d);
        }
        ++found;
      }
      check(found == a.count, ErrorKind::kInvalidArgument, "count is ", a.count, ", must be ",
            found, ", the number of elements that are not 0");
    })
    .strided();

}  // namespace
}  // namespace plait::ops
