"""Importers of recurrent layers."""

import numpy as np

from .importers import call, first, imports

# Order of ONNX's gates in that of the operator: input, forget, cell, output; reset, update, new.
_ORDER = {"LSTM": (0, 2, 3, 1), "GRU": (1, 0, 2), "RNN": (0,)}
_USUAL = {"LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"], "RNN": ["Tanh"]}


class _Layer:
    """One node: sizes, directions and options."""

    def __init__(self, s):
        self.s, self.kind = s, s.node.op_type
        self.directions, self.gates, _ = s.shape(1)
        self.order = _ORDER[self.kind]
        self.gates, self.cells = len(self.order), s.shape(2)[2]
        self.way = s.get("direction", "forward")
        self.batch_first = bool(s.get("layout", 0))
        names = s.get("activations") or _USUAL[self.kind] * self.directions
        self.activations = [n.decode() if isinstance(n, bytes) else n for n in names]
        self.steps, self.batch, self.features = self.data_sizes()

    def data_sizes(self):
        a, b, c = self.s.shape(0)
        return (b, a, c) if self.batch_first else (a, b, c)

    def data(self):
        return self._turned(self.s[0])

    def _turned(self, x):
        return call("transpose", x, axes=(1, 0, 2)) if self.batch_first else x

    def state(self, i):
        """State at the start (directions, batch, cells)."""
        if self.s.has(i):
            return self._turned(self.s[i])
        zeros = np.zeros((self.directions, self.batch, self.cells))
        return self.s.constant(zeros, like=0)

    def is_usual(self):
        """bool: whether the operator `rnn` does the same."""
        s, kinds = self.s, _USUAL[self.kind]
        usual = self.activations == kinds * self.directions
        if self.kind == "RNN":
            usual = len(set(self.activations)) == 1 and self.activations[0] in ("Tanh", "Relu")
        plain = not s.has(7) and not s.get("clip") and not s.get("input_forget", 0)
        reset_first = self.kind == "GRU" and not s.get("linear_before_reset", 0)
        odd = s.get("activation_alpha") or s.get("activation_beta")
        return usual and plain and not reset_first and not odd and self.way != "reverse"

    def functions(self):
        """The activations of all directions; numbers are given to those that take some."""
        alphas = list(self.s.get("activation_alpha") or [])
        betas = list(self.s.get("activation_beta") or [])
        found = []
        for name in self.activations:
            alpha = alphas.pop(0) if alphas and name in _ALPHA else _ALPHA.get(name, 0.0)
            beta = betas.pop(0) if betas and name in _BETA else _BETA.get(name, 0.0)
            found.append(_activation(self.s, name, alpha, beta))
        return found

    def weights(self):
        """Vector of all weights and biases in the layout of the operator."""
        w, r = (self._gates(self.s.known(i)) for i in (1, 2))
        b = self.s.known(3, np.zeros((self.directions, 2 * self.gates * self.cells), w.dtype))
        b = self._gates(b.reshape(2 * self.directions, -1))
        both = [part[d].ravel() for d in range(self.directions) for part in (w, r)]
        return np.concatenate([*both, b.ravel()])

    def _gates(self, x):
        """Blocks of gates along axis 1, in the order of the operator."""
        parts = np.split(x, self.gates, axis=1)
        return np.concatenate([parts[i] for i in self.order], axis=1)

    def lengths(self):
        """Steps of each sequence; None if all have the same."""
        if not self.s.has(4):
            return None
        if self.s.is_known(4) and (self.s.known(4) == self.steps).all():
            return None
        return self.s[4]

    def results(self, out, *states):
        """The outputs: all steps (steps, directions, batch, cells), and the last ones."""
        if self.batch_first:
            out = call("transpose", out, axes=(2, 0, 1, 3))
        return out, *map(self._turned, states)


@imports("RNN", "GRU", "LSTM")
def _(s):
    layer = _Layer(s)
    return _whole(layer) if layer.is_usual() else _stepwise(layer)


