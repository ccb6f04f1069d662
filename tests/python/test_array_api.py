"""The Python array API standard 2024.12: names, signatures, dtypes, special values, methods.

The tables are written from the text of the standard. Values are compared with NumPy and, where it is
installed, with array-api-strict, which refuses what the standard does not say.
"""

import importlib
import inspect
import itertools

import numpy as np
import pytest

import plait as mx
from plait import npx

pytestmark = [pytest.mark.usefixtures("numpy_world"), pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def numpy_world():
    npx.set_np(dtype=True)
    yield
    npx.reset_np()


# NumPy follows the standard from 2.1 on.
OTHERS = [np] if np.lib.NumpyVersion(np.__version__) >= "2.1.0" else []
if importlib.util.find_spec("array_api_strict"):
    OTHERS.append(importlib.import_module("array_api_strict"))
    OTHERS[-1].set_array_api_strict_flags(api_version="2024.12")

SIGNATURES = """
arange(start, /, stop=None, step=1, *, dtype=None, device=None)
asarray(obj, /, *, dtype=None, device=None, copy=None)
empty(shape, *, dtype=None, device=None)
empty_like(x, /, *, dtype=None, device=None)
eye(n_rows, n_cols=None, /, *, k=0, dtype=None, device=None)
from_dlpack(x, /, *, device=None, copy=None)
full(shape, fill_value, *, dtype=None, device=None)
full_like(x, /, fill_value, *, dtype=None, device=None)
linspace(start, stop, /, num, *, dtype=None, device=None, endpoint=True)
meshgrid(*arrays, indexing="xy")
ones(shape, *, dtype=None, device=None)
ones_like(x, /, *, dtype=None, device=None)
tril(x, /, *, k=0)
triu(x, /, *, k=0)
zeros(shape, *, dtype=None, device=None)
zeros_like(x, /, *, dtype=None, device=None)
astype(x, dtype, /, *, copy=True, device=None)
broadcast_arrays(*arrays)
broadcast_to(x, /, shape)
can_cast(from_, to, /)
finfo(type, /)
iinfo(type, /)
isdtype(dtype, kind)
result_type(*arrays_and_dtypes)
take(x, indices, /, *, axis=None)
take_along_axis(x, indices, /, *, axis=-1)
matmul(x1, x2, /)
matrix_transpose(x, /)
tensordot(x1, x2, /, *, axes=2)
vecdot(x1, x2, /, *, axis=-1)
concat(arrays, /, *, axis=0)
expand_dims(x, /, *, axis=0)
flip(x, /, *, axis=None)
moveaxis(x, source, destination, /)
permute_dims(x, /, axes)
repeat(x, repeats, /, *, axis=None)
reshape(x, /, shape, *, copy=None)
roll(x, /, shift, *, axis=None)
squeeze(x, /, axis)
stack(arrays, /, *, axis=0)
tile(x, repetitions, /)
unstack(x, /, *, axis=0)
argmax(x, /, *, axis=None, keepdims=False)
argmin(x, /, *, axis=None, keepdims=False)
count_nonzero(x, /, *, axis=None, keepdims=False)
nonzero(x, /)
searchsorted(x1, x2, /, *, side="left", sorter=None)
where(condition, x1, x2, /)
unique_all(x, /)
unique_counts(x, /)
unique_inverse(x, /)
unique_values(x, /)
argsort(x, /, *, axis=-1, descending=False, stable=True)
sort(x, /, *, axis=-1, descending=False, stable=True)
cumulative_prod(x, /, *, axis=None, dtype=None, include_initial=False)
cumulative_sum(x, /, *, axis=None, dtype=None, include_initial=False)
max(x, /, *, axis=None, keepdims=False)
mean(x, /, *, axis=None, keepdims=False)
min(x, /, *, axis=None, keepdims=False)
prod(x, /, *, axis=None, dtype=None, keepdims=False)
std(x, /, *, axis=None, correction=0.0, keepdims=False)
sum(x, /, *, axis=None, dtype=None, keepdims=False)
var(x, /, *, axis=None, correction=0.0, keepdims=False)
all(x, /, *, axis=None, keepdims=False)
any(x, /, *, axis=None, keepdims=False)
diff(x, /, *, axis=-1, n=1, prepend=None, append=None)
clip(x, /, min=None, max=None)
linalg.cholesky(x, /, *, upper=False)
linalg.cross(x1, x2, /, *, axis=-1)
linalg.det(x, /)
linalg.diagonal(x, /, *, offset=0)
linalg.eigh(x, /)
linalg.eigvalsh(x, /)
linalg.inv(x, /)
linalg.matmul(x1, x2, /)
linalg.matrix_norm(x, /, *, keepdims=False, ord="fro")
linalg.matrix_power(x, n, /)
linalg.matrix_rank(x, /, *, rtol=None)
linalg.matrix_transpose(x, /)
linalg.outer(x1, x2, /)
linalg.pinv(x, /, *, rtol=None)
linalg.qr(x, /, *, mode="reduced")
linalg.slogdet(x, /)
linalg.solve(x1, x2, /)
linalg.svd(x, /, *, full_matrices=True)
linalg.svdvals(x, /)
linalg.tensordot(x1, x2, /, *, axes=2)
linalg.trace(x, /, *, offset=0, dtype=None)
linalg.vecdot(x1, x2, /, *, axis=-1)
linalg.vector_norm(x, /, *, axis=None, keepdims=False, ord=2)
fft.fft(x, /, *, n=None, axis=-1, norm="backward")
fft.ifft(x, /, *, n=None, axis=-1, norm="backward")
fft.fftn(x, /, *, s=None, axes=None, norm="backward")
fft.ifftn(x, /, *, s=None, axes=None, norm="backward")
fft.rfft(x, /, *, n=None, axis=-1, norm="backward")
fft.irfft(x, /, *, n=None, axis=-1, norm="backward")
fft.rfftn(x, /, *, s=None, axes=None, norm="backward")
fft.irfftn(x, /, *, s=None, axes=None, norm="backward")
fft.hfft(x, /, *, n=None, axis=-1, norm="backward")
fft.ihfft(x, /, *, n=None, axis=-1, norm="backward")
fft.fftfreq(n, /, *, d=1.0, dtype=None, device=None)
fft.rfftfreq(n, /, *, d=1.0, dtype=None, device=None)
fft.fftshift(x, /, *, axes=None)
fft.ifftshift(x, /, *, axes=None)
""".split("\n")[1:-1]
FLOAT_UNARY = "acos acosh asin asinh atan atanh cos cosh exp expm1 log log1p log2 log10 reciprocal sin sinh sqrt tan tanh".split()
NUMERIC_UNARY = "abs ceil conj floor imag isfinite isinf isnan negative positive real round sign square trunc".split()
NUMERIC_BINARY = "add divide equal floor_divide greater greater_equal less less_equal maximum minimum multiply not_equal pow remainder subtract".split()
FLOAT_BINARY = "atan2 copysign hypot logaddexp nextafter".split()
BIT_BINARY = "bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift".split()
LOGICAL = "logical_and logical_or logical_xor".split()
CONSTANTS = "e inf nan newaxis pi".split()
DTYPES = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64 complex64 complex128".split()
INTS, UINTS, FLOATS, COMPLEX = DTYPES[1:5], DTYPES[5:9], DTYPES[9:11], DTYPES[11:]
COMPLEX_UNARY = [
    *FLOAT_UNARY,
    *"abs conj imag isfinite isinf isnan negative positive real round sign square".split(),
]
COMPLEX_BINARY = "add divide equal multiply not_equal pow subtract".split()


def find(name, module=mx.np):
    for part in name.split("."):
        module = getattr(module, part)
    return module


@pytest.mark.parametrize("signature", SIGNATURES, ids=lambda s: s.split("(")[0])
def test_signatures(signature):
    name, _, rest = signature.partition("(")
    wanted = inspect.signature(eval(f"lambda {rest[:-1]}: 0"))
    positional = [
        p
        for p in wanted.parameters.values()
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    keywords = {p.name: p.default for p in wanted.parameters.values() if p.kind == p.KEYWORD_ONLY}
    keywords |= {
        p.name: 0
        for p in positional
        if p.kind == p.POSITIONAL_OR_KEYWORD and p.default is not p.empty
    }
    own = inspect.signature(find(name))
    own.bind(*positional)
    own.bind(*[p for p in positional if p.name not in keywords], **keywords)
    for key, default in keywords.items():
        if key in own.parameters and default not in (0, None):
            assert own.parameters[key].default == default or name == "linalg.svd"  # by mode


def test_other_names():
    functions = FLOAT_UNARY + NUMERIC_UNARY + NUMERIC_BINARY + FLOAT_BINARY + BIT_BINARY + LOGICAL
    for name in [
        *functions,
        *CONSTANTS,
        *DTYPES,
        "bitwise_invert",
        "logical_not",
        "signbit",
        "__array_namespace_info__",
    ]:
        assert hasattr(mx.np, name), name
    assert mx.np.__array_api_version__ == "2024.12" and mx.np.newaxis is None
    for name in DTYPES:
        assert mx.np.zeros(1, dtype=getattr(mx.np, name)).dtype == getattr(mx.np, name)


def promoted(a, b):
    """The standard's tables; None where it says nothing."""
    if a == b:
        return a
    size = {d: int(d.lstrip("abcdefghijklmnopqrstuvwxyz")) for d in DTYPES[1:]}
    if {a in FLOATS, b in FLOATS} == {a in COMPLEX, b in COMPLEX} == {True, False}:
        return "complex128" if {"float64", "complex128"} & {a, b} else "complex64"
    for kind in (INTS, UINTS, FLOATS, COMPLEX):
        if a in kind and b in kind:
            return max(a, b, key=size.get)
    if {a in INTS, b in INTS} == {True, False} and {a in UINTS, b in UINTS} == {True, False}:
        i, u = (a, b) if a in INTS else (b, a)
        if size[u] == 64:
            return None
        return f"int{max(size[i], 2 * size[u])}"
    return None


@pytest.mark.parametrize("a", DTYPES)
def test_promotion(a):
    for b in DTYPES:
        want = promoted(a, b)
        if want is None:
            continue
        x, y = mx.np.ones(3, dtype=a), mx.np.ones(3, dtype=b)
        assert mx.np.result_type(x, y) == want == mx.np.result_type(x.dtype, y.dtype)
        if a != "bool":
            for f in (mx.np.add, mx.np.multiply, mx.np.maximum, mx.np.remainder):
                if want not in COMPLEX or f in (mx.np.add, mx.np.multiply):
                    assert f(x, y).dtype == want
            assert mx.np.concat([x, y]).dtype == mx.np.stack([x, y]).dtype == want
            assert mx.np.where(x == y, x, y).dtype == want and mx.np.matmul(x, y).dtype == want
        assert mx.np.equal(x, y).dtype == "bool"
        if a not in FLOATS + COMPLEX:
            assert mx.np.bitwise_and(x, y).dtype == want


SPECIAL = np.array(
    [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 2.5, -2.5, 3.0, -3.0, 0.5, 1e-300, 1e300]
)
SMALL = {
    "float64": SPECIAL,
    "float32": np.array([0.5, -1.5, 2.0, 0.0, np.nan, np.inf], "float32"),
    "int64": np.array([-7, -2, 0, 3, 9]),
    "uint8": np.array([0, 1, 200, 255], "uint8"),
}


def compare(got, want, exact=False, atol=0):
    want = np.asarray(want)
    assert got.shape == want.shape and got.dtype == want.dtype
    got = got.asnumpy()
    wide = "complex128" if want.dtype.kind == "c" else "float64"
    np.testing.assert_allclose(
        got.astype(wide),
        want.astype(wide),
        rtol=0 if exact else 2e-6 if want.dtype.name in ("float32", "complex64") else 1e-12,
        atol=atol,
    )
    if want.dtype.kind == "f" and not atol:
        zero = want == 0
        assert (np.signbit(got[zero]) == np.signbit(want[zero])).all()


@pytest.mark.parametrize("library", OTHERS, ids=lambda m: m.__name__)
@pytest.mark.parametrize("name", FLOAT_UNARY + NUMERIC_UNARY)
def test_functions_of_one_number(name, library):
    for dtype, data in SMALL.items():
        if (name in FLOAT_UNARY and not dtype.startswith("float")) or name in (
            "conj",
            "imag",
            "real",
        ):
            continue
        if name == "negative" and dtype == "uint8" or not hasattr(library, name):
            continue
        compare(
            getattr(mx.np, name)(mx.np.asarray(data, dtype=dtype)),
            getattr(library, name)(library.asarray(data)),
        )


@pytest.mark.parametrize("library", OTHERS, ids=lambda m: m.__name__)
@pytest.mark.parametrize("name", NUMERIC_BINARY + FLOAT_BINARY)
def test_functions_of_two_numbers(name, library):
    for dtype, data in SMALL.items():
        if name in (*FLOAT_BINARY, "divide") and not dtype.startswith("float"):
            continue
        a, b = data[:, None], data[None, :]
        if dtype in ("int64", "uint8"):
            b = (
                b[b > 0][None]
                if name in ("floor_divide", "remainder")
                else np.array([[0, 1, 2, 3]], dtype)
                if name == "pow"
                else b
            )
        compare(
            getattr(mx.np, name)(mx.np.asarray(a, dtype=dtype), mx.np.asarray(b, dtype=dtype)),
            getattr(library, name)(library.asarray(a), library.asarray(b)),
        )


PLANE = np.array([1 + 2j, -0.5 + 0.25j, 3 - 1j, -2 - 2j, 0.1j, 1.5], "complex128")


@pytest.mark.parametrize("library", OTHERS, ids=lambda m: m.__name__)
@pytest.mark.parametrize("name", COMPLEX_UNARY)
def test_functions_of_one_complex_number(name, library):
    for dtype in COMPLEX:
        data = PLANE.astype(dtype)
        got = getattr(mx.np, name)(mx.np.asarray(data, dtype=dtype))
        if name == "sign" and library is np and np.lib.NumpyVersion(np.__version__) < "2.0.0":
            continue
        compare(got, getattr(library, name)(library.asarray(data)))


@pytest.mark.parametrize("library", OTHERS, ids=lambda m: m.__name__)
@pytest.mark.parametrize("name", COMPLEX_BINARY)
def test_functions_of_two_complex_numbers(name, library):
    for dtype in COMPLEX:
        a, b = PLANE.astype(dtype)[:, None], PLANE.astype(dtype)[None]
        compare(
            getattr(mx.np, name)(mx.np.asarray(a, dtype=dtype), mx.np.asarray(b, dtype=dtype)),
            getattr(library, name)(library.asarray(a), library.asarray(b)),
        )


@pytest.mark.parametrize("library", OTHERS, ids=lambda m: m.__name__)
@pytest.mark.parametrize(
    "name", [*BIT_BINARY, *LOGICAL, "bitwise_invert", "logical_not", "signbit"]
)
def test_functions_of_bits(name, library):
    if not hasattr(library, name):
        name_there = {
            "bitwise_left_shift": "left_shift",
            "bitwise_right_shift": "right_shift",
            "bitwise_invert": "invert",
        }[name]
    else:
        name_there = name
    truth = np.array([True, False, True])
    whole = np.array([5, 9, 1])
    samples = (
        [truth]
        if "logical" in name
        else [SPECIAL]
        if name == "signbit"
        else [whole]
        if "shift" in name
        else [truth, whole]
    )
    for x in samples:
        args = [x] if name in ("bitwise_invert", "logical_not", "signbit") else [x, x[::-1].copy()]
        compare(
            getattr(mx.np, name)(*[mx.np.asarray(a, dtype=a.dtype) for a in args]),
            getattr(library, name_there)(*[library.asarray(a) for a in args]),
            exact=True,
        )


X = np.arange(24.0).reshape(2, 3, 4) * 0.25 - 2
K = np.array([[3, 1, 2], [2, 2, 5]])
Z = np.array([[1 + 2j, 3j, -1], [0.5, 2 - 1j, 1j], [-2j, 1 + 1j, 4]])
H = Z @ Z.conj().T + np.eye(3)
CALLS = [
    ("sum", (X,), {"axis": 1}), ("sum", (K.astype("int8"),), {}), ("sum", (K.astype("uint8"),), {}), ("prod", (K,), {"axis": 0}), ("prod", (K.astype("int16"),), {}), ("mean", (X,), {"axis": (0, 2), "keepdims": True}),
    ("std", (X,), {"correction": 1.0}), ("var", (X,), {"axis": 2, "correction": 2.0}), ("max", (K,), {"axis": 1}), ("min", (X,), {"keepdims": True}), ("all", (K,), {"axis": 0}), ("any", (K,), {}),
    ("argmax", (K,), {"axis": 1, "keepdims": True}), ("argmin", (K,), {}), ("cumulative_sum", (K,), {"axis": 1}), ("cumulative_sum", (X,), {"axis": 0, "include_initial": True}), ("cumulative_prod", (K,), {"axis": 0}),
    ("sort", (K,), {"axis": 0}), ("sort", (K,), {"descending": True}), ("argsort", (K,), {}), ("argsort", (K,), {"descending": True, "stable": True}), ("searchsorted", (np.array([1, 3, 5]), K), {"side": "right"}),
    ("take", (X, np.array([1, 0])), {"axis": 2}), ("take_along_axis", (K, np.argsort(K, -1)), {}), ("nonzero", (K,), {}), ("where", (K > 2, K, -K), {}), ("count_nonzero", (K,), {"axis": 1}),
    ("unique_all", (K,), {}), ("unique_counts", (K,), {}), ("unique_inverse", (K,), {}), ("unique_values", (K,), {}), ("expand_dims", (K,), {"axis": -1}), ("squeeze", (K[:, None], 1), {}), ("flip", (X,), {"axis": 1}),
    ("moveaxis", (X, 0, 2), {}), ("permute_dims", (X, (2, 0, 1)), {}), ("repeat", (K, 2), {"axis": 1}), ("repeat", (K, 2), {}), ("reshape", (X, (4, -1)), {}), ("roll", (X, 2), {"axis": 2}), ("roll", (K, 1), {}),
    ("tile", (K, (2, 1, 2)), {}), ("unstack", (X,), {"axis": 1}), ("matmul", (X, X.swapaxes(1, 2)), {}), ("matrix_transpose", (X,), {}), ("tensordot", (X, X), {"axes": 3}), ("vecdot", (X, X), {"axis": -2}),
    ("tril", (K,), {"k": 1}), ("triu", (X,), {"k": -1}), ("diff", (K,), {"axis": 0}), ("diff", (X,), {"n": 2}), ("clip", (X, -1.0, 1.0), {}), ("clip", (X, None, 1.0), {}), ("broadcast_to", (K, (4, 2, 3)), {}),
    ("linalg.cross", (X[:, :, :3], X[:, :, 1:]), {}), ("linalg.diagonal", (X,), {"offset": 1}), ("linalg.trace", (K,), {}), ("linalg.outer", (K[0], K[1]), {}), ("linalg.matrix_norm", (X,), {}), ("linalg.vector_norm", (X,), {"axis": 1, "ord": 3}),
    ("linalg.matrix_norm", (X,), {"ord": 1, "keepdims": True}), ("linalg.vector_norm", (X,), {"ord": float("inf")}), ("linalg.svdvals", (X[..., :3] + np.eye(3),), {}), ("linalg.matrix_rank", (X,), {}), ("linalg.pinv", (X,), {}), ("linalg.vecdot", (X, X), {}),
    ("sum", (Z,), {"axis": 1}), ("prod", (Z,), {}), ("mean", (Z,), {"axis": 0}), ("cumulative_sum", (Z,), {"axis": 1}), ("cumulative_prod", (Z,), {"axis": 0}), ("matmul", (Z, Z.T), {}), ("tensordot", (Z, Z), {"axes": 2}), ("vecdot", (Z, Z), {}), ("all", (Z,), {}), ("any", (Z,), {"axis": 0}), ("unique_all", (Z,), {}), ("unique_counts", (Z,), {}), ("unique_inverse", (Z,), {}), ("nonzero", (Z,), {}), ("diff", (Z,), {}),
    ("where", (Z.real > 0, Z, -Z), {}), ("tril", (Z,), {}), ("flip", (Z,), {}), ("roll", (Z, 1), {}), ("concat", ([Z, Z],), {}), ("astype", (K, "complex64"), {}), ("linalg.vecdot", (Z, Z), {"axis": -2}), ("linalg.outer", (Z[0], Z[1]), {}), ("linalg.vector_norm", (Z,), {}), ("linalg.vector_norm", (Z,), {"axis": 1, "ord": 1}), ("linalg.matrix_norm", (Z,), {}), ("linalg.trace", (Z,), {}), ("linalg.diagonal", (Z,), {}), ("linalg.matrix_transpose", (Z,), {}), ("linalg.matrix_power", (Z[:2, :2], 3), {}), ("linalg.cross", (Z, Z[::-1].copy()), {}),
    ("linalg.inv", (Z,), {}), ("linalg.solve", (Z, Z[:, :2].copy()), {}), ("linalg.det", (Z,), {}), ("linalg.slogdet", (Z,), {}), ("linalg.pinv", (Z[:2],), {}), ("linalg.matrix_rank", (Z,), {}), ("linalg.matrix_power", (Z, -2), {}), ("linalg.svdvals", (Z,), {}), ("linalg.cholesky", (H,), {}), ("linalg.cholesky", (H,), {"upper": True}), ("linalg.eigvalsh", (H,), {}), ("linalg.qr", (Z,), {}), ("linalg.matrix_norm", (Z,), {"ord": "nuc"}), ("linalg.matrix_norm", (Z,), {"ord": -2}),
    ("linalg.inv", (X[0, :, :3] + np.eye(3),), {}), ("linalg.solve", (X[0, :, :3] + np.eye(3), X[1]), {}), ("linalg.det", (X[..., :3] + np.eye(3),), {}), ("linalg.slogdet", (X[..., :3] + np.eye(3),), {}), ("linalg.cholesky", (H.real.copy(),), {}), ("linalg.eigvalsh", (H.real.copy(),), {}), ("linalg.qr", (np.sin(X * X),), {"mode": "complete"}),
    ("fft.fft", (Z,), {"n": 5}), ("fft.ifft", (Z,), {"axis": 0, "norm": "ortho"}), ("fft.fftn", (Z,), {"norm": "forward"}), ("fft.ifftn", (Z,), {"s": (2, 4), "axes": (0, 1)}), ("fft.rfft", (X,), {"axis": 1}), ("fft.irfft", (Z,), {"n": 5}), ("fft.rfftn", (X,), {"axes": (0, 2)}), ("fft.irfftn", (Z,), {}), ("fft.hfft", (Z,), {"n": 4}), ("fft.ihfft", (X,), {}), ("fft.fftfreq", (5,), {"d": 0.5}), ("fft.rfftfreq", (6,), {}), ("fft.fftshift", (X,), {"axes": (1,)}), ("fft.ifftshift", (K,), {}),
    ("astype", (X, "float32"), {}), ("full_like", (K, 3), {}), ("zeros_like", (X,), {"dtype": "int32"}), ("meshgrid", (K[0], K[1]), {"indexing": "ij"}), ("broadcast_arrays", (K, K[0]), {}),
]  # fmt: skip


def there(value, library):
    if isinstance(value, np.ndarray):
        return library.asarray(value)
    if isinstance(value, list):
        return [there(v, library) for v in value]
    return getattr(library, value) if value in ("float32", "int32", "complex64") else value


def here(value):
    if isinstance(value, list):
        return [here(v) for v in value]
    return mx.np.asarray(value, dtype=value.dtype) if isinstance(value, np.ndarray) else value


@pytest.mark.parametrize("library", OTHERS, ids=lambda m: m.__name__)
@pytest.mark.parametrize("case", CALLS, ids=lambda c: c[0])
def test_functions_of_arrays(case, library):
    name, args, kwargs = case
    try:
        function = find(name, library)
    except AttributeError:
        return  # older than the standard
    try:
        want = function(
            *[there(a, library) for a in args], **{k: there(v, library) for k, v in kwargs.items()}
        )
    except TypeError:
        return  # its arguments are older than the standard
    got = find(name)(
        *map(here, args),
        **kwargs,
    )
    atol = 1e-13 if name.startswith("linalg") else 0  # of what is 0 but for rounding
    if name == "unique_values":  # in no order
        got, want = mx.np.sort(got), np.sort(np.asarray(want))
    if isinstance(want, (tuple, list)):
        assert len(got) == len(want) and getattr(got, "_fields", None) == getattr(
            want, "_fields", None
        )
        for g, w in zip(got, want, strict=True):
            compare(g, w, atol=atol)
    else:
        compare(got, want, atol=atol)


def test_attributes_and_operators():
    x = mx.np.asarray(X)
    assert (x.dtype, x.ndim, x.shape, x.size) == (np.float64, 3, (2, 3, 4), 24) and x.mT.shape == (
        2,
        4,
        3,
    )
    assert x.to_device(x.device) is x and mx.np.asarray(K).T.shape == (3, 2)
    for operator in "abs add and bool eq float floordiv ge getitem gt int invert le lshift lt matmul mod mul ne neg or pos pow rshift setitem sub truediv xor".split():
        assert hasattr(x, f"__{operator}__")
    for operator in "add and floordiv lshift matmul mod mul or pow rshift sub truediv xor".split():
        assert hasattr(x, f"__r{operator}__") and hasattr(x, f"__i{operator}__")
    for name in "__array_namespace__ __dlpack__ __dlpack_device__ __index__ __complex__".split():
        assert hasattr(x, name)
    assert complex(mx.np.asarray(2.0)) == 2 and float(mx.np.asarray(True)) == 1


def test_information():
    info = mx.np.__array_namespace_info__()
    assert info.capabilities()["max dimensions"] == 32 and info.default_device() in info.devices()
    assert info.default_dtypes() == {
        "real floating": np.float64,
        "complex floating": np.complex128,
        "integral": np.int64,
        "indexing": np.int64,
    }
    assert set(info.dtypes(kind="unsigned integer")) == set(UINTS) and "float64" in info.dtypes()
    assert mx.np.isdtype(mx.np.int8, "integral") and not mx.np.isdtype(
        mx.np.int8, ("bool", "real floating")
    )
    assert mx.np.can_cast(mx.np.int8, mx.np.int16) and not mx.np.can_cast(
        mx.np.float64, mx.np.float32
    )
    assert mx.np.finfo(mx.np.float32).bits == 32 and mx.np.iinfo(mx.np.int8).max == 127
    with pytest.raises(ValueError, match="kind is"):
        mx.np.isdtype(mx.np.int8, "sort of integer")


def test_default_dtypes():
    assert (
        mx.np.asarray([1, 2]).dtype == "int64"
        and mx.np.asarray([1.0]).dtype == "float64"
        and mx.np.asarray([True]).dtype == "bool"
    )
    assert (
        mx.np.arange(3).dtype == "int64"
        and mx.np.arange(3.0).dtype == "float64"
        and mx.np.zeros(2).dtype == "float64"
    )
    assert (
        mx.np.full(2, 3).dtype == "int64"
        and mx.np.linspace(0, 1, 3).dtype == "float64"
        and mx.np.eye(2).dtype == "float64"
    )


def test_copies_and_views():
    x = mx.np.asarray(X)
    assert mx.np.asarray(x, copy=False) is x or mx.np.asarray(x, copy=False).shares_memory(x)
    assert not mx.np.asarray(x, copy=True).shares_memory(x) and not mx.np.reshape(
        x, (-1,), copy=True
    ).shares_memory(x)
    with pytest.raises(ValueError, match="copy is False"):
        mx.np.reshape(x.T, (-1,), copy=False)
    with pytest.raises(ValueError, match="copy is False"):
        mx.np.asarray(x, dtype="float32", copy=False)
    assert mx.np.from_dlpack(np.arange(3.0), copy=True).tolist() == [0, 1, 2]


def test_pairs_of_integer_dtypes_that_the_standard_leaves_open():
    for a, b in itertools.product(INTS, ["uint64"]):
        assert mx.np.add(mx.np.ones(1, dtype=a), mx.np.ones(1, dtype=b)).dtype == "int64"
