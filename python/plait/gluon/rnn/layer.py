"""Recurrent layers: whole sequences in one operator."""

import re

from ... import ndarray
from ..hybrid_block import HybridBlock
from . import basic_cells
from .cell import BidirectionalCell, HybridSequentialRNNCell
from .modifier_cells import DropoutCell
from .sequence import is_one, namespace, zero_state

__all__ = ["RNN", "LSTM", "GRU"]

_GATES = {"rnn_relu": 1, "rnn_tanh": 1, "lstm": 4, "gru": 3}


class _RecurrentLayer(HybridBlock):
    """What the three layers share.

    Parameters
    ----------
    hidden_size : int
    num_layers : int
        Layers one above the other.
    layout : {'TNC', 'NTC'}
        Axes of inputs and outputs.
    dropout : float
        Share of the outputs that is dropped between layers in training.
    bidirectional : bool
        Whether each layer runs both ways; outputs are joined.
    input_size : int
        0: told by the first forward pass.
    dtype : str
    use_sequence_length : bool
        Whether calls give the length of each sample as third argument.

    Notes
    -----
    ``layer(inputs)`` gives outputs (t, n, hidden_size * directions); ``layer(inputs, states)``
    gives outputs and states (layers * directions, n, hidden_size).
    """

    def __init__(
        self,
        mode,
        hidden_size,
        num_layers=1,
        layout="TNC",
        dropout=0,
        bidirectional=False,
        input_size=0,
        i2h_weight_initializer=None,
        h2h_weight_initializer=None,
        i2h_bias_initializer="zeros",
        h2h_bias_initializer="zeros",
        projection_size=None,
        h2r_weight_initializer=None,
        state_clip_min=None,
        state_clip_max=None,
        state_clip_nan=False,
        dtype="float32",
        use_sequence_length=False,
        prefix=None,
        params=None,
    ):
        super().__init__(prefix=prefix, params=params)
        if layout not in ("TNC", "NTC"):
            raise ValueError(f"{type(self).__name__}: layout is {layout!r}, must be 'TNC' or 'NTC'")
        self._mode, self._hidden_size, self._num_layers = mode, hidden_size, num_layers
        self._layout, self._dropout = layout, dropout
        self._directions = ("l", "r") if bidirectional else ("l",)
        self._input_size, self._projection_size = input_size, projection_size or None
        self._clip = state_clip_min, state_clip_max, state_clip_nan
        self._use_sequence_length = use_sequence_length
        self._initializers = {
            "i2h_weight": i2h_weight_initializer,
            "h2h_weight": h2h_weight_initializer,
            "i2h_bias": i2h_bias_initializer,
            "h2h_bias": h2h_bias_initializer,
            "h2r_weight": h2r_weight_initializer,
        }
        rows, state = _GATES[mode] * hidden_size, self._projection_size or hidden_size
        width = input_size
        for i in range(num_layers):
            for direction in self._directions:
                shapes = {
                    "i2h_weight": (rows, width),
                    "h2h_weight": (rows, state),
                    "i2h_bias": (rows,),
                    "h2h_bias": (rows,),
                }
                if self._projection_size:
                    shapes["h2r_weight"] = (self._projection_size, hidden_size)
                for name, shape in shapes.items():
                    full = f"{direction}{i}_{name}"
                    init = self._initializers[name]
                    param = self.params.get(
                        full, shape=shape, init=init, dtype=dtype, allow_deferred_init=True
                    )
                    setattr(self, full, param)
            width = state * len(self._directions)

    def __repr__(self):
        rows, inputs = self.l0_i2h_weight.shape
        text = f"{inputs or None} -> {rows // _GATES[self._mode]}, {self._layout}"
        if self._num_layers != 1:
            text += f", num_layers={self._num_layers}"
        if self._dropout:
            text += f", dropout={self._dropout}"
        if len(self._directions) == 2:
            text += ", bidirectional"
        return f"{type(self).__name__}({text})"

    def _collect_params_with_prefix(self, prefix=""):
        # The names under which MXNet saves these layers.
        prefix = prefix + "." if prefix else ""
        both = len(self._directions) == 2
        found = {}
        for name, param in self._reg_params.items():
            direction, layer, rest = re.match(r"([lr])(\d+)_(.*)", name).groups()
            middle = f"{layer}.{direction}_cell." if both else f"{layer}."
            found[f"{prefix}_unfused.{middle}{rest}"] = param
        return found

    def state_info(self, batch_size=0):
        """list of dict with the 'shape' of each state."""
        first = self._num_layers * len(self._directions)
        sizes = [self._projection_size or self._hidden_size]
        if self._mode == "lstm":
            sizes.append(self._hidden_size)
        return [{"shape": (first, batch_size, size), "__layout__": "LNC"} for size in sizes]

    def begin_state(self, batch_size=0, func=ndarray.zeros, **kwargs):
        """States at the start: ``func(shape=..., **kwargs)`` makes each."""
        return [
            func(name=f"{self.prefix}h0_{i}", shape=info["shape"], **kwargs)
            for i, info in enumerate(self.state_info(batch_size))
        ]

    def __call__(self, inputs, states=None, sequence_length=None):
        """Run over sequences; see the class."""
        if self._use_sequence_length and sequence_length is None:
            raise ValueError(
                f"{self.name}: sequence_length is None, must be given with use_sequence_length"
            )
        batch_axis = self._layout.find("N")
        given = states is not None
        if not given:
            F = namespace(inputs)
            states = [
                zero_state(F, inputs, info["shape"], batch_axis) for info in self.state_info(0)
            ]
        elif is_one(states):
            states = [states]
        if given and namespace(inputs) is ndarray:
            for state, info in zip(states, self.state_info(inputs.shape[batch_axis]), strict=True):
                if state.shape != info["shape"]:
                    raise ValueError(
                        f"{self.name}: a state has shape {state.shape}, must be {info['shape']}"
                    )
        extra = (sequence_length,) if self._use_sequence_length else ()
        outputs, states = super().__call__(inputs, list(states), *extra)
        return (outputs, states) if given else outputs

    def infer_shape(self, inputs, *args):
        """Set the shapes of the first layer's weights from the width of the inputs."""
        for direction in self._directions:
            weight = self._reg_params[f"{direction}0_i2h_weight"]
            weight.shape = (weight.shape[0], inputs.shape[2])

    def hybrid_forward(self, F, inputs, states, sequence_length=None, **weights):
        if self._layout == "NTC":
            inputs = F.swapaxes(inputs, dim1=0, dim2=1)
        kinds = ("i2h", "h2h", "h2r") if self._projection_size else ("i2h", "h2h")
        flat = [
            F.reshape(weights[f"{direction}{layer}_{kind}_{what}"], (-1,))
            for what in ("weight", "bias")
            for layer in range(self._num_layers)
            for direction in self._directions
            for kind in kinds
            if what == "weight" or kind != "h2r"
        ]
        arrays = [inputs, F.concat(*flat, dim=0), *states]
        if sequence_length is not None:
            arrays.append(sequence_length)
        low, high, clip_nan = self._clip
        outputs, *states = F.RNN(
            *arrays,
            state_size=self._hidden_size,
            num_layers=self._num_layers,
            bidirectional=len(self._directions) == 2,
            mode=self._mode,
            p=self._dropout,
            state_outputs=True,
            projection_size=self._projection_size,
            lstm_state_clip_min=low,
            lstm_state_clip_max=high,
            lstm_state_clip_nan=clip_nan,
            use_sequence_length=self._use_sequence_length,
        )
        if self._layout == "NTC":
            outputs = F.swapaxes(outputs, dim1=0, dim2=1)
        return outputs, states

    def unfuse(self):
        """HybridSequentialRNNCell of cells with the same parameters.

        Raises
        ------
        NotImplementedError
            With a projection or bounds of the state, which the cells do not have.
        """
        if self._projection_size or self._clip[:2] != (None, None):
            raise NotImplementedError(
                f"{self.name}: projection and state clipping have no cells to unfuse to"
            )
        stack = HybridSequentialRNNCell(prefix=self.prefix, params=self.params)
        inits = {k + "_initializer": v for k, v in self._initializers.items() if k[:3] != "h2r"}
        width = self._input_size
        with stack.name_scope():
            for i in range(self._num_layers):
                cells = [
                    self._cell(prefix=f"{direction}{i}_", input_size=width, **inits)
                    for direction in self._directions
                ]
                stack.add(BidirectionalCell(*cells) if len(cells) == 2 else cells[0])
                if self._dropout > 0 and i != self._num_layers - 1:
                    stack.add(DropoutCell(self._dropout))
                width = self._hidden_size * len(self._directions)
        return stack

    _unfuse = unfuse

    def _cell(self, **kwargs):
        if self._mode.startswith("rnn"):
            return basic_cells.RNNCell(self._hidden_size, self._mode[4:], **kwargs)
        kind = basic_cells.LSTMCell if self._mode == "lstm" else basic_cells.GRUCell
        return kind(self._hidden_size, **kwargs)


class RNN(_RecurrentLayer):
    __doc__ = "Plain recurrent layers, as `RNNCell`. " + _RecurrentLayer.__doc__

    def __init__(self, hidden_size, num_layers=1, activation="relu", *args, **kwargs):
        super().__init__(f"rnn_{activation}", hidden_size, num_layers, *args, **kwargs)


class LSTM(_RecurrentLayer):
    __doc__ = "LSTM layers, as `LSTMCell`; two states. " + _RecurrentLayer.__doc__

    def __init__(self, hidden_size, num_layers=1, *args, **kwargs):
        super().__init__("lstm", hidden_size, num_layers, *args, **kwargs)


class GRU(_RecurrentLayer):
    __doc__ = "GRU layers, as `GRUCell`. " + _RecurrentLayer.__doc__

    def __init__(self, hidden_size, num_layers=1, *args, **kwargs):
        super().__init__("gru", hidden_size, num_layers, *args, **kwargs)
