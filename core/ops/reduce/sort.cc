#include <algorithm>
#include <cstring>

#include "kernels/buffer.h"
#include "kernels/convert.h"
#include "kernels/copy.h"
#include "kernels/order.h"
#include "kernels/parallel.h"
#include "op/functions.h"
#include "op/op.h"
#include "ops/expect.h"
#include "ops/lines.h"

// Sorting, and the first elements of an order.
namespace plait::ops {
namespace {

using kernels::Buffer;
using op::AttrValue;
using op::KernelArgs;

std::optional<int64_t> from_front(const std::optional<int64_t>& axis, const Dims& shape) {
  if (!axis) return std::nullopt;
  return normalize_axis(*axis, static_cast<int64_t>(shape.size()));
}

struct SortAttrs {
  std::optional<int64_t> axis;
  int64_t k;
  std::string ret_typ;
  bool is_ascend;
  DType dtype;
};

Dims sorted_shape(const SortAttrs& a, const Dims& shape) {
  const auto axis = from_front(a.axis, shape);
  const int64_t n = axis ? shape[*axis] : num_elements(shape);
  check(a.k <= n, ErrorKind::kInvalidArgument, "k is ", a.k, ", must be at most ", n);
  const int64_t kept = a.k > 0 ? a.k : n;
  if (!axis) return {kept};
  Dims out = shape;
  out[*axis] = kept;
  return out;
}

// Neighbouring lines that are worked on together, so that memory is read and written by rows.
struct Block {
  int64_t first, count;  // lines
  int64_t start;         // element at which the first line of data starts
  int64_t out;           // and of results with `kept` elements a line
  int threads;           // that may work on it
};

// Calls f(block, its lines of data one after the other, or as they are) for all lines.
template <class T, class F>
void each_block(const View& in, const Lines& lines, int64_t kept, int threads, const F& f) {
  const int64_t height = lines.inner == 1 ? 1 : std::min<int64_t>(lines.inner, 16);
  const int64_t across = (lines.inner + height - 1) / height, blocks = lines.outer * across;
  const auto run = [&](int64_t begin, int64_t end, int own_threads) {
    const Buffer<T> values(lines.inner == 1 ? 0 : height * lines.n);
    for (int64_t i = begin; i < end; ++i) {
      const int64_t outer = i / across, inner = i % across * height;
      const Block block{outer * lines.inner + inner, std::min(height, lines.inner - inner),
                        outer * lines.n * lines.inner + inner, outer * kept * lines.inner + inner,
                        own_threads};
      const T* x = in.ptr<T>() + block.start;
      if (lines.inner > 1) {
        const Dims shape{block.count, lines.n}, from{1, lines.inner}, to{lines.n, 1};
        kernels::copy({const_cast<T*>(x), &shape, &from, in.dtype, false},
                      {values.data(), &shape, &to, in.dtype, false}, own_threads);
        x = values.data();
      }
      f(block, x);
    }
  };
  if (blocks < threads) return run(0, blocks, threads);
  const int64_t grain = std::max<int64_t>(1, kernels::kGrain / 16 / (height * lines.n + 1));
  kernels::parallel_for(threads, blocks, grain,
                        [&](int64_t begin, int64_t end) { run(begin, end, 1); });
}

// Writes results that lie line after line to where those of the block belong, converted.
template <class T>
void write_lines(const T* from, const Block& block, const Lines& lines, int64_t kept,
                 const View& out) {
  const Dims shape{kept, block.count}, strides{1, kept}, to{lines.inner, 1};
  kernels::copy(
      {const_cast<T*>(from), &shape, &strides, dtype_of<T>(), false},
      {out.ptr<char>() + block.out * dtype_size(out.dtype), &shape, &to, out.dtype, false},
      block.threads);
}

// Calls f(block, type of the data, its lines, places in their order, `kept` for each line).
template <class F>
void each_order(const View& in, const SortAttrs& a, int threads, const F& f) {
  const Lines lines(*in.shape, a.axis);
  const int64_t kept = a.k > 0 ? std::min(a.k, lines.n) : lines.n;
  if (lines.count() == 0 || lines.n == 0) return;
  dispatch_all(in.dtype, [&]<class T>(T) {
    using Key = kernels::order_key_t<T>;
    const Key flip = a.is_ascend ? Key{0} : static_cast<Key>(~Key{0});
    const auto run = [&]<class Place>(Place) {
      using Item = kernels::Placed<Key, Place>;
      each_block<T>(in, lines, kept, threads, [&](const Block& block, const T* x) {
        const Buffer<Item> items(2 * lines.n);
        const Buffer<int64_t> places(block.count * kept);
        for (int64_t i = 0; i < block.count; ++i) {
          const Item* order =
              kernels::sorted_places(x + i * lines.n, lines.n, kept, flip, items.data(),
                                     items.data() + lines.n, block.threads);
          for (int64_t j = 0; j < kept; ++j) {
            places.data()[i * kept + j] = static_cast<int64_t>(order[j].place);
          }
        }
        f(block, lines, kept, x, places.data());
      });
    };
    lines.n <= int64_t{0xffffffff} ? run(uint32_t{}) : run(int64_t{});
  });
}

// 1 at the places, 0 elsewhere.
void mask_kernel(const SortAttrs& a, const KernelArgs& k) {
  kernels::fill(k.out[0], 0, k.threads);
  each_order(k.in[0], a, k.threads,
             [&]<class T>(const Block& block, const Lines& lines, int64_t kept, const T*,
                          const int64_t* places) {
               T* y = k.out[0].ptr<T>() + block.start;
               for (int64_t i = 0; i < block.count; ++i) {
                 for (int64_t j = 0; j < kept; ++j) {
                   y[i + places[i * kept + j] * lines.inner] = T(1.0f);
                 }
               }
             });
}

void topk_kernel(const SortAttrs& a, const KernelArgs& k) {
  const bool both = a.ret_typ == "both";
  if (a.ret_typ == "mask") return mask_kernel(a, k);
  each_order(k.in[0], a, k.threads,
             [&]<class T>(const Block& block, const Lines& lines, int64_t kept, const T* x,
                          const int64_t* places) {
               if (a.ret_typ == "indices") {
                 return write_lines(places, block, lines, kept, k.out[0]);
               }
               const Buffer<T> values(block.count * kept);
               for (int64_t i = 0; i < block.count; ++i) {
                 for (int64_t j = i * kept; j < (i + 1) * kept; ++j) {
                   values.data()[j] = x[i * lines.n + places[j]];
                 }
               }
               write_lines(values.data(), block, lines, kept, k.out[0]);
               if (both) write_lines(places, block, lines, kept, k.out[1]);
             });
}

// Gradient of the values: dout is put back at the places, which are found again.
Values values_grad(const SortAttrs& a, const GradArgs& g, size_t out) {
  static const OpCall back("sort_backward", {"axis", "k", "is_ascend"});
  if (!g.has_dout(out)) return {Value{}};
  const AttrValue axis = a.axis ? AttrValue(*a.axis) : AttrValue{};
  return {back({g.dout(out), g.in(0)}, {axis, a.k, a.is_ascend})};
}

PLAIT_OP(sort_backward, SortAttrs)
    .doc("Gradient of sort and of the values of topk.")
    .input("dout", "gradient of the sorted values")
    .input("data", "what was sorted")
    .output("out", "gradient of data")
    .attr("axis", &SortAttrs::axis, std::optional<int64_t>(-1), "as in topk")
    .attr("k", &SortAttrs::k, 0, "as in topk")
    .attr("is_ascend", &SortAttrs::is_ascend, true, "as in topk")
    .infer([](const SortAttrs& a, const Specs& in) -> Spec {
      expect(in[0], {sorted_shape(a, in[1].shape), in[0].dtype}, "dout");
      return {in[1].shape, in[0].dtype};
    })
    .cpu([](const SortAttrs& a, const KernelArgs& k) {
      kernels::fill(k.out[0], 0, k.threads);
      dispatch_all(k.out[0].dtype, [&]<class D>(D) {
        each_order(k.in[1], a, k.threads,
                   [&]<class T>(const Block& block, const Lines& lines, int64_t kept, const T*,
                                const int64_t* places) {
                     const D* dy = k.in[0].ptr<D>() + block.out;
                     D* dx = k.out[0].ptr<D>() + block.start;
                     for (int64_t i = 0; i < block.count; ++i) {
                       for (int64_t j = 0; j < kept; ++j) {
                         dx[i + places[i * kept + j] * lines.inner] = dy[i + j * lines.inner];
                       }
                     }
                   });
      });
    });

PLAIT_OP(topk, SortAttrs)
    .doc(
        "The k largest (or smallest) elements along an axis, in order: their places, values, both, "
        "or a mask.")
    .input("data", "array of any shape")
    .output("out", "data with k indices along axis; for 'mask' the shape of data")
    .output("indices", "places, for 'both'")
    .attr("axis", &SortAttrs::axis, std::optional<int64_t>(-1), "axis; None: the flattened array")
    .attr("k", &SortAttrs::k, 1, "how many; 0: all")
    .attr("ret_typ", &SortAttrs::ret_typ, "indices", "what is returned")
    .choices({"value", "indices", "mask", "both"})
    .attr("is_ascend", &SortAttrs::is_ascend, false, "True: the smallest")
    .attr("dtype", &SortAttrs::dtype, DType::kFloat32, "type of places")
    .on("nd sym npx", "topk")
    .num_outputs([](const SortAttrs& a) { return a.ret_typ == "both" ? 2 : 1; })
    .infer([](const SortAttrs& a, const Specs& in) -> Specs {
      const Dims shape = sorted_shape(a, in[0].shape);
      if (a.ret_typ == "mask") return {{in[0].shape, in[0].dtype}};
      if (a.ret_typ == "indices") return {{shape, a.dtype}};
      if (a.ret_typ == "value") return {{shape, in[0].dtype}};
      return {{shape, in[0].dtype}, {shape, a.dtype}};
    })
    .cpu(topk_kernel)
    .grad(
        [](const SortAttrs& a, const GradArgs& g) -> Values {
          if (a.ret_typ == "indices" || a.ret_typ == "mask") return {Value{}};
          return values_grad(a, g, 0);
        },
        op::saves_input(0));

template <class T>
void sort_lines(const SortAttrs& a, const KernelArgs& k, const Lines& lines) {
  using Key = kernels::order_key_t<T>;
  const int64_t n = lines.n;
  const Key flip = a.is_ascend ? Key{0} : static_cast<Key>(~Key{0});
  each_block<T>(k.in[0], lines, n, k.threads, [&](const Block& block, const T* x) {
    const bool is_direct = lines.inner == 1;
    const Buffer<Key> keys(2 * n);
    const Buffer<T> sorted(is_direct ? 0 : block.count * n);
    T* y = is_direct ? k.out[0].ptr<T>() + block.out : sorted.data();
    for (int64_t i = 0; i < block.count; ++i) {
      kernels::sort_numbers(x + i * n, y + i * n, n, flip, keys.data(), keys.data() + n,
                            block.threads);
    }
    if (!is_direct) write_lines(y, block, lines, n, k.out[0]);
  });
}

PLAIT_OP(sort, SortAttrs)
    .doc("Elements in order along an axis; NaN last. Equal elements keep their order.")
    .input("data", "array of any shape")
    .output("out", "shape of data; a vector if axis is None")
    .attr("axis", &SortAttrs::axis, std::optional<int64_t>(-1), "axis; None: the flattened array")
    .attr("is_ascend", &SortAttrs::is_ascend, true, "False: from the largest")
    .on("nd sym np", "sort")
    .infer([](const SortAttrs& a, const Specs& in) -> Spec {
      return {sorted_shape(a, in[0].shape), in[0].dtype};
    })
    .cpu([](const SortAttrs& a, const KernelArgs& k) {
      const Lines lines(*k.in[0].shape, a.axis);
      if (lines.count() == 0 || lines.n == 0) return;
      dispatch_all(k.in[0].dtype, [&]<class T>(T) { sort_lines<T>(a, k, lines); });
    })
    .grad([](const SortAttrs& a, const GradArgs& g) -> Values { return values_grad(a, g, 0); },
          op::saves_input(0));

PLAIT_OP(argsort, SortAttrs)
    .doc("Places of the elements in order along an axis.")
    .input("data", "array of any shape")
    .output("out", "shape of data; a vector if axis is None")
    .attr("axis", &SortAttrs::axis, std::optional<int64_t>(-1), "axis; None: the flattened array")
    .attr("is_ascend", &SortAttrs::is_ascend, true, "False: from the largest")
    .attr("dtype", &SortAttrs::dtype, DType::kFloat32, "type of the result")
    .on("nd sym", "argsort")
    .infer([](const SortAttrs& a, const Specs& in) -> Spec {
      return {sorted_shape(a, in[0].shape), a.dtype};
    })
    .cpu([](const SortAttrs& a, const KernelArgs& k) {
      SortAttrs places = a;
      places.ret_typ = "indices";
      topk_kernel(places, k);
    })
    .grad([](const SortAttrs&, const GradArgs&) -> Values { return {Value{}}; },
          op::saves_nothing());

}  // namespace
}  // namespace plait::ops
