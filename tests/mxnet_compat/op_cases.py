"""Calls of operators that both MXNet 1.9.1 and plait have, with random arguments."""

import numpy as np

UNARY = {
    "abs arctan arcsinh cbrt ceil cos cosh degrees erf exp expm1 fix floor negative radians "
    "relu rint round sigmoid sign sin sinh softsign square tan tanh trunc identity zeros_like "
    "ones_like logical_not BlockGrad make_loss hard_sigmoid": (-2, 2),
    "log log10 log1p log2 sqrt rsqrt reciprocal rcbrt gamma gammaln digamma": (0.3, 4),
    "arccos arcsin arctanh erfinv": (-0.9, 0.9),
    "arccosh": (1.1, 3),
}
BINARY = (
    "broadcast_add broadcast_sub broadcast_mul broadcast_div broadcast_maximum broadcast_minimum "
    "broadcast_power broadcast_mod broadcast_hypot broadcast_equal broadcast_not_equal "
    "broadcast_greater broadcast_greater_equal broadcast_lesser broadcast_lesser_equal "
    "broadcast_logical_and broadcast_logical_or broadcast_logical_xor"
)
SAME = (
    "elemwise_add elemwise_sub elemwise_mul elemwise_div _maximum _minimum _power _mod _hypot "
    "_equal _not_equal _greater _greater_equal _lesser _lesser_equal _logical_and _logical_or "
    "_logical_xor _plus _minus _mul _div _add _sub"
)
SCALAR = (
    "_plus_scalar _minus_scalar _rminus_scalar _mul_scalar _div_scalar _rdiv_scalar "
    "_maximum_scalar _minimum_scalar _power_scalar _rpower_scalar _mod_scalar _rmod_scalar "
    "_hypot_scalar _equal_scalar _not_equal_scalar _greater_scalar _greater_equal_scalar "
    "_lesser_scalar _lesser_equal_scalar _logical_and_scalar _logical_or_scalar "
    "_logical_xor_scalar"
)
REDUCE = "sum mean prod max min nansum nanprod"
# Operators whose gradient MXNet does not define, or defines for other inputs only.
NO_GRADIENT = {"zeros_like", "ones_like", "logical_not"}


