"""Sparse arrays: making, converting, operators, gradients, updates, files."""

import pickle

import numpy as np
import pytest

import plait as mx
from plait import autograd, gluon, nd
from plait.ndarray import _storage as storage

sp = nd.sparse
A = np.array([[0, 1, 0], [2, 0, -3], [0, 0, 0], [4, 0, 0]], "float32")
B = np.array([[0, 5, 0], [0, 0, 2], [1, 0, 0], [3, 0, 0]], "float32")


def same(x, expected, stype=None):
    np.testing.assert_allclose(x.asnumpy(), expected, rtol=1e-5, atol=1e-6)
    if stype is not None:
        assert x.stype == stype
    if x.stype != "default":
        x.check_format()


def both(a=A):
    return sp.csr_matrix(a), sp.row_sparse_array(a)


def test_making_a_csr_matrix():
    for x in (
        sp.csr_matrix(A),
        sp.csr_matrix(A.tolist()),
        sp.csr_matrix(nd.array(A)),
        sp.csr_matrix(([1, 2, -3, 4], [1, 0, 2, 0], [0, 1, 3, 3, 4]), shape=(4, 3)),
        sp.csr_matrix(([4, -3, 1, 2], ([3, 1, 0, 1], [0, 2, 1, 0])), shape=(4, 3)),
        nd.array(sp.csr_matrix(A)),
        sp.array(sp.csr_matrix(A).asscipy()),
        nd.array(A).tostype("csr"),
    ):
        same(x, A, "csr")
        assert x.shape == (4, 3) and x.dtype == np.float32
        assert x.indices.asnumpy().tolist() == [1, 0, 2, 0]
        assert x.indptr.asnumpy().tolist() == [0, 1, 3, 3, 4]
        assert x.indices.dtype == np.int64
    assert sp.csr_matrix(([1, 2], [1, 0], [0, 1, 2])).shape == (2, 2)
    assert sp.csr_matrix((4, 3)).data.shape == (0,)
    assert sp.csr_matrix(A, dtype="float64").dtype == np.float64


def test_making_a_row_sparse_array():
    for x in (
        sp.row_sparse_array(A),
        sp.row_sparse_array((A[[0, 1, 3]], [0, 1, 3]), shape=(4, 3)),
        sp.row_sparse_array((nd.array(A[[0, 1, 3]]), nd.array([0, 1, 3]))),
        nd.array(A).tostype("row_sparse"),
    ):
        same(x, A, "row_sparse")
        assert x.indices.asnumpy().tolist() == [0, 1, 3] and x.data.shape == (3, 3)
    tall = np.zeros((3, 2, 2), "float32")
    tall[1] = 7
    same(sp.row_sparse_array(tall), tall, "row_sparse")
    same(sp.row_sparse_array((4, 3)), np.zeros((4, 3)), "row_sparse")


