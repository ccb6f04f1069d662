"""The base of the symbolic cells, and the plain cells."""

from .. import initializer, ndarray, symbol
from ..gluon.rnn.sequence import as_steps, is_one, join_steps, zero_state

__all__ = ["RNNParams", "BaseRNNCell", "RNNCell", "LSTMCell", "GRUCell"]


class RNNParams:
    """Variables by name, made once: cells that share it share their weights.

    Parameters
    ----------
    prefix : str
        Start of the names.
    """

    def __init__(self, prefix=""):
        self._prefix = prefix
        self._params = {}

    def get(self, name, **kwargs):
        """The variable ``prefix + name``; `kwargs` go to `mx.sym.Variable` the first time."""
        name = self._prefix + name
        if name not in self._params:
            self._params[name] = symbol.Variable(name, **kwargs)
        return self._params[name]


class _Zeros:
    """A state of zeros until a cell knows the batch, whose axis has size 0."""

    def __init__(self, shape):
        self.shape = shape


def settle(states, data):
    """The states, with zeros made for the batch of the symbol `data` where they stand for such."""
    return [zero_state(symbol, data, s.shape) if isinstance(s, _Zeros) else s for s in states]


def collect(steps, layout, merge):
    """The list of steps, or one symbol if `merge`."""
    return join_steps(steps, layout) if merge and not is_one(steps) else steps


class BaseRNNCell:
    """Base of the cells: ``output, states = cell(input, states)`` adds one step to a graph.

    Subclasses define `state_info` and ``_step(inputs, states, name)``.

    Parameters
    ----------
    prefix : str
        Start of the names of the parameters.
    params : RNNParams, optional
        Parameters to share.
    """

    _gate_names = ()

    def __init__(self, prefix="", params=None):
        self._own_params = params is None
        self._params = RNNParams(prefix) if params is None else params
        self._prefix = prefix
        self._modified = False
        self._cells = []
        self.reset()

    def reset(self):
        """Start the numbers in the names anew, before another graph."""
        self._init_counter = self._counter = -1
        for cell in getattr(self, "_cells", ()):
            cell.reset()

    @property
    def params(self):
        """RNNParams: the parameters; the cell no longer counts as their only owner."""
        self._own_params = False
        return self._params

    @property
    def state_info(self):
        """list of dict with the 'shape' of each state, 0 for the batch."""
        raise NotImplementedError(f"{type(self).__name__} must define state_info")

    @property
    def state_shape(self):
        """list of tuple: shapes of the states, 0 for the batch."""
        return [info["shape"] for info in self.state_info]

    def _check_free(self):
        if self._modified:
            raise RuntimeError(
                f"{self._prefix}: is modified by another cell, must be used through that cell"
            )

    def begin_state(self, func=None, **kwargs):
        """States at the start of a sequence.

        Parameters
        ----------
        func : callable, optional
            ``func(name=..., shape=...)`` makes one, such as `mx.sym.Variable`; default zeros for
            the batch of the first input.
        **kwargs
            Further arguments of `func`.
        """
        self._check_free()
        states = []
        for info in self.state_info:
            self._init_counter += 1
            if func in (None, symbol.zeros) and 0 in info["shape"]:
                states.append(_Zeros(info["shape"]))
                continue
            options = {k: v for k, v in info.items() if not k.startswith("__")}
            name = f"{self._prefix}begin_state_{self._init_counter}"
            states.append((func or symbol.zeros)(name=name, **{**kwargs, **options}))
        return states

    def __call__(self, inputs, states):
        """One step: (output, new states)."""
        self._counter += 1
        return self._step(inputs, settle(states, inputs), f"{self._prefix}t{self._counter}_")

    def _step(self, inputs, states, name):
        raise NotImplementedError(f"{type(self).__name__} must define _step")

    def unroll(self, length, inputs, begin_state=None, layout="NTC", merge_outputs=None):
        """Add the steps of a sequence to a graph.

        Parameters
        ----------
        length : int
        inputs : Symbol or list of Symbol
            One symbol in `layout`, or a step for each number.
        begin_state : list of Symbol, optional
            Default zeros.
        layout : {'NTC', 'TNC'}
        merge_outputs : bool, optional
            Whether outputs become one symbol; default a list.

        Returns
        -------
        outputs : Symbol or list of Symbol
        states : list of Symbol
        """
        self.reset()
        steps = as_steps(inputs, length, layout)
        states = self.begin_state() if begin_state is None else begin_state
        outputs = []
        for step in steps:
            output, states = self(step, states)
            outputs.append(output)
        return collect(outputs, layout, merge_outputs), states

    # --- weights of single gates ----------------------------------------------------------------

    def _groups(self):
        """(packed name, names of its gates) of each array that `unpack_weights` splits."""
        for group in ("i2h", "h2h"):
            for kind in ("weight", "bias"):
                gates = [f"{self._prefix}{group}{gate}_{kind}" for gate in self._gate_names]
                yield f"{self._prefix}{group}_{kind}", gates

    def unpack_weights(self, args):
        """dict of arrays with one array for each gate in place of the joined ones."""
        args = dict(args)
        for cell in self._cells:
            args = cell.unpack_weights(args)
        for packed, gates in self._groups():
            if not gates:
                continue
            array = args.pop(packed)
            rows = array.shape[0] // len(gates)
            for i, name in enumerate(gates):
                args[name] = array[i * rows : (i + 1) * rows].copy()
        return args

    def pack_weights(self, args):
        """What `unpack_weights` gave, joined again."""
        args = dict(args)
        for cell in self._cells:
            args = cell.pack_weights(args)
        for packed, gates in self._groups():
            if gates:
                args[packed] = ndarray.concat(*[args.pop(name) for name in gates], dim=0)
        return args

    def _activate(self, data, activation, name):
        if isinstance(activation, str):
            return symbol.Activation(data, act_type=activation, name=name)
        return activation(data, name=name)


