"""Liu and others, "SSD: single shot multibox detector" (2016)."""

from .... import ndarray
from ... import nn
from ...hybrid_block import HybridBlock

__all__ = ["SSD", "SSDLoss"]


def _stage(channels):
    """Two convolutions, then half the size."""
    out = nn.HybridSequential()
    for _ in range(2):
        out.add(nn.Conv2D(channels, 3, padding=1, use_bias=False))
        out.add(nn.BatchNorm(), nn.Activation("relu"))
    out.add(nn.MaxPool2D())
    return out


class SSD(HybridBlock):
    """Images of shape (n, c, h, w) to boxes around objects, found at several sizes.

    Parameters
    ----------
    classes : int
        Kinds of objects, without the background.
    base : HybridBlock, optional
        Makes the first features; by default stages of `base_channels`, each of half the size.
    base_channels, channels : sequence of int
        Of the default base, and of the stages after it; features for boxes are those of the base
        and of each further stage.
    sizes, ratios : sequence of sequence of float
        Sizes of anchors, as shares of the image, and width by height, for each of these features.
    """

    def __init__(
        self,
        classes,
        base=None,
        base_channels=(16, 32, 64),
        channels=(128, 128, 128),
        sizes=((0.1, 0.14), (0.2, 0.27), (0.37, 0.45), (0.54, 0.62)),
        ratios=((1, 2, 0.5),) * 4,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self._scales = len(channels) + 1
        if not len(sizes) == len(ratios) == self._scales:
            raise ValueError(
                f"SSD: sizes and ratios have {len(sizes)} and {len(ratios)} entries, must have "
                f"{self._scales}, one for the base and for each of its {len(channels)} further "
                "stages"
            )
        self._classes = classes
        self._anchors = [(tuple(s), tuple(r)) for s, r in zip(sizes, ratios, strict=True)]
        with self.name_scope():
            if base is None:
                base = nn.HybridSequential(prefix="base_")
                for count in base_channels:
                    base.add(_stage(count))
            self.base = base
            self.stages = nn.HybridSequential(prefix="stages_")
            self.classifiers = nn.HybridSequential(prefix="class_")
            self.locators = nn.HybridSequential(prefix="box_")
            for count in channels:
                self.stages.add(_stage(count))
            for size, ratio in self._anchors:
                count = len(size) + len(ratio) - 1
                self.classifiers.add(nn.Conv2D(count * (classes + 1), 3, padding=1))
                self.locators.add(nn.Conv2D(count * 4, 3, padding=1))

    def hybrid_forward(self, F, x):
        """Anchors (1, k, 4), scores (n, k, classes + 1) with the background first, and offsets
        (n, 4 k)."""
        anchors, scores, offsets = [], [], []
        for i, (size, ratio) in enumerate(self._anchors):
            x = self.stages[i - 1](x) if i else self.base(x)
            anchors.append(F.contrib.MultiBoxPrior(x, sizes=size, ratios=ratio, clip=False))
            score = F.transpose(self.classifiers[i](x), axes=(0, 2, 3, 1))
            scores.append(F.reshape(score, shape=(0, -1, self._classes + 1)))
            offsets.append(F.flatten(F.transpose(self.locators[i](x), axes=(0, 2, 3, 1))))
        return F.concat(*anchors, dim=1), F.concat(*scores, dim=1), F.concat(*offsets, dim=1)

    @staticmethod
    def targets(anchors, scores, labels, overlap=0.5, negatives=3.0):
        """What the network should have found.

        Parameters
        ----------
        anchors, scores : NDArray
            As the network gives them.
        labels : NDArray
            Shape (n, objects, 5): class, left, top, right, bottom as shares; class -1 for none.
        overlap : float
            Intersection by union from which an anchor stands for an object.
        negatives : float
            Anchors without object that count, for each one with an object: those that are worst.

        Returns
        -------
        offsets (n, 4 k), mask (n, 4 k), classes (n, k)
            Class 0 is the background, -1 does not count.
        """
        return ndarray.contrib.MultiBoxTarget(
            anchors,
            labels,
            scores.transpose((0, 2, 1)),
            overlap_threshold=overlap,
            negative_mining_ratio=negatives,
            negative_mining_thresh=overlap,
            ignore_label=-1,
        )

    def detect(self, x, threshold=0.01, overlap=0.45, count=400):
        """Boxes of images.

        Parameters
        ----------
        threshold : float
            Least probability.
        overlap : float
            Intersection by union from which the less likely of two boxes of a class goes.
        count : int
            Boxes of an image that are looked at.

        Returns
        -------
        NDArray
            Shape (n, k, 6): class (-1: none), probability, left, top, right, bottom as shares.
        """
        anchors, scores, offsets = self(x)
        return ndarray.contrib.MultiBoxDetection(
            scores.softmax(axis=-1).transpose((0, 2, 1)),
            offsets,
            anchors,
            threshold=threshold,
            nms_threshold=overlap,
            nms_topk=count,
        )


class SSDLoss(HybridBlock):
    """Cross entropy of the classes and smooth distance of the offsets, for each image (n,).

    Parameters
    ----------
    weight : float
        Of the offsets.
    """

    def __init__(self, weight=1.0, **kwargs):
        super().__init__(**kwargs)
        self._weight = weight

    def hybrid_forward(self, F, scores, offsets, classes, offset_target, mask):
        """Arguments as `SSD` and `SSD.targets` give them."""
        counts = classes >= 0
        chosen = F.pick(
            F.log_softmax(scores, axis=-1),
            F.broadcast_maximum(classes, F.zeros_like(classes)),
            axis=-1,
        )
        cross = -F.sum(chosen * counts, axis=1)
        far = F.sum(F.smooth_l1((offsets - offset_target) * mask, scalar=1.0), axis=1)
        positive = F.sum(classes > 0, axis=1) + 1.0
        return (cross + self._weight * far) / positive
