"""Convolutions in one to three dimensions, and layers that move pixels."""

from ..hybrid_block import HybridBlock
from .basic_layers import Activation
from .shapes import of_dimensions

__all__ = [
    "Conv1D",
    "Conv2D",
    "Conv3D",
    "Conv1DTranspose",
    "Conv2DTranspose",
    "Conv3DTranspose",
    "PixelShuffle1D",
    "PixelShuffle2D",
    "PixelShuffle3D",
    "ReflectionPad2D",
]

LAYOUTS = ("NCW", "NCHW", "NCDHW")


def as_tuple(value, ndim, name):
    value = (value,) * ndim if isinstance(value, int) else tuple(value)
    if len(value) != ndim:
        raise ValueError(f"{name} is {value}, must be an int or {ndim} ints")
    return value


class _Conv(HybridBlock):
    """Convolution: (n, c, {axes}) becomes (n, channels, {axes'}).

    A size s of the input gives ``(s + 2 padding - dilation (kernel_size - 1) - 1) // strides + 1``
    of the output.

    Parameters
    ----------
    channels : int
        Channels of the output.
    kernel_size, strides, padding, dilation : int or tuple of int
        In elements; one for all axes, or one for each of {axes}.
    groups : int
        Number of groups that channels are divided into: each sees those of its group only.
    layout : str
        Order of the axes: '{layout}' only.
    activation : str, optional
        As in `Activation`.
    use_bias : bool
        Whether a number is added to each channel of the output.
    weight_initializer, bias_initializer : Initializer or str, optional
        Of ``weight``, (channels, in_channels / groups, kernel_size), and ``bias``, (channels,).
    in_channels : int
        Channels of the input; 0: told by the first forward pass.

    Raises
    ------
    ValueError
        If a tuple has another length than there are axes, or for another layout.

    Notes
    -----
    LeCun and others: Gradient-based learning applied to document recognition (1998); sizes as in
    Dumoulin, Visin: A guide to convolution arithmetic (2016).
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
        layout = layout or LAYOUTS[n - 1]
        if layout != LAYOUTS[n - 1]:
            raise ValueError(
                f"{type(self).__name__}: layout is {layout!r}, must be {LAYOUTS[n - 1]!r}"
            )
        kernel = as_tuple(kernel_size, n, "kernel_size")
        self._channels, self._in_channels = channels, in_channels
        self._kwargs = {
            "kernel": kernel,
            "stride": as_tuple(strides, n, "strides"),
            "dilate": as_tuple(dilation, n, "dilation"),
            "pad": as_tuple(padding, n, "padding"),
            "num_filter": channels,
            "num_group": groups,
            "no_bias": not use_bias,
            "layout": layout,
        }
        with self.name_scope():
            self.weight = self.params.get(
                "weight",
                shape=self._weight_shape(channels, in_channels, groups, kernel),
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

    def _alias(self):
        return "conv"

    def _weight_shape(self, channels, in_channels, groups, kernel):
        return (channels, in_channels // groups, *kernel)

    def _inputs(self):
        return self.weight.shape[1] * self._kwargs["num_group"]

    def hybrid_forward(self, F, x, weight, bias=None):
        out = F.Convolution(x, weight, bias, name="fwd", **self._kwargs)
        return out if self.act is None else self.act(out)

    def __repr__(self):
        k, n = self._kwargs, self._ndim
        parts = [
            f"{self._inputs() or None} -> {self._channels}",
            f"kernel_size={k['kernel']}",
            f"stride={k['stride']}",
        ]
        for name, value, default in (
            ("padding", k["pad"], (0,) * n),
            ("dilation", k["dilate"], (1,) * n),
            ("output_padding", k.get("adj", (0,) * n), (0,) * n),
            ("groups", k["num_group"], 1),
            ("bias", not k["no_bias"], True),
        ):
            if value != default:
                parts.append(f"{name}={value}")
        if self.act is not None:
            parts.append(repr(self.act))
        return f"{type(self).__name__}({', '.join(parts)})"


class Conv1D(_Conv):
    _ndim = 1
    __doc__ = of_dimensions(_Conv, _ndim, layout=LAYOUTS[0])


class Conv2D(_Conv):
    _ndim = 2
    __doc__ = of_dimensions(_Conv, _ndim, layout=LAYOUTS[1])


class Conv3D(_Conv):
    _ndim = 3
    __doc__ = of_dimensions(_Conv, _ndim, layout=LAYOUTS[2])


class _ConvTranspose(_Conv):
    """Transposed convolution, the gradient of a convolution: (n, c, {axes}) becomes
    (n, channels, {axes'}).

    A size s of the input gives ``(s - 1) strides - 2 padding + dilation (kernel_size - 1) +
    output_padding + 1`` of the output.

    Parameters
    ----------
    output_padding : int or tuple of int
        Added to the size of the output on one side; < strides.
    weight_initializer : Initializer or str, optional
        Of ``weight``, (in_channels, channels / groups, kernel_size).
    others
        As `Conv{n}D`.

    Notes
    -----
    Zeiler, Krishnan, Taylor, Fergus: Deconvolutional networks (2010).
    """

    def __init__(
        self,
        channels,
        kernel_size,
        strides=1,
        padding=0,
        output_padding=0,
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
        self._adj = as_tuple(output_padding, self._ndim, "output_padding")
        super().__init__(
            channels,
            kernel_size,
            strides,
            padding,
            dilation,
            groups,
            layout,
            activation,
            use_bias,
            weight_initializer,
            bias_initializer,
            in_channels,
            prefix,
            params,
        )
        self._kwargs["adj"] = self._adj

    def _weight_shape(self, channels, in_channels, groups, kernel):
        return (in_channels, channels // groups, *kernel)

    def _inputs(self):
        return self.weight.shape[0]

    def hybrid_forward(self, F, x, weight, bias=None):
        out = F.Deconvolution(x, weight, bias, name="fwd", **self._kwargs)
        return out if self.act is None else self.act(out)


class Conv1DTranspose(_ConvTranspose):
    _ndim = 1
    __doc__ = of_dimensions(_ConvTranspose, _ndim, n="1")


class Conv2DTranspose(_ConvTranspose):
    _ndim = 2
    __doc__ = of_dimensions(_ConvTranspose, _ndim, n="2")


class Conv3DTranspose(_ConvTranspose):
    _ndim = 3
    __doc__ = of_dimensions(_ConvTranspose, _ndim, n="3")


class ReflectionPad2D(HybridBlock):
    """Mirrors (n, c, h, w) at its border; `padding` is one width, or eight of which the last four
    are those of top, bottom, left and right."""

    def __init__(self, padding=0, prefix=None, params=None):
        super().__init__(prefix=prefix, params=params)
        if isinstance(padding, int):
            padding = (0, 0, 0, 0, padding, padding, padding, padding)
        if len(padding) != 8:
            raise ValueError(f"ReflectionPad2D: padding is {padding}, must be an int or 8 ints")
        self._padding = tuple(padding)

    def hybrid_forward(self, F, x):
        return F.pad(x, mode="reflect", pad_width=self._padding)


class _PixelShuffle(HybridBlock):
    """Turns channels into pixels: (n, f c, {axes}) to (n, c, {axes'}), f the product of `factor`.

    Shi and others: Real-time single image and video super-resolution (2016).

    Parameters
    ----------
    factor : int or tuple of int
        Growth of each of {axes}.
    """

    def __init__(self, factor, prefix=None, params=None):
        super().__init__(prefix=prefix, params=params)
        self._factors = as_tuple(factor, self._ndim, "factor")

    def hybrid_forward(self, F, x):
        ndim = self._ndim
        # (n, f1 f2 c, h, w) -> (n, c, f1, f2, h, w): split off one factor after the other.
        x = F.reshape(x, (0, -4, -1, self._size(), *(0,) * ndim))
        split = (0, 0)
        for i, factor in enumerate(self._factors[:-1]):
            rest = self._size(i + 1)
            x = F.reshape(x, (*split, *(0,) * i, -4, factor, rest, *(0,) * ndim))
        order = [0, 1]
        for i in range(ndim):
            order += [2 + ndim + i, 2 + i]
        x = F.transpose(x, axes=tuple(order))
        return F.reshape(x, (0, 0, *(-3,) * ndim))

    def _size(self, first=0):
        size = 1
        for factor in self._factors[first:]:
            size *= factor
        return size

    def __repr__(self):
        return f"{type(self).__name__}({self._factors})"


class PixelShuffle1D(_PixelShuffle):
    _ndim = 1
    __doc__ = of_dimensions(_PixelShuffle, _ndim)


class PixelShuffle2D(_PixelShuffle):
    _ndim = 2
    __doc__ = of_dimensions(_PixelShuffle, _ndim)


class PixelShuffle3D(_PixelShuffle):
    _ndim = 3
    __doc__ = of_dimensions(_PixelShuffle, _ndim)
