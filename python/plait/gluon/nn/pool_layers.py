"""Pooling in one to three dimensions."""

from ..hybrid_block import HybridBlock
from .conv_layers import LAYOUTS, as_tuple
from .shapes import of_dimensions

__all__ = [
    "MaxPool1D",
    "MaxPool2D",
    "MaxPool3D",
    "AvgPool1D",
    "AvgPool2D",
    "AvgPool3D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPool3D",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalAvgPool3D",
]


class _Pool(HybridBlock):
    """Pooling over a window; subclasses tell ``_ndim``, ``_type`` and ``_global``."""

    _global = False

    def __init__(self, pool_size, strides, padding, ceil_mode, layout, prefix, params, **extra):
        super().__init__(prefix=prefix, params=params)
        n = self._ndim
        if isinstance(ceil_mode, str) or isinstance(layout, bool):
            ceil_mode, layout = layout, ceil_mode  # MXNet's classes differ in the order of the two
        layout = layout or LAYOUTS[n - 1]
        if layout != LAYOUTS[n - 1]:
            raise ValueError(
                f"{type(self).__name__}: layout is {layout!r}, must be {LAYOUTS[n - 1]!r}"
            )
        kernel = as_tuple(pool_size, n, "pool_size")
        self._kwargs = {
            "kernel": kernel,
            "pad": as_tuple(padding, n, "padding"),
            "stride": kernel if strides is None else as_tuple(strides, n, "strides"),
            "global_pool": self._global,
            "pool_type": self._type,
            "layout": layout,
            "pooling_convention": "full" if ceil_mode else "valid",
            **extra,
        }

    def _alias(self):
        return "pool"

    def hybrid_forward(self, F, x):
        return F.Pooling(x, name="fwd", **self._kwargs)

    def __repr__(self):
        return (
            f"{type(self).__name__}(size={self._kwargs['kernel']}, "
            f"stride={self._kwargs['stride']}, padding={self._kwargs['pad']}, "
            f"ceil_mode={self._kwargs['pooling_convention'] == 'full'}, "
            f"global_pool={self._kwargs['global_pool']}, pool_type={self._kwargs['pool_type']}, "
            f"layout={self._kwargs['layout']})"
        )


_PARAMETERS = """

    A size s of the input gives ``(s + 2 padding - pool_size) // strides + 1`` of the output.

    Parameters
    ----------
    pool_size : int or tuple of int
        Size of the window, in elements; one for all axes, or one for each of {axes}.
    strides : int or tuple of int, optional
        From one window to the next; default `pool_size`.
    padding : int or tuple of int
        Elements added on both sides.
    ceil_mode : bool
        Whether the division is rounded up, so that a last window may stand over the end.
    layout : str
        Order of the axes: '{layout}' only.
"""


class _MaxPool(_Pool):
    __doc__ = (
        "Largest element of each window: (n, c, {axes}) becomes (n, c, {axes'})." + _PARAMETERS
    )

    _type = "max"

    def __init__(
        self,
        pool_size=2,
        strides=None,
        padding=0,
        layout=None,
        ceil_mode=False,
        prefix=None,
        params=None,
    ):
        super().__init__(pool_size, strides, padding, ceil_mode, layout, prefix, params)


class _AvgPool(_Pool):
    __doc__ = (
        "Mean of each window: (n, c, {axes}) becomes (n, c, {axes'})."
        + _PARAMETERS
        + """    count_include_pad : bool
        Whether padding counts as elements of value 0.
"""
    )

    _type = "avg"

    def __init__(
        self,
        pool_size=2,
        strides=None,
        padding=0,
        ceil_mode=False,
        layout=None,
        count_include_pad=True,
        prefix=None,
        params=None,
    ):
        super().__init__(
            pool_size,
            strides,
            padding,
            ceil_mode,
            layout,
            prefix,
            params,
            count_include_pad=count_include_pad,
        )


class _GlobalPool(_Pool):
    """{kind} of each channel: (n, c, {axes}) becomes (n, c) and an axis of 1 for each of {axes}.

    Parameters
    ----------
    layout : str
        Order of the axes: '{layout}' only.
    """

    _global = True

    def __init__(self, layout=None, prefix=None, params=None):
        super().__init__(1, None, 0, True, layout, prefix, params)


_KINDS = {"max": "Largest element", "avg": "Mean"}


def _family(base, stem, **members):
    """The classes of `stem` for one to three dimensions."""
    made = []
    for n in (1, 2, 3):
        kind = _KINDS[members.get("_type") or base._type]
        doc = of_dimensions(base, n, layout=LAYOUTS[n - 1], kind=kind)
        names = {"_ndim": n, "__doc__": doc, "__module__": __name__, **members}
        made.append(type(f"{stem}{n}D", (base,), names))
    return made


MaxPool1D, MaxPool2D, MaxPool3D = _family(_MaxPool, "MaxPool")
AvgPool1D, AvgPool2D, AvgPool3D = _family(_AvgPool, "AvgPool")
GlobalMaxPool1D, GlobalMaxPool2D, GlobalMaxPool3D = _family(
    _GlobalPool, "GlobalMaxPool", _type="max"
)
GlobalAvgPool1D, GlobalAvgPool2D, GlobalAvgPool3D = _family(
    _GlobalPool, "GlobalAvgPool", _type="avg"
)
