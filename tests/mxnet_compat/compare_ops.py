"""Compare the operators of mx.nd with MXNet 1.9.1, result by result and gradient by gradient.

Run by hand: `python tests/mxnet_compat/compare_ops.py --mxnet PATH/TO/bin/python [--seed 0]
[--only NAME] [--verbose]`. The other interpreter must be able to import mxnet 1.9.1; it runs this
file too. Prints how many calls gave equal and different results, and which names are missing.
"""

import argparse
import os
import pickle
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
import op_cases
import op_cases_nn

TOLERANCE = {"float16": 1e-2, "float32": 2e-4, "float64": 1e-6}

# Names that plait leaves out, and why.
LEFT_OUT = {
    "mx.nd.sparse has them": ("_sparse_", "cast_storage"),
    "python/docs/nd.md says why": (
        "IdentityAttachKLSparseReg",
        "_contrib_DeformablePSROIPooling",
        "_contrib_PSROIPooling",
        "_contrib_RROIAlign",
        "_contrib_SparseEmbedding",
        "_contrib_calibrate_entropy",
        "_contrib_count_sketch",
        "_contrib_dgl_",
        "_contrib_edge_id",
        "_contrib_getnnz",
        "_contrib_hawkesll",
        "_contrib_quantize",
    ),
    "functions of mx.nd without the underscore": (
        "_histogram",
        "_onehot_encode",
        "_sample_unique_zipfian",
    ),
    "made by MXNet's own graph passes": (
        "_sg_mkldnn",
        "_CachedOp",
        "_CrossDeviceCopy",
        "_CustomFunction",
        "_NDArray",
        "_Native",
        "_NoGradient",
        "_broadcast_backward",
        "_split_v2_backward",
        "_zeros_without_dtype",
        "_foreach",
        "_while_loop",
        "_cond",
        "_copyto",
        "_set_value",
        "_rnn_param_concat",
    ),
    "reading image files belongs to mx.image": ("_cvim", "_cvcopyMakeBorder", "_imdecode"),
}


def find(nd, name):
    """The function of this name in the registry; MXNet keeps some in namespaces of mx.nd."""
    for place, rest in (
        [(nd, name), (getattr(nd, "_internal", None), name)]
        + [
            (getattr(nd, space, None), name[len(space) + 2 :])
            for space in ("contrib", "linalg", "image")
            if name.startswith(f"_{space}_")
        ]
        + [(getattr(nd, "contrib", None), name[1:])]
    ):
        if hasattr(place, rest):
            return getattr(place, rest)
    return None


def run_case(mx, case):
    """Results and gradients of one call, or the text of its error."""
    arrays = [mx.nd.array(x, dtype=x.dtype) for x in case["inputs"]]
    call = find(mx.nd, case["name"])
    if call is None:
        return None
    try:
        for i in case["grad"]:
            arrays[i].attach_grad()
        with mx.autograd.record(train_mode=case.get("train", True)):
            out = call(*arrays, **case["attrs"])
            outs = list(out) if isinstance(out, (list, tuple)) else [out]
        results = [o.asnumpy() for o in outs]
        if case["grad"]:
            weight = np.cos(np.arange(results[0].size)).reshape(results[0].shape)
            outs[0].backward(mx.nd.array(weight, dtype=results[0].dtype))
        return results, [arrays[i].grad.asnumpy() for i in case["grad"]]
    except Exception as error:  # any failure is a result to be compared
        return str(error).strip().splitlines()[-1][:160]


def all_cases(seed):
    """The same cases in both interpreters: NumPy's generator is the same in all versions."""
    draw = op_cases.Draw(seed)
    for module in (op_cases, op_cases_nn):
        for fill in module.GROUPS:
            fill(draw)
    return draw.cases


def serve(cases, start, path):
    """Append the results of `cases[start:]` to a file, one after another: MXNet may crash."""
    import mxnet as mx
    import mxnet.ndarray._internal  # noqa: F401

    with open(path, "ab") as f:
        if start == 0:
            pickle.dump(registry_names(), f, protocol=4)
        for case in cases[start:]:
            pickle.dump(run_case(mx, case), f, protocol=4)
            f.flush()


