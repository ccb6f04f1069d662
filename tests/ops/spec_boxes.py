"""Entries of core/ops/vision that work on boxes, patches and moved windows."""

import numpy as np
from harness import Spec, between, normal
from spec_vision import read


def corners(b, form="corner"):
    if form == "corner":
        return b
    return np.concatenate([b[..., :2] - b[..., 2:] / 2, b[..., :2] + b[..., 2:] / 2], -1)


def iou(a, b):
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    common = np.prod(np.maximum(high - low, 0))
    whole = np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - common
    return common / whole if whole > 0 else 0.0


def box_iou(a, b, format="corner"):
    a2, b2 = corners(a, format).reshape(-1, 4), corners(b, format).reshape(-1, 4)
    out = np.array([[iou(x, y) for y in b2] for x in a2])
    return out.reshape(*a.shape[:-1], *b.shape[:-1])


BOXES = np.concatenate([between(0, 0.5, 2, 6, 2), between(0.5, 1, 2, 6, 2)], -1)
Spec(
    "box_iou",
    box_iou,
    [((BOXES[0], BOXES[1, :3]), {}), ((BOXES, BOXES[0]), {"format": "center"})],
    tolerance=(1e-4, 1e-4),
    raises=[((normal(2, 3), normal(2, 4)), {}, ValueError, "box_iou: lhs has shape")],
)


def box_nms(data, overlap_thresh=0.5, valid_thresh=0, topk=-1, id_index=-1, force_suppress=False):
    out = np.full_like(data, -1)
    for x, y in zip(
        data.reshape(-1, *data.shape[-2:]), out.reshape(-1, *data.shape[-2:]), strict=True
    ):
        order = [i for i in np.argsort(-x[:, 1], kind="stable") if x[i, 1] > valid_thresh]
        kept = []
        for i in order[: topk if topk > 0 else None]:
            rivals = [
                j
                for j in kept
                if force_suppress or id_index < 0 or x[i, id_index] == x[j, id_index]
            ]
            if all(iou(x[i, 2:6], x[j, 2:6]) <= overlap_thresh for j in rivals):
                kept.append(i)
        y[: len(kept)] = x[kept]
    return out


SCORED = np.concatenate([normal(2, 6, 1) > 0, between(0, 1, 2, 6, 1), BOXES], -1).astype("float64")
Spec(
    "box_nms",
    box_nms,
    [
        ((SCORED,), {"overlap_thresh": 0.2}),
        ((SCORED[0],), {"overlap_thresh": 0.2, "valid_thresh": 0.3, "topk": 4}),
        ((SCORED,), {"overlap_thresh": 0.2, "id_index": 0, "force_suppress": True}),
    ],
    dtypes=("float32", "float64"),
    grad=(0,),
    raises=[((normal(3, 5),), {}, ValueError, "box_nms: coord_start is 2")],
)


def bipartite_matching(x, threshold, is_ascend=False, topk=-1):
    rows, columns = np.full(x.shape[:-1], -1.0), np.full((*x.shape[:-2], x.shape[-1]), -1.0)
    for scores, r, c in zip(x, rows, columns, strict=True):
        pairs = 0
        for at in np.argsort(scores.ravel() if is_ascend else -scores.ravel(), kind="stable"):
            i, j = divmod(int(at), scores.shape[1])
            if (scores[i, j] > threshold) if is_ascend else (scores[i, j] < threshold):
                break
            if r[i] < 0 and c[j] < 0 and pairs != topk:
                r[i], c[j], pairs = j, i, pairs + 1
    return rows, columns


Spec(
    "bipartite_matching",
    bipartite_matching,
    [
        ((between(0, 1, 2, 4, 3),), {"threshold": 0.3}),
        ((between(0, 1, 2, 3, 3),), {"threshold": 0.8, "is_ascend": True, "topk": 2}),
    ],
    raises=[((normal(3),), {"threshold": 0.1}, ValueError, "bipartite_matching: data has shape")],
)
SMALL = np.concatenate([between(0, 0.4, 1, 4, 2), between(0.5, 1, 1, 4, 2)], -1)


def box_decode(x, anchors, std0=1.0, clip=-1.0, format="center"):
    a = corners(anchors, format)
    size = a[..., 2:] - a[..., :2]
    centre = x[..., :2] * [std0, 1] * size + (a[..., :2] + a[..., 2:]) / 2
    half = np.exp(np.minimum(x[..., 2:], clip) if clip > 0 else x[..., 2:]) * size / 2
    return np.concatenate([centre - half, centre + half], -1)


Spec(
    "box_decode",
    box_decode,
    [
        ((normal(2, 4, 4) / 2, SMALL), {"format": "corner", "std0": 0.5}),
        ((normal(2, 4, 4) / 2, SMALL), {"clip": 0.1}),
    ],
    tolerance=(1e-4, 1e-4),
    dtypes=("float32", "float64"),
    raises=[((normal(2, 4, 3), SMALL), {}, ValueError, "box_decode: data has shape")],
)