@pytest.mark.parametrize("stype", ["csr", "row_sparse", "default"])
def test_zeros_and_empty(stype):
    for make in (sp.zeros, sp.empty):
        x = make(stype, (4, 3), dtype="float64")
        same(x, np.zeros((4, 3)), stype)
        assert x.dtype == np.float64
    same(nd.zeros((4, 3), stype=stype), np.zeros((4, 3)), stype)


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda: sp.csr_matrix(([1], [3], [0, 1]), shape=(1, 3)), IndexError, "indices has 3"),
        (lambda: sp.csr_matrix(([1, 2], [1, 0], [0, 2]), shape=(1, 3)), ValueError, "ascending"),
        (lambda: sp.csr_matrix(([1], [0], [0, 2]), shape=(1, 3)), ValueError, "indptr ends with 2"),
        (lambda: sp.csr_matrix(([1], [0], [1, 1]), shape=(1, 3)), ValueError, "begins with 1"),
        (lambda: sp.csr_matrix(([1], [0, 1], [0, 2]), shape=(1, 3)), ValueError, "data has shape"),
        (lambda: sp.csr_matrix(A, shape=(3, 4)), ValueError, "shape is"),
        (lambda: sp.csr_matrix(([], [], [0])), ValueError, "shape is None"),
        (lambda: sp.row_sparse_array(([[1.0]], [2]), shape=(2, 1)), IndexError, "indices has 2"),
        (lambda: sp.row_sparse_array(([[1.0]], [0]), shape=(2, 2)), ValueError, "data has shape"),
        (lambda: sp.zeros("coo", (2, 2)), ValueError, "stype is 'coo'"),
        (lambda: sp.zeros("csr", (2, 2, 2)), ValueError, "must have 2 axes"),
        (lambda: both()[0].tostype("row_sparse"), ValueError, "cast_storage: stype is"),
        (lambda: both()[0][0, 1], ValueError, "must be a row or a slice"),
        (lambda: both()[0][::2], ValueError, "step 2"),
        (lambda: both()[0][4], IndexError, "must be in"),
        (lambda: both()[1][0], ValueError, r"must be \[:\]"),
        (lambda: both()[0].__setitem__(0, 1), ValueError, r"must be \[:\]"),
        (lambda: both()[0].size, NotImplementedError, "ambiguous"),
        (lambda: both()[0].reshape((3, 4)), NotImplementedError, "must be dense"),
        (lambda: both()[0].attach_grad(), TypeError, "must be dense"),
        (lambda: sp.array(A), ValueError, "must be sparse"),
        (lambda: sp.retain(both()[0], nd.array([0])), TypeError, "must be row_sparse"),
        (lambda: nd.dot(both()[0], nd.ones((4, 2))), ValueError, "rhs has shape"),
        (lambda: sp.CSRNDArray(), TypeError, "is made by"),
    ],
)
def test_wrong_calls(call, error, text):
    with pytest.raises(error, match=text):
        call()


@pytest.mark.parametrize("i", [0, 1])
def test_copies_and_conversions(i):
    x = both()[i]
    same(x.copy(), A, x.stype)
    same(x.astype("float64"), A, x.stype)
    assert x.astype("float64").dtype == np.float64
    assert x.astype("float32", copy=False) is x
    same(x.tostype("default"), A, "default")
    dense = nd.zeros((4, 3))
    same(x.copyto(dense), A, "default")
    target = sp.zeros(x.stype, (4, 3))
    same(x.copyto(target), A, x.stype)
    nd.array(B).copyto(target)
    same(target, B, x.stype)
    target[:] = A
    same(target, A, x.stype)
    target[:] = 0
    same(target, np.zeros((4, 3)), x.stype)
    dense[:] = x
    same(dense, A)
    same(pickle.loads(pickle.dumps(x)), A, x.stype)
    assert repr(x).strip() == f"<{type(x).__name__} 4x3 @cpu(0)>"
    assert isinstance(x, nd.NDArray) and len(x) == 4 and x.ndim == 2
    same(x.as_in_context(mx.cpu()), A, x.stype)
    x.wait_to_read()


def test_rows_of_csr():
    x = sp.csr_matrix(A)
    same(x[1], A[1:2], "csr")
    same(x[-1], A[-1:], "csr")
    same(x[1:3], A[1:3], "csr")
    same(x[2:2], A[2:2], "csr")
    assert x[:] is x
    same(nd.slice(x, begin=(1, 0), end=(4, 2)), A[1:4, :2], "csr")
    same(x.slice((0,), (2,)), A[:2], "csr")
    same(nd.concat(x, x[1:3], dim=0), np.concatenate([A, A[1:3]]), "csr")


def test_retain():
    same(both()[1].retain(nd.array([1, 2])), A * [[0], [1], [0], [0]], "row_sparse")
    same(sp.retain(both()[1], nd.array([5])), A * 0, "row_sparse")


ZERO_KEEPING = """abs arcsinh arctan cbrt ceil degrees expm1 fix floor negative radians relu rint
    round sign sin sinh square tan tanh trunc stop_gradient make_loss zeros_like""".split()


@pytest.mark.parametrize("name", [*ZERO_KEEPING, "exp", "cos", "sigmoid"])
def test_functions(name):
    function = getattr(nd, name)
    for x in both(A / 8):
        kept = x.stype if name in ZERO_KEEPING else "default"
        same(function(x), function(nd.array(A / 8)).asnumpy(), kept)


