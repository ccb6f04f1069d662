"""One Spec for an operator; the checks that every Spec goes through."""

import zlib
from dataclasses import dataclass, field

import numpy as np

import plait as mx
from plait import _array, op

FLOATS = ("float32", "float64", "float16")
REALS = ("float32", "float64")
HALVES = ("float16", "bfloat16")
NUMBERS = (*FLOATS, "int8", "uint8", "int32", "int64")

# Relative and absolute difference that is allowed to the reference in float64.
TOLERANCE = {
    "bfloat16": (2e-2, 2e-2),
    "float16": (4e-3, 4e-3),
    "float32": (1e-5, 1e-5),
    "float64": (1e-11, 1e-11),
    "complex64": (1e-5, 1e-5),
    "complex128": (1e-11, 1e-11),
}

SPECS = {}


@dataclass
class Spec:
    """What an operator must do.

    Attributes
    ----------
    reference : callable
        Takes the inputs and attributes, gives the NumPy result or a tuple of them; None where results
        are random.
    samples : list of (tuple of arrays, dict)
        Inputs in float64 and attributes.
    dtypes : tuple of str
        Types into which the floating inputs are converted.
    grad : tuple of int
        Inputs whose gradient is compared with central differences.
    second : bool
        Whether gradients of gradients are compared too.
    samples_grad : int or None
        Gradients are compared for this many of the samples; None: for all.
    raises : list of (inputs, attributes, exception, text)
    dense : bool
        Whether inputs must lie without gaps, because they change in place.
    tolerance : tuple or None
        Instead of the table's for float32 and float64: the method is less exact.
    """

    name: str
    reference: object
    samples: list
    dtypes: tuple = FLOATS
    grad: tuple = ()
    raises: list = field(default_factory=list)
    tolerance: tuple = None
    second: bool = False
    samples_grad: int = None
    dense: bool = False

    def __post_init__(self):
        assert self.name not in SPECS, f"{self.name} has two entries"
        SPECS[self.name] = self


def coverage():
    """How much the entries cover, in one line."""
    specs = SPECS.values()
    gradients = [(s, len(s.samples[: s.samples_grad])) for s in specs if s.grad]
    dtypes = sorted({d for s in specs if s.reference for d in s.dtypes})
    return (
        f"tests/ops: {len(SPECS)} operators, {sum(len(s.samples) for s in specs)} samples, "
        f"{sum(len(s.samples) * len(s.dtypes) for s in specs if s.reference)} comparisons of values, "
        f"{sum(n for _, n in gradients)} gradient checks, "
        f"{sum(n for s, n in gradients if s.second)} of gradients of gradients, "
        f"{sum(len(s.raises) for s in specs)} refusals, {len(dtypes)} dtypes: {' '.join(dtypes)}"
    )


def normal(*shape):
    """Numbers that depend on the shape only, away from 0 and from each other's kinks."""
    seed = zlib.crc32(repr(shape).encode())
    return np.random.default_rng(seed).normal(size=shape) + 0.01


def between(low, high, *shape):
    seed = zlib.crc32(repr((low, high, shape)).encode())
    return np.random.default_rng(seed).uniform(low, high, size=shape)


def convert(inputs, dtype):
    """Floating inputs in `dtype`; index and mask inputs stay as they are.

    NumPy has no bfloat16: numbers that it can hold come as float32.
    """
    inputs = [np.asarray(x) for x in inputs]
    if dtype == "bfloat16":
        rounded = [mx.nd.array(x, dtype=dtype).asnumpy() for x in inputs]
        return [r if x.dtype == np.float64 else x for r, x in zip(rounded, inputs, strict=True)]
    return [x.astype(dtype) if x.dtype == np.float64 else x for x in inputs]


def arrays(inputs, dtype=None):
    """NDArrays of `inputs`; float32 becomes bfloat16 where that is `dtype`."""
    return [mx.nd.array(x, dtype=dtype_of(x, dtype)) for x in inputs]


def dtype_of(x, dtype):
    return dtype if dtype == "bfloat16" and x.dtype == np.float32 else x.dtype


def run(name, inputs, attrs, out=None):
    result = op.invoke(name, inputs, attrs, out)
    return list(result) if isinstance(result, (list, tuple)) else [result]


def as_list(result):
    return list(result) if isinstance(result, (list, tuple)) else [result]


