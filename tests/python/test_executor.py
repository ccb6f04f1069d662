"""Executors: binding, requests, reshaping, monitors, devices."""

import numpy as np
import pytest

import plait as mx
from plait import nd, sym


def square_sum():
    x, w = sym.Variable("x"), sym.Variable("w")
    return sym.sum(x * x * w, name="total")


def test_requests_for_each_argument():
    x, w = nd.array([1.0, 2.0]), nd.array([3.0, 4.0])
    grads = {"x": nd.ones(2), "w": nd.ones(2)}
    executor = square_sum().bind(mx.cpu(), {"x": x, "w": w}, grads, {"x": "add", "w": "write"})
    for i in range(2):
        executor.forward(is_train=True)
        executor.backward()
        np.testing.assert_allclose(grads["x"].asnumpy(), 1 + (i + 1) * np.array([6, 16]))
        np.testing.assert_allclose(grads["w"].asnumpy(), [1, 4])
    executor = square_sum().bind(mx.cpu(), [x, w], [None, grads["w"]], ["null", "write"])
    executor.forward(is_train=True)
    executor.backward(
        nd.array([2.0]).reshape(()) if executor.outputs[0].ndim == 0 else nd.array([2.0])
    )
    np.testing.assert_allclose(grads["w"].asnumpy(), [2, 8])
    assert executor.grad_dict["x"] is None
    with pytest.raises(ValueError, match="grad_req"):
        square_sum().bind(mx.cpu(), [x, w], None, "sometimes")


def test_forward_by_name_and_output_dict():
    executor = square_sum().simple_bind(mx.cpu(), x=(2,), w=(2,))
    assert executor.outputs[0].size == 1  # known before the first run
    executor.forward(x=nd.array([1.0, 2.0]), w=nd.array([1.0, 1.0]))
    assert executor.output_dict["total_output"].asscalar() == 5
    with pytest.raises(TypeError, match="nosuch"):
        executor.forward(nosuch=nd.zeros(2))
    with pytest.raises(ValueError, match="reshape"):
        executor.forward(x=nd.zeros(3))
    executor.backward()
    np.testing.assert_allclose(executor.grad_dict["x"].asnumpy(), [2, 4])
    executor = square_sum().simple_bind(mx.cpu(), x=(2,), w=(2,))
    with pytest.raises(RuntimeError, match="forward"):
        executor.backward()


def test_gradients_of_prediction():
    net = sym.Dropout(sym.var("x"), p=0.9) * 3
    executor = net.simple_bind(mx.cpu(), x=(50,))
    executor.arg_dict["x"][:] = 1
    for _ in range(2):
        executor.forward(is_train=False)
        executor.backward([nd.ones((50,)) * 2])
        assert (executor.grad_dict["x"].asnumpy() == 6).all()
    executor.forward(is_train=True)
    executor.backward([nd.ones((50,))])
    assert set(executor.grad_dict["x"].asnumpy()) <= {0, 30}


def test_gradients_without_a_request_keep_their_arrays():
    net = sym.FullyConnected(sym.Variable("data"), num_hidden=3, name="fc")
    arrays = {"data": nd.ones((2, 5)), "fc_weight": nd.ones((3, 5)), "fc_bias": nd.ones((3,))}
    grads = {name: array * 7 for name, array in arrays.items()}
    executor = net.bind(mx.cpu(), arrays, grads, {"data": "write"})
    executor.forward(is_train=True)
    executor.backward()
    np.testing.assert_array_equal(executor.grad_dict["data"].asnumpy(), np.full((2, 5), 3))
    assert executor.grad_dict["fc_bias"].asnumpy().tolist() == [7, 7, 7]


def test_reshape_shares_memory():
    net = sym.FullyConnected(sym.Variable("data"), num_hidden=3, name="fc")
    executor = net.simple_bind(mx.cpu(), data=(4, 5))
    small = executor.reshape(data=(2, 5))
    small.arg_dict["data"][:] = 6
    assert executor.arg_dict["data"].asnumpy()[:, 0].tolist() == [6, 6, 0, 0]
    small.forward(is_train=True)
    small.backward(nd.ones((2, 3)))
    assert small.grad_dict["fc_bias"].asnumpy().tolist() == [2, 2, 2]


