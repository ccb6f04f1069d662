"""Runs one program under plait and under MXNet 1.9.1 and compares what it gives."""

import os
import pickle
import subprocess
import sys
import tempfile

import numpy as np

MXNET_PYTHON = os.environ.get(
    "MXNET_PYTHON", os.path.expanduser("~/.cache/bench-peers/mxnet/bin/python")
)


def import_framework(name):
    """The module `mx` of 'plait' or 'mxnet'."""
    if name == "plait":
        import plait

        return plait
    # MXNet 1.9.1 uses names that NumPy dropped.
    for old, new in (("bool", np.bool_), ("object", object), ("int", int), ("float", float)):
        if old not in np.__dict__:
            setattr(np, old, new)
    import mxnet

    return mxnet


def run_cases(mx, cases):
    """dict of result, or the text of the error, by case."""
    results = {}
    for name, case in cases.items():
        np.random.seed(7)
        mx.random.seed(7)
        try:
            results[name] = case(mx)
        except Exception as error:
            results[name] = f"{type(error).__name__}: {error}"
    return results


def results_of(program, framework):
    """Results of ``program --framework framework`` in its own process."""
    python = sys.executable if framework == "plait" else MXNET_PYTHON
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "results.pickle")
        command = [python, "-W", "ignore", program, "--framework", framework, "--out", path]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{framework} failed:\n{done.stderr[-3000:]}")
        with open(path, "rb") as file:
            return pickle.load(file)


def difference(a, b):
    """Largest difference of two results relative to their size; inf where they do not match."""
    if isinstance(a, str) or isinstance(b, str):
        return 0.0 if type(a) is type(b) and a == b else np.inf
    if isinstance(a, dict):
        if a.keys() != b.keys():
            return np.inf
        return max((difference(a[k], b[k]) for k in a), default=0.0)
    if isinstance(a, (list, tuple)):
        if len(a) != len(b):
            return np.inf
        return max((difference(x, y) for x, y in zip(a, b, strict=True)), default=0.0)
    a, b = np.asarray(a), np.asarray(b)
    if a.size == b.size == 1:  # MXNet's nd has no arrays without axes
        a, b = a.reshape(1), b.reshape(1)
    if a.shape != b.shape:
        return np.inf
    if a.dtype.kind not in "fiub":
        return 0.0 if np.array_equal(a, b) else np.inf
    a, b = a.astype("float64"), b.astype("float64")
    gap = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, np.abs(a - b))
    size = 1e-6 + np.abs(b[np.isfinite(b)]).max(initial=0.0)
    return float(np.nan_to_num(gap, nan=np.inf).max(initial=0.0) / size)


def main(program, groups, known=None, tolerances=None):
    """Run `groups` (dict of dict of cases): in a child with --framework, else compare.

    `known` has the reason of each difference that is meant; `tolerances` those of groups where
    1e-5 is not right. Returns the number of other differences.
    """
    known, tolerances = known or {}, tolerances or {}
    if "--framework" in sys.argv:
        framework = sys.argv[sys.argv.index("--framework") + 1]
        out = sys.argv[sys.argv.index("--out") + 1]
        mx = import_framework(framework)
        results = {name: run_cases(mx, cases) for name, cases in groups.items()}
        with open(out, "wb") as file:
            pickle.dump(results, file)
        return 0
    ours, theirs = results_of(program, "plait"), results_of(program, "mxnet")
    failed = 0
    for group, cases in groups.items():
        different, unknown, meant = [], [], []
        for name in cases:
            a, b = ours[group][name], theirs[group][name]
            if isinstance(b, str):
                unknown.append(f"{name}: MXNet: {b.splitlines()[0][:110]}")
                continue
            gap = difference(a, b)
            if gap <= tolerances.get(group, 1e-5):
                continue
            text = a.splitlines()[0][:110] if isinstance(a, str) else f"difference {gap:.2g}"
            if name in known and not isinstance(a, str):
                meant.append(f"{name}: {text}: {known[name]}")
            else:
                different.append(f"{name}: {text}")
        equal = len(cases) - len(different) - len(unknown) - len(meant)
        print(
            f"{group}: {equal} equal, {len(meant)} different on purpose, "
            f"{len(different)} different, {len(unknown)} not in MXNet"
        )
        for line in different + meant + unknown:
            print("   ", line)
        failed += len(different)
    return failed
