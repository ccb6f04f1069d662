"""Sparse arrays against MXNet 1.9.1: values, storage of results, gradients, updates, files.

    python tests/mxnet_compat/compare_sparse.py

MXNET_PYTHON names the Python that has MXNet.
"""

import itertools
import os
import sys
import tempfile

import numpy as np
import oracle

BROADCAST = "MXNet gives a dense result where broadcast_* meets two sparse arrays of one shape"
KNOWN = {
    f"broadcast_{name} {a} {b}": BROADCAST
    for name in ("add", "sub", "mul")
    for a, b in itertools.product(("csr", "row_sparse", "default"), repeat=2)
}


def matrix(rows=6, columns=5, seed=0, density=0.4):
    rng = np.random.RandomState(seed)
    kept = rng.uniform(size=(rows, columns)) < density
    kept[2] = False
    return (rng.normal(size=(rows, columns)) * kept + 0.0).astype("float32")  # no -0.0


def shown(x):
    """Storage and content of a result."""
    return x.stype, x.asnumpy()


def stored(x):
    """Every part of a sparse array."""
    parts = [x.data.asnumpy(), x.indices.asnumpy()]
    return (*shown(x), *parts, *([x.indptr.asnumpy()] if x.stype == "csr" else []))


def unary(name, stype):
    def case(mx):
        x = mx.nd.array(matrix() / 4).tostype(stype)
        return shown(getattr(mx.nd.sparse, name)(x))

    return case


def binary(name, left, right):
    def case(mx):
        x, y = (mx.nd.array(matrix(seed=i)).tostype(s) for i, s in enumerate((left, right)))
        return shown(getattr(mx.nd.sparse, name)(x, y))

    return case


def scalar(name, stype, number):
    def case(mx):
        import operator

        return shown(getattr(operator, name)(mx.nd.array(matrix()).tostype(stype), number))

    return case


def dot(left, right, ta, tb, stored_as=None):
    def case(mx):
        x = mx.nd.array(matrix(5, 6) if ta else matrix()).tostype(left)
        y = mx.nd.array(matrix(4, 5, 1) if tb else matrix(5, 4, 1)).tostype(right)
        kwargs = {"forward_stype": stored_as} if stored_as else {}
        return shown(mx.nd.sparse.dot(x, y, transpose_a=ta, transpose_b=tb, **kwargs))

    return case


def reduction(name, stype, axis, keepdims):
    def case(mx):
        kwargs = {} if axis is None else {"axis": axis}
        x = mx.nd.array(matrix()).tostype(stype)
        return shown(getattr(mx.nd.sparse, name)(x, keepdims=keepdims, **kwargs))

    return case


def making(mx):
    sp, a = mx.nd.sparse, matrix()
    x, r = sp.csr_matrix(a), sp.row_sparse_array(a)
    return [
        stored(x),
        stored(r),
        stored(sp.csr_matrix(([1, 2, 3], [1, 0, 2], [0, 1, 1, 3]), shape=(3, 4))),
        stored(sp.row_sparse_array(([[1, 2], [3, 4]], [0, 3]), shape=(5, 2))),
        stored(sp.zeros("row_sparse", (3, 2))),
        stored(x[1:3]),
        stored(x[4]),
        stored(x[-1]),
        stored(mx.nd.slice(x, begin=(1, 1), end=(5, 4))),
        stored(r.retain(mx.nd.array([0, 2, 4]))),
        stored(x.astype("float64")),
        stored(mx.nd.concat(x, x, dim=0)),
        str(x).split("\n")[-1],
        [str(t.dtype) for t in (x.data, x.indices, x.indptr)],
    ]


def wrong(call):
    def case(mx):
        sp = mx.nd.sparse
        x, r = sp.csr_matrix(matrix()), sp.row_sparse_array(matrix())
        try:
            call(mx, x, r)
        except Exception:
            return [0]
        return [1]

    return case


WRONG = {
    "csr to rows": lambda mx, x, r: x.tostype("row_sparse"),
    "two indices": lambda mx, x, r: x[0, 1],
    "row of rows": lambda mx, x, r: r[0],
    "set one": lambda mx, x, r: x.__setitem__(0, 1),
    "in place": lambda mx, x, r: x.__iadd__(1),
    "reshape": lambda mx, x, r: x.reshape((5, 6)),
    "size": lambda mx, x, r: x.size,
    "retain csr": lambda mx, x, r: mx.nd.sparse.retain(x, mx.nd.array([0])).wait_to_read(),
    "copy to rows": lambda mx, x, r: x.copyto(r),
    "csr of rows": lambda mx, x, r: mx.nd.sparse.csr_matrix(r),
    "dense": lambda mx, x, r: mx.nd.sparse.array(matrix()),
    "shape": lambda mx, x, r: mx.nd.sparse.csr_matrix(matrix(), shape=(5, 6)),
}


def embedding(req, hybridize):
    def case(mx):
        net = mx.gluon.nn.Embedding(8, 3, sparse_grad=True)
        net.initialize(mx.init.One())
        net.collect_params().setattr("grad_req", req)
        if hybridize:
            net.hybridize()
        for _ in range(2):
            with mx.autograd.record():
                loss = (
                    net(mx.nd.array([[1, 5], [5, 0]])) * mx.nd.arange(12).reshape((2, 2, 3))
                ).sum()
            loss.backward()
        grad = net.weight.grad()
        return stored(grad)

    return case


