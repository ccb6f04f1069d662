"""What symbols do in expressions: operators, methods of operators, conversion."""

import numpy as np

from ..base import dtype_name

__all__ = ["Arithmetic"]

_FLUENT = frozenset(
    (
        "reshape reshape_like flatten expand_dims squeeze transpose swapaxes flip tile repeat "
        "pad split slice slice_axis slice_like take one_hot pick sort topk argsort argmax "
        "argmax_channel argmin clip abs sign sum nansum prod nanprod mean max min norm round "
        "rint fix floor ceil trunc sin cos tan arcsin arccos arctan degrees radians sinh cosh "
        "tanh arcsinh arccosh arctanh exp expm1 log log10 log2 log1p sqrt rsqrt cbrt rcbrt "
        "square reciprocal relu sigmoid softmax log_softmax softmin broadcast_to broadcast_axes "
        "broadcast_like zeros_like ones_like diag shape_array size_array depth_to_space "
        "space_to_depth split_v2"
    ).split()
)

# MXNet spells a few operators with capitals only.
_SPELLING = {
    "reshape": "Reshape",
    "flatten": "Flatten",
    "swapaxes": "SwapAxis",
    "split": "SliceChannel",
}


_WORDS = {
    "add": "plus",
    "subtract": "minus",
    "multiply": "mul",
    "divide": "div",
    "less": "lesser",
    "less_equal": "lesser_equal",
}

_COMPARISONS = ("equal", "not_equal", "greater", "greater_equal", "less", "less_equal")


def binary_hint(op, scalar=False, side=""):
    """MXNet's name for a node of two operands: `_plus`, `_rminusscalar`, `_equal_scalar`.

    Parameters
    ----------
    op : str
        Name in the registry.
    scalar : bool
        Whether one operand is a number.
    side : str
        "r" if the number stands in front and that makes a difference.
    """
    word = _WORDS.get(op, op)
    if not scalar:
        return f"_{word}"
    return f"_{side}{word}{'_' * (op in _COMPARISONS)}scalar"


def operator(name):
    """The function of `mx.sym` that a method or an operator sign stands for."""
    from .._gen import sym

    if name == "split_v2":
        from .shorthand import split_v2

        return split_v2
    return getattr(sym, name, None) or getattr(sym, _SPELLING.get(name, name))


class Arithmetic:
    """Base of Symbol: each method applies an operator of the registry."""

    __slots__ = ()
    __array_priority__ = 1000.0

    def _binary(self, other, op, reflected=False):
        """`op` of the registry; the node gets the name that MXNet would give it."""
        from .compose import compose

        if isinstance(other, Arithmetic):
            return compose(op, None, (self, other), {}, hint=binary_hint(op))
        if isinstance(other, (int, float, np.number, bool)):
            attrs, side = {"scalar": float(other)}, "r" if reflected else ""
            hint = "_rpower_scalar" if side and op == "power" else binary_hint(op, True, side)
            return compose(f"{side}{op}_scalar", None, (self,), attrs, hint=hint)
        return NotImplemented

    def __add__(self, other):
        return self._binary(other, "add")

    __radd__ = __add__

    def __sub__(self, other):
        return self._binary(other, "subtract")

    def __rsub__(self, other):
        return self._binary(other, "subtract", True)

    def __mul__(self, other):
        return self._binary(other, "multiply")

    __rmul__ = __mul__

    def __truediv__(self, other):
        return self._binary(other, "divide")

    def __rtruediv__(self, other):
        return self._binary(other, "divide", True)

    def __mod__(self, other):
        return self._binary(other, "mod")

    def __rmod__(self, other):
        return self._binary(other, "mod", True)

    def __pow__(self, other):
        return self._binary(other, "power")

    def __rpow__(self, other):
        return self._binary(other, "power", True)

    def __eq__(self, other):
        return self._binary(other, "equal")

    def __ne__(self, other):
        return self._binary(other, "not_equal")

    def __gt__(self, other):
        return self._binary(other, "greater")

    def __ge__(self, other):
        return self._binary(other, "greater_equal")

    def __lt__(self, other):
        return self._binary(other, "less")

    def __le__(self, other):
        return self._binary(other, "less_equal")

    def __neg__(self):
        from .compose import compose

        return compose("negative", None, (self,), {}, hint="_mulscalar")

    def __abs__(self):
        return operator("abs")(self)

    __hash__ = object.__hash__

    def reshape(self, *shape, **kwargs):
        """The elements in another shape; MXNet's codes 0, -1, -2, -3, -4 hold."""
        shape = kwargs.pop("shape", shape)
        if len(shape) == 1 and isinstance(shape[0], (tuple, list)):
            shape = shape[0]
        return operator("reshape")(self, shape=tuple(shape), **kwargs)

    def transpose(self, *axes, **kwargs):
        """The axes in another order, by default reversed."""
        axes = kwargs.pop("axes", axes)
        if len(axes) == 1 and isinstance(axes[0], (tuple, list)):
            axes = axes[0]
        return operator("transpose")(self, axes=tuple(axes), **kwargs)

    @property
    def T(self):
        """The transposed symbol."""
        return self.transpose()

    def astype(self, dtype):
        """Elements converted to `dtype`."""
        return operator("Cast")(self, dtype=dtype_name(dtype))


def _method(name):
    def method(self, *args, **kwargs):
        return operator(name)(self, *args, **kwargs)

    method.__name__, method.__qualname__ = name, f"Symbol.{name}"
    method.__doc__ = f"As `mx.sym.{_SPELLING.get(name, name)}` of this symbol."
    return method


for _name in _FLUENT - {"reshape", "transpose"}:
    setattr(Arithmetic, _name, _method(_name))
