"""Converters of recurrent layers: one node for each layer of the stack."""

import numpy as np

from .converters import converts, refuse

_NAMES = {"lstm": "LSTM", "gru": "GRU", "rnn_tanh": "RNN", "rnn_relu": "RNN"}
# Our gates (input, forget, cell, output; reset, update, new) in the order of ONNX.
_ORDER = {"LSTM": (0, 3, 1, 2), "GRU": (1, 0, 2), "RNN": (0,)}


def _turned(x, name, cells):
    """Blocks of gates (gates * cells, ...) in the order of ONNX."""
    return np.concatenate([x[i * cells : (i + 1) * cells] for i in _ORDER[name]])


class _Packed:
    """Reads weights one after the other from the vector of all parameters."""

    def __init__(self, vector):
        self.vector, self.at = vector, 0

    def take(self, *shape):
        size = int(np.prod(shape))
        self.at += size
        return self.vector[self.at - size : self.at].reshape(shape)


def _weights(vector, node, name, features):
    """(W, R, B) of each layer, all directions stacked."""
    cells, ways = node["state_size"], 2 if node["bidirectional"] else 1
    layers, width = node["num_layers"], len(_ORDER[name]) * node["state_size"]
    packed, found = _Packed(vector), []
    for layer in range(layers):
        size = features if layer == 0 else ways * cells
        both = [(packed.take(width, size), packed.take(width, cells)) for _ in range(ways)]
        found.append([np.stack([_turned(x, name, cells) for x in part])
                      for part in zip(*both, strict=True)])  # fmt: skip
    for layer in range(layers):
        rows = [
            np.concatenate([_turned(packed.take(width), name, cells) for _ in range(2)])
            for _ in range(ways)
        ]
        found[layer].append(np.stack(rows))
    return found


@converts("rnn")
def _(w, node):
    if node["projection_size"]:
        refuse(node, f"projection_size = {node['projection_size']}")
    if node["lstm_state_clip_min"] is not None:
        refuse(node, f"lstm_state_clip_min = {node['lstm_state_clip_min']}")
    name, ways = _NAMES[node["mode"]], 2 if node["bidirectional"] else 1
    layers, cells = node["num_layers"], node["state_size"]
    x, parameters, state = node.inputs[:3]
    rest = list(node.inputs[3:])
    cell = rest.pop(0) if name == "LSTM" else None
    lengths = w.cast(rest[0], np.int32) if node["use_sequence_length"] else ""
    extra = {"GRU": {"linear_before_reset": 1}}.get(name, {})
    if node["mode"] == "rnn_relu":
        extra["activations"] = ["Relu"] * ways
    steps, batch, features = x.shape
    weights = _weights(w.known(node, parameters), node, name, features)
    firsts = [_parts(w, s, layers, ways) for s in (state, cell) if s is not None]
    value, lasts = x, []
    for layer, arrays in enumerate(weights):
        inputs = [value, *map(w.constant, arrays), lengths, *(part[layer] for part in firsts)]
        outputs = [w.fresh(f"{node.name}_{i}") for i in range(3 if name == "LSTM" else 2)]
        direction = "bidirectional" if ways == 2 else "forward"
        w.add(name, inputs, outputs, hidden_size=cells, direction=direction, **extra)
        turned = w.add("Transpose", [outputs[0]], perm=[0, 2, 1, 3])
        last = node.outputs[0] if layer == layers - 1 else None
        value = w.add("Reshape", [turned, w.ints(0, 0, ways * cells)], last)
        lasts.append(outputs[1:])
    if node["state_outputs"]:
        for out, parts in zip(node.outputs[1:], zip(*lasts, strict=True), strict=False):
            w.add("Concat", list(parts), out, axis=0)


def _parts(w, state, layers, ways):
    """The states (directions, batch, cells) of each layer."""
    if layers == 1:
        return [state]
    names = [w.fresh("state") for _ in range(layers)]
    w.add("Split", [state, w.ints(*[ways] * layers)], names, axis=0)
    return names