def test_numbers():
    for x in both():
        same(x * 2, A * 2, x.stype)
        same(2 * x, A * 2, x.stype)
        same(x / 2, A / 2, x.stype)
        same(-x, -A, x.stype)
        same(x + 0, A, x.stype)
        same(x + 1, A + 1, "default")
        same(1 - x, 1 - A, "default")
        same(x**2, A**2, "default")
        same(x > 2, A > 2, x.stype)
        same(x == 2, A == 2, x.stype)
        same(x == 0, A == 0, "default")
        same(2 > x, A < 2, "default")
        same(nd.clip(x, -1, 2), A.clip(-1, 2), x.stype)
        same(nd.clip(x, 1, 2), A.clip(1, 2), "default")


def test_sums_of_arrays():
    for x, y in zip(both(A), both(B), strict=True):
        kept = x
        kept += y
        same(kept, A + B, x.stype)
        assert kept is x
        kept -= y
        kept *= 2
        kept /= 2
        same(x, A, x.stype)
        same(x + y, A + B, x.stype)
        same(x - y, A - B, x.stype)
        same(x * y, A * B, x.stype)
        same(sp.add(x, y), A + B, x.stype)
        same(nd.elemwise_mul(x, y), A * B, x.stype)
        same(x + nd.array(B), A + B, "default")
        same(nd.array(B) + x, A + B, "default")
        same(nd.array(B) - x, B - A, "default")
        same(x * nd.array(B), A * B, x.stype)
        same(nd.array(B) * x, A * B, x.stype)
        same(x == y, A == B, "default")
    same(both()[0] + both()[1], A + A, "default")
    same(nd.add_n(*[both()[1]] * 3), A * 3, "row_sparse")
    x = both()[0]
    scale = nd.array([[1, 2, 4]])
    same(nd.broadcast_mul(x, scale), A * scale.asnumpy(), "csr")
    same(nd.broadcast_div(x, nd.array([[1], [2], [4], [8]])), A / [[1], [2], [4], [8]], "csr")


def test_reductions():
    for x in both():
        for name in ("sum", "mean"):
            for axis in (None, 0, 1, (0, 1)):
                for keepdims in (False, True):
                    kwargs = (
                        {"keepdims": keepdims}
                        if axis is None
                        else {"axis": axis, "keepdims": keepdims}
                    )
                    want = getattr(nd, name)(nd.array(A), **kwargs)
                    found = getattr(nd, name)(x, **kwargs)
                    same(found, want.asnumpy(), "default")
                    assert found.shape == want.shape
        same(nd.norm(x), [np.linalg.norm(A)])


W = np.arange(6, dtype="float32").reshape(3, 2) - 2
V = np.arange(8, dtype="float32").reshape(4, 2) - 3


def test_dot():
    x, r = both()
    same(nd.dot(x, nd.array(W)), A @ W, "default")
    same(sp.dot(x, nd.array(V), transpose_a=True), A.T @ V, "row_sparse")
    same(sp.dot(x, nd.array(V), transpose_a=True, forward_stype="default"), A.T @ V, "default")
    same(sp.dot(x, nd.array(W[:, 0])), A @ W[:, 0], "default")
    same(sp.dot(x, nd.array(V[:, 0]), transpose_a=True), A.T @ V[:, 0], "default")
    same(sp.dot(nd.array(V.T), x), V.T @ A, "csr")
    same(sp.dot(nd.array(W.T), x, transpose_b=True), W.T @ A.T, "csr")
    same(sp.dot(nd.array(V.T), x, forward_stype="default"), V.T @ A, "default")
    same(sp.dot(nd.array(V), x, transpose_a=True), V.T @ A)
    same(sp.dot(x, sp.row_sparse_array(W)), A @ W, "default")
    same(sp.dot(x, sp.row_sparse_array(V), transpose_a=True), A.T @ V, "row_sparse")
    same(sp.dot(x, x, transpose_b=True), A @ A.T, "default")
    same(sp.dot(x, x, transpose_a=True), A.T @ A, "default")
    same(sp.dot(r, nd.array(W)), A @ W, "default")


@pytest.mark.parametrize("dtype", ["float64", "float16"])
def test_dot_in_other_dtypes(dtype):
    found = nd.dot(sp.csr_matrix(A, dtype=dtype), nd.array(W, dtype=dtype))
    same(found, A @ W)
    assert found.dtype == np.dtype(dtype)


