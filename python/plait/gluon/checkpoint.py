"""Checkpoints from which training goes on as if it had never stopped."""

import json
import os
import random
import re
import shutil
import tempfile

import numpy as np

from .. import random as plait_random
from .files import sync

__all__ = ["Checkpoint"]

_NAME = re.compile(r"step-(\d+)")


class Checkpoint:
    """Saves and restores the parameters of a block, the states of a trainer and random streams.

    A checkpoint is a folder ``step-000120`` with ``net.params`` (in MXNet's format),
    ``trainer.states`` and ``state.json``. It gets its name when it is complete and on the disk: a
    process that is killed at any moment leaves the one before.

    Parameters
    ----------
    folder : str
        Where checkpoints are kept; made if missing.
    net : Block
    trainer : Trainer, optional
    keep : int
        Number of checkpoints to keep; older ones are removed.

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

    def __init__(self, folder, net, trainer=None, keep=2):
        if keep < 1:
            raise ValueError(f"Checkpoint: keep is {keep}, must be >= 1")
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
            self._net.save_parameters(os.path.join(partial, "net.params"))
            if self._trainer is not None:
                self._trainer.save_states(os.path.join(partial, "trainer.states"))
            kind, keys, *rest = np.random.get_state()
            streams = {
                "plait": seed,
                "numpy": [kind, keys.tolist(), *rest],
                "python": random.getstate(),
            }
            with open(os.path.join(partial, "state.json"), "w") as file:
                json.dump({"step": step, "state": state, "random": streams}, file)
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
        self._net.load_parameters(os.path.join(path, "net.params"))
        if self._trainer is not None:
            self._trainer.load_states(os.path.join(path, "trainer.states"))
        streams = saved["random"]
        plait_random.seed(streams["plait"])
        kind, keys, *rest = streams["numpy"]
        np.random.set_state((kind, np.array(keys, np.uint32), *rest))
        version, internal, gauss = streams["python"]
        random.setstate((version, tuple(internal), gauss))
        return saved["state"]
