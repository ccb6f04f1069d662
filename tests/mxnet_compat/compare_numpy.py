"""Compares mx.np with MXNet 2.0.0b1 call by call. Run by hand:

    python tests/mxnet_compat/compare_numpy.py /path/to/python-with-mxnet-2

Both libraries answer the same calls on float32 data in their default mode; what differs is printed
with the side that NumPy is on, then the counts equal / different / only here / in none.
"""

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np

MARK = b"<<ANSWER>>"


def packed(value):
    """Arrays as plain data: pickles of NumPy 1 and 2 do not understand each other."""
    if isinstance(value, (np.ndarray, np.generic)):
        value = np.asarray(value)
        return ("array", value.dtype.str, value.shape, value.tobytes())
    if isinstance(value, (list, tuple)):
        return (
            type(value).__name__ if type(value) in (list, tuple) else "tuple",
            [packed(v) for v in value],
        )
    if callable(value):
        return ("plain", None)  # functions stay at home: such calls fail there
    return (
        ("dict", {k: packed(v) for k, v in value.items()})
        if isinstance(value, dict)
        else ("plain", value)
    )


def unpacked(pack):
    if pack[0] == "array":
        return np.frombuffer(pack[3], pack[1]).reshape(pack[2])
    if pack[0] == "dict":
        return {k: unpacked(v) for k, v in pack[1].items()}
    return (
        pack[1]
        if pack[0] == "plain"
        else {"list": list, "tuple": tuple}[pack[0]](unpacked(v) for v in pack[1])
    )


def prepare(value, array):
    if isinstance(value, np.ndarray):
        return array(value, dtype="float32" if value.dtype == np.float64 else value.dtype)
    if isinstance(value, (list, tuple)) and any(isinstance(v, np.ndarray) for v in value):
        return type(value)(prepare(v, array) for v in value)
    return value


def plain(result):
    if isinstance(result, (list, tuple)):
        return [plain(r) for r in result]
    return result.asnumpy() if hasattr(result, "asnumpy") else result


def answer(mx, case):
    """(result, None) or (None, error)."""
    name, args, kwargs = case
    function = mx
    try:
        for part in name.split("."):
            function = getattr(function, part)
        kwargs = {k: prepare(v, mx.np.array) for k, v in kwargs.items()}
        return plain(function(*[prepare(a, mx.np.array) for a in args], **kwargs)), None
    except Exception as error:  # noqa: BLE001  whatever the library raises is an answer
        return None, f"{type(error).__name__}: {error}".strip().splitlines()[-1]


def equal(a, b):
    """True, or what differs."""
    if isinstance(a, list) and isinstance(b, list):
        return (
            "number of results"
            if len(a) != len(b)
            else next((r for r in map(equal, a, b) if r is not True), True)
        )
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        return f"shape {a.shape} / {b.shape}"
    if not np.allclose(
        a.astype("float64"), b.astype("float64"), rtol=2e-3, atol=2e-4, equal_nan=True
    ):
        return "values"
    return True if a.dtype == b.dtype else f"dtype {a.dtype} / {b.dtype}"


def numpy_sides_with(case, ours, theirs):
    """Which of two different answers NumPy gives on the same float32 data: its values and shape."""

    def array(x, dtype):
        return np.array(x, dtype=dtype)

    function = np
    for part in case[0].split(".")[1:]:
        function = getattr(function, part, None)
    if function is None or not case[0].startswith("np."):
        return "NumPy has no such function"
    try:
        kwargs = {k: prepare(v, array) for k, v in case[2].items()}
        want = plain(function(*[prepare(a, array) for a in case[1]], **kwargs))
    except Exception as error:  # noqa: BLE001
        return f"NumPy refuses: {error}"
    same = [not isinstance(e := equal(a, want), str) or "dtype" in e for a in (ours, theirs)]
    return {
        (True, True): "NumPy has the values of both",
        (True, False): "NumPy is with plait",
        (False, True): "NumPy is with MXNet",
        (False, False): "NumPy has others",
    }[tuple(same)]


def child():
    """Answers the cases that come in, each at once: the process may crash in the next one."""
    import warnings

    warnings.filterwarnings("ignore")
    import mxnet

    mxnet.npx.set_np()
    for case in unpacked(pickle.load(sys.stdin.buffer)):
        data = pickle.dumps(packed(answer(mxnet, case)), protocol=4)
        sys.stdout.buffer.write(MARK + len(data).to_bytes(8, "little") + data)
        sys.stdout.buffer.flush()


def ask(python, cases):
    """Answers of the other Python; (None, "crash") where it dies."""
    found = []
    while len(found) < len(cases):
        rest = pickle.dumps(packed(cases[len(found) :]), protocol=4)
        run = subprocess.run([python, __file__, "--child"], input=rest, capture_output=True)
        for part in run.stdout.split(MARK)[1:]:
            size = int.from_bytes(part[:8], "little")
            found.append(unpacked(pickle.loads(part[8 : 8 + size])))
        if run.returncode and len(found) < len(cases):
            found.append((None, f"crash: signal {-run.returncode}"))
    return found


