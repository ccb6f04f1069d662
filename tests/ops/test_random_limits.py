"""Draws at the ends of their parameters: they end, and say what there is to say."""

import numpy as np
import pytest

from plait import nd

ENDS = [
    ("poisson", {"lam": np.inf}, np.inf),
    ("gamma", {"alpha": np.inf, "beta": 1.0}, np.inf),
    ("gamma", {"alpha": 0.0, "beta": 1.0}, 0.0),
    ("negative_binomial", {"k": np.inf, "p": 0.5}, np.inf),
]


@pytest.mark.parametrize(("name", "attrs", "want"), ENDS)
def test_ends(name, attrs, want):
    try:
        found = getattr(nd.random, name)(shape=(3,), **attrs).asnumpy()
    except ValueError as error:
        assert str(next(iter(attrs))) in str(error)
    else:
        assert (found == want).all()


def test_negative_shapes_are_not_numbers():
    sample = nd.sample_gamma(nd.array([-1e30, -2.0]), nd.ones(2))
    assert np.isnan(sample.asnumpy()).all()
