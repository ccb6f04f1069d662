"""Cells whose gates are convolutions: Shi and others, Convolutional LSTM network (2015)."""

from functools import partial

from .. import symbol
from .cells import BaseRNNCell, gru_step, lstm_step

__all__ = ["BaseConvRNNCell", "ConvRNNCell", "ConvLSTMCell", "ConvGRUCell"]

_LEAKY = partial(symbol.LeakyReLU, act_type="leaky", slope=0.2)


class BaseConvRNNCell(BaseRNNCell):
    """What the convolutional cells share.

    Parameters
    ----------
    input_shape : tuple of int
        Shape of one step; its batch size does not matter.
    num_hidden : int
        Channels of the state.
    h2h_kernel, h2h_dilate : (int, int)
        Of the convolution of the state; kernels of odd size, padded to keep the shape.
    i2h_kernel, i2h_stride, i2h_pad, i2h_dilate : (int, int)
        Of the convolution of the input.
    i2h_weight_initializer, h2h_weight_initializer, i2h_bias_initializer, h2h_bias_initializer
        Initializers or names.
    activation : str or callable
    conv_layout : str
    """

    def __init__(
        self,
        input_shape,
        num_hidden,
        h2h_kernel=(3, 3),
        h2h_dilate=(1, 1),
        i2h_kernel=(3, 3),
        i2h_stride=(1, 1),
        i2h_pad=(1, 1),
        i2h_dilate=(1, 1),
        i2h_weight_initializer=None,
        h2h_weight_initializer=None,
        i2h_bias_initializer="zeros",
        h2h_bias_initializer="zeros",
        activation=_LEAKY,
        prefix=None,
        params=None,
        conv_layout="NCHW",
    ):
        prefix = f"{type(self).__name__.removesuffix('Cell')}_" if prefix is None else prefix
        super().__init__(prefix, params)
        if any(size % 2 == 0 for size in h2h_kernel):
            raise ValueError(f"{type(self).__name__}: h2h_kernel is {h2h_kernel}, must be odd")
        self._num_hidden, self._activation = num_hidden, activation
        self._axis = conv_layout.find("C")
        pads = tuple(d * (k - 1) // 2 for k, d in zip(h2h_kernel, h2h_dilate, strict=True))
        self._i2h = {"kernel": i2h_kernel, "stride": i2h_stride, "pad": i2h_pad,
                     "dilate": i2h_dilate, "layout": conv_layout}  # fmt: skip
        self._h2h = {"kernel": h2h_kernel, "stride": (1, 1), "pad": pads, "dilate": h2h_dilate,
                     "layout": conv_layout}  # fmt: skip
        get = self._params.get
        self._iW = get("i2h_weight", init=i2h_weight_initializer)
        self._hW = get("h2h_weight", init=h2h_weight_initializer)
        self._iB = get("i2h_bias", init=i2h_bias_initializer)
        self._hB = get("h2h_bias", init=h2h_bias_initializer)
        data = symbol.Variable("data")
        shapes = symbol.Convolution(data, num_filter=num_hidden, **self._i2h).infer_shape(
            data=input_shape
        )
        self._state_shape = (0, *shapes[1][0][1:])

    @property
    def state_info(self):
        """One state of the shape of the output."""
        return [{"shape": self._state_shape, "__layout__": "NCHW"}]

    def _gates(self, inputs, state, name):
        count = self._num_hidden * len(self._gate_names)
        i2h = symbol.Convolution(
            inputs, self._iW, self._iB, num_filter=count, name=f"{name}i2h", **self._i2h
        )
        h2h = symbol.Convolution(
            state, self._hW, self._hB, num_filter=count, name=f"{name}h2h", **self._h2h
        )
        return i2h, h2h

    def _act(self, data, name):
        return self._activate(data, self._activation, name)


class ConvRNNCell(BaseConvRNNCell):
    """`RNNCell` with convolutions."""

    _gate_names = ("",)

    def _step(self, inputs, states, name):
        i2h, h2h = self._gates(inputs, states[0], name)
        output = self._act(i2h + h2h, f"{name}out")
        return output, [output]


class ConvLSTMCell(BaseConvRNNCell):
    """`LSTMCell` with convolutions."""

    _gate_names = ("_i", "_f", "_c", "_o")

    @property
    def state_info(self):
        """Two states of the shape of the output."""
        return super().state_info * 2

    def _step(self, inputs, states, name):
        i2h, h2h = self._gates(inputs, states[0], name)
        output, cell = lstm_step(i2h + h2h, states[1], name, self._act, self._axis)
        return output, [output, cell]


class ConvGRUCell(BaseConvRNNCell):
    """`GRUCell` with convolutions."""

    _gate_names = ("_r", "_z", "_o")

    def _step(self, inputs, states, name):
        i2h, h2h = self._gates(inputs, states[0], name)
        output = gru_step(i2h, h2h, states[0], name, self._act, self._axis)
        return output, [output]
