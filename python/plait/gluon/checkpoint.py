"""Checkpoints from which training goes on as if it had never stopped."""

import json
import os
import random
import re
import shutil
import tempfile

import numpy as np

from .. import random as plait_random
from ..files import sync

__all__ = ["Batches", "Checkpoint"]

_NAME = re.compile(r"step-(\d+)")
_FORMATS = ("params", "npz", "safetensors")


def _random_state():
    """States of NumPy's and Python's generators, as JSON has them."""
    kind, keys, *rest = np.random.get_state()
    return {"numpy": [kind, keys.tolist(), *rest], "python": random.getstate()}


def _set_random_state(state):
    kind, keys, *rest = state["numpy"]
    np.random.set_state((kind, np.array(keys, np.uint32), *rest))
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))


class Batches:
    """Passes over a data loader that can go on in the middle: the data position of a checkpoint.

    Parameters
    ----------
    loader : iterable
        Such as a `DataLoader`; its order comes from NumPy's and Python's generators.

    Examples
    --------
    >>> batches = gluon.Batches(loader)
    >>> checkpoint = gluon.Checkpoint("run", net, trainer, batches=batches)
    >>> checkpoint.restore()
    >>> while batches.epoch < 10:
    ...     for data, label in batches:
    ...         train(data, label)
    ...         checkpoint.save(step)

    Notes
    -----
    After `set_state` the first pass draws the order of the interrupted one again and leaves out
    the batches that were done.
    """

    def __init__(self, loader):
        self._loader = loader
        self.epoch = self.batch = 0
        self._start = self._pending = None

    def get_state(self):
        """dict: passes done, batches done of this one, generators at its start."""
        return {"epoch": self.epoch, "batch": self.batch, "start": self._start}

    def set_state(self, state):
        """Go on from what `get_state` gave."""
        self.epoch, self.batch = state["epoch"], state["batch"]
        self._start = self._pending = state["start"]

    def __iter__(self):
        done, now = 0, None
        if self._pending is not None and self.batch:
            done, now = self.batch, _random_state()
            _set_random_state(self._pending)
        else:
            self.batch = 0
        self._pending = None
        self._start = _random_state()
        iterator = iter(self._loader)
        for _ in range(done):
            next(iterator)
        if now is not None:
            _set_random_state(now)
        for item in iterator:
            self.batch += 1
            yield item
        self.epoch, self.batch = self.epoch + 1, 0

    def __len__(self):
        return len(self._loader)


