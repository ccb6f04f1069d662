"""The encoder of Devlin and others, "BERT" (2018)."""

from ... import nn
from ...hybrid_block import HybridBlock
from .places import hidden, places

__all__ = ["BERTModel"]


class BERTModel(HybridBlock):
    """Encoder of texts that looks both ways.

    Parameters
    ----------
    vocab_size : int
        Number of tokens.
    units, hidden_units, num_layers, num_heads : int
        Sizes; the defaults are those of BERT base.
    max_length : int
        Longest text.
    num_segments : int
        Kinds of parts of a text.
    dropout : float
    norm_epsilon : float
        Published weights were trained with 1e-12.
    """

    def __init__(
        self,
        vocab_size,
        units=768,
        hidden_units=None,
        num_layers=12,
        num_heads=12,
        max_length=512,
        num_segments=2,
        dropout=0.1,
        norm_epsilon=1e-5,
        **kwargs,
    ):
        super().__init__(**kwargs)
        with self.name_scope():
            self.token = nn.Embedding(vocab_size, units, prefix="token_")
            self.segment = nn.Embedding(num_segments, units, prefix="segment_")
            self.place = nn.Embedding(max_length, units, prefix="place_")
            self.norm = nn.LayerNorm(in_channels=units, epsilon=norm_epsilon, prefix="norm_")
            self.dropout = nn.Dropout(dropout)
            self.encoder = nn.TransformerEncoder(
                num_layers,
                units,
                num_heads,
                hidden_units,
                dropout=dropout,
                attention_dropout=dropout,
                pre_norm=False,
                norm_epsilon=norm_epsilon,
                prefix="encoder_",
            )
            self.pooler = nn.Dense(units, activation="tanh", in_units=units, prefix="pooler_")

    def hybrid_forward(self, F, tokens, segments, valid_length):
        """Tokens and segments of shape (n, length), valid lengths of shape (n,); gives vectors of
        shape (n, length, units), and (n, units) for the whole texts."""
        x = self.token(tokens) + self.segment(segments)
        x = F.broadcast_add(x, F.expand_dims(self.place(places(F, tokens)), 0))
        x = self.encoder(self.dropout(self.norm(x)), hidden(F, tokens, valid_length))
        first = F.reshape(F.slice_axis(x, axis=1, begin=0, end=1), shape=(0, -1))
        return x, self.pooler(first)
