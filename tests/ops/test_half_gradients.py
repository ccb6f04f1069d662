"""Operators that compute float16 and bfloat16 in float32: gradients as those of float32."""

import entries  # noqa: F401  loads the entries
import numpy as np
import pytest
from harness import HALVES, SPECS, arrays, convert, run

import plait as mx

NAMES = """rnn deconvolution cholesky inverse solve det qr svd eigh linalg_gemm linalg_gemm2 linalg_syrk
    linalg_trmm linalg_trsm linalg_potri linalg_gelqf linalg_syevd linalg_sumlogdiag
    linalg_extracttrian linalg_maketrian contrib_fft contrib_ifft""".split()


def gradients(spec, inputs, attrs, dtype):
    leaves = arrays(inputs, dtype)
    floating = [x for x, given in zip(leaves, inputs, strict=True) if given.dtype.kind == "f"]
    for x in floating:
        x.attach_grad()
    with mx.autograd.record():
        out = run(spec.name, leaves, attrs)
        heads = [y.astype("float32") for y in out]
        loss = sum((y * y).mean() + y.sum() for y in heads)
    loss.backward()
    return out, [x.grad for x in floating]


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("name", NAMES)
def test_gradients_of_halves(name, dtype):
    spec = SPECS[name]
    inputs, attrs = spec.samples[0]
    given = convert(inputs, dtype)
    wide = [x.astype("float32") if x.dtype.kind == "f" else x for x in given]
    narrow, got = gradients(spec, given, attrs, dtype)
    _, want = gradients(spec, wide, attrs, "float32")
    assert all(y.dtype_name == dtype for y in narrow)
    for g, w in zip(got, want, strict=True):
        assert g.dtype_name == dtype
        size = np.abs(w.asnumpy()).max()
        np.testing.assert_allclose(
            g.astype("float32").asnumpy(),
            w.asnumpy(),
            rtol=0,
            atol=(0.02 if dtype == "float16" else 0.1) * size,
        )
