#include "op/invoke.h"

namespace plait::op {

void check_count(const Op& op, const AttrsRef& attrs, size_t given) {
  size_t least = op.least_inputs, most = op.most_inputs;
  if (op.num_inputs) {
    least = most =
        static_cast<size_t>(op.num_inputs(op, op.data_of(attrs), static_cast<int>(given)));
  }
  if (given >= least && given <= most) return;
  fail(ErrorKind::kInvalidArgument, op.name, ": got ", given, " input arrays, must be ",
       least == most ? "" : "at least ", least);
}

namespace {

// Complex numbers reach only operators that know them.
void check_inputs(const Op& op, const Specs& in) {
  if (op.complex) return;
  for (size_t i = 0; i < in.size(); ++i) {
    check(!is_complex(in[i].dtype), ErrorKind::kType, op.input_def(i).name, " has dtype ",
          in[i].dtype, ", must be real");
  }
}

// They come only from such. Arrays have 0 to 2^63 - 1 elements, also where nothing is allocated
// yet.
void check_results(const Op& op, const Specs& out) {
  for (const Spec& s : out) {
    check(op.complex || !is_complex(s.dtype), ErrorKind::kType, "dtype is ", s.dtype,
          ", must be real");
    bool is_empty = false, is_large = false;
    int64_t n = 1;
    for (int64_t d : s.shape) {
      check(d >= 0, ErrorKind::kShape, "a result has shape ", s.shape, ", must have sizes >= 0");
      is_empty |= d == 0;
      is_large |= __builtin_mul_overflow(n, d, &n);
    }
    check(is_empty || !is_large, ErrorKind::kShape, "a result has shape ", s.shape,
          ", must have at most 2^63 - 1 elements");
  }
}

}  // namespace

int num_outputs(const Op& op, const AttrsRef& attrs) try {
  return op.num_outputs ? op.num_outputs(op, op.data_of(attrs))
                        : static_cast<int>(op.outputs.size());
} catch (const Error& e) {
  throw Error(e.kind(), cat(op.name, ": ", e.what()));
}

int visible_outputs(const Op& op, const AttrsRef& attrs) {
  if (op.visible_outputs) return op.visible_outputs(op, op.data_of(attrs));
  return num_outputs(op, attrs) - op.hidden_outputs;
}

void infer(const Op& op, const AttrsRef& attrs, const Specs& in, Specs& out) {
  check_count(op, attrs, in.size());
  try {
    if (op.infer) {
      check_inputs(op, in);
      op.infer(op, op.data_of(attrs), in, out);
      check_results(op, out);
      return;
    }
    const Dims strides = contiguous_strides(in[0].shape);
    const View view{nullptr, &in[0].shape, &strides, in[0].dtype, true};
    ViewPlan plan;
    op.view(op, op.data_of(attrs), view, plan);
    out.clear();
    out.push_back({std::move(plan.shape), in[0].dtype});
  } catch (const Error& e) {
    throw Error(e.kind(), cat(op.name, ": ", e.what()));
  }
}

bool needs_gradient(const Op& op) { return op.name.find("_backward") != std::string::npos; }

void fail_without_gradient(const Op& op) {
  fail(ErrorKind::kNotImplemented, op.name,
       ": has no gradient, must not lie between the head and a variable\n"
       "  hint: detach its input or use stop_gradient");
}

}  // namespace plait::op
