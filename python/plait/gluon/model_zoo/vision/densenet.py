"""Densely connected networks. Huang, Liu, van der Maaten, Weinberger (2016)."""

from ... import nn
from ...hybrid_block import HybridBlock

__all__ = ["DenseNet", "get_densenet"]

# Channels of the stem, growth, layers in each block.
_SPECS = {
    121: (64, 32, (6, 12, 24, 16)),
    161: (96, 48, (6, 12, 36, 24)),
    169: (64, 32, (6, 12, 32, 32)),
    201: (64, 32, (6, 12, 48, 32)),
}


def _dense_layer(growth, bn_size, dropout):
    new = nn.HybridSequential(prefix="")
    new.add(
        nn.BatchNorm(),
        nn.Activation("relu"),
        nn.Conv2D(bn_size * growth, 1, use_bias=False),
        nn.BatchNorm(),
        nn.Activation("relu"),
        nn.Conv2D(growth, 3, padding=1, use_bias=False),
    )
    if dropout:
        new.add(nn.Dropout(dropout))
    out = nn.HybridConcatenate(axis=1, prefix="")
    out.add(nn.Identity(), new)
    return out


class DenseNet(HybridBlock):
    """Each layer sees the outputs of all layers before it in its block.

    Parameters
    ----------
    num_init_features : int
        Channels of the stem.
    growth_rate : int
        Channels that each layer adds.
    block_config : sequence of int
        Layers in each block.
    bn_size : int
        Width of the bottleneck, in units of `growth_rate`.
    dropout : float
    classes : int
    """

    def __init__(
        self,
        num_init_features,
        growth_rate,
        block_config,
        bn_size=4,
        dropout=0,
        classes=1000,
        prefix=None,
        params=None,
    ):
        super().__init__(prefix=prefix, params=params)
        with self.name_scope():
            self.features = nn.HybridSequential(prefix="")
            self.features.add(
                nn.Conv2D(num_init_features, 7, 2, 3, use_bias=False),
                nn.BatchNorm(),
                nn.Activation("relu"),
                nn.MaxPool2D(3, 2, 1),
            )
            channels = num_init_features
            for i, count in enumerate(block_config):
                block = nn.HybridSequential(prefix=f"stage{i + 1}_")
                with block.name_scope():
                    for _ in range(count):
                        block.add(_dense_layer(growth_rate, bn_size, dropout))
                self.features.add(block)
                channels += count * growth_rate
                if i != len(block_config) - 1:
                    channels //= 2
                    between = nn.HybridSequential(prefix="")
                    between.add(
                        nn.BatchNorm(),
                        nn.Activation("relu"),
                        nn.Conv2D(channels, 1, use_bias=False),
                        nn.AvgPool2D(2, 2),
                    )
                    self.features.add(between)
            self.features.add(nn.BatchNorm(), nn.Activation("relu"), nn.AvgPool2D(7), nn.Flatten())
            self.output = nn.Dense(classes)

    def hybrid_forward(self, F, x):
        return self.output(self.features(x))


def get_densenet(num_layers, **kwargs):
    """A `DenseNet` of 121, 161, 169 or 201 layers.

    Raises
    ------
    ValueError
        If there is no such network.
    """
    if num_layers not in _SPECS:
        raise ValueError(f"densenet: num_layers is {num_layers}, must be one of {sorted(_SPECS)}")
    return DenseNet(*_SPECS[num_layers], **kwargs)
