"""Names and forms of earlier MXNet versions that programs still use."""

import importlib
import logging
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest

import plait as mx
from plait import nd


def test_save_params_writes_names_without_the_prefix(tmp_path):
    def dense():
        net = mx.gluon.nn.Sequential()
        with net.name_scope():
            net.add(mx.gluon.nn.Dense(2, in_units=3))
        return net

    first, second = dense(), dense()
    first.initialize(mx.init.Normal(1))
    file = str(tmp_path / "net.params")
    first.save_params(file)
    assert set(nd.load(file)) == {"dense0_weight", "dense0_bias"}
    second.load_params(file, ctx=mx.cpu())
    x = nd.ones((1, 3))
    np.testing.assert_array_equal(first(x).asnumpy(), second(x).asnumpy())


def test_reshape_with_target_shape():
    x = nd.arange(24).reshape((2, 3, 4))
    assert nd.Reshape(x, target_shape=(4, 6)).shape == (4, 6)
    assert nd.Reshape(x, target_shape=(0, 12)).shape == (2, 12)
    assert nd.Reshape(x, target_shape=(9, 4, 0), keep_highest=True).shape == (2, 4, 3)
    symbol = mx.sym.Reshape(mx.sym.Variable("x"), target_shape=(3, 0), name="r")
    assert symbol.infer_shape(x=(2, 6))[1] == [(3, 4)]


def test_factor_scheduler_of_misc(caplog):
    caplog.set_level(logging.INFO)
    schedule = mx.misc.FactorScheduler(2, 0.5)
    schedule.base_lr = 0.4
    assert [schedule(i) for i in range(5)] == [0.4, 0.4, 0.2, 0.2, 0.1]
    assert "At Iteration [2]: Switch to new learning rate 0.20000" in caplog.text
    for step, factor in ((0, 0.5), (1, 1.0)):
        with pytest.raises(ValueError, match="FactorScheduler"):
            mx.misc.FactorScheduler(step, factor)


def test_loggers(tmp_path):
    file = tmp_path / "run.log"
    logger = mx.log.get_logger("plait.test", str(file), level=mx.log.INFO)
    assert mx.log.getLogger("plait.test", str(file)) is logger and len(logger.handlers) == 1
    logger.info("step %d", 3)
    try:
        raise ValueError("wrong")
    except ValueError:
        logger.exception("failed")
    first, *rest = file.read_text().splitlines()
    assert first.startswith("I") and first.endswith("] step 3")
    assert rest[-1] == "ValueError: wrong"
    logger.handlers[0].close()


def test_libinfo_finds_library_and_header():
    assert [Path(f).name for f in mx.libinfo.find_lib_path()] == ["libplait.so"]
    assert (Path(mx.libinfo.find_include_path()) / "plait" / "c_api.h").is_file()


@pytest.mark.parametrize(
    "module, name",
    [
        ("gluon.rnn.rnn_cell", "LSTMCell"),
        ("gluon.rnn.rnn_cell", "ZoneoutCell"),
        ("gluon.rnn.rnn_layer", "LSTM"),
    ],
)
def test_modules_of_recurrent_layers(module, name):
    assert getattr(importlib.import_module(f"plait.{module}"), name) is getattr(mx.gluon.rnn, name)


def test_download_of_test_utils_takes_file_and_folder(tmp_path):
    source = tmp_path / "source.txt"
    source.write_text("content")
    folder = tmp_path / "folder"
    path = mx.test_utils.download(source.as_uri(), "copy.txt", str(folder))
    assert Path(path) == folder / "copy.txt" and Path(path).read_text() == "content"


def _module(outputs=2):
    data = mx.sym.Variable("data")
    return mx.sym.SoftmaxOutput(
        mx.sym.FullyConnected(data, num_hidden=outputs, name="fc"), name="softmax"
    )


def test_modules_run_batches_that_only_have_data():
    Batch = namedtuple("Batch", ["data"])
    module = mx.mod.Module(_module(), label_names=None)
    module.bind([("data", (4, 3))], for_training=False)
    params = {"fc_weight": nd.ones((2, 3)), "fc_bias": nd.zeros((2,))}
    module.set_params(params, {}, allow_missing=True)
    for rows in (4, 1):
        module.forward(Batch([nd.ones((rows, 3))]))
        assert module.get_outputs()[0].shape == (rows, 2)


def test_modules_take_parameters_of_larger_networks():
    params = {"fc_weight": nd.ones((2, 3)), "fc_bias": nd.zeros((2,)), "fc7_weight": nd.ones((1,))}
    module = mx.mod.Module(_module())
    module.bind([("data", (4, 3))], [("softmax_label", (4,))])
    module.set_params(params, {})
    assert set(module.get_params()[0]) == {"fc_weight", "fc_bias"}
    module.set_params(params, {}, allow_missing=True, allow_extra=True)
    with pytest.raises(ValueError, match="fc7_weight"):
        module.set_params(params, {}, allow_missing=True)


def test_bind_takes_dictionaries_of_several_graphs():
    arrays = {"data": nd.ones((4, 3)), "fc_weight": nd.ones((2, 3)), "fc_bias": nd.zeros((2,))}
    arrays |= {"softmax_label": nd.zeros((4,)), "other_weight": nd.ones((5,))}
    grads = {"fc_weight": nd.zeros((2, 3)), "other_weight": nd.zeros((5,))}
    executor = _module().bind(mx.cpu(), arrays, grads, aux_states={"other_mean": nd.zeros((5,))})
    executor.forward(is_train=True)
    executor.backward()
    assert len(executor.grad_arrays) == 4
    assert abs(grads["fc_weight"].asnumpy()).sum() > 0