class Checkpoint:
    """Saves and restores the parameters of a block, the states of a trainer and random streams.

    A checkpoint is a folder ``step-000120`` with ``net.params``, ``trainer.states`` (the
    optimizer, its states and its schedule) and ``state.json`` (random streams, the loss scale of
    `mx.amp`, further objects). It gets its name when it is complete and on the disk: a process
    that is killed at any moment leaves the one before.

    Parameters
    ----------
    folder : str
        Where checkpoints are kept; made if missing.
    net : Block
    trainer : Trainer, optional
    keep : int
        Number of checkpoints to keep; older ones are removed.
    format : {'params', 'npz', 'safetensors'}
        Of the parameters.
    **others
        Further objects with ``get_state()``, which gives what JSON has, and ``set_state(state)``:
        `Batches` for example.

    Examples
    --------
    >>> checkpoint = gluon.Checkpoint("run", net, trainer)
    >>> state = checkpoint.restore() or {"epoch": 0}
    >>> for epoch in range(state["epoch"], 10):
    ...     train(epoch)
    ...     checkpoint.save(epoch + 1, epoch=epoch + 1)

    Notes
    -----
    `save` starts plait's random stream anew, with a number from NumPy's generator, so that the
    stream is the same whether or not the process ends there.
    """

    def __init__(self, folder, net, trainer=None, keep=2, format="params", **others):
        if keep < 1:
            raise ValueError(f"Checkpoint: keep is {keep}, must be >= 1")
        if format not in _FORMATS:
            raise ValueError(f"Checkpoint: format is {format!r}, must be one of {_FORMATS}")
        self._format, self._others = format, others
        self.folder, self._net, self._trainer, self._keep = folder, net, trainer, keep
        os.makedirs(folder, exist_ok=True)
        self._recover()

    def _recover(self):
        """Finish what a killed process left in the middle of replacing a checkpoint."""
        for name in os.listdir(self.folder):
            if not name.startswith(".replaced-"):
                continue
            path = os.path.join(self.folder, name)
            target = os.path.join(self.folder, name.removeprefix(".replaced-"))
            if os.path.exists(target):
                shutil.rmtree(path, ignore_errors=True)
            else:
                os.rename(path, target)

    def steps(self):
        """list of int: steps of the checkpoints that are there, rising."""
        found = (_NAME.fullmatch(name) for name in os.listdir(self.folder))
        return sorted(int(match[1]) for match in found if match)

    def _path(self, step):
        return os.path.join(self.folder, f"step-{step:06d}")

    def save(self, step, /, **state):
        """Write a checkpoint.

        Parameters
        ----------
        step : int
            Its number; >= 0. A checkpoint of the same number is replaced.
        **state
            What `restore` gives back: numbers, texts, lists and dicts.

        Returns
        -------
        str
            The folder of the checkpoint.
        """
        if step < 0:
            raise ValueError(f"Checkpoint: step is {step}, must be >= 0")
        seed = int(np.random.randint(2**31))
        plait_random.seed(seed)
        partial = tempfile.mkdtemp(prefix=".step-", dir=self.folder)
        try:
            self._net.save_parameters(os.path.join(partial, f"net.{self._format}"))
            if self._trainer is not None:
                self._trainer.save_states(os.path.join(partial, "trainer.states"))
            saved = {"step": step, "state": state, "random": {"plait": seed, **_random_state()}}
            saved["objects"] = {name: o.get_state() for name, o in self._others.items()}
            if (scaler := self._scaler()) is not None:
                saved["amp"] = scaler.get_state()
            with open(os.path.join(partial, "state.json"), "w") as file:
                json.dump(saved, file)
                file.flush()
                os.fsync(file.fileno())
            sync(partial)
            target = self._path(step)
            if os.path.exists(target):
                os.rename(target, os.path.join(self.folder, f".replaced-step-{step:06d}"))
            os.rename(partial, target)
            sync(self.folder)
            self._recover()
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        self._clean()
        return target

    def _scaler(self):
        """The loss scaler of the trainer, if it has one."""
        return None if self._trainer is None else self._trainer._amp_loss_scaler

    def _clean(self):
        """Remove old checkpoints, and what killed processes left."""
        for step in self.steps()[: -self._keep]:
            # Renamed first: a half-removed folder must not look like a checkpoint.
            old = os.path.join(self.folder, f".old-{step:06d}")
            os.rename(self._path(step), old)
        for name in os.listdir(self.folder):
            if name.startswith((".old-", ".step-")):
                shutil.rmtree(os.path.join(self.folder, name), ignore_errors=True)

    def restore(self, step=None):
        """Read a checkpoint into the block, the trainer and the random streams.

        Parameters
        ----------
        step : int, optional
            Default the newest.

        Returns
        -------
        dict or None
            What `save` was given as state; None if there is no checkpoint.

        Raises
        ------
        FileNotFoundError
            If there is no checkpoint of that number.
        """
        steps = self.steps()
        if step is None:
            if not steps:
                return None
            step = steps[-1]
        elif step not in steps:
            raise FileNotFoundError(f"Checkpoint: step is {step}, must be one of {steps}")
        path = self._path(step)
        with open(os.path.join(path, "state.json")) as file:
            saved = json.load(file)
        [parameters] = (f for f in os.listdir(path) if f.startswith("net."))
        self._net.load_parameters(os.path.join(path, parameters))
        if self._trainer is not None:
            self._trainer.load_states(os.path.join(path, "trainer.states"))
        for name, other in self._others.items():
            other.set_state(saved["objects"][name])
        if (scaler := self._scaler()) is not None and "amp" in saved:
            scaler.set_state(saved["amp"])
        plait_random.seed(saved["random"]["plait"])
        _set_random_state(saved["random"])
        return saved["state"]
