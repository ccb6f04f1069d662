"""Attention, and what stands around it in transformers."""

import numpy as np

from ... import autograd, ndarray
from ..hybrid_block import HybridBlock
from .basic_layers import Dense, Dropout

__all__ = ["KVCache", "MultiHeadAttention", "RotaryEmbedding"]


class RotaryEmbedding(HybridBlock):
    """Turns pairs of features by angles that grow with the position.

    Su and others: RoFormer (2021).

    Parameters
    ----------
    base : float
        Pair i turns by ``base ** (-2 i / dim)`` a step, in radians.
    dim : int, optional
        Features that are turned, even; default all.
    interleaved : bool
        Whether pairs are neighbours; else feature i goes with i + dim / 2.
    """

    def __init__(self, base=10000.0, dim=None, interleaved=False, prefix=None, params=None):
        super().__init__(prefix=prefix, params=params)
        self._kwargs = {"base": base, "dim": dim, "interleaved": interleaved}

    def hybrid_forward(self, F, x, positions=None):
        """`x` of shape (..., steps, features); `positions` of shape (steps,), default 0, 1, ..."""
        if positions is None:
            return F.contrib.rotary_embedding(x, **self._kwargs)
        return F.contrib.rotary_embedding(x, positions, has_positions=True, **self._kwargs)

    def __repr__(self):
        return f"RotaryEmbedding({', '.join(f'{k}={v}' for k, v in self._kwargs.items())})"


class KVCache:
    """Keys and values of the steps so far, for decoding step by step.

    Parameters
    ----------
    batch_size, heads, max_length, features : int
        Shape of the two arrays that are allocated.
    dtype : str
    ctx : Context, optional
    """

    def __init__(self, batch_size, heads, max_length, features, dtype="float32", ctx=None):
        shape = (batch_size, heads, max_length, features)
        self.key = ndarray.zeros(shape, ctx=ctx, dtype=dtype)
        self.value = ndarray.zeros(shape, ctx=ctx, dtype=dtype)
        self.length = 0

    @property
    def max_length(self):
        """int: the most steps it holds."""
        return self.key.shape[2]

    def append(self, key, value):
        """Add steps, arrays (batch, heads, steps, features); returns all keys and values so far.

        Raises
        ------
        ValueError
            If there is no room for them.
        """
        end = self.length + key.shape[2]
        if end > self.max_length:
            raise ValueError(f"KVCache: length is {end}, must be at most {self.max_length}")
        self.key[:, :, self.length : end] = key
        self.value[:, :, self.length : end] = value
        self.length = end
        return tuple(
            ndarray.slice_axis(array, axis=2, begin=0, end=end) for array in (self.key, self.value)
        )

    def truncate(self, length):
        """Forget the steps from `length` on."""
        if not 0 <= length <= self.length:
            raise ValueError(f"KVCache: length is {length}, must be in [0, {self.length}]")
        self.length = length

    def reorder(self, index):
        """Put the samples in another order, as beam search does: `index` of shape (batch,)."""
        self.key, self.value = (ndarray.take(a, index, axis=0) for a in (self.key, self.value))


