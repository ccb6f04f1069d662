"""Residual networks.

He, Zhang, Ren, Sun: Deep residual learning (2015); Identity mappings (2016).
"""

from ... import nn
from ...hybrid_block import HybridBlock

__all__ = [
    "ResNetV1",
    "ResNetV2",
    "BasicBlockV1",
    "BasicBlockV2",
    "BottleneckV1",
    "BottleneckV2",
    "get_resnet",
]

# Kind of block, blocks in each stage, channels of the stem and of each stage.
_SPECS = {
    18: ("basic", (2, 2, 2, 2), (64, 64, 128, 256, 512)),
    34: ("basic", (3, 4, 6, 3), (64, 64, 128, 256, 512)),
    50: ("bottleneck", (3, 4, 6, 3), (64, 256, 512, 1024, 2048)),
    101: ("bottleneck", (3, 4, 23, 3), (64, 256, 512, 1024, 2048)),
    152: ("bottleneck", (3, 8, 36, 3), (64, 256, 512, 1024, 2048)),
}


def _conv3x3(channels, stride, in_channels):
    return nn.Conv2D(channels, 3, stride, 1, use_bias=False, in_channels=in_channels)


class _BlockV1(HybridBlock):
    """Convolutions, then the sum with the input, then the rectifier."""

    def __init__(self, channels, stride, downsample=False, in_channels=0, prefix=None, params=None):
        super().__init__(prefix=prefix, params=params)
        self.body = nn.HybridSequential(prefix="")
        self._fill(channels, stride, in_channels)
        self.downsample = None
        if downsample:
            self.downsample = nn.HybridSequential(prefix="")
            self.downsample.add(
                nn.Conv2D(channels, 1, stride, use_bias=False, in_channels=in_channels),
                nn.BatchNorm(),
            )

    def hybrid_forward(self, F, x):
        short = x if self.downsample is None else self.downsample(x)
        return F.Activation(self.body(x) + short, act_type="relu")


class BasicBlockV1(_BlockV1):
    """Two convolutions of 3 x 3; for 18 and 34 layers."""

    def _fill(self, channels, stride, in_channels):
        self.body.add(
            _conv3x3(channels, stride, in_channels),
            nn.BatchNorm(),
            nn.Activation("relu"),
            _conv3x3(channels, 1, channels),
            nn.BatchNorm(),
        )


