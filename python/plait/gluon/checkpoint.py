"""Checkpoints from which training goes on as if it had never stopped."""

import json
import os
import random
import re
import shutil
import tempfile

import numpy as np

from .. import dist
from .. import random as plait_random
from ..files import sync
from .formats import save_arrays

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

    With a trainer over several processes, or parameters in parts, all of them call `save` and
    `restore`. Rank 0 writes and
    reads the files, among them its own `others`; the random streams of all ranks start anew from
    one number that is saved. The number of processes may change between `save` and `restore`.
    """

    def __init__(self, folder, net, trainer=None, keep=2, format="params", **others):
        if keep < 1:
            raise ValueError(f"Checkpoint: keep is {keep}, must be >= 1")
        if format not in _FORMATS:
            raise ValueError(f"Checkpoint: format is {format!r}, must be one of {_FORMATS}")
        self._format, self._others = format, others
        self.folder, self._net, self._trainer, self._keep = folder, net, trainer, keep
        if self._comm is None or self._comm.rank == 0:
            os.makedirs(folder, exist_ok=True)
            self._recover()

    @property
    def _comm(self):
        """Communicator: the processes that train together; None in one."""
        if any(p.parts_over is not None for p in self._net.collect_params().values()):
            return dist.world()
        return getattr(self._trainer, "comm", None)

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
        if self._comm is not None:
            return self._save_together(step, state)
        seed = int(np.random.randint(2**31))
        plait_random.seed(seed)
        states = None if self._trainer is None else self._trainer.get_states()
        return self._write(step, state, {"plait": seed, **_random_state()}, states, self._arrays())

    def _arrays(self):
        """dict of str to NDArray: the parameters, whole."""
        params = self._net._collect_params_with_prefix()
        return {name: param._reduce() for name, param in params.items()}

    def _save_together(self, step, state):
        comm, failure = self._comm, None
        seed = comm.broadcast_object(int(np.random.randint(2**31)))
        _start_streams(seed, comm.rank)
        # Both may be spread over the ranks.
        states = None if self._trainer is None else self._trainer.get_states()
        arrays = self._arrays()
        if comm.rank == 0:
            try:
                self._write(step, state, {"common": seed}, states, arrays)
            except OSError as error:
                failure = error
        failure = comm.broadcast_object(failure)
        if failure is not None:
            raise failure
        return self._path(step)

    def _write(self, step, state, streams, trainer_states, arrays):
        partial = tempfile.mkdtemp(prefix=".step-", dir=self.folder)
        try:
            save_arrays(os.path.join(partial, f"net.{self._format}"), arrays)
            if trainer_states is not None:
                with open(os.path.join(partial, "trainer.states"), "wb") as file:
                    file.write(trainer_states)
                    file.flush()
                    os.fsync(file.fileno())
            saved = {"step": step, "state": state, "random": streams}
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
        if self._comm is not None:
            return self._restore_together(step)
        path = self._chosen(step)
        if path is None:
            return None
        with open(os.path.join(path, "state.json")) as file:
            saved = json.load(file)
        self._net.load_parameters(os.path.join(path, self._parameters_in(path)))
        if self._trainer is not None:
            with open(os.path.join(path, "trainer.states"), "rb") as file:
                self._trainer.set_states(file.read())
        return self._take(saved)

    def _restore_together(self, step):
        comm, found, failure = self._comm, None, None
        if comm.rank == 0:
            try:
                path = self._chosen(step)
                found = path and (path, self._parameters_in(path))
            except OSError as error:
                failure = error
        found, failure = comm.broadcast_object((found, failure))
        if failure is not None:
            raise failure
        if found is None:
            return None
        path, parameters = found
        saved, content = (
            comm.read_once(os.path.join(path, name)) for name in ("state.json", parameters)
        )
        with tempfile.NamedTemporaryFile(suffix=os.path.splitext(parameters)[1]) as file:
            file.write(content)
            file.flush()
            self._net.load_parameters(file.name)
        if self._trainer is not None:
            self._trainer.set_states(comm.read_once(os.path.join(path, "trainer.states")))
        return self._take(json.loads(saved), comm.rank)

    def _take(self, saved, rank=0):
        """Set all but parameters and trainer; gives what `save` was given as state."""
        for name, other in self._others.items():
            other.set_state(saved["objects"][name])
        if (scaler := self._scaler()) is not None and "amp" in saved:
            scaler.set_state(saved["amp"])
        streams = saved["random"]
        if "common" in streams:  # written by several processes
            _start_streams(streams["common"], rank)
        else:
            plait_random.seed(streams["plait"] + rank)
            _set_random_state(streams)
        return saved["state"]

    @staticmethod
    def _parameters_in(path):
        [name] = (f for f in os.listdir(path) if f.startswith("net."))
        return name

    def _chosen(self, step):
        """Folder of the checkpoint of this or the newest number; None if there is none."""
        steps = self.steps()
        if step is None:
            if not steps:
                return None
            step = steps[-1]
        elif step not in steps:
            raise FileNotFoundError(f"Checkpoint: step is {step}, must be one of {steps}")
        return self._path(step)


def _start_streams(seed, rank):
    """Random streams of a rank, from the number that all ranks have in common."""
    plait_random.seed(seed + rank)
    np.random.seed((seed + rank) % 2**32)
    random.seed(seed + rank)
