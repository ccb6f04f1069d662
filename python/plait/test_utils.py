"""Helpers for tests: comparison with tolerances, random arrays, numeric gradients."""

import contextlib
import functools
import logging
import os
import random

import numpy as np

from . import context as _context
from . import ndarray as nd
from .gluon.download import download

__all__ = [
    "almost_equal",
    "assert_allclose",
    "assert_almost_equal",
    "assert_almost_equal_ignore_nan",
    "assert_exception",
    "check_consistency",
    "check_numeric_gradient",
    "check_symbolic_backward",
    "check_symbolic_forward",
    "check_speed",
    "default_context",
    "default_dtype",
    "default_rtols",
    "default_atols",
    "download",
    "environment",
    "get_mnist",
    "get_mnist_iterator",
    "list_gpus",
    "numeric_grad",
    "rand_ndarray",
    "rand_shape_2d",
    "rand_shape_3d",
    "rand_shape_nd",
    "random_arrays",
    "random_uniform_arrays",
    "random_sample",
    "retry",
    "same",
    "same_array",
    "set_default_context",
    "simple_forward",
]

_RTOL = {"float16": 1e-2, "bfloat16": 2e-2, "float32": 1e-4, "float64": 1e-5}
_ATOL = {"float16": 1e-1, "bfloat16": 1e-1, "float32": 1e-3, "float64": 1e-20}


def default_context():
    """The context that tests use: the current one."""
    return _context.current_context()


def set_default_context(ctx):
    """Make `ctx` the current context of this thread from now on."""
    ctx.__enter__()


def default_dtype():
    """float32."""
    return np.float32


def default_rtols():
    """dict: relative tolerance by dtype; exact for integers."""
    return {np.dtype(k): v for k, v in _RTOL.items() if k != "bfloat16"}


def default_atols():
    """dict: absolute tolerance by dtype; exact for integers."""
    return {np.dtype(k): v for k, v in _ATOL.items() if k != "bfloat16"}


def _numpy(x):
    return x.asnumpy() if hasattr(x, "asnumpy") else np.asarray(x)


def _dtype_name(x):
    return x.dtype_name if hasattr(x, "dtype_name") else np.asarray(x).dtype.name


def _tolerances(a, b, rtol, atol):
    """The given tolerances, or those of the coarser of the two dtypes."""
    names = [_dtype_name(a), _dtype_name(b)]

    def pick(given, table):
        if isinstance(given, dict):
            table, given = {np.dtype(k).name: v for k, v in given.items()}, None
        return max(table.get(name, 0.0) for name in names) if given is None else given

    return pick(rtol, _RTOL), pick(atol, _ATOL)


def same(a, b):
    """bool: whether two arrays have equal shapes and elements."""
    return np.array_equal(_numpy(a), _numpy(b))


def same_array(array1, array2):
    """bool: whether two NDArrays lie in the same memory."""
    return array1.shares_memory(array2)


def almost_equal(a, b, rtol=None, atol=None, equal_nan=False, use_broadcast=True):
    """bool: whether ``|a - b| <= atol + rtol |b|`` everywhere."""
    rtol, atol = _tolerances(a, b, rtol, atol)
    a, b = _numpy(a), _numpy(b)
    if not use_broadcast and a.shape != b.shape:
        return False
    return bool(np.allclose(a, b, rtol=rtol, atol=atol, equal_nan=equal_nan))


