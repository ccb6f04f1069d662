"""Counting and finding: NumPy's results on long arrays, at borders and with NaN."""

import numpy as np
import pytest

from plait import np as mnp


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "int64"])
@pytest.mark.parametrize("bins", [1, 7, 50, [-3, -1, -0.5, 2, 2.25, 3]])
def test_histogram(dtype, bins):
    x = (np.random.default_rng(1).normal(size=70000) * 2).astype(dtype)
    given = {"range": (-3, 3)} if isinstance(bins, int) else {}
    counts, edges = mnp.histogram(mnp.array(x, dtype=dtype), bins, **given)
    e = edges.asnumpy().astype("float64")
    want, _ = np.histogram(x.astype("float64"), e)
    np.testing.assert_array_equal(counts.asnumpy(), want)
    np.testing.assert_array_equal(mnp.histogram(edges, edges)[0].asnumpy(), np.histogram(e, e)[0])
    weights = np.arange(x.size) % 5
    counts, _ = mnp.histogram(mnp.array(x, dtype=dtype), edges, weights=mnp.array(weights))
    np.testing.assert_allclose(
        counts.asnumpy(), np.histogram(x.astype("float64"), e, weights=weights)[0]
    )


def test_histogram_leaves_nan_and_what_is_outside():
    x = mnp.array([np.nan, -1.0, 0.0, 0.5, 1.0, np.inf, -np.inf, 2.0])
    assert mnp.histogram(x, 2, range=(0, 1))[0].asnumpy().tolist() == [1, 2]


@pytest.mark.parametrize("shape", [(1,), (70001,), (300, 400), (3, 5, 7), (600, 3), (0, 3)])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 1.0])
@pytest.mark.parametrize("dtype", ["bool", "float32", "int64"])
def test_nonzero_and_masks(shape, share, dtype):
    rng = np.random.default_rng(len(shape))
    mask = (rng.random(shape) < share).astype(dtype)
    got = mnp.nonzero(mnp.array(mask, dtype=dtype))
    for g, w in zip(got, np.nonzero(mask), strict=True):
        np.testing.assert_array_equal(g.asnumpy(), w)
    if dtype == "bool":
        x = rng.normal(size=(*shape, 2)).astype("float32")
        m, a = mnp.array(mask, dtype="bool"), mnp.array(x)
        np.testing.assert_array_equal(a[m].asnumpy(), x[mask])
        np.testing.assert_array_equal(a[..., 0][m].asnumpy(), x[..., 0][mask])
        np.testing.assert_array_equal(a[m, 1].asnumpy(), x[mask, 1])


def test_gradient_of_a_mask_of_two_axes():
    import plait as mx

    x, mask = mnp.ones((4, 5, 2)), np.arange(20).reshape(4, 5) % 3 == 0
    x.attach_grad()
    with mx.autograd.record():
        y = (x[mnp.array(mask, dtype="bool")] * 2).sum()
    y.backward()
    np.testing.assert_array_equal(x.grad.asnumpy(), np.broadcast_to(2.0 * mask[..., None], x.shape))


@pytest.mark.parametrize("dtype", ["float16", "float32", "int8", "int64", "bool"])
def test_unique(dtype):
    x = np.random.default_rng(3).normal(size=5000) * 20
    x = x > 0 if dtype == "bool" else np.round(x).astype(dtype)
    a = mnp.array(x, dtype=dtype)
    for g, w in zip(
        mnp.unique(a, return_index=True, return_inverse=True, return_counts=True),
        np.unique(x, return_index=True, return_inverse=True, return_counts=True),
        strict=True,
    ):
        np.testing.assert_array_equal(g.asnumpy(), w)
    np.testing.assert_array_equal(mnp.unique(a).asnumpy(), np.unique(x))