def test_reshape_keeps_parameters():
    net = sym.FullyConnected(sym.Variable("data"), num_hidden=3, name="fc")
    executor = net.simple_bind(mx.cpu(), data=(4, 5))
    executor.arg_dict["fc_weight"][:] = 1
    small = executor.reshape(data=(2, 5))
    assert small.arg_dict["data"].shape == (2, 5)
    assert small.arg_dict["fc_weight"] is executor.arg_dict["fc_weight"]
    small.forward(data=nd.ones((2, 5)))
    np.testing.assert_array_equal(small.outputs[0].asnumpy(), np.full((2, 3), 5))
    with pytest.raises(ValueError, match="allow_up_sizing"):
        executor.reshape(data=(8, 5))
    assert executor.reshape(allow_up_sizing=True, data=(8, 5)).outputs[0].shape == (8, 3)
    with pytest.raises(ValueError, match="partial_shaping"):
        executor.reshape(data=(4, 2))
    wide = executor.reshape(partial_shaping=True, data=(4, 2))
    assert wide.arg_dict["fc_weight"].shape == (3, 2)


def test_shared_arrays():
    net = sym.FullyConnected(sym.Variable("data"), num_hidden=3, name="fc")
    first = net.simple_bind(mx.cpu(), data=(4, 5))
    second = net.simple_bind(mx.cpu(), shared_exec=first, data=(2, 5))
    assert second.arg_dict["fc_weight"] is first.arg_dict["fc_weight"]
    assert second.arg_dict["data"].shape == (2, 5)
    loss = sym.SoftmaxOutput(net, name="softmax")  # the label's shape follows from the data's
    first = loss.simple_bind(mx.cpu(), data=(4, 5))
    second = loss.simple_bind(mx.cpu(), shared_exec=first, data=(2, 5))
    assert second.grad_dict["softmax_label"].shape == second.arg_dict["softmax_label"].shape == (2,)
    assert second.grad_dict["fc_weight"] is first.grad_dict["fc_weight"]


def test_types():
    net = square_sum()
    executor = net.simple_bind(mx.cpu(), type_dict={"x": "float64", "w": "float64"}, x=(2,), w=(2,))
    assert executor.arg_dict["w"].dtype == np.float64
    assert executor.forward()[0].dtype == np.float64


def test_monitor_callback():
    x = sym.Variable("x")
    net = sym.exp(sym.negative(x, name="minus"), name="e")
    executor = net.bind(mx.cpu(), [nd.zeros(2)], [nd.zeros(2)])
    seen = []
    executor.set_monitor_callback(lambda name, array: seen.append((name, array.asnumpy()[0])))
    executor.forward(is_train=True)
    assert seen == [("minus_output", 0), ("e_output", 1)]
    executor.backward()
    assert seen[2:] == [("e_backward_output", 1), ("minus_backward_output", -1)]
    np.testing.assert_array_equal(executor.grad_dict["x"].asnumpy(), [-1, -1])
    executor.set_monitor_callback(lambda name, array: seen.append(name), monitor_all=True)
    seen.clear()
    executor.forward()
    assert seen == ["x", "minus_input0", "minus_output", "e_input0", "e_output"]
    executor.set_monitor_callback(None)
    seen.clear()
    executor.forward()
    assert not seen


def test_monitored_runs_compute_the_same():
    data = nd.random.normal(shape=(4, 2, 3, 3))
    net = sym.Convolution(sym.Variable("x"), kernel=(2, 2), num_filter=3, name="conv")
    net = sym.BatchNorm(net, fix_gamma=False, name="bn")
    net = sym.Group([sym.sum(net * net + sym.tanh(net), name="s"), sym.BlockGrad(net, name="b")])
    found = []
    for watched in (False, True):
        executor = net.simple_bind(
            mx.cpu(), grad_req={"conv_weight": "add", "bn_gamma": "write"}, x=data.shape
        )
        mx.random.seed(2)
        for array in executor.arg_arrays:
            array[:] = nd.random.normal(shape=array.shape)
        executor.arg_dict["x"][:] = data
        seen = []
        if watched:
            executor.set_monitor_callback(lambda name, array, s=seen: s.append(name), True)
        for _ in range(2):
            outs = executor.forward(is_train=True)
            executor.backward([nd.array([2.0]), nd.zeros(outs[1].shape)])
        found.append(
            [
                *outs,
                executor.grad_dict["conv_weight"],
                executor.grad_dict["bn_gamma"],
                *executor.aux_arrays,
            ]
        )
    assert {"conv_data", "bn_gamma", "bn_backward_output2", "conv_backward_output1"} <= set(seen)
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a.asnumpy(), b.asnumpy(), rtol=1e-4, atol=1e-4)