def assert_almost_equal(
    a,
    b,
    rtol=None,
    atol=None,
    names=("a", "b"),
    equal_nan=False,
    use_broadcast=True,
    mismatches=(10, 10),
):
    """Check that ``|a - b| <= atol + rtol |b|`` everywhere.

    Parameters
    ----------
    a, b : NDArray or array-like
    rtol, atol : float or dict of dtype to float, optional
        Default by the coarser dtype.
    names : tuple of str
        What the message calls them.
    equal_nan : bool
        Whether nan equals nan.
    use_broadcast : bool
        Whether shapes may differ as in broadcasting.
    mismatches : tuple of int
        Accepted; the message shows the worst elements.

    Raises
    ------
    AssertionError
        The message names the largest error and its place.
    """
    if almost_equal(a, b, rtol, atol, equal_nan, use_broadcast):
        return
    rtol, atol = _tolerances(a, b, rtol, atol)
    a, b = _numpy(a), _numpy(b)
    if a.shape != b.shape and not use_broadcast:
        raise AssertionError(f"{names[0]} has shape {a.shape}, {names[1]} has shape {b.shape}")
    a, b = np.broadcast_arrays(a.astype(np.float64), b.astype(np.float64))
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.abs(a - b) / (atol + rtol * np.abs(b))
    wrong = ~np.isclose(a, b, rtol=rtol, atol=atol, equal_nan=equal_nan)
    worst = np.argsort(np.where(wrong, np.nan_to_num(error, nan=np.inf), -1.0), axis=None)[::-1]
    lines = [
        f"  at {tuple(int(i) for i in np.unravel_index(k, a.shape))}: "
        f"{names[0]} {a.flat[k]:.8g}, {names[1]} {b.flat[k]:.8g}"
        for k in worst[: min(5, int(wrong.sum()))]
    ]
    raise AssertionError(
        f"{names[0]} and {names[1]} differ in {int(wrong.sum())} of {wrong.size} elements "
        f"(rtol {rtol}, atol {atol}); the worst:\n" + "\n".join(lines)
    )


def assert_allclose(a, b, rtol=1e-07, atol=0, equal_nan=True):
    """`assert_almost_equal` with the defaults of NumPy."""
    assert_almost_equal(a, b, rtol, atol, equal_nan=equal_nan)


def assert_almost_equal_ignore_nan(a, b, rtol=None, atol=None, names=("a", "b")):
    """`assert_almost_equal` where neither is nan."""
    a, b = _numpy(a).copy(), _numpy(b).copy()
    skip = np.isnan(a) | np.isnan(b)
    a[skip] = b[skip] = 0
    assert_almost_equal(a, b, rtol, atol, names)


def assert_exception(f, exception_type, *args, **kwargs):
    """Check that ``f(*args, **kwargs)`` raises `exception_type`, now or when its result is read."""
    try:
        f(*args, **kwargs)
        nd.waitall()
    except exception_type:
        return
    raise AssertionError(f"{f} did not raise {exception_type.__name__}")


def retry(n):
    """Decorator that calls a test up to `n` times until no AssertionError is raised."""
    if n < 1:
        raise ValueError(f"retry: n is {n}, must be >= 1")

    def decorate(test):
        @functools.wraps(test)
        def wrapper(*args, **kwargs):
            for i in range(n):
                try:
                    return test(*args, **kwargs)
                except AssertionError:
                    if i == n - 1:
                        raise
                    nd.waitall()

        return wrapper

    return decorate


@contextlib.contextmanager
def environment(*args):
    """Environment variables for a while: ``environment(name, value)`` or ``environment(dict)``.

    None unsets a variable.
    """
    changes = args[0] if len(args) == 1 else {args[0]: args[1]}
    before = {name: os.environ.get(name) for name in changes}

    def apply(values):
        for name, value in values.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = str(value)

    nd.waitall()
    apply(changes)
    try:
        yield
    finally:
        nd.waitall()
        apply(before)


def list_gpus():
    """list of int: numbers of the GPUs that can be used."""
    return list(range(_context.num_gpus()))


# --- random data ----------------------------------------------------------------------------------


def random_arrays(*shapes):
    """Standard normal float32 NumPy arrays; one alone if one shape is given."""
    arrays = [
        np.array(np.random.randn(), np.float32) if s == () else np.random.randn(*s).astype("f4")
        for s in shapes
    ]
    return arrays[0] if len(arrays) == 1 else arrays


def random_uniform_arrays(*shapes, low=0.0, high=1.0, dtype="float32"):
    """Uniform NumPy arrays, always in a list."""
    return [np.random.uniform(low, high, size=shape).astype(dtype) for shape in shapes]


def random_sample(population, k):
    """`k` distinct items in their order in `population`."""
    return [population[i] for i in sorted(random.sample(range(len(population)), k))]


def rand_ndarray(
    shape,
    stype="default",
    density=None,
    dtype=None,
    modifier_func=None,
    distribution=None,
    ctx=None,
):
    """Uniform NDArray in [-1, 1); `modifier_func` is applied to each element.

    Raises
    ------
    NotImplementedError
        If `stype` is not 'default'.
    """
    if stype != "default":
        raise NotImplementedError(f"rand_ndarray: stype is {stype!r}, must be 'default'")
    values = np.random.uniform(-1, 1, size=shape)
    if modifier_func is not None:
        values = np.vectorize(modifier_func)(values)
    return nd.array(values, ctx=ctx, dtype=dtype or "float32")


