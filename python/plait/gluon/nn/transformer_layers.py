"""Layers of transformers, and stacks of them."""

from ... import ndarray
from ..hybrid_block import HybridBlock
from .activations import GELU, Activation, SiLU
from .attention import MultiHeadAttention, RotaryEmbedding
from .basic_layers import Dense, Dropout
from .norm_layers import LayerNorm, RMSNorm

__all__ = [
    "FeedForward",
    "TransformerDecoder",
    "TransformerDecoderLayer",
    "TransformerEncoder",
    "TransformerEncoderLayer",
]


def _norm(kind, units, prefix, epsilon=None):
    if kind not in ("layer", "rms"):
        raise ValueError(f"transformer: norm is {kind!r}, must be 'layer' or 'rms'")
    more = {} if epsilon is None else {"epsilon": epsilon}
    return (LayerNorm if kind == "layer" else RMSNorm)(in_channels=units, prefix=prefix, **more)


def _activation(name):
    if name == "gelu":
        return GELU()
    return SiLU() if name in ("silu", "swish") else Activation(name)


class FeedForward(HybridBlock):
    """Two dense layers at each step, with a function between them.

    Parameters
    ----------
    units, hidden_units : int
    activation : str
        'gelu', 'silu', or as in `Activation`.
    gated : bool
        Whether a third layer multiplies what the function gives. Shazeer: GLU variants (2020).
    dropout : float
    """

    def __init__(
        self,
        units,
        hidden_units,
        activation="gelu",
        gated=False,
        dropout=0.0,
        use_bias=True,
        prefix=None,
        params=None,
    ):
        super().__init__(prefix=prefix, params=params)

        def dense(name, rows, columns):
            return Dense(
                rows, flatten=False, use_bias=use_bias, in_units=columns, prefix=f"{name}_"
            )

        with self.name_scope():
            self.inner = dense("inner", hidden_units, units)
            self.gate = dense("gate", hidden_units, units) if gated else None
            self.outer = dense("outer", units, hidden_units)
            self.act = _activation(activation)
            self.dropout = Dropout(dropout)

    def hybrid_forward(self, F, x):
        y = self.act(self.inner(x))
        if self.gate is not None:
            y = y * self.gate(x)
        return self.outer(self.dropout(y))


class _Layer(HybridBlock):
    """What the two kinds of layers share.

    Parameters
    ----------
    units : int
        Length of the vectors.
    num_heads : int
    hidden_units : int, optional
        Between the dense layers; default 4 * units.
    dropout, attention_dropout : float
        Of the results of each part, and of the weights of attention.
    activation : str
        As in `FeedForward`.
    pre_norm : bool
        Whether inputs are normalised before each part, or sums after it.
    norm : {'layer', 'rms'}
    gated : bool
        As in `FeedForward`.
    num_kv_heads, use_bias
        As in `MultiHeadAttention`.
    rotary : bool or RotaryEmbedding
        Whether queries and keys of self-attention are turned by their positions.
    norm_epsilon : float, optional
        Added to variances; default that of the kind of norm.
    """

    _causal = False

    def __init__(
        self,
        units,
        num_heads,
        hidden_units=None,
        dropout=0.0,
        attention_dropout=0.0,
        activation="gelu",
        pre_norm=True,
        norm="layer",
        gated=False,
        num_kv_heads=None,
        use_bias=True,
        rotary=False,
        causal=None,
        norm_epsilon=None,
        prefix=None,
        params=None,
    ):
        super().__init__(prefix=prefix, params=params)
        self._pre_norm, self._norm_kind = pre_norm, (norm, norm_epsilon)
        with self.name_scope():
            if rotary is True:
                rotary = RotaryEmbedding()
            self.attention = MultiHeadAttention(
                units,
                num_heads,
                num_kv_heads,
                attention_dropout,
                self._causal if causal is None else causal,
                use_bias,
                rotary or None,
                units,
                units,
                units,
                prefix="attention_",
            )
            self.norm = _norm(norm, units, "norm_", norm_epsilon)
            self._more(units, num_heads, num_kv_heads, attention_dropout, use_bias)
            self.feed_forward = FeedForward(
                units,
                hidden_units or 4 * units,
                activation,
                gated,
                dropout,
                use_bias,
                prefix="feed_forward_",
            )
            self.feed_forward_norm = _norm(norm, units, "feed_forward_norm_", norm_epsilon)
            self.dropout = Dropout(dropout)

    def _more(self, units, num_heads, num_kv_heads, dropout, use_bias):
        """Make further parts."""

    def _part(self, x, norm, part):
        """One part with its norm, added to its input."""
        if self._pre_norm:
            return x + self.dropout(part(norm(x)))
        return norm(x + self.dropout(part(x)))


