"""Blocks whose parameters are spread over the ranks, whole only while they are used."""

import numpy as np

from ... import _engine, autograd, ndarray
from ..block import Block
from ..parameter import version
from .part import PartParameter

__all__ = ["Sharded"]


class Sharded(Block):
    """Keeps a part of a block's parameters on each rank, for ranks with different samples (ZeRO-3).

    The ranks gather the parameters for a forward pass and drop them after it; backward gathers
    them again, runs forward once more, for its intermediates were dropped as well, and sums each
    part of the gradients on its rank (reduce-scatter). Wrap the layers of a network one by one: a
    rank then holds about one layer whole, and the parameters of the next layer are gathered while
    this one computes. Rajbhandari, Rasley, Ruwase, He, "ZeRO: memory optimizations toward training
    trillion parameter models", SC20; recomputation: Chen, Xu, Zhang, Guestrin, "Training deep nets
    with sublinear memory cost" (2016).

    Parameters
    ----------
    block : Block
        Initialised, with shapes known. Rank 0 gives its values to all. Its trained parameters
        become `PartParameter`: one for each dtype and pair of multipliers.
    comm : Communicator

    Examples
    --------
    >>> net = gluon.nn.Sequential()
    >>> net.add(*(gluon.parallel.Sharded(layer, comm) for layer in layers))
    >>> trainer = gluon.Trainer(net.collect_params(), "adam", kvstore="dist_sync")

    Notes
    -----
    Inputs are arrays, and so are outputs. Random numbers are drawn the same way the second time,
    and batch norms update their means once. Optimizers with a norm for each parameter (LARS, LAMB)
    see that of the part.
    """

    def __init__(self, block, comm, prefix=None, params=None):
        super().__init__(prefix=prefix, params=params)
        self._block = (block,)  # no child: its parameters are not there most of the time
        self._comm = comm
        groups = {}
        for name, param in block._collect_params_with_prefix().items():
            comm.broadcast(param.data(), name=param.name)
            if param.grad_req == "null":
                self._reg_params[name] = param
            elif not any(p is param for group in groups.values() for p in group):
                key = (param.data().dtype_name, param.lr_mult, param.wd_mult)
                groups.setdefault(key, []).append(param)
        self._groups = []
        for number, (key, members) in enumerate(groups.items()):
            group = _Group(f"{self.prefix}parameters{number}", comm, members, *key)
            self._groups.append(group)
            self._reg_params[f"parameters{number}"] = group.part

    def forward(self, *inputs):
        """What the block gives for these arrays."""
        parts = [group.part.data() for group in self._groups]
        return _Run(self, autograd.is_training())(*inputs, *parts)

    def whole_parameters(self):
        """dict of str to NDArray: all parameters under the names of the block's `save_parameters`.

        All ranks call it.
        """
        params = self._block[0]._collect_params_with_prefix()
        whole = {p: a for group in self._groups for p, a in group.arrays().items()}
        return {
            name: (param.data() if param.grad_req == "null" else whole[param]).copy()
            for name, param in params.items()
        }

    def __repr__(self):
        return f"Sharded({self._block[0]!r})"


class _Run(autograd.Function):
    """One call of a sharded block."""

    def __init__(self, owner, is_training):
        super().__init__()
        self._owner, self._is_training = owner, is_training
        self._mode = autograd.train_mode if is_training else autograd.predict_mode

    def forward(self, *arrays):
        owner = self._owner
        self._inputs = arrays[: len(arrays) - len(owner._groups)]
        self._random = _engine.random_position()
        for group in owner._groups:
            group.fill(False)
        try:
            with self._mode():
                return owner._block[0](*self._inputs)
        finally:
            for group in owner._groups:
                group.empty()

    def backward(self, *gradients):
        owner = self._owner
        kept = [
            (p.data(), p.data().copy()) for p in owner._reg_params.values() if p.grad_req == "null"
        ]
        inputs = [x.detach() for x in self._inputs]
        floats = [x for x in inputs if "float" in x.dtype_name]
        for x in floats:
            x.attach_grad()
        now = _engine.random_position()
        _engine.set_random_position(*self._random)
        for group in owner._groups:
            group.fill(True)
        try:
            with autograd.record(train_mode=self._is_training):
                out = owner._block[0](*inputs)
            heads = out if isinstance(out, (list, tuple)) else [out]
            autograd.backward(heads, list(gradients), train_mode=self._is_training)
            own = [group.summed_gradient() for group in owner._groups]
        finally:
            for group in owner._groups:
                group.empty()
            _engine.set_random_position(*now)
            for data, before in kept:
                data[...] = before
        return [x.grad if x.grad is not None else x.zeros_like() for x in inputs] + own


class _Group:
    """Parameters that are one vector, of which each rank has a part."""

    def __init__(self, name, comm, params, dtype, lr_mult, wd_mult):
        self._comm, self._params = comm, params
        self._size = sum(int(np.prod(p.shape)) for p in params)
        share = -(-self._size // comm.size)
        self.part = PartParameter(
            name,
            comm,
            length=self._size,
            shape=(share,),
            dtype=dtype,
            lr_mult=lr_mult,
            wd_mult=wd_mult,
        )
        whole = ndarray.concat(*(p.data().reshape((-1,)) for p in params), dim=0)
        self._padding = share * comm.size - self._size
        self.part.initialize(ctx=params[0].list_ctx(), init="zeros")
        self.part.set_data(self.part.part_of(whole))
        self.empty()

    def arrays(self):
        """dict of Parameter to NDArray: the whole values."""
        flat = self.part.whole()
        found, start = {}, 0
        for param in self._params:
            end = start + int(np.prod(param.shape))
            found[param] = flat[start:end].reshape(param.shape)
            start = end
        return found

    def fill(self, with_gradient):
        """Give the block's parameters their values."""
        for param, array in self.arrays().items():
            param._data = [array]
            if with_gradient:
                param._grad = [array.zeros_like()]
                autograd.mark_variables(param._data, param._grad)
        version.value += 1

    def empty(self):
        """Take the arrays of the block's parameters away."""
        for param in self._params:
            param._ctx_list = param.list_ctx()
            param._data = param._grad = None
        version.value += 1

    def summed_gradient(self):
        """This rank's part of the sum of the gradients over the ranks."""
        flat = [p.grad().reshape((-1,)) for p in self._params]
        if self._padding:
            flat.append(ndarray.zeros((self._padding,), dtype=flat[0].dtype_name))
        whole = ndarray.concat(*flat, dim=0)
        return self._comm.reduce_scatter(whole, name=self.part.name)
