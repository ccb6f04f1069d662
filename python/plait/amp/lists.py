"""Which precision each operator gets, by its name in the registry.

Operators that stand nowhere below take what comes: their result has the type of their first input.
"""

import functools
import json

from .. import _array

__all__ = [
    "Rules",
    "check_target",
    "list_conditional_fp32_ops",
    "list_fp32_ops",
    "list_loss_output_functions",
    "list_lp16_fp32_ops",
    "list_lp16_ops",
    "list_lp16_use_fp32_params",
    "list_widest_type_cast",
    "registry_name",
]

# Products of matrices: most of the work, and sums are kept in float32 inside.
LOW = """
batch_dot convolution deconvolution deformable_convolution dot fully_connected
interleaved_matmul_encdec_qk interleaved_matmul_encdec_valatt interleaved_matmul_selfatt_qk
interleaved_matmul_selfatt_valatt matmul modulated_deformable_convolution rnn
scaled_dot_product_attention
""".split()

# Results that leave the range of float16, or sums of many terms.
WIDE = """
adaptive_avg_pooling allclose arccos arccosh arcsin arcsinh arctan arctan2 arctanh bilinear_resize
bilinear_sampler bipartite_matching box_decode box_encode box_iou box_nms cbrt cholesky col2im
correlation cosh cumprod cumsum det digamma erfinv exp exp2 expm1 gamma gammaln grid_generator
group_norm hypot hypot_scalar im2col instance_norm inverse khatri_rao l2_normalization layer_norm
linalg_extractdiag linalg_extracttrian linalg_gelqf linalg_gemm linalg_gemm2 linalg_makediag
linalg_maketrian linalg_potri linalg_sumlogdiag linalg_syevd linalg_syrk linalg_trmm linalg_trsm log
log10 log1p log2 log_softmax logaddexp lrn moments multi_box_detection multi_box_prior
multi_box_target nd_mean nd_nanprod nd_nansum nd_norm nd_prod nd_sum norm mean nanprod nansum power
power_scalar prod quadratic rcbrt rdivide_scalar reciprocal rms_norm roi_align roi_pooling
rpower_scalar rsqrt sinh slogdet smooth_l1 softmax softmax_activation softmin spatial_transformer
sqrt square sum sync_batch_norm tan
""".split()

# Losses, and outputs that know their gradient.
LOSSES = """
ctc_loss linear_regression_output logistic_regression_output mae_regression_output make_loss
softmax_cross_entropy softmax_output svm_output
""".split()

# Operators on several arrays that must agree.
WIDEST = """
add add_n concat copysign divide equal fmax fmin fmod greater greater_equal leaky_relu less
less_equal logical_and logical_or logical_xor maximum minimum mod multiply not_equal np_equal
np_greater np_greater_equal np_less np_less_equal np_logical_and np_logical_or np_logical_xor
np_not_equal stack subtract true_divide where
""".split()

# Operators of this kind if the attribute has one of these values.
CONDITIONAL = [
    ("activation", "act_type", ["softrelu"]),
    ("leaky_relu", "act_type", ["elu", "selu"]),
]

# Parameters that stay in float32 beside data of 16 bits.
KEPT_PARAMETERS = {"batch_norm": ["gamma", "beta", "moving_mean", "moving_var"]}


def check_target(dtype):
    """The name of a type of 16 bits, given as a name or type; others are refused."""
    name = getattr(dtype, "__name__", None) or getattr(dtype, "name", None) or dtype
    if name not in ("float16", "bfloat16"):
        raise ValueError(f"amp: target_dtype is {dtype!r}, must be 'float16' or 'bfloat16'")
    return name


@functools.cache
def _names():
    """dict of the name in a file or in a program to the name in the registry."""
    table = {}
    for operator in _array.operators():
        table[operator.name] = operator.name
        for _, name in json.loads(operator.describe_json())["surfaces"]:
            table.setdefault(name, operator.name)
            if "." in name:
                table.setdefault("_" + name.replace(".", "_"), operator.name)
    # Names that only files have.
    for name in ("less", "less_equal"):
        spelt = name.replace("less", "lesser")
        table[f"broadcast_{spelt}"] = table[f"_{spelt}"] = name
        table[f"_{spelt}_scalar"] = f"{name}_scalar"
    table["broadcast_div"] = table.get("broadcast_div", "divide")
    return table


def registry_name(name):
    """Name in the registry of an operator as programs and files name it; None if unknown."""
    return _names().get(name) or _names().get(name.removeprefix("_npi_").removeprefix("_npx_"))


def _known(names, argument):
    """Names in the registry; unknown ones are refused."""
    found = [registry_name(name) for name in names or ()]
    for name, known in zip(names or (), found, strict=True):
        if known is None:
            raise ValueError(f"amp: {argument} has {name!r}, must be names of operators")
    return found


class Rules:
    """What becomes of the inputs of each operator.

    Parameters
    ----------
    target : {'float16', 'bfloat16'}
    low, wide : list of str, optional
        Further operators in 16 bits and in float32; they override the lists above.
    conditional : list of (str, str, list of str), optional
        Further (operator, attribute, values) in float32.
    """

    def __init__(self, target, low=None, wide=None, conditional=None):
        self.target = check_target(target)
        self.kinds = dict.fromkeys(LOW, "low")
        self.kinds.update(dict.fromkeys([*WIDE, *LOSSES], "wide"))
        self.kinds.update(dict.fromkeys(WIDEST, "widest"))
        low = _known(low, "target_precision_ops")
        wide = _known(wide, "fp32_ops")
        if both := set(low) & set(wide):
            raise ValueError(f"amp: {sorted(both)} are in two lists, must be in one")
        self.kinds.update(dict.fromkeys(low, "low"))
        self.kinds.update(dict.fromkeys(wide, "wide"))
        self.conditional = {}
        for name, attribute, values in [*CONDITIONAL, *(conditional or ())]:
            [known] = _known([name], "conditional_fp32_ops")
            self.conditional.setdefault(known, []).append((attribute, set(values)))

    def kind(self, name, value_of):
        """'low', 'wide', 'widest' or None; ``value_of(attribute)`` gives the text of a value."""
        for attribute, values in self.conditional.get(name, ()):
            if value_of(attribute) in values:
                return "wide"
        return self.kinds.get(name)


def list_lp16_ops(target_dtype="float16"):
    """Operators that run in 16 bits."""
    check_target(target_dtype)
    return list(LOW)


def list_fp32_ops(target_dtype="float16"):
    """Operators that run in float32."""
    check_target(target_dtype)
    return list(WIDE)


def list_lp16_fp32_ops(target_dtype="float16"):
    """Operators that run in the type of their inputs."""
    check_target(target_dtype)
    listed = {*LOW, *WIDE, *LOSSES, *WIDEST}
    return sorted(op.name for op in _array.operators() if op.name not in listed)


def list_conditional_fp32_ops(target_dtype="float16"):
    """Triples (operator, attribute, values) that run in float32."""
    check_target(target_dtype)
    return list(CONDITIONAL)


def list_widest_type_cast(target_dtype="float16"):
    """Operators whose inputs are brought to the widest type among them."""
    check_target(target_dtype)
    return list(WIDEST)


def list_loss_output_functions(target_dtype="float16"):
    """Losses, which run in float32."""
    check_target(target_dtype)
    return list(LOSSES)


def list_lp16_use_fp32_params(target_dtype="float16"):
    """dict of operator to parameters that stay in float32."""
    check_target(target_dtype)
    return {name: list(params) for name, params in KEPT_PARAMETERS.items()}
