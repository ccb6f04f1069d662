#include "op/custom.h"

#include "op/body.h"
#include "op/op.h"

// Operators that a program or a shared library registered; see plait_custom_register().
namespace plait::ops {
namespace {

using op::KernelArgs;

struct CustomAttrs {
  std::string op_type, params;
};

struct CustomBackAttrs {
  std::string op_type, params;
  int64_t num_inputs, num_outputs;
};

int num_inputs(const CustomAttrs& a) { return op::find_custom(a.op_type)->count(a.params).first; }
int num_outputs(const CustomAttrs& a) { return op::find_custom(a.op_type)->count(a.params).second; }

int num_states(const CustomAttrs& a) {
  const auto custom = op::find_custom(a.op_type);
  return custom->states ? custom->states(a.params) : 0;
}

void complete(const CustomAttrs& a, std::vector<Dims>& in, std::vector<bool>& known) {
  const auto custom = op::find_custom(a.op_type);
  if (custom->complete) custom->complete(a.params, in, known);
}

bool is_state(const void* a, size_t i, size_t n) {
  const auto states = static_cast<size_t>(num_states(*static_cast<const CustomAttrs*>(a)));
  return i + states >= n;
}

Specs infer(const CustomAttrs& a, const Specs& in) {
  const auto custom = op::find_custom(a.op_type);
  Specs out = custom->infer(a.params, in);
  const auto want = static_cast<size_t>(custom->count(a.params).second);
  check(out.size() == want, ErrorKind::kInvalidArgument, a.op_type, ": infers ", out.size(),
        " outputs, must be ", want);
  return out;
}

void kernel(const CustomAttrs& a, const KernelArgs& k) {
  op::find_custom(a.op_type)->forward(a.params, k.is_train, k.in, k.out);
}

Values backward(const CustomAttrs& a, const GradArgs& g) {
  static const OpCall kBack("custom_backward", {"op_type", "params", "num_inputs", "num_outputs"});
  check(static_cast<bool>(op::find_custom(a.op_type)->backward), ErrorKind::kNotImplemented,
        a.op_type, ": has no gradient");
  Values in;
  for (size_t i = 0; i < g.out_specs.size(); ++i) in.push_back(g.dout(i));
  for (size_t i = 0; i < g.num_in(); ++i) in.push_back(g.in(i));
  for (size_t i = 0; i < g.out_specs.size(); ++i) in.push_back(g.out(i));
  const op::AttrValue attrs[] = {a.op_type, a.params, static_cast<int64_t>(g.num_in()),
                                 static_cast<int64_t>(g.out_specs.size())};
  Values d = kBack.all({in.data(), in.size()}, attrs);
  const size_t differentiable = g.num_in() - static_cast<size_t>(num_states(a));
  for (size_t i = 0; i < g.num_in(); ++i) {
    if (!is_floating(g.in_spec(i).dtype) || i >= differentiable) d[i] = Value{};
  }
  return d;
}

PLAIT_OP(custom, CustomAttrs)
    .doc("An operator that the program or a shared library registered.")
    .variadic_input("data", "its inputs")
    .output("out", "its outputs")
    .required_attr("op_type", &CustomAttrs::op_type, "name under which it was registered")
    .attr("params", &CustomAttrs::params, "", "text that is handed to it")
    .num_inputs(num_inputs)
    .num_outputs(num_outputs)
    .complete(complete)
    .infer(infer)
    .cpu(kernel)
    .uses_train()
    .grad(backward, op::Saves{op::Saves::kAll, op::Saves::kAll});

PLAIT_OP(custom_backward, CustomBackAttrs)
    .doc("Gradients of the inputs of custom.")
    .variadic_input("data", "gradients of the outputs, inputs, outputs")
    .output("out", "a gradient for each input")
    .required_attr("op_type", &CustomBackAttrs::op_type, "as in custom")
    .attr("params", &CustomBackAttrs::params, "", "as in custom")
    .required_attr("num_inputs", &CustomBackAttrs::num_inputs, "number of inputs of custom")
    .required_attr("num_outputs", &CustomBackAttrs::num_outputs, "number of its outputs")
    .num_outputs([](const CustomBackAttrs& a) { return static_cast<int>(a.num_inputs); })
    .infer([](const CustomBackAttrs& a, const Specs& in) -> Specs {
      check(static_cast<int64_t>(in.size()) == a.num_inputs + 2 * a.num_outputs,
            ErrorKind::kInvalidArgument, "got ", in.size(), " arrays, must be ",
            a.num_inputs + 2 * a.num_outputs);
      const auto first = in.begin() + a.num_outputs;
      return Specs(first, first + a.num_inputs);
    })
    .cpu([](const CustomBackAttrs& a, const KernelArgs& k) {
      const auto n = static_cast<size_t>(a.num_inputs), m = static_cast<size_t>(a.num_outputs);
      op::find_custom(a.op_type)->backward(a.params, k.in.first(m), k.in.subspan(m, n),
                                           k.in.last(m), k.out);
    });

const bool kStates = op::set_control(
    plait_op_custom, {{},
                      nullptr,
                      nullptr,
                      [](const void* a, size_t i, size_t n, bool) { return is_state(a, i, n); },
                      is_state});

}  // namespace
}  // namespace plait::ops