class TransformerEncoderLayer(_Layer):
    __doc__ = (
        "Self-attention, then dense layers: (batch, steps, units), and a mask as in "
        "`MultiHeadAttention`, to the same shape.\n\n" + _Layer.__doc__.split("\n\n", 1)[1]
    )

    def hybrid_forward(self, F, x, mask=None):
        def attend(y):
            return self.attention(y) if mask is None else self.attention(y, y, y, mask)

        x = self._part(x, self.norm, attend)
        return self._part(x, self.feed_forward_norm, self.feed_forward)

    def make_cache(self, batch_size, max_length, **kwargs):
        """An empty `KVCache`: `decode` of this layer is a decoder without a memory."""
        return self.attention.make_cache(batch_size, max_length, **kwargs)

    def decode(self, x, cache):
        """Further steps `x` of a sequence; the results are those of a causal call."""
        x = self._part(x, self.norm, lambda y: self.attention.decode(y, cache))
        return self._part(x, self.feed_forward_norm, self.feed_forward)


class TransformerDecoderLayer(_Layer):
    __doc__ = (
        "Causal self-attention, attention to a memory, then dense layers: ``layer(x, memory, "
        "memory_mask)``.\n\n" + _Layer.__doc__.split("\n\n", 1)[1]
    )

    _causal = True

    def _more(self, units, num_heads, num_kv_heads, dropout, use_bias):
        self.cross_attention = MultiHeadAttention(
            units,
            num_heads,
            num_kv_heads,
            dropout,
            use_bias=use_bias,
            query_units=units,
            prefix="cross_attention_",
        )
        kind, epsilon = self._norm_kind
        self.cross_norm = _norm(kind, units, "cross_norm_", epsilon)

    def hybrid_forward(self, F, x, memory, memory_mask=None):
        def look(y):
            if memory_mask is None:
                return self.cross_attention(y, memory)
            return self.cross_attention(y, memory, memory, memory_mask)

        x = self._part(x, self.norm, self.attention)
        x = self._part(x, self.cross_norm, look)
        return self._part(x, self.feed_forward_norm, self.feed_forward)

    def make_cache(self, batch_size, max_length, memory, **kwargs):
        """(cache, keys and values of the memory) for `decode`."""
        cache = self.attention.make_cache(batch_size, max_length, **kwargs)
        return cache, self.cross_attention.memorize(memory)

    def decode(self, x, cache, memory_mask=None):
        """Further steps `x`; the results are those of a call with the whole sequence."""
        own, memory = cache
        x = self._part(x, self.norm, lambda y: self.attention.decode(y, own))
        x = self._part(
            x, self.cross_norm, lambda y: self.cross_attention.recall(y, memory, memory_mask)
        )
        return self._part(x, self.feed_forward_norm, self.feed_forward)


class _Stack(HybridBlock):
    """Layers one above the other; with `pre_norm` a last norm.

    Parameters
    ----------
    num_layers, units, num_heads, hidden_units : int
    **kwargs
        As the layers take them.
    """

    _layer = None

    def __init__(
        self, num_layers, units, num_heads, hidden_units=None, prefix=None, params=None, **kwargs
    ):
        super().__init__(prefix=prefix, params=params)
        self._layers = []
        with self.name_scope():
            for i in range(num_layers):
                layer = self._layer(units, num_heads, hidden_units, prefix=f"layer{i}_", **kwargs)
                self.register_child(layer)
                self._layers.append(layer)
            pre_norm = kwargs.get("pre_norm", True)
            kind, epsilon = kwargs.get("norm", "layer"), kwargs.get("norm_epsilon")
            self.norm = _norm(kind, units, "norm_", epsilon) if pre_norm else None

    def _finish(self, x):
        return x if self.norm is None else self.norm(x)

    def hybrid_forward(self, F, x, *args):
        for layer in self._layers:
            x = layer(x, *args)
        return self._finish(x)

    def make_cache(self, batch_size, max_length, *memory, **kwargs):
        """list: what `decode` needs, one entry a layer."""
        return [
            layer.make_cache(batch_size, max_length, *memory, **kwargs) for layer in self._layers
        ]

    def decode(self, x, caches, *args):
        """Further steps `x`, an array (batch, steps, units)."""
        if not isinstance(x, ndarray.NDArray):
            raise TypeError(f"decode: x is {type(x).__name__}, must be an array")
        for layer, cache in zip(self._layers, caches, strict=True):
            x = layer.decode(x, cache, *args)
        return self._finish(x)


class TransformerEncoder(_Stack):
    __doc__ = "`TransformerEncoderLayer`s. " + _Stack.__doc__

    _layer = TransformerEncoderLayer


class TransformerDecoder(_Stack):
    __doc__ = "`TransformerDecoderLayer`s. " + _Stack.__doc__

    _layer = TransformerDecoderLayer