class MultiHeadAttention(HybridBlock):
    """Weighted means of values, by how well their keys fit each query, in several heads.

    Vaswani and others: Attention is all you need (2017); shared keys and values: Ainslie and
    others: GQA (2023).

    Parameters
    ----------
    units : int
        Length of the vectors that come out, a multiple of `num_heads`.
    num_heads : int
    num_kv_heads : int, optional
        Heads of keys and values; each serves a group of heads. Default `num_heads`.
    dropout : float
        Share of the weights that is dropped in training.
    causal : bool
        Whether a query sees only keys up to its own place.
    use_bias : bool
    rotary : RotaryEmbedding, optional
        Applied to queries and keys.
    query_units, key_units, value_units : int
        Lengths of the inputs; 0: told by the first forward pass.

    Notes
    -----
    ``attention(query, key, value, mask)``: arrays (batch, steps, units); key and value default to
    the query, and the value to the key. A floating mask is added to the scores; others hide where
    0; its shape broadcasts to (batch, heads, queries, keys).
    """

    def __init__(
        self,
        units,
        num_heads,
        num_kv_heads=None,
        dropout=0.0,
        causal=False,
        use_bias=True,
        rotary=None,
        query_units=0,
        key_units=0,
        value_units=0,
        weight_initializer=None,
        bias_initializer="zeros",
        prefix=None,
        params=None,
    ):
        super().__init__(prefix=prefix, params=params)
        shared = num_kv_heads or num_heads
        if units % num_heads:
            raise ValueError(
                f"MultiHeadAttention: units is {units}, must be a multiple of {num_heads} heads"
            )
        if num_heads % shared:
            raise ValueError(
                f"MultiHeadAttention: num_kv_heads is {shared}, must divide {num_heads} heads"
            )
        self._units, self._heads, self._kv_heads = units, num_heads, shared
        self._features = units // num_heads
        self._causal, self._rate = causal, dropout
        with self.name_scope():

            def dense(name, size, inputs):
                return Dense(
                    size,
                    flatten=False,
                    use_bias=use_bias,
                    in_units=inputs,
                    weight_initializer=weight_initializer,
                    bias_initializer=bias_initializer,
                    prefix=f"{name}_",
                )

            self.query = dense("query", units, query_units)
            self.key = dense("key", shared * self._features, key_units)
            self.value = dense("value", shared * self._features, value_units)
            self.project = dense("project", units, units)
            self.dropout = Dropout(dropout)
            self.rotary = rotary

    def _split(self, F, x, heads):
        """(batch, steps, heads * features) to (batch, heads, steps, features)."""
        return F.transpose(F.reshape(x, shape=(0, 0, heads, -1)), axes=(0, 2, 1, 3))

    def _keys(self, F, key, value, positions=None):
        key = self._split(F, self.key(key), self._kv_heads)
        if self.rotary is not None:
            key = self.rotary(key) if positions is None else self.rotary(key, positions)
        return key, self._split(F, self.value(value), self._kv_heads)

    def _queries(self, F, query, positions=None):
        query = self._split(F, self.query(query), self._heads)
        if self.rotary is not None:
            query = self.rotary(query) if positions is None else self.rotary(query, positions)
        return query

    def _attend(self, F, query, key, value, mask, causal):
        dropping = self._rate > 0 and (F is not ndarray or autograd.is_training())
        if dropping:
            out = self._attend_dropping(F, query, key, value, mask, causal)
        elif mask is None:
            out = F.contrib.scaled_dot_product_attention(query, key, value, causal=causal)
        else:
            out = F.contrib.scaled_dot_product_attention(
                query, key, value, mask, causal=causal, has_mask=True
            )
        return self.project(F.reshape(F.transpose(out, axes=(0, 2, 1, 3)), shape=(0, 0, -3)))

    def _attend_dropping(self, F, query, key, value, mask, causal):
        """With the matrix of all weights, of which some are dropped."""
        groups = self._heads // self._kv_heads
        if groups > 1:
            key, value = (F.repeat(x, repeats=groups, axis=1) for x in (key, value))
        scale = self._features**-0.5
        query, key, value = (F.reshape(x, shape=(-3, 0, 0)) for x in (query, key, value))
        scores = F.batch_dot(query * scale, key, transpose_b=True)
        if causal:
            # The last query sees all keys.
            ones = F.ones_like(F.slice_axis(scores, axis=0, begin=0, end=1))
            row, column = F.cumsum(ones, axis=1), F.cumsum(ones, axis=2)
            behind = F.sum(ones, axis=2, keepdims=True) - F.sum(ones, axis=1, keepdims=True)
            later = F.broadcast_greater(column, F.broadcast_add(row, behind))
            scores = F.broadcast_sub(scores, later * 1e9)
        scores = F.reshape(scores, shape=(-4, -1, self._heads, 0, 0))
        if mask is not None:
            scores = F.broadcast_add(scores, F.contrib.attention_mask(mask))
        weights = self.dropout(F.softmax(scores, axis=-1))
        out = F.batch_dot(F.reshape(weights, shape=(-3, 0, 0)), value)
        return F.reshape(out, shape=(-4, -1, self._heads, 0, 0))

    def hybrid_forward(self, F, query, key=None, value=None, mask=None):
        key = query if key is None else key
        value = key if value is None else value
        keys, values = self._keys(F, key, value)
        return self._attend(F, self._queries(F, query), keys, values, mask, self._causal)

    # --- decoding step by step ------------------------------------------------------------------

    def make_cache(self, batch_size, max_length, dtype="float32", ctx=None):
        """An empty `KVCache` for this layer."""
        return KVCache(batch_size, self._kv_heads, max_length, self._features, dtype, ctx)

    def decode(self, x, cache, mask=None):
        """Self-attention of further steps `x`, (batch, steps, units), to all steps so far.

        The results are those of a causal call with the whole sequence.
        """
        positions = None
        if self.rotary is not None:
            positions = ndarray.array(
                np.arange(cache.length, cache.length + x.shape[1]), ctx=x.context
            )
        keys, values = cache.append(*self._keys(ndarray, x, x, positions))
        queries = self._queries(ndarray, x, positions)
        return self._attend(ndarray, queries, keys, values, mask, True)

    def memorize(self, memory):
        """Keys and values of a sequence, for `recall`."""
        return self._keys(ndarray, memory, memory)

    def recall(self, x, memory, mask=None):
        """Attention of the steps `x` to what `memorize` gave."""
        return self._attend(ndarray, self._queries(ndarray, x), *memory, mask, False)

    def __repr__(self):
        return (
            f"MultiHeadAttention({self._units}, heads={self._heads}, kv_heads={self._kv_heads}, "
            f"causal={self._causal})"
        )
