"""Transformers: Vaswani and others, "Attention is all you need" (2017); the encoder of Devlin and
others, "BERT" (2018), and the decoder of Radford and others, "Language models are unsupervised
multitask learners" (2019)."""

import math

from .... import ndarray
from ... import nn
from ...hybrid_block import HybridBlock

__all__ = ["MultiHeadAttention", "TransformerLayer", "BERTModel", "GPT"]

_FAR = 1e9  # is subtracted from the scores of places that must not be looked at


def _gelu(F, x):
    return 0.5 * x * (1.0 + F.erf(x * math.sqrt(0.5)))


def _places(F, x):
    """0, 1, ... for the second axis of x."""
    return F.contrib.arange_like(x, axis=1)


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

    def hybrid_forward(self, F, x, valid=None):
        """`valid`: shape (n, length), 1 for places that may be looked at, else 0."""
        query, key, value = (self._split(F, f(x)) for f in (self.query, self.key, self.value))
        scores = F.batch_dot(query * self._scale, key, transpose_b=True)
        if self._causal:
            places = _places(F, x)
            later = F.broadcast_greater(F.expand_dims(places, 0), F.expand_dims(places, 1))
            scores = F.broadcast_sub(scores, F.expand_dims(later, 0) * _FAR)
        if valid is not None:
            far = F.reshape((1.0 - valid) * _FAR, shape=(0, 1, 1, -1))
            scores = F.reshape(scores, shape=(-4, -1, self._heads, 0, 0))
            scores = F.reshape(F.broadcast_sub(scores, far), shape=(-3, 0, 0))
        weights = self.dropout(F.softmax(scores, axis=-1))
        out = F.reshape(F.batch_dot(weights, value), shape=(-4, -1, self._heads, 0, 0))
        out = F.reshape(F.transpose(out, axes=(0, 2, 1, 3)), shape=(0, 0, -3))
        return self.project(out)


class TransformerLayer(HybridBlock):
    """Attention, then two dense layers at each place; both are added to their input.

    Parameters
    ----------
    units, num_heads, causal, dropout
        As in `MultiHeadAttention`.
    hidden : int
        Units between the dense layers; default 4 * units.
    pre_norm : bool
        Whether inputs are normalised before each part (GPT) or sums after it (BERT).
    """

    def __init__(
        self, units, num_heads, hidden=None, causal=False, pre_norm=False, dropout=0.0, **kwargs
    ):
        super().__init__(**kwargs)
        self._pre_norm = pre_norm
        hidden = hidden or 4 * units
        with self.name_scope():
            self.attention = MultiHeadAttention(
                units, num_heads, causal, dropout, prefix="attention_"
            )
            self.norm1 = nn.LayerNorm(in_channels=units, prefix="norm1_")
            self.inner = nn.Dense(hidden, flatten=False, in_units=units, prefix="inner_")
            self.outer = nn.Dense(units, flatten=False, in_units=hidden, prefix="outer_")
            self.norm2 = nn.LayerNorm(in_channels=units, prefix="norm2_")
            self.dropout = nn.Dropout(dropout)

    def hybrid_forward(self, F, x, valid=None):
        def attend(y):
            return self.dropout(self.attention(y) if valid is None else self.attention(y, valid))

        def think(y):
            return self.dropout(self.outer(_gelu(F, self.inner(y))))

        if self._pre_norm:
            x = x + attend(self.norm1(x))
            return x + think(self.norm2(x))
        x = self.norm1(x + attend(x))
        return self.norm2(x + think(x))


def _layers(count, *args, **kwargs):
    return [TransformerLayer(*args, prefix=f"layer{i}_", **kwargs) for i in range(count)]


class BERTModel(HybridBlock):
    """Encoder of texts that looks both ways.

    Parameters
    ----------
    vocab_size : int
        Number of tokens.
    units, hidden, num_layers, num_heads : int
        Sizes; the defaults are those of BERT base.
    max_length : int
        Longest text.
    num_segments : int
        Kinds of parts of a text.
    dropout : float
    """

    def __init__(
        self,
        vocab_size,
        units=768,
        hidden=None,
        num_layers=12,
        num_heads=12,
        max_length=512,
        num_segments=2,
        dropout=0.1,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self._layers = []
        with self.name_scope():
            self.token = nn.Embedding(vocab_size, units, prefix="token_")
            self.segment = nn.Embedding(num_segments, units, prefix="segment_")
            self.place = nn.Embedding(max_length, units, prefix="place_")
            self.norm = nn.LayerNorm(in_channels=units, prefix="norm_")
            self.dropout = nn.Dropout(dropout)
            for layer in _layers(num_layers, units, num_heads, hidden, dropout=dropout):
                self.register_child(layer)
                self._layers.append(layer)
            self.pooler = nn.Dense(units, activation="tanh", in_units=units, prefix="pooler_")

    def hybrid_forward(self, F, tokens, segments, valid_length):
        """Tokens and segments of shape (n, length), valid lengths of shape (n,); gives vectors of
        shape (n, length, units), and (n, units) for the whole texts."""
        places = _places(F, tokens)
        x = self.token(tokens) + self.segment(segments)
        x = F.broadcast_add(x, F.expand_dims(self.place(places), 0))
        x = self.dropout(self.norm(x))
        valid = F.broadcast_greater(F.expand_dims(valid_length, 1), F.expand_dims(places, 0))
        for layer in self._layers:
            x = layer(x, valid)
        first = F.reshape(F.slice_axis(x, axis=1, begin=0, end=1), shape=(0, -1))
        return x, self.pooler(first)


class GPT(HybridBlock):
    """Decoder that predicts each token from those before it.

    Parameters
    ----------
    vocab_size : int
        Number of tokens.
    units, hidden, num_layers, num_heads : int
        Sizes; the defaults are those of the smallest GPT-2.
    max_length : int
        Longest text.
    dropout : float
    """

    def __init__(
        self,
        vocab_size,
        units=768,
        hidden=None,
        num_layers=12,
        num_heads=12,
        max_length=1024,
        dropout=0.1,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self._layers, self._max_length = [], max_length
        with self.name_scope():
            self.token = nn.Embedding(vocab_size, units, prefix="token_")
            self.place = nn.Embedding(max_length, units, prefix="place_")
            self.dropout = nn.Dropout(dropout)
            sizes = {"hidden": hidden, "causal": True, "pre_norm": True, "dropout": dropout}
            for layer in _layers(num_layers, units, num_heads, **sizes):
                self.register_child(layer)
                self._layers.append(layer)
            self.norm = nn.LayerNorm(in_channels=units, prefix="norm_")
            # The scores use the vectors of the tokens: Press, Wolf (2017).
            self.output = nn.Dense(
                vocab_size,
                flatten=False,
                use_bias=False,
                in_units=units,
                params=self.token.params,
                prefix="token_",
            )

    def hybrid_forward(self, F, tokens):
        """Tokens of shape (n, length) to scores of the next ones, (n, length, vocab_size)."""
        x = self.token(tokens)
        x = self.dropout(F.broadcast_add(x, F.expand_dims(self.place(_places(F, tokens)), 0)))
        for layer in self._layers:
            x = layer(x)
        return self.output(self.norm(x))

    def generate(self, tokens, steps):
        """Texts of shape (n, length) with `steps` further tokens, each the likeliest.

        Texts longer than `max_length` are predicted from their end.
        """
        for _ in range(steps):
            scores = self(tokens[:, -self._max_length :])
            tokens = ndarray.concat(tokens, scores[:, -1].argmax(axis=1).expand_dims(1), dim=1)
        return tokens
