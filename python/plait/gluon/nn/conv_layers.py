"""Convolution and pooling in one to three dimensions."""

from ..hybrid_block import HybridBlock
from .basic_layers import Activation

__all__ = [
    "Conv1D",
    "Conv2D",
    "Conv3D",
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

_LAYOUTS = ("NCW", "NCHW", "NCDHW")


def _tuple(value, ndim, name):
    value = (value,) * ndim if isinstance(value, int) else tuple(value)
    if len(value) != ndim:
        raise ValueError(f"{name} is {value}, must be an int or {ndim} ints")
    return value


class _Conv(HybridBlock):
    """Convolution; subclasses tell the number of dimensions by ``_ndim``.

    Parameters
    ----------
    channels : int
        Channels of the output.
    kernel_size, strides, padding, dilation : int or tuple of int
        In elements, by dimension.
    groups : int
        Number of groups that channels are divided into.
    layout : str
        Order of the axes of the input.
    in_channels : int
        Channels of the input; 0: told by the first forward pass.
    activation : str, optional
        As in `Activation`.
    """

    def __init__(
        self,
        channels,
        kernel_size,
        strides=1,
        padding=0,
        dilation=1,
        groups=1,
        layout=None,
        activation=None,
        use_bias=True,
        weight_initializer=None,
        bias_initializer="zeros",
        in_channels=0,
        prefix=None,
        params=None,
    ):
        super().__init__(prefix=prefix, params=params)
        n = self._ndim
        layout = layout or _LAYOUTS[n - 1]
        if layout != _LAYOUTS[n - 1]:
            raise ValueError(
                f"{type(self).__name__}: layout is {layout!r}, must be {_LAYOUTS[n - 1]!r}"
            )
        kernel = _tuple(kernel_size, n, "kernel_size")
        self._channels, self._in_channels = channels, in_channels
        self._kwargs = {
            "kernel": kernel,
            "stride": _tuple(strides, n, "strides"),
            "dilate": _tuple(dilation, n, "dilation"),
            "pad": _tuple(padding, n, "padding"),
            "num_filter": channels,
            "num_group": groups,
            "no_bias": not use_bias,
            "layout": layout,
        }
        with self.name_scope():
            self.weight = self.params.get(
                "weight",
                shape=(channels, in_channels // groups, *kernel),
                init=weight_initializer,
                allow_deferred_init=True,
            )
            self.bias = (
                self.params.get(
                    "bias", shape=(channels,), init=bias_initializer, allow_deferred_init=True
                )
                if use_bias
                else None
            )
            self.act = Activation(activation, prefix=activation + "_") if activation else None

    def hybrid_forward(self, F, x, weight, bias=None):
        out = F.Convolution(x, weight, bias, name="fwd", **self._kwargs)
        return out if self.act is None else self.act(out)

    def __repr__(self):
        inputs = self.weight.shape[1] * self._kwargs["num_group"] or None
        return (
            f"{type(self).__name__}({inputs} -> {self._channels}, "
            f"kernel_size={self._kwargs['kernel']}, stride={self._kwargs['stride']}, "
            f"padding={self._kwargs['pad']})"
        )


class Conv1D(_Conv):
    __doc__ = "One dimension: (n, c, w). " + _Conv.__doc__
    _ndim = 1


class Conv2D(_Conv):
    __doc__ = "Two dimensions: (n, c, h, w). " + _Conv.__doc__
    _ndim = 2


class Conv3D(_Conv):
    __doc__ = "Three dimensions: (n, c, d, h, w). " + _Conv.__doc__
    _ndim = 3


class _Pool(HybridBlock):
    """Pooling over a window; subclasses tell ``_ndim``, ``_type`` and ``_global``."""

    _global = False

    def __init__(self, pool_size, strides, padding, ceil_mode, layout, prefix, params, **extra):
        super().__init__(prefix=prefix, params=params)
        n = self._ndim
        layout = layout or _LAYOUTS[n - 1]
        if layout != _LAYOUTS[n - 1]:
            raise ValueError(
                f"{type(self).__name__}: layout is {layout!r}, must be {_LAYOUTS[n - 1]!r}"
            )
        kernel = _tuple(pool_size, n, "pool_size")
        self._kwargs = {
            "kernel": kernel,
            "pad": _tuple(padding, n, "padding"),
            "stride": kernel if strides is None else _tuple(strides, n, "strides"),
            "global_pool": self._global,
            "pool_type": self._type,
            "layout": layout,
            "pooling_convention": "full" if ceil_mode else "valid",
            **extra,
        }

    def hybrid_forward(self, F, x):
        return F.Pooling(x, name="fwd", **self._kwargs)

    def __repr__(self):
        return (
            f"{type(self).__name__}(size={self._kwargs['kernel']}, "
            f"stride={self._kwargs['stride']}, padding={self._kwargs['pad']}, "
            f"ceil_mode={self._kwargs['pooling_convention'] == 'full'})"
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