def _whole(layer):
    """By the operator that runs all steps."""
    s, d = layer.s, layer.directions
    mode = layer.kind.lower()
    if mode == "rnn":
        mode = f"rnn_{layer.activations[0].lower()}"
    known = s.is_known(1) and s.is_known(2) and (not s.has(3) or s.is_known(3))
    if known:
        parameters = s.derived(1, f"{s.node.input[2]}_packed", lambda _: layer.weights())
    else:
        parameters = s.constant(layer.weights())
    lengths = layer.lengths()
    inputs = [layer.data(), parameters, layer.state(5)]
    if mode == "lstm":
        inputs.append(layer.state(6))
    if lengths is not None:
        inputs.extend([None] * (4 - len(inputs)))
        inputs.append(lengths)
    found = call("rnn", *inputs, mode=mode, state_size=layer.cells, num_layers=1,
                 bidirectional=d == 2, state_outputs=True,
                 use_sequence_length=lengths is not None)  # fmt: skip
    out = call("reshape", first(found), shape=(layer.steps, layer.batch, d, layer.cells))
    out = call("transpose", out, axes=(0, 2, 1, 3))
    states = [first(found, i) for i in range(1, 3 if mode == "lstm" else 2)]
    return layer.results(out, *states)


# --- step by step -------------------------------------------------------------------------------


def _activation(s, name, alpha, beta):
    simple = {"Sigmoid": "sigmoid", "Tanh": "tanh", "Relu": "relu", "Softsign": "softsign",
              "Softplus": "softrelu"}  # fmt: skip
    if name in simple:
        return lambda x: call(simple[name], x)
    if name == "Affine":
        return lambda x: call("add_scalar", call("multiply_scalar", x, scalar=alpha), scalar=beta)
    if name == "LeakyRelu":
        return lambda x: call("leaky_relu", x, act_type="leaky", slope=alpha)
    if name == "Elu":
        return lambda x: call("leaky_relu", x, act_type="elu", slope=alpha)
    if name == "HardSigmoid":
        return lambda x: call("hard_sigmoid", x, alpha=alpha, beta=beta)
    if name == "ScaledTanh":

        def scaled_tanh(x):
            inner = call("tanh", call("multiply_scalar", x, scalar=beta))
            return call("multiply_scalar", inner, scalar=alpha)

        return scaled_tanh
    return s.refuse(f"the activation {name!r}")


_ALPHA = {"Affine": 1.0, "LeakyRelu": 0.01, "Elu": 1.0, "HardSigmoid": 0.2, "ScaledTanh": 1.0}
_BETA = {"HardSigmoid": 0.5, "ScaledTanh": 1.0}


