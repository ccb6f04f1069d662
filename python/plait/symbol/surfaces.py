"""NumPy's names for symbols, `mx.sym.np` and `mx.sym.npx`, made from the registry on demand."""

import functools
import inspect
import json
import operator as python
from numbers import Number

from .. import _array
from . import control, numpy_functions, numpy_random, shorthand
from .by_shapes import of_shapes
from .compose import compose
from .create import arange, full, ones, zeros

__all__ = ["np", "npx"]

_REQUIRED, _MANY = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.VAR_POSITIONAL

# What takes numbers in place of one of its two arrays.
_BINARY = {
    "add": python.add, "subtract": python.sub, "multiply": python.mul, "mod": python.mod,
    "true_divide": python.truediv, "divide": python.truediv, "remainder": python.mod,
    "power": python.pow, "equal": python.eq, "not_equal": python.ne, "less": python.lt,
    "less_equal": python.le, "greater": python.gt, "greater_equal": python.ge,
    "maximum": shorthand.maximum, "minimum": shorthand.minimum, "hypot": shorthand.hypot,
}  # fmt: skip


@functools.cache
def _operators(surface):
    """{name on the surface: description}."""
    found = {}
    for op in _array.operators():
        description = json.loads(op.describe_json())
        for where, name in description["surfaces"]:
            if where == surface:
                found[name] = description
    return found


def _parameters(description):
    names = {i["name"] for i in description["inputs"]}
    for i in description["inputs"]:
        many = i["kind"] == "variadic"
        default = inspect.Parameter.empty if many else None
        yield inspect.Parameter(i["name"], _MANY if many else _REQUIRED, default=default)
    for a in description["attrs"]:
        if a["name"] not in names:
            yield inspect.Parameter(a["name"], _REQUIRED, default=a["default"])


def _function(surface, name, description):
    """The function of symbols for an operator: inputs, then attributes, as its signature says."""
    many = [i["name"] for i in description["inputs"] if i["kind"] == "variadic"]
    inputs = [i["name"] for i in description["inputs"]]
    own = list(_parameters(description))
    if many:  # attributes come by keyword behind any number of symbols
        own = [p if p.name in inputs else p.replace(kind=p.KEYWORD_ONLY) for p in own]
    signature = inspect.Signature(own)

    def function(*args, name=None, attr=None, **kwargs):
        if many and len(args) == 1 and isinstance(args[0], (list, tuple)):
            args = args[0]
        given = signature.bind(*args, **kwargs).arguments
        if public in _BINARY and any(isinstance(given.get(i), Number) for i in inputs):
            return _BINARY[public](*(given[i] for i in inputs))
        attrs = {k: v for k, v in given.items() if k not in inputs}
        symbols = {i: given.get(i) for i in inputs}
        if many:
            plain = [symbols[i] for i in inputs if i not in many]
            symbols = (*plain, *given.get(many[0], ()))
        return compose(description["name"], name, symbols, attrs, attr, hint=public)

    public = name
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{description['doc']}\n\nAs `mx.{surface}.{name}`, of symbols."
    function.__signature__ = signature
    return function


# Functions of `mx.np` and `mx.npx` that symbols of known shapes have too. Not here: what computes
# with values, such as `unique`, what makes arrays of numbers, and what tells of dtypes.
_OF_ARRAYS = {
    "np": """
        alltrue argpartition array_split atleast_1d atleast_2d atleast_3d block broadcast_arrays
        column_stack concat convolve corrcoef count_nonzero cov cross cumulative_prod cumulative_sum
        divmod dsplit dstack einsum float_power hsplit hstack indices insert interp isclose isin
        kron linalg.cond linalg.matrix_norm linalg.matrix_power linalg.multi_dot linalg.pinv
        linalg.svdvals linalg.tensorinv linalg.tensorsolve linalg.vecdot linalg.vector_norm
        logaddexp2 matrix_transpose median meshgrid modf moveaxis nancumprod nancumsum nanmax
        nanmean nanmin nanstd nanvar pad percentile permute_dims positive product ptp
        put_along_axis quantile random.bernoulli random.binomial random.choice random.geometric
        random.multinomial random.multivariate_normal random.permutation random.poisson
        random.randn random.random random.random_sample random.standard_exponential
        random.standard_gamma random.standard_normal resize rollaxis rot90 row_stack searchsorted
        select sinc take_along_axis tensordot trapezoid trapz tril_indices unstack vander vecdot
        vsplit vstack
    """.split(),
    "npx": """
        constraint_check index_add index_update masked_log_softmax masked_softmax reshape
        random.bernoulli random.normal random.normal_n random.poisson random.uniform
        random.uniform_n
    """.split(),
}

