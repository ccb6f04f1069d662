"""U-Net: Ronneberger, Fischer, Brox, "Convolutional networks for segmentation" (2015)."""

from ... import nn
from ...hybrid_block import HybridBlock

__all__ = ["UNet"]


def _pair(channels):
    """Two convolutions of 3 x 3 that keep the size."""
    out = nn.HybridSequential()
    for _ in range(2):
        out.add(nn.Conv2D(channels, 3, padding=1, use_bias=False))
        out.add(nn.BatchNorm(), nn.Activation("relu"))
    return out


class UNet(HybridBlock):
    """Images of shape (n, c, h, w) to scores of shape (n, `classes`, h, w).

    Parameters
    ----------
    classes : int
    channels : sequence of int
        Channels at each size, from the full one down; h and w must be multiples of 2 to the number
        of sizes less one.
    """

    def __init__(self, classes, channels=(64, 128, 256, 512, 1024), **kwargs):
        super().__init__(**kwargs)
        with self.name_scope():
            self.down = nn.HybridSequential()
            self.up = nn.HybridSequential()
            self.join = nn.HybridSequential()
            for count in channels:
                self.down.add(_pair(count))
            for count in reversed(channels[:-1]):
                self.up.add(nn.Conv2DTranspose(count, 2, strides=2))
                self.join.add(_pair(count))
            self.pool = nn.MaxPool2D()
            self.output = nn.Conv2D(classes, 1)

    def hybrid_forward(self, F, x):
        kept = []
        for i, block in enumerate(self.down):
            x = block(self.pool(x) if i else x)
            kept.append(x)
        for up, join, level in zip(self.up, self.join, reversed(kept[:-1]), strict=True):
            x = join(F.concat(level, up(x), dim=1))
        return self.output(x)
