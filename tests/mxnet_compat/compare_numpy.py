"""Compares mx.np with MXNet 2.0.0b1 call by call. Run by hand:

    python tests/mxnet_compat/compare_numpy.py /path/to/python-with-mxnet-2

Both libraries answer the same calls on float32 data in their default mode; what differs is printed
with both answers, then the counts equal / different / only here / in none.
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
    function = mx.np
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


def main(python):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))
    from numpy_cases import CASES, LINALG

    import plait

    cases = CASES + [("linalg." + name, args, kwargs) for name, args, kwargs in LINALG]
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
                print(f"{case[0]} {[getattr(x, 'shape', x) for x in case[1]]} {case[2]}: {same}")
        counts[kind] += 1
    print(counts)


if __name__ == "__main__":
    child() if sys.argv[1:] == ["--child"] else main(sys.argv[1])
