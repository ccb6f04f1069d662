"""Model parallel: parts of a graph on several devices, for which CPU contexts stand in."""

import numpy as np
import pytest

import plait as mx
from plait import autograd, nd
from plait.symbol.placement import PlacedGraph

GROUPS = {"one": mx.cpu(0), "two": mx.cpu(1)}


def perceptron():
    with mx.AttrScope(ctx_group="one"):
        x = mx.sym.var("data")
        h = mx.sym.FullyConnected(x, num_hidden=8, name="fc1")
        h = mx.sym.Activation(h, act_type="relu", name="relu1")
    with mx.AttrScope(ctx_group="two"):
        h = mx.sym.FullyConnected(h, num_hidden=8, name="fc2")
        h = mx.sym.BatchNorm(h, name="bn")
    with mx.AttrScope(ctx_group="one"):
        h = mx.sym.FullyConnected(h, num_hidden=3, name="fc3")
        return mx.sym.SoftmaxOutput(h, name="softmax")


def lstm():
    """Two layers, each on its device, over four steps: parts wait for each other step by step."""
    rows = mx.sym.SliceChannel(mx.sym.var("data"), num_outputs=4, axis=1, squeeze_axis=True)
    cells, states = [], []
    for group in ("one", "two"):
        with mx.AttrScope(ctx_group=group):
            cells.append(mx.rnn.LSTMCell(5, prefix=f"{group}_"))
            states.append([mx.sym.var(f"{group}_begin{i}") for i in range(2)])
    outs = []
    for t in range(4):
        h = rows[t]
        for layer, group in enumerate(("one", "two")):
            with mx.AttrScope(ctx_group=group):
                h, states[layer] = cells[layer](h, states[layer])
        outs.append(h)
    with mx.AttrScope(ctx_group="two"):
        return mx.sym.concat(*outs, dim=1)


NETWORKS = {
    "perceptron": (perceptron, {"data": (6, 4), "softmax_label": (6,)}),
    "lstm": (lstm, {"data": (2, 4, 3), **{f"{g}_begin{i}": (2, 5) for g in GROUPS for i in (0, 1)}}),
}  # fmt: skip


def trained(symbol, shapes, groups):
    """Executor after one step forward and backward from numbers that do not depend on it."""
    executor = symbol.simple_bind(mx.cpu(), group2ctx=groups, **shapes)
    rng = np.random.RandomState(0)
    for name, array in sorted(executor.arg_dict.items()):
        values = rng.randint(0, 3, array.shape) if "label" in name else rng.randn(*array.shape)
        array[:] = nd.array(values)
    outs = executor.forward(is_train=True)
    executor.backward([y.ones_like() for y in outs])
    return executor


@pytest.mark.parametrize("name", NETWORKS)
def test_parts_on_two_devices_give_what_one_device_gives(name):
    make, shapes = NETWORKS[name]
    symbol = make()
    one, two = trained(symbol, shapes, None), trained(symbol, shapes, GROUPS)
    for what in ("output_dict", "grad_dict", "aux_dict"):
        for key, want in getattr(one, what).items():
            got = getattr(two, what)[key]
            np.testing.assert_allclose(got.asnumpy(), want.asnumpy(), rtol=1e-5, atol=1e-6)


def test_arrays_are_on_the_device_of_their_group():
    executor = trained(perceptron(), NETWORKS["perceptron"][1], GROUPS)
    for name in ("fc2_weight", "bn_gamma"):
        assert executor.arg_dict[name].context == executor.grad_dict[name].context == mx.cpu(1)
    assert executor.aux_dict["bn_moving_mean"].context == mx.cpu(1)
    assert executor.arg_dict["fc3_weight"].context == mx.cpu(0)
    assert executor.outputs[0].context == mx.cpu(0)
    swapped = {"one": mx.cpu(1), "two": mx.cpu(0)}
    assert trained(perceptron(), NETWORKS["perceptron"][1], swapped).outputs[0].context == mx.cpu(1)


def test_parts_end_where_the_device_changes():
    graph = PlacedGraph(perceptron(), mx.cpu(), GROUPS)
    assert graph.parts == [
        (mx.cpu(0), ["fc1", "relu1"]),
        (mx.cpu(1), ["fc2", "bn"]),
        (mx.cpu(0), ["fc3", "softmax"]),
    ]
    steps = PlacedGraph(lstm(), mx.cpu(), GROUPS).parts
    assert len(steps) == 8  # each layer of each time step, for devices that work side by side


def test_nodes_without_a_group_follow_their_neighbours():
    with mx.AttrScope(ctx_group="two"):
        a = mx.sym.var("a") * 2
    b = mx.sym.exp(a) + mx.sym.var("b")
    executor = b.simple_bind(mx.cpu(), group2ctx=GROUPS, a=(2,), b=(2,))
    assert {n: x.context for n, x in executor.arg_dict.items()} == {"a": mx.cpu(1), "b": mx.cpu(1)}
    assert executor.forward()[0].context == mx.cpu(1)


def test_group_without_a_context_is_an_error():
    with pytest.raises(ValueError, match="node 'data' has ctx_group 'one', must be one of"):
        perceptron().simple_bind(mx.cpu(), group2ctx={"two": mx.cpu(1)}, data=(2, 4))


def test_reshape_keeps_the_parts():
    executor = trained(perceptron(), NETWORKS["perceptron"][1], GROUPS)
    other = executor.reshape(data=(2, 4), softmax_label=(2,))
    assert other.forward(is_train=False)[0].shape == (2, 3)
    assert other.arg_dict["fc2_weight"] is executor.arg_dict["fc2_weight"]


def test_monitor_sees_every_part():
    executor = trained(perceptron(), NETWORKS["perceptron"][1], GROUPS)
    seen = []
    executor.set_monitor_callback(lambda name, array: seen.append((name, array.context)))
    executor.forward(is_train=True)
    assert ("relu1_output", mx.cpu(0)) in seen and ("fc2_output", mx.cpu(1)) in seen


def test_module_with_groups_learns():
    x = np.random.RandomState(0).randn(200, 4).astype("float32")
    y = (x[:, 0] > 0).astype("float32") + (x[:, 1] > 0)
    data = mx.io.NDArrayIter(x, y, 20, label_name="softmax_label")
    module = mx.mod.Module(perceptron(), group2ctxs=GROUPS)
    module.fit(data, num_epoch=10, optimizer="adam", optimizer_params={"learning_rate": 0.03})
    assert module.score(data, "acc")[0][1] > 0.8


def test_gradients_flow_through_copies_between_contexts():
    x = nd.array([1.0, 2.0])
    x.attach_grad()
    with autograd.record():
        y = (x * 3).as_in_context(mx.cpu(1))
        z = (y * y).copyto(mx.cpu(0)).sum()
    z.backward()
    assert y.context == mx.cpu(1) and x.grad.asnumpy().tolist() == [18, 36]
