"""Distributions."""

from . import (
    categorical,
    constraint,
    continuous,
    count,
    distribution,
    gamma,
    independent,
    multivariate_normal,
    relaxed,
    transformed,
)
from .categorical import *  # noqa: F403
from .continuous import *  # noqa: F403
from .count import *  # noqa: F403
from .distribution import *  # noqa: F403
from .gamma import *  # noqa: F403
from .independent import *  # noqa: F403
from .multivariate_normal import *  # noqa: F403
from .relaxed import *  # noqa: F403
from .transformed import *  # noqa: F403

__all__ = [
    "constraint",
    *categorical.__all__,
    *continuous.__all__,
    *count.__all__,
    *distribution.__all__,
    *gamma.__all__,
    *independent.__all__,
    *multivariate_normal.__all__,
    *relaxed.__all__,
    *transformed.__all__,
]
