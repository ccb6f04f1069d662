"""Importers of operators that read arrays between their elements.

Interpolation works axis by axis: each output element is a sum of a few input elements with known
weights.
"""

import math

import numpy as np

from .importers import call, imports


def _places(place, size, new, scale, roi):
    """Coordinates in the old axis of the elements of the new one."""
    i = np.arange(new, dtype=np.float64)
    length = scale * size
    if place == "align_corners":
        return i * (size - 1) / (length - 1) if new > 1 else np.zeros(1)
    if place == "asymmetric":
        return i / scale
    if place == "pytorch_half_pixel":
        return (i + 0.5) / scale - 0.5 if new > 1 else np.zeros(1)
    if place == "tf_half_pixel_for_nn":
        return (i + 0.5) / scale
    if place == "tf_crop_and_resize":
        low, high = roi
        if new == 1:
            return np.array([0.5 * (low + high) * (size - 1)])
        return low * (size - 1) + i * (high - low) * (size - 1) / (new - 1)
    if place == "half_pixel_symmetric":
        shift = size / 2 * (1 - new / length)
        return shift + (i + 0.5) / scale - 0.5
    return (i + 0.5) / scale - 0.5


def _nearest(x, rounding):
    if rounding == "floor":
        return np.floor(x)
    if rounding == "ceil":
        return np.ceil(x)
    if rounding == "round_prefer_ceil":
        return np.floor(x + 0.5)
    return np.ceil(x - 0.5)


def _weight(mode, distance, a):
    """Weight of an element at a distance."""
    d = np.abs(distance)
    if mode == "linear":
        return np.maximum(1 - d, 0)
    near = (a + 2) * d**3 - (a + 3) * d**2 + 1
    far = a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))


def taps(mode, x, size, scale, options):
    """(places, weights), both (new, taps): what each element of the new axis is made of."""
    if mode == "nearest":
        found = _nearest(x, options["rounding"])[:, None]
        return np.clip(found, 0, size - 1).astype(np.int64), np.ones(found.shape)
    stretch = 1 / scale if options["antialias"] and scale < 1 else 1.0
    half = (1 if mode == "linear" else 2) * stretch
    if stretch == 1.0:
        lowest = np.floor(x) - (half - 1)
        place = lowest[:, None] + np.arange(2 * int(half))
    else:
        lowest = np.floor(x) - math.ceil(half) + 1
        place = lowest[:, None] + np.arange(2 * math.ceil(half))
    weight = _weight(mode, (place - x[:, None]) / stretch, options["cubic"])
    if options["exclude"]:
        weight = np.where((place < 0) | (place >= size), 0.0, weight)
    if options["exclude"] or stretch != 1.0:
        weight = weight / weight.sum(1, keepdims=True)
    return np.clip(place, 0, size - 1).astype(np.int64), weight


def _along(s, x, axis, place, weight):
    """An axis of elements that are weighted sums of elements."""
    new, count = place.shape
    if count == 1:
        return call("take", x, s.constant(place[:, 0]), axis=axis, mode="clip")
    shape = s.shape_of(x)
    if count > 4:  # a product with a matrix that is mostly 0
        matrix = np.zeros((new, shape[axis]))
        np.add.at(matrix, (np.arange(new)[:, None], place), weight)
        order = [*(i for i in range(len(shape)) if i != axis), axis]
        moved = call("transpose", x, axes=tuple(order))
        moved = call("matmul", moved, s.constant(matrix.T.astype(np.float32)))
        return call("transpose", moved, axes=tuple(int(i) for i in np.argsort(order)))
    line = [1] * len(shape)
    line[axis] = new
    out = None
    for i in range(count):
        part = call("take", x, s.constant(place[:, i]), axis=axis, mode="clip")
        factor = s.constant(weight[:, i].reshape(line).astype(np.float32))
        part = call("multiply", part, factor)
        out = part if out is None else call("add", out, part)
    return out


def _targets(s, sizes, axes):
    """(scales, new sizes) of the axes."""
    if s.node.op_type == "Upsample":
        scales = s.known(1) if s.has(1) else s.get("scales")
        given = None
    else:
        first = 1 if s.opset < 11 else 2
        scales = s.known(first)
        given = s.ints(3, None) if s.has(3) else None
    old = [sizes[a] for a in axes]
    if given is None:
        scales = [float(v) for v in np.asarray(scales)]
        return scales, [math.floor(n * v) for n, v in zip(old, scales, strict=True)]
    policy = s.get("keep_aspect_ratio_policy", "stretch")
    ratios = [n / o for n, o in zip(given, old, strict=True)]
    if policy != "stretch":
        ratio = min(ratios) if policy == "not_larger" else max(ratios)
        return [ratio] * len(axes), [math.floor(ratio * o + 0.5) for o in old]
    return ratios, given