def gradient_of_dot(stype):
    def case(mx):
        x, w = mx.nd.sparse.csr_matrix(matrix()), mx.nd.array(matrix(5, 4, 1, 1.0))
        w.attach_grad(stype=stype)
        with mx.autograd.record():
            loss = (mx.nd.sparse.dot(x, w) * mx.nd.array(matrix(6, 4, 2, 1.0))).sum()
        loss.backward()
        return shown(w.grad)

    return case


def update(name, **kwargs):
    def case(mx):
        updater = mx.optimizer.get_updater(mx.optimizer.create(name, **kwargs))
        weight = mx.nd.array(matrix(8, 3, 5, 1.0))
        for rows in ([1, 4], [0, 4], [7]):
            values = matrix(len(rows) + 3, 3, rows[0], 1.0)[3:]
            grad = mx.nd.sparse.row_sparse_array((values, rows), shape=(8, 3))
            updater(0, grad, weight)
        return weight.asnumpy()

    return case


def of_all_dtypes(mx):
    """Arrays for files: each storage with each dtype."""
    arrays = {}
    for dtype in "float16 float32 float64 uint8 int8 int32 int64".split():
        a = np.abs(matrix() * 10).astype(dtype)
        arrays[f"csr {dtype}"] = mx.nd.sparse.csr_matrix(a, dtype=dtype)
        arrays[f"rows {dtype}"] = mx.nd.sparse.row_sparse_array(a, dtype=dtype)
        arrays[f"dense {dtype}"] = mx.nd.array(a, dtype=dtype)
    return arrays


def our_file(mx):
    """A file that plait wrote, if it has, as this library reads it."""
    path = os.path.join(tempfile.gettempdir(), "plait_sparse.params")
    if mx.__name__ == "plait":
        mx.nd.save(path, of_all_dtypes(mx))
    loaded = sorted(mx.nd.load(path).items())
    return {name: (str(np.dtype(x.dtype)), shown(x)) for name, x in loaded}


def their_bytes(mx):
    """What this library writes, byte by byte."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "x.params")
        arrays = of_all_dtypes(mx)
        mx.nd.waitall()  # MXNet writes a shape that it does not know yet
        mx.nd.save(path, arrays)
        with open(path, "rb") as file:
            return np.frombuffer(file.read(), np.uint8)


FUNCTIONS = """abs arcsin arcsinh arctan arctanh cbrt ceil cos cosh degrees exp expm1 fix floor
    log1p negative radians relu rint round sigmoid sign sin sinh sqrt square tan tanh trunc
    zeros_like make_loss stop_gradient""".split()
STORAGES = ("csr", "row_sparse", "default")


def cases():
    yield "making", making
    yield "our file", our_file
    yield "bytes", their_bytes
    for name, stype in itertools.product(FUNCTIONS, STORAGES[:2]):
        yield f"{name} {stype}", unary(name, stype)
    names = """elemwise_add elemwise_sub elemwise_mul elemwise_div add subtract multiply divide
        broadcast_add broadcast_sub broadcast_mul""".split()
    for name, left, right in itertools.product(names, STORAGES, STORAGES):
        if left != "default" or right != "default":
            yield f"{name} {left} {right}", binary(name, left, right)
    operators = ("add", "sub", "mul", "truediv", "pow", "gt", "ge", "lt", "le", "eq", "ne")
    for name, stype, number in itertools.product(operators, STORAGES[:2], (2, 0, -1)):
        if not (name in ("truediv", "pow") and number != 2):
            yield f"{name} {stype} {number}", scalar(name, stype, number)
    for left, right, ta, tb in itertools.product(STORAGES, STORAGES, (False, True), (False, True)):
        yield f"dot {left} {right} {ta} {tb}", dot(left, right, ta, tb)
    for stored_as in STORAGES[1:]:
        yield f"dot as {stored_as}", dot("csr", "default", True, False, stored_as)
    for name, stype, axis, keepdims in itertools.product(
        ("sum", "mean", "norm"), STORAGES[:2], (None, 0, 1, (0, 1)), (False, True)
    ):
        yield f"{name} {stype} {axis} {keepdims}", reduction(name, stype, axis, keepdims)
    for name, call in WRONG.items():
        yield f"wrong: {name}", wrong(call)
    for req, hybridize in itertools.product(("write", "add"), (False, True)):
        yield f"embedding {req} {hybridize}", embedding(req, hybridize)
    for stype in (None, "row_sparse"):
        yield f"gradient of dot {stype}", gradient_of_dot(stype)
    for lazy in (True, False):
        yield f"sgd lazy={lazy}", update("sgd", learning_rate=0.1, wd=0.01, lazy_update=lazy)
        yield (
            f"sgd momentum lazy={lazy}",
            update("sgd", learning_rate=0.1, momentum=0.9, wd=0.01, lazy_update=lazy),
        )
        yield f"adam lazy={lazy}", update("adam", learning_rate=0.1, wd=0.01, lazy_update=lazy)
    yield "sgd clipped", update("sgd", learning_rate=0.1, clip_gradient=0.5, rescale_grad=0.3)
    yield "adagrad", update("adagrad", learning_rate=0.1)
    yield "ftrl", update("ftrl", learning_rate=0.1)
    yield "rmsprop", update("rmsprop", learning_rate=0.1)


if __name__ == "__main__":
    sys.exit(min(oracle.main(__file__, {"sparse": dict(cases())}, KNOWN), 1))
