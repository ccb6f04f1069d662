"""Layers of gluon.nn: shapes, names, files. Numbers against MXNet: tests/mxnet_compat."""

import numpy as np
import pytest

import plait as mx
from plait import autograd, gluon, nd
from plait.gluon import nn

IMAGE = (2, 4, 6, 6)
LAYERS = [
    (lambda: nn.Conv1D(3, 3), (2, 4, 8), (2, 3, 6)),
    (lambda: nn.Conv2D(3, 3, padding=1), IMAGE, (2, 3, 6, 6)),
    (lambda: nn.Conv3D(3, 2), (1, 2, 4, 4, 4), (1, 3, 3, 3, 3)),
    (lambda: nn.Conv1DTranspose(3, 3, 2), (2, 4, 5), (2, 3, 11)),
    (lambda: nn.Conv2DTranspose(3, 3, 2, 1, 1), IMAGE, (2, 3, 12, 12)),
    (lambda: nn.Conv3DTranspose(3, 2), (1, 2, 3, 3, 3), (1, 3, 4, 4, 4)),
    (lambda: nn.MaxPool2D(), IMAGE, (2, 4, 3, 3)),
    (lambda: nn.AvgPool1D(2), (2, 4, 8), (2, 4, 4)),
    (lambda: nn.GlobalMaxPool3D(), (1, 2, 3, 3, 3), (1, 2, 1, 1, 1)),
    (lambda: nn.BatchNorm(), IMAGE, IMAGE),
    (lambda: nn.BatchNormReLU(), IMAGE, IMAGE),
    (lambda: nn.SyncBatchNorm(4), IMAGE, IMAGE),
    (lambda: nn.LayerNorm(), IMAGE, IMAGE),
    (lambda: nn.RMSNorm(), IMAGE, IMAGE),
    (lambda: nn.GroupNorm(2), IMAGE, IMAGE),
    (lambda: nn.InstanceNorm(axis=2), IMAGE, IMAGE),
    (lambda: nn.LeakyReLU(0.1), IMAGE, IMAGE),
    (lambda: nn.PReLU(in_channels=4), IMAGE, IMAGE),
    (lambda: nn.ELU(), IMAGE, IMAGE),
    (lambda: nn.SELU(), IMAGE, IMAGE),
    (lambda: nn.GELU(), IMAGE, IMAGE),
    (lambda: nn.GELU("tanh"), IMAGE, IMAGE),
    (lambda: nn.SiLU(), IMAGE, IMAGE),
    (lambda: nn.ReflectionPad2D(1), IMAGE, (2, 4, 8, 8)),
    (lambda: nn.PixelShuffle1D(2), (2, 4, 5), (2, 2, 10)),
    (lambda: nn.PixelShuffle2D(2), IMAGE, (2, 1, 12, 12)),
    (lambda: nn.PixelShuffle3D((1, 2, 2)), (1, 4, 2, 3, 3), (1, 1, 2, 6, 6)),
    (lambda: nn.Dense(3, flatten=False), IMAGE, (2, 4, 6, 3)),
    (lambda: nn.Flatten(), IMAGE, (2, 144)),
    (lambda: nn.Dropout(0.5), IMAGE, IMAGE),
    (lambda: nn.HybridLambda("tanh"), IMAGE, IMAGE),
    (lambda: nn.Identity(), IMAGE, IMAGE),
]


@pytest.mark.parametrize("number", range(len(LAYERS)))
def test_layer_is_the_same_hybridized_and_loaded(number, tmp_path):
    make, shape, want = LAYERS[number]
    layer, x = make(), nd.array(np.random.normal(size=shape))
    layer.initialize(mx.init.Uniform(0.5))
    eager = layer(x)
    assert eager.shape == want and repr(layer)
    layer.hybridize()
    np.testing.assert_allclose(layer(x).asnumpy(), eager.asnumpy(), rtol=1e-5, atol=1e-6)
    if layer.collect_params():
        layer.save_parameters(str(tmp_path / "p"))
        copy = make()
        copy.load_parameters(str(tmp_path / "p"))
        np.testing.assert_array_equal(copy(x).asnumpy(), eager.asnumpy())


