"""Networks without branches, and SqueezeNet."""

from .... import initializer
from ... import nn
from ...hybrid_block import HybridBlock

__all__ = ["AlexNet", "VGG", "SqueezeNet", "get_vgg"]

_VGG_LAYERS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
_VGG_FILTERS = (64, 128, 256, 512, 512)


class _Classifier(HybridBlock):
    """Features, then an output layer."""

    def hybrid_forward(self, F, x):
        return self.output(self.features(x))


class AlexNet(_Classifier):
    """Krizhevsky: One weird trick for parallelizing convolutional neural networks (2014)."""

    def __init__(self, classes=1000, prefix=None, params=None):
        super().__init__(prefix=prefix, params=params)
        with self.name_scope():
            self.features = nn.HybridSequential(prefix="")
            with self.features.name_scope():
                self.features.add(
                    nn.Conv2D(64, 11, 4, 2, activation="relu"),
                    nn.MaxPool2D(3, 2),
                    nn.Conv2D(192, 5, padding=2, activation="relu"),
                    nn.MaxPool2D(3, 2),
                    nn.Conv2D(384, 3, padding=1, activation="relu"),
                    nn.Conv2D(256, 3, padding=1, activation="relu"),
                    nn.Conv2D(256, 3, padding=1, activation="relu"),
                    nn.MaxPool2D(3, 2),
                    nn.Flatten(),
                    nn.Dense(4096, activation="relu"),
                    nn.Dropout(0.5),
                    nn.Dense(4096, activation="relu"),
                    nn.Dropout(0.5),
                )
            self.output = nn.Dense(classes)


class VGG(_Classifier):
    """Simonyan, Zisserman: Very deep convolutional networks (2014).

    Parameters
    ----------
    layers, filters : sequence of int
        Convolutions in each stage, and their channels.
    classes : int
    batch_norm : bool
        Whether each convolution is followed by `BatchNorm`.
    """

    def __init__(self, layers, filters, classes=1000, batch_norm=False, prefix=None, params=None):
        super().__init__(prefix=prefix, params=params)
        if len(layers) != len(filters):
            raise ValueError(f"VGG: filters has {len(filters)} numbers, must have {len(layers)}")
        with self.name_scope():
            self.features = nn.HybridSequential(prefix="")
            for count, channels in zip(layers, filters, strict=True):
                for _ in range(count):
                    init = initializer.Xavier("gaussian", "out", 2)
                    self.features.add(nn.Conv2D(channels, 3, padding=1, weight_initializer=init))
                    if batch_norm:
                        self.features.add(nn.BatchNorm())
                    self.features.add(nn.Activation("relu"))
                self.features.add(nn.MaxPool2D(strides=2))
            for _ in range(2):
                self.features.add(
                    nn.Dense(4096, activation="relu", weight_initializer="normal"),
                    nn.Dropout(0.5),
                )
            self.output = nn.Dense(classes, weight_initializer="normal")


def get_vgg(num_layers, **kwargs):
    """A `VGG` of 11, 13, 16 or 19 layers.

    Raises
    ------
    ValueError
        If there is no such network.
    """
    if num_layers not in _VGG_LAYERS:
        raise ValueError(f"vgg: num_layers is {num_layers}, must be one of {sorted(_VGG_LAYERS)}")
    return VGG(_VGG_LAYERS[num_layers], _VGG_FILTERS, **kwargs)


def _fire_conv(channels, kernel, padding=0):
    out = nn.HybridSequential(prefix="")
    out.add(nn.Conv2D(channels, kernel, padding=padding), nn.Activation("relu"))
    return out


def _fire(squeeze, expand):
    out = nn.HybridSequential(prefix="")
    out.add(_fire_conv(squeeze, 1))  # first: names of parameters count in this order
    paths = nn.HybridConcatenate(axis=1, prefix="")
    paths.add(_fire_conv(expand, 1), _fire_conv(expand, 3, 1))
    out.add(paths)
    return out


class SqueezeNet(_Classifier):
    """Iandola and others: SqueezeNet (2016).

    Parameters
    ----------
    version : {'1.0', '1.1'}
    classes : int
    """

    # Pairs are fire modules; None is a pooling layer.
    _PLANS = {
        "1.0": (
            96,
            7,
            (
                (16, 64),
                (16, 64),
                (32, 128),
                None,
                (32, 128),
                (48, 192),
                (48, 192),
                (64, 256),
                None,
                (64, 256),
            ),
        ),
        "1.1": (
            64,
            3,
            (
                (16, 64),
                (16, 64),
                None,
                (32, 128),
                (32, 128),
                None,
                (48, 192),
                (48, 192),
                (64, 256),
                (64, 256),
            ),
        ),
    }

    def __init__(self, version, classes=1000, prefix=None, params=None):
        super().__init__(prefix=prefix, params=params)
        if version not in self._PLANS:
            raise ValueError(f"SqueezeNet: version is {version!r}, must be '1.0' or '1.1'")
        channels, kernel, plan = self._PLANS[version]

        def pool():
            return nn.MaxPool2D(3, 2, ceil_mode=True)

        with self.name_scope():
            self.features = nn.HybridSequential(prefix="")
            self.features.add(nn.Conv2D(channels, kernel, 2), nn.Activation("relu"), pool())
            for part in plan:
                self.features.add(pool() if part is None else _fire(*part))
            self.features.add(nn.Dropout(0.5))
            self.output = nn.HybridSequential(prefix="")
            self.output.add(
                nn.Conv2D(classes, 1), nn.Activation("relu"), nn.AvgPool2D(13), nn.Flatten()
            )
