"""Mixed precision: which types operators get, scaling of the loss, converted models, training."""

import json

import numpy as np
import pytest

import plait as mx
from plait import amp, autograd, gluon, nd
from plait.gluon import nn

LOW = ["float16", "bfloat16"]


@pytest.fixture(autouse=True)
def switched_off():
    yield
    amp.deactivate()


def dtypes(*arrays):
    return [a.dtype_name for a in arrays]


@pytest.mark.parametrize("dtype", LOW)
def test_operators_get_their_types(dtype):
    x, w = nd.random.normal(shape=(3, 4)), nd.random.normal(shape=(5, 4))
    amp.init(dtype)
    assert amp.target_dtype() == dtype
    low = nd.FullyConnected(x, w, num_hidden=5, no_bias=True)
    assert dtypes(low, nd.relu(low), low + low, 2 * low) == [dtype] * 4
    assert dtypes(nd.softmax(low), low.sum(), low + nd.ones((3, 5))) == ["float32"] * 3
    assert dtypes(nd.concat(low, nd.ones((3, 5)), dim=0), low.astype("float64")) == [
        "float32", "float64",
    ]  # fmt: skip
    assert dtypes(nd.Activation(low, "tanh"), nd.Activation(low, "softrelu")) == [dtype, "float32"]
    assert dtypes(nd.dot(x.astype("float64"), w.astype("float64").T)) == ["float64"]
    assert dtypes(mx.np.matmul(mx.np.ones((2, 3)), mx.np.ones((3, 2)))) == [dtype]
    amp.deactivate()
    assert dtypes(nd.FullyConnected(x, w, num_hidden=5, no_bias=True)) == ["float32"]


def test_lists_name_operators_once():
    known = {op.name for op in mx._array.operators()}
    lists = [amp.list_lp16_ops(), amp.list_fp32_ops(), amp.list_loss_output_functions()]
    lists.append(amp.list_widest_type_cast())
    names = [name for part in lists for name in part]
    assert set(names) <= known and len(names) == len(set(names))
    assert known == set(names) | set(amp.list_lp16_fp32_ops("bfloat16"))
    assert amp.list_lp16_use_fp32_params()["batch_norm"][0] == "gamma"
    assert mx.contrib.amp.init is amp.init


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="target_dtype is 'int8', must be"):
        amp.init("int8")
    with pytest.raises(ValueError, match="fp32_ops has 'nothing'"):
        amp.init("float16", fp32_ops=["nothing"])
    with pytest.raises(ValueError, match="are in two lists"):
        amp.init("float16", target_precision_ops=["exp"], fp32_ops=["exp"])
    trainer = gluon.Trainer(nn.Dense(1).collect_params(), "sgd")
    with pytest.raises(RuntimeError, match="must come after amp.init"):
        amp.init_trainer(trainer)
    with (
        pytest.raises(RuntimeError, match="has no loss scaler"),
        amp.scale_loss(nd.ones(1), trainer),
    ):
        pass


def test_own_lists_override():
    amp.init("bfloat16", target_precision_ops=["exp"], fp32_ops=["FullyConnected"],
             conditional_fp32_ops=[("Pooling", "pool_type", ["avg"])])  # fmt: skip
    x = nd.ones((2, 2, 2, 2))
    low = nd.exp(x)
    fc = nd.FullyConnected(low, nd.ones((1, 8), dtype="bfloat16"), num_hidden=1, no_bias=True)
    assert dtypes(low, fc) == ["bfloat16", "float32"]
    pools = [nd.Pooling(low, kernel=(2, 2), pool_type=kind) for kind in ("max", "avg")]
    assert dtypes(*pools) == ["bfloat16", "float32"]


def lenet():
    net = nn.HybridSequential()
    net.add(
        nn.Conv2D(8, 3, padding=1, activation="relu"),
        nn.BatchNorm(),
        nn.MaxPool2D(2, 2),
        nn.Conv2D(16, 3, activation="tanh"),
        nn.Flatten(),
        nn.Dense(32, activation="relu"),
        nn.Dropout(0.1),
        nn.Dense(4),
    )
    net.initialize(mx.init.Xavier())
    return net


def pictures(count=256):
    """Bars of four directions in noise, 8 x 8 as scikit-learn's digits."""
    random = np.random.RandomState(0)
    x = random.normal(scale=0.6, size=(count, 1, 8, 8)).astype("float32")
    y = random.randint(0, 4, count)
    for i, kind in enumerate(y):
        place = random.randint(1, 7)
        line = [(place, slice(None)), (slice(None), place), np.diag_indices(8)]
        line.append((np.arange(8), np.arange(7, -1, -1)))
        x[i, 0][line[kind]] += 2
    return x, y