def compare(got, want, dtype, tolerance=None):
    rtol, atol = tolerance if tolerance and dtype not in HALVES else TOLERANCE.get(dtype, (0, 0))
    assert got.shape == np.shape(want)
    wide = "complex128" if got.dtype.kind == "c" else "float64"
    np.testing.assert_allclose(
        got.astype(wide), np.asarray(want).astype(wide), rtol=rtol, atol=atol
    )


def check_values(spec, inputs, attrs, dtype):
    """The result, then the same into `out=` and from strided inputs."""
    given = convert(inputs, dtype)
    with np.errstate(all="ignore"):
        wide = [x.astype("float64") if x.dtype.kind == "f" else x for x in given]
        want = as_list(spec.reference(*wide, **attrs))
    got = run(spec.name, arrays(given, dtype), attrs)
    assert len(got) == len(want)
    for g, w in zip(got, want, strict=False):
        g = g.asnumpy()
        compare(
            g, np.asarray(w).astype(g.dtype) if g.dtype.kind in "iub" else w, dtype, spec.tolerance
        )
    out = [mx.nd.array(np.full(np.shape(g), 7), dtype=g.dtype) for g in got]
    again = run(spec.name, arrays(given, dtype), attrs, out if len(out) > 1 else out[0])
    turned = arrays(given, dtype) if spec.dense else [strided_copy(x, dtype) for x in given]
    strided = run(spec.name, turned, attrs)
    for a, b, c in zip(got, again, strided, strict=False):
        np.testing.assert_array_equal(a.asnumpy(), b.asnumpy())
        # Not bitwise: vector loops fuse multiplication and addition, strided ones do not.
        of = dtype if dtype == "bfloat16" else a.asnumpy().dtype.name
        compare(c.asnumpy(), a.asnumpy(), of, spec.tolerance)


def strided_copy(x, dtype):
    """The values of `x` in an array whose axes lie in reverse order in memory."""
    if x.ndim < 2:
        return arrays([x], dtype)[0]
    turned = arrays([np.ascontiguousarray(x.T)], dtype)[0]
    view = _array.invoke(_array.operator("transpose"), (turned,), (), None, type(turned), view=True)
    dense = tuple(int(np.prod(x.shape[i + 1 :])) for i in range(x.ndim))
    assert x.size == 0 or 1 in x.shape or tuple(view.strides_elements) != dense, (
        "not a strided view"
    )
    return view


def check_gradient(spec, inputs, attrs):
    """Gradient of a weighted sum of the first result, against central differences."""
    given = convert(inputs, "float64")
    leaves = arrays(given)
    for i in spec.grad:
        leaves[i].attach_grad()
    with mx.autograd.record():
        result = run(spec.name, leaves, attrs)[0]
        weight = mx.nd.array(normal(*result.shape), dtype="float64")
        loss = op.invoke("sum", [op.invoke("multiply", [result, weight])])
    loss.backward()

    def value(values):
        result = run(spec.name, arrays(values), attrs)[0]
        return float((result.asnumpy() * weight.asnumpy()).sum())

    compare_with_differences(spec, given, value, leaves)


def check_second_gradient(spec, inputs, attrs):
    """Gradient of a weighted sum of first gradients, against central differences of that sum."""
    given = convert(inputs, "float64")

    def total(values):
        leaves = arrays(values)
        wanted = [leaves[i] for i in spec.grad]
        for x in wanted:
            x.attach_grad()
        with mx.autograd.record():
            result = run(spec.name, leaves, attrs)[0]
            weight = mx.nd.array(normal(*result.shape), dtype="float64")
            # A square, so that what flows back depends on the inputs as well.
            loss = (result * result * weight).sum()
            grads = mx.autograd.grad(loss, wanted, create_graph=True)
            parts = [
                (g * mx.nd.array(between(-1, 1, *g.shape), dtype="float64")).sum() for g in grads
            ]
            whole = sum(parts[1:], parts[0])
        return leaves, whole

    leaves, whole = total(given)
    whole.backward()
    compare_with_differences(spec, given, lambda v: total(v)[1].asscalar(), leaves)


def compare_with_differences(spec, given, value, leaves):
    """The gradients of `leaves` against central differences of value(inputs)."""
    step = 1e-5
    for i in spec.grad:
        want = np.zeros(given[i].shape)
        for at in np.ndindex(given[i].shape):
            moved = [x.copy() for x in given]
            moved[i][at] += step
            above = value(moved)
            moved[i][at] -= 2 * step
            want[at] = (above - value(moved)) / (2 * step)
        np.testing.assert_allclose(leaves[i].grad.asnumpy(), want, rtol=1e-5, atol=1e-6)
