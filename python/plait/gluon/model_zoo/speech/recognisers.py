"""Recognisers that are trained with `gluon.loss.CTCLoss`: Graves and others, "Connectionist
temporal classification" (2006)."""

import numpy as np

from ... import nn, rnn
from ...hybrid_block import HybridBlock

__all__ = ["CRNN", "DeepSpeech", "ctc_decode"]


def _half(length, times):
    """Length after convolutions of step 2 that keep the borders."""
    for _ in range(times):
        length = -(-length // 2)
    return length


class DeepSpeech(HybridBlock):
    """Spectra over time to scores of symbols: Amodei and others, "Deep Speech 2" (2015).

    Parameters
    ----------
    classes : int
        Symbols and, as the last one, the blank.
    features : int
        Numbers of a spectrum.
    channels : int
        Of the two convolutions, which halve the frequencies twice and the time once.
    units, num_layers : int
        Of the recurrent layers, in each direction.
    dropout : float
        Between recurrent layers.
    """

    def __init__(
        self, classes, features=161, channels=32, units=256, num_layers=3, dropout=0.0, **kwargs
    ):
        super().__init__(**kwargs)
        self._wide = channels * _half(features, 2)
        with self.name_scope():
            self.front = nn.HybridSequential(prefix="front_")
            for strides in ((2, 2), (1, 2)):
                self.front.add(
                    nn.Conv2D(channels, (11, 5), strides, (5, 2), use_bias=False),
                    nn.BatchNorm(),
                    nn.Activation("relu"),
                )
            self.recurrent = rnn.GRU(
                units,
                num_layers,
                layout="NTC",
                dropout=dropout,
                bidirectional=True,
                input_size=self._wide,
            )
            self.output = nn.Dense(classes, flatten=False, in_units=2 * units)

    def hybrid_forward(self, F, x):
        """Shape (n, time, features) to (n, half the time, classes), before the softmax."""
        x = self.front(F.expand_dims(x, 1))  # (n, channels, time, frequencies)
        x = F.reshape(F.transpose(x, axes=(0, 2, 1, 3)), shape=(0, 0, -3))
        return self.output(self.recurrent(x))

    @staticmethod
    def output_length(length):
        """Places of the result for spectra of this length."""
        return _half(length, 1)


class CRNN(HybridBlock):
    """Pictures of lines of text to scores of symbols: Shi, Bai, Yao, "An end-to-end trainable
    neural network for image-based sequence recognition" (2015).

    Parameters
    ----------
    classes : int
        Symbols and, as the last one, the blank.
    height : int
        Of the pictures, a multiple of 4.
    channels : sequence of int
        Of the convolutions; after each of the first two width and height are halved.
    units : int
        Of the two recurrent layers, in each direction.
    """

    def __init__(self, classes, height=32, channels=(32, 64, 128), units=128, **kwargs):
        super().__init__(**kwargs)
        if height % 4 or len(channels) < 2:
            raise ValueError(
                f"CRNN: height is {height}, must be a multiple of 4, and channels has "
                f"{len(channels)} entries, must have at least 2"
            )
        with self.name_scope():
            self.front = nn.HybridSequential(prefix="front_")
            for i, count in enumerate(channels):
                self.front.add(
                    nn.Conv2D(count, 3, padding=1, use_bias=False),
                    nn.BatchNorm(),
                    nn.Activation("relu"),
                )
                if i < 2:
                    self.front.add(nn.MaxPool2D())
            self.recurrent = rnn.LSTM(
                units,
                2,
                layout="NTC",
                bidirectional=True,
                input_size=channels[-1] * (height // 4),
            )
            self.output = nn.Dense(classes, flatten=False, in_units=2 * units)

    def hybrid_forward(self, F, x):
        """Shape (n, c, height, w) to (n, w / 4, classes), before the softmax."""
        x = self.front(x)
        x = F.reshape(F.transpose(x, axes=(0, 3, 1, 2)), shape=(0, 0, -3))
        return self.output(self.recurrent(x))


def ctc_decode(scores, lengths=None, blank=None):
    """The likeliest symbol at each place, without repetitions and blanks.

    Parameters
    ----------
    scores : NDArray
        Shape (n, time, classes).
    lengths : sequence of int, optional
        Places of each sequence; default all.
    blank : int, optional
        Default the last class, as in `gluon.loss.CTCLoss`.

    Returns
    -------
    list of list of int
    """
    best = scores.argmax(axis=2).asnumpy().astype(int)
    blank = scores.shape[2] - 1 if blank is None else blank
    out = []
    for i, row in enumerate(best):
        row = row if lengths is None else row[: int(lengths[i])]
        new = np.concatenate([[True], row[1:] != row[:-1]]) if len(row) else np.array([], bool)
        out.append(row[new & (row != blank)].tolist())
    return out
