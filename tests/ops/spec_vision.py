"""Entries of core/ops/vision."""

import numpy as np
from harness import Spec, between, normal

X = normal(2, 3, 5, 4)


def read(image, y, x):
    """The image (channels, h, w) at one place between its pixels; 0 outside."""
    total = np.zeros(len(image))
    top, left = int(np.floor(y)), int(np.floor(x))
    for r in (top, top + 1):
        for c in (left, left + 1):
            if 0 <= r < image.shape[1] and 0 <= c < image.shape[2]:
                total += image[:, r, c] * (1 - abs(y - r)) * (1 - abs(x - c))
    return total


def bilinear_sampler(data, grid):
    n, c, h, w = data.shape
    out = np.zeros((n, c, *grid.shape[2:]))
    for b, i, j in np.ndindex(n, *grid.shape[2:]):
        x, y = (grid[b, :, i, j] + 1) / 2 * (w - 1, h - 1)
        out[b, :, i, j] = read(data[b], y, x)
    return out


def grid_generator(data, transform_type, target_shape=None):
    h, w = target_shape or data.shape[2:]
    y, x = np.meshgrid(np.linspace(-1, 1, h), np.linspace(-1, 1, w), indexing="ij")
    if transform_type == "affine":
        points = np.stack([x.ravel(), y.ravel(), np.ones(h * w)])
        return (data.reshape(-1, 2, 3) @ points).reshape(-1, 2, h, w)
    pixel = np.stack(np.meshgrid(np.arange(w), np.arange(h)))
    return (data + pixel) * 2 / np.array([w - 1, h - 1])[:, None, None] - 1


THETA = np.array([[1, 0.1, 0.2, -0.1, 0.9, 0.05], [0.5, 0, 0.03, 0, 0.6, 0.13]])
AFFINE = {"transform_type": "affine", "target_shape": (3, 4)}
Spec(
    "bilinear_sampler",
    bilinear_sampler,
    [((X, between(-1.1, 1.1, 2, 2, 3, 2)), {})],
    dtypes=("float32", "float64"),
    grad=(0, 1),
    tolerance=(1e-4, 1e-5),
    raises=[((X, normal(2, 3, 2, 2)), {}, ValueError, "bilinear_sampler: grid has shape")],
)
Spec(
    "grid_generator",
    grid_generator,
    [((THETA,), AFFINE), ((normal(1, 2, 3, 4),), {"transform_type": "warp"})],
    grad=(0,),
    raises=[
        ((THETA,), {"transform_type": "affine"}, ValueError, "target_shape is"),
        ((normal(2, 5),), AFFINE, ValueError, "grid_generator: data has shape"),
    ],
)
Spec(
    "spatial_transformer",
    lambda x, loc, target_shape, **_: bilinear_sampler(
        x, grid_generator(loc, "affine", target_shape)
    ),
    [((X, THETA), {**AFFINE, "sampler_type": "bilinear"})],
    dtypes=("float32", "float64"),
    grad=(0, 1),
    tolerance=(1e-4, 1e-4),
    raises=[((X, normal(2, 4)), {**AFFINE, "sampler_type": "bilinear"}, ValueError, "data has")],
)
ROIS = np.array([[0, 0.6, 0.4, 3.2, 4.2], [1, 1, 1, 2, 3], [1, 0, 0, 9, 9]])


def roi_pooling(data, rois, pooled_size, spatial_scale):
    ph, pw = pooled_size
    out = np.zeros((len(rois), data.shape[1], ph, pw))
    for r, roi in enumerate(rois):
        x0, y0, x1, y1 = (int(np.floor(abs(v) + 0.5) * np.sign(v)) for v in roi[1:] * spatial_scale)
        h, w = max(y1 - y0 + 1, 1) / ph, max(x1 - x0 + 1, 1) / pw
        for i, j in np.ndindex(ph, pw):
            rows = np.clip([np.floor(i * h) + y0, np.ceil((i + 1) * h) + y0], 0, data.shape[2])
            cols = np.clip([np.floor(j * w) + x0, np.ceil((j + 1) * w) + x0], 0, data.shape[3])
            box = data[int(roi[0]), :, slice(*rows.astype(int)), slice(*cols.astype(int))]
            out[r, :, i, j] = box.max((1, 2)) if box.size else 0
    return out


