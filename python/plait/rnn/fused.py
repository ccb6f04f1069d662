"""Whole stacks of recurrent layers in one operator."""

from .. import initializer, ndarray, symbol
from ..gluon.rnn.sequence import as_steps, is_one, join_steps, zero_state
from .cells import BaseRNNCell, GRUCell, LSTMCell, RNNCell, _Zeros
from .groups import BidirectionalCell, SequentialRNNCell
from .modifiers import DropoutCell

__all__ = ["FusedRNNCell"]

_GATES = {
    "rnn_relu": ("",),
    "rnn_tanh": ("",),
    "lstm": ("_i", "_f", "_c", "_o"),
    "gru": ("_r", "_z", "_o"),
}


class FusedRNNCell(BaseRNNCell):
    """Layers of one kind, computed by the operator `RNN`.

    Only for `unroll`: there is no single step.

    Parameters
    ----------
    num_hidden, num_layers : int
    mode : {'lstm', 'gru', 'rnn_relu', 'rnn_tanh'}
    bidirectional : bool
    dropout : float
        Between layers, in training.
    get_next_state : bool
        Whether `unroll` gives the last states; else an empty list.
    forget_bias : float
        Start of the bias of the forget gates of 'lstm'.
    """

    def __init__(
        self,
        num_hidden,
        num_layers=1,
        mode="lstm",
        bidirectional=False,
        dropout=0.0,
        get_next_state=False,
        forget_bias=1.0,
        prefix=None,
        params=None,
    ):
        if mode not in _GATES:
            raise ValueError(f"FusedRNNCell: mode is {mode!r}, must be one of {list(_GATES)}")
        super().__init__(f"{mode}_" if prefix is None else prefix, params)
        self._num_hidden, self._num_layers, self._mode = num_hidden, num_layers, mode
        self._bidirectional, self._dropout = bidirectional, dropout
        self._get_next_state = get_next_state
        self._directions = ("l", "r") if bidirectional else ("l",)
        init = initializer.FusedRNN(None, num_hidden, num_layers, mode, bidirectional, forget_bias)
        self._parameter = self._params.get("parameters", init=init)

    _gate_names = property(lambda self: _GATES[self._mode])

    @property
    def state_info(self):
        """One state, or two for 'lstm', of shape (layers * directions, batch, num_hidden)."""
        shape = (self._num_layers * len(self._directions), 0, self._num_hidden)
        return [{"shape": shape, "__layout__": "LNC"}] * (2 if self._mode == "lstm" else 1)

    def _slices(self, array, width):
        """(name, part of the flat array) of each gate; `width` is that of the inputs."""
        hidden, start = self._num_hidden, 0
        for kind in ("weight", "bias"):
            for layer in range(self._num_layers):
                inputs = width if layer == 0 else hidden * len(self._directions)
                for direction in self._directions:
                    for group, columns in (("i2h", inputs), ("h2h", hidden)):
                        for gate in self._gate_names:
                            shape = (hidden, columns) if kind == "weight" else (hidden,)
                            size = hidden * (columns if kind == "weight" else 1)
                            name = f"{self._prefix}{direction}{layer}_{group}{gate}_{kind}"
                            yield name, array[start : start + size].reshape(shape)
                            start += size

    def _fixed(self):
        """Size of all parameters but the weights of the inputs of the first layer."""
        both, hidden = len(self._directions), self._num_hidden
        rows = both * hidden * len(self._gate_names)
        return rows * (hidden + 2) + (self._num_layers - 1) * rows * (hidden * (1 + both) + 2)

    def unpack_weights(self, args):
        """dict of arrays with one array for each gate in place of the flat one."""
        args = dict(args)
        array = args.pop(self._parameter.name)
        rows = len(self._directions) * self._num_hidden * len(self._gate_names)
        width = (array.size - self._fixed()) // rows
        args.update({name: part.copy() for name, part in self._slices(array, width)})
        return args

    def pack_weights(self, args):
        """What `unpack_weights` gave, in one flat array again."""
        args = dict(args)
        first = args[f"{self._prefix}l0_i2h{self._gate_names[0]}_weight"]
        rows = len(self._directions) * self._num_hidden * len(self._gate_names)
        size = rows * first.shape[1] + self._fixed()
        flat = ndarray.zeros((size,), ctx=first.context, dtype=first.dtype)
        parts = [args.pop(name).reshape((-1,)) for name, _ in self._slices(flat, first.shape[1])]
        args[self._parameter.name] = ndarray.concat(*parts, dim=0)
        return args

    def __call__(self, inputs, states):
        """There is no single step.

        Raises
        ------
        NotImplementedError
            Always.
        """
        raise NotImplementedError("FusedRNNCell: has no single step, must be unrolled")

    def unroll(self, length, inputs, begin_state=None, layout="NTC", merge_outputs=None):
        """Add the operator to a graph; see `BaseRNNCell.unroll`. Outputs are one symbol unless
        `merge_outputs` is False."""
        self.reset()
        data = inputs if is_one(inputs) else join_steps(inputs, layout)
        if layout == "NTC":
            data = symbol.swapaxes(data, dim1=0, dim2=1)
        states = self.begin_state() if begin_state is None else begin_state
        states = [
            zero_state(symbol, data, s.shape, batch_axis=1) if isinstance(s, _Zeros) else s
            for s in states
        ]
        names = ("state", "state_cell")[: len(states)]
        out = symbol.RNN(
            data,
            self._parameter,
            **dict(zip(names, states, strict=True)),
            state_size=self._num_hidden,
            num_layers=self._num_layers,
            bidirectional=self._bidirectional,
            p=self._dropout,
            state_outputs=self._get_next_state,
            mode=self._mode,
            name=f"{self._prefix}rnn",
        )
        outputs = out[0] if self._get_next_state else out
        last = [out[i + 1] for i in range(len(states))] if self._get_next_state else []
        if layout == "NTC":
            outputs = symbol.swapaxes(outputs, dim1=0, dim2=1)
        if merge_outputs is False:
            outputs = as_steps(outputs, length, layout)
        return outputs, last

    def unfuse(self):
        """SequentialRNNCell of single cells with the same names of weights."""
        stack = SequentialRNNCell()
        for layer in range(self._num_layers):
            cells = [self._cell(f"{self._prefix}{d}{layer}_") for d in self._directions]
            if self._bidirectional:
                stack.add(BidirectionalCell(*cells, output_prefix=f"{self._prefix}bi_l{layer}_"))
            else:
                stack.add(cells[0])
            if self._dropout > 0 and layer != self._num_layers - 1:
                stack.add(DropoutCell(self._dropout, prefix=f"{self._prefix}_dropout{layer}_"))
        return stack

    def _cell(self, prefix):
        if self._mode == "lstm":
            return LSTMCell(self._num_hidden, prefix=prefix)
        if self._mode == "gru":
            return GRUCell(self._num_hidden, prefix=prefix)
        return RNNCell(self._num_hidden, self._mode[4:], prefix=prefix)