def npx_cases():
    """Calls of mx.npx with the arguments that both libraries know."""
    rng = np.random.default_rng(3)
    x, m, v = rng.normal(size=(2, 3, 4)), rng.normal(size=(3, 4)), rng.normal(size=4)
    image, kernel = rng.normal(size=(2, 3, 6, 6)), rng.normal(size=(5, 3, 3, 3))
    places = np.array([1.0, 0.0, 3.0])
    for name in "relu sigmoid erf gammaln rsqrt batch_flatten".split():
        yield name, (np.abs(x) + 0.1,), {}
    for name in ("softmax", "log_softmax"):
        yield name, (x,), {}
        yield name, (x,), {"axis": 1, "temperature": 2.0}
    for kind in ("indices", "value", "both", "mask"):
        yield "topk", (x,), {"k": 2, "ret_typ": kind}
        yield "topk", (x,), {"k": 1, "ret_typ": kind, "axis": 1, "is_ascend": True}
    for kind in ("relu", "sigmoid", "tanh", "softrelu", "softsign"):
        yield "activation", (x,), {"act_type": kind}
    for kind in ("leaky", "elu", "selu", "gelu"):
        yield "leaky_relu", (x,), {"act_type": kind}
    yield "one_hot", (places,), {"depth": 4}
    yield "pick", (m, places), {}
    yield "pick", (m, places), {"keepdims": True, "axis": 1}
    yield "batch_dot", (x, x), {"transpose_b": True}
    yield "arange_like", (m,), {}
    yield "arange_like", (x,), {"axis": 1, "start": 1.0, "step": 0.5}
    yield "layer_norm", (x, v, v), {"axis": -1, "eps": 1e-5}
    yield "embedding", (places, rng.normal(size=(5, 2))), {"input_dim": 5, "output_dim": 2}
    yield (
        "fully_connected",
        (x, rng.normal(size=(7, 12)), rng.normal(size=7)),
        {"num_hidden": 7, "no_bias": False},
    )
    yield (
        "fully_connected",
        (x, rng.normal(size=(7, 4))),
        {"num_hidden": 7, "no_bias": True, "flatten": False},
    )
    yield (
        "convolution",
        (image, kernel),
        {"kernel": (3, 3), "num_filter": 5, "no_bias": True, "pad": (1, 1)},
    )
    yield (
        "deconvolution",
        (image, kernel.transpose(1, 0, 2, 3)),
        {"kernel": (3, 3), "num_filter": 5, "no_bias": True},
    )
    for kind in ("max", "avg"):
        yield "pooling", (image,), {"kernel": (2, 2), "stride": (2, 2), "pool_type": kind}
        yield "pooling", (image,), {"global_pool": True, "pool_type": kind, "kernel": (1, 1)}
    yield "sequence_mask", (x, np.array([1.0, 2, 0])), {"use_sequence_length": True, "value": -1.0}
    yield "sequence_last", (x, np.array([1.0, 2, 1])), {"use_sequence_length": True}
    yield "sequence_reverse", (x, np.array([1.0, 2, 1])), {"use_sequence_length": True}
    yield "gather_nd", (m, np.array([[0.0, 2], [1, 3]])), {}
    yield "group_norm", (image, np.ones(3), np.zeros(3)), {"num_groups": 3, "eps": 1e-5}
    yield "instance_norm", (image, np.ones(3), np.zeros(3)), {"eps": 1e-3}
    yield "reshape", (x, (-2, -1)), {}
    yield "reshape", (x, (-5, -4)), {}
    yield "reshape", (x, (-6, 1, 2, -4)), {}
    yield "index_update", (m, np.array([[0, 2], [1, 3]]), np.array([9.0, 8.0])), {}
    yield "index_add", (m, np.array([[0, 0], [1, 1]]), np.array([9.0, 8.0])), {}
    yield "smooth_l1", (x,), {"scalar": 2.0}
    yield "masked_softmax", (m, np.array([True, False, True, True])), {}
    yield "norm", (x,), {"axis": 1}
    yield "slice", (x,), {"begin": (0, 1), "end": (2, 3)}
    yield "cast", (x,), {"dtype": "int32"}
    yield "nonzero", (np.round(x),), {}
    yield "reshape_like", (x, rng.normal(size=(6, 4))), {}
    yield "broadcast_like", (v, m), {}
    yield "shape_array", (x,), {}
    yield "stop_gradient", (x,), {}


def main(python):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))
    from numpy_cases import CASES, LINALG

    import plait

    cases = [("np." + name, args, kwargs) for name, args, kwargs in CASES]
    cases += [("np.linalg." + name, args, kwargs) for name, args, kwargs in LINALG]
    cases += [("npx." + name, args, kwargs) for name, args, kwargs in npx_cases()]
    theirs = ask(python, cases)
    plait.npx.set_np()
    ours = [answer(plait, case) for case in cases]
    counts = {"equal": 0, "different": 0, "only here": 0, "in none": 0}
    for case, (a, failed), (b, theirs_failed) in zip(cases, ours, theirs, strict=True):
        if failed or theirs_failed:
            kind = (
                "in none"
                if failed and theirs_failed
                else "only here"
                if theirs_failed
                else "different"
            )
            if kind == "different":
                print(f"{case[0]}: plait refuses: {failed}")
        else:
            same = equal(a, b)
            kind = "equal" if same is True else "different"
            if same is not True:
                shapes = [getattr(x, "shape", x) for x in case[1]]
                print(f"{case[0]} {shapes} {case[2]}: {same}: {numpy_sides_with(case, a, b)}")
        counts[kind] += 1
    print(counts)


if __name__ == "__main__":
    child() if sys.argv[1:] == ["--child"] else main(sys.argv[1])