# Names of MXNet 2 for functions of `mx.sym`.
_OF_SYM = {
    "np": {},
    "npx": {
        "batch_norm_with_relu": "contrib.BatchNormWithReLU",
        "broadcast_greater": "broadcast_greater",
        "deformable_convolution": "contrib.DeformableConvolution",
        "modulated_deformable_convolution": "contrib.ModulatedDeformableConvolution",
        "sync_batch_norm": "contrib.SyncBatchNorm",
        "contrib_quantize": "contrib.quantize",
        "contrib_quantize_v2": "contrib.quantize_v2",
        "contrib_calibrate_entropy": "contrib.calibrate_entropy",
        **{
            name: f"contrib.{name}"
            for name in """
                bipartite_matching box_decode box_encode box_iou box_nms quantized_act
                quantized_conv quantized_elemwise_add quantized_elemwise_mul quantized_embedding
                quantized_flatten quantized_fully_connected quantized_pooling quantized_reshape
                quantized_transpose requantize round_ste sign_ste sldwin_atten_context
                sldwin_atten_mask_like sldwin_atten_score
            """.split()
        },
    },
}


def _inside(namespace, path):
    for part in path.split("."):
        namespace = getattr(namespace, part, None)
    return namespace


def _found_elsewhere(surface, name):
    """The function for a name that is no operator of the surface; None if there is none."""
    import plait

    if name in _OF_ARRAYS[surface]:
        return of_shapes(name, _inside(getattr(plait, surface), name))
    return _inside(plait.sym, _OF_SYM[surface][name]) if name in _OF_SYM[surface] else None


def _elsewhere(surface):
    """Names for which `_found_elsewhere` gives a function."""
    import plait

    more = [n for n, path in _OF_SYM[surface].items() if _inside(plait.sym, path)]
    return [*_OF_ARRAYS[surface], *more]


class Surface:
    """The names of a surface, those of its sub-namespaces behind a dot."""

    def __init__(self, surface, prefix="", **functions):
        self._surface, self._prefix = surface, prefix
        vars(self).update(functions)

    def __getattr__(self, name):
        table, whole = _operators(self._surface), self._prefix + name
        if whole in table:
            found = _function(self._surface, whole, table[whole])
        elif any(n.startswith(f"{whole}.") for n in (*table, *_OF_ARRAYS[self._surface])):
            found = Surface(self._surface, f"{whole}.")
        else:
            found = _found_elsewhere(self._surface, whole)
        if found is None:
            raise AttributeError(f"mx.sym.{self._surface} has no attribute {whole!r}")
        setattr(self, name, found)
        return found

    def __dir__(self):
        names = [n for n in _operators(self._surface) if n.startswith(self._prefix)]
        names += [n for n in _elsewhere(self._surface) if n.startswith(self._prefix)]
        inside = {n[len(self._prefix) :].split(".")[0] for n in names}
        return sorted(inside | {n for n in vars(self) if not n.startswith("_")})

    def __repr__(self):
        inside = f".{self._prefix[:-1]}" if self._prefix else ""
        return f"<namespace mx.sym.{self._surface}{inside}>"


def _concatenate(seq, axis=0, name=None):
    """Symbols joined along an axis."""
    return compose("concat", name, tuple(seq), {"dim": axis}, hint="concatenate")


def _stack(arrays, axis=0, name=None):
    """Symbols of one shape joined along a new axis."""
    return compose("stack", name, tuple(arrays), {"axis": axis}, hint="stack")


def _of_two(op):
    def function(a, b, name=None):
        return compose(op, name, (a, b), {})

    function.__name__ = function.__qualname__ = op
    function.__doc__ = f"As `mx.np.{op}`, of symbols."
    return function


np = Surface(
    "np",
    **numpy_functions.FUNCTIONS,
    linalg=Surface("np", "linalg.", **numpy_functions.LINALG),
    random=Surface("np", "random.", **numpy_random.FUNCTIONS),
    concatenate=_concatenate,
    stack=_stack,
    matmul=_of_two("matmul"),
    zeros=zeros,
    ones=ones,
    full=full,
    arange=arange,
    histogram=shorthand.histogram,
)
npx = Surface("npx", foreach=control.foreach, while_loop=control.while_loop, cond=control.cond)
