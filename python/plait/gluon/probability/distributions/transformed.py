"""Distributions of functions of samples."""

from .distribution import Distribution, as_array
from .independent import sum_right

__all__ = ["TransformedDistribution"]


class TransformedDistribution(Distribution):
    """What comes out of invertible functions when a distribution goes in.

    Parameters
    ----------
    base_dist : Distribution
    transforms : Transformation or list of Transformation
        Applied in order.

    Examples
    --------
    >>> normal = gluon.probability.Normal(0, 1)
    >>> log_normal = TransformedDistribution(normal, gluon.probability.ExpTransform())
    """

    def __init__(self, base_dist, transforms, validate_args=None):
        self._base_dist = base_dist
        self._transforms = (
            list(transforms) if isinstance(transforms, (list, tuple)) else [transforms]
        )
        self.has_grad = base_dist.has_grad
        self.event_dim = max([base_dist.event_dim, *(t.event_dim for t in self._transforms)])
        super().__init__(validate_args)

    def __repr__(self):
        return f"TransformedDistribution({self._base_dist!r}, {self._transforms})"

    @property
    def _batch_shape(self):
        batch = self._base_dist._batch_shape
        return batch[: len(batch) - (self.event_dim - self._base_dist.event_dim)]

    def broadcast_to(self, batch_shape):
        batch = self._base_dist._batch_shape
        inner = batch[len(self._batch_shape) :]
        return TransformedDistribution(
            self._base_dist.broadcast_to((*batch_shape, *inner)), self._transforms, self._validate
        )

    def _draw(self, shape):
        inner = self._base_dist._batch_shape[len(self._batch_shape) :]
        value = self._base_dist._draw((*shape, *inner))
        for transform in self._transforms:
            value = transform(value)
        return value

    def _log_prob(self, value):
        total, y = 0.0, value
        for transform in reversed(self._transforms):
            x = transform.inv(y)
            jacobian = transform.log_det_jacobian(x, y)
            total = total - sum_right(jacobian, self.event_dim - transform.event_dim)
            y = x
        base = self._base_dist
        return total + sum_right(base.log_prob(y), self.event_dim - base.event_dim)

    def _sign(self):
        sign = 1
        for transform in self._transforms:
            sign = sign * transform.sign
        return sign

    def cdf(self, value):
        value = as_array(value)
        for transform in reversed(self._transforms):
            value = transform.inv(value)
        sign = self._sign()
        return sign * (self._base_dist.cdf(value) - 0.5) + 0.5

    def icdf(self, value):
        value = as_array(value)
        sign = self._sign()
        value = self._base_dist.icdf(sign * (value - 0.5) + 0.5)
        for transform in self._transforms:
            value = transform(value)
        return value

    def entropy(self):
        """There is no general formula.

        Raises
        ------
        NotImplementedError
            Always.
        """
        raise NotImplementedError("TransformedDistribution has no entropy in closed form")