class Encoder(nn.HybridSequential):
    """Words, two layers of a transformer, the mean over the words, a class."""

    def __init__(self):
        super().__init__()
        self.add(nn.Embedding(12, 32))
        self.add(*(nn.TransformerEncoderLayer(32, 2, 64, rotary=True) for _ in range(2)))
        self.add(nn.HybridLambda(lambda F, x: x.mean(axis=1)), nn.Dense(4))
        self.initialize(mx.init.Xavier())


def sentences(count=256):
    """Ten words each; the class is the word after the marker, 11, of which there is one."""
    random = np.random.RandomState(0)
    x = random.randint(4, 11, (count, 10))
    y = random.randint(0, 4, count)
    place = random.randint(0, 9, count)
    x[np.arange(count), place] = 11
    x[np.arange(count), place + 1] = y
    return x.astype("float32"), y


def train(dtype, hybrid, make=lenet, data=None, steps=48):
    """Accuracy on data that was not trained with, and the loss scaler."""
    mx.random.seed(5)
    if dtype:
        amp.init(dtype)
    net = make()
    if hybrid:
        net.hybridize()
    trainer = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 0.01})
    if dtype:
        amp.init_trainer(trainer)
    x, y = data or pictures()
    loss_of = gluon.loss.SoftmaxCELoss()
    for step in range(steps):
        part = slice(step % 6 * 32, step % 6 * 32 + 32)
        with autograd.record():
            loss = loss_of(net(nd.array(x[part])), nd.array(y[part]))
            if dtype:
                with amp.scale_loss(loss, trainer) as scaled:
                    autograd.backward(scaled)
        if not dtype:
            loss.backward()
        trainer.step(32)
    out = net(nd.array(x[192:]))
    params = net.collect_params().values()
    assert {p.data().dtype_name for p in params} == {"float32"}
    return (out.asnumpy().argmax(1) == y[192:]).mean(), trainer._amp_loss_scaler


@pytest.mark.parametrize("hybrid", [False, True])
def test_lenet_trains_to_the_same_accuracy(hybrid):
    plain, _ = train(None, hybrid)
    assert plain > 0.9
    for dtype in LOW:
        accuracy, scaler = train(dtype, hybrid)
        assert accuracy > plain - 0.06
        assert scaler.dynamic == (dtype == "float16")
        amp.deactivate()


@pytest.mark.parametrize("hybrid", [False, True])
def test_encoder_trains_to_the_same_accuracy(hybrid):
    found = {}
    for dtype in (None, *LOW):
        found[dtype], _ = train(dtype, hybrid, Encoder, sentences(), 36)
        amp.deactivate()
    assert found[None] > 0.9 and min(found.values()) > found[None] - 0.06, found


def test_compiled_graph_has_the_numbers_of_the_eager_one():
    net = lenet()
    x = nd.array(pictures(4)[0])
    exact = net(x)
    amp.init("bfloat16")
    eager = net(x)
    net.hybridize()
    compiled = net(x)
    assert eager.dtype_name == compiled.dtype_name == "bfloat16"
    a, b, c = (array.astype("float32").asnumpy() for array in (exact, eager, compiled))
    assert 0 < abs(a - b).max() < 0.1
    np.testing.assert_allclose(b, c, atol=0.03)


def test_overflow_leaves_a_step_out_and_halves_the_scale():
    amp.init("float16")
    net = nn.Dense(1, in_units=2, use_bias=False)
    net.initialize(mx.init.One())
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 1.0})
    amp.init_trainer(trainer)
    scaler = trainer._amp_loss_scaler

    def step(value):
        with autograd.record():
            loss = net(nd.full((1, 2), value)).astype("float32").sum()
            with amp.scale_loss(loss, trainer) as scaled:
                autograd.backward(scaled)
        trainer.step(1)
        return net.weight.data().asnumpy().tolist()

    assert scaler.loss_scale == 2**16
    assert step(4.0) == [[1.0, 1.0]] and scaler.loss_scale == 2**15
    while scaler.loss_scale > 2**13:
        step(4.0)
    assert step(4.0) == [[-3.0, -3.0]]  # the gradient, 4, without the scale


def test_scale_doubles_after_many_steps():
    scaler = amp.LossScaler(8.0, scale_seq_len=2)
    for overflow, want in ((False, 8), (False, 16), (True, 8), (False, 8), (False, 16)):
        scaler.update(overflow)
        assert scaler.loss_scale == want
    other = amp.LossScaler()
    other.set_state(scaler.get_state())
    assert other.get_state() == {"loss_scale": 16.0, "unskipped": 0}


def test_unscaled_gradients_can_be_clipped():
    amp.init("float16")
    net = nn.Dense(1, in_units=2, use_bias=False)
    net.initialize(mx.init.Zero())
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 1.0})
    amp.init_trainer(trainer)
    with autograd.record():
        loss = net(nd.full((1, 2), 2.0)).astype("float32").sum() / 8
        with amp.scale_loss(loss, trainer) as scaled:
            autograd.backward(scaled)
    amp.unscale(trainer)
    amp.unscale(trainer)  # the second one finds nothing to do
    np.testing.assert_allclose(net.weight.grad().asnumpy(), [[0.25, 0.25]])
    trainer.step(1)
    np.testing.assert_allclose(net.weight.data().asnumpy(), [[-0.25, -0.25]])