def test_a_block_with_new_children_is_compiled_again():
    class Head(mx.gluon.HybridBlock):
        def __init__(self):
            super().__init__()
            with self.name_scope():
                self.dense = mx.gluon.nn.Dense(2, in_units=3)

        def grow(self, units):
            self._clear_cached_op()
            old = self.dense
            self.dense = mx.gluon.nn.Dense(units, in_units=3, prefix=old.prefix)
            self.dense.initialize(ctx=old.weight.list_ctx())

        def hybrid_forward(self, F, x):
            return self.dense(x)

    head = Head()
    head.initialize()
    head.hybridize()
    assert head(nd.ones((1, 3))).shape == (1, 2)
    head.grow(5)
    assert head(nd.ones((1, 3))).shape == (1, 5)


def test_loaders_as_iterators():
    x, y = np.arange(20.0).reshape(10, 2), np.arange(10)
    loader = mx.gluon.data.DataLoader(mx.gluon.data.ArrayDataset(x, y), 4)
    batches = mx.contrib.io.DataLoaderIter(loader)
    assert batches.provide_data[0].shape == (4, 2) and batches.provide_label[0].shape == (4,)
    for _ in range(2):
        assert [b.pad for b in batches] == [0, 0, 2]
        batches.reset()
    last = list(batches)[-1]
    np.testing.assert_array_equal(last.data[0].asnumpy()[:2], x[8:])
    assert last.data[0].dtype == last.label[0].dtype == np.float32


def test_metrics_for_tensorboard(tmp_path):
    pytest.importorskip("tensorboard")
    callback = mx.contrib.tensorboard.LogMetricsCallback(str(tmp_path), prefix="train")
    metric = mx.metric.Accuracy()
    metric.update([nd.array([1])], [nd.array([[0, 1.0]])])
    param = namedtuple("Param", ["eval_metric"])
    callback(param(metric))
    callback(param(None))
    callback.summary_writer.close()
    assert b"train-accuracy" in b"".join(f.read_bytes() for f in tmp_path.rglob("*tfevents*"))


def test_updater_of_a_store_under_its_older_name():
    store = mx.kv.create("local")
    store.init(3, nd.ones((2,)))

    def update(key, pushed, stored):
        stored += pushed * 2

    store._set_updater(update)
    store.push(3, [nd.ones((2,))] * 4)
    out = nd.zeros((2,))
    store.pull(3, out=out)
    np.testing.assert_array_equal(out.asnumpy(), [9, 9])


def test_handlers_of_events_under_mxnets_module():
    from plait.gluon.contrib import estimator
    from plait.gluon.contrib.estimator import event_handler

    assert event_handler.TrainBegin is estimator.TrainBegin
    assert event_handler.CheckpointHandler is estimator.CheckpointHandler


def test_modules_of_names():
    from plait.gluon.block import HybridBlock, SymbolBlock
    from plait.gluon.parameter import ParameterDict

    gluon = mx.gluon
    assert (HybridBlock, SymbolBlock) == (gluon.HybridBlock, gluon.SymbolBlock)
    assert ParameterDict is gluon.ParameterDict
    assert mx.optimizer.contrib.GroupAdaGrad is mx.optimizer.GroupAdaGrad
    with pytest.raises(AttributeError, match="has no attribute 'Hybrid'"):
        gluon.block.Hybrid  # noqa: B018


@pytest.mark.parametrize("fused", [False, True])
def test_optimizer_of_mxnet_2_defines_step(fused):
    class Plain(mx.optimizer.Optimizer):
        def create_state(self, index, weight):
            return None

        def step(self, indices, weights, grads, states):
            for index, weight, grad in zip(indices, weights, grads, strict=True):
                self._update_count(index)
                weight -= self._get_lr(index) * self.rescale_grad * grad

        def fused_step(self, indices, weights, grads, states):
            for weight in weights:
                weight[:] = 7

    weight = nd.ones((2,))
    updater = mx.optimizer.get_updater(Plain(learning_rate=0.5, use_fused_step=fused))
    updater([0], [nd.ones((2,))], [weight])
    np.testing.assert_array_equal(weight.asnumpy(), [7.0] * 2 if fused else [0.5] * 2)
    with pytest.raises(NotImplementedError, match="Optimizer must define update or step"):
        mx.optimizer.Optimizer().update(0, weight, weight, None)


def test_current_scopes_are_properties():
    """As in MXNet: `NameManager.current.get`, without a call."""
    with mx.name.Prefix("p_") as prefix, mx.AttrScope(mood="good"):
        assert mx.name.NameManager.current is prefix
        assert mx.name.NameManager.current.get(None, "x") == "p_x0"
        assert mx.AttrScope.current.get({"a": "b"}) == {"mood": "good", "a": "b"}
    with pytest.raises(AttributeError, match="current"):
        mx.name.NameManager.current = prefix


def test_arrays_are_made_on_contexts():
    for made in (nd.eye(2, ctx=mx.cpu(1)), nd.linspace(0, 1, 3, ctx=mx.cpu(1))):
        assert made.context == mx.cpu(1) and made.dtype == np.float32
    with mx.cpu(1):
        assert nd.eye(2, 3, 1, dtype="int32").context == mx.cpu(1)
    assert nd.contrib.arange_like(nd.ones((3,)), ctx=mx.cpu()).asnumpy().tolist() == [0, 1, 2]
    assert mx.sym.eye(2, ctx=mx.cpu()).eval()[0].asnumpy().tolist() == [[1, 0], [0, 1]]
