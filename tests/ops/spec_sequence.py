"""Entries of core/ops/sequence."""

import itertools

import numpy as np
from harness import HALVES, Spec, between, normal

X = normal(4, 3, 2)
LENGTHS = np.array([1, 4, 2], dtype="int32")


def by_sequence(x, lengths, axis, f):
    """f(sequence, length) for each sequence, time first."""
    x = np.moveaxis(x, axis, 0)
    lengths = [len(x)] * x.shape[1] if lengths is None else lengths
    return np.stack([f(x[:, b], n) for b, n in enumerate(lengths)], 1)


def mask(x, lengths=None, use_sequence_length=False, value=0.0, axis=0):
    def one(s, n):
        s = s.copy()
        s[n:] = value
        return s

    return np.moveaxis(by_sequence(x, lengths, axis, one), 0, axis)


def last(x, lengths=None, use_sequence_length=False, axis=0):
    return by_sequence(x, lengths, axis, lambda s, n: s[n - 1 : n])[0]


def reverse(x, lengths=None, use_sequence_length=False):
    return by_sequence(x, lengths, 0, lambda s, n: np.concatenate([s[:n][::-1], s[n:]]))


GIVEN = {"use_sequence_length": True}
Spec(
    "sequence_mask",
    mask,
    [
        ((X,), {}),
        ((X, LENGTHS), {**GIVEN, "value": -1.0}),
        ((normal(3, 4), LENGTHS), {**GIVEN, "axis": 1}),
    ],
    dtypes=("float32", "float64", "float16", "int32"),
    grad=(0,),
    raises=[
        ((X, LENGTHS[:2]), GIVEN, ValueError, "sequence_mask: sequence_length has shape"),
        ((X, LENGTHS + 2), GIVEN, ValueError, "sequence_length has 6, must be in"),
        ((X,), {"axis": 2}, ValueError, "axis is 2, must be 0 or 1"),
    ],
)
Spec(
    "sequence_last",
    last,
    [((X,), {}), ((X, LENGTHS), GIVEN), ((normal(3, 4), LENGTHS), {**GIVEN, "axis": 1})],
    grad=(0,),
    raises=[((X, LENGTHS - 1), GIVEN, ValueError, "sequence_length has 0")],
)
Spec("sequence_reverse", reverse, [((X,), {}), ((X, LENGTHS), GIVEN)], grad=(0,))