def names_of(symbol):
    return [node["op"] for node in json.loads(symbol.tojson(remove_amp_cast=False))["nodes"]]


@pytest.mark.parametrize("dtype", LOW)
def test_converted_model_has_casts_and_close_results(dtype, tmp_path):
    net = lenet()
    net.hybridize()
    x = nd.array(pictures(4)[0])
    want = net(x).asnumpy()
    prefix = str(tmp_path / "m")
    net.export(prefix)
    symbol, arguments, states = mx.model.load_checkpoint(prefix, 0)
    converted, low, kept = amp.convert_model(
        symbol, arguments, states, dtype, cast_optional_params=True
    )
    assert names_of(converted).count("amp_cast") >= 9 and "amp_cast" not in names_of(symbol)
    assert {n for n, a in low.items() if a.dtype_name == dtype} == {
        n for n in low if "conv" in n or "dense" in n
    }
    assert {a.dtype_name for a in kept.values()} == {"float32"}
    outputs = converted.bind(mx.cpu(), {**low, "data": x}, aux_states=kept).forward()
    np.testing.assert_allclose(outputs[0].astype("float32").asnumpy(), want, atol=0.05)
    assert "amp_cast" not in converted.tojson()
    assert converted.list_arguments() == symbol.list_arguments()
    again = mx.sym.load_json(converted.tojson())
    np.testing.assert_allclose(
        again.bind(mx.cpu(), {**arguments, "data": x}, aux_states=kept).forward()[0].asnumpy(),
        want, rtol=1e-5, atol=1e-5,
    )  # fmt: skip


def test_excluded_nodes_stay_in_float32():
    net = lenet()
    net.hybridize()
    net(nd.zeros((1, 1, 8, 8)))
    symbol = net._traced[1]
    nodes = [n for n in symbol.get_internals().list_outputs() if n.endswith("fwd_output")]
    dense = [n.removesuffix("_output") for n in nodes if "dense" in n and "act" not in n]
    all_casts = names_of(amp.convert_symbol(symbol, "bfloat16")).count("amp_cast")
    fewer = amp.convert_symbol(symbol, "bfloat16", excluded_sym_names=dense)
    assert names_of(fewer).count("amp_cast") < all_casts
    with pytest.raises(ValueError, match="excluded_sym_names has"):
        amp.convert_symbol(symbol, excluded_sym_names=["nothing"])


def test_converted_block_runs_and_trains():
    net = lenet()
    x = nd.array(pictures(4)[0])
    with pytest.raises(RuntimeError, match="must be hybridized and run once"):
        amp.convert_hybrid_block(net)
    net.hybridize()
    want = net(x).asnumpy()
    low = amp.convert_hybrid_block(net, "bfloat16", cast_optional_params=True)
    out = low(x)
    assert out.dtype_name == "bfloat16"
    np.testing.assert_allclose(out.astype("float32").asnumpy(), want, atol=0.05)
    with autograd.record():
        loss = (low(x).astype("float32") ** 2).sum()
    loss.backward()
    assert {p.grad().dtype_name for p in low.collect_params().values() if p.grad_req != "null"} == {
        "bfloat16", "float32",
    }  # fmt: skip


def test_module_is_compiled_in_mixed_precision():
    data = mx.sym.var("data")
    symbol = mx.sym.SoftmaxOutput(
        mx.sym.FullyConnected(data, num_hidden=3, name="fc"), name="softmax"
    )
    module = mx.mod.Module(symbol)
    x, y = np.random.rand(6, 4).astype("float32"), np.arange(6) % 3
    it = mx.io.NDArrayIter(x, y, 3)
    module.bind(it.provide_data, it.provide_label)
    module.init_params(mx.init.Normal(1))
    plain = module.predict(it).asnumpy()
    amp.init("bfloat16")
    low = mx.mod.Module(symbol)
    low.bind(it.provide_data, it.provide_label)
    low.set_params(*module.get_params())
    got = low.predict(it).asnumpy()
    assert 0 < abs(got - plain).max() < 0.02


def test_bucketing_module_is_converted():
    def sym_gen(length):
        out = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=2, name="fc", flatten=False)
        return mx.sym.SoftmaxOutput(out.sum(axis=1), name="softmax"), ("data",), ("softmax_label",)

    module = mx.mod.BucketingModule(sym_gen, default_bucket_key=5)
    low = amp.convert_bucketing_module(module, "bfloat16")
    assert names_of(low._sym_gen(3)[0]).count("amp_cast") >= 3
    with pytest.raises(TypeError, match="must be a BucketingModule"):
        amp.convert_bucketing_module(None)
