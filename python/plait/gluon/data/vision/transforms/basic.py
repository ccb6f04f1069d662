"""Transforms in a row, and into the arrays that networks take."""

import random

import numpy as np

from ....hybrid_block import HybridBlock
from ....nn import HybridSequential, Sequential

__all__ = [
    "Compose",
    "HybridCompose",
    "Cast",
    "ToTensor",
    "Normalize",
    "RandomApply",
    "HybridRandomApply",
]


class Compose(Sequential):
    """Transforms applied one after the other.

    Examples
    --------
    >>> change = Compose([Resize(64), CenterCrop(56), ToTensor()])
    """

    def __init__(self, transforms):
        super().__init__()
        self.add(*transforms)


class HybridCompose(HybridSequential):
    """Hybrid transforms applied one after the other; compiled as a whole."""

    def __init__(self, transforms):
        super().__init__()
        self.add(*transforms)
        self.hybridize()


class Cast(HybridBlock):
    """Changes the type of the elements."""

    def __init__(self, dtype="float32"):
        super().__init__()
        self._dtype = dtype

    def hybrid_forward(self, F, x):
        return F.cast(x, dtype=self._dtype)


class ToTensor(HybridBlock):
    """(h, w, c) in [0, 255] to float32 (c, h, w) in [0, 1]; batches (n, h, w, c) likewise."""

    def hybrid_forward(self, F, x):
        return F.image.to_tensor(x)


class Normalize(HybridBlock):
    """``(x - mean) / std`` of each channel of (c, h, w) or (n, c, h, w), floating.

    Parameters
    ----------
    mean, std : float or tuple of float
        One for all channels, or one for each.
    """

    def __init__(self, mean=0.0, std=1.0):
        super().__init__()
        self._mean, self._std = (np.ravel(v).tolist() for v in (mean, std))
        if 0 in self._std:
            raise ValueError(f"Normalize: std is {std}, must not be 0")

    def hybrid_forward(self, F, x):
        return F.image.normalize(x, mean=self._mean, std=self._std)


class RandomApply(Sequential):
    """A transform that is applied with probability `p`."""

    def __init__(self, transforms, p=0.5):
        super().__init__()
        self.transforms, self._p = transforms, p

    def forward(self, x, *args):
        """Change one image, or give it back."""
        return x if random.random() >= self._p else self.transforms(x)


class HybridRandomApply(RandomApply):
    """`RandomApply` of a hybrid transform, which is compiled."""

    def __init__(self, transforms, p=0.5):
        if not isinstance(transforms, HybridBlock):
            raise TypeError(
                f"HybridRandomApply: transforms is {type(transforms).__name__}, "
                "must be a HybridBlock"
            )
        super().__init__(transforms, p)
        transforms.hybridize()
