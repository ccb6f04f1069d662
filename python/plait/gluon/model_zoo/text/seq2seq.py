"""The transformer that turns texts into texts: Vaswani and others, "Attention is all you need"
(2017)."""

import numpy as np

from .... import ndarray
from ... import nn
from ...hybrid_block import HybridBlock
from .places import hidden, places
from .search import Beams

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
    units, hidden_units, num_layers, num_heads : int
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
        hidden_units=None,
        num_layers=6,
        num_heads=8,
        max_length=512,
        dropout=0.1,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self._units, self._max_length = units, max_length
        sizes = num_layers, units, num_heads, hidden_units
        options = {
            "dropout": dropout,
            "attention_dropout": dropout,
            "activation": "relu",
            "pre_norm": False,
        }
        with self.name_scope():
            self.source = nn.Embedding(source_vocab, units, prefix="source_")
            self.target = nn.Embedding(target_vocab, units, prefix="target_")
            self.waves = self.params.get_constant("waves", _waves(max_length, units))
            self.dropout = nn.Dropout(dropout)
            self.encoder = nn.TransformerEncoder(*sizes, prefix="encoder_", **options)
            self.decoder = nn.TransformerDecoder(*sizes, prefix="decoder_", **options)
            self.output = nn.Dense(
                target_vocab,
                flatten=False,
                use_bias=False,
                in_units=units,
                params=self.target.params,
                prefix="target_",
            )

    def _embed(self, F, table, tokens, place):
        return self.dropout(F.broadcast_add(table(tokens) * self._units**0.5, place))

    def _encode(self, F, source, source_length, waves):
        mask = hidden(F, source, source_length)
        place = F.expand_dims(F.take(waves, places(F, source)), 0)
        return self.encoder(self._embed(F, self.source, source, place), mask), mask

    def hybrid_forward(self, F, source, source_length, target, waves):
        """Tokens of shape (n, length) and (n, target length), lengths of the sources (n,); gives
        scores of the target's next tokens, (n, target length, target_vocab)."""
        memory, mask = self._encode(F, source, source_length, waves)
        place = F.expand_dims(F.take(waves, places(F, target)), 0)
        x = self._embed(F, self.target, target, place)
        return self.output(self.decoder(x, memory, mask))

    def translate(
        self, source, source_length, start, end, max_steps=None, beam=1, length_penalty=0.6
    ):
        """Likeliest targets, token by token.

        Parameters
        ----------
        source, source_length : NDArray
            As when called.
        start, end : int
            Tokens at the beginning and the end of targets.
        max_steps : int, optional
            Longest target; default `max_length`.
        beam : int
            Targets that are kept at each step; 1: the likeliest token each time.
        length_penalty : float
            How much longer targets are preferred, see `search.Beams`.

        Returns
        -------
        list of list of int
            Without `start` and `end`.
        """
        if beam < 1:
            raise ValueError(f"translate: beam is {beam}, must be >= 1")
        n, steps = source.shape[0], min(max_steps or self._max_length, self._max_length)
        waves = self.waves.data()
        memory, mask = (
            ndarray.repeat(x, repeats=beam, axis=0)
            for x in self._encode(ndarray, source, source_length, waves)
        )
        caches = self.decoder.make_cache(n * beam, steps, memory, ctx=source.context)
        beams = Beams(n, beam, end, length_penalty)
        token = ndarray.full((n * beam,), start, ctx=source.context)
        for at in range(steps):
            place = waves[at].reshape((1, 1, -1))
            x = self._embed(ndarray, self.target, token.expand_dims(1), place)
            scores = self.output(self.decoder.decode(x, caches, mask))[:, 0]
            rows, tokens = beams.advance(scores.log_softmax(axis=1).asnumpy())
            if beams.done:
                break
            token = ndarray.array(tokens, ctx=source.context)
            if beam > 1:
                for own, _ in caches:
                    own.reorder(ndarray.array(rows, ctx=source.context))
        return beams.best()