def ask_mxnet(python, cases, options):
    """Names and results of the other interpreter; a call that crashes it gives a text."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "results")
        names, results = None, []
        while names is None or len(results) < len(cases):
            command = [python, __file__, "--serve", path, "--start", str(len(results)), *options]
            subprocess.run(command, check=False, stderr=subprocess.DEVNULL)
            got = []
            with open(path, "rb") as f:
                while True:
                    try:
                        got.append(pickle.load(f))
                    except (EOFError, pickle.UnpicklingError):
                        break
            os.truncate(path, 0)
            if names is None:
                names = got.pop(0)
            results += got
            if len(results) < len(cases):
                results.append("crashes")
    return names, results


def registry_names():
    """Names of all operators of the MXNet that runs here."""
    import ctypes

    from mxnet.base import _LIB, py_str

    count, names = ctypes.c_uint(), ctypes.POINTER(ctypes.c_char_p)()
    _LIB.MXListAllOpNames(ctypes.byref(count), ctypes.byref(names))
    return [py_str(names[i]) for i in range(count.value)]


def difference(ours, theirs, tolerance):
    """What differs between two results, or an empty text."""
    for what, a, b in [("result", ours[0], theirs[0]), ("gradient", ours[1], theirs[1])]:
        if len(a) != len(b):
            return f"{len(a)} {what}s, MXNet {len(b)}"
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            if x.shape != y.shape:
                return f"{what} {i} has shape {x.shape}, MXNet {y.shape}"
            if x.dtype != y.dtype:
                return f"{what} {i} has dtype {x.dtype}, MXNet {y.dtype}"
            limit = tolerance or TOLERANCE.get(y.dtype.name, 0)
            x, y = x.astype("float64"), y.astype("float64")
            if not np.allclose(x, y, rtol=limit, atol=limit, equal_nan=True):
                return f"{what} {i} differs by {np.nanmax(np.abs(x - y)):.3g}"
    return ""


def reason_left_out(name):
    for reason, starts in LEFT_OUT.items():
        if name.startswith(starts):
            return reason
    return ""


def report(cases, ours, theirs, names, verbose):
    import plait as mx

    counts, per_name = Counter(), defaultdict(set)
    for case, a, b in zip(cases, ours, theirs, strict=True):
        brief = f"{case['name']}({[x.shape for x in case['inputs']]}, {case['attrs']})"
        if a is None or b is None:
            kind, text = "missing", "no such name in " + ("plait" if a is None else "MXNet")
        elif isinstance(a, str) or isinstance(b, str):
            same = isinstance(a, str) and isinstance(b, str)
            kind = "both refuse" if same else "different"
            text = f"plait: {a if isinstance(a, str) else 'runs'}; MXNet: {b if isinstance(b, str) else 'runs'}"
        else:
            text = difference(a, b, case.get("tolerance"))
            kind = "different" if text else "equal"
        counts[kind] += 1
        per_name[kind].add(case["name"])
        if kind != "equal" or verbose:
            print(f"{kind}: {brief}: {text}")
    print(", ".join(f"{n} calls {kind}" for kind, n in sorted(counts.items())))
    print(
        f"{len(per_name['equal'] - per_name['different'])} names equal in every call, "
        f"{len(per_name['different'])} with differences"
    )
    missing = defaultdict(list)
    for name in sorted(names):
        if name.startswith(("_backward", "_np", "_grad", "_contrib_backward")) or find(mx.nd, name):
            continue
        missing[reason_left_out(name) or "not there"].append(name)
    for reason, absent in missing.items():
        print(f"{len(absent)} names missing, {reason}: {' '.join(absent)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mxnet", help="Python interpreter that has MXNet 1.9.1")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="compare this operator only")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--start", type=int, default=0, help=argparse.SUPPRESS)
    args = parser.parse_args()
    cases = [c for c in all_cases(args.seed) if args.only in (None, c["name"])]
    if args.serve:
        serve(cases, args.start, args.serve)
        return
    import plait as mx

    options = ["--seed", str(args.seed)] + (["--only", args.only] if args.only else [])
    names, theirs = ask_mxnet(args.mxnet, cases, options)
    ours = [run_case(mx, c) for c in cases]
    report(cases, ours, theirs, names, args.verbose)


if __name__ == "__main__":
    main()