@pytest.mark.parametrize("stype", ["default", "row_sparse"])
def test_gradient_of_dot(stype):
    x, w = sp.csr_matrix(A[:3]), nd.array(W)
    w.attach_grad(stype=stype)
    with autograd.record():
        y = nd.dot(x, w)
        loss = (y * nd.array(V[:3])).sum()
    loss.backward()
    same(w.grad, A[:3].T @ V[:3], stype)


@pytest.mark.parametrize("hybridize", [False, True])
@pytest.mark.parametrize("req", ["write", "add"])
def test_sparse_gradient_of_embedding(hybridize, req):
    net = gluon.nn.Embedding(6, 2, sparse_grad=True)
    net.initialize()
    net.collect_params().setattr("grad_req", req)
    if hybridize:
        net.hybridize()
    numbers = nd.array([[1, 4], [4, 0]])
    for _ in range(2):
        with autograd.record():
            loss = (net(numbers) * nd.array([[[1, 2], [3, 4]], [[5, 6], [7, 8]]])).sum()
        loss.backward()
    want = np.zeros((6, 2))
    want[[1, 4, 0]] = [[1, 2], [8, 10], [7, 8]]
    grad = net.weight.grad()
    same(grad, want * (2 if req == "add" else 1), "row_sparse")
    assert grad.indices.asnumpy().tolist() == [0, 1, 4]
    assert net.weight.grad_stype == "row_sparse"
    net.weight.zero_grad()
    same(net.weight.grad(), want * 0, "row_sparse")


@pytest.mark.parametrize("rows", [300, 5_000_000])  # few and many for the 400 that are asked for
def test_rows_that_are_asked_for_twice_add_up(rows):
    numbers = np.random.default_rng(3).integers(0, rows, 400)
    numbers[:200] = numbers[200:]
    weight = nd.zeros((rows, 1))
    weight.attach_grad(stype="row_sparse")
    with autograd.record():
        y = nd.Embedding(
            nd.array(numbers, dtype="int64"), weight, input_dim=rows, output_dim=1, sparse_grad=True
        )
    dy = np.random.default_rng(4).random((400, 1), "float32")
    y.backward(nd.array(dy))
    kept, place = np.unique(numbers, return_inverse=True)
    np.testing.assert_array_equal(weight.grad.indices.asnumpy(), kept)
    want = np.bincount(place.ravel(), weights=dy[:, 0])
    np.testing.assert_allclose(weight.grad.data.asnumpy()[:, 0], want, rtol=1e-6)


def test_sparse_gradient_meets_dense_ones():
    w = nd.ones((4, 2))
    w.attach_grad(stype="row_sparse")
    with autograd.record():
        rows = nd.Embedding(nd.array([3]), w, input_dim=4, output_dim=2, sparse_grad=True)
        loss = rows.sum() + (w * nd.array([[1], [0], [0], [2]])).sum()
    loss.backward()
    same(w.grad, [[1, 1], [0, 0], [0, 0], [3, 3]], "row_sparse")
    dense = nd.ones((4, 2))
    dense.attach_grad()
    with autograd.record():
        y = nd.Embedding(nd.array([3, 3]), dense * 2, input_dim=4, output_dim=2, sparse_grad=True)
    y.backward()
    same(dense.grad, [[0, 0], [0, 0], [0, 0], [4, 4]], "default")
    with autograd.record():
        y = nd.Embedding(nd.array([3, 3]), dense, input_dim=4, output_dim=2, sparse_grad=True)
    same(autograd.grad(y, dense), [[0, 0], [0, 0], [0, 0], [2, 2]])


class Taken(gluon.HybridBlock):
    def __init__(self, mode):
        super().__init__()
        self.mode = mode
        self.weight = gluon.Parameter("weight", shape=(6, 2), grad_stype="row_sparse")

    def hybrid_forward(self, F, rows, weight):
        return F.take(weight, rows, mode=self.mode, sparse_grad=True)


