"""Convolutions over words: Kim, "Convolutional networks for sentence classification" (2014)."""

from ... import nn
from ...hybrid_block import HybridBlock

__all__ = ["TextCNN"]


class TextCNN(HybridBlock):
    """Texts of shape (n, length) to scores of shape (n, `classes`).

    Parameters
    ----------
    vocab_size : int
        Number of words.
    classes : int
    units : int
        Length of the vector of a word.
    kernel_sizes : sequence of int
        Words that a convolution sees; texts must be as long as the largest.
    channels : int
        Of each convolution.
    dropout : float
        Before the scores.
    """

    def __init__(
        self,
        vocab_size,
        classes,
        units=128,
        kernel_sizes=(3, 4, 5),
        channels=100,
        dropout=0.5,
        **kwargs,
    ):
        super().__init__(**kwargs)
        with self.name_scope():
            self.embedding = nn.Embedding(vocab_size, units)
            self.paths = nn.HybridConcurrent(axis=1)
            for size in kernel_sizes:
                path = nn.HybridSequential()
                path.add(nn.Conv1D(channels, size, in_channels=units, activation="relu"))
                path.add(nn.GlobalMaxPool1D(), nn.Flatten())
                self.paths.add(path)
            self.dropout = nn.Dropout(dropout)
            self.output = nn.Dense(classes, in_units=channels * len(kernel_sizes))

    def hybrid_forward(self, F, tokens):
        words = F.transpose(self.embedding(tokens), axes=(0, 2, 1))
        return self.output(self.dropout(self.paths(words)))
