"""Small networks. Howard and others: MobileNets (2017); Sandler and others: MobileNetV2 (2018)."""

from ... import nn
from ...hybrid_block import HybridBlock

__all__ = ["MobileNet", "MobileNetV2"]


class RELU6(HybridBlock):
    """Rectifier that ends at 6."""

    def hybrid_forward(self, F, x):
        return F.clip(x, 0, 6)


def _add_conv(out, channels, kernel=1, stride=1, pad=0, groups=1, active=True, relu6=False):
    out.add(
        nn.Conv2D(channels, kernel, stride, pad, groups=groups, use_bias=False),
        nn.BatchNorm(scale=True),
    )
    if active:
        out.add(RELU6() if relu6 else nn.Activation("relu"))


class MobileNet(HybridBlock):
    """Convolutions of single channels (3 x 3) and of single pixels in turn.

    Parameters
    ----------
    multiplier : float
        Factor on the channels.
    classes : int
    """

    def __init__(self, multiplier=1.0, classes=1000, prefix=None, params=None):
        super().__init__(prefix=prefix, params=params)
        widths = (32, 64, 128, 128, 256, 256, *(512,) * 6, 1024, 1024)
        widths = [int(width * multiplier) for width in widths]
        strides = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
        with self.name_scope():
            self.features = nn.HybridSequential(prefix="")
            with self.features.name_scope():
                _add_conv(self.features, widths[0], 3, 2, 1)
                for i, stride in enumerate(strides):
                    before, after = widths[i : i + 2]
                    _add_conv(self.features, before, 3, stride, 1, groups=before)
                    _add_conv(self.features, after)
                self.features.add(nn.GlobalAvgPool2D(), nn.Flatten())
            self.output = nn.Dense(classes)

    def hybrid_forward(self, F, x):
        return self.output(self.features(x))


class LinearBottleneck(HybridBlock):
    """Widens by `t`, convolves single channels, narrows without rectifier."""

    def __init__(self, in_channels, channels, t, stride, prefix=None, params=None):
        super().__init__(prefix=prefix, params=params)
        self._shortcut = stride == 1 and in_channels == channels
        with self.name_scope():
            self.out = nn.HybridSequential()
            _add_conv(self.out, in_channels * t, relu6=True)
            _add_conv(self.out, in_channels * t, 3, stride, 1, in_channels * t, relu6=True)
            _add_conv(self.out, channels, active=False)

    def hybrid_forward(self, F, x):
        out = self.out(x)
        return out + x if self._shortcut else out


class MobileNetV2(HybridBlock):
    """Bottlenecks that are wide inside, with shortcuts between the narrow ends.

    Parameters
    ----------
    multiplier : float
        Factor on the channels.
    classes : int
    """

    # Widening, channels, repetitions, stride of the first.
    _STAGES = (
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    )

    def __init__(self, multiplier=1.0, classes=1000, prefix=None, params=None):
        super().__init__(prefix=prefix, params=params)
        with self.name_scope():
            self.features = nn.HybridSequential(prefix="features_")
            with self.features.name_scope():
                before = int(32 * multiplier)
                _add_conv(self.features, before, 3, 2, 1, relu6=True)
                for t, width, count, stride in self._STAGES:
                    for i in range(count):
                        channels = int(width * multiplier)
                        step = stride if i == 0 else 1
                        self.features.add(LinearBottleneck(before, channels, t, step))
                        before = channels
                last = int(1280 * multiplier) if multiplier > 1.0 else 1280
                _add_conv(self.features, last, relu6=True)
                self.features.add(nn.GlobalAvgPool2D())
            self.output = nn.HybridSequential(prefix="output_")
            with self.output.name_scope():
                self.output.add(nn.Conv2D(classes, 1, use_bias=False, prefix="pred_"), nn.Flatten())

    def hybrid_forward(self, F, x):
        return self.output(self.features(x))
