#include "op/functions.h"
#include "op/op.h"

namespace plait::ops {
namespace {

// Factor i in the shape in which all factors multiply: (1, ..., rows, ..., 1, columns).
Dims spread(const Specs& in, size_t i) {
  Dims shape(in.size() + 1, 1);
  shape[i] = in[i].shape[0];
  shape.back() = in[i].shape[1];
  return shape;
}

Values backward(const op::NoAttrs&, const GradArgs& g) {
  Dims whole;
  for (const Spec& s : g.in_specs) whole.push_back(s.shape[0]);
  whole.push_back(g.in_spec(0).shape[1]);
  const Value dy = op::reshape_to(g.dout(), whole);
  Values d(g.num_in());
  for (size_t i = 0; i < g.num_in(); ++i) {
    if (!g.needs_grad(i)) continue;
    Value product = dy;
    for (size_t j = 0; j < g.num_in(); ++j) {
      if (j != i) product = product * op::reshape_to(g.in(j), spread(g.in_specs, j));
    }
    d[i] = op::reshape_to(op::sum_to(product, spread(g.in_specs, i)), g.in_spec(i).shape);
  }
  return d;
}

PLAIT_OP(khatri_rao, op::NoAttrs)
    .doc("Kronecker products of the columns of matrices.")
    .source("Khatri, Rao, Sankhya A 30 (1968)")
    .variadic_input("args", "floating matrices with the same number of columns")
    .output("out", "(product of the rows, columns)")
    .on("nd sym", "khatri_rao")
    .infer([](const op::NoAttrs&, const Specs& in) -> Spec {
      check(!in.empty() && in.size() < kMaxNdim, ErrorKind::kInvalidArgument, "got ", in.size(),
            " matrices, must be 1 to ", kMaxNdim - 1);
      int64_t rows = 1;
      for (size_t i = 0; i < in.size(); ++i) {
        check(
            in[i].shape.size() == 2 && in[0].shape.size() == 2 && in[i].shape[1] == in[0].shape[1],
            ErrorKind::kShape, "array ", i, " has shape ", in[i].shape,
            ", must be a matrix with the columns of array 0, ", in[0].shape);
        check(is_floating(in[i].dtype) && in[i].dtype == in[0].dtype, ErrorKind::kType, "array ", i,
              " has dtype ", in[i].dtype, ", must be floating and that of array 0");
        rows *= in[i].shape[0];
      }
      return {{rows, in[0].shape[1]}, in[0].dtype};
    })
    .cpu([](const op::NoAttrs&, const op::KernelArgs& k) {
      const int64_t columns = k.out[0].dim(1);
      dispatch_floating(k.out[0].dtype, [&]<class T>(T) {
        using A = acc_t<T>;
        for (int64_t i = 0; i < k.out[0].size(); ++i) {
          int64_t row = i / columns;
          A product = 1;
          for (size_t m = k.in.size(); m-- > 0;) {
            const int64_t n = k.in[m].dim(0);
            product *= static_cast<A>(k.in[m].ptr<T>()[row % n * columns + i % columns]);
            row /= n;
          }
          k.out[0].ptr<T>()[i] = static_cast<T>(product);
        }
      });
    })
    .grad(backward, op::saves_inputs());

}  // namespace
}  // namespace plait::ops
