"""Convolutions whose window reads at learnt places."""

from ..hybrid_block import HybridBlock
from .activations import Activation
from .conv_layers import as_tuple

__all__ = ["DeformableConvolution", "ModulatedDeformableConvolution"]


class DeformableConvolution(HybridBlock):
    """Convolution whose window is bent by offsets, which another convolution computes.

    Dai and others: Deformable convolutional networks (2017).

    Parameters
    ----------
    channels : int
        Channels of the output.
    kernel_size, strides, padding, dilation : int or (int, int)
        In elements, of both convolutions.
    groups : int
        Number of groups that channels are divided into.
    num_deformable_group : int
        Parts of the channels that have offsets of their own.
    layout : {'NCHW'}
    in_channels : int
        Channels of the input; 0: told by the first forward pass.
    activation : str, optional
        As in `Activation`.
    offset_weight_initializer, offset_bias_initializer : Initializer or str
        Zeros: it starts as a plain convolution.
    op_name, adj
        Accepted for MXNet's programs.
    """

    _numbers = 2  # for each element of the window
    _operator = "DeformableConvolution"

    def __init__(
        self,
        channels,
        kernel_size=(1, 1),
        strides=(1, 1),
        padding=(0, 0),
        dilation=(1, 1),
        groups=1,
        num_deformable_group=1,
        layout="NCHW",
        use_bias=True,
        in_channels=0,
        activation=None,
        weight_initializer=None,
        bias_initializer="zeros",
        offset_weight_initializer="zeros",
        offset_bias_initializer="zeros",
        offset_use_bias=True,
        op_name=None,
        adj=None,
        prefix=None,
        params=None,
    ):
        super().__init__(prefix=prefix, params=params)
        if layout != "NCHW":
            raise ValueError(f"{type(self).__name__}: layout is {layout!r}, must be 'NCHW'")
        kernel = as_tuple(kernel_size, 2, "kernel_size")
        self._shared = {
            "kernel": kernel,
            "stride": as_tuple(strides, 2, "strides"),
            "dilate": as_tuple(dilation, 2, "dilation"),
            "pad": as_tuple(padding, 2, "padding"),
            "num_group": groups,
        }
        self._channels, self._deformable_groups = channels, num_deformable_group
        self._in_channels = in_channels
        self._window = kernel[0] * kernel[1] * num_deformable_group
        offsets = self._numbers * self._window
        with self.name_scope():
            columns = in_channels // groups if in_channels else 0
            parts = (
                ("offset", offsets, offset_use_bias, offset_weight_initializer,
                 offset_bias_initializer),
                ("deformable_conv", channels, use_bias, weight_initializer, bias_initializer),
            )  # fmt: skip
            for name, rows, biased, init, bias_init in parts:
                self._make(f"{name}_weight", (rows, columns, *kernel), init)
                self._make(f"{name}_bias", (rows,) if biased else None, bias_init)
            self.act = Activation(activation, prefix=activation + "_") if activation else None

    def _alias(self):
        return "deformable_conv"

    def _make(self, name, shape, init):
        made = None
        if shape is not None:
            made = self.params.get(name, shape=shape, init=init, allow_deferred_init=True)
        setattr(self, name, made)

    def infer_shape(self, x, *args):
        """Set the shapes of the weights from the channels of the input."""
        columns = x.shape[1] // self._shared["num_group"]
        for weight in (self.offset_weight, self.deformable_conv_weight):
            weight.shape = (weight.shape[0], columns, *self._shared["kernel"])

    def _bend(self, F, offset):
        """The inputs of the operator from what the first convolution gave."""
        return (offset,)

    def hybrid_forward(
        self,
        F,
        x,
        offset_weight,
        deformable_conv_weight,
        offset_bias=None,
        deformable_conv_bias=None,
    ):
        offset = F.Convolution(
            x,
            offset_weight,
            offset_bias,
            num_filter=self._numbers * self._window,
            no_bias=offset_bias is None,
            name="offset",
            **self._shared,
        )
        out = getattr(F.contrib, self._operator)(
            x,
            *self._bend(F, offset),
            deformable_conv_weight,
            deformable_conv_bias,
            num_filter=self._channels,
            num_deformable_group=self._deformable_groups,
            no_bias=deformable_conv_bias is None,
            name="fwd",
            **self._shared,
        )
        return out if self.act is None else self.act(out)

    def __repr__(self):
        inputs = self.deformable_conv_weight.shape[1] * self._shared["num_group"]
        return (
            f"{type(self).__name__}({inputs or None} -> {self._channels}, "
            f"kernel_size={self._shared['kernel']}, stride={self._shared['stride']}, "
            f"padding={self._shared['pad']})"
        )


class ModulatedDeformableConvolution(DeformableConvolution):
    """`DeformableConvolution` with a factor in [0, 2] for each element of the window.

    Zhu, Hu, Lin, Dai: Deformable ConvNets v2 (2019).
    """

    _numbers = 3
    _operator = "ModulatedDeformableConvolution"

    def _alias(self):
        return "modulated_deformable_conv"

    def _bend(self, F, offset):
        places = F.slice_axis(offset, axis=1, begin=0, end=2 * self._window)
        factors = F.slice_axis(offset, axis=1, begin=2 * self._window, end=None)
        return places, F.sigmoid(factors) * 2
