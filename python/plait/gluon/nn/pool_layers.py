"""Pooling in one to three dimensions."""

from ..hybrid_block import HybridBlock
from .conv_layers import LAYOUTS, as_tuple

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


class _MaxPool(_Pool):
    """Largest element of each window; `strides` defaults to `pool_size`."""

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
    """Mean of each window; `count_include_pad`: whether padding counts as elements of value 0."""

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
    """One value for each channel: the window is the whole input."""

    _global = True

    def __init__(self, layout=None, prefix=None, params=None):
        super().__init__(1, None, 0, True, layout, prefix, params)


def _family(base, stem, **members):
    """The classes of `stem` for one to three dimensions."""
    return [
        type(
            f"{stem}{n}D",
            (base,),
            {"_ndim": n, "__doc__": base.__doc__, "__module__": __name__, **members},
        )
        for n in (1, 2, 3)
    ]


MaxPool1D, MaxPool2D, MaxPool3D = _family(_MaxPool, "MaxPool")
AvgPool1D, AvgPool2D, AvgPool3D = _family(_AvgPool, "AvgPool")
GlobalMaxPool1D, GlobalMaxPool2D, GlobalMaxPool3D = _family(
    _GlobalPool, "GlobalMaxPool", _type="max"
)
GlobalAvgPool1D, GlobalAvgPool2D, GlobalAvgPool3D = _family(
    _GlobalPool, "GlobalAvgPool", _type="avg"
)