def test_rms_norm_and_gelu_formulas():
    x = np.random.normal(size=(3, 5)).astype("float32")
    norm = nn.RMSNorm(epsilon=1e-6)
    norm.initialize()
    want = x / np.sqrt((x * x).mean(axis=1, keepdims=True) + 1e-6)
    np.testing.assert_allclose(norm(nd.array(x)).asnumpy(), want, rtol=1e-5)
    exact, near = (nn.GELU(kind)(nd.array(x)).asnumpy() for kind in ("erf", "tanh"))
    np.testing.assert_allclose(near, exact, atol=2e-3)


def test_layers_refuse():
    for make, text in (
        (lambda: nn.LeakyReLU(-1), "alpha is -1"),
        (lambda: nn.GELU("fast"), "approximation is 'fast'"),
        (lambda: nn.Conv2D(1, (1, 2, 3)), "kernel_size is"),
        (lambda: nn.Conv2D(1, 1, layout="CHWN"), "layout is 'CHWN'"),
        (lambda: nn.ReflectionPad2D((1, 2)), "padding is"),
        (lambda: nn.Lambda("no_such_operator"), "function is"),
    ):
        with pytest.raises(ValueError, match=text):
            make()
    with pytest.raises(NotImplementedError, match="num_devices is 2"):
        nn.SyncBatchNorm(num_devices=2)


# --- blocks ---------------------------------------------------------------------------------------


class Own(gluon.HybridBlock):
    """A block in the style of MXNet 2.0: `forward`, and parameters as attributes."""

    def __init__(self, units):
        super().__init__()
        self.units = units
        self.weight = gluon.Parameter("weight", shape=(units, 0), allow_deferred_init=True)
        self.dense = nn.Dense(4)

    def infer_shape(self, x):
        self.weight.shape = (self.units, x.shape[1])

    def forward(self, x):
        return self.dense(x).sum(axis=1), (x * self.weight.data().sum(axis=0)).sum(axis=1)


def test_forward_style_block_runs_eager_and_hybridized():
    net, x = Own(3), nd.random.normal(shape=(2, 5))
    net.initialize()
    eager = net(x)
    net.hybridize()
    with autograd.record():
        found = net(x)
        loss = found[0].sum() + found[1].sum()
    loss.backward()
    for a, b in zip(eager, found, strict=True):
        np.testing.assert_allclose(a.asnumpy(), b.asnumpy(), rtol=1e-5)
    want = np.tile(x.asnumpy().sum(axis=0), (3, 1))
    np.testing.assert_allclose(net.weight.grad().asnumpy(), want, rtol=1e-5)


def small_net(prefix=None):
    net = nn.HybridSequential(prefix=prefix)
    with net.name_scope():
        net.add(nn.Dense(3, activation="relu"), nn.BatchNorm(), nn.Dense(2))
    return net


def test_summary(capsys):
    net = small_net()
    net.initialize()
    net.summary(nd.ones((4, 5)))
    text = capsys.readouterr().out
    for part in ("Dense-2", "(4, 3)", "Total params: 38", "Trainable params: 32"):
        assert part in text
    net.hybridize()
    with pytest.raises(RuntimeError, match="is hybridized"):
        net.summary(nd.ones((4, 5)))


def test_shared_parameters():
    first, second, x = small_net(), small_net(), nd.ones((4, 5))
    first.initialize()
    first(x)
    second.share_parameters(first._collect_params_with_prefix())
    np.testing.assert_array_equal(second(x).asnumpy(), first(x).asnumpy())
    assert second[0].weight is first[0].weight
    third = nn.Dense(3, params=first[0].params)
    assert third.weight is first[0].weight