def roi_align(
    data, rois, pooled_size, spatial_scale, sample_ratio=-1, aligned=False, position_sensitive=False
):
    ph, pw = pooled_size
    channels = data.shape[1] // (ph * pw if position_sensitive else 1)
    out = np.zeros((len(rois), channels, ph, pw))
    for r, roi in enumerate(rois):
        x0, y0, x1, y1 = roi[1:] * spatial_scale - (0.5 if aligned else 0)
        h, w = (y1 - y0, x1 - x0) if aligned else (max(y1 - y0, 1), max(x1 - x0, 1))
        ny = sample_ratio if sample_ratio > 0 else max(1, int(np.ceil(h / ph)))
        nx = sample_ratio if sample_ratio > 0 else max(1, int(np.ceil(w / pw)))
        for i, j in np.ndindex(ph, pw):
            total = np.zeros(data.shape[1])
            for a, b in np.ndindex(ny, nx):
                y = y0 + (i + (a + 0.5) / ny) * h / ph
                x = x0 + (j + (b + 0.5) / nx) * w / pw
                if -1 <= y <= data.shape[2] and -1 <= x <= data.shape[3]:
                    place = np.clip([y, x], 0, [data.shape[2] - 1, data.shape[3] - 1])
                    total = total + read(data[int(roi[0])], *place) / (ny * nx)
            if position_sensitive:
                total = np.reshape(total, (channels, ph * pw))[:, i * pw + j]
            out[r, :, i, j] = total
    return out


def ps_roi_pooling(data, rois, spatial_scale, output_dim, pooled_size, group_size=0):
    groups = group_size or pooled_size
    out = np.zeros((len(rois), output_dim, pooled_size, pooled_size))
    for r, roi in enumerate(rois):
        x0, y0 = (np.floor(v + 0.5) * spatial_scale for v in roi[1:3])
        x1, y1 = ((np.floor(v + 0.5) + 1) * spatial_scale for v in roi[3:])
        h, w = max(y1 - y0, 0.1) / pooled_size, max(x1 - x0, 0.1) / pooled_size
        for i, j in np.ndindex(pooled_size, pooled_size):
            rows = np.clip([np.floor(i * h + y0), np.ceil((i + 1) * h + y0)], 0, data.shape[2])
            cols = np.clip([np.floor(j * w + x0), np.ceil((j + 1) * w + x0)], 0, data.shape[3])
            place = i * groups // pooled_size * groups + j * groups // pooled_size
            maps = data[int(roi[0]), place :: groups * groups]
            box = maps[:, slice(*rows.astype(int)), slice(*cols.astype(int))]
            out[r, :, i, j] = box.mean((1, 2)) if box.size else 0
    return out


