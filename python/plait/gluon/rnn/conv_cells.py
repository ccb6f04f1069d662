"""Recurrent cells whose projections are convolutions.

Shi and others: Convolutional LSTM network (2015).
"""

from ..nn.conv_layers import as_tuple
from ..nn.shapes import of_dimensions
from .cell import HybridRecurrentCell

__all__ = [f"Conv{n}D{kind}Cell" for kind in ("RNN", "LSTM", "GRU") for n in (1, 2, 3)]

_LAYOUTS = ("NCW", "NCHW", "NCDHW")


class _ConvCell(HybridRecurrentCell):
    """`{cell}` with convolutions in place of products: inputs (n, c, {axes}).

    Outputs and {states} are (n, hidden_channels, {axes'}), where a size s of the input gives
    ``s + 2 i2h_pad - i2h_dilate (i2h_kernel - 1)``; the state is padded so that it keeps its size.

    Parameters
    ----------
    input_shape : tuple of int
        (c, {axes}): the shape of one input.
    hidden_channels : int
        Channels of outputs and states.
    i2h_kernel, h2h_kernel : int or tuple of int
        Windows over the input and over the state, in elements; those of the state are odd.
    i2h_pad : int or tuple of int
        Zeros on both sides of the input.
    i2h_dilate, h2h_dilate : int or tuple of int
        Distance of the elements of a window.
    i2h_weight_initializer, h2h_weight_initializer : Initializer or str, optional
        Of the weights ({gates} hidden_channels, c, i2h_kernel) and
        ({gates} hidden_channels, hidden_channels, h2h_kernel).
    i2h_bias_initializer, h2h_bias_initializer : Initializer or str
    conv_layout : str
        '{layout}' only.
    activation : str or callable

    Raises
    ------
    ValueError
        If h2h_kernel is even, or a shape or the layout does not fit.

    Notes
    -----
    Shi and others: Convolutional LSTM network (2015).
    """

    _states = 1

    def __init__(
        self,
        input_shape,
        hidden_channels,
        i2h_kernel,
        h2h_kernel,
        i2h_pad=0,
        i2h_dilate=1,
        h2h_dilate=1,
        i2h_weight_initializer=None,
        h2h_weight_initializer=None,
        i2h_bias_initializer="zeros",
        h2h_bias_initializer="zeros",
        conv_layout=None,
        activation="tanh",
        prefix=None,
        params=None,
    ):
        super().__init__(prefix=prefix, params=params)
        n, layout = self._ndim, _LAYOUTS[self._ndim - 1]
        if conv_layout not in (None, layout):
            raise ValueError(
                f"{type(self).__name__}: conv_layout is {conv_layout!r}, must be {layout!r}"
            )
        if len(input_shape) != n + 1:
            raise ValueError(
                f"{type(self).__name__}: input_shape is {input_shape}, must have {n + 1} sizes"
            )
        self._channels, self._activation = hidden_channels, activation
        i2h_kernel = as_tuple(i2h_kernel, n, "i2h_kernel")
        h2h_kernel = as_tuple(h2h_kernel, n, "h2h_kernel")
        if any(size % 2 == 0 for size in h2h_kernel):
            raise ValueError(
                f"{type(self).__name__}: h2h_kernel is {h2h_kernel}, must have odd sizes"
            )
        i2h_dilate = as_tuple(i2h_dilate, n, "i2h_dilate")
        h2h_dilate = as_tuple(h2h_dilate, n, "h2h_dilate")
        i2h_pad = as_tuple(i2h_pad, n, "i2h_pad")
        # The state keeps its size.
        h2h_pad = tuple(d * (k - 1) // 2 for d, k in zip(h2h_dilate, h2h_kernel, strict=True))
        rows = self._gates * hidden_channels
        common = {"stride": (1,) * n, "num_filter": rows, "layout": layout}
        self._i2h = {"kernel": i2h_kernel, "pad": i2h_pad, "dilate": i2h_dilate, **common}
        self._h2h = {"kernel": h2h_kernel, "pad": h2h_pad, "dilate": h2h_dilate, **common}
        self._state_shape = tuple(
            size + 2 * p - d * (k - 1)
            for size, k, p, d in zip(input_shape[1:], i2h_kernel, i2h_pad, i2h_dilate, strict=True)
        )
        for name, shape, init in (
            ("i2h_weight", (rows, input_shape[0], *i2h_kernel), i2h_weight_initializer),
            ("h2h_weight", (rows, hidden_channels, *h2h_kernel), h2h_weight_initializer),
            ("i2h_bias", (rows,), i2h_bias_initializer),
            ("h2h_bias", (rows,), h2h_bias_initializer),
        ):
            param = self.params.get(name, shape=shape, init=init, allow_deferred_init=True)
            setattr(self, name, param)

    def _alias(self):
        return f"conv_{type(self).__name__[6:].removesuffix('Cell').lower()}"

    def state_info(self, batch_size=0):
        """The states (n, hidden_channels, ...)."""
        info = {
            "shape": (batch_size, self._channels, *self._state_shape),
            "__layout__": self._i2h["layout"],
        }
        return [dict(info) for _ in range(self._states)]

    def _project(self, F, inputs, state, i2h_weight, h2h_weight, i2h_bias, h2h_bias):
        return (
            F.Convolution(inputs, i2h_weight, i2h_bias, **self._i2h),
            F.Convolution(state, h2h_weight, h2h_bias, **self._h2h),
        )


class _ConvRNNCell(_ConvCell):
    _gates = 1

    def hybrid_forward(self, F, inputs, states, **weights):
        i2h, h2h = self._project(F, inputs, states[0], **weights)
        output = self._activate(F, i2h + h2h, self._activation)
        return output, [output]


class _ConvLSTMCell(_ConvCell):
    _gates, _states = 4, 2

    def hybrid_forward(self, F, inputs, states, **weights):
        i2h, h2h = self._project(F, inputs, states[0], **weights)
        parts = F.split(i2h + h2h, num_outputs=4, axis=1)
        take, forget, give = (F.sigmoid(parts[i]) for i in (0, 1, 3))
        memory = forget * states[1] + take * self._activate(F, parts[2], self._activation)
        output = give * self._activate(F, memory, self._activation)
        return output, [output, memory]


class _ConvGRUCell(_ConvCell):
    _gates = 3

    def hybrid_forward(self, F, inputs, states, **weights):
        i2h, h2h = self._project(F, inputs, states[0], **weights)
        x = F.split(i2h, num_outputs=3, axis=1)
        h = F.split(h2h, num_outputs=3, axis=1)
        reset, update = F.sigmoid(x[0] + h[0]), F.sigmoid(x[1] + h[1])
        new = self._activate(F, x[2] + reset * h[2], self._activation)
        output = (1.0 - update) * new + update * states[0]
        return output, [output]


def _family(base, kind):
    """The classes of one kind for one to three dimensions."""
    made, states = [], "both states" if base._states == 2 else "the state"
    for n in (1, 2, 3):
        words = {"cell": f"{kind}Cell", "states": states, "layout": _LAYOUTS[n - 1]}
        doc = of_dimensions(_ConvCell, n, gates=str(base._gates), **words)
        names = {"_ndim": n, "__doc__": doc, "__module__": __name__}
        made.append(type(f"Conv{n}D{kind}Cell", (base,), names))
    return made


Conv1DRNNCell, Conv2DRNNCell, Conv3DRNNCell = _family(_ConvRNNCell, "RNN")
Conv1DLSTMCell, Conv2DLSTMCell, Conv3DLSTMCell = _family(_ConvLSTMCell, "LSTM")
Conv1DGRUCell, Conv2DGRUCell, Conv3DGRUCell = _family(_ConvGRUCell, "GRU")
