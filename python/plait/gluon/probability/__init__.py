"""Distributions over arrays of `mx.np`, their transformations and distances, and random blocks."""

from . import distributions, transformation
from .distributions import *  # noqa: F403
from .divergence import empirical_kl, kl_divergence, register_kl
from .domain_map import biject_to, domain_map, transform_to
from .stochastic_block import StochasticBlock, StochasticSequential
from .transformation import *  # noqa: F403

__all__ = [
    "StochasticBlock",
    "StochasticSequential",
    "biject_to",
    "domain_map",
    "empirical_kl",
    "kl_divergence",
    "register_kl",
    "transform_to",
    *distributions.__all__,
    *transformation.__all__,
]
