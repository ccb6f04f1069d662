"""Functions that a training loop calls after each batch or each epoch.

A batch callback takes one object with the attributes ``epoch``, ``nbatch``, ``eval_metric`` and
``locals``; an epoch callback takes (epoch, symbol, arg_params, aux_params).
"""

import logging
import math
import time

from .ndarray import save

__all__ = [
    "Speedometer",
    "ProgressBar",
    "LogValidationMetricsCallback",
    "do_checkpoint",
    "module_checkpoint",
    "log_train_metric",
]


def module_checkpoint(mod, prefix, period=1, save_optimizer_states=False):
    """Epoch callback that saves a module to ``prefix-0001.params`` and so on, each `period` epochs.

    Parameters
    ----------
    mod : Module
    prefix : str
    period : int
    save_optimizer_states : bool
        Whether ``prefix-0001.states`` is written as well.
    """
    period = max(int(period), 1)

    def callback(epoch, sym=None, arg=None, aux=None):
        if (epoch + 1) % period == 0:
            mod.save_checkpoint(prefix, epoch + 1, save_optimizer_states)

    return callback


def do_checkpoint(prefix, period=1):
    """Epoch callback that writes ``prefix-symbol.json`` and ``prefix-0001.params`` and so on.

    Examples
    --------
    >>> callback = mx.callback.do_checkpoint("lenet", period=5)
    """
    period = max(int(period), 1)

    def callback(epoch, sym, arg, aux):
        if (epoch + 1) % period:
            return
        if sym is not None:
            sym.save(f"{prefix}-symbol.json")
        arrays = {f"arg:{name}": array for name, array in arg.items()}
        arrays.update({f"aux:{name}": array for name, array in aux.items()})
        file = f"{prefix}-{epoch + 1:04d}.params"
        save(file, arrays)
        logging.info('Saved checkpoint to "%s"', file)

    return callback


def log_train_metric(period, auto_reset=False):
    """Batch callback that logs the metric each `period` batches."""

    def callback(param):
        if param.nbatch % period == 0 and param.eval_metric is not None:
            for name, value in param.eval_metric.get_name_value():
                logging.info(
                    "Iter[%d] Batch[%d] Train-%s=%f", param.epoch, param.nbatch, name, value
                )
            if auto_reset:
                _reset(param.eval_metric)

    return callback


def _reset(metric):
    getattr(metric, "reset_local", metric.reset)()


class Speedometer:
    """Batch callback that logs samples a second, and the metric, each `frequent` batches.

    Parameters
    ----------
    batch_size : int
    frequent : int
        Batches between two lines.
    auto_reset : bool
        Whether the metric starts anew after each line.

    Examples
    --------
    >>> speed = mx.callback.Speedometer(32, frequent=10)
    """

    def __init__(self, batch_size, frequent=50, auto_reset=True):
        self.batch_size, self.frequent, self.auto_reset = batch_size, frequent, auto_reset
        self._start = None
        self.last_count = 0

    def __call__(self, param):
        count = param.nbatch
        if self._start is None or count < self.last_count:  # the first batch of an epoch
            self._start = time.perf_counter()
        elif count % self.frequent == 0:
            seconds = time.perf_counter() - self._start
            speed = self.frequent * self.batch_size / seconds if seconds else float("inf")
            self._log(param, speed)
            self._start = time.perf_counter()
        self.last_count = count

    def _log(self, param, speed):
        count, metric = param.nbatch, param.eval_metric
        if metric is None:
            logging.info("Iter[%d] Batch [%d]\tSpeed: %.2f samples/sec", param.epoch, count, speed)
            return
        values = metric.get_name_value()
        if self.auto_reset:
            _reset(metric)
            where = f"{count - self.frequent}-{count}"
        else:
            where = f"0-{count}"
        text = "".join(f"\t{name}={value:f}" for name, value in values)
        logging.info(
            "Epoch[%d] Batch [%s]\tSpeed: %.2f samples/sec%s", param.epoch, where, speed, text
        )


class ProgressBar:
    """Batch callback that logs a bar of the share of the epoch that is done.

    Parameters
    ----------
    total : int
        Batches in an epoch.
    length : int
        Width of the bar in characters.
    """

    def __init__(self, total, length=80):
        self.total, self.bar_len = total, length

    def __call__(self, param):
        share = min(param.nbatch / self.total, 1.0)
        filled = round(self.bar_len * share)
        bar = "=" * filled + "-" * (self.bar_len - filled)
        logging.info("[%s] %d%%\r", bar, math.ceil(100 * share))


class LogValidationMetricsCallback:
    """Epoch callback for validation that logs the metric."""

    def __call__(self, param):
        if param.eval_metric is not None:
            for name, value in param.eval_metric.get_name_value():
                logging.info("Epoch[%d] Validation-%s=%f", param.epoch, name, value)
