#include "kernels/copy.h"
#include "kernels/elementwise.h"
#include "op/functions.h"
#include "op/op.h"
#include "ops/elementwise/binary.h"

// Complex numbers and their parts. Gradients are those of JAX's convention: that of x + iy is
// dL/dx - i dL/dy, so that the rules of holomorphic functions are the same as for real numbers.
namespace plait::ops {
namespace {

using op::KernelArgs;
using op::NoAttrs;

// The real (0) or imaginary (1) parts of a complex array as a real one of twice the steps.
struct Part {
  Dims strides;
  View view;
  Part(const View& whole, int which) : strides(*whole.strides) {
    for (int64_t& s : strides) s *= 2;
    const DType type = real_of(whole.dtype);
    view = {whole.ptr<char>() + which * dtype_size(type), whole.shape, &strides, type, false};
  }
  Part(const Part&) = delete;
};

Spec infer_same(const NoAttrs&, const Specs& in) { return in[0]; }
Spec infer_part(const NoAttrs&, const Specs& in) { return {in[0].shape, real_of(in[0].dtype)}; }

struct conj_fn {
  template <class T>
  PLAIT_FN static T f(T x) {
    if constexpr (std::is_arithmetic_v<T>) {
      return x;
    } else {
      return std::conj(x);
    }
  }
};
void conj_kernel(const NoAttrs&, const KernelArgs& k) {
  static constexpr kernels::Loops kLoops =
      kernels::with_complex_unary<conj_fn>(kernels::unary_loops<conj_fn>());
  kernels::apply(kLoops, kernels::compute_type(k.out[0].dtype), k.out[0], k.in, k.threads);
}

PLAIT_OP(conj, NoAttrs)
    .doc("The complex conjugate: the imaginary part negated.")
    .input("data", "array of any shape")
    .output("out", "shape and type of data")
    .on("np", "conj")
    .on("np", "conjugate")
    .infer(infer_same)
    .cpu(conj_kernel)
    .strided()
    .elementwise()
    .takes_complex()
    .grad(
        [](const NoAttrs&, const GradArgs& g) -> Values {
          static const OpCall kConj("conj");
          return {kConj({g.dout()})};
        },
        op::saves_nothing());

template <int kWhich>
void part_kernel(const NoAttrs&, const KernelArgs& k) {
  if (is_complex(k.in[0].dtype)) {
    const Part part(k.in[0], kWhich);
    return kernels::copy(part.view, k.out[0], k.threads);
  }
  if (kWhich == 1) return kernels::fill(k.out[0], 0, k.threads);
  kernels::copy(k.in[0], k.out[0], k.threads);
}

PLAIT_OP(real, NoAttrs)
    .doc("The real part.")
    .input("data", "array of any shape")
    .output("out", "shape of data; the type of its parts")
    .infer(infer_part)
    .cpu(part_kernel<0>)
    .strided()
    .takes_complex()
    .grad([](const NoAttrs&,
             const GradArgs& g) -> Values { return {op::cast_to(g.dout(), g.in_spec(0).dtype)}; },
          op::saves_nothing());

PLAIT_OP(imag, NoAttrs)
    .doc("The imaginary part; 0 of real numbers.")
    .input("data", "array of any shape")
    .output("out", "shape of data; the type of its parts")
    .infer(infer_part)
    .cpu(part_kernel<1>)
    .strided()
    .takes_complex()
    .grad(
        [](const NoAttrs&, const GradArgs& g) -> Values {
          static const OpCall kComplex("complex");
          if (!is_complex(g.in_spec(0).dtype)) return {op::full_of(g.in_spec(0), 0.0)};
          return {kComplex({op::full_of(g.out_spec(0), 0.0), -g.dout()})};
        },
        op::saves_nothing());

PLAIT_OP(complex, NoAttrs)
    .doc("Complex numbers from their parts.")
    .input("real", "real array of any shape")
    .input("imag", "real array whose shape broadcasts with that of real")
    .output("out", "broadcast shape; complex64, or complex128 if a part is float64")
    .infer([](const NoAttrs&, const Specs& in) -> Spec {
      for (const Spec& s : in) {
        check(!is_complex(s.dtype), ErrorKind::kType, &s == in.begin() ? "real" : "imag",
              " has dtype ", s.dtype, ", must be real");
      }
      return {broadcast_shapes(in[0].shape, in[1].shape),
              complex_of(promote(in[0].dtype, in[1].dtype))};
    })
    .cpu([](const NoAttrs&, const KernelArgs& k) {
      for (int which : {0, 1}) {
        const Part part(k.out[0], which);
        kernels::copy(k.in[static_cast<size_t>(which)], part.view, k.threads);
      }
    })
    .strided()
    .takes_complex()
    .grad(
        [](const NoAttrs&, const GradArgs& g) -> Values {
          static const OpCall kImag("imag");
          return {flow_to(g, 0, [&] { return g.dout(); }),
                  flow_to(g, 1, [&] { return -kImag({g.dout()}); })};
        },
        op::saves_nothing());

}  // namespace
}  // namespace plait::ops
