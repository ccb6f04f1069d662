#include <algorithm>

#include "base/small_vec.h"
#include "kernels/copy.h"
#include "kernels/parallel.h"
#include "op/functions.h"
#include "op/op.h"
#include "ops/sizes.h"

// Joining arrays and taking them apart again.
namespace plait::ops {
namespace {

using op::AttrValue;
using op::KernelArgs;

struct ConcatAttrs {
  int64_t dim, num_args;
};
struct StackAttrs {
  int64_t axis, num_args;
};
struct SplitAttrs {
  int64_t num_outputs, axis;
  bool squeeze_axis;
};

// `n` indices of `whole` along `axis`, from `first`.
struct Part {
  Dims shape;
  View view;
  Part(const View& whole, int64_t axis, int64_t first, int64_t n) : shape(*whole.shape) {
    shape[axis] = n;
    const int64_t at = num_elements(shape) == 0 ? 0 : first * whole.stride(axis);
    view = {whole.ptr<char>() + at * dtype_size(whole.dtype), &shape, whole.strides, whole.dtype,
            is_contiguous(shape, *whole.strides)};
  }
  Part(const Part&) = delete;
};

Value cut(const Value& v, int64_t axis, int64_t begin, int64_t end) {
  static const OpCall slice("slice_axis", {"axis", "begin", "end"});
  return slice({v}, {axis, begin, end});
}

Spec infer_concat(const ConcatAttrs& a, const Specs& in) {
  check(!in.empty(), ErrorKind::kInvalidArgument, "got no arrays, must be at least 1");
  Spec out = in[0];
  const int64_t axis = normalize_axis(a.dim, static_cast<int64_t>(out.shape.size()), "dim");
  for (size_t i = 1; i < in.size(); ++i) {
    Dims rest = in[i].shape;
    check(rest.size() == out.shape.size(), ErrorKind::kShape, "array ", i, " has shape ",
          in[i].shape, ", must have ", out.shape.size(), " axes");
    out.shape[axis] += rest[axis];
    rest[axis] = out.shape[axis];
    check(rest == out.shape, ErrorKind::kShape, "array ", i, " has shape ", in[i].shape,
          ", must be that of array 0, ", in[0].shape, ", except along axis ", axis);
    out.dtype = promote(out.dtype, in[i].dtype);
  }
  return out;
}

// Joins arrays of the result's dtype that lie without gaps row by row, so that each line of memory
// of the result is written once.
void join_rows(const KernelArgs& k, int64_t axis) {
  const View& out = k.out[0];
  int64_t rows = 1, bytes = dtype_size(out.dtype);  // of a row of the result
  for (int64_t i = 0; i < axis; ++i) rows *= out.dim(i);
  for (int64_t i = axis; i < out.ndim(); ++i) bytes *= out.dim(i);
  if (rows * bytes == 0) return;
  struct Source {
    const char* data;
    int64_t bytes;
  };
  SmallVec<Source, 8> sources;
  for (const View& in : k.in) {
    sources.push_back({in.ptr<char>(), in.size() / rows * dtype_size(in.dtype)});
  }
  constexpr int64_t kGrainBytes = 1 << 17;
  kernels::parallel_for(k.threads, rows, 1 + kGrainBytes / bytes, [&](int64_t begin, int64_t end) {
    char* to = out.ptr<char>() + begin * bytes;
    for (int64_t row = begin; row < end; ++row) {
      for (const Source& s : sources) {
        kernels::copy_bytes(to, s.data + row * s.bytes, s.bytes);
        to += s.bytes;
      }
    }
  });
}

#ifdef PLAIT_DEVICE
constexpr bool kReachesElements = false;  // this code runs on the host, beside the device's memory
#else
constexpr bool kReachesElements = true;
#endif

bool joins_rows(const KernelArgs& k, int64_t axis) {
  const auto plain = [&](const View& v) { return v.contiguous && v.dtype == k.out[0].dtype; };
  return kReachesElements && axis > 0 && k.out[0].contiguous &&
         std::all_of(k.in.begin(), k.in.end(), plain);
}

PLAIT_OP(concat, ConcatAttrs)
    .doc("Joins arrays along an axis.")
    .variadic_input("data", "arrays of one shape, except along dim")
    .output("out", "the arrays one after another")
    .attr("dim", &ConcatAttrs::dim, 1, "axis along which they are joined")
    .attr("num_args", &ConcatAttrs::num_args, 0, "number of arrays; counted when given")
    .on("nd sym", "Concat")
    .on("nd sym", "concat")
    .infer(infer_concat)
    .takes_complex()
    .cpu([](const ConcatAttrs& a, const KernelArgs& k) {
      const int64_t axis = normalize_axis(a.dim, k.out[0].ndim());
      if (joins_rows(k, axis)) return join_rows(k, axis);
      int64_t at = 0;
      for (const View& in : k.in) {
        kernels::copy(in, Part(k.out[0], axis, at, in.dim(axis)).view, k.threads);
        at += in.dim(axis);
      }
    })
    .portable()
    .strided()
    .grad(
        [](const ConcatAttrs& a, const GradArgs& g) -> Values {
          const int64_t axis =
              normalize_axis(a.dim, static_cast<int64_t>(g.out_spec(0).shape.size()));
          Values out;
          int64_t at = 0;
          for (size_t i = 0; i < g.num_in(); ++i) {
            const Spec& spec = g.in_spec(i);
            const int64_t n = spec.shape[axis];
            const bool wanted = g.needs_grad(i) && is_inexact(spec.dtype);
            out.push_back(wanted ? op::cast_to(cut(g.dout(), axis, at, at + n), spec.dtype)
                                 : Value{});
            at += n;
          }
          return out;
        },
        op::saves_nothing());

PLAIT_OP(stack, StackAttrs)
    .doc("Joins arrays of one shape along a new axis.")
    .variadic_input("data", "arrays of one shape")
    .output("out", "array with one more axis, of the number of arrays")
    .attr("axis", &StackAttrs::axis, 0, "place of the new axis")
    .attr("num_args", &StackAttrs::num_args, 0, "number of arrays; counted when given")
    .on("nd sym", "stack")
    .infer([](const StackAttrs& a, const Specs& in) -> Spec {
      check(!in.empty(), ErrorKind::kInvalidArgument, "got no arrays, must be at least 1");
      Spec out = in[0];
      for (size_t i = 1; i < in.size(); ++i) {
        check(in[i].shape == in[0].shape, ErrorKind::kShape, "array ", i, " has shape ",
              in[i].shape, ", must be that of array 0, ", in[0].shape);
        out.dtype = promote(out.dtype, in[i].dtype);
      }
      const int64_t axis = normalize_axis(a.axis, static_cast<int64_t>(out.shape.size()) + 1);
      out.shape.insert(static_cast<size_t>(axis), static_cast<int64_t>(in.size()));
      return out;
    })
    .takes_complex()
    .cpu([](const StackAttrs& a, const KernelArgs& k) {
      const int64_t axis = normalize_axis(a.axis, k.out[0].ndim());
      for (size_t i = 0; i < k.in.size(); ++i) {
        const Part part(k.out[0], axis, static_cast<int64_t>(i), 1);
        Dims shape = part.shape, strides = *k.out[0].strides;
        shape.erase(static_cast<size_t>(axis));
        strides.erase(static_cast<size_t>(axis));
        const View place{part.view.data, &shape, &strides, part.view.dtype,
                         is_contiguous(shape, strides)};
        kernels::copy(k.in[i], place, k.threads);
      }
    })
    .portable()
    .strided()
    .grad(
        [](const StackAttrs& a, const GradArgs& g) -> Values {
          const int64_t axis =
              normalize_axis(a.axis, static_cast<int64_t>(g.out_spec(0).shape.size()));
          Values out;
          for (size_t i = 0; i < g.num_in(); ++i) {
            const int64_t at = static_cast<int64_t>(i);
            const Spec& spec = g.in_spec(i);
            const bool wanted = g.needs_grad(i) && is_inexact(spec.dtype);
            if (!wanted) {
              out.push_back(Value{});
              continue;
            }
            out.push_back(op::cast_to(op::reshape_to(cut(g.dout(), axis, at, at + 1), spec.shape),
                                      spec.dtype));
          }
          return out;
        },
        op::saves_nothing());

PLAIT_OP(split, SplitAttrs)
    .doc("Takes an array apart into equal pieces along an axis.")
    .input("data", "array whose size along axis is a multiple of num_outputs")
    .output("out", "each piece")
    .required_attr("num_outputs", &SplitAttrs::num_outputs, "number of pieces, >= 1")
    .attr("axis", &SplitAttrs::axis, 1, "axis that is divided")
    .attr("squeeze_axis", &SplitAttrs::squeeze_axis, false,
          "drop the axis; pieces must have size 1")
    .on("nd sym", "SliceChannel")
    .on("npx", "slice_channel")
    .on("nd sym", "split")
    .num_outputs([](const SplitAttrs& a) {
      check_pieces(a.num_outputs, "num_outputs");
      return static_cast<int>(a.num_outputs);
    })
    .infer([](const SplitAttrs& a, const Specs& in) -> Specs {
      Spec piece = in[0];
      const int64_t axis = normalize_axis(a.axis, static_cast<int64_t>(piece.shape.size()));
      check(piece.shape[axis] % a.num_outputs == 0, ErrorKind::kShape, "num_outputs is ",
            a.num_outputs, ", must divide the size ", piece.shape[axis], " of axis ", a.axis);
      piece.shape[axis] /= a.num_outputs;
      if (a.squeeze_axis) {
        check(piece.shape[axis] == 1, ErrorKind::kShape,
              "squeeze_axis is True, pieces must have size 1, not ", piece.shape[axis]);
        piece.shape.erase(static_cast<size_t>(axis));
      }
      return Specs(static_cast<size_t>(a.num_outputs), piece);
    })
    .takes_complex()
    .cpu([](const SplitAttrs& a, const KernelArgs& k) {
      const int64_t axis = normalize_axis(a.axis, k.in[0].ndim());
      const int64_t n = k.in[0].dim(axis) / a.num_outputs;
      for (int64_t i = 0; i < a.num_outputs; ++i) {
        const Part part(k.in[0], axis, i * n, n);
        Dims shape = part.shape, strides = *k.in[0].strides;
        if (a.squeeze_axis) {
          shape.erase(static_cast<size_t>(axis));
          strides.erase(static_cast<size_t>(axis));
        }
        kernels::copy({part.view.data, &shape, &strides, part.view.dtype, false}, k.out[i],
                      k.threads);
      }
    })
    .portable()
    .strided()
    .grad(
        [](const SplitAttrs& a, const GradArgs& g) -> Values {
          static const OpCall concat("concat", {"dim"}), stack("stack", {"axis"});
          Values pieces;
          for (int64_t i = 0; i < a.num_outputs; ++i)
            pieces.push_back(g.dout(static_cast<size_t>(i)));
          const AttrValue axis[] = {a.axis};
          return (a.squeeze_axis ? stack : concat).all({pieces.data(), pieces.size()}, axis);
        },
        op::saves_nothing());

}  // namespace
}  // namespace plait::ops
