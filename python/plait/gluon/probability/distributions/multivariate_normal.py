"""Normal vectors."""

from .... import numpy as np
from . import constraint
from .distribution import LOG_2PI, Distribution

__all__ = ["MultivariateNormal"]


def _turned(matrix):
    return np.swapaxes(matrix, -2, -1)


class MultivariateNormal(Distribution):
    """Normal vectors.

    Parameters
    ----------
    loc : array (..., k)
        Mean.
    cov, precision, scale_tril : array (..., k, k)
        Covariance, its inverse, or its lower triangular root; one of the three.
    """

    has_grad = True
    event_dim = 1
    support = constraint.Real()
    arg_constraints = {
        "loc": constraint.Real(),
        "cov": constraint.PositiveDefinite(),
        "precision": constraint.PositiveDefinite(),
        "scale_tril": constraint.LowerCholesky(),
    }

    def __init__(self, loc, cov=None, precision=None, scale_tril=None, validate_args=None):
        given = {"cov": cov, "precision": precision, "scale_tril": scale_tril}
        given = {name: value for name, value in given.items() if value is not None}
        if len(given) != 1:
            raise ValueError(
                "MultivariateNormal: must have one of cov, precision and scale_tril, "
                f"has {sorted(given)}"
            )
        super().__init__(validate_args, loc=loc, **given)

    def __getattr__(self, name):
        own = self.__dict__
        if name == "scale_tril":
            # The inverse of a precision P: with P turned by 180 degrees as L L^T, L^-T turned back.
            if "precision" in own:
                flipped = np.linalg.cholesky(np.flip(self.precision, (-2, -1)))
                return np.linalg.inv(_turned(np.flip(flipped, (-2, -1))))
            if "cov" in own:
                return np.linalg.cholesky(self.cov)
        if name == "cov" and ("scale_tril" in own or "precision" in own):
            root = self.scale_tril
            return np.matmul(root, _turned(root))
        if name == "precision" and ("scale_tril" in own or "cov" in own):
            return np.linalg.inv(self.cov)
        raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")

    def _event_axes(self, name):
        return 1 if name == "loc" else 2

    def _log_det(self, root):
        """Logarithm of the determinant of the root."""
        return np.log(np.diagonal(root, axis1=-2, axis2=-1)).sum(axis=-1)

    def _log_prob(self, value):
        root = self.scale_tril
        away = np.expand_dims(value - self.loc, -1)
        shape = np.broadcast_shapes(root.shape[:-2], away.shape[:-2])
        root_full = np.broadcast_to(root, (*shape, *root.shape[-2:]))
        z = np.linalg.solve(root_full, np.broadcast_to(away, (*shape, *away.shape[-2:])))
        size = self.loc.shape[-1]
        return -0.5 * (size * LOG_2PI + (z**2).sum(axis=(-2, -1))) - self._log_det(root)

    def _draw(self, shape):
        noise = np.random.normal(size=(*shape, self.loc.shape[-1], 1))
        root = self.scale_tril
        root = np.broadcast_to(root, (*shape, *root.shape[-2:]))
        return self.loc + np.matmul(root, noise).squeeze(-1)

    @property
    def mean(self):
        return np.broadcast_to(self.loc, (*self._batch_shape, self.loc.shape[-1]))

    @property
    def variance(self):
        diagonal = np.diagonal(self.cov, axis1=-2, axis2=-1)
        return np.broadcast_to(diagonal, (*self._batch_shape, self.loc.shape[-1]))

    def entropy(self):
        return self._full(0.5 * self.loc.shape[-1] * (1 + LOG_2PI) + self._log_det(self.scale_tril))
