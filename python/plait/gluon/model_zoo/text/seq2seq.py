"""The transformer that turns texts into texts: Vaswani and others, "Attention is all you need"
(2017)."""

import numpy as np

from .... import ndarray
from ... import nn
from ...hybrid_block import HybridBlock
from .attention import TransformerLayer, is_valid, places, register

__all__ = ["Seq2SeqTransformer"]


def _waves(max_length, units):
    """Vectors of places: sines and cosines of geometric frequencies, section 3.5 of the paper."""
    angles = np.arange(max_length)[:, None] / 10000 ** (np.arange(0, units, 2) / units)
    out = np.zeros((max_length, units), "float32")
    out[:, 0::2] = np.sin(angles)
    out[:, 1::2] = np.cos(angles[:, : units // 2])
    return ndarray.array(out)


class Seq2SeqTransformer(HybridBlock):
    """Encoder of a source and decoder of a target.

    Parameters
    ----------
    source_vocab, target_vocab : int
        Numbers of tokens.
    units, hidden, num_layers, num_heads : int
        Sizes; the defaults are those of the paper's base model.
    max_length : int
        Longest text.
    dropout : float
    """

    def __init__(
        self,
        source_vocab,
        target_vocab,
        units=512,
        hidden=None,
        num_layers=6,
        num_heads=8,
        max_length=512,
        dropout=0.1,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self._units, self._max_length = units, max_length
        sizes = {"hidden": hidden, "dropout": dropout, "activation": "relu"}

        def layers(name, **more):
            made = [
                TransformerLayer(units, num_heads, prefix=f"{name}{i}_", **sizes, **more)
                for i in range(num_layers)
            ]
            return register(self, made)

        with self.name_scope():
            self.source = nn.Embedding(source_vocab, units, prefix="source_")
            self.target = nn.Embedding(target_vocab, units, prefix="target_")
            self.waves = self.params.get_constant("waves", _waves(max_length, units))
            self.dropout = nn.Dropout(dropout)
            self._encoder = layers("encoder")
            self._decoder = layers("decoder", causal=True, cross=True)
            self.output = nn.Dense(
                target_vocab,
                flatten=False,
                use_bias=False,
                in_units=units,
                params=self.target.params,
                prefix="target_",
            )

    def _embed(self, F, table, tokens, waves):
        x = table(tokens) * self._units**0.5
        place = F.take(waves, places(F, tokens))
        return self.dropout(F.broadcast_add(x, F.expand_dims(place, 0)))

    def _encode(self, F, source, source_length, waves):
        valid = is_valid(F, source, source_length)
        x = self._embed(F, self.source, source, waves)
        for layer in self._encoder:
            x = layer(x, valid)
        return x, valid

    def hybrid_forward(self, F, source, source_length, target, waves):
        """Tokens of shape (n, length) and (n, target length), lengths of the sources (n,); gives
        scores of the target's next tokens, (n, target length, target_vocab)."""
        memory, valid = self._encode(F, source, source_length, waves)
        x = self._embed(F, self.target, target, waves)
        for layer in self._decoder:
            x = layer(x, valid, memory)
        return self.output(x)

    def _begin(self, source, source_length, start):
        """Scores after the token `start`, the state for the next one, and the valid places."""
        waves = self.waves.data()
        memory, valid = self._encode(ndarray, source, source_length, waves)
        tokens = ndarray.full((source.shape[0], 1), start)
        x, kept = self._embed(ndarray, self.target, tokens, waves), []
        for layer in self._decoder:
            x, own = layer.remember(x, (memory, valid))
            kept.append(own)
        return self.output(x)[:, 0], kept, valid

    def _step(self, tokens, at, kept, valid):
        x = self.target(tokens.expand_dims(1)) * self._units**0.5
        x, after = x + self.waves.data()[at].reshape((1, 1, -1)), []
        for layer, own in zip(self._decoder, kept, strict=True):
            x, own = layer.step(x, own, valid)
            after.append(own)
        return self.output(x)[:, 0], after

    def translate(self, source, source_length, start, end, max_steps=None):
        """Likeliest targets, token by token.

        Parameters
        ----------
        source, source_length : NDArray
            As when called.
        start, end : int
            Tokens at the beginning and the end of targets.
        max_steps : int, optional
            Longest target; default `max_length`.

        Returns
        -------
        list of list of int
            Without `start` and `end`.
        """
        scores, kept, valid = self._begin(source, source_length, start)
        found, done = [[] for _ in range(source.shape[0])], set()
        for at in range(1, min(max_steps or self._max_length, self._max_length) + 1):
            token = scores.argmax(axis=1)
            for i, value in enumerate(token.asnumpy().astype(int).tolist()):
                if i in done or value == end:
                    done.add(i)
                else:
                    found[i].append(value)
            if len(done) == len(found) or at == self._max_length:
                break
            scores, kept = self._step(token, at, kept, valid)
        return found