class _Direction:
    """Weights and functions of one direction."""

    def __init__(self, layer, d):
        s = layer.s
        self.layer, self.s = layer, s
        self.w, self.r = (self._of(i, d) for i in (1, 2))
        count = layer.gates * layer.cells
        zeros = None if s.has(3) else s.constant(np.zeros(2 * count), like=0)
        bias = self._of(3, d) if zeros is None else zeros
        self.wb, self.rb = (call("slice_axis", bias, axis=0, begin=i * count, end=(i + 1) * count)
                            for i in range(2))  # fmt: skip
        self.peepholes = None
        if s.has(7):
            whole = self._of(7, d)
            self.peepholes = [call("slice_axis", whole, axis=0, begin=i * layer.cells,
                                   end=(i + 1) * layer.cells) for i in range(3)]  # fmt: skip
        each = len(_USUAL[layer.kind])
        self.functions = layer.functions()[d * each : (d + 1) * each]

    def _of(self, i, d):
        part = call("slice_axis", self.s[i], axis=0, begin=d, end=d + 1)
        return call("squeeze", part, axis=(0,))

    def clipped(self, x):
        bound = self.s.get("clip")
        return call("clip", x, a_min=-bound, a_max=bound) if bound else x

    def gate(self, x, i):
        n = self.layer.cells
        return call("slice_axis", x, axis=1, begin=i * n, end=(i + 1) * n)

    def product(self, x, weight):
        return call("matmul", x, call("transpose", weight, axes=(1, 0)))

    def step(self, x, h, c):
        """(h, c) after an input (batch, features)."""
        return getattr(self, self.layer.kind.lower())(x, h, c)

    def rnn(self, x, h, c):
        a = call("add", self.product(x, self.w), self.wb)
        b = call("add", self.product(h, self.r), self.rb)
        return self.functions[0](self.clipped(call("add", a, b))), None

    def gru(self, x, h, c):
        a = call("add", self.product(x, self.w), self.wb)
        n = self.layer.cells
        outer = self.product(h, call("slice_axis", self.r, axis=0, begin=0, end=2 * n))
        outer = call("add", outer, call("slice_axis", self.rb, axis=0, begin=0, end=2 * n))
        update, reset = (
            self.functions[0](self.clipped(call("add", self.gate(a, i), self.gate(outer, i))))
            for i in range(2)
        )
        last = call("slice_axis", self.r, axis=0, begin=2 * n, end=3 * n)
        bias = call("slice_axis", self.rb, axis=0, begin=2 * n, end=3 * n)
        if self.s.get("linear_before_reset", 0):
            inner = call("multiply", reset, call("add", self.product(h, last), bias))
        else:
            inner = call("add", self.product(call("multiply", reset, h), last), bias)
        new = self.functions[1](self.clipped(call("add", self.gate(a, 2), inner)))
        kept = call("multiply", update, h)
        return call("add", call("multiply", call("rsubtract_scalar", update, scalar=1.0), new),
                    kept), None  # fmt: skip

    def lstm(self, x, h, c):
        a = call("add", self.product(x, self.w), self.wb)
        a = call("add", a, call("add", self.product(h, self.r), self.rb))
        i, o, f, new = (self.gate(a, n) for n in range(4))
        if self.peepholes is not None:
            i = call("add", i, call("multiply", c, self.peepholes[0]))
            f = call("add", f, call("multiply", c, self.peepholes[2]))
        i = self.functions[0](self.clipped(i))
        if self.s.get("input_forget", 0):
            f = call("rsubtract_scalar", i, scalar=1.0)
        else:
            f = self.functions[0](self.clipped(f))
        new = call("multiply", i, self.functions[1](self.clipped(new)))
        c = call("add", call("multiply", f, c), new)
        if self.peepholes is not None:
            o = call("add", o, call("multiply", c, self.peepholes[1]))
        o = self.functions[0](self.clipped(o))
        return call("multiply", o, self.functions[2](c)), c


def _stepwise(layer):
    """By elementary operators, written down for each step."""
    lengths = layer.lengths()
    x, outs, lasts, cells = layer.data(), [], [], []
    for d in range(layer.directions):
        back = layer.way == "reverse" or d == 1
        one = _Direction(layer, d)
        h = call("squeeze", call("slice_axis", layer.state(5), axis=0, begin=d, end=d + 1),
                 axis=(0,))  # fmt: skip
        c = None
        if layer.kind == "LSTM":
            c = call("squeeze", call("slice_axis", layer.state(6), axis=0, begin=d, end=d + 1),
                     axis=(0,))  # fmt: skip
        data = x if not back else _reversed(x, lengths)
        rows = []
        for t in range(layer.steps):
            item = call("squeeze", call("slice_axis", data, axis=0, begin=t, end=t + 1), axis=(0,))
            new, cell = one.step(item, h, c)
            if lengths is not None:
                goes = call("np_greater_scalar", call("expand_dims", lengths, axis=1), scalar=t)
                row = call("where", goes, new, call("zeros_like", new))
                new = call("where", goes, new, h)
                cell = None if cell is None else call("where", goes, cell, c)
                rows.append(row)
            else:
                rows.append(new)
            h, c = new, cell
        out = call("stack", *rows, axis=0)
        outs.append(_reversed(out, lengths) if back else out)
        lasts.append(h)
        cells.append(c)
    out = call("stack", *outs, axis=1)
    states = [call("stack", *lasts, axis=0)]
    if layer.kind == "LSTM":
        states.append(call("stack", *cells, axis=0))
    return layer.results(out, *states)


def _reversed(x, lengths):
    if lengths is None:
        return call("flip", x, axis=0)
    return call("sequence_reverse", x, lengths, use_sequence_length=True)
