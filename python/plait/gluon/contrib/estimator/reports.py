"""Handlers that tell how a training goes."""

import sys
import time

import numpy as np

from .events import BatchBegin, BatchEnd, EpochBegin, EpochEnd, TrainBegin, TrainEnd

__all__ = ["LoggingHandler", "ProgressBarHandler"]


def _values(metrics):
    """Text of the values of metrics."""
    pairs = [pair for metric in metrics for pair in metric.get_name_value()]
    return ", ".join(f"{name}: {value:.4f}" for name, value in pairs)


class LoggingHandler(TrainBegin, TrainEnd, EpochBegin, EpochEnd, BatchBegin, BatchEnd):
    """Writes to the estimator's log.

    Parameters
    ----------
    log_interval : int or 'epoch'
        Every so many batches, or each epoch only.
    metrics : list of EvalMetric, optional
        What is told.
    priority : float
    """

    def __init__(self, log_interval="epoch", metrics=None, priority=np.inf):
        if log_interval != "epoch" and not isinstance(log_interval, int):
            raise ValueError(
                f"LoggingHandler: log_interval is {log_interval!r}, must be an int or 'epoch'"
            )
        metrics = metrics or []
        self.metrics = metrics if isinstance(metrics, (list, tuple)) else [metrics]
        self.log_interval, self.priority = log_interval, priority
        self.batch_index = self.current_epoch = self.processed_samples = 0
        self.log_interval_time = self._seconds = 0.0

    def train_begin(self, estimator, *args, **kwargs):
        self.train_start = time.time()
        self.current_epoch = self.batch_index = self.processed_samples = 0
        trainer = estimator.trainer
        estimator.logger.info(
            "Training begin: using optimizer %s with current learning rate %.4f",
            type(trainer.optimizer).__name__, trainer.learning_rate,
        )  # fmt: skip
        if estimator.max_epoch:
            estimator.logger.info("Train for %d epochs.", estimator.max_epoch)
        else:
            estimator.logger.info("Train for %d batches.", estimator.max_batch)

    def train_end(self, estimator, *args, **kwargs):
        estimator.logger.info(
            "Train finished using total %ds with %d epochs. %s",
            time.time() - self.train_start, self.current_epoch, _values(self.metrics),
        )  # fmt: skip

    def batch_begin(self, estimator, *args, **kwargs):
        self.batch_start = time.time()

    def batch_end(self, estimator, *args, **kwargs):
        if self.log_interval == "epoch":
            self.batch_index += 1
            return
        self._seconds += time.time() - self.batch_start
        self.processed_samples += kwargs["batch"][0].shape[estimator.batch_axis or 0]
        if self.batch_index % self.log_interval == 0:
            estimator.logger.info(
                "[Epoch %d][Batch %d][Samples %d] time/interval: %.3fs %s",
                self.current_epoch, self.batch_index, self.processed_samples, self._seconds,
                _values(self.metrics),
            )  # fmt: skip
            self._seconds = 0.0
        self.batch_index += 1

    def epoch_begin(self, estimator, *args, **kwargs):
        self.epoch_start = time.time()
        if any("training" in metric.name for metric in self.metrics):
            estimator.logger.info(
                "[Epoch %d] Begin, current learning rate: %.4f",
                self.current_epoch, estimator.trainer.learning_rate,
            )  # fmt: skip
        else:
            estimator.logger.info("Validation Begin")

    def epoch_end(self, estimator, *args, **kwargs):
        estimator.logger.info(
            "[Epoch %d] Finished in %.3fs, %s",
            self.current_epoch, time.time() - self.epoch_start, _values(self.metrics),
        )  # fmt: skip
        self.current_epoch += 1
        self.batch_index = self.processed_samples = 0


class ProgressBarHandler(TrainBegin, EpochBegin, EpochEnd, BatchEnd):
    """Draws a bar for each epoch: share done, batches a second, metrics.

    Parameters
    ----------
    total : int, optional
        Batches of an epoch; default ``len`` of the data, if it has one.
    metrics : list of EvalMetric, optional
        Default the estimator's training metrics.
    width : int
        Characters of the bar.
    stream : file, optional
        Default standard error. Where it is no terminal, one line an epoch is written.
    """

    def __init__(self, total=None, metrics=None, width=30, stream=None, priority=np.inf):
        self.total, self.metrics, self.width = total, metrics, width
        self.stream, self.priority = stream, priority
        self.current_epoch = self.done = 0

    def train_begin(self, estimator, *args, **kwargs):
        self.current_epoch = 0

    def epoch_begin(self, estimator, *args, **kwargs):
        self.done, self._start, self._drawn = 0, time.time(), 0.0

    def text(self, estimator):
        """str: the line as it is now."""
        total = self.total or estimator.num_batches
        rate = self.done / max(time.time() - self._start, 1e-9)
        if total:
            filled = self.width * min(self.done, total) // total
            bar = f"[{'=' * filled}{' ' * (self.width - filled)}] {self.done}/{total}"
        else:
            bar = f"{self.done} batches"
        metrics = estimator.train_metrics if self.metrics is None else self.metrics
        return f"epoch {self.current_epoch} {bar}, {rate:.1f}/s, {_values(metrics)}"

    def _draw(self, estimator, end):
        stream = self.stream or sys.stderr
        terminal = stream.isatty()
        if terminal or end:
            stream.write(("\r" if terminal else "") + self.text(estimator) + ("\n" if end else ""))
            stream.flush()

    def batch_end(self, estimator, *args, **kwargs):
        self.done += 1
        if time.time() - self._drawn > 0.1:
            self._drawn = time.time()
            self._draw(estimator, False)

    def epoch_end(self, estimator, *args, **kwargs):
        self._draw(estimator, True)
        self.current_epoch += 1
