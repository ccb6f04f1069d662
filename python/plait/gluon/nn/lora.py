"""Dense layers trained through a product of two thin matrices."""

import re

from ... import autograd, ndarray
from .basic_layers import Dense, Dropout

__all__ = ["LoRADense", "add_lora", "merge_lora"]


class LoRADense(Dense):
    """A dense layer whose own weight is fixed, plus ``scale (x A^T) B^T`` that is trained.

    Hu and others: LoRA, low-rank adaptation of large language models (2021).

    Parameters
    ----------
    dense : Dense
        Its parameters are shared, and get no gradient any more.
    rank : int
        Rows of A, columns of B.
    alpha : float, optional
        ``scale = alpha / rank``; default alpha = rank.
    dropout : float
        Of the input of A in training.
    """

    def __init__(self, dense, rank, alpha=None, dropout=0.0):
        if not isinstance(dense, Dense) or isinstance(dense, LoRADense):
            raise TypeError(f"LoRADense: dense is {type(dense).__name__}, must be a Dense")
        if rank < 1:
            raise ValueError(f"LoRADense: rank is {rank}, must be >= 1")
        inputs = dense.weight.shape[1]
        super().__init__(
            dense._units,
            use_bias=dense.bias is not None,
            flatten=dense._join,
            in_units=inputs,
            dtype=dense.weight.dtype,
            prefix=dense.prefix,
            params=dense.params,
        )
        self.act = dense.act
        self._rank, self._scale = rank, (rank if alpha is None else alpha) / rank
        for param in (self.weight, self.bias):
            if param is not None:
                param.grad_req = "null"
        make = {"dtype": dense.weight.dtype, "allow_deferred_init": True}
        self.lora_a = self.params.get("lora_a", shape=(rank, inputs), init="xavier", **make)
        self.lora_b = self.params.get("lora_b", shape=(dense._units, rank), init="zeros", **make)
        self.lora_dropout = Dropout(dropout)

    def hybrid_forward(self, F, x, weight, lora_a, lora_b, bias=None):
        options = {"flatten": self._join}
        out = F.FullyConnected(
            x, weight, bias, num_hidden=self._units, no_bias=bias is None, name="fwd", **options
        )
        low = F.FullyConnected(
            self.lora_dropout(x), lora_a, num_hidden=self._rank, no_bias=True, **options
        )
        more = F.FullyConnected(low, lora_b, num_hidden=self._units, no_bias=True, flatten=False)
        out = out + more * self._scale
        return out if self.act is None else self.act(out)

    def merge(self):
        """Add the product to the weight, and start it anew at 0; the outputs stay the same."""
        with autograd.pause():
            for weight, a, b in zip(
                self.weight.list_data(),
                self.lora_a.list_data(),
                self.lora_b.list_data(),
                strict=True,
            ):
                weight += self._scale * ndarray.dot(b, a)
                b[:] = 0

    def __repr__(self):
        return f"LoRADense({super().__repr__()}, rank={self._rank}, scale={self._scale})"


def add_lora(block, rank, alpha=None, dropout=0.0, select=None, freeze=True):
    """Wrap the dense layers below a block; their new parameters must be initialised.

    Parameters
    ----------
    block : Block
        Changed in place.
    rank, alpha, dropout
        As in `LoRADense`.
    select : str, optional
        Regular expression for the structural names of the layers, such as ``"query|value"``.
    freeze : bool
        Whether all other parameters of the block are fixed too.

    Returns
    -------
    list of LoRADense
    """
    if freeze:
        block.setattr("grad_req", "null")
    pattern, made = re.compile(select or ""), []

    def walk(parent, path):
        for name, child in list(parent._children.items()):
            place = f"{path}.{name}" if path else name
            if isinstance(child, LoRADense):
                continue
            if not isinstance(child, Dense):
                walk(child, place)
            elif pattern.search(place):
                new = LoRADense(child, rank, alpha, dropout)
                parent._children[name] = new
                if getattr(parent, name, None) is child:
                    object.__setattr__(parent, name, new)
                for value in vars(parent).values():
                    if isinstance(value, list) and child in value:
                        value[value.index(child)] = new
                made.append(new)
        if hasattr(parent, "_forget"):
            parent._forget()

    walk(block, "")
    if not made:
        raise ValueError(f"add_lora: select is {select!r}, must match a Dense below the block")
    return made


def merge_lora(block):
    """Call `LoRADense.merge` on all such layers below a block; returns the block."""
    return block.apply(lambda b: b.merge() if isinstance(b, LoRADense) else None)
