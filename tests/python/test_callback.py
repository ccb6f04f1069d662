"""Callbacks of training loops, and the helpers for tests."""

import logging
import os
from types import SimpleNamespace

import numpy as np
import pytest

import plait as mx
from plait import nd, test_utils


def param(nbatch, metric=None, epoch=2):
    return SimpleNamespace(epoch=epoch, nbatch=nbatch, eval_metric=metric, locals={})


def some_metric():
    metric = mx.metric.Accuracy()
    metric.update([nd.array([1])], [nd.array([[0.1, 0.9]])])
    return metric


def test_speedometer(caplog):
    caplog.set_level(logging.INFO)
    metric = some_metric()
    callback = mx.callback.Speedometer(batch_size=8, frequent=2)
    for n in range(5):
        callback(param(n, metric))
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 2
    assert lines[0].startswith("Epoch[2] Batch [0-2]\tSpeed: ")
    assert "samples/sec\taccuracy=1.000000" in lines[0]
    assert metric.num_inst == 0  # auto_reset
    callback(param(0))  # a new epoch


def test_progress_bar(caplog):
    caplog.set_level(logging.INFO)
    bar = mx.callback.ProgressBar(total=4, length=8)
    bar(param(2))
    assert caplog.messages == ["[====----] 50%\r"]


def test_log_metrics(caplog):
    caplog.set_level(logging.INFO)
    mx.callback.log_train_metric(2, auto_reset=True)(param(4, some_metric()))
    mx.callback.LogValidationMetricsCallback()(param(4, some_metric()))
    lines = [record.getMessage() for record in caplog.records]
    assert lines == [
        "Iter[2] Batch[4] Train-accuracy=1.000000",
        "Epoch[2] Validation-accuracy=1.000000",
    ]


def test_do_checkpoint(tmp_path):
    x = mx.sym.var("x") * 2
    callback = mx.callback.do_checkpoint(str(tmp_path / "net"), period=2)
    for epoch in range(4):
        callback(epoch, x, {"x": nd.ones((2,))}, {})
    assert sorted(os.listdir(tmp_path)) == ["net-0002.params", "net-0004.params", "net-symbol.json"]
    assert list(nd.load(str(tmp_path / "net-0004.params"))) == ["arg:x"]


def test_module_checkpoint():
    calls = []
    module = SimpleNamespace(save_checkpoint=lambda *args: calls.append(args))
    callback = mx.callback.module_checkpoint(module, "p", 2, True)
    for epoch in range(4):
        callback(epoch)
    assert calls == [("p", 2, True), ("p", 4, True)]


def test_comparison():
    a, b = nd.array([1.0, 2.0]), np.array([1.0, 2.00001], "float32")
    test_utils.assert_almost_equal(a, b)
    assert test_utils.almost_equal(a, b) and not test_utils.same(a, b)
    with pytest.raises(AssertionError, match=r"(?s)x and y differ in 1 of 2.*\(1,\): x 2, y 3"):
        test_utils.assert_almost_equal(a, nd.array([1.0, 3.0]), names=("x", "y"))
    with pytest.raises(AssertionError, match="differ in 1 of 1"):
        test_utils.assert_almost_equal([np.nan], [1.0])
    test_utils.assert_almost_equal([np.nan], [np.nan], equal_nan=True)
    test_utils.assert_almost_equal_ignore_nan([np.nan, 1], [3, 1])
    assert not test_utils.almost_equal(a, b, rtol=1e-9, atol=0)
    assert test_utils.same_array(a, a[:]) and not test_utils.same_array(a, a.copy())


def test_random_arrays():
    assert test_utils.rand_ndarray((2, 3), dtype="float64").dtype == np.float64
    assert [x.shape for x in test_utils.random_arrays((2,), (3, 1))] == [(2,), (3, 1)]
    assert len(test_utils.rand_shape_nd(4, 5)) == 4
    assert all(1 <= d <= 3 for d in test_utils.rand_shape_2d(3, 3))
    assert test_utils.random_sample([1, 2, 3], 3) == [1, 2, 3]


def test_retry_and_exception():
    calls = []

    @test_utils.retry(3)
    def flaky():
        calls.append(1)
        assert len(calls) == 2

    flaky()
    assert len(calls) == 2
    test_utils.assert_exception(nd.dot, ValueError, nd.ones((2, 3)), nd.ones((2, 3)))
    with pytest.raises(AssertionError, match="did not raise ValueError"):
        test_utils.assert_exception(lambda: None, ValueError)


def test_environment():
    os.environ["PLAIT_SOME"] = "1"
    with test_utils.environment({"PLAIT_SOME": None, "PLAIT_OTHER": 2}):
        assert "PLAIT_SOME" not in os.environ and os.environ["PLAIT_OTHER"] == "2"
    assert os.environ.pop("PLAIT_SOME") == "1" and "PLAIT_OTHER" not in os.environ


def test_symbols():
    a, b = mx.sym.var("a"), mx.sym.var("b")
    x, y = np.random.rand(2, 3), np.random.rand(2, 3)
    product = a * b
    single = test_utils.simple_forward(product, a=x.astype("f4"), b=y.astype("f4"))
    test_utils.assert_almost_equal(single, x * y)
    test_utils.check_symbolic_forward(product, [x, y], [x * y])
    test_utils.check_symbolic_backward(product, [x, y], [np.ones((2, 3))], [y, x])
    test_utils.check_symbolic_backward(
        product, {"a": x, "b": y}, [np.ones((2, 3))], {"a": y}, grad_req="add"
    )
    test_utils.check_numeric_gradient(mx.sym.tanh(product), [x, y])
    test_utils.check_consistency(
        product,
        [
            {"ctx": mx.cpu(), "a": (2, 2), "b": (2, 2), "type_dict": {"a": t, "b": t}}
            for t in ("float32", "float64")
        ],
    )
    assert test_utils.check_speed(product, ctx=mx.cpu(), N=1, a=(2, 2), b=(2, 2)) > 0
    with pytest.raises(AssertionError, match="gradient of a"):
        test_utils.check_numeric_gradient(mx.sym.BlockGrad(a) + a * 2, [x])
