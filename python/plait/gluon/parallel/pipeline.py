"""A network whose parts are on different ranks, through which parts of a batch flow."""

import collections

from ... import autograd, ndarray
from ..block import Block

__all__ = ["Pipeline"]

_FORWARD, _BACKWARD = 0, 1  # channels
_DTYPES = ("float32", "float64", "float16", "bfloat16")
_MOST_AXES = 14


class Pipeline(Block):
    """Trains a network of which each rank has one part, the rank's number telling which.

    A batch is cut into micro-batches, which follow each other through the ranks. Each rank does
    as many forward passes as there are ranks behind it, then a backward and a forward pass in
    turns, so that it keeps the intermediates of as many micro-batches only (1F1B; Narayanan and
    others: "Memory-efficient pipeline-parallel DNN training", 2021).

    Parameters
    ----------
    stage : Block
        This rank's part: one floating array to one floating array. It may be compiled.
    comm : Communicator
    loss : Block, optional
        ``loss(output, label)`` on the last rank: losses of samples, which are summed.

    Examples
    --------
    >>> pipeline = gluon.parallel.Pipeline(stages[comm.rank], comm, gluon.loss.L2Loss())
    >>> trainer = gluon.Trainer(pipeline.collect_params(), "sgd", kvstore=None)
    >>> total = pipeline.step(x, y, micro_batches=8)  # x on the first rank, y on the last one
    >>> trainer.step(batch_size)

    Notes
    -----
    Gradients are those of the sum of the losses of the whole batch, as without a pipeline; batch
    norms use micro-batches. A layer of which several ranks have a copy gets different gradients.
    """

    def __init__(self, stage, comm, loss=None, prefix=None, params=None):
        super().__init__(prefix=prefix, params=params)
        if loss is None and comm.rank == comm.size - 1:
            raise ValueError("Pipeline: loss is None, must be a block on the last rank")
        self.stage, self._comm = stage, comm
        self._loss = (loss,)  # its parameters, if any, are not trained
        self._is_first, self._is_last = comm.rank == 0, comm.rank == comm.size - 1

    def forward(self, x=None):
        """The output of the last rank for the input `x` of the first one; None on the others."""
        with autograd.pause():
            if not self._is_first:
                x = self._receive(self._receive_kind())
            out = self.stage(x)
            if not self._is_last:
                self._send_kind(out)
                self._comm.send(out, self._comm.rank + 1, _FORWARD, name="activation")
        return out if self._is_last else None

    def step(self, data=None, label=None, micro_batches=1):
        """Forward and backward of one batch: fills the gradients, which `Trainer.step` then uses.

        Parameters
        ----------
        data : NDArray
            Input of the network, on the first rank.
        label : NDArray
            For the loss, on the last rank.
        micro_batches : int
            The same on all ranks. Divides the lengths of `data` and `label`.

        Returns
        -------
        NDArray or None
            Sum of the losses of all samples on the last rank.

        Raises
        ------
        ValueError
            If `micro_batches` does not divide the batch.
        """
        data = self._cut(data, micro_batches, "data") if self._is_first else None
        label = self._cut(label, micro_batches, "label") if self._is_last else None
        self._start_gradients()
        state = _Step(data, label)
        ahead = min(self._comm.size - self._comm.rank - 1, micro_batches)
        for i in range(micro_batches):
            self._forward_of(i, state)
            if i >= ahead:
                self._backward_of(state)
        for _ in range(ahead):
            self._backward_of(state)
        return state.total

    def _start_gradients(self):
        for param in self.stage.collect_params().values():
            if param.grad_req == "write":
                param.grad_req = "add"
            if param.grad_req == "add":
                param.zero_grad()

    @staticmethod
    def _cut(array, parts, name):
        if array is None:
            raise ValueError(f"Pipeline: {name} is None, must be an array on this rank")
        if parts < 1 or array.shape[0] % parts:
            raise ValueError(
                f"Pipeline: micro_batches is {parts}, must divide the {array.shape[0]} samples of "
                f"{name}"
            )
        size = array.shape[0] // parts
        return [array[i * size : (i + 1) * size] for i in range(parts)]

    def _forward_of(self, i, state):
        if self._is_first:
            x = state.data[i]
        else:
            if state.kind is None:
                state.kind = self._receive_kind()
            x = self._receive(state.kind)
            x.attach_grad()
        with autograd.record():
            out = self.stage(x)
            if self._is_last:
                out = self._loss[0](out, state.label[i]).sum()
        if self._is_last:
            loss = out.detach()
            state.total = loss if state.total is None else state.total + loss
        else:
            if i == 0:
                self._send_kind(out)
            self._comm.send(out, self._comm.rank + 1, _FORWARD, name=f"activation {i}")
        state.running.append((i, x, out))
        state.keep_pace(out)

    def _backward_of(self, state):
        i, x, out = state.running.popleft()
        if self._is_last:
            out.backward()
        else:
            gradient = ndarray.empty(out.shape, dtype=out.dtype_name)
            self._comm.receive(
                gradient, self._comm.rank + 1, _BACKWARD, name=f"gradient of activation {i}"
            )
            out.backward(gradient)
        if not self._is_first:
            name = f"gradient of activation {i}"
            self._comm.send(x.grad, self._comm.rank - 1, _BACKWARD, name=name)
            state.keep_pace(x.grad)

    def _send_kind(self, array):
        """Tells the next rank dtype and shape of what follows."""
        axes = list(array.shape)
        if len(axes) > _MOST_AXES or array.dtype_name not in _DTYPES:
            raise ValueError(
                f"Pipeline: the output has dtype {array.dtype_name} and {len(axes)} axes, must "
                f"have one of {_DTYPES} and at most {_MOST_AXES}"
            )
        head = [_DTYPES.index(array.dtype_name), len(axes), *axes]
        head += [0] * (2 + _MOST_AXES - len(head))
        self._comm.send(
            ndarray.array(head, dtype="int64"), self._comm.rank + 1, _FORWARD, name="shape"
        )

    def _receive_kind(self):
        head = ndarray.empty((2 + _MOST_AXES,), dtype="int64")
        self._comm.receive(head, self._comm.rank - 1, _FORWARD, name="shape", wait=True)
        dtype, count, *axes = head.asnumpy().tolist()
        return _DTYPES[dtype], tuple(axes[:count])

    def _receive(self, kind):
        dtype, shape = kind
        x = ndarray.empty(shape, dtype=dtype)
        self._comm.receive(x, self._comm.rank - 1, _FORWARD, name="activation")
        return x


class _Step:
    """What one rank knows of the batch that is on its way."""

    def __init__(self, data, label):
        self.data, self.label = data, label
        self.kind = None  # dtype and shape of what comes in
        self.total = None
        self.running = collections.deque()  # micro-batches between forward and backward
        self._last = None

    def keep_pace(self, array):
        """Wait until the pass before this one is done: else all could be queued at once."""
        if self._last is not None:
            self._last.wait_to_read()
        self._last = array
