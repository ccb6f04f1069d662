"""Several independent events as one."""

from .distribution import Distribution

__all__ = ["Independent"]


def sum_right(value, count):
    """Sum over the last `count` axes."""
    return value.sum(axis=tuple(range(-count, 0))) if count else value


class Independent(Distribution):
    """Counts the last axes of the batch of a distribution as axes of the event.

    Parameters
    ----------
    base_distribution : Distribution
    reinterpreted_batch_ndims : int
        How many axes.
    """

    def __init__(self, base_distribution, reinterpreted_batch_ndims, validate_args=None):
        batch = base_distribution._batch_shape
        if not 0 <= reinterpreted_batch_ndims <= len(batch):
            raise ValueError(
                f"Independent: reinterpreted_batch_ndims is {reinterpreted_batch_ndims}, "
                f"must be in [0, {len(batch)}]"
            )
        self.base_dist, self.reinterpreted_batch_ndims = (
            base_distribution, reinterpreted_batch_ndims,
        )  # fmt: skip
        self.has_grad = base_distribution.has_grad
        self.event_dim = base_distribution.event_dim + reinterpreted_batch_ndims
        super().__init__(validate_args)

    def __repr__(self):
        return f"Independent({self.base_dist!r}, {self.reinterpreted_batch_ndims})"

    @property
    def support(self):
        """Constraint: that of the distribution."""
        return self.base_dist.support

    @property
    def _inner(self):
        """The axes of the batch that belong to the event."""
        batch = self.base_dist._batch_shape
        return batch[len(batch) - self.reinterpreted_batch_ndims :]

    @property
    def _batch_shape(self):
        batch = self.base_dist._batch_shape
        return batch[: len(batch) - self.reinterpreted_batch_ndims]

    def broadcast_to(self, batch_shape):
        base = self.base_dist.broadcast_to((*batch_shape, *self._inner))
        return Independent(base, self.reinterpreted_batch_ndims, self._validate)

    def _draw(self, shape):
        return self.base_dist._draw((*shape, *self._inner))

    def _log_prob(self, value):
        return sum_right(self.base_dist.log_prob(value), self.reinterpreted_batch_ndims)

    @property
    def mean(self):
        return self.base_dist.mean

    @property
    def variance(self):
        return self.base_dist.variance

    def entropy(self):
        return sum_right(self.base_dist.entropy(), self.reinterpreted_batch_ndims)
