"""`mx.contrib.quantization`: networks with 8-bit layers."""

import json

import numpy as np
import pytest

import plait as mx
from plait import autograd, gluon, nd
from plait.contrib import quantization
from plait.contrib.quantization.ranges import divergence_threshold

nn = gluon.nn


class Residual(gluon.HybridBlock):
    """Two branches that meet, as in residual networks."""

    def __init__(self):
        super().__init__()
        self.left = nn.HybridSequential()
        self.left.add(nn.Conv2D(8, 3, padding=1), nn.BatchNorm(), nn.Activation("relu"))
        self.left.add(nn.Conv2D(8, 3, padding=1, groups=2, use_bias=False), nn.BatchNorm())
        self.right = nn.HybridSequential()
        self.right.add(nn.Conv2D(8, 1), nn.BatchNorm())

    def hybrid_forward(self, F, x):
        return F.Activation(self.left(x) + self.right(x), act_type="relu")


def network(head=None):
    mx.random.seed(1)
    net = nn.HybridSequential()
    net.add(nn.Conv2D(8, 3, strides=2, activation="relu"), nn.MaxPool2D(3, 2, 1), Residual())
    net.add(
        *(
            head
            or (nn.GlobalAvgPool2D(), nn.Flatten(), nn.Dense(16, activation="relu"), nn.Dense(5))
        )
    )
    net.initialize(mx.init.Xavier())
    x = nd.random.normal(shape=(4, 3, 20, 20))
    for _ in range(3):
        with autograd.record():
            net(x)
    return net, x


def operators(net):
    names = (n["op"] for n in json.loads(net._outputs.tojson())["nodes"] if n["op"] != "null")
    return [name.removeprefix("_contrib_") for name in names]


def close(a, b, most):
    a, b = a.asnumpy(), b.asnumpy()
    assert a.shape == b.shape
    assert np.abs(a - b).max() < most * np.abs(b).max()


@pytest.mark.parametrize("mode", ["naive", "entropy"])
@pytest.mark.parametrize("dtype", ["auto", "int8"])
def test_networks_compute_nearly_the_same(mode, dtype):
    net, x = network()
    want = net(x)
    small = quantization.quantize_net(
        net, quantized_dtype=dtype, calib_data=[(x[:2], nd.zeros(2)), (x[2:], nd.zeros(2))],
        calib_mode=mode,
    )  # fmt: skip
    close(small(x), want, 0.05 if mode == "naive" else 0.1)
    found = operators(small)
    # each layer is one operator, with its batch norm, sum and relu
    assert found.count("int8_convolution") == 6 and found.count("int8_max_pooling") == 1
    assert not {"Convolution", "BatchNorm", "Activation", "FullyConnected"} & set(found)
    assert found.count("to_int8") == 3  # the image, and the rows of the two dense layers
    assert all(p.grad_req == "null" for p in small.collect_params().values())
    assert "pack_weights: 6 changes" in small.explain()


def test_what_is_excluded_stays():
    net, x = network()
    want = net(x)
    data = mx.io.NDArrayIter(x.asnumpy(), np.zeros(4), 2)
    small = quantization.quantize_net_v2(
        net, exclude_operators=["FullyConnected"], exclude_layers_match=[net[2].right[0].name],
        calib_data=data, calib_mode="naive", num_calib_examples=2,
    )  # fmt: skip
    found = operators(small)
    assert found.count("FullyConnected") == 2 and found.count("Convolution") == 1
    close(small(x), want, 0.05)


def test_layers_between_others_of_any_kind(tmp_path):
    """Results that go to real and to whole readers, sums that have no whole operand, dense rows."""

    class Odd(gluon.HybridBlock):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Conv2D(6, 3, padding=1), nn.Conv2D(6, 3, padding=1)
            self.rows = nn.Dense(7, flatten=False)

        def hybrid_forward(self, F, x):
            y = self.first(x)
            z = F.relu(self.second(F.tanh(y)) + F.sigmoid(y)) + y
            rows = self.rows(F.reshape(z, shape=(0, 0, -1)))
            return F.concat(rows, F.sum(z, axis=(2,)), dim=2), F.softmax(y, axis=1)

    mx.random.seed(2)
    net = Odd()
    net.initialize(mx.init.Xavier())
    x = nd.random.normal(shape=(2, 3, 5, 5))
    want = net(x)
    small = quantization.quantize_net(net, calib_data=x, calib_mode="naive")
    for got, w in zip(small(x), want, strict=True):
        close(got, w, 0.05)
    small.export(str(tmp_path / "small"))
    again = gluon.SymbolBlock.imports(
        str(tmp_path / "small-symbol.json"), ["data"], str(tmp_path / "small-0000.params")
    )
    for a, b in zip(again(x), small(x), strict=True):
        np.testing.assert_array_equal(a.asnumpy(), b.asnumpy())


def test_a_sum_whose_readers_are_real():
    net, x = network(head=(nn.Activation("tanh"), nn.Flatten(), nn.Dense(5)))
    want = net(x)
    small = quantization.quantize_net(net, calib_data=x, calib_mode="naive")
    assert "elemwise_add" not in operators(small) and "tanh" not in operators(small)
    close(small(x), want, 0.05)


def test_models():
    net, x = network()
    net.hybridize()
    net(x)
    inputs, symbol = net._traced
    arrays = {name: p.data() for name, p in net.collect_params().items()}
    aux = {name: arrays.pop(name) for name in symbol.list_auxiliary_states()}
    symbol = mx.sym.SoftmaxOutput(symbol, name="softmax")
    made, args, states = quantization.quantize_model(
        symbol, arrays, aux, [inputs[0].name], calib_data=mx.io.NDArrayIter(x.asnumpy(), batch_size=4),
        calib_mode="naive", quantized_dtype="auto",
    )  # fmt: skip
    assert not states and all(n in made.list_arguments() for n in args)
    executor = made.simple_bind(
        mx.cpu(), grad_req="null", type_dict={n: a.dtype for n, a in args.items()}, data=x.shape
    )
    executor.copy_params_from(args)
    close(executor.forward(data=x)[0], nd.softmax(net(x)), 0.05)


def test_thresholds_cut_off_what_is_rare():
    counts = np.zeros(2048, "int64")
    counts[:200] = np.random.RandomState(0).poisson(1000, 200)
    counts[-1] = 1
    assert 0.05 < divergence_threshold(counts, 1.0, 127) < 0.2
    assert divergence_threshold(np.full(2048, 50), 2.0, 127) > 1.9


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"calib_mode": "none"}, "calib_mode is 'none', must be 'naive' or 'entropy'"),
        ({"quantized_dtype": "int4"}, "quantized_dtype is 'int4', must be one of"),
        ({"calib_data": None}, "calib_data is None, must be batches"),
        ({"calib_data": []}, "calib_data has no batch"),
    ],
)
def test_errors(keywords, message):
    net, x = network()
    with pytest.raises(ValueError, match=message):
        quantization.quantize_net(net, **{"calib_data": [x], "calib_mode": "naive", **keywords})
