"""Handlers that steer a training: metrics, steps, validation, when to stop."""

import math

from ....metric import Loss
from .events import BatchEnd, EpochBegin, EpochEnd, TrainBegin, TrainEnd, check_monitor, improves

__all__ = [
    "StoppingHandler",
    "MetricHandler",
    "ValidationHandler",
    "GradientUpdateHandler",
    "EarlyStoppingHandler",
]


class StoppingHandler(TrainBegin, BatchEnd, EpochEnd):
    """Ends the training after a number of epochs or batches.

    Parameters
    ----------
    max_epoch, max_batch : int, optional
    """

    def __init__(self, max_epoch=None, max_batch=None):
        self.max_epoch, self.max_batch = max_epoch, max_batch
        self.current_epoch = self.current_batch = 0
        self.stop_training = False

    def train_begin(self, estimator, *args, **kwargs):
        self.max_epoch, self.max_batch = estimator.max_epoch, estimator.max_batch
        self.current_epoch = self.current_batch = 0
        self.stop_training = False

    def batch_end(self, estimator, *args, **kwargs):
        self.current_batch += 1
        self.stop_training = self.stop_training or self.current_batch == self.max_batch
        return self.stop_training

    def epoch_end(self, estimator, *args, **kwargs):
        self.current_epoch += 1
        self.stop_training = self.stop_training or self.current_epoch == self.max_epoch
        return self.stop_training


class MetricHandler(EpochBegin, BatchEnd):
    """Keeps metrics up to date; they start anew with each epoch.

    Parameters
    ----------
    metrics : list of EvalMetric
    priority : int
        Handlers of lower numbers come first.
    """

    def __init__(self, metrics, priority=-1000):
        self.metrics = metrics if isinstance(metrics, (list, tuple)) else [metrics]
        self.priority = priority

    def epoch_begin(self, estimator, *args, **kwargs):
        for metric in self.metrics:
            metric.reset()

    def batch_end(self, estimator, *args, **kwargs):
        for metric in self.metrics:
            if isinstance(metric, Loss):
                metric.update(0, kwargs["loss"])
            else:
                metric.update(kwargs["label"], kwargs["pred"])


class ValidationHandler(TrainBegin, BatchEnd, EpochEnd):
    """Evaluates the network between epochs, or batches.

    Parameters
    ----------
    val_data : DataLoader
    eval_fn : callable
        ``eval_fn(val_data=..., batch_axis=..., event_handlers=...)``.
    epoch_period, batch_period : int, optional
        How often.
    event_handlers : list, optional
        Handlers of the evaluation.
    """

    def __init__(
        self,
        val_data,
        eval_fn,
        epoch_period=1,
        batch_period=None,
        priority=-1000,
        event_handlers=None,
    ):
        self.val_data, self.eval_fn = val_data, eval_fn
        self.epoch_period, self.batch_period = epoch_period, batch_period
        self.priority, self.event_handlers = priority, event_handlers
        self.current_batch = self.current_epoch = 0

    def train_begin(self, estimator, *args, **kwargs):
        self.current_batch = self.current_epoch = 0

    def _evaluate(self, estimator):
        self.eval_fn(
            val_data=self.val_data,
            batch_axis=estimator.batch_axis,
            event_handlers=self.event_handlers,
        )

    def batch_end(self, estimator, *args, **kwargs):
        self.current_batch += 1
        if self.batch_period and self.current_batch % self.batch_period == 0:
            self._evaluate(estimator)

    def epoch_end(self, estimator, *args, **kwargs):
        self.current_epoch += 1
        if self.epoch_period and self.current_epoch % self.epoch_period == 0:
            self._evaluate(estimator)


class GradientUpdateHandler(BatchEnd):
    """Takes the step of the trainer after each batch.

    Parameters
    ----------
    priority : int
    accumulate : int
        Batches whose gradients are summed before a step; more than 1 needs ``grad_req = 'add'``.
    """

    def __init__(self, priority=-2000, accumulate=1):
        if accumulate < 1:
            raise ValueError(f"GradientUpdateHandler: accumulate is {accumulate}, must be >= 1")
        self.priority, self.accumulate = priority, accumulate
        self._batches = self._samples = 0

    def batch_end(self, estimator, *args, **kwargs):
        loss = kwargs["loss"]
        losses = loss if isinstance(loss, (list, tuple)) else [loss]
        self._samples += sum(part.shape[estimator.batch_axis or 0] for part in losses)
        self._batches += 1
        if self._batches < self.accumulate:
            return
        estimator.trainer.step(self._samples)
        self._batches = self._samples = 0
        if self.accumulate > 1:
            estimator.net.zero_grad()


class EarlyStoppingHandler(TrainBegin, EpochEnd, TrainEnd):
    """Ends the training when a metric gets better no more.

    Parameters
    ----------
    monitor : EvalMetric
    min_delta : float
        Smaller changes do not count, in the unit of the metric.
    patience : int
        Epochs without change after which the training ends.
    mode : {'auto', 'min', 'max'}
    baseline : float, optional
        Value that must be passed.
    """

    def __init__(self, monitor, min_delta=0, patience=0, mode="auto", baseline=None):
        self.monitor, self.min_delta, self.patience = monitor, abs(min_delta), patience
        self.mode = check_monitor("EarlyStoppingHandler", mode, monitor)
        self.baseline = baseline
        self.train_begin(None)

    def train_begin(self, estimator, *args, **kwargs):
        self.wait = self.stopped_epoch = self.current_epoch = 0
        self.stop_training = False
        self.best = self.baseline

    def epoch_end(self, estimator, *args, **kwargs):
        name, value = self.monitor.get()
        if math.isnan(value):
            estimator.logger.warning("%s has no value: must be updated before the epoch ends", name)
        elif improves(self.mode, value, self.best, self.min_delta):
            self.best, self.wait = value, 0
        else:
            self.wait += 1
            if self.wait >= self.patience:
                self.stopped_epoch = self.current_epoch
                self.stop_training = True
        self.current_epoch += 1
        return self.stop_training

    def train_end(self, estimator, *args, **kwargs):
        if self.stop_training:
            estimator.logger.info(
                "[Epoch %d] EarlyStoppingHandler: training ends, best %s was %.4f",
                self.stopped_epoch, self.monitor.get()[0], self.best,
            )  # fmt: skip
