"""Optimizer states cut over ranks: each keeps and updates its part of the parameters."""

import pickle

import numpy as np

from .. import ndarray
from .. import optimizer as opt

__all__ = ["ShardedUpdate"]


def mapped(state, change):
    """A state of an optimizer, an array or tuples of them, with each array changed."""
    if isinstance(state, (tuple, list)):
        return type(state)(mapped(s, change) for s in state)
    return state if state is None else change(state)


class ShardedUpdate:
    """Updates parameters with the states of the optimizer spread over the ranks (ZeRO).

    The parameters of one dtype and with the same multipliers are one long vector, padded to a
    multiple of the number of ranks. Each rank updates its part and the parts are gathered. Stage 1
    takes gradients that are summed already (allreduce); stage 2 sums them straight into the parts
    (reduce-scatter), which halves the traffic of gradients. Rajbhandari, Rasley, Ruwase, He, "ZeRO:
    memory optimizations toward training trillion parameter models", SC20.

    For optimizers that treat all elements alike: those with a norm for each parameter (LARS, LAMB)
    would see that of the part.

    Parameters
    ----------
    comm : Communicator
    optimizer : Optimizer
    params : list of Parameter
        Trained ones, in the order of the trainer.
    indices : list of int
        Their positions there.
    stage : {1, 2}
    """

    def __init__(self, comm, optimizer, params, indices, stage):
        if stage not in (1, 2):
            raise ValueError(f"Trainer: zero is {stage!r}, must be 0, 1 or 2")
        if isinstance(optimizer, _BY_PARAMETER):
            raise ValueError(
                f"Trainer: zero is {stage} with {type(optimizer).__name__}, must be 0, because it "
                "needs whole parameters"
            )
        for p in params:
            if p.grad()._is_sparse:
                raise ValueError(
                    f"Trainer: zero is {stage} with the row-sparse gradient of {p.name}, must be 0"
                )
        self._comm, self._stage = comm, stage
        self._groups = []
        groups = {}
        for i, p in zip(indices, params, strict=True):
            groups.setdefault((p.data().dtype_name, p.lr_mult, p.wd_mult), []).append((i, p))
        for members in groups.values():
            self._groups.append(_Group(comm, [p for _, p in members], members[0][0]))
        self._updater = opt.get_updater(optimizer)

    @property
    def updater(self):
        """Updater: has the states of this rank's part."""
        return self._updater

    def get_states(self):
        """bytes: the states of all ranks, whole, so that another number of ranks can take them."""
        whole = {}
        for group in self._groups:
            state = self._updater.states.get(group.index)
            whole[group.index] = mapped(state, lambda a, g=group: g.gathered(self._comm, a))
        return pickle.dumps((whole, self._updater.optimizer))

    def set_states(self, states):
        """Take what `get_states` gave; only trusted bytes (they are pickles)."""
        whole, self._updater.optimizer = pickle.loads(states)
        self._updater.states = {
            group.index: mapped(whole[group.index], group.own_part)
            for group in self._groups
            if whole.get(group.index) is not None
        }

    def step(self):
        """Update all parameters from their gradients."""
        for group in self._groups:
            group.step(self._comm, self._updater, self._stage)


class _Group:
    """Parameters that are one vector."""

    def __init__(self, comm, params, index):
        self._params, self.index = params, index
        self._size = sum(int(np.prod(p.shape)) for p in params)
        self._part = -(-self._size // comm.size)
        self._padding = self._part * comm.size - self._size
        self._start = self._part * comm.rank

    def own_part(self, whole):
        """This rank's part of a vector without padding."""
        return self._flat([whole])[self._start : self._start + self._part].copy()

    def gathered(self, comm, part):
        """The vector of which the ranks have these parts."""
        return comm.allgather(part)[: self._size]

    def _flat(self, arrays):
        flat = [a.reshape((-1,)) for a in arrays]
        if self._padding:
            flat.append(ndarray.zeros((self._padding,), dtype=flat[0].dtype_name))
        return ndarray.concat(*flat, dim=0)

    def step(self, comm, updater, stage):
        name, priority = self._params[0].name, -self.index
        gradient = self._flat([p.grad() for p in self._params])
        end = self._start + self._part
        if stage == 2:
            gradient = comm.reduce_scatter(gradient, name=name, priority=priority)
        else:
            gradient = gradient[self._start : end]
        weight = self._flat([p.data() for p in self._params])[self._start : end].copy()
        updater(self.index, gradient, weight)
        whole = comm.allgather(weight, name=name, priority=priority)
        start = 0
        for p in self._params:
            data = p.data()
            data[...] = whole[start : start + data.size].reshape(data.shape)
            start += data.size


_BY_PARAMETER = tuple(getattr(opt, name) for name in ("LARS", "LAMB", "LANS") if hasattr(opt, name))