@imports("Resize", "Upsample")
def _(s):
    sizes = s.shape()
    axes = [a % len(sizes) for a in (s.get("axes") or range(len(sizes)))]
    if s.node.op_type == "Resize" and not (s.has(3) or s.has(1 if s.opset < 11 else 2)):
        s.refuse("neither scales nor sizes")
    scales, new = _targets(s, sizes, axes)
    old_file = s.node.op_type == "Upsample" or s.opset < 11
    place = "asymmetric" if old_file else s.get("coordinate_transformation_mode", "half_pixel")
    mode = {"bilinear": "linear"}.get(s.get("mode", "nearest"), s.get("mode", "nearest"))
    options = {
        "rounding": "floor" if old_file else s.get("nearest_mode", "round_prefer_floor"),
        "cubic": s.get("cubic_coeff_a", -0.75),
        "exclude": bool(s.get("exclude_outside", 0)),
        "antialias": bool(s.get("antialias", 0)),
    }
    roi = s.known(1) if place == "tf_crop_and_resize" else None
    x, dtype = s[0], s.dtype()
    if mode != "nearest" and dtype != np.float32:
        x = s.cast(x, np.float32)
    if mode == "linear" and _is_bilinear(s, sizes, axes, new, scales, place, options):
        x = call("bilinear_resize", x, height=new[-2], width=new[-1],
                 align_corners=place == "align_corners")  # fmt: skip
        return x if dtype.kind not in "iu" else _rounded(s, x, dtype)
    outside = None
    for i, axis in enumerate(axes):
        part = None if roi is None else (float(roi[i]), float(roi[i + len(axes)]))
        if new[i] == sizes[axis] and scales[i] == 1.0 and part in (None, (0.0, 1.0)):
            continue
        at = _places(place, sizes[axis], new[i], scales[i], part)
        x = _along(s, x, axis, *taps(mode, at, sizes[axis], scales[i], options))
        if roi is not None:
            line = [1] * len(sizes)
            line[axis] = new[i]
            out = ((at < 0) | (at > sizes[axis] - 1)).reshape(line)
            outside = out if outside is None else outside | out
    if outside is not None and outside.any():
        value = s.constant(np.float32(s.get("extrapolation_value", 0.0)).reshape([1] * len(sizes)))
        x = call("where", s.constant(np.broadcast_to(outside, s.shape_of(x)).copy()), value, x)
    if x is s[0]:
        return call("copy", x)
    if mode == "nearest" or dtype == np.float32:
        return x
    return _rounded(s, x, dtype) if dtype.kind in "iu" else s.cast(x, dtype)


def _rounded(s, x, dtype):
    info = np.iinfo(dtype)
    x = call("clip", call("round_even", x), a_min=float(info.min), a_max=float(info.max))
    return s.cast(x, dtype)


def _is_bilinear(s, sizes, axes, new, scales, place, options):
    """bool: whether the operator for images does the same."""
    if len(sizes) != 4 or options["exclude"] or options["antialias"] or axes[-2:] != [2, 3]:
        return False
    if s.dtype().name not in ("float32", "float64"):
        return False
    plain = all(new[i] == sizes[a] for i, a in enumerate(axes) if a < 2)
    exact = all(scales[i] * sizes[a] == new[i] for i, a in enumerate(axes))
    return plain and exact and place in ("half_pixel", "align_corners")


# --- grids --------------------------------------------------------------------------------------


def _unnormalized(x, size, corners):
    """Coordinates in pixels from those in [-1, 1]."""
    x = call("add_scalar", x, scalar=1.0)
    if corners:
        return call("multiply_scalar", x, scalar=(size - 1) / 2)
    return call("add_scalar", call("multiply_scalar", x, scalar=size / 2), scalar=-0.5)


def _reflected(x, size, corners):
    """Coordinates turned back at the borders, as often as it takes."""
    low, high = (0.0, size - 1.0) if corners else (-0.5, size - 0.5)
    length = high - low
    if length == 0:
        return call("zeros_like", x)
    x = call("mod_scalar", call("add_scalar", x, scalar=-low), scalar=2 * length)
    x = call("minimum", x, call("rsubtract_scalar", x, scalar=2 * length))
    return call("add_scalar", x, scalar=low)