def rand_shape_nd(num_dim, dim=10, allow_zero_size=False):
    """tuple of int: `num_dim` random sizes up to `dim`."""
    return tuple(np.random.randint(0 if allow_zero_size else 1, dim + 1, size=num_dim).tolist())


def rand_shape_2d(dim0=10, dim1=10, allow_zero_size=False):
    """tuple of int: two random sizes up to `dim0` and `dim1`."""
    low = 0 if allow_zero_size else 1
    return tuple(int(np.random.randint(low, dim + 1)) for dim in (dim0, dim1))


def rand_shape_3d(dim0=10, dim1=10, dim2=10, allow_zero_size=False):
    """tuple of int: three random sizes."""
    low = 0 if allow_zero_size else 1
    return tuple(int(np.random.randint(low, dim + 1)) for dim in (dim0, dim1, dim2))


def get_mnist(path=None):
    """dict of NumPy arrays: 'train_data' float32 (60000, 1, 28, 28) in [0, 1], 'train_label' and
    so on, from `gluon.data.vision.MNIST`."""
    from .gluon.data.vision import MNIST

    found = {}
    for key, train in (("train", True), ("test", False)):
        data = MNIST(train=train) if path is None else MNIST(path, train)
        images = data._data.asnumpy().transpose(0, 3, 1, 2)
        found[f"{key}_data"] = images.astype(np.float32) / 255
        found[f"{key}_label"] = data._label
    return found


def get_mnist_iterator(batch_size, input_shape, num_parts=1, part_index=0, path=None):
    """(training, validation) iterators over MNIST in the shape `input_shape` of one image."""
    from .io import NDArrayIter

    data = get_mnist(path)

    def make(key, shuffle):
        images = data[f"{key}_data"][part_index::num_parts].reshape(-1, *input_shape)
        labels = data[f"{key}_label"][part_index::num_parts]
        return NDArrayIter(images, labels, batch_size, shuffle=shuffle)

    return make("train", True), make("test", False)


# --- symbols --------------------------------------------------------------------------------------


def _bind(sym, location, aux_states, ctx, grad_req, dtype):
    """An executor, with `location` and `aux_states` as lists or dicts of array-likes."""
    ctx = ctx or default_context()

    def by_name(values, names, what):
        if values is None:
            return {}
        if isinstance(values, (list, tuple)):
            values = dict(zip(names, values, strict=True))
        if set(values) != set(names):
            raise ValueError(f"{what} has {sorted(values)}, must have {sorted(names)}")
        return {name: _as_ndarray(values[name], ctx, dtype) for name in names}

    arguments = by_name(location, sym.list_arguments(), "location")
    states = by_name(aux_states, sym.list_auxiliary_states(), "aux_states")
    if isinstance(grad_req, (list, tuple)):
        grad_req = dict(zip(sym.list_arguments(), grad_req, strict=True))
    grads = {
        name: nd.zeros(array.shape, ctx=ctx, dtype=array.dtype)
        for name, array in arguments.items()
        if (grad_req.get(name, "null") if isinstance(grad_req, dict) else grad_req) != "null"
    }
    return sym.bind(ctx, args=arguments, args_grad=grads, grad_req=grad_req, aux_states=states)


def _as_ndarray(value, ctx, dtype):
    if hasattr(value, "asnumpy"):
        return value.copyto(ctx)
    array = np.asarray(value)
    return nd.array(array, ctx=ctx, dtype=array.dtype if dtype is None else dtype)


def simple_forward(sym, ctx=None, is_train=False, **inputs):
    """Outputs of a symbol as NumPy arrays; one alone if there is one."""
    executor = _bind(sym, inputs, None, ctx, "null", None)
    outputs = [out.asnumpy() for out in executor.forward(is_train=is_train)]
    return outputs[0] if len(outputs) == 1 else outputs


