"""Entries of core/ops/image."""

import numpy as np
from harness import Spec, between, normal

PHOTO = np.random.default_rng(3).integers(0, 256, (6, 5, 3)).astype("uint8")
X = between(0, 1, 6, 5, 3)
Spec(
    "image_to_tensor",
    lambda x: np.moveaxis(x.astype("float64") / 255, -1, -3),
    [((PHOTO,), {}), ((np.stack([PHOTO, PHOTO]),), {})],
    dtypes=("float32",),
    raises=[((normal(3, 4),), {}, ValueError, "image_to_tensor: data has shape")],
)
Spec(
    "image_normalize",
    lambda x, mean, std: (x - np.reshape(mean, (-1, 1, 1))) / np.reshape(std, (-1, 1, 1)),
    [
        ((normal(3, 4, 5),), {"mean": (0.1, 0.2, 0.3), "std": (0.5, 0.6, 0.7)}),
        ((normal(2, 3, 2, 2),), {"mean": (0.5,), "std": (2.0,)}),
    ],
    grad=(0,),
    raises=[
        ((normal(3, 4, 5),), {"std": (0.0,)}, ValueError, "std has 0"),
        ((normal(3, 4, 5),), {"mean": (0.1, 0.2)}, ValueError, "image_normalize: mean has 2"),
    ],
)
CROP = {"x": 1, "y": 2, "width": 3, "height": 4}
Spec(
    "image_crop",
    lambda v, **_: v[..., 2:6, 1:4, :],
    [((X,), CROP), ((np.stack([X, X]),), CROP)],
    grad=(0,),
    raises=[((X,), {**CROP, "x": 3}, ValueError, "image_crop: x, y, width, height are 3")],
)
MIDDLE = {"width": 2, "height": 2, "xrange": (0.5, 0.5), "yrange": (0.0, 0.0)}
Spec(
    "image_random_crop",
    lambda x, **_: x[..., :2, (x.shape[-2] - 2) // 2 :, :][..., :2, :],
    [((X,), MIDDLE), ((PHOTO,), MIDDLE)],
    raises=[
        ((X,), {**MIDDLE, "xrange": (0.5,)}, ValueError, "image_random_crop: xrange must be two"),
        ((X,), {**MIDDLE, "width": 0}, ValueError, r"width is 0, must be in \[1, 2\^31\)"),
        ((X,), {**MIDDLE, "pad": (1,)}, ValueError, "pad is"),
        ((X,), {**MIDDLE, "interp": 5}, ValueError, "interp is 5"),
    ],
)
WHOLE = {"width": X.shape[-2], "height": X.shape[-3], "area": (1.0, 1.0), "max_trial": 0}
Spec(
    "image_random_resized_crop",
    lambda x, **_: x,
    [((X,), WHOLE)],
    raises=[
        ((X,), {**WHOLE, "area": (0.5, 2.0)}, ValueError, "area must be two numbers in"),
        ((X,), {**WHOLE, "ratio": (0.0, 1.0)}, ValueError, "ratio must be two numbers in"),
    ],
)
Spec("image_flip_left_right", lambda x: x[..., ::-1, :], [((X,), {})], grad=(0,))
Spec("image_flip_top_bottom", lambda x: x[..., ::-1, :, :], [((X,), {})], grad=(0,))
Spec(
    "image_random_flip_left_right",
    lambda x, p: x[:, ::-1] if p else x,
    [((X,), {"p": 1.0}), ((X,), {"p": 0.0})],
)
Spec(
    "image_random_flip_top_bottom",
    lambda x, p: x[::-1] if p else x,
    [((X,), {"p": 1.0}), ((X,), {"p": 0.0})],
)


def taps(n, m, nearest):
    out = np.zeros((m, n))
    for i in range(m):
        at = np.floor(i * n / m) if nearest else (i + 0.5) * n / m - 0.5
        at = np.clip(at, 0, n - 1)
        low = int(at)
        out[i, low] += 1 - (at - low)
        out[i, min(low + 1, n - 1)] += at - low
    return out


def resize(x, size, keep_ratio=False, interp=1):
    h, w = x.shape[-3:-1]
    if isinstance(size, int):
        width, height = size, size
        if keep_ratio:
            height, width = (size, w * size // h) if h < w else (h * size // w, size)
    else:
        width, height = size
    y = np.einsum(
        "yh,...hwc,xw->...yxc", taps(h, height, interp == 0), x, taps(w, width, interp == 0)
    )
    return np.floor(y + 0.5) if x.dtype.kind == "u" else y


Spec(
    "image_resize",
    resize,
    [
        ((X,), {"size": (8, 7)}),
        ((X,), {"size": 4, "keep_ratio": True}),
        ((X,), {"size": (3, 9), "interp": 0}),
        ((PHOTO,), {"size": 3, "interp": 0}),
    ],
    raises=[((X,), {"size": (0, 3)}, ValueError, "image_resize: size is")],
)
GREY = np.array([0.299, 0.587, 0.114])
FIXED = {"min_factor": 0.7, "max_factor": 0.7}
Spec("image_random_brightness", lambda x, **_: x * 0.7, [((X,), FIXED)])
Spec("image_random_contrast", lambda x, **_: x * 0.7 + 0.3 * (x @ GREY).mean(), [((X,), FIXED)])
Spec(
    "image_random_saturation", lambda x, **_: x * 0.7 + 0.3 * (x @ GREY)[..., None], [((X,), FIXED)]
)
Spec(
    "image_random_hue",
    lambda x, **_: x,
    [((X,), {"min_factor": 1.0, "max_factor": 1.0})],
    tolerance=(2e-2, 2e-2),  # the two matrices of colour are rounded to three digits
    dtypes=("float32", "float64"),
)
Spec(
    "image_random_color_jitter",
    lambda x, **_: x,
    [((X,), {"brightness": 0.0, "contrast": 0.0, "saturation": 0.0, "hue": 0.0})],
)
VECTORS = np.array(
    [[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]]
)
Spec(
    "image_adjust_lighting",
    lambda x, alpha: x + VECTORS @ (np.array(alpha) * [55.46, 4.794, 1.148]),
    [((X,), {"alpha": (0.01, 0.02, 0.03)})],
    tolerance=(1e-4, 1e-4),
    raises=[((X,), {"alpha": (0.1,)}, ValueError, "alpha has 1 numbers, must be 3")],
)
Spec("image_random_lighting", lambda x, alpha_std: x, [((X,), {"alpha_std": 0.0})])
