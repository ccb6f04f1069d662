#include <algorithm>

#include "kernels/convert.h"
#include "kernels/copy.h"
#include "op/op.h"

// What graphs, which compute with dense arrays, make of the operators of sparse ones.
namespace plait::ops {
namespace {

using op::KernelArgs;

struct StorageAttrs {
  std::string stype;
};

PLAIT_OP(cast_storage, StorageAttrs)
    .doc("data itself: in a graph all arrays are dense.")
    .input("data", "array of any shape")
    .output("out", "shape and dtype of data")
    .required_attr("stype", &StorageAttrs::stype, "kept for MXNet's files; without effect")
    .choices({"default", "row_sparse", "csr"})
    .on("sym", "cast_storage")
    .infer([](const StorageAttrs&, const Specs& in) -> Spec { return in[0]; })
    .cpu([](const StorageAttrs&, const KernelArgs& k) {
      kernels::copy(k.in[0], k.out[0], k.threads);
    })
    .strided()
    .grad([](const StorageAttrs&, const GradArgs& g) -> Values { return {g.dout()}; },
          op::saves_nothing());

PLAIT_OP(sparse_retain, op::NoAttrs)
    .doc("Rows of data whose numbers are given; the others become 0.")
    .input("data", "(n, ...)")
    .input("indices", "vector of row numbers; those outside [0, n) are left out")
    .output("out", "shape and dtype of data")
    .on("sym", "_sparse_retain")
    .on("sym", "retain")
    .infer([](const op::NoAttrs&, const Specs& in) -> Spec {
      check(!in[0].shape.empty(), ErrorKind::kShape, "data has shape (), must have an axis");
      check(in[1].shape.size() == 1, ErrorKind::kShape, "indices has shape ", in[1].shape,
            ", must be a vector");
      return in[0];
    })
    .cpu([](const op::NoAttrs&, const KernelArgs& k) {
      std::vector<int64_t> rows(static_cast<size_t>(k.in[1].size()));
      kernels::convert(k.in[1].data, k.in[1].dtype, 1, rows.data(), DType::kInt64, k.in[1].size());
      kernels::fill(k.out[0], 0, k.threads);
      if (k.in[0].size() == 0) return;
      const int64_t n = k.in[0].dim(0);
      const int64_t bytes = k.in[0].size() / n * dtype_size(k.in[0].dtype);
      for (int64_t r : rows) {
        if (r < 0 || r >= n) continue;
        std::copy_n(k.in[0].ptr<char>() + r * bytes, bytes, k.out[0].ptr<char>() + r * bytes);
      }
    })
    .grad(
        [](const op::NoAttrs&, const GradArgs& g) -> Values {
          static const OpCall kRetain("sparse_retain");
          return {kRetain({g.dout(), g.in(1)}), Value{}};
        },
        op::saves_input(1));

}  // namespace
}  // namespace plait::ops
