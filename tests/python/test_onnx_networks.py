"""Networks to ONNX files, run by the reference evaluator of `onnx`, and read back."""

import os
import re
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

import plait as mx
from plait import gluon, nd
from plait.gluon import nn, rnn


def net_of(*layers):
    net = nn.HybridSequential()
    net.add(*layers)
    net.initialize(mx.init.Xavier())
    net.hybridize()
    return net


class Pieces(gluon.HybridBlock):
    """Operators that layers of the zoo use between themselves."""

    def __init__(self):
        super().__init__()
        self.dense = nn.Dense(6, flatten=False, in_units=4)

    def hybrid_forward(self, F, x):
        y = F.transpose(self.dense(x), axes=(0, 2, 1))
        y = F.concat(y, F.reshape(x, shape=(0, -1, 3)), dim=1)
        a, b = F.split(y, num_outputs=2, axis=1)
        y = F.broadcast_mul(F.sigmoid(a) * 2 - 1, F.expand_dims(F.mean(b, axis=2), 2))
        y = F.clip(y / 3, -0.5, 0.5) + F.slice_axis(b, axis=1, begin=0, end=None)
        y = F.where(y > 0, F.sqrt(F.abs(y)), F.square(1 - y))
        return F.stack(y, F.maximum(y, 0.1), axis=1), F.sum(y), F.L2Normalization(y)


NETS = {
    "convolutions": (
        lambda: net_of(
            nn.Conv2D(4, 3, padding=1, activation="relu"), nn.BatchNorm(), nn.MaxPool2D(2, 2),
            nn.Conv2D(6, 3, strides=2, groups=2), nn.BatchNorm(scale=False), nn.LeakyReLU(0.1),
            nn.Conv2DTranspose(4, 2, 2), nn.PReLU(in_channels=4), nn.AvgPool2D(2, 1),
            nn.GlobalAvgPool2D(), nn.Flatten(), nn.Dropout(0.5), nn.Dense(3),
        ),
        (2, 3, 9, 9),
    ),
    "functions": (
        lambda: net_of(
            nn.Dense(8, activation="tanh"), nn.ELU(0.7), nn.SELU(), nn.GELU(), nn.Swish(),
            nn.Dense(8, activation="softrelu", use_bias=False), nn.LayerNorm(), nn.RMSNorm(),
            nn.HybridLambda(lambda F, x: F.log_softmax(x)),
        ),
        (3, 5),
    ),
    "norms": (
        lambda: net_of(
            nn.InstanceNorm(), nn.GroupNorm(2),
            nn.HybridLambda(lambda F, x: F.LRN(x, nsize=3)),
            nn.HybridLambda(lambda F, x: F.UpSampling(x, scale=2, sample_type="nearest")),
            nn.HybridLambda(lambda F, x: F.Pad(x, mode="reflect", pad_width=(0,) * 4 + (1,) * 4)),
        ),
        (2, 4, 5, 5),
    ),
    "pieces": (lambda: net_of(Pieces()), (2, 3, 4)),
    "other axes": (
        lambda: net_of(nn.BatchNorm(axis=-1), nn.LayerNorm(axis=1), nn.GELU(approximation="tanh")),
        (2, 3, 4, 5),
    ),
    "order": (
        lambda: net_of(
            nn.HybridLambda(lambda F, x: F.topk(x, k=3, ret_typ="value", axis=0)),
            nn.HybridLambda(lambda F, x: F.sort(x, is_ascend=False)),
            nn.HybridLambda(lambda F, x: F.round(x * 3) + F.cbrt(x) + F.smooth_l1(x)),
            nn.HybridLambda(lambda F, x: F.argsort(x) * F.norm(x, axis=1, keepdims=True)),
            nn.HybridLambda(lambda F, x: F.trunc(F.cumsum(x, axis=1))),
        ),
        (4, 5),
    ),
    "attention": (
        lambda: net_of(
            nn.RotaryEmbedding(), nn.HybridLambda(lambda F, x: F.reshape(x, shape=(0, 0, -1))),
            nn.MultiHeadAttention(24, 4, num_kv_heads=2), nn.FeedForward(24, 8),
            nn.RotaryEmbedding(dim=8, interleaved=True),
        ),
        (2, 5, 4, 6),
    ),
    "transformer": (lambda: net_of(nn.TransformerEncoder(1, 8, 2, causal=True)), (2, 5, 8)),
}  # fmt: skip


def as_list(outputs):
    return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]


@pytest.mark.parametrize("name", NETS)
def test_networks_there_and_back(name, tmp_path):
    make, shape = NETS[name]
    net, x = make(), nd.random.normal(shape=shape)
    want = [y.asnumpy() for y in as_list(net(x))]
    files = net.export(str(tmp_path / "net"))
    path = mx.onnx.export_model(*files, [shape], onnx_file_path=str(tmp_path / "net.onnx"))
    found = ReferenceEvaluator(path).run(None, {"data": x.asnumpy()})
    for y, w in zip(found, want, strict=True):
        np.testing.assert_allclose(y, w, rtol=1e-3, atol=1e-4)
    block = mx.onnx.import_to_gluon(path)
    for y, w in zip(as_list(block(x)), want, strict=True):
        np.testing.assert_allclose(y.asnumpy(), w, rtol=1e-3, atol=1e-4)


