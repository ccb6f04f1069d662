"""`mx.rnn` against MXNet 1.9.1: names, outputs and gradients of graphs, weights, sentences.

    python tests/mxnet_compat/compare_rnn.py

MXNET_PYTHON names the Python that has MXNet.
"""

import random
import sys
import zlib

import numpy as np
import oracle

STEPS, BATCH, WIDTH, HIDDEN = 4, 3, 5, 6


def values_of(name, shape):
    """Numbers that depend on the name and the shape only."""
    seed = zlib.crc32(name.encode()) % 1000
    return np.random.RandomState(seed).uniform(-0.7, 0.7, shape).astype("float32")


def run(mx, symbol, shapes):
    """Outputs, gradients and names of the arguments of a graph."""
    arguments, _, _ = symbol.infer_shape(**shapes)
    names = symbol.list_arguments()
    arrays = {n: mx.nd.array(values_of(n, s)) for n, s in zip(names, arguments, strict=True)}
    grads = {n: mx.nd.zeros(a.shape) for n, a in arrays.items()}
    executor = symbol.bind(mx.cpu(), arrays, args_grad=grads)
    outputs = executor.forward(is_train=True)
    executor.backward([mx.nd.array(values_of(f"out{i}", o.shape)) for i, o in enumerate(outputs)])
    found = {n: g.asnumpy() for n, g in grads.items()}
    return [sorted(names), [o.asnumpy() for o in outputs], found]


def flat(states):
    """All states in one list; those of a BidirectionalCell are two lists."""
    found = []
    for state in states:
        found += flat(state) if isinstance(state, (list, tuple)) else [state]
    return found


def cell_case(make, merge=True, layout="NTC", shape=(BATCH, STEPS, WIDTH), states=True):
    """A graph of some steps; with `states` the last states are outputs too."""

    def case(mx):
        cell = make(mx.rnn)
        outputs, last = cell.unroll(
            STEPS, mx.sym.Variable("data"), layout=layout, merge_outputs=merge
        )
        found = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
        return run(mx, mx.sym.Group(found + (flat(last) if states else [])), {"data": shape})

    return case


def stack(rnn):
    cells = rnn.SequentialRNNCell()
    cells.add(rnn.LSTMCell(HIDDEN, prefix="l0_"))
    cells.add(rnn.ResidualCell(rnn.GRUCell(HIDDEN, prefix="l1_")))
    cells.add(rnn.RNNCell(HIDDEN, activation="relu", prefix="l2_"))
    return cells


def both(rnn):
    return rnn.BidirectionalCell(
        rnn.LSTMCell(HIDDEN, prefix="l_"), rnn.GRUCell(HIDDEN, prefix="r_")
    )


def zoneout(rnn):
    return rnn.ZoneoutCell(rnn.LSTMCell(HIDDEN), 0.0, 0.0)


def cells():
    image = (BATCH, STEPS, 2, 5, 5)

    def conv(kind, **options):
        def make(rnn):
            return getattr(rnn, kind)((1, 2, 5, 5), 3, **options)

        return cell_case(make, layout="NTC", shape=image)

    cases = {
        "RNNCell": cell_case(lambda r: r.RNNCell(HIDDEN)),
        "RNNCell relu": cell_case(lambda r: r.RNNCell(HIDDEN, activation="relu", prefix="x_")),
        "LSTMCell": cell_case(lambda r: r.LSTMCell(HIDDEN)),
        "GRUCell": cell_case(lambda r: r.GRUCell(HIDDEN)),
        "LSTMCell list": cell_case(lambda r: r.LSTMCell(HIDDEN), merge=None, states=False),
        "GRUCell TNC": cell_case(
            lambda r: r.GRUCell(HIDDEN), layout="TNC", shape=(STEPS, BATCH, WIDTH)
        ),
        "SequentialRNNCell": cell_case(stack),
        "BidirectionalCell": cell_case(both),
        "ZoneoutCell without zoneout": cell_case(zoneout),
        "ConvRNNCell": conv("ConvRNNCell"),
        "ConvLSTMCell": conv("ConvLSTMCell", activation="tanh", i2h_pad=(0, 0)),
        "ConvGRUCell": conv("ConvGRUCell", h2h_kernel=(5, 5), h2h_dilate=(1, 1)),
    }
    for mode in ("rnn_relu", "rnn_tanh", "lstm", "gru"):
        for bidirectional in (False, True):

            def make(r, mode=mode, bidirectional=bidirectional):
                return r.FusedRNNCell(
                    HIDDEN, 2, mode, bidirectional, get_next_state=True, prefix=f"{mode}_"
                )

            name = f"FusedRNNCell {mode}{' bidirectional' if bidirectional else ''}"
            cases[name] = cell_case(make)
            cases[name + " unfused"] = cell_case(lambda r, make=make: make(r).unfuse())
    return cases


