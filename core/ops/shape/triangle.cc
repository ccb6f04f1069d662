#include <cstring>

#include "kernels/parallel.h"
#include "op/functions.h"
#include "op/op.h"

// The lower or upper triangle of matrices.
namespace plait::ops {
namespace {

struct TriangleAttrs {
  int64_t k;
};

Spec infer_triangle(const TriangleAttrs&, const Specs& in) {
  check(in[0].shape.size() >= 2, ErrorKind::kShape, "data has shape ", in[0].shape,
        ", must have at least 2 axes");
  return in[0];
}

// Each row keeps its elements up to the diagonal (lower) or from it on (upper).
template <bool kLower>
void triangle_kernel(const TriangleAttrs& a, const op::KernelArgs& k) {
  const View& in = k.in[0];
  const int64_t rows = in.dim(-2), columns = in.dim(-1), item = dtype_size(in.dtype);
  const int64_t diagonal = std::clamp(a.k, -rows, columns);
  const char* x = in.ptr<char>();
  char* y = k.out[0].ptr<char>();
  kernels::parallel_for(k.threads, in.size() / columns,
                        std::max<int64_t>(1, kernels::kGrain / columns),
                        [&](int64_t begin, int64_t end) {
                          for (int64_t row = begin; row < end; ++row) {
                            const int64_t edge = row % rows + diagonal + (kLower ? 1 : 0);
                            const int64_t cut = std::min(std::max<int64_t>(edge, 0), columns);
                            const int64_t from = kLower ? 0 : cut, to = kLower ? cut : columns;
                            char* line = y + row * columns * item;
                            std::memset(line, 0, static_cast<size_t>(columns * item));
                            std::memcpy(line + from * item, x + (row * columns + from) * item,
                                        static_cast<size_t>((to - from) * item));
                          }
                        });
}

#define PLAIT_TRIANGLE(name, text, lower)                                          \
  PLAIT_OP(name, TriangleAttrs)                                                    \
      .doc(text)                                                                   \
      .input("data", "array of shape (..., m, n)")                                 \
      .output("out", "shape of data, 0 outside of the triangle")                   \
      .attr("k", &TriangleAttrs::k, 0,                                             \
            "diagonal that bounds it: 0 the main one, above it > 0, below it < 0") \
      .on("np", #name)                                                             \
      .infer(infer_triangle)                                                       \
      .takes_complex()                                                             \
      .cpu(triangle_kernel<lower>)                                                 \
      .grad(                                                                       \
          [](const TriangleAttrs& a, const GradArgs& g) -> Values {                \
            static const OpCall part(#name, {"k"});                                \
            return {part({g.dout()}, {a.k})};                                      \
          },                                                                       \
          op::saves_nothing())

PLAIT_TRIANGLE(tril, "The elements on and below a diagonal.", true);
PLAIT_TRIANGLE(triu, "The elements on and above a diagonal.", false);

}  // namespace
}  // namespace plait::ops
