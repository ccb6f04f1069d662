"""Symbolic cells of `mx.rnn` and batches of sentences; tests/mxnet_compat/compare_rnn.py has MXNet's numbers."""

import numpy as np
import pytest

import plait as mx
from plait import nd

STEPS, BATCH, WIDTH, HIDDEN = 3, 2, 4, 5


def arrays_for(symbol, **shapes):
    arguments, _, _ = symbol.infer_shape(**shapes)
    return {
        name: nd.random.uniform(-1, 1, shape=shape)
        for name, shape in zip(symbol.list_arguments(), arguments, strict=True)
    }


def run(symbol, arrays):
    return [o.asnumpy() for o in symbol.bind(mx.cpu(), arrays).forward()]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_lstm_cell_is_its_formula():
    outputs, states = mx.rnn.LSTMCell(HIDDEN, prefix="x_").unroll(
        STEPS, mx.sym.var("data"), merge_outputs=True
    )
    symbol = mx.sym.Group([outputs, *states])
    arrays = arrays_for(symbol, data=(BATCH, STEPS, WIDTH))
    got = run(symbol, arrays)
    a = {name: value.asnumpy() for name, value in arrays.items()}
    h = c = np.zeros((BATCH, HIDDEN))
    want = []
    for t in range(STEPS):
        gates = (
            a["data"][:, t] @ a["x_i2h_weight"].T
            + a["x_i2h_bias"]
            + h @ a["x_h2h_weight"].T
            + a["x_h2h_bias"]
        )
        i, f, g, o = np.split(gates, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        want.append(h)
    np.testing.assert_allclose(got[0], np.stack(want, 1), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(got[2], c, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("mode", ["rnn_relu", "rnn_tanh", "lstm", "gru"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_fused_layers_are_their_cells(mode, bidirectional):
    fused = mx.rnn.FusedRNNCell(HIDDEN, 2, mode, bidirectional, prefix="f_")
    cells = fused.unfuse()
    one, _ = fused.unroll(STEPS, mx.sym.var("data"))
    other, _ = cells.unroll(STEPS, mx.sym.var("data"), merge_outputs=True)
    packed = arrays_for(one, data=(BATCH, STEPS, WIDTH))
    loose = cells.pack_weights(fused.unpack_weights(packed))
    np.testing.assert_allclose(run(one, packed)[0], run(other, loose)[0], rtol=1e-4, atol=1e-5)
    again = fused.pack_weights(cells.unpack_weights(loose))
    for name, array in packed.items():
        np.testing.assert_array_equal(array.asnumpy(), again[name].asnumpy())


def test_shared_parameters_and_given_states():
    params = mx.rnn.RNNParams("shared_")
    one, two = mx.rnn.GRUCell(HIDDEN, params=params), mx.rnn.GRUCell(HIDDEN, params=params)
    states = one.begin_state(func=mx.sym.Variable)
    out, _ = one(mx.sym.var("x"), states)
    out2, _ = two(out, two.begin_state())
    assert [s.name for s in states] == ["gru_begin_state_0"]
    names = mx.sym.Group([out, out2]).list_arguments()
    assert sum(name.startswith("shared_") for name in names) == 4


def test_modifiers():
    base = mx.rnn.RNNCell(WIDTH, prefix="b_")
    residual = mx.rnn.ResidualCell(base)
    with pytest.raises(RuntimeError, match="b_: is modified by another cell"):
        base.begin_state()
    out, _ = residual.unroll(STEPS, mx.sym.var("data"), merge_outputs=True)
    arrays = arrays_for(out, data=(BATCH, STEPS, WIDTH))
    plain, _ = mx.rnn.RNNCell(WIDTH, prefix="b_").unroll(
        STEPS, mx.sym.var("data"), merge_outputs=True
    )
    want = run(plain, arrays)[0] + arrays["data"].asnumpy()
    np.testing.assert_allclose(run(out, arrays)[0], want, rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="must have single steps"):
        mx.rnn.ZoneoutCell(mx.rnn.FusedRNNCell(HIDDEN))
    with pytest.raises(NotImplementedError, match="must be unrolled"):
        mx.rnn.FusedRNNCell(HIDDEN)(mx.sym.var("x"), [])


def test_zoneout_keeps_old_values_in_training():
    cell = mx.rnn.ZoneoutCell(mx.rnn.RNNCell(64, prefix="z_"), zoneout_states=0.5)
    _, states = cell.unroll(1, mx.sym.var("data"))
    arrays = arrays_for(states[0], data=(BATCH, 1, WIDTH))
    executor = states[0].bind(mx.cpu(), arrays)
    kept = (executor.forward(is_train=True)[0].asnumpy() == 0).mean()
    assert 0.2 < kept < 0.8
    assert (executor.forward(is_train=False)[0].asnumpy() != 0).all()


def test_conv_cell_keeps_the_shape_of_its_state():
    cell = mx.rnn.ConvLSTMCell((1, 2, 6, 6), 3, activation="tanh")
    out, states = cell.unroll(2, mx.sym.var("data"), merge_outputs=True)
    _, shapes, _ = mx.sym.Group([out, *states]).infer_shape(data=(4, 2, 2, 6, 6))
    assert shapes == [(4, 2, 3, 6, 6), (4, 3, 6, 6), (4, 3, 6, 6)]
    with pytest.raises(ValueError, match="h2h_kernel is .* must be odd"):
        mx.rnn.ConvRNNCell((1, 2, 6, 6), 3, h2h_kernel=(2, 2))


def test_checkpoint_holds_single_gates(tmp_path):
    cell = mx.rnn.LSTMCell(HIDDEN, prefix="x_")
    out, _ = cell.unroll(STEPS, mx.sym.var("data"), merge_outputs=True)
    arrays = arrays_for(out, data=(BATCH, STEPS, WIDTH))
    del arrays["data"]
    prefix = str(tmp_path / "m")
    mx.rnn.do_rnn_checkpoint(cell, prefix)(0, out, arrays, {})
    assert "x_i2h_f_weight" in mx.model.load_checkpoint(prefix, 1)[1]
    _, loaded, _ = mx.rnn.load_rnn_checkpoint(cell, prefix, 1)
    for name, array in arrays.items():
        np.testing.assert_array_equal(array.asnumpy(), loaded[name].asnumpy())


def test_sentences_become_buckets():
    text = [["a", "b", "c"], ["b", "d"], ["c", "a"], ["d", "c", "b", "a"]]
    coded, vocab = mx.rnn.encode_sentences(text, start_label=1, invalid_label=0)
    assert coded[0] == [1, 2, 3] and vocab == {"\n": 0, "a": 1, "b": 2, "c": 3, "d": 4}
    with pytest.raises(ValueError, match="vocab lacks 'z'"):
        mx.rnn.encode_sentences([["z"]], vocab)
    it = mx.rnn.BucketSentenceIter(coded, 1, buckets=[2, 3], invalid_label=0)
    batches = list(it)
    assert sorted(b.bucket_key for b in batches) == [2, 2, 3]  # the longest is left out
    for batch in batches:
        data, label = batch.data[0].asnumpy(), batch.label[0].asnumpy()
        np.testing.assert_array_equal(label[:, :-1], data[:, 1:])
        assert (label[:, -1] == 0).all()


def test_module_learns_to_count():
    random = np.random.RandomState(0)
    sentences = [[(s + i) % 5 + 1 for i in range(n)] for s, n in random.randint(4, 8, (60, 2))]
    it = mx.rnn.BucketSentenceIter(sentences, 10, buckets=[5, 7], invalid_label=0)

    def sym_gen(length):
        stack = mx.rnn.FusedRNNCell(16, 1, "lstm", prefix="l_")
        embed = mx.sym.Embedding(mx.sym.var("data"), input_dim=6, output_dim=8, name="embed")
        out, _ = stack.unroll(length, embed, merge_outputs=True)
        pred = mx.sym.FullyConnected(mx.sym.reshape(out, shape=(-1, 16)), num_hidden=6, name="p")
        label = mx.sym.reshape(mx.sym.var("softmax_label"), shape=(-1,))
        loss = mx.sym.SoftmaxOutput(pred, label, use_ignore=True, ignore_label=0, name="softmax")
        return loss, ("data",), ("softmax_label",)

    module = mx.mod.BucketingModule(sym_gen, default_bucket_key=it.default_bucket_key)
    metric = mx.metric.Perplexity(0)
    module.fit(it, eval_metric=metric, num_epoch=12, optimizer="adam",
               optimizer_params={"learning_rate": 0.02}, initializer=mx.init.Xavier())  # fmt: skip
    assert metric.get()[1] < 1.5
