"""Densities of random distributions at given points, against SciPy."""

import numpy as np
from harness import Spec, between
from scipy import stats


def density(distribution, *names):
    """Reference by a distribution of SciPy; `names` are what it calls the parameters."""
    values = getattr(distribution, "pdf", None) or distribution.pmf

    def reference(sample, *parameters, is_log=False):
        wide = [np.reshape(p, p.shape + (1,) * (sample.ndim - p.ndim)) for p in parameters]
        found = values(sample, **{n: f(*wide) for n, f in names})
        return np.log(found) if is_log else found

    return reference


def samples(points, *parameters):
    """The same points with and without the logarithm; points (2, 3, 4) for parameters (2, 3)."""
    flat = [points[0, 0], *(p[0, 0] for p in parameters)]
    return [
        ([points, *parameters], {}),
        ([points, *parameters], {"is_log": True}),
        ([points, *(p[:, 0] for p in parameters)], {}),
        ([points[:, :, 0], *parameters], {"is_log": True}),
        ([flat[0], *(np.reshape(p, ()) for p in flat[1:])], {}),
    ]


WRONG = [
    (([np.ones((2, 3)), np.ones(3)]), ValueError, r"sample has shape \(2, 3\), must begin with"),
    (([np.ones((2, 3)), np.ones(2, "float32")]), TypeError, "an input has dtype float32"),
]
X, WHOLE = between(0.3, 2.5, 2, 3, 4), np.arange(24.0).reshape(2, 3, 4) % 7
A, B, P = between(0.6, 3, 2, 3), between(0.5, 2, 3, 2).T.copy(), between(0.2, 0.8, 2, 3)


def entry(name, distribution, points, parameters, names, grad):
    count = len(parameters)
    Spec(
        f"random_pdf_{name}",
        density(distribution, *names),
        samples(points, *parameters),
        grad=grad,
        second=True,
        raises=[([i[0], *i[1:] * count], {}, kind, text) for i, kind, text in WRONG],
    )


def first(a, *_):
    return a


def last(*p):
    return p[-1]


entry(
    "uniform",
    stats.uniform,
    0.5 + X / 3,
    (A * 0.1, 2 + B),
    (("loc", first), ("scale", lambda a, b: b - a)),
    (1, 2),
)
entry("normal", stats.norm, X, (A, B), (("loc", first), ("scale", last)), (0, 1, 2))
entry("gamma", stats.gamma, X, (A, B), (("a", first), ("scale", lambda a, b: 1 / b)), (0, 1, 2))
entry("exponential", stats.expon, X, (A,), (("scale", lambda a: 1 / a),), (0, 1))
entry("poisson", stats.poisson, WHOLE, (A,), (("mu", first),), (1,))
entry("negative_binomial", stats.nbinom, WHOLE, (A, P), (("n", first), ("p", last)), (1, 2))
entry(
    "generalized_negative_binomial",
    stats.nbinom,
    WHOLE,
    (A, P),
    (("n", lambda m, a: 1 / a), ("p", lambda m, a: 1 / (1 + m * a))),
    (1, 2),
)


def dirichlet(sample, alpha, is_log=False):
    lead = sample.shape[: alpha.ndim - 1]
    many = sample.reshape(-1, *sample.shape[len(lead) :])
    rows = alpha.reshape(-1, alpha.shape[-1])
    found = np.empty(sample.shape[:-1]).reshape(len(many), -1)
    for i, a in enumerate(rows):
        points = many[i].reshape(-1, alpha.shape[-1])
        # Without SciPy's check that points sum to 1: gradients are compared by moving one number.
        law = stats.dirichlet(a)
        log = ((a - 1) * np.log(points)).sum(-1) - np.log(1 / law.pdf(np.full(len(a), 1 / len(a))))
        found[i] = log + (a - 1).sum() * np.log(len(a))
    found = found.reshape(sample.shape[:-1])
    return found if is_log else np.exp(found)


POINTS = between(0.2, 1, 2, 4, 3)
POINTS /= POINTS.sum(-1, keepdims=True)
ALPHA = between(0.7, 3, 2, 3)
Spec(
    "random_pdf_dirichlet",
    dirichlet,
    [
        ([POINTS, ALPHA], {}),
        ([POINTS, ALPHA], {"is_log": True}),
        ([POINTS[:, 0], ALPHA], {}),
        ([POINTS[0], ALPHA[0]], {"is_log": True}),
    ],
    grad=(0, 1),
    second=True,
    raises=[
        ([np.ones((2, 3)), np.ones(2)], {}, ValueError, "the last axes must be equal"),
        ([np.ones((2, 3)), np.ones((4, 3))], {}, ValueError, "must begin with"),
    ],
)