def weights():
    def case(make):
        def packed(mx):
            cell = make(mx.rnn)
            outputs, _ = cell.unroll(STEPS, mx.sym.Variable("data"), merge_outputs=True)
            arguments, _, _ = outputs.infer_shape(data=(BATCH, STEPS, WIDTH))
            args = {
                n: mx.nd.array(values_of(n, s))
                for n, s in zip(outputs.list_arguments(), arguments, strict=True)
                if n != "data"
            }
            loose = cell.unpack_weights(args)
            again = cell.pack_weights(loose)
            return [
                {n: a.asnumpy() for n, a in loose.items()},
                {n: a.asnumpy() for n, a in again.items()},
            ]

        return packed

    return {
        "RNNCell": case(lambda r: r.RNNCell(HIDDEN)),
        "LSTMCell": case(lambda r: r.LSTMCell(HIDDEN)),
        "GRUCell": case(lambda r: r.GRUCell(HIDDEN)),
        "SequentialRNNCell": case(stack),
        "BidirectionalCell": case(both),
        "FusedRNNCell": case(lambda r: r.FusedRNNCell(HIDDEN, 2, "lstm", True)),
        "FusedRNNCell gru": case(lambda r: r.FusedRNNCell(HIDDEN, 3, "gru")),
    }


def sentences():
    text = [["a", "b", "c"], ["b", "d"], ["a", "a", "e", "f"], ["z"]] * 6

    def encoded(mx):
        return list(mx.rnn.encode_sentences(text, start_label=1, invalid_label=0))

    def known(mx):
        vocab = {"a": 0, "b": 1, "<unk>": 2}
        coded, vocab = mx.rnn.encode_sentences(text, vocab, unknown_token="<unk>")
        return [coded, vocab]

    def batches(layout):
        def case(mx):
            coded, _ = mx.rnn.encode_sentences(text, start_label=1, invalid_label=0)
            random.seed(3)
            np.random.seed(3)
            it = mx.rnn.BucketSentenceIter(
                coded, 4, buckets=[2, 3, 5], invalid_label=0, layout=layout
            )
            found = [str([(d.name, d.shape, d.layout) for d in it.provide_data])]
            for batch in it:
                found += [batch.bucket_key, batch.data[0].asnumpy(), batch.label[0].asnumpy()]
            return found

        return case

    def default_buckets(mx):
        coded, _ = mx.rnn.encode_sentences(text, start_label=1, invalid_label=0)
        return mx.rnn.BucketSentenceIter(coded, 4, invalid_label=0).buckets

    return {
        "encode_sentences": encoded,
        "encode_sentences with vocab": known,
        "BucketSentenceIter NT": batches("NT"),
        "BucketSentenceIter TN": batches("TN"),
        "default buckets": default_buckets,
    }


if __name__ == "__main__":
    GROUPS = {"cells": cells(), "weights": weights(), "sentences": sentences()}
    sys.exit(min(oracle.main(__file__, GROUPS), 1))
