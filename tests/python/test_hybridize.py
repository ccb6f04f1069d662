"""Hybrid blocks whose forward works on arrays; what a compiled block must not do."""

import numpy as np
import pytest

import plait as mx
from plait import autograd, gluon, nd
from plait.gluon import nn


class Residual(gluon.HybridBlock):
    def __init__(self):
        super().__init__()
        self.dense = nn.Dense(8, flatten=False)
        self.norm = nn.BatchNorm()
        self.scale = self.params.get("scale", shape=(8,), init="ones")

    def forward(self, x, mask=None):
        y = nd.relu(self.norm(self.dense(x))) * self.scale.data()
        if mask is not None:
            y = y * mask
        return x + y, y[:, :2]


def run(net, *args):
    with autograd.record():
        outs = net(*args)
        loss = (outs[0] * outs[0]).sum() + outs[1].sum()
    loss.backward()
    grads = [p.grad().asnumpy() for p in net.collect_params().values() if p.grad_req != "null"]
    return [o.asnumpy() for o in outs], grads


@pytest.mark.parametrize("masked", [False, True])
def test_forward_on_arrays(masked):
    net = Residual()
    net.initialize(mx.init.Xavier())
    args = [nd.random.normal(shape=(5, 8))]
    if masked:
        args.append(nd.array(np.arange(40).reshape(5, 8) % 2))
    net(*args)
    mean = net.norm.running_mean
    before = mean.data().asnumpy()
    want, want_grads = run(net, *args)
    moved = mean.data().asnumpy()
    mean.set_data(nd.array(before))
    net.hybridize()
    for shape in (5, 3):  # another shape gives another plan
        if shape == 5:
            got, got_grads = run(net, *args)
            np.testing.assert_allclose(mean.data().asnumpy(), moved, rtol=1e-5)
            for a, b in zip(want + want_grads, got + got_grads, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
        else:
            assert net(*[a[:3] for a in args])[1].shape == (3, 2)
    assert "BatchNorm" in net._traced[1].tojson()


def test_export_of_a_forward_on_arrays(tmp_path):
    net = Residual()
    net.initialize()
    net.hybridize()
    x = nd.random.normal(shape=(5, 8))
    want = net(x)[0].asnumpy()
    symbol_file, params_file = net.export(str(tmp_path / "net"))
    again = gluon.SymbolBlock.imports(symbol_file, ["data"], params_file)
    np.testing.assert_allclose(again(x)[0].asnumpy(), want, rtol=1e-5)


def test_inside_a_sequential_and_captured_constants():
    table = nd.array([1.0, 2.0, 3.0])

    class AddTable(gluon.HybridBlock):
        def forward(self, x):
            return x + table

    net = nn.HybridSequential()
    net.add(nn.Dense(3), AddTable())
    net.initialize()
    x = nd.ones((2, 4))
    want = net(x).asnumpy()
    net.hybridize()
    np.testing.assert_allclose(net(x).asnumpy(), want, rtol=1e-6)


def test_copies_are_part_of_the_graph():
    class Copies(gluon.HybridBlock):
        def forward(self, x):
            y = (x * 2).copy()
            return y.astype("float64") + y.detach().astype("float64")

    net = Copies()
    net.hybridize()
    for value in (1.0, 3.0):
        np.testing.assert_array_equal(net(nd.array([value])).asnumpy(), [value * 4])


def test_control_flow_on_values_names_the_line():
    class Branch(gluon.HybridBlock):
        def forward(self, x):
            y = x * 2
            if y.sum() > 0:  # the line
                return y
            return -y

    net = Branch()
    x = nd.ones((2,))
    net(x)
    net.hybridize()
    with pytest.raises(
        mx.MXNetError, match=r"(?s)is read.*test_hybridize.py:\d+: if y.sum\(\) > 0"
    ):
        net(x)
    net.hybridize(False)
    assert net(x).asnumpy().tolist() == [2, 2]  # tracing has ended


def test_changes_in_place_name_the_line():
    class Writes(gluon.HybridBlock):
        def forward(self, x):
            y = x * 2
            y[0] = 1
            return y

    net = Writes()
    net.hybridize()
    with pytest.raises(mx.MXNetError, match=r"(?s)in place.*y\[0\] = 1"):
        net(nd.ones((2,)))


def test_sums_in_place_name_the_line():
    class Adds(gluon.HybridBlock):
        def forward(self, x):
            y = x * 2
            y += x
            return y

    net = Adds()
    assert net(nd.ones((2,))).asnumpy().tolist() == [3, 3]
    net.hybridize()
    with pytest.raises(mx.MXNetError, match=r"(?s)in place.*y \+= x"):
        net(nd.ones((2,)))


def test_setting_attributes_warns():
    class Counts(gluon.HybridBlock):
        calls = 0

        def forward(self, x):
            self.calls = self.calls + 1
            return x * 2

    net = Counts()
    net.hybridize()
    with pytest.warns(UserWarning, match=r"calls is set.*\n.*self.calls = self.calls \+ 1"):
        net(nd.ones((2,)))


def test_output_that_is_an_input():
    class Same(gluon.HybridBlock):
        def forward(self, x):
            return x, x * 2

    net = Same()
    net.hybridize()
    a, b = net(nd.ones((2,)))
    assert a.asnumpy().tolist() == [1, 1] and b.asnumpy().tolist() == [2, 2]


def test_optimize_for_and_explain():
    net = nn.HybridSequential()
    net.add(nn.Conv2D(4, 3, padding=1), nn.BatchNorm(), nn.Activation("relu"))
    net.add(nn.Dense(4), nn.BatchNorm(scale=False))
    net.initialize(mx.init.Xavier())
    x = nd.random.normal(shape=(2, 3, 8, 8))
    with autograd.record():  # statistics move away from 0 and 1
        net(x)
    want = net(x).asnumpy()
    with pytest.raises(RuntimeError, match="hybridized"):
        net.explain()
    with pytest.raises(ValueError, match="backend"):
        net.optimize_for(x, backend="nosuch")
    net.optimize_for(x, backend="MKLDNN", static_alloc=True, static_shape=True)
    np.testing.assert_allclose(net(x).asnumpy(), want, rtol=1e-4, atol=1e-5)
    assert "fold_batch_norm: 2 changes" in net.explain()
    weight = net[0].weight
    weight.set_data(weight.data() * 2)  # the folded weight follows
    net.hybridize(False)
    want = net(x).asnumpy()
    net.optimize_for(x)
    np.testing.assert_allclose(net(x).asnumpy(), want, rtol=1e-4, atol=1e-5)
    weight.data()[:] = 0.1
    got = net(x).asnumpy()
    net.hybridize(False)
    np.testing.assert_allclose(got, net(x).asnumpy(), rtol=1e-4, atol=1e-5)


def test_recomputation_keeps_gradients_and_saves_memory():
    def gradients(recompute):
        mx.random.seed(0)
        net = nn.HybridSequential()
        for _ in range(4):
            net.add(nn.Conv2D(8, 3, padding=1, use_bias=False), nn.BatchNorm())
            net.add(nn.Activation("relu"))
        net.initialize(mx.init.Xavier())
        x = nd.random.normal(shape=(4, 8, 16, 16))
        net(x)
        net.hybridize()
        with mx.graph.switched(recompute=recompute), autograd.record():
            loss = (net(x) ** 2).mean()
            mx.nd.waitall()
        held = mx.engine.memory_stats()["bytes_in_use"]
        loss.backward()
        values = [p.grad().asnumpy() for p in net.collect_params().values() if p.grad_req != "null"]
        return values, held

    want, more = gradients(False)
    got, less = gradients(True)
    for a, b in zip(want, got, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)
    assert less < more


class Prepared(gluon.HybridBlock):
    """MXNet 1: `forward` picks what `hybrid_forward` of the graph takes."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.calls = 0
        with self.name_scope():
            self.dense = gluon.nn.Dense(3)
            self.scale = self.params.get("scale", shape=(3,), init="ones")

    def forward(self, parts, name):
        self.calls += 1
        return super().forward(parts[name].astype("float32"), parts["shift"])

    def hybrid_forward(self, F, x, shift, scale):
        return F.broadcast_mul(self.dense(x), scale) + shift


def test_forward_that_prepares_the_arguments():
    net = Prepared()
    net.initialize()
    parts = {"a": nd.ones((2, 4), dtype="int32"), "shift": nd.array([[1], [2]]) * nd.ones((2, 3))}
    want = net(parts, "a").asnumpy()
    net.hybridize()
    for _ in range(3):
        with autograd.record():
            out = net(parts, "a")
        out.backward()
        np.testing.assert_allclose(out.asnumpy(), want, rtol=1e-6)
    assert net.calls == 4 and net._graph is not None
    np.testing.assert_allclose(
        net.scale.grad().asnumpy(), (want - parts["shift"].asnumpy()).sum(0), rtol=1e-5, atol=1e-6
    )
    outer = gluon.nn.HybridSequential()
    outer.add(net.dense)
    assert outer(nd.ones((2, 4))).shape == (2, 3)


def test_symbol_blocks_within_a_name_scope():
    inner = gluon.nn.Dense(3, in_units=2, prefix="inner_")
    inner.initialize()
    x = mx.sym.Variable("x")
    outer = gluon.nn.HybridSequential(prefix="outer_")
    with outer.name_scope():
        outer.add(gluon.SymbolBlock(mx.sym.relu(inner(x)), x, inner.collect_params()))
    assert list(outer.collect_params()) == ["inner_weight", "inner_bias"]
    outer.hybridize()
    data = nd.ones((1, 2))
    np.testing.assert_allclose(outer(data).asnumpy(), nd.relu(inner(data)).asnumpy())
