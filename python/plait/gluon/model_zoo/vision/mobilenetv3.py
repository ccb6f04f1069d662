"""Small networks found by search. Howard and others: Searching for MobileNetV3 (2019)."""

from ... import nn
from ...hybrid_block import HybridBlock

__all__ = ["MobileNetV3"]

# Kernel, channels inside, channels, whether they are weighed, rectifier, stride.
_LARGE = (
    (3, 16, 16, False, "relu", 1),
    (3, 64, 24, False, "relu", 2),
    (3, 72, 24, False, "relu", 1),
    (5, 72, 40, True, "relu", 2),
    (5, 120, 40, True, "relu", 1),
    (5, 120, 40, True, "relu", 1),
    (3, 240, 80, False, "hard", 2),
    (3, 200, 80, False, "hard", 1),
    (3, 184, 80, False, "hard", 1),
    (3, 184, 80, False, "hard", 1),
    (3, 480, 112, True, "hard", 1),
    (3, 672, 112, True, "hard", 1),
    (5, 672, 160, True, "hard", 2),
    (5, 960, 160, True, "hard", 1),
    (5, 960, 160, True, "hard", 1),
)
_SMALL = (
    (3, 16, 16, True, "relu", 2),
    (3, 72, 24, False, "relu", 2),
    (3, 88, 24, False, "relu", 1),
    (5, 96, 40, True, "hard", 2),
    (5, 240, 40, True, "hard", 1),
    (5, 240, 40, True, "hard", 1),
    (5, 120, 48, True, "hard", 1),
    (5, 144, 48, True, "hard", 1),
    (5, 288, 96, True, "hard", 2),
    (5, 576, 96, True, "hard", 1),
    (5, 576, 96, True, "hard", 1),
)
# Blocks, channels after them, units before the scores.
_KINDS = {"large": (_LARGE, 960, 1280), "small": (_SMALL, 576, 1024)}


def _eighths(count):
    """The nearest multiple of 8 that loses at most a tenth."""
    near = max(8, int(count + 4) // 8 * 8)
    return near if near >= 0.9 * count else near + 8


def _hard_sigmoid(F, x):
    return F.clip(x + 3.0, 0, 6) * (1.0 / 6.0)


class _Rectifier(HybridBlock):
    """relu, or x times a sigmoid of straight lines."""

    def __init__(self, kind, **kwargs):
        super().__init__(**kwargs)
        self._hard = kind == "hard"

    def hybrid_forward(self, F, x):
        return x * _hard_sigmoid(F, x) if self._hard else F.relu(x)


def _conv(out, channels, kernel, stride=1, groups=1, kind=None):
    out.add(nn.Conv2D(channels, kernel, stride, kernel // 2, groups=groups, use_bias=False))
    out.add(nn.BatchNorm(epsilon=0.001, momentum=0.99))
    if kind:
        out.add(_Rectifier(kind))


class _Weigh(HybridBlock):
    """Channels times factors that depend on the means of all of them (squeeze and excitation)."""

    def __init__(self, channels, **kwargs):
        super().__init__(**kwargs)
        with self.name_scope():
            self.pool = nn.GlobalAvgPool2D()
            self.squeeze = nn.Conv2D(_eighths(channels // 4), 1)
            self.excite = nn.Conv2D(channels, 1)

    def hybrid_forward(self, F, x):
        factors = self.excite(F.relu(self.squeeze(self.pool(x))))
        return F.broadcast_mul(x, _hard_sigmoid(F, factors))


class _Bottleneck(HybridBlock):
    def __init__(self, before, kernel, inside, channels, weigh, kind, stride, **kwargs):
        super().__init__(**kwargs)
        self._shortcut = stride == 1 and before == channels
        with self.name_scope():
            self.out = nn.HybridSequential()
            if inside != before:
                _conv(self.out, inside, 1, kind=kind)
            _conv(self.out, inside, kernel, stride, inside, kind)
            if weigh:
                self.out.add(_Weigh(inside))
            _conv(self.out, channels, 1)

    def hybrid_forward(self, F, x):
        out = self.out(x)
        return out + x if self._shortcut else out


class MobileNetV3(HybridBlock):
    """Bottlenecks as of `MobileNetV2`, some with weighed channels.

    Parameters
    ----------
    kind : {'large', 'small'}
    multiplier : float
        Factor on the channels.
    classes : int
    dropout : float
        Before the scores.
    """

    def __init__(
        self, kind="large", multiplier=1.0, classes=1000, dropout=0.2, prefix=None, params=None
    ):
        super().__init__(prefix=prefix, params=params)
        if kind not in _KINDS:
            raise ValueError(f"MobileNetV3: kind is {kind!r}, must be 'large' or 'small'")
        blocks, last, units = _KINDS[kind]
        with self.name_scope():
            self.features = nn.HybridSequential(prefix="features_")
            with self.features.name_scope():
                before = _eighths(16 * multiplier)
                _conv(self.features, before, 3, 2, kind="hard")
                for kernel, inside, channels, weigh, rectifier, stride in blocks:
                    inside, channels = (_eighths(n * multiplier) for n in (inside, channels))
                    self.features.add(
                        _Bottleneck(before, kernel, inside, channels, weigh, rectifier, stride)
                    )
                    before = channels
                _conv(self.features, _eighths(last * multiplier), 1, kind="hard")
                self.features.add(nn.GlobalAvgPool2D(), nn.Flatten())
            self.output = nn.HybridSequential(prefix="output_")
            with self.output.name_scope():
                self.output.add(nn.Dense(units), _Rectifier("hard"), nn.Dropout(dropout))
                self.output.add(nn.Dense(classes))

    def hybrid_forward(self, F, x):
        return self.output(self.features(x))
