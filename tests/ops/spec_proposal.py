"""Entry of core/ops/vision/proposal.cc."""

import numpy as np
from harness import Spec, between, normal


def anchors(stride, scales, ratios):
    found = []
    for ratio in ratios:
        width = np.floor(np.sqrt(np.floor(stride * stride / ratio)) + 0.5)
        height = np.floor(width * ratio + 0.5)
        for scale in scales:
            half = np.array([width, height]) * scale / 2 - 0.5
            centre = (stride - 1) / 2
            found.append([*(centre - half), *(centre + half)])
    return np.array(found)


def iou(a, b):
    """Of one box with many; corners belong to the boxes."""
    size = np.maximum(np.minimum(a[2:], b[:, 2:]) - np.maximum(a[:2], b[:, :2]) + 1, 0)
    area = [(x[..., 2] - x[..., 0] + 1) * (x[..., 3] - x[..., 1] + 1) for x in (a, b)]
    common = size.prod(1)
    return common / (area[0] + area[1] - common)


def proposal(
    cls_prob,
    bbox_pred,
    im_info,
    rpn_pre_nms_top_n=6000,
    rpn_post_nms_top_n=300,
    threshold=0.7,
    rpn_min_size=16.0,
    scales=(4, 8, 16, 32),
    ratios=(0.5, 1, 2),
    feature_stride=16,
    output_score=False,
    iou_loss=False,
):
    count = len(scales) * len(ratios)
    rows, scores = [], []
    for n, (height, width, scale) in enumerate(im_info):
        y, x = np.mgrid[: cls_prob.shape[2], : cls_prob.shape[3]] * feature_stride
        cells = np.stack([x, y, x, y], -1)[:, :, None]
        boxes = (cells + anchors(feature_stride, scales, ratios)).reshape(-1, 4)
        deltas = bbox_pred[n].reshape(count, 4, *x.shape).transpose(2, 3, 0, 1).reshape(-1, 4)
        score = cls_prob[n, count:].transpose(1, 2, 0).ravel().copy()
        if iou_loss:
            boxes = boxes + deltas
        else:
            size = boxes[:, 2:] - boxes[:, :2] + 1
            centre = boxes[:, :2] + (size - 1) / 2 + deltas[:, :2] * size
            half = (np.exp(deltas[:, 2:]) * size - 1) / 2
            boxes = np.concatenate([centre - half, centre + half], 1)
        boxes = boxes.clip(0, np.array([width, height, width, height]) - 1)
        padded = (y >= height // feature_stride * feature_stride) | (
            x >= width // feature_stride * feature_stride
        )
        score[np.repeat(padded.ravel(), count)] = -1
        least = rpn_min_size * scale
        small = (boxes[:, 2:] - boxes[:, :2] + 1 < least).any(1)
        boxes[small] += least / 2 * np.array([-1, -1, 1, 1])
        score[small] = -1
        order = np.argsort(-score, kind="stable")[: rpn_pre_nms_top_n or None]
        kept = []
        for i in order:
            if len(kept) == min(rpn_post_nms_top_n, len(order)):
                break
            if not kept or (iou(boxes[i], boxes[kept]) <= threshold).all():
                kept.append(i)
        kept = np.resize(kept, rpn_post_nms_top_n)
        rows.append(np.column_stack([np.full(len(kept), n), boxes[kept]]))
        scores.append(score[kept, None])
    return (np.concatenate(rows), np.concatenate(scores))[: 1 + output_score]


SMALL = dict(scales=(1, 2), ratios=(0.5, 1, 2), feature_stride=8, rpn_min_size=4.0)
PROBABLE = between(0, 1, 2, 12, 4, 5)
MOVES = normal(2, 24, 4, 5) * 0.3
SIZES = np.array([[32.0, 40.0, 1.0], [25.0, 31.0, 1.5]])
Spec(
    "multi_proposal",
    proposal,
    [
        ((PROBABLE, MOVES, SIZES), {**SMALL, "rpn_post_nms_top_n": 12, "output_score": True}),
        ((PROBABLE, MOVES, SIZES), {**SMALL, "rpn_pre_nms_top_n": 20, "threshold": 0.3}),
        ((PROBABLE, MOVES * 5, SIZES), {**SMALL, "iou_loss": True, "rpn_post_nms_top_n": 7}),
        ((PROBABLE[:1, :6], MOVES[:1, :12], SIZES[:1]), {"scales": (2,), "rpn_pre_nms_top_n": 0}),
    ],
    dtypes=("float32", "float64"),
    tolerance=(1e-4, 1e-4),
    raises=[
        ((PROBABLE, MOVES, SIZES), {}, ValueError, r"must be \(batch, 24, height, width\)"),
        ((PROBABLE, MOVES[:1], SIZES), SMALL, ValueError, "bbox_pred has shape"),
        ((PROBABLE, MOVES, SIZES[:, :2].copy()), SMALL, ValueError, "im_info has shape"),
        ((PROBABLE, MOVES, SIZES), {"ratios": ()}, ValueError, "scales and ratios have 4 and 0"),
        (
            (PROBABLE, MOVES, SIZES),
            {**SMALL, "rpn_post_nms_top_n": 0},
            ValueError,
            r"rpn_post_nms_top_n is 0, must be in \[1,",
        ),
    ],
)
