"""The code for each instruction set gives the same numbers (PLAIT_SIMD caps the set)."""

import os
import subprocess
import sys

import numpy as np
import pytest

LEVELS = {"baseline": "SSE4.1", "avx2": "AVX2", "avx512": "AVX-512"}
FLAGS = {"baseline": "sse2", "avx2": "avx2", "avx512": "avx512vl"}

PROGRAM = """
import sys
import numpy as np
import plait as mx
from plait import op

draw = np.random.default_rng(0)
def array(*shape, dtype="float32"):
    return mx.nd.array(draw.normal(size=shape), dtype=dtype)

results = {}
def add(name, op_name, inputs, **attrs):
    r = op.invoke(op_name, inputs, attrs)
    results[name] = (r[0] if isinstance(r, (list, tuple)) else r).astype("float64").asnumpy()

for dtype in ("float32", "float64", "float16", "bfloat16"):
    x, y = array(5, 37, dtype=dtype), array(5, 37, dtype=dtype)
    for f in ("exp", "log1p", "tanh", "sigmoid", "erf", "sqrt", "expm1", "abs", "round"):
        add(f"{f}-{dtype}", f, [op.invoke("abs", [x])])
    for f in ("add", "multiply", "divide", "maximum", "greater", "power"):
        add(f"{f}-{dtype}", f, [op.invoke("abs", [x]), y])
    for f in ("sum", "mean", "max", "min", "prod", "norm", "argmax", "sort", "argsort"):
        add(f"{f}-{dtype}", f, [x], axis=1)
    add(f"sum0-{dtype}", "sum", [x], axis=0)
    add(f"softmax-{dtype}", "softmax", [x])
    add(f"log_softmax-{dtype}", "log_softmax", [x])
    add(f"softmax0-{dtype}", "softmax", [x], axis=0)
    add(f"transpose-{dtype}", "transpose", [array(67, 45, dtype=dtype)])
    add(f"dot-{dtype}", "dot", [x, y], transpose_b=True)
    add(f"dropout-{dtype}", "dropout", [x], mode="always")
    for name, batch, channels, filters in (("few", 2, 3, 5), ("many", 33, 9, 7), ("wide", 2, 32, 32)):
        data, w = array(batch, channels, 9, 8, dtype=dtype), array(filters, channels, 3, 3, dtype=dtype)
        window = dict(kernel=(3, 3), pad=(1, 1), num_filter=filters)
        add(f"conv-{name}-{dtype}", "convolution", [data, w], no_bias=True, **window)
        dy = array(batch, filters, 9, 8, dtype=dtype)
        add(f"data-{name}-{dtype}", "convolution_backward_data", [dy, w], shape=data.shape, **window)
        add(f"weight-{name}-{dtype}", "convolution_backward_weight", [data, dy], **window)
    for kind in ("max", "avg"):
        pool = dict(kernel=(3, 2), stride=(2, 2), pad=(1, 0), pool_type=kind)
        add(f"pool-{kind}-{dtype}", "pooling", [data], **pool)
        add(f"pool-{kind}-back-{dtype}", "pooling_backward", [array(2, 32, 5, 4, dtype=dtype), data], **pool)
    add(f"sgd-{dtype}", "sgd_mom_update", [x, y, x.copy()], lr=0.1, momentum=0.9)
np.savez(sys.argv[1], **results)
"""


def run(level, path, **more):
    env = dict(os.environ, PLAIT_SIMD=level, **more)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path)], env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done


def supported():
    with open("/proc/cpuinfo") as text:
        flags = next((line.split() for line in text if line.startswith("flags")), [])
    return [level for level in LEVELS if FLAGS[level] in flags]


def test_levels_agree(tmp_path):
    levels, results = supported(), {}
    assert levels
    for level in levels:
        path = tmp_path / f"{level}.npz"
        done = run(level, path, ONEDNN_VERBOSE="1")
        assert f"isa:Intel {LEVELS[level]}" in done.stdout
        with np.load(path) as file:
            results[level] = dict(file)
    first = results[levels[0]]
    for level in levels[1:]:
        for name, want in first.items():
            dtype = name.rsplit("-", 1)[1]
            rtol = {"float64": 1e-11, "float32": 2e-4, "float16": 5e-3, "bfloat16": 3e-2}[dtype]
            np.testing.assert_allclose(
                results[level][name], want, rtol=rtol, atol=rtol, err_msg=f"{level} {name}"
            )


@pytest.mark.parametrize("level", ["fast", ""])
def test_unknown_level_is_reported_and_ignored(level, tmp_path):
    done = run(level, tmp_path / "x.npz")
    assert ("PLAIT_SIMD is 'fast', must be baseline, avx2 or avx512" in done.stderr) == bool(level)
