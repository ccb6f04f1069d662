"""Inception, version 3. Szegedy and others: Rethinking the Inception architecture (2015)."""

from ... import nn
from ...hybrid_block import HybridBlock

__all__ = ["Inception3"]


def _conv(channels, kernel, strides=1, padding=0):
    out = nn.HybridSequential(prefix="")
    out.add(
        nn.Conv2D(channels, kernel, strides, padding, use_bias=False),
        nn.BatchNorm(epsilon=0.001),
        nn.Activation("relu"),
    )
    return out


def _branch(pool, *convs):
    """A pooling layer ('avg', 'max' or None), then convolutions."""
    out = nn.HybridSequential(prefix="")
    if pool == "avg":
        out.add(nn.AvgPool2D(3, 1, 1))
    elif pool == "max":
        out.add(nn.MaxPool2D(3, 2))
    for setting in convs:
        out.add(_conv(*setting))
    return out


def _join(prefix, *branches):
    out = nn.HybridConcatenate(axis=1, prefix=prefix)
    with out.name_scope():
        for branch in branches:
            out.add(branch() if callable(branch) else branch)
    return out


def _a(pool_features, prefix):
    return _join(
        prefix,
        lambda: _branch(None, (64, 1)),
        lambda: _branch(None, (48, 1), (64, 5, 1, 2)),
        lambda: _branch(None, (64, 1), (96, 3, 1, 1), (96, 3, 1, 1)),
        lambda: _branch("avg", (pool_features, 1)),
    )


def _b(prefix):
    return _join(
        prefix,
        lambda: _branch(None, (384, 3, 2)),
        lambda: _branch(None, (64, 1), (96, 3, 1, 1), (96, 3, 2)),
        lambda: _branch("max"),
    )


def _c(channels, prefix):
    row, column = ((1, 7), 1, (0, 3)), ((7, 1), 1, (3, 0))
    return _join(
        prefix,
        lambda: _branch(None, (192, 1)),
        lambda: _branch(None, (channels, 1), (channels, *row), (192, *column)),
        lambda: _branch(
            None,
            (channels, 1),
            (channels, *column),
            (channels, *row),
            (channels, *column),
            (192, *row),
        ),
        lambda: _branch("avg", (192, 1)),
    )


def _d(prefix):
    return _join(
        prefix,
        lambda: _branch(None, (192, 1), (320, 3, 2)),
        lambda: _branch(
            None, (192, 1), (192, (1, 7), 1, (0, 3)), (192, (7, 1), 1, (3, 0)), (192, 3, 2)
        ),
        lambda: _branch("max"),
    )


def _fork(*convs):
    """Convolutions, then one of 1 x 3 beside one of 3 x 1."""
    out = nn.HybridSequential(prefix="")
    out.add(_branch(None, *convs))
    ends = nn.HybridConcatenate(axis=1, prefix="")
    ends.add(_branch(None, (384, (1, 3), 1, (0, 1))), _branch(None, (384, (3, 1), 1, (1, 0))))
    out.add(ends)
    return out


def _e(prefix):
    return _join(
        prefix,
        lambda: _branch(None, (320, 1)),
        lambda: _fork((384, 1)),
        lambda: _fork((448, 1), (384, 3, 1, 1)),
        lambda: _branch("avg", (192, 1)),
    )


class Inception3(HybridBlock):
    """For images of 299 x 299.

    Parameters
    ----------
    classes : int
    """

    def __init__(self, classes=1000, prefix=None, params=None):
        super().__init__(prefix=prefix, params=params)
        with self.name_scope():
            self.features = nn.HybridSequential(prefix="")
            self.features.add(
                _conv(32, 3, 2),
                _conv(32, 3),
                _conv(64, 3, padding=1),
                nn.MaxPool2D(3, 2),
                _conv(80, 1),
                _conv(192, 3),
                nn.MaxPool2D(3, 2),
                _a(32, "A1_"),
                _a(64, "A2_"),
                _a(64, "A3_"),
                _b("B_"),
                _c(128, "C1_"),
                _c(160, "C2_"),
                _c(160, "C3_"),
                _c(192, "C4_"),
                _d("D_"),
                _e("E1_"),
                _e("E2_"),
                nn.AvgPool2D(8),
                nn.Dropout(0.5),
            )
            self.output = nn.Dense(classes)

    def hybrid_forward(self, F, x):
        return self.output(self.features(x))
