"""The plain recurrent cell, LSTM and GRU."""

from .cell import HybridRecurrentCell

__all__ = ["RNNCell", "LSTMCell", "GRUCell", "LSTMPCell"]


class _GatedCell(HybridRecurrentCell):
    """Cells with weights of input and state; subclasses tell the number of `_gates`."""

    _states = 1

    def __init__(
        self,
        hidden_size,
        i2h_weight_initializer=None,
        h2h_weight_initializer=None,
        i2h_bias_initializer="zeros",
        h2h_bias_initializer="zeros",
        input_size=0,
        prefix=None,
        params=None,
        state_size=None,
    ):
        super().__init__(prefix=prefix, params=params)
        self._hidden_size, self._input_size = hidden_size, input_size
        rows = self._gates * hidden_size
        for name, shape, init in (
            ("i2h_weight", (rows, input_size), i2h_weight_initializer),
            ("h2h_weight", (rows, state_size or hidden_size), h2h_weight_initializer),
            ("i2h_bias", (rows,), i2h_bias_initializer),
            ("h2h_bias", (rows,), h2h_bias_initializer),
        ):
            param = self.params.get(name, shape=shape, init=init, allow_deferred_init=True)
            setattr(self, name, param)

    def _alias(self):
        return type(self).__name__.removesuffix("Cell").lower()

    def state_info(self, batch_size=0):
        """The states (n, hidden_size)."""
        info = {"shape": (batch_size, self._hidden_size), "__layout__": "NC"}
        return [dict(info) for _ in range(self._states)]

    def _project(self, F, inputs, state, i2h_weight, h2h_weight, i2h_bias, h2h_bias):
        rows = self._gates * self._hidden_size
        return (
            F.FullyConnected(inputs, i2h_weight, i2h_bias, num_hidden=rows),
            F.FullyConnected(state, h2h_weight, h2h_bias, num_hidden=rows),
        )

    def __repr__(self):
        shape = self.i2h_weight.shape
        return f"{type(self).__name__}({shape[1] or None} -> {shape[0]})"


class RNNCell(_GatedCell):
    """One step ``h = act(W x + b + R h + c)``: x (n, input_size), h (n, hidden_size).

    ``cell(x, [h])`` gives the output, h, and the list of states, [h].

    Parameters
    ----------
    hidden_size : int
        Elements of the state and of the output.
    activation : str or callable
    i2h_weight_initializer, h2h_weight_initializer : Initializer or str, optional
        Of W (hidden_size, input_size) and R (hidden_size, hidden_size).
    i2h_bias_initializer, h2h_bias_initializer : Initializer or str
        Of b and c (hidden_size,).
    input_size : int
        0: told by the first forward pass.

    Notes
    -----
    Elman: Finding structure in time (1990).
    """

    _gates = 1

    def __init__(self, hidden_size, activation="tanh", *args, **kwargs):
        super().__init__(hidden_size, *args, **kwargs)
        self._activation = activation

    def __repr__(self):
        return f"{super().__repr__()[:-1]}, {self._activation})"

    def hybrid_forward(self, F, inputs, states, **weights):
        i2h, h2h = self._project(F, inputs, states[0], **weights)
        output = self._activate(F, i2h + h2h, self._activation)
        return output, [output]


class LSTMCell(_GatedCell):
    """One step of long short-term memory: x (n, input_size), states [h, c] of (n, hidden_size).

    ``c = forget c + input transform``, ``h = output act(c)``; weights and biases of the four gates
    stand one below the other in the order input, forget, transform, output: (4 hidden_size, ...).

    Parameters
    ----------
    hidden_size : int
    activation, recurrent_activation : str
        Of the transform and the output, and of the gates.
    others
        As `RNNCell`.

    Notes
    -----
    Hochreiter, Schmidhuber: Long short-term memory (1997); Gers, Schmidhuber, Cummins: Learning to
    forget (2000).
    """

    _gates, _states = 4, 2

    def __init__(
        self, hidden_size, *args, activation="tanh", recurrent_activation="sigmoid", **kwargs
    ):
        super().__init__(hidden_size, *args, **kwargs)
        self._activation, self._recurrent_activation = activation, recurrent_activation

    def _cell(self, F, gates, memory):
        """(output, memory) from the sum of the projections."""
        parts = F.split(gates, num_outputs=4, axis=1)
        take, forget, give = (
            self._activate(F, parts[i], self._recurrent_activation) for i in (0, 1, 3)
        )
        memory = forget * memory + take * self._activate(F, parts[2], self._activation)
        return give * self._activate(F, memory, self._activation), memory

    def hybrid_forward(self, F, inputs, states, **weights):
        i2h, h2h = self._project(F, inputs, states[0], **weights)
        output, memory = self._cell(F, i2h + h2h, states[1])
        return output, [output, memory]


