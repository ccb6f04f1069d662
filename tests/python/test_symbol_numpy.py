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


I = np.array([[0, 1], [2, 0]], "int32")
T = (np.arange(8.0).reshape(2, 2, 2) ** 2 / 7).astype("float32")
R = (np.sin(np.arange(16.0)).reshape(2, 2, 4)).astype("float32")

# What needs to know shapes: name, arguments with arrays for symbols, keywords.
SHAPED = [
    ("array_split", (A, 2), {}), ("atleast_1d", (A,), {}), ("atleast_2d", (V,), {}),
    ("atleast_3d", (V,), {}), ("block", ([[A, B], [B, A]],), {}),
    ("broadcast_arrays", (A, V[:3]), {}), ("column_stack", ([A, B],), {}),
    ("convolve", (V, V), {}), ("cov", (A,), {}), ("cross", (A, B), {}),
    ("cumulative_sum", (V,), {}), ("divmod", (A, B), {}), ("dsplit", (T, 2), {}),
    ("dstack", ([A, B],), {}), ("einsum", ("ij,kj->ik", A, B), {}), ("hsplit", (A, 3), {}),
    ("hstack", ([A, B],), {}), ("insert", (A, 1, B[0]), {"axis": 0}), ("isclose", (A, B), {}),
    ("kron", (A, B), {}), ("linalg.pinv", (POSITIVE,), {}),
    ("linalg.matrix_power", (POSITIVE, 3), {}), ("linalg.tensorinv", (R,), {}),
    ("linalg.tensorsolve", (R, A[:2, :2]), {}), ("median", (A,), {}), ("meshgrid", (V, V), {}),
    ("moveaxis", (T, 0, 2), {}), ("nanmax", (A,), {"axis": 1}),
    ("pad", (A, ((1, 1), (0, 2))), {}), ("percentile", (A, 30), {}), ("ptp", (A,), {}),
    ("quantile", (A, 0.3), {"axis": 0}), ("resize", (A, (2, 3)), {}), ("rollaxis", (T, 2), {}),
    ("rot90", (A,), {}), ("tensordot", (A, B, 2), {}), ("trapezoid", (A,), {}),
    ("unstack", (A,), {}), ("vander", (V,), {}), ("vsplit", (A, [1]), {}), ("vstack", ([A, B],), {}),
]  # fmt: skip


def replaced(value, change):
    if isinstance(value, np.ndarray):
        return change(value)
    return [replaced(v, change) for v in value] if isinstance(value, (list, tuple)) else value


@pytest.mark.parametrize(("name", "args", "keywords"), SHAPED)
def test_of_known_shapes_equals_mx_np(name, args, keywords):
    arrays = {}

    def variable(x):
        arrays[f"x{len(arrays)}"] = mx.nd.array(x, dtype=x.dtype)
        return mx.sym.var(f"x{len(arrays) - 1}", shape=x.shape, dtype=x.dtype)

    want = within(mx.np, name)(*replaced(args, lambda x: mx.np.array(x, dtype=x.dtype)), **keywords)
    made = within(mx.sym.np, name)(*replaced(args, variable), **keywords)
    many = isinstance(want, (list, tuple))
    assert isinstance(made, (list, tuple)) == many
    for s, w in zip(made if many else [made], want if many else [want], strict=True):
        got = s.eval(**{k: arrays[k] for k in s.list_inputs() if k in arrays})[0].asnumpy()
        assert got.shape == (w.shape or (1,)) or got.shape == w.shape
        np.testing.assert_allclose(got.reshape(w.shape), w.asnumpy(), rtol=1e-4, atol=1e-5)


def test_shapes_follow_from_variables_below():
    x = mx.sym.var("x", shape=(2, 6))
    hidden = mx.sym.FullyConnected(x, num_hidden=3, name="fc")
    turned = mx.sym.np.moveaxis(hidden, 0, 1, name="turned")
    assert turned.name == "turned" and turned.infer_shape(x=(2, 6))[1] == [(3, 2)]
    assert mx.sym.np.rot90(turned).name.startswith("rot90")
    with pytest.raises(ValueError, match="moveaxis: shape of symbol 'y' is not known"):
        mx.sym.np.moveaxis(mx.sym.var("y"), 0, 1)
    with pytest.raises(AttributeError, match="no attribute 'unique'"):
        mx.sym.np.unique  # noqa: B018


def test_blocks_know_the_shapes_of_their_arguments():
    class Net(mx.gluon.HybridBlock):
        def __init__(self):
            super().__init__()
            self.dense = mx.gluon.nn.Dense(4, flatten=False)

        def hybrid_forward(self, F, x):
            rows = F.np.array_split(self.dense(x), 2)
            return F.np.moveaxis(rows[0], 0, -1), F.np.pad(rows[1], ((0, 0), (1, 0)))

    net = Net()
    net.initialize(mx.init.One())
    net.hybridize()
    for shape in ((2, 3), (4, 3), (2, 3)):
        x = np.arange(np.prod(shape), dtype="float32").reshape(shape)
        dense = np.repeat(x.sum(1, keepdims=True), 4, axis=1)
        first, second = net(mx.nd.array(x))
        np.testing.assert_allclose(first.asnumpy(), dense[: shape[0] // 2].T)
        np.testing.assert_allclose(
            second.asnumpy(), np.pad(dense[shape[0] // 2 :], ((0, 0), (1, 0)))
        )
    assert len(net._variants) == 2


def test_draws_without_symbols():
    mx.random.seed(5)
    coins = mx.sym.np.random.bernoulli(0.25, size=(4000,)).eval()[0].asnumpy()
    assert abs(coins.mean() - 0.25) < 0.05
    mean, cov = mx.sym.var("m", shape=(2,)), mx.sym.var("c", shape=(2, 2))
    normal = mx.sym.np.random.multivariate_normal(mean, cov, size=3000)
    drawn = normal.eval(m=mx.nd.array([1.0, -1.0]), c=mx.nd.array([[1.0, 0.5], [0.5, 1.0]]))[0]
    np.testing.assert_allclose(np.cov(drawn.asnumpy().T), [[1, 0.5], [0.5, 1]], atol=0.1)


def test_names_of_mxnet_2():
    boxes = mx.sym.npx.box_iou(mx.sym.var("a"), mx.sym.var("b"))
    box = mx.nd.array([[0.0, 0.0, 2.0, 2.0]])
    assert boxes.eval(a=box, b=box)[0].asnumpy() == 1
    x = mx.sym.var("x", shape=(2, 6))
    assert mx.sym.npx.reshape(x, (-2, 3, -1)).infer_shape()[1] == [(2, 3, 2)]
    assert {"box_nms", "masked_softmax", "random", "round_ste"} <= set(dir(mx.sym.npx))
