"""Compares mx.np with array-api-strict over dtypes, shapes and functions. Run by hand:

    pip install array-api-strict
    python tests/python/compare_array_api.py

Prints each difference, then how many calls are equal, differ, or are refused by one side or both.
array-api-strict refuses what the standard leaves open, so calls that only it refuses are no
differences. `test_array_api.py` has the cases that must be equal.
"""

import warnings
from collections import Counter

import array_api_strict
import numpy as np
import test_array_api as standard

import plait as mx

REDUCTIONS = "sum prod mean std var max min all any argmax argmin count_nonzero".split()
SCANS = "cumulative_sum cumulative_prod sort argsort flip".split()
TWO = "matmul tensordot vecdot linalg.cross".split()
ONE = (
    "matrix_transpose tril triu diff linalg.trace linalg.vector_norm linalg.matrix_norm linalg.det "
    "linalg.inv linalg.qr linalg.svdvals fft.fft fft.rfft fft.fftshift unique_values nonzero"
).split()


class Data:
    """Random arrays; with `special`, floating ones begin with NaN, infinity and -0."""

    def __init__(self):
        self.rng = np.random.default_rng(0)

    def __call__(self, dtype, *shape, special=True):
        if dtype == "bool":
            return self.rng.random(shape) < 0.5
        if "int" in dtype:
            low = 0 if dtype.startswith("u") else -9
            return self.rng.integers(low, 9, shape).astype(dtype)
        x = np.round(self.rng.normal(size=shape) * 4, 2)
        if special and x.size > 3:
            x.flat[:3] = [np.nan, np.inf, -0.0]
        if dtype.startswith("complex"):
            x = x + 1j * np.round(self.rng.normal(size=shape), 2)
        return x.astype(dtype)


def calls():
    """(name, arguments, keywords) of every call."""
    data, s = Data(), standard
    for d in s.DTYPES:
        for name in [
            *s.FLOAT_UNARY,
            *s.NUMERIC_UNARY,
            "bitwise_invert",
            "logical_not",
            "signbit",
        ]:
            for shape in ((), (4,), (2, 3), (0, 3)):
                yield name, (data(d, *shape),), {}
        for name in s.NUMERIC_BINARY + s.FLOAT_BINARY + s.BIT_BINARY + s.LOGICAL:
            for other in s.DTYPES:
                yield name, (data(d, 2, 3), data(other, 3)), {}
        for name in REDUCTIONS:
            for keywords in ({}, {"axis": 0}, {"axis": 1, "keepdims": True}):
                yield name, (data(d, 3, 4),), keywords
        for name in SCANS:
            for axis in (0, 1):
                yield name, (data(d, 3, 4),), {"axis": axis}
        x, y = (data(d, 3, 3, special=False) for _ in range(2))
        for name in TWO:
            yield name, (x, y), {}
        for name in ONE:
            yield name, (x,), {}
        yield "concat", ([x, y],), {}
        yield "stack", ([x, y],), {}
        yield "where", (x == y, x, y), {}
        yield "take", (x, np.array([0, 2])), {"axis": 1}
        for name in ("repeat", "roll"):
            yield name, (x, 2), {}
        yield "tile", (x, (2, 1)), {}
    yield from s.CALLS


def answer(library, array, call):
    """Results as NumPy arrays, or the text of the error."""
    name, args, keywords = call

    def given(v):
        if isinstance(v, list):
            return [given(x) for x in v]
        if isinstance(v, np.ndarray):
            return array(v)
        return getattr(library, v) if v in ("float32", "int32", "complex64") else v

    try:
        found = standard.find(name, library)(
            *map(given, args), **{k: given(v) for k, v in keywords.items()}
        )
        found = found if isinstance(found, (list, tuple)) else [found]
        return [x.asnumpy() if hasattr(x, "asnumpy") else np.asarray(x) for x in found]
    except Exception as error:  # whatever a library raises is an answer
        return f"{type(error).__name__}: {error}"


def difference(ours, theirs):
    """What differs between two lists of arrays, or an empty text."""
    for x, y in zip(ours, theirs, strict=True):
        if x.shape != y.shape or x.dtype != y.dtype:
            return f"{x.dtype} {x.shape}, array-api-strict {y.dtype} {y.shape}"
        wide = "complex128" if y.dtype.kind == "c" else "float64"
        limit = 3e-6 if y.dtype.name in ("float32", "complex64") else 1e-11
        if not np.allclose(x.astype(wide), y.astype(wide), limit, limit, equal_nan=True):
            return f"values {x.tolist()}, array-api-strict {y.tolist()}"
    return ""


def main():
    warnings.filterwarnings("ignore")
    array_api_strict.set_array_api_strict_flags(api_version="2024.12")
    mx.npx.set_np(dtype=True)
    counts = Counter()
    for call in calls():
        ours = answer(mx.np, lambda v: mx.np.asarray(v, dtype=v.dtype), call)
        theirs = answer(array_api_strict, array_api_strict.asarray, call)
        refused = [isinstance(a, str) for a in (ours, theirs)]
        if any(refused):
            kind = {(1, 1): "refused by both", (1, 0): "refused by plait"}.get(
                tuple(map(int, refused)), "refused by array-api-strict"
            )
            text = ours if kind == "refused by plait" else ""
        else:
            text = difference(ours, theirs)
            kind = "different" if text else "equal"
        counts[kind] += 1
        if text:
            dtypes = [getattr(a, "dtype", type(a).__name__) for a in call[1]]
            print(f"{call[0]} {[str(d) for d in dtypes]} {call[2]}: {text}")
    print(f"{counts.total()} calls: {dict(counts)}")


if __name__ == "__main__":
    main()
