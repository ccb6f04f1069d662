"""mx.np.random: moments, shapes, seeds, gradients of parameters."""

import numpy as np
import pytest

import plait as mx
from plait import autograd, npx

random = mx.np.random
N = 40_000
MOMENTS = {  # mean, standard deviation
    "uniform": (lambda n: random.uniform(-1, 3, n), 1, 4 / 12**0.5),
    "normal": (lambda n: random.normal(2, 3, n), 2, 3),
    "exponential": (lambda n: random.exponential(2, n), 2, 2),
    "gamma": (lambda n: random.gamma(3, 0.5, n), 1.5, 0.75**0.5),
    "gamma of arrays": (lambda n: random.gamma(mx.np.full((n,), 0.6), 1.0), 0.6, 0.6**0.5),
    "beta": (lambda n: random.beta(2, 3, n), 0.4, 0.2),
    "chisquare": (lambda n: random.chisquare(4, n), 4, 8**0.5),
    "f": (lambda n: random.f(5, 20, n), 20 / 18, (2 * 400 * 23 / (5 * 324 * 16)) ** 0.5),
    "gumbel": (lambda n: random.gumbel(1, 2, n), 1 + 2 * np.euler_gamma, 2 * np.pi / 6**0.5),
    "laplace": (lambda n: random.laplace(1, 2, n), 1, 8**0.5),
    "logistic": (lambda n: random.logistic(1, 2, n), 1, 2 * np.pi / 3**0.5),
    "lognormal": (lambda n: random.lognormal(0, 0.5, n), np.exp(0.125), ((np.exp(0.25) - 1) * np.exp(0.25)) ** 0.5),
    "pareto": (lambda n: random.pareto(5, n), 0.25, (5 / 48) ** 0.5),
    "power": (lambda n: random.power(2, n), 2 / 3, (1 / 18) ** 0.5),
    "rayleigh": (lambda n: random.rayleigh(2, n), 2 * (np.pi / 2) ** 0.5, (4 * (4 - np.pi) / 2) ** 0.5),
    "weibull": (lambda n: random.weibull(2, n), 0.886227, 0.463251),
    "poisson": (lambda n: random.poisson(4, n), 4, 2),
    "poisson of arrays": (lambda n: random.poisson(mx.np.full((n,), 50.0)), 50, 50**0.5),
    "bernoulli": (lambda n: random.bernoulli(0.3, size=n), 0.3, 0.21**0.5),
    "bernoulli of logits": (lambda n: random.bernoulli(logit=mx.np.zeros(n)), 0.5, 0.5),
    "binomial": (lambda n: random.binomial(10, 0.3, n), 3, 2.1**0.5),
    "geometric": (lambda n: random.geometric(0.25, n), 4, 12**0.5),
    "randint": (lambda n: random.randint(0, 10, n), 4.5, (99 / 12) ** 0.5),
    "choice": (lambda n: random.choice(4, n, p=[0.1, 0.2, 0.3, 0.4]), 2, 1),
    "randn": (lambda n: random.randn(n), 0, 1),
    "rand": (lambda n: random.rand(n), 0.5, 12**-0.5),
}  # fmt: skip


@pytest.mark.parametrize("name", MOMENTS)
def test_moments(name):
    draw, mean, deviation = MOMENTS[name]
    random.seed(1234)
    x = draw(N)
    assert x.shape == (N,)
    values = x.asnumpy().astype("float64")
    assert abs(values.mean() - mean) < 5 * deviation / N**0.5
    assert abs(values.std() / deviation - 1) < 0.06
    random.seed(1234)
    np.testing.assert_array_equal(draw(N).asnumpy(), x.asnumpy())


def test_shapes_and_dtypes():
    assert (
        random.uniform().shape == ()
        and random.normal(size=3).shape == (3,)
        and random.normal(size=(2, 3), dtype="float64").dtype == "float64"
    )
    assert random.normal(mx.np.zeros((2, 1)), mx.np.ones(3)).shape == (2, 3) and random.gamma(
        mx.np.ones((2, 1)), size=(4, 2, 3)
    ).shape == (4, 2, 3)
    assert (
        random.randint(5).dtype == "int64"
        and random.randint(0, 5, (2,), dtype="int32").dtype == "int32"
    )
    assert npx.random.uniform_n(mx.np.zeros(3), 1.0, batch_shape=(2,)).shape == (
        2,
        3,
    ) and npx.random.normal_n(0.0, mx.np.ones((2, 2)), batch_shape=5).shape == (5, 2, 2)
    for bad, text in [(lambda: random.randint(3, 3), "low is 3"), (lambda: random.normal(0, -1), "scale is -1"), (lambda: random.uniform(mx.np.zeros(3), 1.0, (2,)), "size is"),
                      (lambda: random.choice(3, 4, replace=False), "a has 3 elements"), (lambda: random.choice(3, p=[0.5, 0.5]), "p has shape"), (lambda: random.bernoulli(), "exactly one")]:  # fmt: skip
        with pytest.raises(ValueError, match=text):
            bad()


def test_orders_and_lists():
    x = mx.np.arange(50).reshape(25, 2)
    y = x.copy()
    random.shuffle(y)
    assert (
        sorted(y[:, 0].tolist()) == x[:, 0].tolist()
        and (y[:, 1] == y[:, 0] + 1).all()
        and not (x == y).all()
    )
    assert sorted(random.permutation(10).tolist()) == list(range(10)) and random.permutation(
        x
    ).shape == (25, 2)
    assert len(set(random.choice(20, 20, replace=False).tolist())) == 20 and random.choice(
        mx.np.array([5.0, 7.0])
    ).item() in (5, 7)
    drawn = random.choice(10, (3, 3), replace=False, p=[0.0] + [1 / 9] * 9)
    assert 0 not in drawn.tolist()[0] and drawn.shape == (3, 3)
    counts = random.multinomial(1000, [0.2, 0.3, 0.5], size=4)
    assert (
        counts.shape == (4, 3)
        and counts.sum(1).tolist() == [1000] * 4
        and abs(counts.asnumpy()[:, 2].mean() - 500) < 60
    )
    assert random.multinomial(7, [0.5, 0.5]).sum().item() == 7
    covariance = np.array([[2.0, 0.6], [0.6, 1.0]])
    z = random.multivariate_normal(
        mx.np.array([1.0, -1.0]), mx.np.array(covariance), size=20_000
    ).asnumpy()
    np.testing.assert_allclose(np.cov(z.T), covariance, atol=0.08)
    np.testing.assert_allclose(z.mean(0), [1, -1], atol=0.05)


def test_parameters_have_gradients():
    loc, scale = mx.np.zeros(1000), mx.np.ones(1000)
    for variable in (loc, scale):
        variable.attach_grad()
    with autograd.record():
        x = random.normal(loc, scale)
    x.backward()
    assert (loc.grad == 1).all()
    np.testing.assert_allclose(scale.grad.asnumpy(), x.asnumpy(), rtol=1e-6)