def test_load_dict_and_files_with_full_names(tmp_path):
    net, x = small_net("net_"), nd.ones((4, 5))
    net.initialize()
    net.hybridize()
    want = net(x).asnumpy()
    net.export(str(tmp_path / "e"))
    copy = small_net("net_")
    copy.load_parameters(str(tmp_path / "e-0000.params"))
    np.testing.assert_allclose(copy(x).asnumpy(), want, rtol=1e-6)
    arrays = {n: p.data() for n, p in net._collect_params_with_prefix().items()}
    other = small_net()
    with pytest.raises(KeyError, match="lacks 0.bias"):
        other.load_dict({k: v for k, v in arrays.items() if k != "0.bias"})
    other.load_dict({**arrays, "more": x}, ignore_extra=True)
    np.testing.assert_allclose(other(x).asnumpy(), want, rtol=1e-6)
    with pytest.raises(TypeError, match="cast_dtype=True"):
        small_net().load_dict({k: v.astype("float64") for k, v in arrays.items()})


def test_cast_constant_and_setattr():
    net = small_net()
    net.params.get_constant("c", nd.ones((2,)))
    net.initialize()
    net(nd.ones((4, 5)))
    net.cast("float64")
    assert net(nd.ones((4, 5), dtype="float64")).dtype == np.float64
    net.setattr("grad_req", "null")
    assert all(p.grad_req == "null" for p in net.collect_params().values())
    assert list(net.collect_params(".*weight")) == [net[0].weight.name, net[2].weight.name]


def test_layers_are_printed_in_mxnets_form():
    nn = mx.gluon.nn
    shown = {
        nn.Conv2D(8, 3, in_channels=4): "Conv2D(4 -> 8, kernel_size=(3, 3), stride=(1, 1))",
        nn.Conv2D(8, 3, 2, 1, 2, groups=2, activation="relu", use_bias=False): (
            "Conv2D(None -> 8, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1), "
            "dilation=(2, 2), groups=2, bias=False, Activation(relu))"
        ),
        nn.MaxPool2D(): (
            "MaxPool2D(size=(2, 2), stride=(2, 2), padding=(0, 0), ceil_mode=False, "
            "global_pool=False, pool_type=max, layout=NCHW)"
        ),
        nn.HybridLambda("relu"): "HybridLambda(relu)",
        mx.gluon.rnn.RNNCell(3): "RNNCell(None -> 3, tanh)",
        nn.Sequential(): "Sequential(\n\n)",
    }
    for layer, text in shown.items():
        assert repr(layer) == text


def test_pooling_takes_layout_and_ceil_mode_in_either_order():
    nn, x = mx.gluon.nn, mx.nd.ones((1, 1, 5, 5))
    for layer in (nn.MaxPool2D(2, 2, 0, "NCHW", True), nn.AvgPool2D(2, 2, 0, True, "NCHW")):
        assert layer(x).shape == (1, 1, 3, 3)
    assert nn.AvgPool1D(2, 2, 0, "NCW", True)(x[0]).shape == (1, 5, 3)
    cube = mx.nd.ones((1, 1, 5, 5, 5))
    assert nn.MaxPool3D(2, 2, 0, True, "NCDHW")(cube).shape == (1, 1, 3, 3, 3)


class _Paths(gluon.nn.HybridSequential):
    """Carries a second array along, as containers of model libraries do."""

    def hybrid_forward(self, F, x, y=None):
        for block in self._children.values():
            x, y = block(x), x if y is None else F.broadcast_add(x, y)
        return x, y


class _Shifted(gluon.nn.HybridConcatenate):
    def hybrid_forward(self, F, x):
        return super().hybrid_forward(F, x) + 1


class _Doubled(gluon.nn.HybridSequential):
    def hybrid_forward(self, F, x):
        return super().hybrid_forward(F, x) * 2


@pytest.mark.parametrize("compiled", [False, True])
def test_containers_computed_anew(compiled):
    def tripling():
        return gluon.nn.HybridLambda(lambda F, x: x * 3)

    net = _Paths()
    net.add(tripling(), tripling())
    net.hybridize(compiled)
    x = mx.nd.ones((1, 2))
    for _ in range(2):
        assert [out.asnumpy()[0, 0] for out in net(x)] == [9, 4]
    for cls, expected in ((_Shifted, [[4, 4, 4, 4]]), (_Doubled, [[18, 18]])):
        net = cls()
        net.add(tripling(), tripling())
        net.hybridize(compiled)
        assert net(x).asnumpy().tolist() == expected
    assert net(mx.sym.var("data")).list_arguments() == ["data"]
