"""Saves models during training, and goes on from them."""

import os
import re

import numpy as np

from ....files import replacing
from .events import BatchEnd, EpochEnd, TrainBegin, check_monitor, improves

__all__ = ["CheckpointHandler"]


class CheckpointHandler(TrainBegin, BatchEnd, EpochEnd):
    """Writes ``model-epoch0batch100.params`` and ``.states``, and the symbol of a hybridized net.

    Files are there whole or not at all, and the states come before the parameters: training can
    go on from every ``.params`` file after a crash.

    Parameters
    ----------
    model_dir, model_prefix : str
        Folder, made if missing, and start of the names.
    monitor : EvalMetric, optional
        With `save_best`, its best model is kept as ``model-best.params``.
    verbose : int
        Above 0: each file is logged.
    save_best : bool
    mode : {'auto', 'min', 'max'}
    epoch_period, batch_period : int, optional
        How often.
    max_checkpoints : int
        Older ones are removed; the best is kept beside them.
    resume_from_checkpoint : bool
        Whether to go on from the newest checkpoint in the folder; the epochs and batches that it
        counts are not done again.
    """

    def __init__(
        self,
        model_dir,
        model_prefix="model",
        monitor=None,
        verbose=0,
        save_best=False,
        mode="auto",
        epoch_period=1,
        batch_period=None,
        max_checkpoints=5,
        resume_from_checkpoint=False,
    ):
        if save_best and monitor is None:
            raise ValueError("CheckpointHandler: monitor is None, must be a metric with save_best")
        self.mode = check_monitor("CheckpointHandler", mode, monitor) if monitor else mode
        self.model_dir, self.model_prefix, self.monitor = model_dir, model_prefix, monitor
        self.verbose, self.save_best = verbose, save_best
        self.epoch_period, self.batch_period = epoch_period, batch_period
        self.max_checkpoints = max_checkpoints
        self.resume_from_checkpoint = resume_from_checkpoint
        self.saved_checkpoints, self.best = [], None
        self.current_batch = self.current_epoch = 0
        self.trained_epoch, self.trained_batch = -1, 0
        os.makedirs(model_dir, exist_ok=True)

    def train_begin(self, estimator, *args, **kwargs):
        self.current_batch = self.current_epoch = 0
        self.trained_epoch, self.trained_batch = -1, 0
        if self.resume_from_checkpoint:
            self._resume(estimator)

    def batch_end(self, estimator, *args, **kwargs):
        if self.current_batch == 0:
            self._save_symbol(estimator)
        if self.batch_period and (self.current_batch + 1) % self.batch_period == 0:
            self._save(estimator)
        self.current_batch += 1

    def epoch_end(self, estimator, *args, **kwargs):
        if self.epoch_period and (self.current_epoch + 1) % self.epoch_period == 0:
            self._save(estimator)
        self.current_epoch += 1

    def _path(self, name):
        return os.path.join(self.model_dir, f"{self.model_prefix}-{name}")

    def _say(self, estimator, text, *values):
        if self.verbose > 0:
            estimator.logger.info("CheckpointHandler: " + text, *values)

    def _save_symbol(self, estimator):
        """Write the graph of a hybridized network."""
        graph = getattr(estimator.net, "_traced", None)
        if graph is None:
            estimator.logger.info(
                "CheckpointHandler: the network is not hybridized, its graph is not saved"
            )
            return
        with replacing(self._path("symbol.json")) as partial:
            graph[1].save(partial)

    def _write(self, estimator, name):
        """The states, then the parameters."""
        estimator.trainer.save_states(self._path(f"{name}.states"))
        estimator.net.save_parameters(self._path(f"{name}.params"))
        self._say(estimator, "wrote %s.params", self._path(name))

    def _counted(self):
        """Epochs and batches so far, with those before a resumption."""
        return self.current_epoch + self.trained_epoch + 1, self.current_batch + self.trained_batch

    def _save(self, estimator):
        name = "epoch{}batch{}".format(*self._counted())
        self._write(estimator, name)
        if name not in self.saved_checkpoints:
            self.saved_checkpoints.append(name)
        while len(self.saved_checkpoints) > self.max_checkpoints:
            old = self.saved_checkpoints.pop(0)
            for ending in ("params", "states"):
                if os.path.exists(path := self._path(f"{old}.{ending}")):
                    os.remove(path)
        if self.save_best:
            value = self.monitor.get()[1]
            if np.isscalar(value) and improves(self.mode, value, self.best):
                self._say(estimator, "%s went to %.5f", self.monitor.get()[0], value)
                self.best = value
                self._write(estimator, "best")

    def _found(self):
        """list of (epoch, batch, name) of the checkpoints in the folder, rising."""
        pattern = re.compile(re.escape(self.model_prefix) + r"-(epoch(\d+)batch(\d+))\.params")
        matches = (pattern.fullmatch(name) for name in os.listdir(self.model_dir))
        return sorted((int(m[2]), int(m[3]), m[1]) for m in matches if m)

    def _resume(self, estimator):
        found = self._found()
        if not found:
            estimator.logger.info("CheckpointHandler: no checkpoint in %s", self.model_dir)
            return
        epoch, batch, name = found[-1]
        self.saved_checkpoints = [other for *_, other in found]
        estimator.net.load_parameters(self._path(f"{name}.params"), ctx=estimator.context)
        estimator.trainer.load_states(self._path(f"{name}.states"))
        self.trained_epoch, self.trained_batch = epoch, batch
        if estimator.max_epoch:
            estimator.max_epoch = max(estimator.max_epoch - epoch - 1, 0)
        if estimator.max_batch:
            estimator.max_batch = max(estimator.max_batch - batch, 0)
        left = estimator.max_epoch or estimator.max_batch or 0
        unit = "epochs" if estimator.max_epoch is not None else "batches"
        estimator.logger.info(
            "CheckpointHandler: resumed from epoch %d batch %d, %d %s to go",
            epoch, batch, left, unit,
        )  # fmt: skip