@pytest.mark.parametrize("hybridize", [False, True])
@pytest.mark.parametrize(
    ("mode", "rows", "found"),
    [
        ("clip", [[1, 4], [4, 9]], [[1, 4], [4, 5]]),
        ("wrap", [[1, -2], [4, 6]], [[1, 4], [4, 0]]),
        ("raise", [[1, -2], [4, 0]], [[1, 4], [4, 0]]),
    ],
)
def test_sparse_gradient_of_take(hybridize, mode, rows, found):
    net = Taken(mode)
    net.initialize()
    if hybridize:
        net.hybridize()
    factors = np.arange(1.0, 9.0).reshape(2, 2, 2)
    with autograd.record():
        loss = (net(nd.array(rows)) * nd.array(factors)).sum()
    loss.backward()
    want = np.zeros((6, 2))
    np.add.at(want, np.array(found), factors)
    grad = net.weight.grad()
    same(grad, want, "row_sparse")
    assert grad.indices.asnumpy().tolist() == sorted(set(np.ravel(found)))
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.5, "wd": 0.1})
    before = net.weight.data().asnumpy()
    trainer.step(1)
    changed = (net.weight.data().asnumpy() != before).any(1)
    assert changed.nonzero()[0].tolist() == sorted(set(np.ravel(found)))


def test_gradient_of_take_stays_dense_elsewhere():
    for axis, order in ((1, False), (0, True)):
        w = nd.array(np.arange(8.0).reshape(4, 2))
        w.attach_grad(stype="default" if order else "row_sparse")
        with autograd.record():
            y = nd.take(w, nd.array([1, 1]), axis=axis, sparse_grad=True).square()
            if order:
                y = autograd.grad(y, w, create_graph=True)
            total = y.sum()
        total.backward()
        want = np.zeros((4, 2))
        if order:
            want[1] = 4
        else:
            want[:, 1] = 4 * np.arange(1, 8, 2)
        same(w.grad, want, "default" if order else "row_sparse")


OPTIMIZERS = [
    ("sgd", {"learning_rate": 0.1, "wd": 0.01}),
    ("sgd", {"learning_rate": 0.1, "momentum": 0.9, "wd": 0.01}),
    ("adam", {"learning_rate": 0.1, "wd": 0.01}),
    ("adagrad", {"learning_rate": 0.1}),
]


@pytest.mark.parametrize("name, kwargs", OPTIMIZERS)
def test_lazy_updates_change_the_rows_only(name, kwargs):
    start = np.random.RandomState(0).randn(6, 3).astype("float32")
    steps = [([1, 4], start[:2] + 1), ([0, 4], start[2:4] * 2)]
    updater = mx.optimizer.get_updater(mx.optimizer.create(name, **kwargs))
    weight = nd.array(start)
    for rows, values in steps:
        updater(0, sp.row_sparse_array((values, rows), shape=(6, 3)), weight)
    found = weight.asnumpy()
    np.testing.assert_array_equal(found[[2, 3, 5]], start[[2, 3, 5]])
    assert (found[[0, 1, 4]] != start[[0, 1, 4]]).all()
    # Row 4 sees both gradients: the same as a dense update of that row alone.
    alone = mx.optimizer.get_updater(mx.optimizer.create(name, **kwargs))
    row = nd.array(start[4:5])
    alone(0, nd.array(steps[0][1][1:]), row)
    alone(0, nd.array(steps[1][1][1:]), row)
    np.testing.assert_allclose(found[4:5], row.asnumpy(), rtol=1e-5)


def test_sparse_states_of_operators_change():
    weight, history = (nd.full((4, 2), v).tostype("row_sparse") for v in (2, 0.5))
    grad = nd.array([[0, 0], [1, 2], [0, 0], [3, 4]]).tostype("row_sparse")
    nd.sparse.adagrad_update(weight, grad, history, lr=0.1, out=weight)
    want = 0.5 + grad.asnumpy() ** 2
    np.testing.assert_allclose(history.asnumpy(), want)
    step = 0.1 * grad.asnumpy() / np.sqrt(want + 1e-7)
    np.testing.assert_allclose(weight.asnumpy(), 2 - step, rtol=1e-5)
    assert history.stype == weight.stype == "row_sparse"


@pytest.mark.parametrize("name", ["sgd", "adam", "rmsprop"])
def test_updates_that_are_not_lazy_equal_dense_ones(name):
    kwargs = {"learning_rate": 0.1, "wd": 0.1}
    if name in ("sgd", "adam"):
        kwargs["lazy_update"] = False
    start = np.ones((4, 2), "float32")
    results = []
    for stype in ("row_sparse", "default"):
        updater = mx.optimizer.get_updater(mx.optimizer.create(name, **kwargs))
        weight = nd.array(start)
        for _ in range(2):
            updater(0, nd.array([[0, 0], [1, 2], [0, 0], [3, 4]]).tostype(stype), weight)
        results.append(weight.asnumpy())
    np.testing.assert_array_equal(*results)


