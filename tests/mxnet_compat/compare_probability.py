"""gluon.probability against MXNet 2.0: densities, cumulated ones, moments, entropies, divergences.

MXNET_PYTHON=/path/to/mxnet2/bin/python python tests/mxnet_compat/compare_probability.py
"""

import sys

import numpy as onp
import oracle

A, B, P = [0.7, 1.5, 2.5], [1.2, 0.8, 3.0], [0.2, 0.5, 0.9]
SHARES = [[0.2, 0.3, 0.5], [0.1, 0.8, 0.1]]
COV = [[2.0, 0.3], [0.3, 1.0]]
REAL, POSITIVE, UNIT, COUNT = [-1.5, 0.2, 3.0], [0.1, 0.9, 3.0], [0.1, 0.4, 0.9], [0, 5, 2]
WHAT = ("log_prob", "cdf", "icdf", "mean", "variance", "entropy")
KNOWN = {
    "NegativeBinomial log_prob": "the mean of MXNet's probabilities is not its own mean",
    "MultivariateNormal": "MXNet's number is not 0.5 (tr + distance - k - log det), 0.676",
}

TABLE = {
    "Normal": ((A, B), {}, REAL, WHAT),
    "Laplace": ((A, B), {}, REAL, WHAT),
    "Cauchy": ((A, B), {}, REAL, ("log_prob", "cdf", "icdf", "entropy")),
    "Gumbel": ((A, B), {}, REAL, WHAT),
    "HalfNormal": ((B,), {}, POSITIVE, ("log_prob", "cdf", "icdf", "mean", "variance")),
    "HalfCauchy": ((B,), {}, POSITIVE, ("log_prob", "cdf", "icdf", "entropy")),
    "Exponential": ((B,), {}, POSITIVE, WHAT),
    "Uniform": ((A, [5.0, 6.0, 7.0]), {}, [1.0, 2.0, 4.0], ("log_prob", "cdf", "icdf", "entropy")),
    "Weibull": ((A, B), {}, POSITIVE, ("log_prob", "mean", "variance", "entropy")),
    "Pareto": ((A, B), {}, [1.3, 2.0, 9.0], ("log_prob", "entropy")),
    "Gamma": ((A, B), {}, POSITIVE, ("log_prob", "mean", "variance", "entropy")),
    "Chi2": ((A,), {}, POSITIVE, ("log_prob", "mean", "variance", "entropy")),
    "Beta": ((A, B), {}, UNIT, ("log_prob", "mean", "variance", "entropy")),
    "Dirichlet": ((A,), {}, [0.2, 0.3, 0.5], ("log_prob", "mean", "variance", "entropy")),
    "StudentT": ((A, B, P), {}, REAL, ("log_prob", "entropy")),
    "FisherSnedecor": ((A, [5.0, 6.0, 7.0]), {}, POSITIVE, ("log_prob", "mean", "variance")),
    "Bernoulli": ((P,), {}, [0, 1, 1], ("log_prob", "mean", "variance", "entropy")),
    "Binomial": (([3, 7, 4], P), {}, [0, 5, 3], ("log_prob", "mean", "variance")),
    "Geometric": ((P,), {}, COUNT, ("log_prob", "mean", "variance", "entropy")),
    "NegativeBinomial": ((B, P), {}, COUNT, ("log_prob", "mean", "variance")),
    "Poisson": ((B,), {}, COUNT, ("log_prob", "mean", "variance")),
    "Categorical": ((3, SHARES), {}, [2, 1], ("log_prob",)),
    "OneHotCategorical": ((3, SHARES), {}, [[0, 0, 1], [0, 1, 0]], ("log_prob", "mean", "variance")),
    "Multinomial": ((3, SHARES), {"total_count": 4}, [[1, 1, 2], [0, 4, 0]], ("log_prob", "mean", "variance")),
    "RelaxedBernoulli": (([0.8], P), {}, UNIT, ("log_prob",)),
    "RelaxedOneHotCategorical": (([0.8], 3, SHARES[0]), {}, [0.2, 0.3, 0.5], ("log_prob",)),
    "MultivariateNormal": (([0.0, 1.0], COV), {}, [0.3, 0.2], ("log_prob", "variance", "entropy")),
}  # fmt: skip


def array(mx, value):
    return value if isinstance(value, int) else mx.np.array(value, dtype="float32")


def make(mx, name):
    args, options, values, what = TABLE[name]
    kind = getattr(mx.gluon.probability, name)
    return kind(*[array(mx, a) for a in args], **options), values, what


def value_case(name, what):
    def case(mx):
        made, values, _ = make(mx, name)
        if what in ("log_prob", "cdf"):
            found = getattr(made, what)(array(mx, values))
        elif what == "icdf":
            found = made.icdf(array(mx, P))
        else:
            found = made.entropy() if what == "entropy" else getattr(made, what)
        return found.asnumpy() if hasattr(found, "asnumpy") else onp.asarray(found)

    return case


PAIRS = {
    "Normal": ("Normal", (B, A)),
    "HalfNormal": ("HalfNormal", (A,)),
    "Laplace": ("Laplace", (B, A)),
    "Cauchy": ("Cauchy", (B, A)),
    "Uniform": ("Uniform", ([0.1, 0.2, 0.3], [8.0, 9.0, 9.0])),
    "Exponential": ("Exponential", (A,)),
    "Pareto": ("Pareto", (B, [0.5, 0.4, 1.0])),
    "Gumbel": ("Gumbel", (B, [1.5, 2.0, 3.0])),
    "Gamma": ("Gamma", (B, A)),
    "Beta": ("Beta", (B, A)),
    "Dirichlet": ("Dirichlet", (B,)),
    "Bernoulli": ("Bernoulli", ([0.9, 0.5, 0.2],)),
    "Binomial": ("Binomial", ([3, 7, 4], [0.9, 0.5, 0.2])),
    "Geometric": ("Geometric", ([0.9, 0.5, 0.2],)),
    "Poisson": ("Poisson", (A,)),
    "Categorical": ("Categorical", (3, SHARES[::-1])),
    "OneHotCategorical": ("OneHotCategorical", (3, SHARES[::-1])),
    "MultivariateNormal": ("MultivariateNormal", ([1.0, 1.0], [[1.0, 0.0], [0.0, 1.0]])),
    "Uniform Normal": ("Normal", (A, B)),
    "Uniform Gumbel": ("Gumbel", (A, B)),
    "Exponential Normal": ("Normal", (A, B)),
    "Exponential Gumbel": ("Gumbel", (A, B)),
    "Exponential Gamma": ("Gamma", (A, B)),
}


def pair_case(name):
    def case(mx):
        p, _, _ = make(mx, name.split()[0])
        kind, args = PAIRS[name]
        q = getattr(mx.gluon.probability, kind)(*[array(mx, a) for a in args])
        return mx.gluon.probability.kl_divergence(p, q).asnumpy()

    return case


if __name__ == "__main__":
    VALUES = {f"{n} {w}": value_case(n, w) for n, (_, _, _, what) in TABLE.items() for w in what}
    GROUPS = {"values": VALUES, "divergences": {name: pair_case(name) for name in PAIRS}}
    TOLERANCES = dict.fromkeys(GROUPS, 2e-4)
    sys.exit(min(oracle.main(__file__, GROUPS, KNOWN, TOLERANCES), 1))