def check_symbolic_forward(
    sym,
    location,
    expected,
    rtol=None,
    atol=None,
    aux_states=None,
    ctx=None,
    equal_nan=False,
    dtype=np.float32,
):
    """Check the outputs of a symbol; returns them.

    Parameters
    ----------
    location, aux_states : list or dict of array-like
        Arguments and states.
    expected : list or dict of array-like
        Outputs.
    """
    executor = _bind(sym, location, aux_states, ctx, "null", dtype)
    outputs = executor.forward(is_train=False)
    if isinstance(expected, dict):
        expected = [expected[name] for name in sym.list_outputs()]
    for name, want, got in zip(sym.list_outputs(), expected, outputs, strict=True):
        assert_almost_equal(want, got, rtol, atol, (f"expected {name}", name), equal_nan)
    return outputs


def check_symbolic_backward(
    sym,
    location,
    out_grads,
    expected,
    rtol=None,
    atol=None,
    aux_states=None,
    grad_req="write",
    ctx=None,
    grad_stypes=None,
    equal_nan=False,
    dtype=np.float32,
):
    """Check the gradients of a symbol for given gradients of its outputs; returns them by name."""
    executor = _bind(sym, location, aux_states, ctx, grad_req, dtype)
    names = sym.list_arguments()
    if isinstance(expected, (list, tuple)):
        expected = dict(zip(names, expected, strict=True))
    if isinstance(out_grads, dict):
        out_grads = [out_grads[name] for name in sym.list_outputs()]
    before = {}
    for name, grad in executor.grad_dict.items():
        if grad is not None:
            values = np.random.normal(size=grad.shape).astype(grad.dtype)
            grad[:] = before[name] = values
    executor.forward(is_train=True)
    if out_grads is not None:
        out_grads = [_as_ndarray(g, ctx or default_context(), dtype) for g in out_grads]
    executor.backward(out_grads)
    requests = grad_req if isinstance(grad_req, dict) else dict.fromkeys(names, grad_req)
    found = {n: g.asnumpy() for n, g in executor.grad_dict.items() if g is not None}
    for name, want in expected.items():
        request = requests.get(name, "null")
        if request != "null":
            got = found[name] - before[name] if request == "add" else found[name]
            assert_almost_equal(
                want,
                got,
                rtol,
                atol,
                (f"expected gradient of {name}", f"gradient of {name}"),
                equal_nan,
            )
    return found


def numeric_grad(executor, location, eps=1e-4, use_forward_train=True):
    """Gradients of the sum of the outputs by central differences, as NumPy arrays by name.

    Parameters
    ----------
    executor : Executor
    location : dict of numpy.ndarray
        Values of the arguments to vary.
    eps : float
        Half of the step.
    """

    def total():
        executor.forward(is_train=use_forward_train)
        return sum(float(out.asnumpy().astype(np.float64).sum()) for out in executor.outputs)

    found = {}
    for name, value in location.items():
        value = value.copy()
        grad = np.zeros(value.shape, value.dtype)
        for k in range(value.size):
            kept = value.flat[k]
            sums = []
            for step in (eps, -eps):
                value.flat[k] = kept + step
                executor.arg_dict[name][:] = value
                sums.append(total())
            value.flat[k] = kept
            grad.flat[k] = (sums[0] - sums[1]) / (2 * eps)
        executor.arg_dict[name][:] = value
        found[name] = grad
    return found