def test_a_trainer_learns_an_embedding():
    net = gluon.nn.HybridSequential()
    net.add(gluon.nn.SparseEmbedding(20, 4), gluon.nn.Flatten(), gluon.nn.Dense(1))
    net.initialize(mx.init.Xavier())
    net.hybridize()
    trainer = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 0.05})
    x, y = nd.array([[1, 2], [3, 4], [5, 6]]), nd.array([1, -1, 2])
    untouched = net[0].weight.data().asnumpy()[10:]
    loss_of = gluon.loss.L2Loss()
    for _ in range(60):
        with autograd.record():
            loss = loss_of(net(x), y)
        loss.backward()
        trainer.step(3)
    assert loss.mean().asscalar() < 0.01
    np.testing.assert_array_equal(net[0].weight.data().asnumpy()[10:], untouched)


class Linear(gluon.HybridBlock):
    def __init__(self):
        super().__init__()
        with self.name_scope():
            self.weight = self.params.get("weight", shape=(3, 2), grad_stype="row_sparse")

    def hybrid_forward(self, F, x, weight):
        return F.dot(x, weight)


@pytest.mark.parametrize("hybridize", [False, True])
def test_a_block_takes_csr(hybridize):
    net = Linear()
    net.initialize(mx.init.Constant(0.5))
    if hybridize:
        net.hybridize()
        net(nd.array(A))
    with autograd.record():
        y = net(sp.csr_matrix(A[:1]))
        loss = (y * nd.array([[1, 2]])).sum()
    loss.backward()
    same(y, A[:1] @ np.full((3, 2), 0.5))
    same(net.weight.grad(), [[0, 0], [1, 2], [0, 0]], "row_sparse")
    assert net.weight.grad().indices.asnumpy().tolist() == [1]
    weight = gluon.Parameter("w", shape=(3, 2), stype="row_sparse")
    weight.initialize(mx.init.One())
    same(weight.row_sparse_data(nd.array([1])), np.ones((3, 2)))


def test_files(tmp_path):
    path = str(tmp_path / "x.params")
    x, r = both()
    nd.save(path, {"csr": x, "rows": r, "dense": nd.array(B), "none": sp.zeros("csr", (2, 3))})
    back = nd.load(path)
    same(back["csr"], A, "csr")
    same(back["rows"], A, "row_sparse")
    same(back["dense"], B, "default")
    same(back["none"], np.zeros((2, 3)), "csr")
    nd.save(path, [r, x])
    assert [a.stype for a in nd.load(path)] == ["row_sparse", "csr"]
    data = bytearray((tmp_path / "x.params").read_bytes())
    data[-16:-8] = (99).to_bytes(8, "little")
    with pytest.raises(OSError, match="indices has 99"):
        nd.load_frombuffer(bytes(data))


def test_iterators_give_csr(tmp_path):
    it = mx.io.NDArrayIter(sp.csr_matrix(A), nd.arange(4), batch_size=3)
    batches = list(it)
    same(batches[0].data[0], A[:3], "csr")
    same(batches[1].data[0], A[[3, 0, 1]], "csr")
    assert it.provide_data[0].shape == (3, 3)
    file = tmp_path / "x.txt"
    file.write_text("1 0:0.5 2:2\n0 1:1\n1 2:-1 0:3\n")
    it = mx.io.LibSVMIter(data_libsvm=str(file), data_shape=(3,), batch_size=3)
    batch = next(it)
    same(batch.data[0], [[0.5, 0, 2], [0, 1, 0], [3, 0, -1]], "csr")
    same(batch.label[0], [1, 0, 1])


def test_a_graph_takes_csr_as_dense():
    data = mx.sym.var("data", stype="csr")
    weight = mx.sym.var("weight", stype="row_sparse")
    assert data.attr("__storage_type__") == "2"
    out = mx.sym.dot(data, weight)
    executor = out.bind(mx.cpu(), {"data": nd.zeros((4, 3)), "weight": nd.array(W)})
    executor.arg_dict["data"][:] = sp.csr_matrix(A)
    same(executor.forward()[0], A @ W)


