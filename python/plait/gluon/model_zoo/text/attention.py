"""Attention and the layers of transformers: Vaswani and others, "Attention is all you need"
(2017)."""

import math

from .... import ndarray
from ... import nn
from ...hybrid_block import HybridBlock

__all__ = ["MultiHeadAttention", "TransformerLayer"]

_FAR = 1e9  # is subtracted from the scores of places that must not be looked at


def _gelu(F, x):
    return 0.5 * x * (1.0 + F.erf(x * math.sqrt(0.5)))


def places(F, x):
    """0, 1, ... for the second axis of x."""
    return F.contrib.arange_like(x, axis=1)


def is_valid(F, tokens, valid_length):
    """Shape (n, length): 1 for the first `valid_length` (n,) places of tokens (n, length)."""
    return F.broadcast_greater(F.expand_dims(valid_length, 1), F.expand_dims(places(F, tokens), 0))


def register(block, layers):
    """The layers as children of a block, and in a list."""
    for layer in layers:
        block.register_child(layer)
    return layers


class MultiHeadAttention(HybridBlock):
    """Vectors of shape (n, length, units) to weighted means of their projections.

    Parameters
    ----------
    units : int
        Length of the vectors, a multiple of `num_heads`.
    num_heads : int
    causal : bool
        Whether a place sees only itself and those before it.
    dropout : float
        Of the weights.
    """

    def __init__(self, units, num_heads, causal=False, dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        if units % num_heads:
            raise ValueError(
                f"MultiHeadAttention: units is {units}, must be a multiple of {num_heads} heads"
            )
        self._heads, self._scale, self._causal = num_heads, (units / num_heads) ** -0.5, causal
        with self.name_scope():
            self.query, self.key, self.value, self.project = (
                nn.Dense(units, flatten=False, in_units=units, prefix=f"{name}_")
                for name in ("query", "key", "value", "project")
            )
            self.dropout = nn.Dropout(dropout)

    def _split(self, F, x):
        """(n, length, units) to (n * heads, length, units / heads)."""
        x = F.reshape(x, shape=(0, 0, self._heads, -1))
        return F.reshape(F.transpose(x, axes=(0, 2, 1, 3)), shape=(-3, 0, 0))

    def _look(self, F, query, key, value, causal, valid):
        scores = F.batch_dot(query * self._scale, key, transpose_b=True)
        if causal:
            at = places(F, query)
            later = F.broadcast_greater(F.expand_dims(at, 0), F.expand_dims(at, 1))
            scores = F.broadcast_sub(scores, F.expand_dims(later, 0) * _FAR)
        if valid is not None:
            far = F.reshape((1.0 - valid) * _FAR, shape=(0, 1, 1, -1))
            scores = F.reshape(scores, shape=(-4, -1, self._heads, 0, 0))
            scores = F.reshape(F.broadcast_sub(scores, far), shape=(-3, 0, 0))
        weights = self.dropout(F.softmax(scores, axis=-1))
        out = F.reshape(F.batch_dot(weights, value), shape=(-4, -1, self._heads, 0, 0))
        return self.project(F.reshape(F.transpose(out, axes=(0, 2, 1, 3)), shape=(0, 0, -3)))

    def hybrid_forward(self, F, x, valid=None, memory=None):
        """`valid`: shape (n, length), 1 for places that may be looked at, else 0; `memory`:
        vectors to look at in place of `x`."""
        source = x if memory is None else memory
        query = self._split(F, self.query(x))
        key, value = (self._split(F, f(source)) for f in (self.key, self.value))
        return self._look(F, query, key, value, self._causal, valid)

    def remember(self, memory):
        """Keys and values of vectors, for `step`."""
        return tuple(self._split(ndarray, f(memory)) for f in (self.key, self.value))

    def step(self, x, kept, valid=None, extend=True):
        """Attention of the next place alone.

        Parameters
        ----------
        x : NDArray
            Shape (n, 1, units).
        kept : (NDArray, NDArray)
            Keys and values of the places before, or of a memory.
        valid : NDArray, optional
            As in `hybrid_forward`.
        extend : bool
            Whether the place itself is looked at too.

        Returns
        -------
        (NDArray, tuple)
            Shape (n, 1, units); `kept` for the place after it.
        """
        if extend:
            own = self.remember(x)
            kept = tuple(ndarray.concat(a, b, dim=1) for a, b in zip(kept, own, strict=True))
        query = self._split(ndarray, self.query(x))
        return self._look(ndarray, query, *kept, False, valid), kept


class TransformerLayer(HybridBlock):
    """Attention, then two dense layers at each place; all are added to their input.

    Parameters
    ----------
    units, num_heads, causal, dropout
        As in `MultiHeadAttention`.
    hidden : int
        Units between the dense layers; default 4 * units.
    pre_norm : bool
        Whether inputs are normalised before each part (GPT) or sums after it (BERT).
    cross : bool
        Whether there is attention to a memory too, between the two.
    layer_norm_eps : float
    activation : {'gelu', 'relu'}
    """

    def __init__(
        self,
        units,
        num_heads,
        hidden=None,
        causal=False,
        pre_norm=False,
        dropout=0.0,
        cross=False,
        layer_norm_eps=1e-5,
        activation="gelu",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self._pre_norm, self._cross, self._gelu = pre_norm, cross, activation == "gelu"
        hidden = hidden or 4 * units
        norm = {"in_channels": units, "epsilon": layer_norm_eps}
        with self.name_scope():
            self.attention = MultiHeadAttention(
                units, num_heads, causal, dropout, prefix="attention_"
            )
            self.norm1 = nn.LayerNorm(prefix="norm1_", **norm)
            if cross:
                self.cross = MultiHeadAttention(units, num_heads, False, dropout, prefix="cross_")
                self.norm_cross = nn.LayerNorm(prefix="norm_cross_", **norm)
            self.inner = nn.Dense(hidden, flatten=False, in_units=units, prefix="inner_")
            self.outer = nn.Dense(units, flatten=False, in_units=hidden, prefix="outer_")
            self.norm2 = nn.LayerNorm(prefix="norm2_", **norm)
            self.dropout = nn.Dropout(dropout)

    def _add(self, x, norm, part):
        if self._pre_norm:
            return x + self.dropout(part(norm(x)))
        return norm(x + self.dropout(part(x)))

    def _think(self, F, x):
        inner = self.inner(x)
        return self.outer(_gelu(F, inner) if self._gelu else F.relu(inner))

    def hybrid_forward(self, F, x, valid=None, memory=None):
        """With `cross`, `valid` says which places of `memory` may be looked at."""
        if self._cross:
            x = self._add(x, self.norm1, self.attention)
            x = self._add(x, self.norm_cross, lambda y: self.cross(y, valid, memory))
        else:
            x = self._add(
                x,
                self.norm1,
                lambda y: self.attention(y) if valid is None else self.attention(y, valid),
            )
        return self._add(x, self.norm2, lambda y: self._think(F, y))

    def remember(self, x, memory=None):
        """(output, kept): a pass over vectors, with what `step` needs of them."""
        kept = [self.attention.remember(self.norm1(x) if self._pre_norm else x)]
        if memory is not None:
            kept.append(self.cross.remember(memory[0]))
        return (self(x) if memory is None else self(x, memory[1], memory[0])), kept

    def step(self, x, kept, valid=None):
        """(output, kept) of the next place alone; x has shape (n, 1, units)."""
        kept = list(kept)

        def attend(y):
            out, kept[0] = self.attention.step(y, kept[0])
            return out

        x = self._add(x, self.norm1, attend)
        if self._cross:
            x = self._add(
                x,
                self.norm_cross,
                lambda y: self.cross.step(y, kept[1], valid, extend=False)[0],
            )
        return self._add(x, self.norm2, lambda y: self._think(ndarray, y)), kept
