"""Entries of core/ops/random. Draws have no reference: `test_random.py` checks MOMENTS instead."""

from harness import Spec

# Operator, attributes, mean, variance, smallest, largest possible value.
MOMENTS = [
    ("random_uniform", {"low": -1.0, "high": 3.0}, 1, 4 / 3, -1, 3),
    ("random_normal", {"loc": 1.0, "scale": 2.0}, 1, 4, None, None),
    ("random_randint", {"low": 0, "high": 10}, 4.5, 8.25, 0, 9),
    ("random_exponential", {"lam": 2.0}, 0.5, 0.25, 0, None),
    ("random_gamma", {"alpha": 0.7, "beta": 2.0}, 1.4, 2.8, 0, None),
    ("random_gamma", {"alpha": 5.0, "beta": 1.0}, 5, 5, 0, None),
    ("random_poisson", {"lam": 4.0}, 4, 4, 0, None),
    ("random_poisson", {"lam": 50.0}, 50, 50, 0, None),
    ("random_negative_binomial", {"k": 3.0, "p": 0.4}, 4.5, 11.25, 0, None),
    ("random_generalized_negative_binomial", {"mu": 3.0, "alpha": 0.5}, 3, 7.5, 0, None),
]

# Operator, attributes or parameters, mean, variance.
LIKE = [
    ("uniform", {"low": -1.0, "high": 3.0}, 1, 4 / 3),
    ("normal", {"loc": 1.0, "scale": 2.0}, 1, 4),
    ("exponential", {"lam": 2.0}, 0.5, 0.25),
    ("gamma", {"alpha": 5.0, "beta": 0.5}, 2.5, 1.25),
    ("poisson", {"lam": 4.0}, 4, 4),
    ("negative_binomial", {"k": 3.0, "p": 0.4}, 4.5, 11.25),
    ("generalized_negative_binomial", {"mu": 3.0, "alpha": 0.5}, 3, 7.5),
]


def register():
    names = [m[0] for m in MOMENTS] + [
        "sample_multinomial",
        "shuffle",
        "random_permutation",
        "random_counts",
    ]
    for name, *_ in LIKE:
        names += [f"random_{name}_like", f"sample_{name}"]
    for name in dict.fromkeys(names):
        Spec(name, None, [])