class LSTMPCell(LSTMCell):
    """`LSTMCell` whose output is projected: states [r (n, projection_size), c (n, hidden_size)].

    Parameters
    ----------
    hidden_size : int
        Elements of the memory c.
    projection_size : int
        Elements of the output r, which the gates see in place of h.
    h2r_weight_initializer : Initializer or str, optional
        Of the projection (projection_size, hidden_size).
    others
        As `RNNCell`.

    Notes
    -----
    Sak, Senior, Beaufays: Long short-term memory based recurrent architectures (2014).
    """

    def __init__(
        self,
        hidden_size,
        projection_size,
        i2h_weight_initializer=None,
        h2h_weight_initializer=None,
        h2r_weight_initializer=None,
        i2h_bias_initializer="zeros",
        h2h_bias_initializer="zeros",
        input_size=0,
        prefix=None,
        params=None,
    ):
        super().__init__(
            hidden_size,
            i2h_weight_initializer,
            h2h_weight_initializer,
            i2h_bias_initializer,
            h2h_bias_initializer,
            input_size,
            prefix,
            params,
            state_size=projection_size,
        )
        self._projection_size = projection_size
        self.h2r_weight = self.params.get(
            "h2r_weight",
            shape=(projection_size, hidden_size),
            init=h2r_weight_initializer,
            allow_deferred_init=True,
        )

    def state_info(self, batch_size=0):
        """Output (n, projection_size) and memory (n, hidden_size)."""
        sizes = self._projection_size, self._hidden_size
        return [{"shape": (batch_size, size), "__layout__": "NC"} for size in sizes]

    def hybrid_forward(self, F, inputs, states, h2r_weight, **weights):
        i2h, h2h = self._project(F, inputs, states[0], **weights)
        hidden, memory = self._cell(F, i2h + h2h, states[1])
        output = F.FullyConnected(
            hidden, h2r_weight, no_bias=True, num_hidden=self._projection_size
        )
        return output, [output, memory]


class GRUCell(_GatedCell):
    """One step of a gated recurrent unit: x (n, input_size), the state h (n, hidden_size).

    ``h = (1 - update) new + update h``; weights and biases of the gates stand one below the other
    in the order reset, update, new: (3 hidden_size, ...). As in cuDNN, the reset gate acts on the
    projected state.

    Parameters
    ----------
    hidden_size : int
    activation, recurrent_activation : str
        Of the new state, and of the gates.
    others
        As `RNNCell`.

    Notes
    -----
    Cho and others: Learning phrase representations using RNN encoder-decoder (2014).
    """

    _gates = 3

    def __init__(
        self, hidden_size, *args, activation="tanh", recurrent_activation="sigmoid", **kwargs
    ):
        super().__init__(hidden_size, *args, **kwargs)
        self._activation, self._recurrent_activation = activation, recurrent_activation

    def hybrid_forward(self, F, inputs, states, **weights):
        i2h, h2h = self._project(F, inputs, states[0], **weights)
        x = F.split(i2h, num_outputs=3, axis=1)
        h = F.split(h2h, num_outputs=3, axis=1)
        reset = self._activate(F, x[0] + h[0], self._recurrent_activation)
        update = self._activate(F, x[1] + h[1], self._recurrent_activation)
        new = self._activate(F, x[2] + reset * h[2], self._activation)
        output = (1.0 - update) * new + update * states[0]
        return output, [output]