class Loops(gluon.HybridBlock):
    """A branch and both kinds of loop."""

    def __init__(self):
        super().__init__()
        self.dense = nn.Dense(3, flatten=False, in_units=3)

    def hybrid_forward(self, F, x):
        rows, last = F.contrib.foreach(
            lambda row, state: (self.dense(row) + state[0], [state[0] + row]), x, [F.sum(x, 0) * 0]
        )
        more, ends = F.contrib.while_loop(
            lambda i, y: i < 3, lambda i, y: (y * i, [i + 1, y + x]), [F.zeros((1,)), x], 5
        )
        taken = F.contrib.cond(F.sum(x) > 3, lambda: x * 2, lambda: x - 1)
        return rows, last[0], more[0] if isinstance(more, list) else more, ends[1], taken


class Steps(gluon.HybridBlock):
    """A recurrent layer with its states as inputs."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def hybrid_forward(self, F, x, *states):
        out, states = self.layer(x, list(states))
        return (out, *states)


def there_and_back(net, inputs, folder, reference=True):
    """Compare a network with its file, run by `onnx` and by `onnx.Model`."""
    net.initialize(mx.init.Xavier())
    net.hybridize()
    want = [y.asnumpy() for y in as_list(net(*inputs))]
    files = net.export(os.path.join(folder, "net"))
    path = os.path.join(folder, "net.onnx")
    mx.onnx.export_model(*files, [x.shape for x in inputs], onnx_file_path=path)
    onnx.checker.check_model(path, full_check=True)
    model = mx.onnx.Model(path)
    results = [[y.asnumpy() for y in model.run(dict(zip(model.inputs, inputs, strict=True)))]]
    if reference:
        given = {n: x.asnumpy() for n, x in zip(model.inputs, inputs, strict=True)}
        results.append(ReferenceEvaluator(path).run(None, given))
    for found in results:
        for y, w in zip(found, want, strict=True):
            np.testing.assert_allclose(y, w, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("sign", [1, -1])
def test_branches_and_loops(sign, tmp_path):
    # The evaluator of onnx joins the results of rounds along the first axis, where the standard
    # says along a new one.
    x = nd.random.uniform(0.3, 1, shape=(4, 2, 3)) * sign
    there_and_back(Loops(), [x], str(tmp_path), reference=False)


@pytest.mark.parametrize(
    "make, states, sequence",
    [
        (lambda: rnn.LSTM(5, 2, bidirectional=True), [(4, 2, 5)] * 2, (4, 2, 3)),
        (lambda: rnn.GRU(5, 2), [(2, 2, 5)], (4, 2, 3)),
        (lambda: rnn.RNN(5, 1, activation="relu"), [(1, 2, 5)], (4, 2, 3)),
        (lambda: rnn.LSTM(5, 1, layout="NTC"), [(1, 4, 5)] * 2, (4, 2, 3)),
    ],
)
def test_recurrent_layers(make, states, sequence, tmp_path):
    layer = make()
    inputs = [nd.random.normal(shape=shape) for shape in (sequence, *states)]
    known = getattr(layer, "_mode", "") != "rnn_relu"  # the evaluator of onnx has no Relu here
    there_and_back(Steps(layer), inputs, str(tmp_path), reference=known)


def test_first_size_may_change(tmp_path):
    net, shape = NETS["transformer"][0](), NETS["transformer"][1]
    net(nd.zeros(shape))
    files, path = net.export(str(tmp_path / "net")), str(tmp_path / "net.onnx")
    mx.onnx.export_model(*files, [shape], onnx_file_path=path, dynamic=True)
    assert mx.onnx.get_model_metadata(path)["input_tensor_data"] == [("data", (0, 5, 8))]
    x = nd.random.normal(shape=(7, *shape[1:]))
    found = ReferenceEvaluator(path).run(None, {"data": x.asnumpy()})[0]
    np.testing.assert_allclose(found, net(x).asnumpy(), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(mx.onnx.import_to_gluon(path)(x).asnumpy(), found, atol=1e-4)


def test_symbols_with_labels_and_embeddings(tmp_path):
    data = mx.sym.var("data")
    out = mx.sym.Embedding(data, input_dim=7, output_dim=4, name="embed")
    out = mx.sym.FullyConnected(out, num_hidden=3, name="fc")
    out = mx.sym.SoftmaxOutput(out, name="softmax")
    module = mx.mod.Module(out)
    module.bind([("data", (2, 5))], [("softmax_label", (2,))])
    module.init_params(mx.init.Normal(1))
    path = str(tmp_path / "m.onnx")
    mx.contrib.onnx.mx2onnx.export_model.export_model(
        out, module.get_params(), [(2, 5)], np.float32, path
    )
    x = np.random.randint(0, 7, (2, 5)).astype("float32")
    module.forward(mx.io.DataBatch([nd.array(x)]), is_train=False)
    session = ReferenceEvaluator(path)
    assert session.input_names == ["data"]
    want = module.get_outputs()[0].asnumpy()
    np.testing.assert_allclose(session.run(None, {"data": x})[0], want, rtol=1e-4)
    symbol, arguments, states = mx.contrib.onnx.onnx2mx.import_model.import_model(path)
    got = symbol.bind(mx.cpu(), {**arguments, "data": nd.array(x)}).forward()[0]
    np.testing.assert_allclose(got.asnumpy(), want, rtol=1e-4)
    assert states == {}


def test_imported_network_trains(tmp_path):
    make, shape = NETS["convolutions"]
    net = make()
    net(nd.zeros(shape))
    path = str(tmp_path / "net.onnx")
    mx.onnx.export_model(*net.export(str(tmp_path / "net")), [shape], onnx_file_path=path)
    block = mx.onnx.import_to_gluon(path)
    states = [p for p in block.collect_params().values() if p.grad_req == "null"]
    assert len(states) == 4
    trainer = gluon.Trainer(block.collect_params(), "sgd", {"learning_rate": 0.1})
    x = nd.random.normal(shape=shape)
    losses = []
    for _ in range(5):
        with mx.autograd.record():
            loss = (block(x) ** 2).mean()
        loss.backward()
        trainer.step(1)
        losses.append(loss.asscalar())
    assert losses[-1] < losses[0]


def test_what_has_no_counterpart_is_refused(tmp_path):
    x = mx.sym.var("data")
    path = str(tmp_path / "x.onnx")
    with pytest.raises(NotImplementedError, match="operator 'erfinv' of 'order' has no export"):
        mx.onnx.export_model(mx.sym.erfinv(x, name="order"), {}, [(3,)], onnx_file_path=path)
    pool = mx.sym.Pooling(x, kernel=(2, 2), pool_type="sum", name="p")
    with pytest.raises(NotImplementedError, match="pooling of 'p': pool_type = 'sum'"):
        mx.onnx.export_model(pool, {}, [(1, 1, 4, 4)], onnx_file_path=path)
    with pytest.raises(ValueError, match="must have one for each of"):
        mx.onnx.export_model(pool, {}, onnx_file_path=path)
    assert os.listdir(tmp_path) == []
    node = onnx.helper.make_node("Regex", ["x"], ["y"], name="text", domain="own")
    info = onnx.helper.make_tensor_value_info("x", 1, [2])
    graph = onnx.helper.make_graph([node], "g", [info], [info])
    with pytest.raises(NotImplementedError, match="operator 'Regex' of node 'text' has no import"):
        mx.onnx.import_model(onnx.helper.make_model(graph))


def test_large_models_have_a_second_file(tmp_path):
    net = net_of(nn.Dense(100, in_units=100))
    net(nd.zeros((1, 100)))
    path = str(tmp_path / "net.onnx")
    files = net.export(str(tmp_path / "net"))
    mx.onnx.export_model(*files, [(1, 100)], onnx_file_path=path, large_model=True)
    assert os.path.getsize(path + ".data") >= 40000 > os.path.getsize(path)
    x = nd.random.normal(shape=(1, 100))
    got = mx.onnx.import_to_gluon(path)(x)
    np.testing.assert_allclose(got.asnumpy(), net(x).asnumpy(), rtol=1e-5, atol=1e-6)


def test_programs_of_the_guide_run(capsys):
    guide = Path(__file__).parents[2] / "python" / "docs" / "onnx.md"
    space = {}
    for program in re.findall(r"```python\n(.*?)```", guide.read_text(), re.DOTALL):
        exec(compile(program, guide.name, "exec"), space)
    assert space["scores"].shape == (3, 4) and space["block"](nd.ones((1, 8))).shape == (1, 4)
    assert "['data'] " in capsys.readouterr().out


def test_interleaved_attention(tmp_path):
    """The products of MXNet's transformers, with scores that are read."""
    data = mx.sym.var("data")
    scores = mx.sym.contrib.interleaved_matmul_selfatt_qk(data, heads=2)
    weights = mx.sym.softmax(scores)
    out = mx.sym.contrib.interleaved_matmul_selfatt_valatt(data, weights, heads=2)
    both = mx.sym.Group([scores, out])
    path, x = str(tmp_path / "a.onnx"), nd.random.normal(shape=(5, 3, 24))
    mx.onnx.export_model(both, {}, [x.shape], onnx_file_path=path)
    want = [y.asnumpy() for y in both.bind(mx.cpu(), {"data": x}).forward()]
    for found in (
        ReferenceEvaluator(path).run(None, {"data": x.asnumpy()}),
        [y.asnumpy() for y in mx.onnx.Model(path)(x)],
    ):
        for y, w in zip(found, want, strict=True):
            np.testing.assert_allclose(y, w, rtol=1e-3, atol=1e-5)
