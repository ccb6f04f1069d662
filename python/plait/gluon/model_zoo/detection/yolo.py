"""A detector in the manner of Redmon, Farhadi, "YOLOv3" (2018)."""

import numpy as np

from .... import ndarray
from ... import nn
from ...hybrid_block import HybridBlock

__all__ = ["YOLO", "YOLOLoss"]


def _conv(channels, kernel=3, stride=1):
    out = nn.HybridSequential()
    out.add(nn.Conv2D(channels, kernel, stride, kernel // 2, use_bias=False))
    out.add(nn.BatchNorm(), nn.LeakyReLU(0.1))
    return out


class _Residual(HybridBlock):
    def __init__(self, channels, **kwargs):
        super().__init__(**kwargs)
        with self.name_scope():
            self.narrow, self.widen = _conv(channels // 2, 1), _conv(channels)

    def hybrid_forward(self, F, x):
        return x + self.widen(self.narrow(x))


class YOLO(HybridBlock):
    """Images of shape (n, c, h, w) to boxes: each cell of a grid answers for the objects whose
    middle it has.

    Parameters
    ----------
    classes : int
        Kinds of objects.
    channels : sequence of int
        Of the stages, each of half the size.
    blocks : int
        Residual blocks of each stage.
    anchors : sequence of sequence of (float, float)
        Widths and heights of typical objects, as shares of the image, for the grid of the last
        stage, of the stage before it, and so on.
    """

    def __init__(
        self,
        classes,
        channels=(32, 64, 128, 256, 512),
        blocks=1,
        anchors=(
            ((0.28, 0.22), (0.38, 0.48), (0.9, 0.78)),
            ((0.07, 0.15), (0.15, 0.11), (0.14, 0.29)),
            ((0.02, 0.03), (0.04, 0.07), (0.08, 0.06)),
        ),
        **kwargs,
    ):
        super().__init__(**kwargs)
        if not 1 <= len(anchors) <= len(channels):
            raise ValueError(
                f"YOLO: anchors has {len(anchors)} entries, must have 1 to {len(channels)}, the "
                "number of stages"
            )
        self.classes, self._numbers = classes, 5 + classes
        self.anchors = [tuple(tuple(map(float, a)) for a in scale) for scale in anchors]
        with self.name_scope():
            self.stages = nn.HybridSequential(prefix="stages_")
            self.joins = nn.HybridSequential(prefix="joins_")
            self.outputs = nn.HybridSequential(prefix="outputs_")
            for count in channels:
                stage = nn.HybridSequential()
                stage.add(_conv(count, 3, 2), *[_Residual(count) for _ in range(blocks)])
                self.stages.add(stage)
            for i, scale in enumerate(self.anchors):
                self.joins.add(_conv(channels[-1 - i]))
                self.outputs.add(nn.Conv2D(len(scale) * self._numbers, 1))

    def _boxes(self, F, raw, anchors):
        """(n, numbers, h, w) of one grid to (n, anchors * h * w, 5 + classes)."""
        raw = F.reshape(raw, shape=(0, -4, len(anchors), self._numbers, 0, 0))
        raw = F.transpose(raw, axes=(0, 1, 3, 4, 2))  # (n, anchors, h, w, numbers)
        place = F.sigmoid(F.slice_axis(raw, axis=4, begin=0, end=2))
        out = []
        for i, axis, shape in ((0, 3, (1, 1, 1, -1, 1)), (1, 2, (1, 1, -1, 1, 1))):
            cell = F.contrib.arange_like(raw, axis=axis)
            size = F.reshape(F.max(cell) + 1.0, shape=(1, 1, 1, 1, 1))
            inside = F.slice_axis(place, axis=4, begin=i, end=i + 1)
            middle = F.broadcast_add(inside, F.reshape(cell, shape=shape))
            out.append(F.broadcast_div(middle, size))
        # exp is bounded, so that a wild start stays finite.
        factor = F.exp(F.clip(F.slice_axis(raw, axis=4, begin=2, end=4), -8.0, 8.0))
        for column in range(2):
            scaled = [
                F.slice(
                    factor,
                    begin=(None, i, None, None, column),
                    end=(None, i + 1, None, None, column + 1),
                )
                * anchor[column]
                for i, anchor in enumerate(anchors)
            ]
            out.append(F.concat(*scaled, dim=1))
        out.append(F.slice_axis(raw, axis=4, begin=4, end=None))
        return F.reshape(F.concat(*out, dim=4), shape=(0, -1, self._numbers))

    def hybrid_forward(self, F, x):
        """Shape (n, boxes, 5 + classes): middle, width and height as shares, then scores of there
        being an object and of its classes, before the sigmoid. Boxes are ordered by grid, anchor,
        row and column."""
        kept = []
        for stage in self.stages:
            x = stage(x)
            kept.append(x)
        found, x = [], None
        for i, anchors in enumerate(self.anchors):
            level = kept[-1 - i]
            if x is not None:
                level = F.concat(level, F.UpSampling(x, scale=2, sample_type="nearest"), dim=1)
            x = self.joins[i](level)
            found.append(self._boxes(F, self.outputs[i](x), anchors))
        return F.concat(*found, dim=1)

    def _grids(self, height, width):
        """(rows, columns) of the grid of each scale."""
        steps = [2 ** (len(self.stages) - i) for i in range(len(self.anchors))]
        return [(-(-height // step), -(-width // step)) for step in steps]

    def targets(self, labels, height, width):
        """What the network should find in images of a size.

        Parameters
        ----------
        labels : NDArray
            Shape (n, objects, 5): class, left, top, right, bottom as shares; class -1 for none.

        Returns
        -------
        boxes (n, k, 4), mask (n, k, 1), classes (n, k, classes)
            Middle, width and height; 1 where the anchor answers for an object: the one whose form
            is nearest, in the cell with the middle of the object.
        """
        labels, grids = labels.asnumpy(), self._grids(height, width)
        flat = np.array([anchor for scale in self.anchors for anchor in scale])
        scale_of = np.repeat(np.arange(len(grids)), [len(s) for s in self.anchors])
        sizes = np.array([grids[k][0] * grids[k][1] for k in scale_of])
        begins = np.concatenate([[0], np.cumsum(sizes)])
        boxes = np.zeros((len(labels), begins[-1], 4), "float32")
        mask = np.zeros((len(labels), begins[-1], 1), "float32")
        kinds = np.zeros((len(labels), begins[-1], self.classes), "float32")
        for image, objects in enumerate(labels):
            for kind, left, top, right, bottom in objects[objects[:, 0] >= 0, :5]:
                size = np.array([right - left, bottom - top])
                common = np.minimum(flat, size).prod(1)
                best = int((common / (flat.prod(1) + size.prod() - common)).argmax())
                rows, columns = grids[scale_of[best]]
                x, y = (left + right) / 2, (top + bottom) / 2
                row = min(max(int(y * rows), 0), rows - 1)
                column = min(max(int(x * columns), 0), columns - 1)
                at = begins[best] + row * columns + column
                boxes[image, at], mask[image, at] = (x, y, *size), 1
                kinds[image, at] = 0
                kinds[image, at, int(kind)] = 1
        return tuple(ndarray.array(a) for a in (boxes, mask, kinds))

    def detect(self, x, threshold=0.1, overlap=0.45, count=400):
        """Boxes of images; arguments and result as of `SSD.detect`."""
        out = self(x)
        middle, half = out[:, :, 0:2], out[:, :, 2:4] / 2
        chances = out[:, :, 4:5].sigmoid() * out[:, :, 5:].sigmoid()
        rows = ndarray.concat(
            chances.argmax(axis=2, keepdims=True),
            chances.max(axis=2, keepdims=True),
            middle - half,
            middle + half,
            dim=2,
        )
        return ndarray.contrib.box_nms(
            rows,
            overlap_thresh=overlap,
            valid_thresh=threshold,
            topk=count,
            coord_start=2,
            score_index=1,
            id_index=0,
        )


def _cross_entropy(F, score, target):
    """Of the sigmoid of a score, for each element."""
    return F.relu(score) - score * target + F.Activation(-F.abs(score), act_type="softrelu")


class YOLOLoss(HybridBlock):
    """Loss of each image (n,): distances of boxes, and cross entropies of there being an object
    and of its class.

    Parameters
    ----------
    empty : float
        Weight of anchors without object.

    Notes
    -----
    The distance is that of Rezatofighi and others, "Generalized intersection over union" (2019).
    """

    def __init__(self, empty=0.5, **kwargs):
        super().__init__(**kwargs)
        self._empty = empty

    @staticmethod
    def _distance(F, boxes, targets):
        """1 - generalized intersection by union of (n, k, 4), shape (n, k, 1)."""

        def corners(box):
            middle = F.slice_axis(box, axis=2, begin=0, end=2)
            half = F.slice_axis(box, axis=2, begin=2, end=4) * 0.5
            return middle - half, middle + half

        def area(size):
            size = F.relu(size)
            wide = F.slice_axis(size, axis=2, begin=0, end=1)
            return wide * F.slice_axis(size, axis=2, begin=1, end=2)

        (low, high), (low_t, high_t) = corners(boxes), corners(targets)
        common = area(F.broadcast_minimum(high, high_t) - F.broadcast_maximum(low, low_t))
        hull = area(F.broadcast_maximum(high, high_t) - F.broadcast_minimum(low, low_t)) + 1e-9
        union = area(high - low) + area(high_t - low_t) - common + 1e-9
        return 1.0 - common / union + (hull - union) / hull

    def hybrid_forward(self, F, out, boxes, mask, classes):
        """`out` as `YOLO` gives it, the rest as `YOLO.targets` does."""
        found = F.slice_axis(out, axis=2, begin=0, end=4)
        there = F.slice_axis(out, axis=2, begin=4, end=5)
        kinds = F.slice_axis(out, axis=2, begin=5, end=None)
        place = self._distance(F, found, boxes) * mask
        exists = _cross_entropy(F, there, mask) * (mask + (1.0 - mask) * self._empty)
        kind = F.broadcast_mul(_cross_entropy(F, kinds, classes), mask)
        total = F.sum(place + exists, axis=(1, 2)) + F.sum(kind, axis=(1, 2))
        return total / (F.sum(mask, axis=(1, 2)) + 1.0)
