"""Transforms of colours."""

from ....hybrid_block import HybridBlock

__all__ = [
    "RandomBrightness",
    "RandomContrast",
    "RandomSaturation",
    "RandomHue",
    "RandomColorJitter",
    "RandomLighting",
    "RandomGray",
]


def _bounds(name, strength):
    """Bounds of a random factor around 1."""
    if strength < 0:
        raise ValueError(f"{name} is {strength}, must be >= 0")
    return {"min_factor": max(0.0, 1.0 - strength), "max_factor": 1.0 + strength}


class RandomBrightness(HybridBlock):
    """Multiplies all values by a random factor in [max(0, 1 - brightness), 1 + brightness]."""

    def __init__(self, brightness):
        super().__init__()
        self._bounds = _bounds("RandomBrightness: brightness", brightness)

    def hybrid_forward(self, F, x):
        return F.image.random_brightness(x, **self._bounds)


class RandomContrast(HybridBlock):
    """Multiplies distances from the mean grey by a random factor."""

    def __init__(self, contrast):
        super().__init__()
        self._bounds = _bounds("RandomContrast: contrast", contrast)

    def hybrid_forward(self, F, x):
        return F.image.random_contrast(x, **self._bounds)


class RandomSaturation(HybridBlock):
    """Multiplies distances from the grey of each pixel by a random factor."""

    def __init__(self, saturation):
        super().__init__()
        self._bounds = _bounds("RandomSaturation: saturation", saturation)

    def hybrid_forward(self, F, x):
        return F.image.random_saturation(x, **self._bounds)


class RandomHue(HybridBlock):
    """Turns colours around the grey axis by a random angle of up to `hue` half turns."""

    def __init__(self, hue):
        super().__init__()
        self._bounds = _bounds("RandomHue: hue", hue)

    def hybrid_forward(self, F, x):
        return F.image.random_hue(x, **self._bounds)


class RandomColorJitter(HybridBlock):
    """Brightness, contrast, saturation and hue in random order; 0 leaves one out."""

    def __init__(self, brightness=0, contrast=0, saturation=0, hue=0):
        super().__init__()
        self._strengths = {
            "brightness": brightness,
            "contrast": contrast,
            "saturation": saturation,
            "hue": hue,
        }
        for name, strength in self._strengths.items():
            _bounds(f"RandomColorJitter: {name}", strength)

    def hybrid_forward(self, F, x):
        return F.image.random_color_jitter(x, **self._strengths)


class RandomLighting(HybridBlock):
    """Adds noise along the main directions of the colours of ImageNet.

    Krizhevsky, Sutskever, Hinton: ImageNet classification (2012).

    Parameters
    ----------
    alpha : float
        Standard deviation of the noise.
    """

    def __init__(self, alpha):
        super().__init__()
        self._alpha = alpha

    def hybrid_forward(self, F, x):
        return F.image.random_lighting(x, alpha_std=self._alpha)


class RandomGray(HybridBlock):
    """Takes the colour away with probability `p`; there are three channels still."""

    def __init__(self, p=0.5):
        super().__init__()
        self._p = p

    def hybrid_forward(self, F, x):
        grey = F.image.random_saturation(x, min_factor=0.0, max_factor=0.0)
        draw = F.random.uniform(shape=(1,))
        zeros = F.zeros_like(F.cast(grey, dtype="float32"))
        return F.where(F.broadcast_add(zeros, draw) < self._p, grey, x)
