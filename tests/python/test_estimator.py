"""gluon.contrib.estimator: loops, handlers, checkpoints."""

import io
import os

import numpy as np
import pytest

import plait as mx
from plait import gluon, nd
from plait.gluon.contrib import estimator as est


def loader(count=40, batch=10):
    random = np.random.RandomState(0)
    x = random.normal(size=(count, 5)).astype("float32")
    y = x[:, :3].argmax(axis=1).astype("int32")
    return gluon.data.DataLoader(gluon.data.ArrayDataset(nd.array(x), nd.array(y)), batch)


def make(rate=0.5, **options):
    net = gluon.nn.HybridSequential()
    net.add(gluon.nn.Dense(16, activation="relu"), gluon.nn.Dense(3))
    net.initialize(mx.init.Xavier())
    net.hybridize()
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": rate, "momentum": 0.9})
    made = est.Estimator(net, gluon.loss.SoftmaxCELoss(), trainer=trainer, **options)
    made.logger.handlers.clear()
    return made


class Recorder(
    est.TrainBegin, est.TrainEnd, est.EpochBegin, est.EpochEnd, est.BatchBegin, est.BatchEnd
):
    """The order of the events."""

    def __init__(self):
        self.seen = []

    def __getattribute__(self, name):
        if name.startswith(("train_", "epoch_", "batch_")):
            return lambda estimator, **kwargs: self.seen.append(name)
        return object.__getattribute__(self, name)


def test_training_learns_and_measures():
    made = make(rate=0.1)
    made.fit(loader(), loader(), epochs=20)
    accuracy, loss = made.val_metrics
    assert (accuracy.name, loss.name) == (
        "validation accuracy",
        "validation softmaxcrossentropyloss",
    )
    assert accuracy.get()[1] > 0.8 and loss.get()[1] < 0.5


def test_events_come_in_order():
    recorder = Recorder()
    make().fit(loader(20), epochs=2, event_handlers=[recorder])
    batches = ["batch_begin", "batch_end"] * 2
    epoch = ["epoch_begin", *batches, "epoch_end"]
    assert recorder.seen == ["train_begin", *epoch, *epoch, "train_end"]


def test_batches_end_the_training():
    recorder = Recorder()
    made = make()
    made.fit(loader(), batches=5, event_handlers=[recorder])
    assert recorder.seen.count("batch_end") == 5
    with pytest.raises(ValueError, match="must be one of the two"):
        made.fit(loader())


def test_early_stopping_waits():
    made = make(rate=0.0)
    stop = est.EarlyStoppingHandler(made.train_metrics[0], patience=2)
    made.fit(loader(), epochs=10, event_handlers=[stop])
    assert stop.stopped_epoch == 2 and stop.mode == "max"
    assert est.EarlyStoppingHandler(made.train_metrics[1]).mode == "min"


def test_checkpoints_are_kept_and_resumed(tmp_path):
    made = make()
    handler = est.CheckpointHandler(
        str(tmp_path), "m", made.train_metrics[1], save_best=True, batch_period=3, max_checkpoints=2
    )
    made.fit(loader(), epochs=2, event_handlers=[handler])
    files = sorted(os.listdir(tmp_path))
    assert files == [
        "m-best.params", "m-best.states", "m-epoch1batch5.params", "m-epoch1batch5.states",
        "m-epoch1batch8.params", "m-epoch1batch8.states", "m-symbol.json",
    ]  # fmt: skip
    again = make()
    recorder = Recorder()
    resume = est.CheckpointHandler(str(tmp_path), "m", resume_from_checkpoint=True)
    again.fit(loader(), epochs=3, event_handlers=[resume, recorder])
    assert recorder.seen.count("epoch_end") == 1
    assert "m-epoch2batch12.params" in os.listdir(tmp_path)
    recorder.seen.clear()
    again.fit(loader(), epochs=3, event_handlers=[resume, recorder])
    assert recorder.seen == ["train_begin", "train_end"]  # nothing is left to do


def test_resumed_training_is_the_uninterrupted_one(tmp_path):
    def weights(made):
        return [p.data().asnumpy() for p in made.net.collect_params().values()]

    mx.random.seed(1)
    whole = make()
    whole.net(nd.zeros((1, 5)))
    start = tmp_path / "start.params"
    whole.net.save_parameters(str(start))
    whole.fit(loader(), epochs=4)
    part = make()
    part.net.load_parameters(str(start))
    part.fit(loader(), epochs=2, event_handlers=[est.CheckpointHandler(str(tmp_path), "r")])
    rest = make()
    handler = est.CheckpointHandler(str(tmp_path), "r", resume_from_checkpoint=True)
    rest.fit(loader(), epochs=4, event_handlers=[handler])
    for a, b in zip(weights(whole), weights(rest), strict=True):
        np.testing.assert_array_equal(a, b)


def test_accumulated_gradients_are_one_large_batch():
    results = []
    for batch, accumulate in ((10, 1), (5, 2)):
        mx.random.seed(2)
        made = make()
        made.net(nd.zeros((1, 5)))
        if accumulate > 1:
            made.net.setattr("grad_req", "add")
        made.fit(
            loader(20, batch), epochs=2,
            event_handlers=[est.GradientUpdateHandler(accumulate=accumulate)],
        )  # fmt: skip
        results.append([p.data().asnumpy() for p in made.net.collect_params().values()])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_progress_bar_and_log():
    made, stream = make(), io.StringIO()
    lines = []
    made.logger.info = lambda text, *values: lines.append(text % values)
    log = est.LoggingHandler(log_interval=2, metrics=made.train_metrics)
    made.fit(loader(), epochs=2, event_handlers=[est.ProgressBarHandler(stream=stream), log])
    text = stream.getvalue().splitlines()
    assert len(text) == 2 and f"epoch 1 [{'=' * 30}] 4/4" in text[1]
    assert any("[Epoch 1][Batch 2][Samples 30]" in line for line in lines)
    assert lines[0].startswith("Training begin: using optimizer SGD")


def test_wrong_arguments_are_refused():
    net = gluon.nn.Dense(2)
    with pytest.raises(ValueError, match="loss is Dense, must be a gluon Loss"):
        est.Estimator(net, net)
    with pytest.raises(ValueError, match="must be EvalMetric"):
        est.Estimator(net, gluon.loss.L2Loss(), train_metrics="acc")
    with pytest.raises(ValueError, match="must be an int or 'epoch'"):
        est.LoggingHandler("batch")
    with pytest.raises(ValueError, match="must be a metric with save_best"):
        est.CheckpointHandler("x", save_best=True)
