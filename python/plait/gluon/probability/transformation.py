"""Functions of arrays that know their inverse and how they stretch space."""

import weakref

from ... import numpy as np
from ... import numpy_extension as npx
from ..hybrid_block import HybridBlock
from .distributions.distribution import as_array, softplus
from .distributions.independent import sum_right

__all__ = [
    "Transformation",
    "TransformBlock",
    "ComposeTransform",
    "ExpTransform",
    "AffineTransform",
    "PowerTransform",
    "SigmoidTransform",
    "SoftmaxTransform",
    "AbsTransform",
]


class Transformation:
    """Base of the functions; subclasses define `_forward_compute`, `_inverse_compute` and
    `log_det_jacobian`.

    Attributes
    ----------
    bijective : bool
        Whether there is an inverse.
    event_dim : int
        How many of the last axes are changed together.
    sign : int or array
        1 for rising functions, -1 for falling ones.
    """

    bijective = False
    event_dim = 0

    def __init__(self):
        self._inv = None

    @property
    def sign(self):
        """int or array: 1 if it rises, -1 if it falls."""
        raise NotImplementedError(f"{type(self).__name__} neither rises nor falls everywhere")

    @property
    def inv(self):
        """Transformation: the inverse."""
        inverse = self._inv() if self._inv is not None else None
        if inverse is None:
            inverse = _Inverse(self)
            self._inv = weakref.ref(inverse)
        return inverse

    def __call__(self, x):
        """The function at `x`."""
        return self._forward_compute(as_array(x))

    def log_det_jacobian(self, x, y):
        """Logarithm of the absolute determinant of the derivative at `x`, where it gives `y`."""
        raise NotImplementedError(f"{type(self).__name__} has no determinant")

    def _forward_compute(self, x):
        raise NotImplementedError(f"{type(self).__name__} must define _forward_compute")

    def _inverse_compute(self, y):
        raise NotImplementedError(f"{type(self).__name__} has no inverse")


class _Inverse(Transformation):
    """The inverse of a transformation."""

    def __init__(self, forward):
        super().__init__()
        self._forward = forward

    @property
    def inv(self):
        return self._forward

    @property
    def sign(self):
        return self._forward.sign

    @property
    def event_dim(self):
        return self._forward.event_dim

    @property
    def bijective(self):
        return self._forward.bijective

    def _forward_compute(self, x):
        return self._forward._inverse_compute(x)

    def _inverse_compute(self, y):
        return self._forward._forward_compute(y)

    def log_det_jacobian(self, x, y):
        return -self._forward.log_det_jacobian(y, x)


class TransformBlock(Transformation, HybridBlock):
    """Base of transformations with parameters: a block as well."""

    def __init__(self, *args, **kwargs):
        HybridBlock.__init__(self, *args, **kwargs)
        self._inv = None

    __call__ = HybridBlock.__call__


class ComposeTransform(Transformation):
    """Several transformations, one after the other.

    Parameters
    ----------
    parts : list of Transformation
    """

    def __init__(self, parts):
        super().__init__()
        self._parts = list(parts)

    @property
    def bijective(self):
        """bool: whether all have an inverse."""
        return all(part.bijective for part in self._parts)

    @property
    def sign(self):
        sign = 1
        for part in self._parts:
            sign = sign * part.sign
        return sign

    @property
    def event_dim(self):
        """int: the most axes that one of them changes together."""
        return max((part.event_dim for part in self._parts), default=0)

    def _forward_compute(self, x):
        for part in self._parts:
            x = part(x)
        return x

    def _inverse_compute(self, y):
        for part in reversed(self._parts):
            y = part.inv(y)
        return y

    def log_det_jacobian(self, x, y):
        total = 0.0
        for part in self._parts:
            after = part(x)
            jacobian = part.log_det_jacobian(x, after)
            total = total + sum_right(jacobian, self.event_dim - part.event_dim)
            x = after
        return total


class ExpTransform(Transformation):
    """exp(x)."""

    bijective, sign = True, 1

    def _forward_compute(self, x):
        return np.exp(x)

    def _inverse_compute(self, y):
        return np.log(y)

    def log_det_jacobian(self, x, y):
        return x


class AffineTransform(Transformation):
    """loc + scale x.

    Parameters
    ----------
    loc, scale : float or array
    event_dim : int
    """

    bijective = True

    def __init__(self, loc, scale, event_dim=0):
        super().__init__()
        self._loc, self._scale, self.event_dim = as_array(loc), as_array(scale), event_dim

    @property
    def sign(self):
        return np.sign(self._scale)

    def _forward_compute(self, x):
        return self._loc + self._scale * x

    def _inverse_compute(self, y):
        return (y - self._loc) / self._scale

    def log_det_jacobian(self, x, y):
        full = np.broadcast_to(np.log(np.abs(self._scale)), x.shape)
        return sum_right(full, self.event_dim)


class PowerTransform(Transformation):
    """x to a power, for x > 0.

    Parameters
    ----------
    exponent : float or array
    """

    bijective = True

    def __init__(self, exponent):
        super().__init__()
        self._exponent = as_array(exponent)

    @property
    def sign(self):
        return np.sign(self._exponent)

    def _forward_compute(self, x):
        return np.power(x, self._exponent)

    def _inverse_compute(self, y):
        return np.power(y, 1 / self._exponent)

    def log_det_jacobian(self, x, y):
        return np.log(np.abs(self._exponent * y / x))


class SigmoidTransform(Transformation):
    """1 / (1 + exp(-x))."""

    bijective, sign = True, 1

    def _forward_compute(self, x):
        return npx.sigmoid(x)

    def _inverse_compute(self, y):
        return np.log(y) - np.log1p(-y)

    def log_det_jacobian(self, x, y):
        return -softplus(-x) - softplus(x)


class SoftmaxTransform(Transformation):
    """exp(x), scaled so that the last axis sums to 1; its inverse is one up to a constant."""

    event_dim = 1

    def _forward_compute(self, x):
        return npx.softmax(x, axis=-1)

    def _inverse_compute(self, y):
        return np.log(y)


class AbsTransform(Transformation):
    """|x|; the inverse gives the positive one."""

    def _forward_compute(self, x):
        return np.abs(x)

    def _inverse_compute(self, y):
        return y