class _DenseCell(BaseRNNCell):
    """Cells whose gates are dense maps of the input and the state."""

    def __init__(self, num_hidden, prefix, params, bias_init=None):
        super().__init__(prefix, params)
        self._num_hidden = num_hidden
        get = self._params.get
        self._iW = get("i2h_weight")
        self._iB = get("i2h_bias", init=bias_init)
        self._hW = get("h2h_weight")
        self._hB = get("h2h_bias")

    @property
    def state_info(self):
        """One state of shape (batch, num_hidden)."""
        return [{"shape": (0, self._num_hidden), "__layout__": "NC"}]

    def _gates(self, inputs, state, name):
        """Gates from the input and from the state, before they are joined."""
        rows = self._num_hidden * len(self._gate_names)
        i2h = symbol.FullyConnected(inputs, self._iW, self._iB, num_hidden=rows, name=f"{name}i2h")
        h2h = symbol.FullyConnected(state, self._hW, self._hB, num_hidden=rows, name=f"{name}h2h")
        return i2h, h2h


class RNNCell(_DenseCell):
    """``h = activation(W_i x + b_i + W_h h + b_h)``.

    Parameters
    ----------
    num_hidden : int
    activation : str or callable
    prefix, params
        As in `BaseRNNCell`.
    """

    _gate_names = ("",)

    def __init__(self, num_hidden, activation="tanh", prefix="rnn_", params=None):
        super().__init__(num_hidden, prefix, params)
        self._activation = activation

    def _step(self, inputs, states, name):
        i2h, h2h = self._gates(inputs, states[0], name)
        output = self._activate(i2h + h2h, self._activation, f"{name}out")
        return output, [output]


def lstm_step(gates, cell, name, activation, axis=1):
    """(output, new cell) from the four gates in one symbol; Hochreiter, Schmidhuber (1997)."""
    part = symbol.SliceChannel(gates, num_outputs=4, axis=axis, name=f"{name}slice")
    enter, forget, leave = (
        symbol.Activation(part[i], act_type="sigmoid", name=f"{name}{gate}")
        for i, gate in ((0, "i"), (1, "f"), (3, "o"))
    )
    cell = forget * cell + enter * activation(part[2], name=f"{name}c")
    return leave * activation(cell, name=f"{name}state"), cell


def gru_step(i2h, h2h, state, name, activation, axis=1):
    """The new state from the three gates in two symbols; Cho and others (2014)."""
    i_r, i_z, i_h = symbol.SliceChannel(i2h, num_outputs=3, axis=axis, name=f"{name}i2h_slice")
    h_r, h_z, h_h = symbol.SliceChannel(h2h, num_outputs=3, axis=axis, name=f"{name}h2h_slice")
    reset = symbol.Activation(i_r + h_r, act_type="sigmoid", name=f"{name}r_act")
    keep = symbol.Activation(i_z + h_z, act_type="sigmoid", name=f"{name}z_act")
    new = activation(i_h + reset * h_h, name=f"{name}h_act")
    return (1.0 - keep) * new + keep * state


def _tanh(data, name):
    return symbol.Activation(data, act_type="tanh", name=name)


class LSTMCell(_DenseCell):
    """Long short-term memory; states are the output and the cell.

    Parameters
    ----------
    num_hidden : int
    forget_bias : float
        Start of the bias of the forget gate.
    """

    _gate_names = ("_i", "_f", "_c", "_o")

    def __init__(self, num_hidden, prefix="lstm_", params=None, forget_bias=1.0):
        super().__init__(num_hidden, prefix, params, initializer.LSTMBias(forget_bias))

    @property
    def state_info(self):
        """Two states of shape (batch, num_hidden)."""
        return super().state_info * 2

    def _step(self, inputs, states, name):
        i2h, h2h = self._gates(inputs, states[0], name)
        output, cell = lstm_step(i2h + h2h, states[1], name, _tanh)
        return output, [output, cell]


class GRUCell(_DenseCell):
    """Gated recurrent unit; the state is the output."""

    _gate_names = ("_r", "_z", "_o")

    def __init__(self, num_hidden, prefix="gru_", params=None):
        super().__init__(num_hidden, prefix, params)

    def _step(self, inputs, states, name):
        i2h, h2h = self._gates(inputs, states[0], name)
        output = gru_step(i2h, h2h, states[0], name, _tanh)
        return output, [output]