def box_encode(samples, matches, anchors, refs, means, stds):
    r = np.take_along_axis(refs, matches[..., None].astype(int), 1)
    size, other = anchors[..., 2:] - anchors[..., :2], r[..., 2:] - r[..., :2]
    centre = (r[..., :2] + r[..., 2:] - anchors[..., :2] - anchors[..., 2:]) / 2 / size
    t = (np.concatenate([centre, np.log(other / size)], -1) - means) / stds
    on = (samples > 0.5)[..., None] * np.ones(4)
    return t * on, on


Spec(
    "box_encode",
    box_encode,
    [
        (
            (
                np.array([[1.0, 0, 1, 1]]),
                np.array([[1.0, 0, 2, 0]]),
                SMALL,
                BOXES[:1, :3],
                normal(4),
                between(0.5, 1, 4),
            ),
            {},
        )
    ],
    dtypes=("float32", "float64"),
    tolerance=(1e-4, 1e-4),
    raises=[
        (
            (normal(1, 4), normal(1, 3), SMALL, BOXES[:1], normal(4), normal(4)),
            {},
            ValueError,
            "box_encode: samples",
        )
    ],
)


def multi_box_prior(data, sizes=(1.0,), ratios=(1.0,), clip=False, **_):
    h, w = data.shape[2:]
    shapes = [(s, ratios[0]) for s in sizes] + [(sizes[0], r) for r in ratios[1:]]
    out = []
    for i, j in np.ndindex(h, w):
        y, x = (i + 0.5) / h, (j + 0.5) / w
        for s, r in shapes:
            bh, bw = s / np.sqrt(r) / 2, s * h / w * np.sqrt(r) / 2
            out.append([x - bw, y - bh, x + bw, y + bh])
    out = np.array(out)[None]
    return np.clip(out, 0, 1) if clip else out


Spec(
    "multi_box_prior",
    multi_box_prior,
    [
        ((np.zeros((1, 2, 2, 3)),), {"sizes": (0.5, 0.3), "ratios": (1.0, 2.0)}),
        ((np.zeros((1, 1, 2, 2)),), {"clip": True}),
    ],
    raises=[((normal(2, 3),), {}, ValueError, "multi_box_prior: data has shape")],
)
ANCHORS = np.array([[[0, 0, 0.5, 0.5], [0.4, 0.4, 1, 1], [0, 0.5, 0.5, 1], [0.1, 0, 0.6, 0.5]]])
LABELS = np.array([[[1, 0.0, 0.05, 0.5, 0.5], [0, 0.5, 0.4, 1, 0.9], [-1, 0, 0, 0, 0]]])


def multi_box_target(anchor, label, scores):
    """For ANCHORS and LABELS: two best matches, and one more above the threshold."""
    match = [0, 1, None, 0]
    target, mask, cls = np.zeros((1, 4, 4)), np.zeros((1, 4, 4)), np.zeros((1, 4))
    for i, m in enumerate(match):
        if m is None:
            continue
        a, r = anchor[0, i], label[0, m, 1:]
        size = a[2:] - a[:2]
        target[0, i, :2] = (r[:2] + r[2:] - a[:2] - a[2:]) / 2 / size / 0.1
        target[0, i, 2:] = np.log((r[2:] - r[:2]) / size) / 0.2
        mask[0, i], cls[0, i] = 1, label[0, m, 0] + 1
    return target.reshape(1, -1), mask.reshape(1, -1), cls


Spec(
    "multi_box_target",
    multi_box_target,
    [((ANCHORS, LABELS, normal(1, 3, 4)), {})],
    dtypes=("float32", "float64"),
    tolerance=(1e-4, 1e-4),
    raises=[((ANCHORS, LABELS, normal(1, 3, 5)), {}, ValueError, "multi_box_target: cls_pred has")],
)


def multi_box_detection(prob, loc, anchor, nms_threshold=0.5, threshold=0.01):
    a, d = anchor[0], loc.reshape(-1, 4)
    size = a[:, 2:] - a[:, :2]
    centre = d[:, :2] * 0.1 * size + (a[:, :2] + a[:, 2:]) / 2
    half = np.exp(d[:, 2:] * 0.2) * size / 2
    box = np.clip(np.concatenate([centre - half, centre + half], -1), 0, 1)
    cls, score = prob[0, 1:].argmax(0), prob[0, 1:].max(0)
    rows = [
        [cls[i], score[i], *box[i]]
        for i in np.argsort(-score, kind="stable")
        if score[i] >= threshold
    ]
    for i, r in enumerate(rows):
        if any(
            q[0] == r[0] and iou(np.array(r[2:]), np.array(q[2:])) >= nms_threshold
            for q in rows[:i]
        ):
            r[0] = -1
    return np.array(rows + [[-1] * 6] * (len(a) - len(rows)))[None]


Spec(
    "multi_box_detection",
    multi_box_detection,
    [
        ((between(0, 1, 1, 3, 4), normal(1, 16) / 2, ANCHORS), {"nms_threshold": 0.3}),
        ((between(0, 1, 1, 3, 4), normal(1, 16) / 2, ANCHORS), {"threshold": 0.7}),
    ],
    dtypes=("float32", "float64"),
    tolerance=(1e-4, 1e-4),
    raises=[((normal(1, 3, 4), normal(1, 12), ANCHORS), {}, ValueError, "loc_pred has shape")],
)


