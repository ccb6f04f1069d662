#include "kernels/copy.h"
#include "ops/control/loop.h"

// The gradient of a graph as an operator: `Symbol.gradient`. A compiled graph takes its parts in
// place of it (graph/builder.cc), so that they are shared and differentiated like all others; the
// kernel serves runs operator by operator.
namespace plait::ops {
namespace {

using op::BodyRef;

struct GradientAttrs {
  BodyRef body;
  Dims wrt;
};

std::vector<bool> needs_of(const GradientAttrs& a, const Specs& in) {
  std::vector<bool> needs(in.size(), false);
  for (const int64_t& at : a.wrt) {
    const size_t i = location("wrt", at, in.size());
    check(!needs[i], ErrorKind::kInvalidArgument, "wrt is ", a.wrt, ", must name each array once");
    check(is_floating(in[i].dtype), ErrorKind::kType, "array ", i, " is ", in[i].dtype,
          ", must be floating for a gradient");
    needs[i] = true;
  }
  return needs;
}

Specs infer(const GradientAttrs& a, const Specs& in) {
  check(in.size() == a.body->num_inputs(), ErrorKind::kInvalidArgument, "got ", in.size(),
        " arrays, must be ", a.body->num_inputs());
  needs_of(a, in);
  a.body->infer(in);
  Specs out;
  for (int64_t at : a.wrt) out.push_back(in[static_cast<size_t>(at)]);
  return out;
}

// Memory for arrays of these specs, and where each of them starts.
struct Block {
  SmallVec<char*, 16> at;
  ArrayRef memory;
  explicit Block(const Specs& specs) {
    constexpr int64_t kLine = 64;
    int64_t bytes = 0;
    SmallVec<int64_t, 16> offsets;
    for (const Spec& s : specs) {
      offsets.push_back(bytes);
      bytes += (num_elements(s.shape) * dtype_size(s.dtype) + kLine - 1) / kLine * kLine;
    }
    memory = Array::empty(Dims{bytes}, DType::kUint8);
    for (int64_t offset : offsets) at.push_back(static_cast<char*>(memory->data()) + offset);
  }
  op::Pointers pointers() { return {at.data(), at.size()}; }
};

void kernel(const GradientAttrs& a, const KernelArgs& k) {
  const Specs specs = specs_of(k.in);
  const auto routine = a.body->compile(specs, k.is_train, needs_of(a, specs));
  SmallVec<char*, 16> in, residuals, din(specs.size(), nullptr);
  for (const View& v : k.in) in.push_back(static_cast<char*>(v.data));
  Specs own_specs;
  for (const op::Routine::Residual& r : routine->residuals) {
    if (r.output < 0) own_specs.push_back(r.spec);
  }
  Block out(routine->out), own(own_specs), heads(routine->out);
  for (size_t i = 0; i < routine->out.size(); ++i) {
    const Spec& s = routine->out[i];
    const Dims strides = contiguous_strides(s.shape);
    kernels::fill({heads.at[i], &s.shape, &strides, s.dtype, true}, 1, k.threads);
  }
  const ArrayRef scratch = Array::empty(
      Dims{std::max(routine->forward_scratch, routine->backward_scratch)}, DType::kUint8);
  char* const work = static_cast<char*>(scratch->data());
  routine->forward({in.data(), in.size()}, out.pointers(), own.pointers(), work, k.random,
                   k.threads);
  size_t next = 0;
  for (const op::Routine::Residual& r : routine->residuals) {
    residuals.push_back(r.output < 0 ? own.at[next++] : out.at[static_cast<size_t>(r.output)]);
  }
  for (size_t w = 0; w < a.wrt.size(); ++w) {
    const auto i = static_cast<size_t>(a.wrt[w]);
    if (routine->gives[i]) {
      din[i] = static_cast<char*>(k.out[w].data);
    } else {
      kernels::fill(k.out[w], 0, k.threads);
    }
  }
  routine->backward({in.data(), in.size()}, {residuals.data(), residuals.size()}, heads.pointers(),
                    {din.data(), din.size()}, work, k.threads);
}

const GradientAttrs& of(const void* a) { return *static_cast<const GradientAttrs*>(a); }

PLAIT_OP(gradient, GradientAttrs)
    .doc("Gradients of the sum of all outputs of a graph.")
    .variadic_input("data", "what the graph reads")
    .output("out", "a gradient for each array of wrt")
    .required_attr("body", &GradientAttrs::body, "the graph, as JSON text")
    .required_attr("wrt", &GradientAttrs::wrt, "arrays whose gradients are wanted, by number")
    .num_outputs([](const GradientAttrs& a) { return static_cast<int>(a.wrt.size()); })
    .complete([](const GradientAttrs& a, std::vector<Dims>& in, std::vector<bool>& known) {
      a.body->complete(in, known);
    })
    .infer(infer)
    .cpu(kernel)
    .flops([](const GradientAttrs& a, const Specs& in) { return 3 * a.body->flops(in); })
    .random()
    .uses_train();

const bool kControl = op::set_control(
    plait_op_gradient,
    {{"body"},
     nullptr,
     [](const void* a, const Specs& in, bool is_train) {
       return of(a).body->compile(in, is_train, needs_of(of(a), in))->random_count;
     },
     [](const void* a, size_t i, size_t, bool is_train) { return of(a).body->writes(i, is_train); },
     [](const void* a, size_t i, size_t) { return of(a).body->is_aux(i); }});

}  // namespace
}  // namespace plait::ops
