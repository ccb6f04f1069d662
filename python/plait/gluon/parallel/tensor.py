"""Layers whose weights are cut over ranks: each computes a part of the same samples.

Shoeybi and others: "Megatron-LM: training multi-billion parameter language models using model
parallelism" (2019). Parameters that all ranks have whole get the same gradients on all of them.
"""

import numpy as np

from ... import ndarray
from ..block import Block
from ..nn import Activation
from ..parameter import Parameter
from .functions import gathered, own_part, shared, summed
from .part import PartParameter

__all__ = ["ColumnParallelDense", "ParallelAttention", "RowParallelDense"]


def _share_of(number, comm, layer, name):
    if number % comm.size:
        raise ValueError(f"{layer}: {name} is {number}, must be a multiple of {comm.size} ranks")
    return number // comm.size


def _tell_input(weight, x, flatten):
    """Completes the shape of a weight whose input size was not given."""
    if weight._deferred_init:
        size = int(np.prod(x.shape[1:])) if flatten else x.shape[-1]
        weight.shape = (weight.shape[0], size)
        weight._finish_deferred_init()


class ColumnParallelDense(Block):
    """As `nn.Dense`, with the outputs cut over the ranks: (n, *) to (n, units / size).

    Parameters
    ----------
    units : int
        Outputs of all ranks together, a multiple of their number.
    comm : Communicator
    gather_output : bool
        Whether every rank gets all outputs: (n, units).
    activation, use_bias, flatten, dtype, weight_initializer, bias_initializer, in_units
        As for `nn.Dense`.

    Notes
    -----
    Input and its gradient are the same on all ranks.
    """

    def __init__(
        self,
        units,
        comm,
        activation=None,
        use_bias=True,
        flatten=True,
        gather_output=False,
        dtype="float32",
        weight_initializer=None,
        bias_initializer="zeros",
        in_units=0,
        prefix=None,
        params=None,
    ):
        super().__init__(prefix=prefix, params=params)
        self._comm, self._flatten, self._gather = comm, flatten, gather_output
        self._units = _share_of(units, comm, "ColumnParallelDense", "units")
        options = {"comm": comm, "dtype": dtype, "allow_deferred_init": True}
        self.weight = PartParameter(
            self.prefix + "weight",
            shape=(self._units, in_units),
            init=weight_initializer,
            **options,
        )
        self.bias = None
        if use_bias:
            self.bias = PartParameter(
                self.prefix + "bias", shape=(self._units,), init=bias_initializer, **options
            )
        self.act = Activation(activation) if activation else None

    def forward(self, x):
        """`x` as for `nn.Dense`, the same on all ranks."""
        out = self.of_shared(shared(x, self._comm))
        return gathered(out, self._comm) if self._gather else out

    def of_shared(self, x):
        """This rank's outputs for what `shared` gave."""
        _tell_input(self.weight, x, self._flatten)
        out = ndarray.FullyConnected(
            x,
            self.weight.data(),
            None if self.bias is None else self.bias.data(),
            num_hidden=self._units,
            no_bias=self.bias is None,
            flatten=self._flatten,
        )
        return out if self.act is None else self.act(out)


