"""`mx.vmap` of every operator against the samples one by one: values and gradients."""

import entries  # noqa: F401  loads the entries
import numpy as np
import pytest
from harness import SPECS, arrays, convert, run

import plait as mx
from plait import op

SIZE = 3

# Their results are not a function of the operands alone, or they change them.
STATEFUL = "_update random sample_ shuffle custom image_random".split()
ONCE = [
    pytest.param(s, n, id=f"{s.name}-{n}")
    for s in SPECS.values()
    if s.reference and not any(part in s.name for part in STATEFUL)
    for n in range(len(s.samples))
]


def batch_of(x, name):
    """Samples that differ, in the range and of the dtype of one; indices of csr parts must fit."""
    x = np.asarray(x)
    if x.dtype.kind in "fc":
        return np.stack([x, x * 0.9 + 0.01, x * 0.8 + 0.02])
    if name.startswith("csr_"):
        return np.stack([x] * SIZE)
    flat = x.reshape(-1)
    return np.stack([np.roll(flat, i).reshape(x.shape) for i in range(SIZE)])


def close(got, want, dtype="float64"):
    tolerance = 1e-9 if dtype in ("float64", "complex128") else 2e-5
    wide = "complex128" if want.dtype.kind == "c" else "float64"
    np.testing.assert_allclose(got.astype(wide), want.astype(wide), rtol=tolerance, atol=tolerance)


def choices(inputs):
    """Which operands have a batch: all, and each by itself."""
    n = len(inputs)
    every = [tuple(range(n))] if n else []
    return every + [(i,) for i in range(n) if n > 1][:3]


@pytest.mark.parametrize(("spec", "sample"), ONCE)
def test_operator(spec, sample):
    inputs, attrs = spec.samples[sample]
    given = convert(inputs, "float64" if "float64" in spec.dtypes else "float32")
    for chosen in choices(given):
        wide = [batch_of(x, spec.name) if i in chosen else x for i, x in enumerate(given)]

        def function(*xs):
            return run(spec.name, xs, attrs)

        try:
            want = [
                function(*arrays([w[k] if i in chosen else w for i, w in enumerate(wide)]))
                for k in range(SIZE)
            ]
            want = [[y.asnumpy() for y in ys] for ys in want]
        except (ValueError, IndexError):  # another sample is not legal
            continue
        axes = tuple(0 if i in chosen else None for i in range(len(given)))
        got = mx.vmap(function, axes)(*arrays(wide))
        for y, rows in zip(got, zip(*want, strict=True), strict=True):
            expected = np.stack(rows)
            assert y.shape == expected.shape and y.asnumpy().dtype == expected.dtype
            close(y.asnumpy(), expected, given[0].dtype.name if given else "float64")


BRANCHED = ("foreach", "while_loop", "cond")  # their gradients do not run sample by sample
SMOOTH = [
    pytest.param(s, id=s.name)
    for s in SPECS.values()
    if s.grad and s.reference and not any(part in s.name for part in (*STATEFUL, *BRANCHED))
]


@pytest.mark.parametrize("spec", SMOOTH)
def test_gradients_of_samples(spec):
    """vmap of a gradient, and the gradient of vmap, are those of the samples."""
    inputs, attrs = spec.samples[0]
    given = convert(inputs, "float64")
    wide = [batch_of(x, spec.name) for x in given]

    def loss(*xs):
        y = run(spec.name, xs, attrs)[0]
        return (y * y).sum()

    def gradients(*xs):
        leaves = [x.copy() for x in xs]
        wanted = [leaves[i] for i in spec.grad]
        for x in wanted:
            x.attach_grad()
        with mx.autograd.record():
            y = loss(*leaves)
        return mx.autograd.grad(y, wanted)

    want = [gradients(*arrays([w[k] for w in wide])) for k in range(SIZE)]
    want = [[g.asnumpy() for g in row] for row in want]
    for got, rows in zip(mx.vmap(gradients)(*arrays(wide)), zip(*want, strict=True), strict=True):
        close(got.asnumpy(), np.stack(rows))

    leaves = arrays(wide)
    for i in spec.grad:
        leaves[i].attach_grad()
    with mx.autograd.record():
        total = mx.vmap(loss)(*leaves).sum()
    total.backward()
    for i, rows in zip(spec.grad, zip(*want, strict=True), strict=True):
        close(leaves[i].grad.asnumpy(), np.stack(rows))


def test_most_operators_run_once_for_the_batch():
    with_rule = [n for n in op.list_operators() if mx.batching.has_batch_rule(n)]
    assert len(with_rule) > 280
