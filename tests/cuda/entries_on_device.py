"""Runs a share of tests/ops on mx.gpu(0): entries_on_device.py PART PARTS. JSON on stdout.

Values are compared with NumPy's as in tests/ops; gradients with those of the CPU.
"""

import json
import sys
import traceback
import warnings
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "ops"))
import entries  # noqa: E402, F401
from harness import SPECS, arrays, check_values, convert, normal, run  # noqa: E402

import plait as mx  # noqa: E402
from plait import op  # noqa: E402

# Kinds of data that a gpu refuses, by the message.
REFUSED = ("must be real on a gpu", "mode is 'raise'")


def gradients(spec, inputs, attrs, weight, context):
    """Gradients of a weighted sum of the first result, on one device."""
    with context:
        leaves = arrays(convert(inputs, "float64"))
        for i in spec.grad:
            leaves[i].attach_grad()
        with mx.autograd.record():
            result = run(spec.name, leaves, attrs)[0]
            loss = op.invoke(
                "sum", [op.invoke("multiply", [result, mx.nd.array(weight, dtype="float64")])]
            )
        loss.backward()
        assert result.context == context and all(
            leaves[i].grad.context == context for i in spec.grad
        )
        return [leaves[i].grad.asnumpy() for i in spec.grad]


def check_gradient(spec, inputs, attrs):
    mx.random.seed(5)
    shape = run(spec.name, arrays(convert(inputs, "float64")), attrs)[0].shape
    weight = normal(*shape)
    both = []
    for context in (mx.cpu(), mx.gpu(0)):
        mx.random.seed(7)
        both.append(gradients(spec, inputs, attrs, weight, context))
    for want, got in zip(*both, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-11)


def main(part, parts):
    warnings.simplefilter("ignore")
    np.random.seed(11)
    done = {
        "operators": 0,
        "values": 0,
        "gradients": 0,
        "refused": 0,
        "missing": [],
        "failures": [],
    }

    def attempt(kind, name, function, *arguments):
        try:
            function(*arguments)
            done[kind] += 1
        except Exception as error:
            if any(text in str(error) for text in REFUSED):
                done["refused"] += 1
            elif kind == "gradients" and "has no CUDA kernel" in str(error):
                done["missing"].append(str(error).split(":")[0])
            else:
                last = traceback.format_exc(limit=-3)
                done["failures"].append(f"{name} ({kind}): {last}")

    names = sorted(name for name in SPECS if op.runs_on(name, "gpu"))
    for name in names[part::parts]:
        spec = SPECS[name]
        if spec.reference is None and not spec.grad:
            continue
        done["operators"] += 1
        for n, sample in enumerate(spec.samples):
            for dtype in spec.dtypes if spec.reference else ():
                with mx.gpu(0):
                    attempt("values", f"{name}-{n}-{dtype}", check_values, spec, *sample, dtype)
        for n, sample in enumerate(spec.samples[: spec.samples_grad] if spec.grad else ()):
            attempt("gradients", f"{name}-{n}", check_gradient, spec, *sample)
    done["missing"] = sorted(set(done["missing"]))
    print(json.dumps(done))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