def ctc(data, label, data_lengths=None, label_lengths=None, blank_label="first", **_):
    """Sum over all paths that give the labels."""
    time, batch, classes = data.shape
    blank, padding = (0, 0) if blank_label == "first" else (classes - 1, -1)
    p = np.exp(data - data.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    losses = []
    for b in range(batch):
        steps = time if data_lengths is None else int(data_lengths[b])
        want = [int(c) for c in label[b]]
        if label_lengths is not None:
            want = want[: int(label_lengths[b])]
        elif padding in want:
            want = want[: want.index(padding)]
        total = 0
        for path in itertools.product(range(classes), repeat=steps):
            merged = [c for c, _ in itertools.groupby(path) if c != blank]
            if merged == want:
                total += np.prod([p[t, b, c] for t, c in enumerate(path)])
        losses.append(-np.log(total))
    return np.array(losses)


LABELS = np.array([[1, 2], [2, 2], [1, 0]], dtype="int32")
Spec(
    "ctc_loss",
    ctc,
    [
        ((normal(4, 3, 3), LABELS), {}),
        ((normal(4, 3, 3), np.array([[1, 0], [0, 0], [1, -1]], "int32")), {"blank_label": "last"}),
        (
            (
                normal(5, 2, 3),
                np.array([[1, 2], [2, 0]], "int32"),
                np.array([3, 5], "int32"),
                np.array([2, 1], "int32"),
            ),
            {"use_data_lengths": True, "use_label_lengths": True},
        ),
    ],
    grad=(0,),
    tolerance=(1e-5, 1e-5),
    raises=[
        ((normal(4, 3, 3), LABELS + 2), {}, IndexError, "ctc_loss: label has 3"),
        ((normal(4, 2, 3), LABELS), {}, ValueError, "ctc_loss: label has shape"),
    ],
)


def hawkes(mu, alpha, beta, state, lags, marks, length, end):
    likelihoods, states = np.zeros(len(mu)), np.array(state)
    for n, s in enumerate(states):
        now, last = 0.0, np.zeros(len(s))
        for t in range(int(length[n])):
            k, now = marks[n, t], now + lags[n, t]
            decay = np.exp(-beta[k] * (now - last[k]))
            likelihoods[n] += np.log(mu[n, k] + alpha[k] * beta[k] * s[k] * decay)
            likelihoods[n] -= mu[n, k] * (now - last[k]) + alpha[k] * s[k] * (1 - decay)
            s[k], last[k] = 1 + s[k] * decay, now
        decay = np.exp(-beta * (end[n] - last))
        likelihoods[n] -= (mu[n] * (end[n] - last) + alpha * s * (1 - decay)).sum()
        s *= decay
    return likelihoods, states


EVENTS = (
    between(0.2, 1, 2, 3), between(0.2, 0.5, 3), between(0.5, 2, 3),
    between(0, 1, 2, 3), between(0.1, 1, 2, 4),
    np.array([[0, 2, 0, 1], [1, 1, 2, 0]], "int32"), np.array([4.0, 3.0]), np.array([6.0, 5.0]),
)  # fmt: skip
Spec(
    "hawkes_ll",
    hawkes,
    [(EVENTS, {})],
    dtypes=("float32", "float64"),
    grad=(0, 1, 2, 3),
    tolerance=(1e-5, 1e-5),
    raises=[
        ((*EVENTS[:5], EVENTS[5] + 7, *EVENTS[6:]), {}, IndexError, "hawkes_ll: marks has 7"),
        ((EVENTS[0], normal(2), *EVENTS[2:]), {}, ValueError, "hawkes_ll: alpha has shape"),
    ],
)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def cell(mode, gx, gh, h, c):
    """One step; `gx` and `gh` are the sums of input and state, gate by gate."""
    if mode == "lstm":
        i, f, g, o = np.split(gx + gh, 4, -1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c
    if mode == "gru":
        (rx, zx, nx), (rh, zh, nh) = np.split(gx, 3, -1), np.split(gh, 3, -1)
        z = sigmoid(zx + zh)
        return (1 - z) * np.tanh(nx + sigmoid(rx + rh) * nh) + z * h, c
    s = gx + gh
    return (np.tanh(s) if mode == "rnn_tanh" else np.maximum(s, 0)), c


def rnn(
    data,
    params,
    h0,
    *more,
    state_size,
    num_layers,
    mode,
    bidirectional=False,
    projection_size=None,
    state_outputs=False,
    use_sequence_length=False,
    p=0,
):
    gates = {"lstm": 4, "gru": 3}.get(mode, 1)
    c0 = more[0] if mode == "lstm" else np.zeros((*h0.shape[:2], state_size))
    lengths = more[-1] if use_sequence_length else [len(data)] * data.shape[1]
    directions, wide = (2 if bidirectional else 1), gates * state_size
    out_size = projection_size or state_size
    at = 0

    def take(*shape):
        nonlocal at
        at += int(np.prod(shape))
        return params[at - int(np.prod(shape)) : at].reshape(shape)

    sizes = [data.shape[2]] + [directions * out_size] * (num_layers - 1)
    weights = [
        (
            take(wide, n),
            take(wide, out_size),
            take(out_size, state_size) if projection_size else None,
        )
        for n in sizes
        for _ in range(directions)
    ]
    biases = [(take(wide), take(wide)) for _ in range(num_layers * directions)]
    x, last_h, last_c = data, [], []
    for layer in range(num_layers):
        results = []
        for d in range(directions):
            i = layer * directions + d
            (wx, wh, wr), (bx, bh) = weights[i], biases[i]
            h, c = h0[i].copy(), c0[i].copy()
            y = np.zeros((*x.shape[:2], out_size))
            for t in range(len(x))[:: -1 if d else 1]:
                new_h, new_c = cell(mode, x[t] @ wx.T + bx, h @ wh.T + bh, h, c)
                if projection_size:
                    new_h = new_h @ wr.T
                for b, n in enumerate(lengths):
                    if t < n:
                        h[b], c[b], y[t, b] = new_h[b], new_c[b], new_h[b]
            results.append(y)
            last_h.append(h)
            last_c.append(c)
        x = np.concatenate(results, -1)
    if not state_outputs:
        return x
    return (x, np.stack(last_h), *([np.stack(last_c)] if mode == "lstm" else []))


def rnn_sample(
    mode, layers=1, directions=1, projection=None, lengths=False, steps=3, batch=2, **attrs
):
    features, cells = 3, 2
    gates, out = {"lstm": 4, "gru": 3}.get(mode, 1), projection or cells
    size = (
        sum(
            directions
            * (
                gates * cells * ((directions * out if i else features) + out)
                + (out * cells if projection else 0)
            )
            for i in range(layers)
        )
        + layers * directions * 2 * gates * cells
    )
    inputs = [
        normal(steps, batch, features),
        normal(size) * 0.5,
        normal(layers * directions, batch, out),
    ]
    if mode == "lstm":
        inputs.append(normal(layers * directions, batch, cells) * 0.7)
    if lengths:
        inputs.append(np.array([3, 2], "int32"))
    attrs.update(mode=mode, state_size=cells, num_layers=layers)
    attrs.update({"bidirectional": True} if directions == 2 else {})
    attrs.update({"projection_size": projection} if projection else {})
    attrs.update({"use_sequence_length": True} if lengths else {})
    return tuple(inputs), attrs


Spec(
    "rnn",
    rnn,
    [rnn_sample(m, layers=2, state_outputs=True) for m in ("rnn_tanh", "rnn_relu", "gru", "lstm")]
    + [
        rnn_sample("lstm", layers=2, directions=2),
        rnn_sample("gru", directions=2, lengths=True),
        rnn_sample("lstm", directions=2, lengths=True, state_outputs=True),
        rnn_sample("lstm", layers=2, projection=1),
    ],
    dtypes=("float32", "float64", *HALVES),
    grad=(0, 1, 2),
    tolerance=(1e-4, 1e-5),
    raises=[
        (
            (normal(3, 2, 3), normal(5), normal(1, 2, 2)),
            {"mode": "gru", "state_size": 2, "num_layers": 1},
            ValueError,
            r"rnn: parameters has shape \(5,\), must be \(42,\)",
        ),
        (
            (normal(3, 2), normal(5), normal(1, 2, 2)),
            {"mode": "gru", "state_size": 2, "num_layers": 1},
            ValueError,
            "rnn: data has shape",
        ),
    ],
)
# One step of one sample reads its parameters as they were; other sizes are in test_graph_packed.py.
Spec(
    "rnn_packed",
    rnn,
    [
        rnn_sample("gru", layers=2, directions=2, steps=1, batch=1),
        rnn_sample("lstm", layers=2, projection=1, steps=1, batch=1),
    ],
    dtypes=("float32",),
    tolerance=(1e-4, 1e-5),
    raises=[
        (rnn_sample("gru", steps=1, batch=1)[0], rnn_sample("gru")[1], TypeError, "float64"),
        (
            tuple(np.ones(s, "float32") for s in ((1, 1, 3), (5,), (1, 1, 2))),
            rnn_sample("gru")[1],
            ValueError,
            "parameters has shape",
        ),
    ],
)
GRU = {"mode": "gru", "state_size": 2, "num_layers": 1, "shape": (3, 2, 3)}
Spec(
    "rnn_pack",
    None,  # the layout depends on the processor
    [((normal(42),), GRU), ((normal(42),), dict(GRU, shape=(1, 1, 3)))],
    dtypes=("float32",),
    raises=[
        ((normal(42),), GRU, TypeError, "float64"),
        ((np.ones(5, "float32"),), GRU, ValueError, "parameters has shape"),
        ((np.ones(42, "float32"),), dict(GRU, shape=(0, 2, 3)), ValueError, "shape is"),
    ],
)