def correlation(
    x, z, kernel_size=1, max_displacement=1, stride1=1, stride2=1, pad_size=0, is_multiply=True
):
    n, c, h, w = x.shape
    p, r = pad_size, max_displacement // stride2
    pad = [(0, 0), (0, 0), (p, p + kernel_size), (p, p + kernel_size)]
    x, z = np.pad(x, pad), np.pad(z, pad)
    border = max_displacement + kernel_size // 2
    rows, cols = (-(-(s + 2 * p - 2 * border) // stride1) for s in (h, w))
    out = np.zeros((n, (2 * r + 1) ** 2, rows, cols))
    for d, i, j in np.ndindex(out.shape[1:]):
        dy, dx = ((v - r) * stride2 for v in divmod(d, 2 * r + 1))
        y1, x1 = i * stride1 + max_displacement, j * stride1 + max_displacement
        a = x[:, :, y1 : y1 + kernel_size, x1 : x1 + kernel_size]
        b = z[:, :, y1 + dy : y1 + dy + kernel_size, x1 + dx : x1 + dx + kernel_size]
        out[:, d, i, j] = (a * b if is_multiply else np.abs(a - b)).mean((1, 2, 3))
    return out


PAIR = (normal(1, 2, 4, 5), normal(1, 2, 4, 5)[:, ::-1].copy())
Spec(
    "correlation",
    correlation,
    [
        (PAIR, {"kernel_size": 3, "max_displacement": 2, "pad_size": 3}),
        (
            PAIR,
            {
                "max_displacement": 2,
                "stride1": 2,
                "stride2": 2,
                "pad_size": 2,
                "is_multiply": False,
            },
        ),
    ],
    grad=(0, 1),
    tolerance=(1e-4, 1e-5),
    raises=[(PAIR, {"kernel_size": 2}, ValueError, "correlation: kernel_size is 2, must be odd")],
)


def deformable(
    x,
    offset,
    *rest,
    kernel,
    num_filter,
    stride=(1, 1),
    pad=(0, 0),
    num_group=1,
    num_deformable_group=1,
    no_bias=False,
    modulated=False,
):
    mask, weight = (rest[0], rest[1]) if modulated else (None, rest[0])
    n, c, h, w = x.shape
    kh, kw = kernel
    parts, window = num_deformable_group, kh * kw
    rows, cols = offset.shape[2:]
    columns = np.zeros((n, c, window, rows, cols))
    for b, part, k, i, j in np.ndindex(n, parts, window, rows, cols):
        at = 2 * (part * window + k)
        y = i * stride[0] - pad[0] + k // kw + offset[b, at, i, j]
        z = j * stride[1] - pad[1] + k % kw + offset[b, at + 1, i, j]
        span = slice(part * c // parts, (part + 1) * c // parts)
        h, w = x.shape[2:]
        if modulated:
            v = read(x[b, span], y, z)
        elif 0 <= y < h and 0 <= z < w:
            v = read(x[b, span], min(y, h - 1), min(z, w - 1))
        else:
            v = np.zeros(c // parts)
        columns[b, span, k, i, j] = v if mask is None else v * mask[b, part * window + k, i, j]
    columns = columns.reshape(n, num_group, c // num_group, window, rows, cols)
    w = weight.reshape(num_group, num_filter // num_group, c // num_group, window)
    y = np.einsum("ngckij,gfck->ngfij", columns, w).reshape(n, num_filter, rows, cols)
    return y if no_bias else y + rest[-1][:, None, None]


X4 = normal(1, 4, 3, 3)
OFFSET = between(-0.8, 0.8, 1, 16, 2, 2)
WINDOW = {"kernel": (2, 2), "num_filter": 4, "num_deformable_group": 2}
Spec(
    "deformable_convolution",
    deformable,
    [
        ((X4, OFFSET, normal(4, 4, 2, 2), normal(4)), WINDOW),
        ((X4, OFFSET, normal(4, 2, 2, 2)), {**WINDOW, "num_group": 2, "no_bias": True}),
    ],
    dtypes=("float32", "float64"),
    grad=(0, 1, 2),
    tolerance=(1e-4, 1e-4),
    raises=[((X4, OFFSET[:, :8], normal(4, 4, 2, 2), normal(4)), WINDOW, ValueError, "offset has")],
)
Spec(
    "modulated_deformable_convolution",
    lambda *x, **attrs: deformable(*x, **attrs, modulated=True),
    [((X4, OFFSET, between(0.2, 1, 1, 8, 2, 2), normal(4, 4, 2, 2), normal(4)), WINDOW)],
    dtypes=("float32", "float64"),
    grad=(0, 1, 2, 3),
    tolerance=(1e-4, 1e-4),
    raises=[
        ((X4, OFFSET, OFFSET, normal(4, 4, 2, 2), normal(4)), WINDOW, ValueError, "mask has shape")
    ],
)