def test_kvstore_keeps_rows():
    kv = mx.kv.create("local")
    kv.init("w", nd.array(V))
    out = sp.zeros("row_sparse", V.shape)
    kv.row_sparse_pull("w", out=out, row_ids=nd.array([1, 3]))
    same(out, V * [[0], [1], [0], [1]], "row_sparse")
    kv.push("w", [sp.row_sparse_array(V)] * 2)
    target = nd.zeros(V.shape)
    kv.pull("w", out=target)
    same(target, 2 * V)


def test_what_takes_memory_gets_a_dense_copy():
    for x in both():
        np.testing.assert_array_equal(np.asarray(x), A)
        np.testing.assert_array_equal(x.as_np_ndarray().asnumpy(), A)
        np.testing.assert_array_equal(np.from_dlpack(nd.from_dlpack(x)), A)
        np.testing.assert_array_equal(x.T.asnumpy(), A.T)
        np.testing.assert_array_equal(x.tolist(), A.tolist())
        assert not x.shares_memory(nd.array(A)) and not autograd._autograd.is_recorded(x)
        dense = nd.array(B)
        dense *= x
        same(dense, A * B)
        with pytest.raises((ValueError, TypeError)):
            autograd.backward([x])


def test_fallback_reaches_any_operator():
    x = both()[0]
    same(nd.softmax(x), nd.softmax(nd.array(A)).asnumpy(), "default")
    same(nd.where(x, nd.array(B), nd.array(-B)), np.where(A != 0, B, -B))
    out = sp.zeros("csr", (4, 3))
    nd.square(nd.array(A), out=out)
    same(out, A**2, "csr")


def lookup_gradient(table, numbers, head):
    table.attach_grad(stype="row_sparse")
    with mx.autograd.record():
        rows = nd.Embedding(numbers, table, *table.shape, sparse_grad=True) * 1
    rows.backward(head)
    return table.grad


def test_rows_of_a_gradient_are_merged_when_they_are_read():
    numbers, head = nd.array([7, 2, 7, 0]), nd.array(np.arange(12).reshape(4, 3))
    grad = lookup_gradient(nd.ones((9, 3)), numbers, head)
    values, rows = storage.rows(grad)
    assert rows.asnumpy().tolist() == [7, 2, 7, 0]
    np.testing.assert_array_equal(values.asnumpy(), head.asnumpy())
    assert grad.indices.asnumpy().tolist() == [0, 2, 7]
    assert grad.data.asnumpy().tolist() == [[9, 10, 11], [3, 4, 5], [6, 8, 10]]
    assert storage.rows(grad)[1].asnumpy().tolist() == [0, 2, 7]


def test_a_head_gradient_that_changes_later_is_not_the_gradient():
    head = nd.ones((2, 3))
    table = nd.ones((9, 3))
    table.attach_grad(stype="row_sparse")
    with mx.autograd.record():
        rows = nd.Embedding(nd.array([4, 4]), table, 9, 3, sparse_grad=True)
    rows.backward(head)
    head[:] = 5
    assert table.grad.data.asnumpy().tolist() == [[2, 2, 2]]


@pytest.mark.parametrize("momentum", [0, 0.9])
@pytest.mark.parametrize("vocabulary", [9, 100_000])
def test_steps_by_rows_in_any_order_are_those_by_merged_rows(momentum, vocabulary):
    rng = np.random.default_rng(0)
    numbers = nd.array(rng.integers(0, 9, 20))
    head = nd.array(rng.standard_normal((20, 3)))
    tables = []
    for merges in (False, True):
        table = nd.ones((vocabulary, 3))
        step = mx.optimizer.get_updater(mx.optimizer.SGD(0.1, momentum, wd=0.1))
        for _ in range(3):
            grad = lookup_gradient(table, numbers, head)
            if merges:
                assert grad.indices.shape[0] < 20
            step(0, grad, table)
        tables.append(table.asnumpy())
    np.testing.assert_array_equal(*tables)


def test_only_row_sparse_arrays_have_rows():
    with pytest.raises(TypeError, match="must be row_sparse_array"):
        storage.rows(nd.ones((2, 2)).tostype("csr"))
