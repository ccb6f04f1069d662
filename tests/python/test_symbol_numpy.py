"""`mx.sym.np` and `mx.sym.npx`: the numbers of `mx.np`."""

import numpy as np
import pytest

import plait as mx

A = np.array([[1.5, -2.0, 0.0], [0.25, 3.0, -1.0], [2.0, 0.5, 4.0]], "float32")
V = np.array([3.0, -1.0, 2.5, 0.0], "float32")
B = A[::-1].copy() + 0.1
POSITIVE = (A @ A.T + 3 * np.eye(3)).astype("float32")
BAD = np.array([np.nan, np.inf, -np.inf, 2.0], "float32")

# name, inputs, further arguments, keywords
CASES = [
    ("all", (A,), (), {"axis": 1}), ("all", (B,), (), {}), ("any", (A,), (), {"axis": (0, 1)}),
    ("any", (A * 0,), (), {"axis": 0, "keepdims": True}), ("append", (A, B), (), {}),
    ("append", (A, B), (), {"axis": 1}), ("argsort", (A,), (), {}), ("around", (A,), (), {}),
    ("around", (A,), (1,), {}), ("average", (A,), (), {"axis": 0}), ("diag", (V,), (), {}),
    ("diag", (A,), (1,), {}), ("diagflat", (A,), (), {}), ("diff", (A,), (), {}),
    ("diff", (A,), (2,), {"axis": 0}), ("dot", (A, B), (), {}), ("dot", (V, V), (), {}),
    ("ediff1d", (A,), (), {}), ("fliplr", (A,), (), {}),
    ("flipud", (A,), (), {}), ("inner", (A, B), (), {}), ("isneginf", (BAD,), (), {}),
    ("isposinf", (BAD,), (), {}), ("nan_to_num", (BAD,), (), {}), ("ones_like", (A,), (), {}),
    ("outer", (V, A), (), {}), ("polyval", ([2.0, -1.0, 0.5], A), (), {}), ("ravel", (A,), (), {}),
    ("repeat", (A,), (2,), {"axis": 1}), ("roll", (A,), (1,), {"axis": 1}),
    ("roll", (A,), (-2,), {"axis": 0}), ("split", (A,), (3,), {"axis": 1}),
    ("split", (A,), ((1,),), {}), ("std", (A,), (), {"axis": 0}), ("std", (A,), (), {}),
    ("trace", (A,), (), {}), ("trace", (A,), (1,), {}), ("var", (A,), (), {"axis": 1}),
    ("vdot", (A, B), (), {}), ("zeros_like", (A,), (), {}), ("delete", (A,), (1,), {"axis": 0}),
    ("delete", (V,), (-1,), {}), ("eye", (), (3,), {"k": 1}), ("identity", (), (2,), {}),
    ("tri", (), (3, 4), {}), ("linspace", (), (1, 2, 5), {}), ("logspace", (), (0, 2, 3), {}),
    ("blackman", (), (6,), {}), ("hamming", (), (6,), {}), ("hanning", (), (6,), {}),
    ("linalg.det", (POSITIVE,), (), {}), ("linalg.inv", (POSITIVE,), (), {}),
    ("linalg.cholesky", (POSITIVE,), (), {}), ("linalg.solve", (POSITIVE, B), (), {}),
    ("linalg.slogdet", (POSITIVE,), (), {}), ("linalg.eigvalsh", (POSITIVE,), (), {}),
    ("linalg.eigh", (POSITIVE,), (), {}), ("linalg.svd", (POSITIVE,), (), {}),
    ("linalg.norm", (A,), (), {}),
]  # fmt: skip


def within(namespace, name):
    for part in name.split("."):
        namespace = getattr(namespace, part)
    return namespace


@pytest.mark.parametrize(("name", "inputs", "more", "keywords"), CASES)
def test_equals_mx_np(name, inputs, more, keywords):
    want = within(mx.np, name)(
        *(mx.np.array(x) if isinstance(x, np.ndarray) else mx.np.array(x) for x in inputs),
        *more, **keywords,
    )  # fmt: skip
    arrays = {f"x{i}": x for i, x in enumerate(inputs) if isinstance(x, np.ndarray)}
    symbols = [
        mx.sym.var(f"x{i}") if isinstance(x, np.ndarray) else x for i, x in enumerate(inputs)
    ]
    made = within(mx.sym.np, name)(*symbols, *more, **keywords)
    many = isinstance(want, (list, tuple))
    for s, w in zip(made if many else [made], want if many else [want], strict=True):
        got = s.eval(**{k: mx.nd.array(v) for k, v in arrays.items()})[0].asnumpy()
        w = w.asnumpy()
        assert got.size == w.size and got.reshape(w.shape).dtype.kind in "fiub"
        np.testing.assert_allclose(
            got.reshape(w.shape).astype("float64"), w.astype("float64"), rtol=1e-4, atol=1e-5
        )


MEANS = [
    ("uniform", (2, 4), 3.0), ("normal", (1, 0.5), 1.0), ("exponential", (2.0,), 2.0),
    ("gamma", (3.0, 0.5), 1.5), ("beta", (2.0, 6.0), 0.25), ("chisquare", (3.0,), 3.0),
    ("f", (3.0, 12.0), 1.2), ("lognormal", (0.0, 0.5), np.exp(0.125)), ("gumbel", (), 0.5772),
    ("logistic", (1.0, 0.5), 1.0), ("laplace", (2.0, 0.5), 2.0),
    ("rayleigh", (2.0,), 2 * np.sqrt(np.pi / 2)), ("weibull", (2.0,), 0.8862),
    ("pareto", (4.0,), 1 / 3), ("power", (3.0,), 0.75), ("randint", (0, 5), 2.0),
]  # fmt: skip


@pytest.mark.parametrize(("name", "parameters", "mean"), MEANS)
def test_draws_have_their_mean(name, parameters, mean):
    mx.random.seed(11)
    drawn = getattr(mx.sym.np.random, name)(*parameters, size=(20000,))
    values = drawn.eval()[0].asnumpy().astype("float64")
    assert values.shape == (20000,) and np.isfinite(values).all()
    assert abs(values.mean() - mean) < 5 * values.std() / np.sqrt(20000) + 1e-3


def test_names_are_listed():
    assert {"std", "linalg", "random", "tanh", "blackman"} <= set(dir(mx.sym.np))
    assert {"svd", "det"} <= set(dir(mx.sym.np.linalg)) and "beta" in dir(mx.sym.np.random)
    with pytest.raises(AttributeError, match=r"mx.sym.np has no attribute 'linalg.nothing'"):
        within(mx.sym.np, "linalg.nothing")
    with pytest.raises(ValueError, match="axis is None, must be an int"):
        mx.sym.np.roll(mx.sym.var("x"), 1)
