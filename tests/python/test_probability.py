"""gluon.probability against scipy.stats: densities, moments, samples, divergences, transformations."""

import numpy as onp
import pytest
import scipy.stats as ss

from plait import autograd, gluon, np, npx
from plait.gluon import probability as gp

A = onp.array([0.7, 1.5, 2.5], "float32")
B = onp.array([1.2, 0.8, 3.0], "float32")
P = onp.array([0.2, 0.5, 0.9], "float32")
MOST = ("log_prob", "cdf", "icdf", "mean", "variance", "entropy")
NO_CDF = ("log_prob", "mean", "variance", "entropy")


def arr(x):
    return np.array(x, dtype="float32")


# name: (distribution, scipy's, values, what to compare)
CASES = {
    "Normal": (gp.Normal(arr(A), arr(B)), ss.norm(A, B), [-1.5, 0.2, 3.0], MOST),
    "Laplace": (gp.Laplace(arr(A), arr(B)), ss.laplace(A, B), [-1.5, 0.7, 3.0], MOST),
    "Cauchy": (gp.Cauchy(arr(A), arr(B)), ss.cauchy(A, B), [-1.5, 0.2, 3.0], MOST),
    "Gumbel": (gp.Gumbel(arr(A), arr(B)), ss.gumbel_r(A, B), [-1.5, 0.2, 3.0], MOST),
    "HalfNormal": (gp.HalfNormal(arr(B)), ss.halfnorm(scale=B), [-1.0, 0.2, 3.0], MOST),
    "HalfCauchy": (gp.HalfCauchy(arr(B)), ss.halfcauchy(scale=B), [-1.0, 0.2, 3.0], MOST),
    "Exponential": (gp.Exponential(arr(B)), ss.expon(scale=B), [-1.0, 0.2, 3.0], MOST),
    "Uniform": (gp.Uniform(arr(-A), arr(B)), ss.uniform(-A, A + B), [-0.9, 0.2, 3.5], MOST),
    "Weibull": (gp.Weibull(arr(A), arr(B)), ss.weibull_min(A, scale=B), [-1.0, 0.2, 3.0], MOST),
    "Pareto": (gp.Pareto(arr(A), arr(B)), ss.pareto(A, scale=B), [0.5, 1.7, 9.0], MOST),
    "Pareto light": (gp.Pareto(arr(A + 2), 1.0), ss.pareto(A + 2), [0.5, 1.7, 9.0], MOST),
    "Gamma": (gp.Gamma(arr(A), arr(B)), ss.gamma(A, scale=B), [-1.0, 0.2, 3.0], NO_CDF),
    "Chi2": (gp.Chi2(arr(A * 2)), ss.chi2(A * 2), [-1.0, 0.2, 3.0], NO_CDF),
    "Beta": (gp.Beta(arr(A), arr(B)), ss.beta(A, B), [-0.1, 0.2, 0.9], NO_CDF),
    "StudentT": (gp.StudentT(arr(A), arr(B), arr(P)), ss.t(A, B, P), [-1.0, 0.2, 3.0],
                 ("log_prob", "entropy")),
    "StudentT heavy": (gp.StudentT(arr(A + 3)), ss.t((A + 3).astype("float64")), [-1.0, 0.2, 3.0], NO_CDF),
    "FisherSnedecor": (gp.FisherSnedecor(arr(A * 2), arr(B + 5)), ss.f(A * 2, B + 5),
                       [-1.0, 0.2, 3.0], ("log_prob", "mean", "variance")),
    "Bernoulli": (gp.Bernoulli(arr(P)), ss.bernoulli(P), [0, 1, 1], NO_CDF),
    "Binomial": (gp.Binomial(arr([3, 7, 4]), arr(P)), ss.binom([3, 7, 4], P), [0, 5, 4],
                 ("log_prob", "mean", "variance")),
    "Geometric": (gp.Geometric(arr(P)), ss.geom(P, loc=-1), [0, 5, 2], NO_CDF),
    "NegativeBinomial": (gp.NegativeBinomial(arr(B), arr(P)), ss.nbinom(B, 1 - P), [0, 5, 2],
                         ("log_prob", "mean", "variance")),
    "Poisson": (gp.Poisson(arr(B)), ss.poisson(B), [0, 5, 2], ("log_prob", "mean", "variance")),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_values_are_those_of_scipy(name):
    ours, theirs, values, what = CASES[name]
    values = onp.array(values, "float32")
    discrete = hasattr(theirs, "pmf")
    for kind in what:
        if kind == "log_prob":
            want = theirs.logpmf(values) if discrete else theirs.logpdf(values)
            got = ours.log_prob(arr(values))
        elif kind == "cdf":
            got, want = ours.cdf(arr(values)), theirs.cdf(values)
        elif kind == "icdf":
            got, want = ours.icdf(arr(P)), theirs.ppf(P)
        else:
            got = ours.entropy() if kind == "entropy" else getattr(ours, kind)
            want = getattr(theirs, {"variance": "var"}.get(kind, kind))()
        onp.testing.assert_allclose(got.asnumpy(), want, rtol=2e-4, atol=2e-5, err_msg=kind)


@pytest.mark.parametrize("name", CASES)
def test_samples_follow_the_distribution(name):
    ours, theirs, _, _ = CASES[name]
    drawn = ours.sample_n(4000).asnumpy()
    assert drawn.shape == (4000, 3) and ours.sample((2, 3)).shape == (2, 3)
    assert ours.sample().shape == (3,)
    for i in range(3):
        got = onp.sort(drawn[:, i])
        below = onp.arange(1, 4001) / 4000
        # Kolmogorov's distance; for whole numbers at the ends of the steps only.
        last = onp.append(got[1:] != got[:-1], True)
        distance = abs(theirs.cdf(got[last, None])[:, i] - below[last]).max()
        assert distance < 0.035


def test_logits_are_another_way_to_say_it():
    logit = onp.log(P / (1 - P))
    values = arr([0, 1, 1])
    for kind, extra in ((gp.Bernoulli, {}), (gp.Geometric, {}), (gp.Binomial, {"n": 3}),
                        (gp.NegativeBinomial, {"n": 2.0})):  # fmt: skip
        one, two = kind(prob=arr(P), **extra), kind(logit=arr(logit), **extra)
        for f in (lambda d: d.log_prob(values), lambda d: d.mean, lambda d: d.variance):
            onp.testing.assert_allclose(f(one).asnumpy(), f(two).asnumpy(), rtol=1e-4)
        onp.testing.assert_allclose(one.logit.asnumpy(), logit, rtol=1e-4, atol=1e-6)
    with pytest.raises(ValueError, match="must have prob or logit, and not both"):
        gp.Bernoulli()


SHARES = onp.array([[0.2, 0.3, 0.5], [0.1, 0.8, 0.1]], "float32")


def test_categories():
    one, hot = gp.Categorical(3, arr(SHARES)), gp.OneHotCategorical(3, logit=np.log(arr(SHARES)))
    onp.testing.assert_allclose(one.log_prob(arr([2, 1])).asnumpy(), onp.log([0.5, 0.8]), rtol=1e-5)
    vectors = npx.one_hot(arr([2, 1]), 3)
    onp.testing.assert_allclose(hot.log_prob(vectors).asnumpy(), onp.log([0.5, 0.8]), rtol=1e-5)
    assert hot.sample_n(5).shape == (5, 2, 3) and one.enumerate_support().shape == (3, 2)
    drawn = one.sample_n(4000).asnumpy()
    assert abs((drawn[:, 1] == 1).mean() - 0.8) < 0.03
    onp.testing.assert_allclose(one.entropy().asnumpy(), ss.entropy(SHARES, axis=1), rtol=1e-5)
    some = gp.Multinomial(3, arr(SHARES), total_count=4)
    counts = onp.array([[1, 1, 2], [0, 4, 0]], "float32")
    want = [
        ss.multinomial(4, p / p.sum()).logpmf(c)
        for p, c in zip(SHARES.astype("float64"), counts, strict=True)
    ]
    onp.testing.assert_allclose(some.log_prob(arr(counts)).asnumpy(), want, rtol=1e-4)
    drawn = some.sample_n(2000).asnumpy()
    assert (drawn.sum(-1) == 4).all()
    onp.testing.assert_allclose(drawn.mean(0), some.mean.asnumpy(), atol=0.12)
    with pytest.raises(ValueError, match="must end with 4"):
        gp.Categorical(4, arr(SHARES))


def test_vectors():
    alpha = onp.array([0.7, 1.5, 2.5])
    ours, theirs = gp.Dirichlet(arr(alpha)), ss.dirichlet(alpha)
    x = onp.array([0.2, 0.3, 0.5])
    onp.testing.assert_allclose(ours.log_prob(arr(x)).asnumpy(), theirs.logpdf(x), rtol=1e-4)
    onp.testing.assert_allclose(ours.entropy().asnumpy(), theirs.entropy(), rtol=1e-4)
    onp.testing.assert_allclose(ours.mean.asnumpy(), theirs.mean(), rtol=1e-5)
    onp.testing.assert_allclose(ours.variance.asnumpy(), theirs.var(), rtol=1e-5)
    drawn = ours.sample_n(2000).asnumpy()
    onp.testing.assert_allclose(drawn.mean(0), theirs.mean(), atol=0.03)
    root = onp.tril(onp.random.RandomState(0).normal(size=(3, 3))) + 2 * onp.eye(3)
    cov, loc = root @ root.T, onp.array([1.0, -1.0, 0.5])
    theirs = ss.multivariate_normal(loc, cov)
    x = onp.array([[0.3, 0.2, -1.0], [1.0, 1.0, 1.0]])
    for given in ({"cov": cov}, {"precision": onp.linalg.inv(cov)}, {"scale_tril": root}):
        ours = gp.MultivariateNormal(arr(loc), **{k: arr(v) for k, v in given.items()})
        onp.testing.assert_allclose(ours.log_prob(arr(x)).asnumpy(), theirs.logpdf(x), rtol=1e-3)
        onp.testing.assert_allclose(ours.entropy().asnumpy(), theirs.entropy(), rtol=1e-4)
        onp.testing.assert_allclose(ours.variance.asnumpy(), onp.diag(cov), rtol=1e-3)
        onp.testing.assert_allclose(ours.cov.asnumpy(), cov, rtol=1e-3, atol=1e-3)
        drawn = ours.sample_n(40000).asnumpy()
        onp.testing.assert_allclose(onp.cov(drawn.T), cov, atol=1.2)
    with pytest.raises(ValueError, match="must have one of cov, precision and scale_tril"):
        gp.MultivariateNormal(arr(loc))


def quantiles(name):
    """(log weights, values): points that stand for a distribution of CASES."""
    ours, theirs, _, _ = CASES[name]
    if hasattr(theirs, "pmf"):
        x = onp.repeat(onp.arange(400.0)[:, None], 3, axis=1)
        return theirs.pmf(x), x
    u = (onp.arange(20000) + 0.5) / 20000
    x = theirs.ppf(u[:, None])
    return onp.full_like(x, 1 / 20000), x


PAIRS = {
    "Bernoulli": gp.Bernoulli(arr(P[::-1].copy())),
    "Binomial": gp.Binomial(arr([3, 7, 4]), arr(P[::-1].copy())),
    "Geometric": gp.Geometric(arr(P[::-1].copy())),
    "Poisson": gp.Poisson(arr(A)),
    "Normal": gp.Normal(arr(B), arr(A)),
    "HalfNormal": gp.HalfNormal(arr(A)),
    "Laplace": gp.Laplace(arr(B), arr(A)),
    "Cauchy": gp.Cauchy(arr(B), arr(A)),
    "Uniform": gp.Uniform(arr(-A - 1), arr(B + 1)),
    "Exponential": gp.Exponential(arr(A)),
    "Pareto": gp.Pareto(arr(B), arr(B / 2)),
    "Gumbel": gp.Gumbel(arr(B), arr(A + 1)),
    "Gamma": gp.Gamma(arr(B), arr(A)),
    "Beta": gp.Beta(arr(B), arr(A)),
    "Uniform Normal": gp.Normal(arr(A), arr(B)),
    "Uniform Gumbel": gp.Gumbel(arr(A), arr(B)),
    "Exponential Gumbel": gp.Gumbel(arr(A), arr(B)),
    "Exponential Normal": gp.Normal(arr(A), arr(B)),
    "Exponential Gamma": gp.Gamma(arr(A), arr(B)),
}


@pytest.mark.parametrize("name", PAIRS)
def test_divergence_is_its_integral(name):
    p, q = CASES[name.split()[0]][0], PAIRS[name]
    weights, x = quantiles(name.split()[0])
    gap = (p.log_prob(arr(x)) - q.log_prob(arr(x))).asnumpy().astype("float64")
    want = onp.where(weights > 0, weights * gap, 0).sum(0)
    onp.testing.assert_allclose(gp.kl_divergence(p, q).asnumpy(), want, rtol=0.02, atol=0.01)


def test_divergence_of_vectors_and_unknown_pairs():
    same = gp.kl_divergence(gp.OneHotCategorical(3, arr(SHARES)), gp.Categorical(3, arr(SHARES)))
    onp.testing.assert_allclose(same.asnumpy(), 0, atol=1e-6)
    p, q = gp.Dirichlet(arr(A)), gp.Dirichlet(arr(B))
    estimate = gp.empirical_kl(p, q, 20000).asnumpy()
    onp.testing.assert_allclose(gp.kl_divergence(p, q).asnumpy(), estimate, rtol=0.1)
    cov = arr(onp.array([[2.0, 0.3], [0.3, 1.0]]))
    p = gp.MultivariateNormal(arr([0.0, 1.0]), cov=cov)
    q = gp.MultivariateNormal(arr([1.0, 1.0]), scale_tril=np.eye(2))
    want = 0.5 * (3 + 1 - 2 - onp.log(2 * 1 - 0.09))
    onp.testing.assert_allclose(gp.kl_divergence(p, q).asnumpy(), want, rtol=1e-4)
    p, q = (gp.Independent(gp.Normal(arr(x), arr(y)), 1) for x, y in ((A, B), (B, A)))
    parts = gp.kl_divergence(p.base_dist, q.base_dist)
    onp.testing.assert_allclose(gp.kl_divergence(p, q).asnumpy(), parts.asnumpy().sum(), rtol=1e-5)
    with pytest.raises(NotImplementedError, match="no formula for Normal and Poisson"):
        gp.kl_divergence(gp.Normal(), gp.Poisson())


def test_gradients_flow_through_samples():
    for make, params in (
        (gp.Normal, [A, B]), (gp.Laplace, [A, B]), (gp.Gumbel, [A, B]), (gp.Weibull, [A, B]),
        (gp.Uniform, [-A, B]), (gp.Exponential, [B]), (gp.Pareto, [A, B]),
        (lambda p: gp.RelaxedBernoulli(0.5, p), [P]),
        (lambda p: gp.RelaxedOneHotCategorical(0.5, 3, p), [SHARES]),
    ):  # fmt: skip
        arrays = [arr(p) for p in params]
        for array in arrays:
            array.attach_grad()
        with autograd.record():
            distribution = make(*arrays)
            loss = (distribution.sample() ** 2).sum()
        loss.backward()
        assert distribution.has_grad
        assert all(abs(array.grad).sum() > 0 for array in arrays)


def test_relaxed_densities_integrate_to_one():
    x = onp.linspace(0.0005, 0.9995, 1000)
    density = gp.RelaxedBernoulli(0.8, arr(0.3)).pdf(arr(x)).asnumpy()
    assert density.mean() == pytest.approx(1, abs=0.02)
    pair = onp.stack([x, 1 - x], 1)
    density = gp.RelaxedOneHotCategorical(0.8, 2, arr([0.3, 0.7])).pdf(arr(pair)).asnumpy()
    assert density.mean() == pytest.approx(1, abs=0.02)


def test_transformed_distributions():
    log_normal = gp.TransformedDistribution(gp.Normal(arr(A), arr(B)), gp.ExpTransform())
    theirs = ss.lognorm(B, scale=onp.exp(A))
    x = onp.array([0.5, 1.0, 4.0], "float32")
    onp.testing.assert_allclose(log_normal.log_prob(arr(x)).asnumpy(), theirs.logpdf(x), rtol=1e-4)
    onp.testing.assert_allclose(log_normal.cdf(arr(x)).asnumpy(), theirs.cdf(x), rtol=1e-4)
    onp.testing.assert_allclose(log_normal.icdf(arr(P)).asnumpy(), theirs.ppf(P), rtol=1e-4)
    falling = gp.AffineTransform(arr(1.0), arr(-2.0))
    turned = gp.TransformedDistribution(gp.Normal(0, 1), falling)
    theirs = ss.norm(1, 2)
    onp.testing.assert_allclose(turned.log_prob(arr(x)).asnumpy(), theirs.logpdf(x), rtol=1e-4)
    onp.testing.assert_allclose(turned.cdf(arr(x)).asnumpy(), theirs.cdf(x), rtol=1e-4)
    assert log_normal.sample_n(4).shape == (4, 3)


@pytest.mark.parametrize("make", [
    gp.ExpTransform, lambda: gp.AffineTransform(arr(1.0), arr(-2.0)),
    lambda: gp.PowerTransform(3.0), gp.SigmoidTransform,
    lambda: gp.ComposeTransform([gp.AffineTransform(0.0, 2.0), gp.SigmoidTransform()]),
])  # fmt: skip
def test_transformations_have_inverse_and_jacobian(make):
    f = make()
    x = arr([0.3, 0.9, 1.7])
    x.attach_grad()
    with autograd.record():
        y = f(x)
    y.backward()
    onp.testing.assert_allclose(f.inv(y).asnumpy(), x.asnumpy(), rtol=1e-4)
    want = onp.log(abs(x.grad.asnumpy()))
    onp.testing.assert_allclose(f.log_det_jacobian(x, y).asnumpy(), want, rtol=1e-4, atol=1e-5)
    onp.testing.assert_allclose(f.inv.log_det_jacobian(y, x).asnumpy(), -want, rtol=1e-4, atol=1e-5)
    assert f.bijective and f.inv.inv is f


def test_arguments_are_checked_where_asked():
    with pytest.raises(ValueError, match="scale is .*, must be > 0"):
        gp.Normal(0, -1, validate_args=True)
    with pytest.raises(ValueError, match="value is .*, must be whole numbers >= 0"):
        gp.Poisson(1.0, validate_args=True).log_prob(arr(0.5))
    gp.Distribution.set_default_validate_args(True)
    try:
        with pytest.raises(ValueError, match="prob is .*, must be in"):
            gp.Bernoulli(1.5)
        gp.Dirichlet(arr(A)).log_prob(arr([0.2, 0.3, 0.5]))
        gp.MultivariateNormal(arr([0.0, 1.0]), cov=np.eye(2))
        with pytest.raises(ValueError, match="positive definite"):
            gp.MultivariateNormal(arr([0.0, 1.0]), cov=-np.eye(2))
    finally:
        gp.Distribution.set_default_validate_args(False)


def test_shapes_broadcast():
    one = gp.Normal(np.zeros((2, 1)), np.ones((3,)))
    assert one.sample().shape == one.mean.shape == one.entropy().shape == (2, 3)
    assert one.sample_n((4, 5)).shape == (4, 5, 2, 3)
    assert one.broadcast_to((7, 2, 3)).loc.shape == (7, 2, 3)
    inner = gp.Independent(one, 1)
    assert inner.log_prob(one.sample()).shape == (2,) and inner.sample_n(4).shape == (4, 2, 3)
    assert gp.Dirichlet(arr(A)).broadcast_to((2,)).alpha.shape == (2, 3)


class Encoder(gp.StochasticBlock):
    def __init__(self):
        super().__init__()
        self.dense = gluon.nn.Dense(4, in_units=3)

    @gp.StochasticBlock.collectLoss
    def forward(self, x):
        both = self.dense(x)
        loc, scale = both[:, :2], npx.activation(both[:, 2:], "softrelu")
        q = gp.Normal(loc, scale)
        self.add_loss(gp.kl_divergence(q, gp.Normal(np.zeros((2,)), np.ones((2,)))))
        return loc


@pytest.mark.parametrize("hybrid", [False, True])
def test_stochastic_block_keeps_its_losses(hybrid):
    net = gp.StochasticSequential()
    net.add(Encoder(), gluon.nn.Dense(1, in_units=2))
    net.initialize()
    if hybrid:
        net.hybridize()
    x = np.random.normal(size=(5, 3))
    with autograd.record():
        out = net(x)
        loss = (out**2).sum() + sum(part.sum() for part in net.losses)
    loss.backward()
    assert out.shape == (5, 1) and [part.shape for part in net.losses] == [(5, 2)]
    assert abs(net[0].dense.weight.grad()).sum() > 0
    net(x)
    assert len(net.losses) == 1


C = gp.constraint


@pytest.mark.parametrize(
    "constraint",
    [
        C.Real(),
        C.Positive(),
        C.NonNegative(),
        C.GreaterThan(2.0),
        C.GreaterThanEq(-1.0),
        C.LessThan(3.0),
        C.LessThanEq(0.5),
        C.UnitInterval(),
        C.Interval(-2.0, 5.0),
        C.OpenInterval(1.0, 2.0),
        C.HalfOpenInterval(0.0, 9.0),
    ],
)
def test_maps_into_constraints(constraint):
    x = np.array([-3.0, -0.5, 0.0, 1.5, 4.0])
    for table in (gp.biject_to, gp.transform_to):
        change = table(constraint)
        y = change(x)
        assert constraint.holds(y).asnumpy().all()
        onp.testing.assert_allclose(change.inv(y).asnumpy(), x.asnumpy(), atol=1e-4)


def test_maps_can_be_registered():
    table = gp.domain_map()
    with pytest.raises(NotImplementedError, match="no transformation into Real"):
        table(C.Real())

    @table.register(C.Real)
    def same(constraint):
        return gp.AffineTransform(0, 1)

    assert table(C.Real())(np.array([2.0])).item() == 2
    with pytest.raises(TypeError, match="must be a Constraint"):
        table.register(int, same)