class RowParallelDense(Block):
    """As `nn.Dense`, with the inputs cut over the ranks: (..., k / size) to (..., units).

    Parameters
    ----------
    units : int
        Size of the output, which every rank gets.
    comm : Communicator
    split_input : bool
        Whether the input is whole and the same on all ranks, which then take their parts of it;
        else it is what `ColumnParallelDense` gives.
    in_units : int
        Inputs of all ranks together, a multiple of their number; 0: told by the first forward pass.
    use_bias, dtype, weight_initializer, bias_initializer
        As for `nn.Dense`.
    """

    def __init__(
        self,
        units,
        comm,
        use_bias=True,
        split_input=False,
        dtype="float32",
        weight_initializer=None,
        bias_initializer="zeros",
        in_units=0,
        prefix=None,
        params=None,
    ):
        super().__init__(prefix=prefix, params=params)
        self._comm, self._units, self._split = comm, units, split_input
        share = _share_of(in_units, comm, "RowParallelDense", "in_units")
        self.weight = PartParameter(
            self.prefix + "weight",
            comm,
            axis=1,
            shape=(units, share),
            dtype=dtype,
            init=weight_initializer,
            allow_deferred_init=True,
        )
        self.bias = None
        if use_bias:
            self.bias = Parameter(
                self.prefix + "bias", shape=(units,), dtype=dtype, init=bias_initializer
            )

    def forward(self, x):
        """`x` of shape (..., k / size), or (..., k) with `split_input`."""
        if self._split:
            x = own_part(x, self._comm)
        _tell_input(self.weight, x, False)
        part = ndarray.FullyConnected(
            x, self.weight.data(), None, num_hidden=self._units, no_bias=True, flatten=False
        )
        out = summed(part, self._comm)
        return out if self.bias is None else ndarray.broadcast_add(out, self.bias.data())


class ParallelAttention(Block):
    """As `nn.MultiHeadAttention`, with the heads cut over the ranks.

    Parameters
    ----------
    units : int
        Length of the vectors that come out, a multiple of `num_heads`.
    num_heads : int
        Of all ranks together, a multiple of their number.
    comm : Communicator
    causal, use_bias, rotary
        As for `nn.MultiHeadAttention`; there is no dropout.
    in_units : int
        Length of the vectors that come in; 0: told by the first forward pass.

    Notes
    -----
    Parameters have the names and, saved, the shapes of `nn.MultiHeadAttention`.
    """

    def __init__(
        self,
        units,
        num_heads,
        comm,
        causal=False,
        use_bias=True,
        rotary=None,
        in_units=0,
        weight_initializer=None,
        prefix=None,
        params=None,
    ):
        super().__init__(prefix=prefix, params=params)
        if units % num_heads:
            raise ValueError(
                f"ParallelAttention: units is {units}, must be a multiple of {num_heads} heads"
            )
        self._heads = _share_of(num_heads, comm, "ParallelAttention", "num_heads")
        self._comm, self._causal = comm, causal
        options = {"use_bias": use_bias, "weight_initializer": weight_initializer}
        with self.name_scope():
            self.query, self.key, self.value = (
                ColumnParallelDense(
                    units, comm, flatten=False, in_units=in_units, prefix=f"{name}_", **options
                )
                for name in ("query", "key", "value")
            )
            self.project = RowParallelDense(
                units, comm, in_units=units, prefix="project_", **options
            )
            self.rotary = rotary

    def forward(self, query, key=None, value=None, mask=None):
        """Arrays (batch, steps, units), the same on all ranks, as for `nn.MultiHeadAttention`."""
        key = query if key is None else key
        value = key if value is None else value
        inputs = []
        for x, before in ((query, ()), (key, (query,)), (value, (query, key))):
            same = [i for i, other in enumerate(before) if other is x]
            inputs.append(inputs[same[0]] if same else shared(x, self._comm))
        layers = (self.query, self.key, self.value)
        q, k, v = (
            ndarray.transpose(
                ndarray.reshape(layer.of_shared(x), shape=(0, 0, self._heads, -1)),
                axes=(0, 2, 1, 3),
            )
            for layer, x in zip(layers, inputs, strict=True)
        )
        if self.rotary is not None:
            q, k = self.rotary(q), self.rotary(k)
        masks = () if mask is None else (mask,)
        out = ndarray.contrib.scaled_dot_product_attention(
            q, k, v, *masks, causal=self._causal, has_mask=mask is not None
        )
        return self.project(
            ndarray.reshape(ndarray.transpose(out, axes=(0, 2, 1, 3)), shape=(0, 0, -3))
        )
