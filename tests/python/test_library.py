"""Operators from a shared library written in C."""

import shutil
import subprocess

import numpy as np
import pytest

import plait as mx
from plait import autograd, nd

SOURCE = r"""
#include <stdlib.h>
#include <string.h>
#include "plait/c_api.h"

static plait_status_t count(void *user, const char *params, int32_t *in, int32_t *out) {
  *in = 2;
  *out = 1;
  return PLAIT_OK;
}

static plait_status_t infer(void *user, const char *params, const plait_spec_t *in, int32_t n,
                            plait_spec_t *out, int32_t m) {
  int32_t i;
  if (in[0].dtype != PLAIT_DTYPE_FLOAT32 || in[1].dtype != PLAIT_DTYPE_FLOAT32) {
    return PLAIT_ERR_TYPE;
  }
  for (i = 0; i < in[0].ndim; ++i) {
    if (in[0].ndim != in[1].ndim || in[0].shape[i] != in[1].shape[i]) return PLAIT_ERR_SHAPE;
  }
  out[0] = in[0];
  return PLAIT_OK;
}

static int64_t size_of(const plait_spec_t *s) {
  int64_t n = 1;
  int32_t i;
  for (i = 0; i < s->ndim; ++i) n *= s->shape[i];
  return n;
}

/* params: {"scale": "3"} */
static float scale_of(const char *params) {
  const char *text = strstr(params, "\"scale\": \"");
  return text ? (float)atof(text + 10) : 1.0f;
}

static plait_status_t forward(void *user, const char *params, int32_t train,
                              const plait_block_t *in, int32_t n, const plait_block_t *out,
                              int32_t m) {
  const float *x = in[0].data, *y = in[1].data;
  float *z = out[0].data;
  int64_t i;
  for (i = 0; i < size_of(&out[0].spec); ++i) z[i] = scale_of(params) * x[i] * y[i];
  return PLAIT_OK;
}

static plait_status_t backward(void *user, const char *params, const plait_block_t *dz,
                               const plait_block_t *in, int32_t n, const plait_block_t *out,
                               int32_t m, const plait_block_t *din) {
  const float *g = dz[0].data, *x = in[0].data, *y = in[1].data;
  float *dx = din[0].data, *dy = din[1].data;
  int64_t i;
  for (i = 0; i < size_of(&in[0].spec); ++i) {
    dx[i] = scale_of(params) * g[i] * y[i];
    dy[i] = scale_of(params) * g[i] * x[i];
  }
  return PLAIT_OK;
}

plait_status_t plait_library_init(int32_t abi_version,
                                  plait_status_t (*register_op)(const char *,
                                                                const plait_custom_op_t *)) {
  plait_custom_op_t op;
  if (abi_version != PLAIT_ABI_VERSION) return PLAIT_ERR_INVALID_ARGUMENT;
  memset(&op, 0, sizeof op);
  op.struct_size = sizeof op;
  op.count = count;
  op.infer = infer;
  op.forward = forward;
  op.backward = backward;
  return register_op("scaled_product", &op);
}
"""


def include_folder():
    from pathlib import Path

    return Path(__file__).parents[2] / "bindings_c" / "include"


def compiled(tmp_path, name, source):
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        pytest.skip("no C compiler")
    code, library = tmp_path / f"{name}.c", tmp_path / f"{name}.so"
    code.write_text(source)
    command = [compiler, "-shared", "-fPIC", "-I", str(include_folder()), "-o", str(library)]
    subprocess.run([*command, str(code)], check=True)
    return str(library)


def test_operators_of_a_library(tmp_path):
    path = compiled(tmp_path, "product", SOURCE)
    assert mx.library.load(path) == ["scaled_product"]
    x, y = nd.array([[1.0, 2.0], [3.0, 4.0]]), nd.array([[5.0, 6.0], [7.0, 8.0]])
    x.attach_grad()
    y.attach_grad()
    with autograd.record():
        z = nd.scaled_product(x, y, scale=3)
    z.backward()
    np.testing.assert_allclose(z.asnumpy(), 3 * x.asnumpy() * y.asnumpy())
    np.testing.assert_allclose(x.grad.asnumpy(), 3 * y.asnumpy())
    np.testing.assert_allclose(y.grad.asnumpy(), 3 * x.asnumpy())
    same = nd.Custom(x, y, op_type="scaled_product")
    np.testing.assert_allclose(same.asnumpy(), x.asnumpy() * y.asnumpy())
    a, b = mx.sym.var("a"), mx.sym.var("b")
    node = mx.sym.scaled_product(a, b, scale=2)
    found = node.bind(mx.cpu(), {"a": x, "b": y}).forward()[0]
    np.testing.assert_allclose(found.asnumpy(), 2 * x.asnumpy() * y.asnumpy())
    with pytest.raises(ValueError, match="custom: scaled_product"):
        nd.scaled_product(x, nd.ones((3,)))
    with pytest.raises(TypeError, match="custom: scaled_product"):
        nd.scaled_product(x.astype("float64"), y)
    with pytest.raises(ValueError, match="got 1 input arrays, must be 2"):
        nd.scaled_product(x)


def test_refuses(tmp_path):
    with pytest.raises(OSError, match="must be a file"):
        mx.library.load(str(tmp_path / "none.so"))
    text = tmp_path / "text.so"
    text.write_text("no library")
    with pytest.raises(OSError, match="library: "):
        mx.library.load(str(text))
    with pytest.raises(KeyError, match="has no function plait_library_init"):
        mx.library.load(compiled(tmp_path, "empty", "int nothing(void) { return 0; }"))
    broken = '#include "plait/c_api.h"\nplait_status_t plait_library_init(int32_t v, void *f) {\n'
    broken += "  return PLAIT_ERR_INVALID_ARGUMENT;\n}\n"
    with pytest.raises(RuntimeError, match="failed with PLAIT_ERR_INVALID_ARGUMENT"):
        mx.library.load(compiled(tmp_path, "broken", broken))
