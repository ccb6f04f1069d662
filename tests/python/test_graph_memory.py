"""Memory of compiled training: the block that forward and backward share, recomputation."""

import re

import numpy as np
import pytest

import plait as mx
from plait import autograd, gluon, nd, sym

nn = gluon.nn


def network():
    mx.random.seed(0)
    net = nn.HybridSequential()
    for _ in range(4):
        net.add(nn.Conv2D(8, 3, padding=1), nn.BatchNorm(), nn.Activation("tanh"))
    net.add(nn.Dropout(0.5), nn.Dense(3))
    net.initialize(mx.init.Xavier())
    x = nd.random.normal(shape=(4, 8, 12, 12))
    net(x)
    net.hybridize()
    return net, x


def gradients(net):
    return [p.grad().asnumpy() for p in net.collect_params().values() if p.grad_req != "null"]


def trained(**switches):
    """Gradients of one step, and those of the step after it."""
    net, x = network()
    values = []
    with mx.graph.switched(**switches):
        for _ in range(2):
            with autograd.record():
                loss = (net(x) ** 2).mean()
            loss.backward()
            values += gradients(net)
    return values, net


@pytest.mark.parametrize("switch", ["reuse_saved", "recompute", "schedule", "reuse_memory"])
def test_gradients_do_not_depend_on_the_plan(switch):
    on = {p["name"]: p["on"] for p in mx.graph.passes()}[switch]
    want, _ = trained()
    got, _ = trained(**{switch: not on})
    for a, b in zip(want, got, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


def test_a_kept_graph_runs_backward_again():
    net, x = network()
    with autograd.record():
        loss = (net(x) ** 2).mean()
    loss.backward(retain_graph=True)
    want = gradients(net)
    for _ in range(2):
        loss.backward(retain_graph=True)
        for a, b in zip(want, gradients(net), strict=True):
            np.testing.assert_array_equal(a, b)
    loss.backward()
    for a, b in zip(want, gradients(net), strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match="graph was freed"):
        loss.backward()


def test_two_recordings_do_not_share_memory():
    net, x = network()
    net[-2]._rate = 0
    losses = []
    with autograd.record():
        for scale in (1, 2):
            losses.append((net(x * scale) ** 2).mean())
    for loss in reversed(losses):
        loss.backward()
    got = gradients(net)
    with autograd.record():
        loss = (net(x) ** 2).mean()
    loss.backward()
    for a, b in zip(gradients(net), got, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_outputs_outlive_backward():
    x = sym.Variable("x")
    hidden = sym.tanh(sym.FullyConnected(x, num_hidden=6, no_bias=True, name="a"))
    graph = sym.CachedGraph(sym.Group([hidden, sym.sin(sym.exp(hidden)), x * 1]))
    inputs = [nd.random.normal(shape=(5, 4)), nd.random.normal(shape=(6, 4))]
    for a in inputs:
        a.attach_grad()
    with autograd.record():
        outs = graph(*inputs)
    before = [o.asnumpy() for o in outs]
    autograd.backward(outs)
    for a, b in zip(before, outs, strict=True):
        np.testing.assert_array_equal(a, b.asnumpy())


def planned(net):
    """Bytes of the block, and those that backward finds in it."""
    line = re.search(r"forward: \d+ steps in \d+ tasks?, (\d+) bytes.*, (\d+) kept", net.explain())
    return int(line[1]), int(line[2])


def test_recomputation_saves_two_fifths_of_resnet18():
    def step(recompute):
        mx.random.seed(0)
        net = gluon.model_zoo.vision.resnet18_v1(classes=10)
        net.initialize(mx.init.Xavier())
        x = nd.random.uniform(shape=(2, 3, 64, 64))
        net(x)
        net.hybridize()
        with mx.graph.switched(recompute=recompute), autograd.record():
            loss = (net(x) ** 2).mean()
        loss.backward()
        return gradients(net), planned(net)

    want, (whole, kept) = step(False)
    got, (less, few) = step(True)
    assert less < 0.6 * whole
    assert few < 0.3 * kept
    for a, b in zip(want, got, strict=True):
        scale = max(1e-3, float(np.abs(a).max()))
        np.testing.assert_allclose(a, b, rtol=1e-2, atol=1e-3 * scale)


def test_recomputation_leaves_random_numbers_alone():
    """What dropout kept in forward is what it keeps in backward."""
    x = sym.Variable("x")
    net = sym.Dropout(sym.exp(sym.tanh(x) * 2), p=0.5)
    with mx.graph.switched(recompute=True):
        graph = sym.CachedGraph(net)
    a = nd.random.normal(shape=(1000,))
    a.attach_grad()
    with autograd.record():
        out = graph(a)[0]
    out.backward()
    np.testing.assert_array_equal(out.asnumpy() != 0, a.grad.asnumpy() != 0)


def resnet_plan(**flags):
    """Planned bytes of training a small ResNet-18, and the text of `explain`."""
    mx.random.seed(0)
    net = gluon.model_zoo.vision.resnet18_v1(classes=10)
    net.initialize(mx.init.Xavier())
    x = nd.random.uniform(shape=(2, 3, 64, 64))
    net(x)
    net.hybridize(**flags)
    with autograd.record():
        loss = (net(x) ** 2).mean()
    loss.backward()
    return planned(net)[0], net.explain(), gradients(net)


def test_recomputation_meets_a_memory_target():
    whole, text, want = resnet_plan()
    assert "memory of training" not in text
    sizes = []
    for target in (0.8, 0.6, int(0.7 * whole)):
        size, text, got = resnet_plan(recompute=target)
        bytes_wanted = target * whole if target < 1 else target
        assert size <= bytes_wanted and f"{whole} if nothing were computed again" in text
        assert "reached" in text and "not reached" not in text
        for a, b in zip(want, got, strict=True):
            scale = max(1e-3, float(np.abs(a).max()))
            np.testing.assert_allclose(a, b, rtol=1e-2, atol=1e-3 * scale)
        sizes.append(size)
    assert sizes[1] <= sizes[2] <= sizes[0] < whole
    size, text, _ = resnet_plan(recompute=0.01)
    assert "not reached" in text and size < 0.6 * whole
    assert resnet_plan(recompute=2 * whole)[0] == whole
    assert resnet_plan(recompute=True)[0] < 0.6 * whole


def test_memory_targets_are_checked():
    assert mx.graph.set_memory_target(0.5) == 0
    assert mx.graph.set_memory_target(0) == 0.5
    for wrong in (-1, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="must be bytes, a share below 1, or 0"):
            mx.graph.set_memory_target(wrong)
