#include <algorithm>
#include <cstring>
#include <numeric>

#include "kernels/convert.h"
#include "kernels/copy.h"
#include "kernels/parallel.h"
#include "op/functions.h"
#include "op/op.h"
#include "ops/expect.h"
#include "ops/lines.h"

// Places and orders: largest and smallest elements, sorting.
namespace plait::ops {
namespace {

using op::AttrValue;
using op::KernelArgs;

std::optional<int64_t> from_front(const std::optional<int64_t>& axis, const Dims& shape) {
  if (!axis) return std::nullopt;
  return normalize_axis(*axis, static_cast<int64_t>(shape.size()));
}

// `a` comes before `b` among the largest; NaN is larger than any number.
template <class T>
bool above(T a, T b) {
  return a > b || (a != a && b == b);
}
template <class T>
bool below(T a, T b) {
  return a < b || (a == a && b != b);
}
// Calls f(T{}) with a type that holds the numbers of `d` and has arithmetic.
template <class F>
void dispatch_order(DType d, const F& f) {
  switch (kernels::compute_type(d)) {
    case DType::kFloat32: return f(float{});
    case DType::kFloat64: return f(double{});
    default: return f(int64_t{});
  }
}

// One line in the type T.
template <class T>
void read_line(const View& in, const Lines& lines, int64_t line, T* out) {
  const char* x = in.ptr<char>() + lines.start(line) * dtype_size(in.dtype);
  kernels::convert(x, in.dtype, lines.inner, out, dtype_of<T>(), lines.n);
}

struct ArgAttrs {
  std::optional<int64_t> axis;
  bool keepdims;
};
Dims arg_shape(const ArgAttrs& a, const Dims& shape) {
  const auto axis = from_front(a.axis, shape);
  if (!axis) return a.keepdims ? Dims(shape.size(), 1) : Dims{};
  Dims out = shape;
  out[*axis] = 1;
  if (!a.keepdims) out.erase(static_cast<size_t>(*axis));
  return out;
}
template <DType kType>
Spec infer_arg(const ArgAttrs& a, const Specs& in) {
  Dims shape = arg_shape(a, in[0].shape);
  // MXNet has no arrays without axes.
  if (kType == DType::kFloat32 && shape.empty()) shape.push_back(1);
  check(num_elements(shape) == 0 || num_elements(in[0].shape) > 0, ErrorKind::kInvalidArgument,
        "data has shape ", in[0].shape, ", must have elements along axis");
  return {shape, kType};
}

template <bool kLargest>
void arg_kernel(const ArgAttrs& a, const KernelArgs& k) {
  const Lines lines(*k.in[0].shape, a.axis);
  dispatch_order(k.in[0].dtype, [&](auto type) {
    using T = decltype(type);
    const auto better = [](T a, T b) {  // NaN is the extreme, as in min and max
      return (kLargest ? a > b : a < b) || (a != a && b == b);
    };
    const int64_t grain = std::max<int64_t>(1, kernels::kGrain / (lines.n + 1));
    kernels::parallel_for(k.threads, lines.count(), grain, [&](int64_t begin, int64_t end) {
      std::vector<T> line(static_cast<size_t>(lines.n));
      for (int64_t i = begin; i < end; ++i) {
        read_line(k.in[0], lines, i, line.data());
        int64_t best = 0;
        for (int64_t j = 1; j < lines.n; ++j) {
          if (better(line[j], line[best])) best = j;
        }
        kernels::convert(&best, DType::kInt64, 1,
                         k.out[0].ptr<char>() + i * dtype_size(k.out[0].dtype), k.out[0].dtype, 1);
      }
    });
  });
}
Values no_grad(const ArgAttrs&, const op::GradArgs&) { return {Value{}}; }

#define PLAIT_ARG(name, text, result, largest)                                                    \
  PLAIT_OP(name, ArgAttrs)                                                                        \
      .doc(text)                                                                                  \
      .input("data", "array of any shape")                                                        \
      .output("out", "places along axis, the first of equal ones")                                \
      .attr("axis", &ArgAttrs::axis, std::optional<int64_t>(), "axis; None: the flattened array") \
      .attr("keepdims", &ArgAttrs::keepdims, false, "keep the axis with size 1")                  \
      .infer(infer_arg<result>)                                                                   \
      .cpu(arg_kernel<largest>)                                                                   \
      .grad(no_grad, op::saves_nothing())

PLAIT_ARG(argmax, "Place of the largest element, as float32.", DType::kFloat32, true)
    .on("nd sym", "argmax");
PLAIT_ARG(argmin, "Place of the smallest element, as float32.", DType::kFloat32, false)
    .on("nd sym", "argmin");
PLAIT_ARG(np_argmax, "Place of the largest element, as int64.", DType::kInt64, true)
    .on("np", "argmax");
PLAIT_ARG(np_argmin, "Place of the smallest element, as int64.", DType::kInt64, false)
    .on("np", "argmin");

PLAIT_OP(argmax_channel, op::NoAttrs)
    .doc("Place of the largest element along axis 1, as float32.")
    .input("data", "array of shape (n, c, ...)")
    .output("out", "data without axis 1")
    .on("nd sym", "argmax_channel")
    .infer([](const op::NoAttrs&, const Specs& in) -> Spec {
      return infer_arg<DType::kFloat32>({1, false}, in);
    })
    .cpu([](const op::NoAttrs&, const KernelArgs& k) {
      arg_kernel<true>({1, false}, k);
    })
    .grad([](const op::NoAttrs&, const GradArgs&) -> Values { return {Value{}}; },
          op::saves_nothing());

struct SortAttrs {
  std::optional<int64_t> axis;
  int64_t k;
  std::string ret_typ;
  bool is_ascend;
  DType dtype;
};

// Calls f(line number, sorted places) for every line; equal elements keep their order.
template <class F>
void each_sorted(const View& in, const SortAttrs& a, int threads, const F& f) {
  const Lines lines(*in.shape, a.axis);
  const int64_t kept = a.k > 0 ? std::min(a.k, lines.n) : lines.n;
  dispatch_order(in.dtype, [&](auto type) {
    using T = decltype(type);
    const int64_t grain = std::max<int64_t>(1, kernels::kGrain / 16 / (lines.n + 1));
    kernels::parallel_for(threads, lines.count(), grain, [&](int64_t begin, int64_t end) {
      std::vector<T> line(static_cast<size_t>(lines.n));
      std::vector<int64_t> place(line.size());
      for (int64_t i = begin; i < end; ++i) {
        read_line(in, lines, i, line.data());
        std::iota(place.begin(), place.end(), 0);
        const auto before = [&](int64_t p, int64_t q) {
          const T x = line[static_cast<size_t>(p)], y = line[static_cast<size_t>(q)];
          if (a.is_ascend ? below(x, y) : above(x, y)) return true;
          return !(a.is_ascend ? below(y, x) : above(y, x)) && p < q;
        };
        std::partial_sort(place.begin(), place.begin() + kept, place.end(), before);
        f(i, lines, kept, place);
      }
    });
  });
}

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

// Where element j of a line of results lies, for results with `kept` elements a line.
int64_t result_place(const Lines& lines, int64_t line, int64_t kept, int64_t j) {
  return (line / lines.inner * kept + j) * lines.inner + line % lines.inner;
}
void copy_item(const View& in, int64_t from, const View& out, int64_t to) {
  const int64_t item = dtype_size(in.dtype);
  std::memcpy(out.ptr<char>() + to * item, in.ptr<char>() + from * item, static_cast<size_t>(item));
}
void write_index(const View& out, int64_t to, int64_t index) {
  kernels::convert(&index, DType::kInt64, 1, out.ptr<char>() + to * dtype_size(out.dtype),
                   out.dtype, 1);
}

void topk_kernel(const SortAttrs& a, const KernelArgs& k) {
  const bool both = a.ret_typ == "both", mask = a.ret_typ == "mask";
  if (mask) kernels::fill(k.out[0], 0, k.threads);
  each_sorted(k.in[0], a, k.threads,
              [&](int64_t i, const Lines& lines, int64_t kept, const auto& place) {
                for (int64_t j = 0; j < kept; ++j) {
                  const int64_t at = place[static_cast<size_t>(j)],
                                from = lines.start(i) + at * lines.inner;
                  const int64_t to = result_place(lines, i, kept, j);
                  if (mask)
                    write_index(k.out[0], from, 1);
                  else if (a.ret_typ == "indices")
                    write_index(k.out[0], to, at);
                  else
                    copy_item(k.in[0], from, k.out[0], to);
                  if (both) write_index(k.out[1], to, at);
                }
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
      each_sorted(k.in[1], a, k.threads,
                  [&](int64_t i, const Lines& lines, int64_t kept, const auto& place) {
                    for (int64_t j = 0; j < kept; ++j) {
                      copy_item(k.in[0], result_place(lines, i, kept, j), k.out[0],
                                lines.start(i) + place[static_cast<size_t>(j)] * lines.inner);
                    }
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
      SortAttrs values = a;
      values.ret_typ = "value";
      topk_kernel(values, k);
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
