#include <atomic>
#include <cmath>

#include "kernels/copy.h"
#include "kernels/parallel.h"
#include "op/functions.h"
#include "op/op.h"

// Checks, sums and changes of type over many arrays, as training in mixed precision needs them.
namespace plait::ops {
namespace {

using op::AttrValue;
using op::KernelArgs;

struct FiniteAttrs {
  int64_t num_arrays;
  bool init_output;
};

bool all_finite(const View& v, int threads) {
  std::atomic<bool> result{true};
  dispatch_floating(v.dtype, [&]<class T>(T) {
    const T* x = v.ptr<T>();
    kernels::parallel_for(threads, v.size(), kernels::kGrain, [&](int64_t begin, int64_t end) {
      bool finite = true;
      for (int64_t i = begin; i < end; ++i) finite &= std::isfinite(static_cast<acc_t<T>>(x[i]));
      if (!finite) result = false;
    });
  });
  return result;
}

Spec infer_finite(const FiniteAttrs&, const Specs& in) {
  for (size_t i = 0; i < in.size(); ++i) {
    check(is_floating(in[i].dtype), ErrorKind::kType, "array ", i, " has dtype ", in[i].dtype,
          ", must be floating");
  }
  return {{1}, DType::kFloat32};
}

void finite_kernel(const FiniteAttrs&, const KernelArgs& k) {
  bool finite = true;
  for (const View& v : k.in) finite = finite && all_finite(v, k.threads);
  *k.out[0].ptr<float>() = finite ? 1.0f : 0.0f;
}

PLAIT_OP(all_finite, FiniteAttrs)
    .doc("1 if no element is infinite or NaN, else 0.")
    .input("data", "floating array")
    .output("out", "float32, (1,)")
    .attr("init_output", &FiniteAttrs::init_output, true, "kept for files; has no effect")
    .on("nd sym", "all_finite")
    .infer(infer_finite)
    .cpu(finite_kernel)
    .grad([](const FiniteAttrs&, const GradArgs& g) -> Values { return Values(g.num_in()); },
          op::saves_nothing());

PLAIT_OP(multi_all_finite, FiniteAttrs)
    .doc("1 if no element of any array is infinite or NaN, else 0.")
    .variadic_input("data", "floating arrays")
    .output("out", "float32, (1,)")
    .attr("num_arrays", &FiniteAttrs::num_arrays, 1, "number of arrays; counted when given")
    .attr("init_output", &FiniteAttrs::init_output, true, "kept for files; has no effect")
    .on("nd sym", "multi_all_finite")
    .infer(infer_finite)
    .cpu(finite_kernel)
    .grad([](const FiniteAttrs&, const GradArgs& g) -> Values { return Values(g.num_in()); },
          op::saves_nothing());

PLAIT_OP(multi_sum_sq, FiniteAttrs)
    .doc("Sum of squares of each array.")
    .variadic_input("data", "floating arrays")
    .output("out", "float32, one number for each array")
    .attr("num_arrays", &FiniteAttrs::num_arrays, 1, "number of arrays; counted when given")
    .on("nd sym", "multi_sum_sq")
    .infer([](const FiniteAttrs& a, const Specs& in) -> Spec {
      infer_finite(a, in);
      return {{static_cast<int64_t>(in.size())}, DType::kFloat32};
    })
    .cpu([](const FiniteAttrs&, const KernelArgs& k) {
      for (size_t i = 0; i < k.in.size(); ++i) {
        dispatch_floating(k.in[i].dtype, [&]<class T>(T) {
          double sum = 0;
          const T* x = k.in[i].ptr<T>();
          for (int64_t j = 0; j < k.in[i].size(); ++j) {
            const double v = static_cast<double>(static_cast<acc_t<T>>(x[j]));
            sum += v * v;
          }
          k.out[0].ptr<float>()[i] = static_cast<float>(sum);
        });
      }
    })
    .grad(
        [](const FiniteAttrs&, const GradArgs& g) -> Values {
          static const OpCall kSlice("slice_axis", {"axis", "begin", "end"});
          Values d(g.num_in());
          for (size_t i = 0; i < g.num_in(); ++i) {
            const auto at = static_cast<int64_t>(i);
            const Value one = kSlice({g.dout()}, {int64_t{0}, at, at + 1});
            const DType dtype = g.in_spec(i).dtype;
            d[i] = g.in(i)*op::cast_to(op::reshape_to(one, {}), dtype) * 2.0;
          }
          return d;
        },
        op::saves_inputs());

struct AmpAttrs {
  DType dtype;
};

PLAIT_OP(amp_cast, AmpAttrs)
    .doc("Floating data in another type; other data as they are.")
    .input("data", "array of any shape")
    .output("out", "shape of data")
    .required_attr("dtype", &AmpAttrs::dtype, "type of the result")
    .on("nd sym", "amp_cast")
    .infer([](const AmpAttrs& a, const Specs& in) -> Spec {
      return {in[0].shape, is_floating(in[0].dtype) ? a.dtype : in[0].dtype};
    })
    .cpu([](const AmpAttrs&, const KernelArgs& k) { kernels::copy(k.in[0], k.out[0], k.threads); })
    .portable()
    .strided()
    .grad(
        [](const AmpAttrs&, const GradArgs& g) -> Values {
          if (!is_floating(g.in_spec(0).dtype)) return {Value{}};
          return {op::cast_to(g.dout(), g.in_spec(0).dtype)};
        },
        op::saves_nothing());

struct MulticastAttrs {
  int64_t num_outputs;
  bool cast_narrow;
};

PLAIT_OP(amp_multicast, MulticastAttrs)
    .doc("Floating arrays in one type: the widest among them, or the narrowest.")
    .variadic_input("data", "floating arrays")
    .output("out", "each array in the common type")
    .required_attr("num_outputs", &MulticastAttrs::num_outputs, "number of arrays")
    .attr("cast_narrow", &MulticastAttrs::cast_narrow, false, "take the narrowest type")
    .on("nd sym", "amp_multicast")
    .num_outputs([](const MulticastAttrs& a) { return static_cast<int>(a.num_outputs); })
    .infer([](const MulticastAttrs& a, const Specs& in) -> Specs {
      check(a.num_outputs == static_cast<int64_t>(in.size()), ErrorKind::kInvalidArgument,
            "num_outputs is ", a.num_outputs, ", must be the number of arrays, ", in.size());
      DType type = in[0].dtype;
      for (const Spec& s : in) {
        check(is_floating(s.dtype), ErrorKind::kType, "an array has dtype ", s.dtype,
              ", must be floating");
        const bool wider = dtype_size(s.dtype) > dtype_size(type);
        if (a.cast_narrow ? dtype_size(s.dtype) < dtype_size(type) : wider) type = s.dtype;
      }
      Specs out = in;
      for (Spec& s : out) s.dtype = type;
      return out;
    })
    .cpu([](const MulticastAttrs&, const KernelArgs& k) {
      for (size_t i = 0; i < k.in.size(); ++i) kernels::copy(k.in[i], k.out[i], k.threads);
    })
    .portable()
    .strided()
    .grad(
        [](const MulticastAttrs&, const GradArgs& g) -> Values {
          Values d;
          for (size_t i = 0; i < g.num_in(); ++i) {
            d.push_back(op::cast_to(g.dout(i), g.in_spec(i).dtype));
          }
          return d;
        },
        op::saves_nothing());

}  // namespace
}  // namespace plait::ops