def test_groups_on_several_devices():
    with mx.AttrScope(ctx_group="first"):
        net = sym.FullyConnected(sym.Variable("data"), num_hidden=4, name="fc1")
    with mx.AttrScope(ctx_group="second"):
        net = sym.FullyConnected(net, num_hidden=2, name="fc2")
    places = {"first": mx.cpu(1), "second": mx.cpu(2)}
    executor = net.simple_bind(mx.cpu(), group2ctx=places, data=(3, 5))
    assert executor.arg_dict["fc1_weight"].context == mx.cpu(1)
    assert executor.arg_dict["fc2_weight"].context == mx.cpu(2)
    for array in executor.arg_arrays:
        array[:] = 1
    (out,) = executor.forward(is_train=True)
    assert out.context == mx.cpu(2)
    executor.backward(nd.ones((3, 2), ctx=mx.cpu(2)))
    assert executor.grad_dict["fc1_weight"].context == mx.cpu(1)
    alone = net.simple_bind(mx.cpu(), data=(3, 5))
    for array in alone.arg_arrays:
        array[:] = 1
    np.testing.assert_array_equal(alone.forward()[0].asnumpy(), out.asnumpy())


def test_eval_and_copy_params():
    net = square_sum()
    assert net.eval(x=nd.ones(2), w=nd.ones(2))[0].asscalar() == 2
    with pytest.raises(ValueError, match="w"):
        net.eval(x=nd.ones(2))
    with pytest.raises(ValueError, match="nosuch"):
        net.eval(x=nd.ones(2), w=nd.ones(2), nosuch=nd.ones(2))
    executor = net.simple_bind(mx.cpu(), x=(2,), w=(2,))
    executor.copy_params_from({"w": nd.ones(2), "other": nd.ones(1)}, allow_extra_params=True)
    assert executor.arg_dict["w"].asnumpy().tolist() == [1, 1]


def test_simple_bind_fills_shared_buffer_and_takes_from_it(caplog):
    net = sym.FullyConnected(sym.Variable("data"), num_hidden=3, name="fc")
    net = sym.SoftmaxOutput(sym.BatchNorm(net, name="bn"), name="softmax")
    shared = {}
    large = net.simple_bind(
        mx.cpu(), data=(4, 5), grad_req={"fc_weight": "write"}, shared_buffer=shared
    )
    arguments = set(net.list_arguments())
    assert set(shared) == arguments | {"grad of fc_weight"}  # no auxiliary states
    large.arg_dict["data"][:] = np.arange(20).reshape(4, 5)
    large.arg_dict["fc_weight"][:] = 7

    small = net.simple_bind(mx.cpu(), data=(2, 5), shared_buffer=shared)
    assert set(shared) == arguments | {f"grad of {name}" for name in arguments}
    assert shared["data"].shape == (4, 5)
    np.testing.assert_array_equal(small.arg_dict["data"].asnumpy(), np.arange(10).reshape(2, 5))
    small.arg_dict["data"][:] = -1
    assert large.arg_dict["data"].asnumpy().ravel().tolist() == [-1] * 10 + [*range(10, 20)]
    assert (small.arg_dict["fc_weight"].asnumpy() == 7).all()
    small.forward(is_train=True)
    small.backward()
    want = small.grad_dict["fc_weight"].asnumpy()
    np.testing.assert_array_equal(shared["grad of fc_weight"].asnumpy(), want)

    larger = net.simple_bind(mx.cpu(), data=(8, 5), shared_buffer=shared)
    assert "data has shape (4, 5)" in caplog.text
    assert shared["data"].shape == (8, 5)
    larger.arg_dict["data"][:] = 9
    assert large.arg_dict["data"].asnumpy().max() == 19

    other = net.simple_bind(
        mx.cpu(),
        data=(4, 5),
        shared_exec=large,
        shared_arg_names=["fc_weight"],
        shared_buffer=shared,
    )
    other.arg_dict["fc_weight"][:] = 3
    assert (large.arg_dict["fc_weight"].asnumpy() == 3).all()


def test_simple_bind_refuses_buffers_that_do_not_fit():
    net = sym.Variable("data") * 2
    wide = {"data": mx.nd.ones((9,), dtype="float64")}
    with pytest.raises(
        ValueError, match="data has dtype float64 in shared_buffer, must be float32"
    ):
        net.simple_bind(mx.cpu(), data=(4,), shared_buffer=wide)
    with pytest.raises(ValueError, match="must be a dict or None"):
        net.simple_bind(mx.cpu(), data=(4,), shared_buffer=[])
    given = {"data": mx.nd.ones((9,))}
    executor = net.simple_bind(mx.cpu(), data=(2, 2), shared_buffer=given)
    assert (executor.forward()[0].asnumpy() == np.full((2, 2), 2)).all()
