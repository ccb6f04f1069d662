"""mx.np against NumPy: values, shapes and dtypes of hundreds of calls, and what NumPy has not."""

import numpy as np
import pytest
from numpy_cases import CASES, LINALG

import plait as mx
from plait import npx


@pytest.fixture(autouse=True)
def numpy_world():
    npx.set_np(dtype=True)
    yield
    npx.reset_np()


def ours(value):
    if isinstance(value, np.ndarray):
        return mx.np.array(value, dtype=value.dtype)
    if isinstance(value, (list, tuple)) and any(isinstance(v, np.ndarray) for v in value):
        return type(value)(ours(v) for v in value)
    return value


def check(got, want, where=""):
    if isinstance(want, (list, tuple)):
        assert len(got) == len(want)
        for g, w in zip(got, want, strict=True):
            check(g, w, where)
        return
    if not isinstance(want, (np.ndarray, np.generic)):
        assert got == want
        return
    assert got.shape == want.shape
    assert got.dtype == want.dtype
    got = got.asnumpy() if isinstance(got, mx.np.ndarray) else got
    np.testing.assert_allclose(
        got.astype("float64"),
        want.astype("float64"),
        rtol=2e-12 if want.itemsize > 4 else 1e-5,
        atol=1e-13,
    )


def name(case):
    return f"{case[0]}-{len(case[1])}"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", CASES, ids=name)
def test_function(case):
    function, args, kwargs = case
    with np.errstate(all="ignore"):
        want = getattr(np, function)(*args, **kwargs)
    if function in ("floor", "ceil", "trunc", "fix") and args[0].dtype.kind in "iu":
        want = want.astype(args[0].dtype)  # as NumPy does from 2.1 on
    got = getattr(mx.np, function)(
        *[ours(a) for a in args], **{k: ours(v) for k, v in kwargs.items()}
    )
    check(got, want)


@pytest.mark.parametrize("case", LINALG, ids=name)
def test_linalg(case):
    function, args, kwargs = case
    want = getattr(np.linalg, function)(*args, **kwargs)
    got = getattr(mx.np.linalg, function)(*[ours(a) for a in args], **kwargs)
    if function == "lstsq":
        got, want = got[:1] + got[3:], want[:1] + want[3:]
    for g, w in zip(
        [got] if not isinstance(got, tuple) else got,
        [want] if not isinstance(want, tuple) else want,
        strict=True,
    ):
        if isinstance(w, (np.ndarray, np.generic)):
            assert g.shape == w.shape
        sign = np.abs if function == "qr" else np.asarray
        np.testing.assert_allclose(sign(g.asnumpy()), sign(w), rtol=1e-8, atol=1e-10)


def test_cross_of_vectors_in_a_plane():
    """NumPy took these until 2.4; missing third components are 0."""
    a, b = np.array([1.0, 2.0]), np.array([3.0, 5.0, 7.0])
    check(mx.np.cross(ours(a), ours(b[:2])), np.float64(1 * 5 - 2 * 3))
    check(mx.np.cross(ours(a), ours(b)), np.array([14.0, -7.0, -1.0]))
