"""Importers of operators on images and boxes."""

import math

import numpy as np

from .importers import call, imports


@imports("RoiAlign")
def _(s):
    if s.get("mode", "avg") != "avg":
        s.refuse(f"mode = {s.get('mode')!r}")
    place = s.get("coordinate_transformation_mode", "half_pixel" if s.opset >= 16 else "")
    batch = call("expand_dims", s.cast(s[2], s.dtype(1)), axis=1)
    return call(
        "roi_align",
        s[0],
        call("concat", batch, s[1], dim=1),
        pooled_size=(s.get("output_height", 1), s.get("output_width", 1)),
        spatial_scale=s.get("spatial_scale", 1.0),
        sample_ratio=s.get("sampling_ratio", 0) or -1,
        aligned=place == "half_pixel",
    )


@imports("MaxRoiPool")
def _(s):
    size = tuple(s.get("pooled_shape"))
    return call(
        "roi_pooling", s[0], s[1], pooled_size=size, spatial_scale=s.get("spatial_scale", 1.0)
    )


@imports("NonMaxSuppression")
def _(s):
    s.needs_values()
    boxes, scores = s.known(0), s.known(1)
    most, overlap = int(s.number(2, 0)), float(s.number(3, 0.0))
    least = s.number(4, -math.inf)
    if s.get("center_point_box", 0):
        x, y, w, h = np.moveaxis(boxes, -1, 0)
        boxes = np.stack([y - h / 2, x - w / 2, y + h / 2, x + w / 2], -1)
    low = np.minimum(boxes[..., :2], boxes[..., 2:])
    high = np.maximum(boxes[..., :2], boxes[..., 2:])
    found = []
    for n, c in np.ndindex(scores.shape[:2]):
        kept = _best(low[n], high[n], scores[n, c], most, overlap, least)
        found.extend((n, c, i) for i in kept)
    return np.array(found, np.int64).reshape(-1, 3)


def _best(low, high, scores, most, overlap, least):
    """Numbers of boxes, the best first, of which none covers another too much."""
    order = np.argsort(-scores, kind="stable")
    order = order[scores[order] > least]
    area, kept = (high - low).prod(-1), []
    while len(order) and len(kept) < most:
        best, order = order[0], order[1:]
        kept.append(int(best))
        sides = np.minimum(high[best], high[order]) - np.maximum(low[best], low[order])
        shared = np.maximum(sides, 0).prod(-1)
        whole = area[best] + area[order] - shared
        order = order[shared <= overlap * whole]
    return kept


@imports("Col2Im")
def _(s):
    size, kernel = s.ints(1, None), s.ints(2, None)
    ndim = len(size)
    pads = s.get("pads") or [0] * (2 * ndim)
    before, after = pads[:ndim], pads[ndim:]
    if ndim > 3:
        s.refuse(f"an image of {ndim} axes")
    whole = [n + low + high for n, low, high in zip(size, before, after, strict=True)]
    out = call(
        "col2im",
        s[0],
        output_size=tuple(whole),
        kernel=tuple(kernel),
        stride=tuple(s.get("strides") or (1,) * ndim),
        dilate=tuple(s.get("dilations") or (1,) * ndim),
        pad=(0,) * ndim,
    )
    for axis, (low, n) in enumerate(zip(before, size, strict=True), 2):
        if whole[axis - 2] != n:
            out = call("slice_axis", out, axis=axis, begin=low, end=low + n)
    return out


@imports("DeformConv")
def _(s):
    rows, _, *size = s.shape(1)
    kernel = tuple(s.get("kernel_shape") or size)
    ndim = len(kernel)
    pads = s.get("pads") or [0] * (2 * ndim)
    before, after = tuple(pads[:ndim]), tuple(pads[ndim:])
    if ndim != 2:
        s.refuse(f"a kernel of {ndim} axes")
    x = s[0]
    if before != after:
        width = (0, 0, 0, 0, *(n for pair in zip(before, after, strict=True) for n in pair))
        x, before = call("pad", x, mode="constant", pad_width=width), (0,) * ndim
    options = {
        "kernel": kernel, "pad": before, "num_filter": rows, "num_group": s.get("group", 1),
        "stride": tuple(s.get("strides") or (1,) * ndim),
        "dilate": tuple(s.get("dilations") or (1,) * ndim),
        "num_deformable_group": s.get("offset_group", 1), "no_bias": not s.has(3),
    }  # fmt: skip
    bias = [s[3]] if s.has(3) else []
    if s.has(4):
        return call("modulated_deformable_convolution", x, s[2], s[4], s[1], *bias, **options)
    return call("deformable_convolution", x, s[2], s[1], *bias, **options)


@imports("MaxUnpool")
def _(s):
    sizes = s.shape()
    n, c, *spatial = sizes
    if s.has(2):
        whole = s.ints(2, None)
    else:
        kernel = s.get("kernel_shape")
        ndim = len(kernel)
        strides, pads = s.get("strides") or [1] * ndim, s.get("pads") or [0] * (2 * ndim)
        whole = [n, c, *((size - 1) * strides[i] - pads[i] - pads[i + ndim] + kernel[i]
                         for i, size in enumerate(spatial))]  # fmt: skip
    index = call("reshape", s.cast(s[1], np.int64), shape=(1, -1))
    if s.has(2):
        # Places count in the array that the kernel would give; sizes that are given only add room.
        index = _moved(s, index, whole)
    values = call("reshape", s[0], shape=(-1,))
    out = call("scatter_nd", values, index, shape=(math.prod(whole),))
    return call("reshape", out, shape=tuple(whole))


def _moved(s, index, whole):
    """Places in the small array without given sizes as places in the one of sizes `whole`."""
    sizes, kernel = s.shape(), s.get("kernel_shape")
    ndim = len(kernel)
    strides, pads = s.get("strides") or [1] * ndim, s.get("pads") or [0] * (2 * ndim)
    small = [*sizes[:2], *((size - 1) * strides[i] - pads[i] - pads[i + ndim] + kernel[i]
                           for i, size in enumerate(sizes[2:]))]  # fmt: skip
    if list(small) == list(whole):
        return index
    found, rest = None, index
    for i in range(len(small)):
        step = math.prod(small[i + 1 :])
        place = call("floor_divide_scalar", rest, scalar=step)
        rest = call("mod_scalar", rest, scalar=step)
        place = call("multiply_scalar", place, scalar=math.prod(whole[i + 1 :]))
        found = place if found is None else call("add", found, place)
    return found
