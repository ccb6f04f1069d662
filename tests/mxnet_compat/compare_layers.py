"""Layers, recurrent layers and cells against MXNet 1.9.1: outputs and gradients.

    python tests/mxnet_compat/compare_layers.py

Parameters are filled by name, the same in both. MXNET_PYTHON names the Python that has MXNet.
"""

import sys
import zlib

import numpy as np
import oracle

WRONG = "MXNet's gradient is not that of its own output"
KNOWN = {"SELU": WRONG, "SELU hybrid": WRONG}


def fill(mx, block):
    """Numbers that depend on the structural name and the shape only."""
    for name, param in block._collect_params_with_prefix().items():
        seed = zlib.crc32(name.encode()) % 1000
        values = np.random.RandomState(seed).uniform(-0.5, 0.5, param.shape)
        if name.endswith("running_var"):
            values = np.abs(values) + 0.5
        param.set_data(mx.nd.array(values))


def draw(shape, seed=0):
    return np.random.RandomState(seed).normal(size=shape).astype("float32")


def layer_case(make, *shapes, hybrid=False, integers=None):
    """Output and gradients of the inputs and the parameters."""

    def case(mx):
        block = make(mx.gluon)
        block.initialize()
        arrays = [mx.nd.array(draw(s, i)) for i, s in enumerate(shapes)]
        if integers:
            arrays = [mx.nd.array(np.random.RandomState(0).randint(0, integers, shapes[0]))]
        block(*arrays)
        fill(mx, block)
        if hybrid:
            block.hybridize()
        for array in [] if integers else arrays:
            array.attach_grad()
        with mx.autograd.record():
            out = block(*arrays)
            weight = mx.nd.array(draw(out.shape, 9))
            loss = (out * weight).sum()
        loss.backward()
        grads = {
            name: param.grad().asnumpy()
            for name, param in block._collect_params_with_prefix().items()
            if param.grad_req != "null"
        }
        inputs = [] if integers else [a.grad.asnumpy() for a in arrays]
        return out.asnumpy(), inputs, grads

    return case


def layers():
    image, line = (2, 4, 6, 6), (3, 5)
    table = {
        "Dense": (lambda g: g.nn.Dense(4, activation="tanh"), line),
        "Dense no bias": (lambda g: g.nn.Dense(4, use_bias=False), image),
        "Dense unflattened": (lambda g: g.nn.Dense(4, flatten=False), image),
        "Conv1D": (lambda g: g.nn.Conv1D(6, 3, 2, 1), (2, 4, 9)),
        "Conv2D": (lambda g: g.nn.Conv2D(6, (3, 2), (2, 1), (1, 0), activation="relu"), image),
        "Conv2D groups": (lambda g: g.nn.Conv2D(6, 3, dilation=2, groups=2), image),
        "Conv3D": (lambda g: g.nn.Conv3D(3, 2), (2, 2, 4, 4, 4)),
        "Conv1DTranspose": (lambda g: g.nn.Conv1DTranspose(3, 3, 2, 1, 1), (2, 4, 5)),
        "Conv2DTranspose": (lambda g: g.nn.Conv2DTranspose(3, 3, 2, 1, 1), image),
        "Conv2DTranspose groups": (lambda g: g.nn.Conv2DTranspose(4, 3, groups=2), image),
        "Conv3DTranspose": (lambda g: g.nn.Conv3DTranspose(2, 2, 2), (1, 2, 3, 3, 3)),
        "MaxPool1D": (lambda g: g.nn.MaxPool1D(2), (2, 4, 8)),
        "MaxPool2D": (lambda g: g.nn.MaxPool2D(3, 2, 1), image),
        "MaxPool2D ceil": (lambda g: g.nn.MaxPool2D(3, 2, ceil_mode=True), image),
        "MaxPool3D": (lambda g: g.nn.MaxPool3D(2), (1, 2, 4, 4, 4)),
        "AvgPool2D": (lambda g: g.nn.AvgPool2D(3, 2, 1), image),
        "AvgPool2D without padding": (
            lambda g: g.nn.AvgPool2D(3, 2, 1, count_include_pad=False),
            image,
        ),
        "AvgPool1D": (lambda g: g.nn.AvgPool1D(2), (2, 4, 8)),
        "AvgPool3D": (lambda g: g.nn.AvgPool3D(2), (1, 2, 4, 4, 4)),
        "GlobalMaxPool2D": (lambda g: g.nn.GlobalMaxPool2D(), image),
        "GlobalAvgPool1D": (lambda g: g.nn.GlobalAvgPool1D(), (2, 4, 8)),
        "GlobalAvgPool2D": (lambda g: g.nn.GlobalAvgPool2D(), image),
        "GlobalAvgPool3D": (lambda g: g.nn.GlobalAvgPool3D(), (1, 2, 4, 4, 4)),
        "BatchNorm": (lambda g: g.nn.BatchNorm(), image),
        "BatchNorm axis": (lambda g: g.nn.BatchNorm(axis=-1, scale=False), (4, 6)),
        "BatchNorm global": (lambda g: g.nn.BatchNorm(use_global_stats=True), image),
        "LayerNorm": (lambda g: g.nn.LayerNorm(), image),
        "LayerNorm axis": (lambda g: g.nn.LayerNorm(axis=1, epsilon=1e-3), image),
        "GroupNorm": (lambda g: g.nn.GroupNorm(2), image),
        "InstanceNorm": (lambda g: g.nn.InstanceNorm(scale=True), image),
        "InstanceNorm axis": (lambda g: g.nn.InstanceNorm(axis=2), image),
        "LeakyReLU": (lambda g: g.nn.LeakyReLU(0.2), image),
        "PReLU": (lambda g: g.nn.PReLU(), image),
        "ELU": (lambda g: g.nn.ELU(0.7), image),
        "SELU": (lambda g: g.nn.SELU(), image),
        "GELU": (lambda g: g.nn.GELU(), image),
        "Swish": (lambda g: g.nn.Swish(1.5), image),
        "Flatten": (lambda g: g.nn.Flatten(), image),
        "ReflectionPad2D": (lambda g: g.nn.ReflectionPad2D(2), image),
        "Identity": (lambda g: g.contrib.nn.Identity(), image),
        "PixelShuffle1D": (lambda g: g.contrib.nn.PixelShuffle1D(2), (2, 4, 5)),
        "PixelShuffle2D": (lambda g: g.contrib.nn.PixelShuffle2D((2, 1)), image),
        "PixelShuffle3D": (lambda g: g.contrib.nn.PixelShuffle3D((2, 1, 3)), (1, 12, 2, 3, 2)),
        "HybridLambda": (lambda g: g.nn.HybridLambda("tanh"), image),
    }
    for kind in ("relu", "sigmoid", "tanh", "softrelu", "softsign"):
        table[f"Activation {kind}"] = (lambda g, kind=kind: g.nn.Activation(kind), image)
    cases = {}
    for name, (make, shape) in table.items():
        cases[name] = layer_case(make, shape)
        cases[f"{name} hybrid"] = layer_case(make, shape, hybrid=True)
    cases["Embedding"] = layer_case(lambda g: g.nn.Embedding(7, 3), (2, 4), integers=7)

    def concurrent(g):
        block = g.contrib.nn.HybridConcurrent(axis=1)
        block.add(g.nn.Dense(2), g.nn.Dense(3))
        return block

    cases["HybridConcurrent"] = layer_case(concurrent, line, hybrid=True)
    return cases


