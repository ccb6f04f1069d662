"""Comparison with tolerances, expected exceptions, retries and the environment of a test."""

import contextlib
import functools
import os

import numpy as np

from .. import context as _context
from .. import ndarray as nd

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


def as_numpy(x):
    """numpy.ndarray: the elements of an NDArray or array-like."""
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
    return np.array_equal(as_numpy(a), as_numpy(b))


def same_array(array1, array2):
    """bool: whether two NDArrays lie in the same memory."""
    return array1.shares_memory(array2)


def almost_equal(a, b, rtol=None, atol=None, equal_nan=False, use_broadcast=True):
    """bool: whether ``|a - b| <= atol + rtol |b|`` everywhere."""
    rtol, atol = _tolerances(a, b, rtol, atol)
    a, b = as_numpy(a), as_numpy(b)
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
    a, b = as_numpy(a), as_numpy(b)
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
    a, b = as_numpy(a).copy(), as_numpy(b).copy()
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