class BottleneckV1(_BlockV1):
    """Convolutions of 1 x 1, 3 x 3 and 1 x 1; for 50 layers and more."""

    def _fill(self, channels, stride, in_channels):
        self.body.add(
            nn.Conv2D(channels // 4, 1, stride),
            nn.BatchNorm(),
            nn.Activation("relu"),
            _conv3x3(channels // 4, 1, channels // 4),
            nn.BatchNorm(),
            nn.Activation("relu"),
            nn.Conv2D(channels, 1, 1),
            nn.BatchNorm(),
        )


class BasicBlockV2(HybridBlock):
    """Normalisation and rectifier before each of two convolutions of 3 x 3."""

    def __init__(self, channels, stride, downsample=False, in_channels=0, prefix=None, params=None):
        super().__init__(prefix=prefix, params=params)
        self.bn1 = nn.BatchNorm()
        self.conv1 = _conv3x3(channels, stride, in_channels)
        self.bn2 = nn.BatchNorm()
        self.conv2 = _conv3x3(channels, 1, channels)
        self.downsample = None
        if downsample:
            self.downsample = nn.Conv2D(
                channels, 1, stride, use_bias=False, in_channels=in_channels
            )

    def hybrid_forward(self, F, x):
        ready = F.Activation(self.bn1(x), act_type="relu")
        short = x if self.downsample is None else self.downsample(ready)
        x = self.conv1(ready)
        x = F.Activation(self.bn2(x), act_type="relu")
        return self.conv2(x) + short


class BottleneckV2(HybridBlock):
    """Normalisation and rectifier before convolutions of 1 x 1, 3 x 3 and 1 x 1."""

    def __init__(self, channels, stride, downsample=False, in_channels=0, prefix=None, params=None):
        super().__init__(prefix=prefix, params=params)
        self.bn1 = nn.BatchNorm()
        self.conv1 = nn.Conv2D(channels // 4, 1, 1, use_bias=False)
        self.bn2 = nn.BatchNorm()
        self.conv2 = _conv3x3(channels // 4, stride, channels // 4)
        self.bn3 = nn.BatchNorm()
        self.conv3 = nn.Conv2D(channels, 1, 1, use_bias=False)
        self.downsample = None
        if downsample:
            self.downsample = nn.Conv2D(
                channels, 1, stride, use_bias=False, in_channels=in_channels
            )

    def hybrid_forward(self, F, x):
        ready = F.Activation(self.bn1(x), act_type="relu")
        short = x if self.downsample is None else self.downsample(ready)
        x = self.conv1(ready)
        x = self.conv2(F.Activation(self.bn2(x), act_type="relu"))
        x = self.conv3(F.Activation(self.bn3(x), act_type="relu"))
        return x + short


class _ResNet(HybridBlock):
    """Stem, four stages, pooling and a dense layer.

    Parameters
    ----------
    block : type
    layers : sequence of int
        Blocks in each stage.
    channels : sequence of int
        Of the stem and of each stage.
    classes : int
    thumbnail : bool
        Whether images are small (32 x 32): the stem does not shrink them.
    """

    def __init__(
        self, block, layers, channels, classes=1000, thumbnail=False, prefix=None, params=None
    ):
        super().__init__(prefix=prefix, params=params)
        if len(layers) != len(channels) - 1:
            raise ValueError(
                f"ResNet: channels has {len(channels)} numbers, must have {len(layers) + 1}"
            )
        with self.name_scope():
            self.features = nn.HybridSequential(prefix="")
            self._begin()
            if thumbnail:
                self.features.add(_conv3x3(channels[0], 1, 0))
            else:
                self.features.add(
                    nn.Conv2D(channels[0], 7, 2, 3, use_bias=False),
                    nn.BatchNorm(),
                    nn.Activation("relu"),
                    nn.MaxPool2D(3, 2, 1),
                )
            before = channels[0]
            for i, count in enumerate(layers):
                stage = self._stage(
                    block, count, channels[i + 1], 1 if i == 0 else 2, i + 1, before
                )
                self.features.add(stage)
                before = channels[i + 1]
            self._finish()
            self.output = nn.Dense(classes, in_units=before)

    @staticmethod
    def _stage(block, count, channels, stride, number, in_channels):
        stage = nn.HybridSequential(prefix=f"stage{number}_")
        with stage.name_scope():
            stage.add(
                block(channels, stride, channels != in_channels, in_channels=in_channels, prefix="")
            )
            for _ in range(count - 1):
                stage.add(block(channels, 1, False, in_channels=channels, prefix=""))
        return stage

    def hybrid_forward(self, F, x):
        return self.output(self.features(x))


class ResNetV1(_ResNet):
    __doc__ = "Version 1: the rectifier comes after the sum. " + _ResNet.__doc__

    def _begin(self):
        pass

    def _finish(self):
        self.features.add(nn.GlobalAvgPool2D())


class ResNetV2(_ResNet):
    __doc__ = "Version 2: the rectifier comes before the convolutions. " + _ResNet.__doc__

    def _begin(self):
        self.features.add(nn.BatchNorm(scale=False, center=False))

    def _finish(self):
        self.features.add(nn.BatchNorm(), nn.Activation("relu"), nn.GlobalAvgPool2D(), nn.Flatten())


def get_resnet(version, num_layers, **kwargs):
    """A residual network of `version` 1 or 2 with 18, 34, 50, 101 or 152 layers.

    Raises
    ------
    ValueError
        If there is no such network.
    """
    if num_layers not in _SPECS:
        raise ValueError(f"resnet: num_layers is {num_layers}, must be one of {sorted(_SPECS)}")
    if version not in (1, 2):
        raise ValueError(f"resnet: version is {version}, must be 1 or 2")
    kind, layers, channels = _SPECS[num_layers]
    blocks = {
        ("basic", 1): BasicBlockV1,
        ("basic", 2): BasicBlockV2,
        ("bottleneck", 1): BottleneckV1,
        ("bottleneck", 2): BottleneckV2,
    }
    net = ResNetV1 if version == 1 else ResNetV2
    return net(blocks[kind, version], layers, channels, **kwargs)