def recurrent_layers():
    cases = {}
    for kind in ("RNN", "LSTM", "GRU"):
        for label, options in (
            ("", {}),
            (" two layers", {"num_layers": 2}),
            (" bidirectional", {"num_layers": 2, "bidirectional": True}),
            (" NTC", {"layout": "NTC"}),
        ):
            cases[f"{kind}{label}"] = layer_case(
                lambda g, kind=kind, options=options: getattr(g.rnn, kind)(4, **options), (5, 3, 6)
            )
    cases["RNN tanh"] = layer_case(lambda g: g.rnn.RNN(4, activation="tanh"), (5, 3, 6))

    def with_states(mx):
        layer = mx.gluon.rnn.LSTM(4, 2)
        layer.initialize()
        x = mx.nd.array(draw((5, 3, 6)))
        layer(x)
        fill(mx, layer)
        states = [mx.nd.array(draw((2, 3, 4), i)) for i in (1, 2)]
        out, states = layer(x, states)
        return out.asnumpy(), [s.asnumpy() for s in states]

    cases["LSTM with states"] = with_states
    return cases


def cell_case(make, shape=(3, 5, 6), valid=False, **options):
    """Outputs and states of an unrolled cell, and gradients of its parameters."""

    def case(mx):
        cell = make(mx.gluon)
        cell.initialize()
        x = mx.nd.array(draw(shape))
        cell.unroll(shape[1], x)
        fill(mx, cell)
        extra = dict(options)
        if valid:
            extra["valid_length"] = mx.nd.array([5, 2, 3])
        with mx.autograd.record():
            outputs, states = cell.unroll(shape[1], x, merge_outputs=True, **extra)
            loss = (outputs * mx.nd.array(draw(outputs.shape, 9))).sum()
        loss.backward()
        grads = {n: p.grad().asnumpy() for n, p in cell._collect_params_with_prefix().items()}
        return outputs.asnumpy(), [s.asnumpy() for s in states], grads

    return case


def cells():
    def stack(g):
        block = g.rnn.HybridSequentialRNNCell()
        block.add(g.rnn.LSTMCell(4))
        block.add(g.rnn.ResidualCell(g.rnn.GRUCell(4)))
        return block

    def both(g):
        return g.rnn.BidirectionalCell(g.rnn.LSTMCell(4), g.rnn.GRUCell(3))

    table = {
        "RNNCell": lambda g: g.rnn.RNNCell(4),
        "RNNCell relu": lambda g: g.rnn.RNNCell(4, activation="relu"),
        "LSTMCell": lambda g: g.rnn.LSTMCell(4),
        "GRUCell": lambda g: g.rnn.GRUCell(4),
        "ResidualCell": lambda g: g.rnn.ResidualCell(g.rnn.GRUCell(6)),
        "ZoneoutCell without": lambda g: g.rnn.ZoneoutCell(g.rnn.GRUCell(4)),
        "SequentialRNNCell": stack,
        "BidirectionalCell": both,
        "LSTMPCell": lambda g: g.contrib.rnn.LSTMPCell(4, 3),
    }
    cases = {}
    for name, make in table.items():
        cases[name] = cell_case(make)
        cases[f"{name} valid_length"] = cell_case(make, valid=True)
    for n in (1, 2, 3):
        shape = (3, 4, 2, *(5,) * n)
        for kind in ("RNN", "LSTM", "GRU"):
            cases[f"Conv{n}D{kind}Cell"] = cell_case(
                lambda g, n=n, kind=kind: getattr(g.contrib.rnn, f"Conv{n}D{kind}Cell")(
                    (2, *(5,) * n), 3, 3, 3, 1
                ),
                shape,
            )
    return cases


if __name__ == "__main__":
    GROUPS = {"layers": layers(), "recurrent layers": recurrent_layers(), "cells": cells()}
    sys.exit(min(oracle.main(__file__, GROUPS, KNOWN, dict.fromkeys(GROUPS, 1e-4)), 1))