class Draw:
    """Random arguments; every call of `add` makes one case."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.cases = []

    def real(self, *shape, low=-2.0, high=2.0, dtype="float32"):
        return self.rng.uniform(low, high, shape).astype(dtype)

    def whole(self, *shape, high, low=0, dtype="float32"):
        return self.rng.integers(low, high, shape).astype(dtype)

    def shape(self, ndim=None, most=5):
        ndim = ndim or int(self.rng.integers(1, 5))
        return tuple(int(n) for n in self.rng.integers(1, most + 1, ndim))

    def add(self, name, inputs, attrs=None, grad=(), **options):
        """`grad`: inputs whose gradient is compared; options: tolerance, train, path."""
        self.cases.append(
            {"name": name, "inputs": inputs, "attrs": attrs or {}, "grad": tuple(grad), **options}
        )


def elementwise(d):
    for names, (low, high) in UNARY.items():
        for name in names.split():
            for dtype in ("float32", "float64", "float16"):
                x = d.real(*d.shape(), low=low, high=high, dtype=dtype)
                d.add(name, [x], grad=() if name in NO_GRADIENT or dtype == "float16" else (0,))
    for name in BINARY.split():
        a, b = d.shape(3), list(d.shape(3))
        b = [n if d.rng.integers(2) else 1 for n in a]
        positive = "power" in name or "mod" in name or "div" in name
        low = 0.5 if positive else -2
        grad = (0, 1) if not any(w in name for w in ("equal", "great", "less", "logical")) else ()
        d.add(name, [d.real(*a, low=low), d.real(*b, low=low)], grad=grad)
        d.add(name, [d.whole(*a, low=1, high=4), d.whole(*b, low=1, high=4)])
    for name in SAME.split():
        a = d.shape(3)
        d.add(name, [d.real(*a, low=0.5), d.real(*a, low=0.5)])
        d.add(name, [d.whole(*a, low=1, high=4, dtype="int32")] * 2)
    for name in SCALAR.split():
        d.add(name, [d.real(*d.shape(), low=0.5)], {"scalar": 1.5})
        d.add(name, [d.whole(*d.shape(), high=4, dtype="int32")], {"scalar": 2})
    d.add("clip", [d.real(4, 5)], {"a_min": -0.5, "a_max": 1.0}, grad=(0,))
    d.add("smooth_l1", [d.real(4, 5)], {"scalar": 1.5}, grad=(0,))
    d.add("add_n", [d.real(2, 3), d.real(2, 3), d.real(2, 3)], grad=(0, 1, 2))
    d.add("where", [d.whole(3, 4, high=2), d.real(3, 4), d.real(3, 4)], grad=(1, 2))
    d.add("where", [d.whole(3, high=2), d.real(3, 4), d.real(3, 4)])
    d.add("Cast", [d.real(3, 4, low=0, high=9)], {"dtype": "int32"})
    d.add("amp_cast", [d.real(3, 4)], {"dtype": "float16"})
    d.add("_contrib_div_sqrt_dim", [d.real(3, 4)], grad=(0,))
    d.add("_contrib_quadratic", [d.real(3, 4)], {"a": 1.0, "b": 2.0, "c": 3.0}, grad=(0,))
    d.add("_contrib_gradientmultiplier", [d.real(3, 4)], {"scalar": 0.5}, grad=(0,))
    d.add("_contrib_round_ste", [d.real(3, 4)], grad=(0,))
    d.add("_contrib_sign_ste", [d.real(3, 4)], grad=(0,))
    d.add("_contrib_allclose", [d.real(3), d.real(3)])
    d.add("all_finite", [d.real(3, 4)])
    d.add("multi_all_finite", [d.real(3), d.real(2, 2)], {"num_arrays": 2})
    d.add("multi_sum_sq", [d.real(3), d.real(2, 2)], {"num_arrays": 2})


def reductions(d):
    for name in REDUCE.split():
        x = d.real(2, 3, 4, low=0.5)
        for attrs in (
            {},
            {"axis": ()},
            {"axis": 1},
            {"axis": (0, 2), "keepdims": True},
            {"axis": 1, "exclude": True},
            {"axis": -1},
        ):
            d.add(name, [x], attrs, grad=(0,))
    for attrs in ({}, {"ord": 1, "axis": 1}, {"axis": (0, 1), "keepdims": True}):
        d.add("norm", [d.real(2, 3, 4)], attrs, grad=(0,))
    for name in ("argmax", "argmin"):
        for attrs in ({}, {"axis": 0}, {"axis": 1, "keepdims": True}):
            d.add(name, [d.real(3, 4)], attrs)
    d.add("argmax_channel", [d.real(3, 4)])
    d.add("sum_axis", [d.real(3, 4)], {"axis": 0})
    d.add("_square_sum", [d.real(3, 4)], {"axis": 1})
    d.add("moments", [d.real(3, 4)], {"axes": (0,)}, grad=(0,))
    for ret in ("value", "indices", "mask", "both"):
        d.add("topk", [d.real(3, 6)], {"k": 2, "ret_typ": ret})
    d.add("topk", [d.real(3, 6)], {"k": 2, "axis": None, "ret_typ": "value", "is_ascend": True})
    for axis in (0, -1, None):
        d.add("sort", [d.real(3, 4)], {"axis": axis}, grad=(0,))
        d.add("argsort", [d.real(3, 4)], {"axis": axis, "is_ascend": False})


def shapes(d):
    x = d.real(2, 3, 4)
    for shape in ((0, -1), (-2,), (-3, 0), (-4, 1, 2, -2), (4, -1), (0, 0, -4, 2, 2), (-1,)):
        d.add("Reshape", [x], {"shape": shape}, grad=(0,))
    d.add("Reshape", [x], {"shape": (-1, 0), "reverse": True})
    d.add("Flatten", [x], grad=(0,))
    d.add("transpose", [x], {}, grad=(0,))
    d.add("transpose", [x], {"axes": (1, 0, 2)}, grad=(0,))
    d.add("SwapAxis", [x], {"dim1": 0, "dim2": 2}, grad=(0,))
    d.add("expand_dims", [x], {"axis": 1}, grad=(0,))
    d.add("squeeze", [d.real(1, 3, 1)], {}, grad=(0,))
    d.add("squeeze", [d.real(1, 3, 1)], {"axis": 0})
    d.add("broadcast_to", [d.real(1, 3)], {"shape": (2, 0)}, grad=(0,))
    d.add("broadcast_axis", [d.real(1, 3)], {"axis": 0, "size": 4}, grad=(0,))
    d.add("broadcast_like", [d.real(1, 3), d.real(4, 3)], grad=(0,))
    d.add("reshape_like", [x, d.real(6, 4)], grad=(0,))
    d.add("slice_like", [x, d.real(1, 2, 3)], {"axes": (1, 2)}, grad=(0,))
    d.add("Concat", [d.real(2, 3), d.real(2, 2)], {"dim": 1, "num_args": 2}, grad=(0, 1))
    d.add("stack", [d.real(2, 3), d.real(2, 3)], {"axis": 1, "num_args": 2}, grad=(0, 1))
    d.add("SliceChannel", [x], {"num_outputs": 3, "axis": 1, "squeeze_axis": True}, grad=(0,))
    d.add("slice", [x], {"begin": (0, 2), "end": (2, 0), "step": (1, -1)}, grad=(0,))
    d.add("slice", [x], {"begin": (None, 1), "end": (None, None)}, grad=(0,))
    d.add("slice_axis", [x], {"axis": 2, "begin": 1, "end": None}, grad=(0,))
    d.add("_slice_assign", [d.real(3, 4), d.real(2, 4)], {"begin": (1, 0), "end": (3, 4)})
    d.add("_slice_assign_scalar", [d.real(3, 4)], {"scalar": 2.0, "begin": (1,), "end": (2,)})
    d.add("_split_v2", [d.real(6, 2)], {"indices": (0, 2, 3), "axis": 0})
    d.add("flip", [x], {"axis": 1}, grad=(0,))
    d.add("tile", [x], {"reps": (2, 1, 3)}, grad=(0,))
    d.add("tile", [d.real(3)], {"reps": (2, 2)}, grad=(0,))
    d.add("repeat", [x], {"repeats": 2, "axis": 1}, grad=(0,))
    d.add("repeat", [x], {"repeats": 2}, grad=(0,))
    image = d.real(2, 3, 4, 5)
    for mode in ("constant", "edge", "reflect"):
        attrs = {"mode": mode, "pad_width": (0, 0, 0, 0, 1, 2, 2, 1)}
        d.add("Pad", [image], attrs, grad=(0,))
    d.add("depth_to_space", [d.real(1, 8, 2, 3)], {"block_size": 2}, grad=(0,))
    d.add("space_to_depth", [d.real(1, 2, 4, 6)], {"block_size": 2}, grad=(0,))
    d.add("diag", [d.real(3, 4)], {"k": 1}, grad=(0,))
    d.add("diag", [d.real(3)], {"k": -1}, grad=(0,))
    d.add("diag", [d.real(2, 3, 3)], {"axis1": 1, "axis2": 2})
    d.add("shape_array", [x])
    d.add("size_array", [x])
    d.add("_arange", [], {"start": 1.0, "stop": 6.0, "step": 2.0, "repeat": 2})
    d.add("_linspace", [], {"start": 1.0, "stop": 2.0, "num": 5})
    d.add("_eye", [], {"N": 3, "M": 4, "k": 1})
    d.add("_contrib_arange_like", [x], {"axis": 1})
    d.add("im2col", [image], {"kernel": (2, 2), "stride": (1, 2), "pad": (1, 0)}, grad=(0,))
    d.add("col2im", [d.real(1, 8, 6)], {"output_size": (3, 4), "kernel": (2, 2)}, grad=(0,))


def indices(d):
    x = d.real(4, 5, 6)
    for mode in ("clip", "wrap"):
        i = d.whole(2, 3, low=-6, high=9)
        d.add("take", [x, i], {"mode": mode, "axis": 1}, grad=(0,))
    d.add("pick", [d.real(3, 4), d.whole(3, high=4)], grad=(0,))
    d.add("pick", [d.real(3, 4), d.whole(3, high=4)], {"keepdims": True, "axis": 1})
    d.add("choose_element_0index", [d.real(3, 4), d.whole(3, high=4)])
    d.add("fill_element_0index", [d.real(3, 4), d.real(3), d.whole(3, high=4)])
    d.add("batch_take", [d.real(3, 4), d.whole(3, high=4, dtype="int32")], grad=(0,))
    d.add("one_hot", [d.whole(3, low=-1, high=5)], {"depth": 4, "on_value": 2.0})
    d.add("gather_nd", [x, d.whole(2, 3, high=4)], grad=(0,))
    points = np.array([[0, 2, 3], [1, 0, 4]], "float32")
    d.add("scatter_nd", [d.real(3, 6), points], {"shape": (4, 5, 6)}, grad=(0,))
    d.add("_scatter_set_nd", [x, d.real(3, 6), points.astype("int32")], {"shape": (4, 5, 6)})
    d.add("_ravel_multi_index", [d.whole(2, 3, high=4)], {"shape": (4, 5)})
    d.add("_unravel_index", [d.whole(4, high=20)], {"shape": (4, 5)})
    d.add("_contrib_index_array", [d.real(2, 3)])
    d.add("_contrib_index_array", [d.real(2, 3, 2)], {"axes": (2, 0)})
    rows = np.array([2, 0], "int32")
    d.add("_contrib_index_copy", [d.real(3, 4), rows, d.real(2, 4)], grad=(0, 2))
    d.add("_contrib_boolean_mask", [x, np.array([1, 0, 1, 1], "float32")], grad=(0,))
    d.add(
        "Embedding",
        [d.whole(2, 3, high=5), d.real(5, 4)],
        {"input_dim": 5, "output_dim": 4},
        grad=(1,),
    )


def densities(d):
    x, whole = d.real(2, 3, 4, low=0.3), d.whole(2, 3, 4, high=7)
    for name, points, bounds in (
        ("uniform", x, ((-1, 0), (2, 3))),
        ("normal", x, ((-1, 1), (0.5, 2))),
        ("gamma", x, ((0.6, 3), (0.5, 2))),
        ("exponential", x, ((0.5, 2),)),
        ("poisson", whole, ((0.5, 4),)),
        ("negative_binomial", whole, ((1, 4), (0.2, 0.8))),
        ("generalized_negative_binomial", whole, ((1, 4), (0.2, 0.8))),
    ):
        inputs = [points, *(d.real(2, 3, low=low, high=high) for low, high in bounds)]
        for is_log in (False, True):
            d.add(f"_random_pdf_{name}", inputs, {"is_log": is_log}, grad=range(len(inputs)))
    point = d.real(2, 4, 3, low=0.2, high=1)
    point /= point.sum(-1, keepdims=True)
    for is_log in (False, True):
        inputs = [point, d.real(2, 3, low=0.7, high=3)]
        d.add("_random_pdf_dirichlet", inputs, {"is_log": is_log}, grad=(0, 1))


GROUPS = (elementwise, reductions, shapes, indices, densities)
