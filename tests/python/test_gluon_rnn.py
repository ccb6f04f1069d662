"""Recurrent layers and cells. Numbers against MXNet: tests/mxnet_compat."""

import numpy as np
import pytest

from plait import autograd, gluon, nd
from plait.gluon import rnn

KINDS = [
    (lambda **k: rnn.RNN(4, **k), 1),
    (lambda **k: rnn.RNN(4, activation="tanh", **k), 1),
    (lambda **k: rnn.LSTM(4, **k), 2),
    (lambda **k: rnn.GRU(4, **k), 1),
]


def draw(*shape):
    return nd.array(np.random.normal(size=shape))


@pytest.mark.parametrize("kind", range(len(KINDS)))
@pytest.mark.parametrize("bidirectional", [False, True])
def test_layer_equals_its_cells(kind, bidirectional):
    layer = KINDS[kind][0](num_layers=2, bidirectional=bidirectional, input_size=3)
    layer.initialize()
    x = draw(5, 2, 3)
    cells = layer.unfuse()
    want, _ = cells.unroll(5, x, layout="TNC", merge_outputs=True)
    np.testing.assert_allclose(layer(x).asnumpy(), want.asnumpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_layer_hybridized_states_and_layout(kind, tmp_path):
    make, states = KINDS[kind]
    layer, x = make(layout="NTC", num_layers=2), draw(2, 5, 3)
    layer.initialize()
    eager = layer(x)
    assert eager.shape == (2, 5, 4)
    layer.hybridize()
    begin = layer.begin_state(2)
    with autograd.record():
        out, last = layer(x, begin)
        (out.sum() + last[0].sum()).backward()
    np.testing.assert_allclose(out.asnumpy(), eager.asnumpy(), rtol=1e-5, atol=1e-6)
    assert len(last) == states and last[0].shape == (2, 2, 4)
    assert np.abs(layer.l1_h2h_weight.grad().asnumpy()).sum() > 0
    layer.save_parameters(str(tmp_path / "p"))
    assert "_unfused.0.i2h_weight" in nd.load(str(tmp_path / "p"))
    copy = make(layout="NTC", num_layers=2)
    copy.load_parameters(str(tmp_path / "p"))
    np.testing.assert_allclose(copy(x).asnumpy(), eager.asnumpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", range(len(KINDS)))
@pytest.mark.parametrize("lengths", [False, True])
def test_gradients_of_the_weights_need_none_of_the_data(kind, lengths):
    layer = KINDS[kind][0](
        num_layers=3, bidirectional=True, input_size=3, use_sequence_length=lengths
    )
    layer.initialize()
    x, more = draw(5, 2, 3), (None, nd.array([5, 2])) if lengths else ()
    grads = []
    for wanted in (False, True):
        if wanted:
            x.attach_grad()
        with autograd.record():
            y = layer(x, *more)
        y = y[0] if isinstance(y, (list, tuple)) else y
        y.backward(nd.ones(y.shape) * 0.5)
        grads.append([p.grad().asnumpy() for p in layer.collect_params().values()])
    for a, b in zip(*grads, strict=True):
        np.testing.assert_array_equal(a, b)
    assert np.abs(x.grad.asnumpy()).sum() > 0


def test_layer_with_lengths_and_refusals():
    layer, x = rnn.GRU(4, use_sequence_length=True), draw(5, 2, 3)
    layer.initialize()
    out = layer(x, None, nd.array([5, 2])).asnumpy()
    assert (out[2:, 1] == 0).all() and (out[4, 0] != 0).any()
    with pytest.raises(ValueError, match="sequence_length is None"):
        layer(x)
    plain = rnn.LSTM(4)
    plain.initialize()
    with pytest.raises(ValueError, match=r"a state has shape \(1, 3, 4\), must be \(1, 2, 4\)"):
        plain(x, [draw(1, 3, 4), draw(1, 2, 4)])
    with pytest.raises(ValueError, match="layout is 'CNT'"):
        rnn.GRU(4, layout="CNT")


CELLS = [
    lambda: rnn.RNNCell(4),
    lambda: rnn.LSTMCell(4),
    lambda: rnn.GRUCell(4),
    lambda: rnn.LSTMPCell(5, 4),
    lambda: rnn.ResidualCell(rnn.GRUCell(3)),
    lambda: rnn.ZoneoutCell(rnn.LSTMCell(4), 0.2, 0.2),
    lambda: rnn.VariationalDropoutCell(rnn.LSTMCell(4), 0.2, 0.2, 0.2),
    lambda: rnn.DropoutCell(0.3),
    lambda: rnn.BidirectionalCell(rnn.LSTMCell(2), rnn.GRUCell(2)),
]


def stack():
    cell = rnn.HybridSequentialRNNCell()
    cell.add(rnn.LSTMCell(4))
    cell.add(rnn.DropoutCell(0.2))
    cell.add(rnn.ResidualCell(rnn.GRUCell(4)))
    return cell


@pytest.mark.parametrize("make", [*CELLS, stack])
def test_cell_inside_a_compiled_block(make):
    class Net(gluon.HybridBlock):
        def __init__(self):
            super().__init__()
            with self.name_scope():
                self.cell = make()

        def hybrid_forward(self, F, x):
            return self.cell.unroll(5, x, merge_outputs=True)[0]

    net, x = Net(), draw(2, 5, 3)
    net.initialize()
    eager = net(x)
    net.hybridize()
    np.testing.assert_allclose(net(x).asnumpy(), eager.asnumpy(), rtol=1e-5, atol=1e-6)
    if net.collect_params():
        with autograd.record():
            net(x).sum().backward()


@pytest.mark.parametrize("make", [CELLS[0], CELLS[1], CELLS[2], CELLS[4], CELLS[8]])
def test_valid_length(make):
    cell, x = make(), draw(2, 5, 3)
    cell.initialize()
    outputs, states = cell.unroll(5, x, merge_outputs=True, valid_length=nd.array([5, 2]))
    short, ends = cell.unroll(2, x[1:, :2], merge_outputs=True)
    out = outputs.asnumpy()
    assert (out[1, 2:] == 0).all()
    np.testing.assert_allclose(out[1, :2], short.asnumpy()[0], rtol=1e-5, atol=1e-6)
    for all_states, end in zip(states, ends, strict=True):
        np.testing.assert_allclose(all_states.asnumpy()[1], end.asnumpy()[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_conv_cells(n, kind):
    cell = getattr(rnn, f"Conv{n}D{kind}Cell")((2, *(5,) * n), 3, 3, 3, 1)
    cell.initialize()
    states = cell.begin_state(2)
    out, states = cell(draw(2, 2, *(5,) * n), states)
    assert out.shape == (2, 3, *(5,) * n) and len(states) == (2 if kind == "LSTM" else 1)
    cell.hybridize()
    again, _ = cell.unroll(2, [out[:, :2], out[:, :2]])
    assert again[1].shape == out.shape


def test_zoneout_keeps_old_values():
    cell = rnn.ZoneoutCell(rnn.RNNCell(50), zoneout_outputs=0.0, zoneout_states=0.5)
    cell.initialize()
    state = nd.ones((1, 50)) * 7
    with autograd.record():
        _, (new,) = cell(draw(1, 3), [state])
    kept = (new.asnumpy() == 7).mean()
    assert 0.2 < kept < 0.8


def test_cells_refuse():
    inner = rnn.GRUCell(4)
    rnn.ResidualCell(inner)
    with pytest.raises(RuntimeError, match="is modified by another cell"):
        inner.begin_state(2)
    with pytest.raises(RuntimeError, match="is modified by another cell"):
        rnn.ZoneoutCell(inner)
    with pytest.raises(ValueError, match="inputs has 2 steps, must have 3"):
        rnn.GRUCell(4).unroll(3, [draw(2, 3)] * 2)
    with pytest.raises(ValueError, match=r"shape \(2, 5, 3\), must have 4 steps in axis 1"):
        rnn.GRUCell(4).unroll(4, draw(2, 5, 3))
    with pytest.raises(NotImplementedError, match="no single step"):
        rnn.BidirectionalCell(rnn.GRUCell(2), rnn.GRUCell(2))(draw(1, 2), [])
    with pytest.raises(ValueError, match="odd sizes"):
        rnn.Conv1DRNNCell((2, 5), 3, 3, 2)


@pytest.mark.parametrize("layer", ["LSTM", "GRU", "RNN"])
def test_layers_in_compiled_blocks_infer_their_width(layer):
    net = gluon.nn.HybridSequential()
    net.add(
        gluon.nn.Dense(5, flatten=False),
        getattr(gluon.rnn, layer)(3, 2, layout="NTC", bidirectional=True),
        gluon.nn.Dense(2),
    )
    net.initialize()
    net.hybridize()
    x = nd.random.normal(shape=(4, 6, 7))
    out = net(x).asnumpy()
    assert net[1].l0_i2h_weight.shape[1] == 5 and net[2].weight.shape == (2, 36)
    net.hybridize(False)
    np.testing.assert_allclose(net(x).asnumpy(), out, rtol=1e-5, atol=1e-6)
