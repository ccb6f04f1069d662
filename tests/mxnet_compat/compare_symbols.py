"""Symbols of all operators against MXNet 1.9.1: names, inputs, shapes, files read by the other side.

    python tests/mxnet_compat/compare_symbols.py [--verbose]

The calls are those of compare_ops.py. MXNET_PYTHON names the Python that has MXNet.
"""

import argparse
import os
import pickle
import subprocess
import sys
import tempfile
from collections import Counter

import oracle
from compare_ops import all_cases

SPACES = ("contrib", "linalg", "image", "random")


def find(sym, name):
    """The function that programs call: `contrib.box_nms` for the operator `_contrib_box_nms`."""
    for space in SPACES:
        if name.startswith(f"_{space}_"):
            return getattr(getattr(sym, space), name[len(space) + 2 :], None)
    return getattr(sym, name, None) or getattr(sym._internal, name, None)


def cases():
    """One call for each operator and set of attributes, with the number of inputs."""
    seen = {}
    for case in all_cases(0):
        key = (case["name"], str(case["attrs"]), tuple(x.ndim for x in case["inputs"]))
        seen.setdefault(key, case)
    return list(seen.values())


def facts(mx, symbol, case):
    """What a symbol tells about itself, and its shapes."""
    shapes = {f"x{i}": x.shape for i, x in enumerate(case["inputs"])}
    try:
        found = symbol.infer_shape(**shapes)
    except Exception as error:
        found = type(error).__name__
    return {
        "names": [symbol.name, symbol.list_arguments(), symbol.list_auxiliary_states()],
        "outputs": symbol.list_outputs(),
        "shapes": found,
    }


def make(mx, case):
    """The call on symbols without a name, by a manager of names of its own."""
    call = find(mx.sym, case["name"])
    if call is None:
        return None
    with mx.name.NameManager():
        made = call(*[mx.sym.var(f"x{i}") for i in range(len(case["inputs"]))], **case["attrs"])
    return mx.sym.Group(made) if isinstance(made, (list, tuple)) else made


def answers(mx, files):
    """Of each case: what the symbol made here tells, its file, what the other side's file tells."""
    results = []
    for case, text in zip(cases(), files, strict=True):
        own = saved = read = None
        try:
            symbol = make(mx, case)
            if symbol is not None:
                own, saved = facts(mx, symbol, case), symbol.tojson()
        except Exception as error:
            own = f"{type(error).__name__}: {str(error).strip().splitlines()[0][:150]}"
        if text is not None:
            try:
                read = facts(mx, mx.sym.load_json(text), case)
            except Exception as error:
                read = f"{type(error).__name__}: {str(error).strip().splitlines()[0][:150]}"
        results.append((own, saved, read))
    return results


def ask_mxnet(files):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "files")
        with open(path, "wb") as file:
            pickle.dump(files, file, protocol=4)
        command = [oracle.MXNET_PYTHON, "-W", "ignore", __file__, "--serve", path]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        with open(path, "rb") as file:
            return pickle.load(file)


def compare(what, ours, theirs, counts, verbose, brief):
    for key in theirs if isinstance(theirs, dict) and isinstance(ours, dict) else ():
        if ours[key] != theirs[key]:
            counts[f"{what}: {key} differ"] += 1
            print(f"{what}: {brief}: {key}: plait {ours[key]}; MXNet {theirs[key]}")
            return
    if isinstance(ours, dict) and isinstance(theirs, dict):
        counts[f"{what}: equal"] += 1
        return
    if type(ours) is type(theirs):
        counts[f"{what}: none has it"] += 1
        return
    counts[f"{what}: one has it"] += 1
    sides = ["has it" if isinstance(side, dict) else side for side in (ours, theirs)]
    if verbose or what != "made":
        print(f"{what}: {brief}: plait {sides[0]}; MXNet {sides[1]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        mx = oracle.import_framework("mxnet")
        with open(args.serve, "rb") as file:
            files = pickle.load(file)
        results = answers(mx, files)
        with open(args.serve, "wb") as file:
            pickle.dump(results, file, protocol=4)
        return
    mx = oracle.import_framework("plait")
    listed = cases()
    first = answers(mx, [None] * len(listed))
    theirs = ask_mxnet([saved for _, saved, _ in first])
    ours = answers(mx, [saved for _, saved, _ in theirs])
    counts = Counter()
    for case, a, b in zip(listed, ours, theirs, strict=True):
        brief = f"{case['name']}({len(case['inputs'])}, {case['attrs']})"
        compare("made", a[0], b[0], counts, args.verbose, brief)
        if a[0] is not None and b[0] is not None:
            compare("plait's file in MXNet", a[0], b[2], counts, args.verbose, brief)
            compare("MXNet's file in plait", a[2], b[0], counts, args.verbose, brief)
    for kind, count in sorted(counts.items()):
        print(f"{count} {kind}")


if __name__ == "__main__":
    sys.exit(main())