SIZE = {"pooled_size": (2, 3), "spatial_scale": 0.9}
Spec(
    "roi_pooling",
    roi_pooling,
    [((X, ROIS), SIZE)],
    dtypes=("float32", "float64"),
    grad=(0,),
    raises=[
        ((X, normal(2, 4)), SIZE, ValueError, "roi_pooling: rois has shape"),
        ((X, ROIS), {**SIZE, "pooled_size": (0, 1)}, ValueError, "pooled_size is"),
    ],
)
PLACES = {"spatial_scale": 0.9, "output_dim": 3, "pooled_size": 2}
Spec(
    "ps_roi_pooling",
    ps_roi_pooling,
    [
        ((normal(2, 12, 4, 4), ROIS), PLACES),
        ((normal(2, 3, 4, 4), ROIS), {**PLACES, "pooled_size": 3, "group_size": 1}),
    ],
    dtypes=("float32", "float64"),
    grad=(0,),
    raises=[
        ((normal(2, 12, 4, 4), normal(2, 4)), PLACES, ValueError, "rois has shape"),
        ((normal(2, 11, 4, 4), ROIS), PLACES, ValueError, "ps_roi_pooling: data has 11 channels"),
        ((normal(2, 12, 4, 4), ROIS), {**PLACES, "pooled_size": 0}, ValueError, "pooled_size is"),
    ],
)
Spec(
    "roi_align",
    roi_align,
    [
        ((X, ROIS), SIZE),
        ((X, ROIS), {**SIZE, "sample_ratio": 2, "aligned": True}),
        ((normal(2, 12, 4, 4), ROIS), {**SIZE, "position_sensitive": True}),
    ],
    dtypes=("float32", "float64"),
    grad=(0,),
    tolerance=(1e-4, 1e-5),
    raises=[((X, normal(2, 4)), SIZE, ValueError, "roi_align: rois has shape")],
)


def resized(x, rows, columns):
    return np.einsum("yh,nchw,xw->ncyx", rows, x, columns)


def interpolation(n, m, align_corners):
    out = np.zeros((m, n))
    for i in range(m):
        at = (
            i * ((n - 1) / (m - 1) if m > 1 else 0)
            if align_corners
            else max(0, (i + 0.5) * n / m - 0.5)
        )
        low = min(int(at), n - 1)
        out[i, low] += 1 - (at - low)
        out[i, min(low + 1, n - 1)] += at - low
    return out


def bilinear_resize(
    x,
    like=None,
    height=1,
    width=1,
    scale_height=None,
    scale_width=None,
    mode="size",
    align_corners=True,
):
    if like is not None:
        height, width = like.shape[2:]
    if scale_height:
        height, width = int(x.shape[2] * scale_height), int(x.shape[3] * scale_width)
    return resized(
        x,
        interpolation(x.shape[2], height, align_corners),
        interpolation(x.shape[3], width, align_corners),
    )


def means(n, m):
    out = np.zeros((m, n))
    for i in range(m):
        begin, end = i * n // m, -(-(i + 1) * n // m)
        out[i, begin:end] = 1 / (end - begin)
    return out


Spec(
    "bilinear_resize_last",
    lambda x, **a: np.moveaxis(bilinear_resize(np.moveaxis(x, -1, 1), **a), 1, -1),
    [
        ((normal(2, 3, 4, 5),), {"height": h, "width": w, "align_corners": corners})
        for h, w in ((6, 9), (2, 3), (1, 1))
        for corners in (False, True)
    ],
    dtypes=("float32", "float64"),
    raises=[
        ((normal(2, 3, 4),), {"height": 2, "width": 2}, ValueError, "data has shape"),
        ((normal(2, 3, 4, 5),), {"height": 0, "width": 2}, ValueError, "height"),
    ],
)
Spec(
    "bilinear_resize",
    bilinear_resize,
    [
        ((X,), {"height": 7, "width": 3}),
        ((X,), {"height": 2, "width": 1, "align_corners": False}),
        ((X,), {"scale_height": 1.5, "scale_width": 2.0}),
        ((X, normal(1, 1, 2, 6)), {"mode": "like"}),
    ],
    grad=(0,),
    raises=[((X,), {"height": 0}, ValueError, r"height is 0, must be in \[1, 2\^31\)")],
)
Spec(
    "adaptive_avg_pooling",
    lambda x, output_size=(1,): resized(
        x, means(x.shape[2], output_size[0]), means(x.shape[3], output_size[-1])
    ),
    [((X,), {}), ((X,), {"output_size": (3, 2)}), ((X,), {"output_size": (2,)})],
    grad=(0,),
    raises=[((X,), {"output_size": (0,)}, ValueError, "output_size is")],
)
