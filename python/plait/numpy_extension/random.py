"""Distributions with the shape of one draw given apart from the batch: `mx.npx.random`."""

from __future__ import annotations

from typing import Any

from ..numpy import _operands as _o
from ..numpy.random import bernoulli, normal, poisson, seed, uniform

__all__ = ["bernoulli", "normal_n", "poisson", "seed", "uniform_n"]


def _size(batch_shape: Any, *params: Any) -> tuple[int, ...]:
    import numpy as np

    joint = np.broadcast_shapes(*[() if _o.is_scalar(p) else _o.array_of(p).shape for p in params])
    return (() if batch_shape is None else _o.shape_of(batch_shape)) + joint


def uniform_n(low: Any = 0.0, high: Any = 1.0, batch_shape: Any = None, dtype: Any = None,
              ctx: Any = None, device: Any = None) -> Any:  # fmt: skip
    """`mx.np.random.uniform` of shape `batch_shape` followed by that of the parameters."""
    return uniform(low, high, _size(batch_shape, low, high), dtype, ctx or device)


def normal_n(loc: Any = 0.0, scale: Any = 1.0, batch_shape: Any = None, dtype: Any = None,
             ctx: Any = None, device: Any = None) -> Any:  # fmt: skip
    """`mx.np.random.normal` of shape `batch_shape` followed by that of the parameters."""
    return normal(loc, scale, _size(batch_shape, loc, scale), dtype, ctx or device)