class _Grid:
    """Reads of an image (n, c, sizes) at places that differ between samples."""

    def __init__(self, s, sizes):
        self.s, self.sizes = s, sizes
        self.padding = s.get("padding_mode", "zeros")
        self.corners = bool(s.get("align_corners", 0))
        n, c, *spatial = sizes
        x = call("transpose", s[0], axes=(0, *range(2, len(sizes)), 1))
        self.rows = call("reshape", x, shape=(n * math.prod(spatial), c))
        start = np.arange(n, dtype=np.float32) * math.prod(spatial)
        self.start = s.constant(start.reshape(n, *[1] * len(spatial)), like=1)

    def read(self, places):
        """Pixels (n, out sizes, c) at whole places, one array for each axis."""
        spatial, inside, index = self.sizes[2:], None, self.start
        for axis, (x, size) in enumerate(zip(places, spatial, strict=True)):
            if self.padding == "reflection":
                x = _reflected(x, size, self.corners)
            near = call("clip", x, a_min=0.0, a_max=size - 1.0)
            if self.padding == "zeros":
                fits = call("equal", x, near)
                inside = fits if inside is None else call("multiply", inside, fits)
            step = math.prod(spatial[axis + 1 :])
            index = call("add", index, call("multiply_scalar", near, scalar=float(step)))
        found = call("take", self.rows, self.s.cast(index, np.int64), axis=0, mode="clip")
        if inside is None:
            return found
        return call("multiply", found, call("expand_dims", inside, axis=-1))


@imports("GridSample")
def _(s):
    sizes, mode = s.shape(), s.get("mode", "linear")
    spatial, grid = sizes[2:], _Grid(s, sizes)
    places = []
    for axis, size in enumerate(spatial):
        last = len(spatial) - 1 - axis  # a grid holds x, y, ...: the last axis first
        x = call("slice_axis", s[1], axis=-1, begin=last, end=last + 1)
        x = _unnormalized(call("squeeze", x, axis=(-1,)), size, grid.corners)
        if grid.padding == "border" and mode not in ("cubic", "bicubic"):
            x = call("clip", x, a_min=0.0, a_max=size - 1.0)
        elif grid.padding == "reflection" and mode not in ("cubic", "bicubic"):
            x = call("clip", _reflected(x, size, grid.corners), a_min=0.0, a_max=size - 1.0)
        places.append(x)
    if mode == "nearest":
        out = grid.read([call("round_even", x) for x in places])
    else:
        out = _interpolated(grid, places, "cubic" if "cubic" in mode else "linear")
    return call("transpose", out, axes=(0, len(sizes) - 1, *range(1, len(sizes) - 1)))


def _interpolated(grid, places, mode):
    """Sums over the pixels around each place."""
    shifts = (0, 1) if mode == "linear" else (-1, 0, 1, 2)
    lows = [call("floor", x) for x in places]
    parts = [call("subtract", x, low) for x, low in zip(places, lows, strict=True)]
    out = None
    for number in range(len(shifts) ** len(places)):
        at, factor = [], None
        for low, part in zip(lows, parts, strict=True):
            number, i = divmod(number, len(shifts))
            at.append(call("add_scalar", low, scalar=float(shifts[i])))
            weight = _factor(mode, part, shifts[i])
            factor = weight if factor is None else call("multiply", factor, weight)
        term = call("multiply", grid.read(at), call("expand_dims", factor, axis=-1))
        out = term if out is None else call("add", out, term)
    return out


def _factor(mode, part, shift, a=-0.75):
    """Weight of the pixel `shift` from the one below a place."""
    d = call("abs", call("add_scalar", part, scalar=-float(shift)))
    if mode == "linear":
        return call("rsubtract_scalar", d, scalar=1.0)
    factors = (a + 2, -(a + 3), 0.0, 1.0) if shift in (0, 1) else (a, -5 * a, 8 * a, -4 * a)
    out = None
    for factor in factors:  # Horner's scheme
        if out is None:
            out = call("multiply_scalar", d, scalar=factor)
        else:
            out = call("add_scalar", out, scalar=factor)
            out = out if factor is factors[-1] else call("multiply", out, d)
    return out