def check_numeric_gradient(
    sym,
    location,
    aux_states=None,
    numeric_eps=None,
    rtol=None,
    atol=None,
    grad_nodes=None,
    use_forward_train=True,
    ctx=None,
    grad_stype_dict=None,
    dtype=np.float64,
):
    """Check the gradients of a symbol against central differences.

    The outputs are first summed with random weights, so that errors do not cancel.

    Parameters
    ----------
    location, aux_states : list or dict of array-like
    numeric_eps : float, optional
        Half of the step; default 1e-4 in float64, 1e-2 below.
    grad_nodes : list of str, optional
        Arguments to check; default all.
    dtype : numpy.dtype
        float64 gives sharp results.
    """
    from . import symbol

    if isinstance(location, (list, tuple)):
        location = dict(zip(sym.list_arguments(), location, strict=True))
    location = {n: _numpy(v).astype(dtype) for n, v in location.items()}
    nodes = list(grad_nodes) if grad_nodes is not None else list(location)
    outputs = [sym[i] for i in range(len(sym.list_outputs()))]
    shapes = sym.infer_shape(**{n: v.shape for n, v in location.items()})[1]
    weights = {f"__weight{i}": np.random.normal(size=s) + 0.5 for i, s in enumerate(shapes)}
    weighted = [
        symbol.broadcast_mul(out, symbol.var(name))
        for out, name in zip(outputs, weights, strict=True)
    ]
    group = symbol.Group(weighted) if len(weighted) > 1 else weighted[0]
    everything = {**location, **{n: np.asarray(w, dtype) for n, w in weights.items()}}
    requests = {n: "write" if n in nodes else "null" for n in everything}
    executor = _bind(group, everything, aux_states, ctx, requests, dtype)
    executor.forward(is_train=True)
    executor.backward([nd.ones(out.shape, dtype=out.dtype) for out in executor.outputs])
    symbolic = {n: executor.grad_dict[n].asnumpy() for n in nodes}
    double = np.dtype(dtype) == np.float64
    step = numeric_eps or (1e-4 if double else 1e-2)
    numeric = numeric_grad(executor, {n: location[n] for n in nodes}, step, use_forward_train)
    for name in nodes:
        assert_almost_equal(
            numeric[name],
            symbolic[name],
            rtol if rtol is not None else (1e-5 if double else 1e-2),
            atol if atol is not None else (1e-7 if double else 1e-3),
            (f"numeric gradient of {name}", f"gradient of {name}"),
        )


def check_consistency(
    sym,
    ctx_list,
    scale=1.0,
    grad_req="write",
    arg_params=None,
    aux_params=None,
    rtol=None,
    atol=None,
):
    """Check that a symbol gives equal outputs and gradients in several contexts and dtypes.

    Parameters
    ----------
    ctx_list : list of dict
        Each with 'ctx', the shapes of the inputs by name, and perhaps 'type_dict'.
    scale : float
        Standard deviation of the random arguments.

    Returns
    -------
    list of list of numpy.ndarray
        Outputs by entry of `ctx_list`.
    """
    results = []
    values = dict(arg_params or {})
    for entry in ctx_list:
        shapes = {k: v for k, v in entry.items() if k not in ("ctx", "type_dict")}
        types = entry.get("type_dict", {})
        found = dict(zip(sym.list_arguments(), sym.infer_shape(**shapes)[0], strict=True))
        for name, shape in found.items():
            if name not in values:
                values[name] = np.random.normal(size=shape, scale=scale)
        dtype = next(iter(types.values()), np.float32)
        arguments = {n: _numpy(values[n]).astype(types.get(n, dtype)) for n in found}
        executor = _bind(sym, arguments, aux_params, entry["ctx"], grad_req, None)
        executor.forward(is_train=grad_req != "null")
        if grad_req != "null":
            executor.backward([nd.ones(o.shape, dtype=o.dtype) for o in executor.outputs])
        grads = {n: g.asnumpy() for n, g in executor.grad_dict.items() if g is not None}
        results.append(([o.asnumpy() for o in executor.outputs], grads))
    for outputs, grads in results[1:]:
        for want, got in zip(results[0][0], outputs, strict=True):
            assert_almost_equal(want, got, rtol, atol)
        for name, want in results[0][1].items():
            assert_almost_equal(want, grads[name], rtol, atol, (name, name))
    return [outputs for outputs, _ in results]


def check_speed(sym, location=None, ctx=None, N=20, grad_req="write", typ="whole", **shapes):
    """Seconds that a pass takes: forward and backward with typ 'whole', or 'forward'."""
    import time

    if typ not in ("whole", "forward"):
        raise ValueError(f"check_speed: typ is {typ!r}, must be 'whole' or 'forward'")
    if location is None:
        found = zip(sym.list_arguments(), sym.infer_shape(**shapes)[0], strict=True)
        location = {name: np.random.normal(size=shape) for name, shape in found}
    executor = _bind(sym, location, None, ctx, grad_req if typ == "whole" else "null", np.float32)

    def step():
        executor.forward(is_train=typ == "whole")
        if typ == "whole":
            executor.backward([nd.ones(o.shape) for o in executor.outputs])

    step()
    nd.waitall()
    start = time.perf_counter()
    for _ in range(N):
        step()
    nd.waitall()
    seconds = (time.perf_counter() - start) / N
    logging.debug("check_speed: %g seconds", seconds)
    return seconds
