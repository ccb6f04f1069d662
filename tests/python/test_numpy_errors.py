"""Wrong calls of mx.np: each message names the function, the argument, its value and the rule."""

import numpy as np
import pytest

import plait as mx

A, B, V = mx.np.ones((2, 3)), mx.np.ones((4, 5)), mx.np.ones(6)
I = mx.np.array([1, 2], dtype="int64")
L, R = mx.np.linalg, mx.np.random
WRONG = [
    (lambda: A + B, ValueError, r"add: shapes \(2, 3\) and \(4, 5\) do not broadcast"),
    (lambda: A @ B, ValueError, r"matmul: lhs has shape \(2, 3\), rhs has shape \(4, 5\)"),
    (lambda: mx.np.dot(A, B), ValueError, "matmul: lhs has shape"),
    (lambda: A & A, TypeError, "bitwise_and: lhs has dtype float32, must be an integer or bool"),
    (lambda: I << 1.5, TypeError, "left_shift: rhs has dtype float32"),
    (lambda: ~A, TypeError, "bitwise_not: data has dtype float32"),
    (lambda: -(A > 0), TypeError, "negative: dtype is bool"),
    (lambda: mx.np.sum(A, axis=2), IndexError, r"axis is 2, must be in \[-2, 1\]"),
    (lambda: mx.np.sum(A, axis=(0, 0)), ValueError, r"axis is \(0, 0\), must not repeat"),
    (lambda: mx.np.max(mx.np.zeros((0, 2))), ValueError, "max: data has shape"),
    (lambda: mx.np.argmax(mx.np.zeros((0,))), ValueError, "argmax: data has shape"),
    (lambda: mx.np.max(A, where=A > 0), ValueError, "max: initial is None, must be given"),
    (lambda: mx.np.reshape(A, (4, 2)), ValueError, r"shape is \(4, 2\), must hold the 6 elements"),
    (lambda: A.reshape(-1, -1), ValueError, "must have at most one -1"),
    (lambda: mx.np.reshape(A, (3, 2), order="F"), NotImplementedError, "reshape: order is 'F'"),
    (lambda: mx.np.transpose(A, (0, 0)), ValueError, "must not repeat an axis"),
    (lambda: mx.np.squeeze(A, 0), ValueError, "squeeze: axis 0 has size 2"),
    (lambda: mx.np.concatenate([A, B]), ValueError, "concat: array 1 has shape"),
    (lambda: mx.np.concatenate([]), ValueError, "concatenate: seq is empty"),
    (lambda: mx.np.stack([A, V]), ValueError, "stack: array 1 has shape"),
    (lambda: mx.np.split(V, 4), ValueError, "split: indices_or_sections is 4, must divide the size 6"),
    (lambda: mx.np.broadcast_to(A, (3, 2)), ValueError, "broadcast_to: shapes"),
    (lambda: mx.np.broadcast_arrays(A, B), ValueError, "broadcast_arrays: shapes"),
    (lambda: mx.np.where(A > 0, A, B), ValueError, "where: shapes"),
    (lambda: mx.np.where(A > 0, A), ValueError, "where: x and y must both be given"),
    (lambda: mx.np.pad(A, -1), ValueError, "pad: pad_width is -1, must be >= 0"),
    (lambda: mx.np.repeat(A, -1), ValueError, "repeat: repeats is -1"),
    (lambda: mx.np.roll(A, (1, 2), (0,) * 3), ValueError, "roll: shift is"),
    (lambda: mx.np.diagonal(V), IndexError, "axis2 is 1"),
    (lambda: mx.np.tril(V), ValueError, "tril: data has shape"),
    (lambda: mx.np.take(V, [9]).wait_to_read(), IndexError, "indices has 9"),
    (lambda: mx.np.take_along_axis(A, I, 0), ValueError, "take_along_axis: indices has 1 axes, must have 2"),
    (lambda: mx.np.bincount(mx.np.array([-1.0])), ValueError, "bincount: x has negative numbers"),
    (lambda: mx.np.searchsorted(A, V), ValueError, "searchsorted: sorted has shape"),
    (lambda: mx.np.searchsorted(V, V, "middle"), ValueError, "side is 'middle'"),
    (lambda: mx.np.quantile(V, 1.5), ValueError, "quantile: q is 1.5"),
    (lambda: mx.np.percentile(V, 50, method="odd"), ValueError, "quantile: method is 'odd'"),
    (lambda: mx.np.histogram(V, 0), ValueError, "histogram: bins is 0"),
    (lambda: mx.np.interp(V, A, A), ValueError, "interp: xp has shape"),
    (lambda: mx.np.einsum("ij,jk->ik", A), ValueError, "einsum: subscripts .* has 2 terms"),
    (lambda: mx.np.einsum("ijk->i", A), ValueError, "must have one letter for each axis"),
    (lambda: mx.np.einsum("ij->ik", A), ValueError, "must name each axis of the result once"),
    (lambda: mx.np.tensordot(A, B, 1), ValueError, "tensordot: a has shape"),
    (lambda: mx.np.cross(B, B), ValueError, "cross: a has shape"),
    (lambda: mx.np.arange(1, 2, 0), ValueError, "arange: step is 0"),
    (lambda: mx.np.linspace(0, 1, -1), ValueError, "linspace: num is -1"),
    (lambda: mx.np.zeros((-1, 2)), ValueError, r"shape is \(-1, 2\)"),
    (lambda: mx.np.zeros(2, dtype="complex256"), TypeError, "dtype is 'complex256'"),
    (lambda: mx.np.array([1j], dtype="float32"), TypeError, "complex"),
    (lambda: mx.np.array(["a"]), ValueError, "could not convert"),
    (lambda: mx.np.array(A, dtype="int32", copy=False), ValueError, "array: copy is False"),
    (lambda: mx.np.meshgrid(V, indexing="ab"), ValueError, "meshgrid: indexing is 'ab'"),
    (lambda: mx.np.add(A, A, out=mx.np.zeros((2, 2))), ValueError, "broadcast"),
    (lambda: mx.np.add(A, A, out=mx.np.zeros((2, 3), dtype="int32")), TypeError, "out has dtype int32"),
    (lambda: mx.np.add(A, A, out=np.zeros((2, 3))), TypeError, "out is ndarray, must be an array"),
    (lambda: L.inv(A), ValueError, "inverse: data has shape"),
    (lambda: L.inv(mx.np.zeros((2, 2))).wait_to_read(), ValueError, "inverse: matrix 0 of data is singular"),
    (lambda: L.cholesky(-mx.np.eye(2)).wait_to_read(), ValueError, "not positive definite"),
    (lambda: L.solve(mx.np.eye(2), V), ValueError, "solve: b has shape"),
    (lambda: L.qr(A, "full"), ValueError, "qr: mode is 'full'"),
    (lambda: L.eigh(mx.np.eye(2), "X"), ValueError, "eigh: UPLO is 'X'"),
    (lambda: L.norm(mx.np.ones((2, 2, 2)), 1), ValueError, "norm: x has shape"),
    (lambda: L.norm(V, "fro"), ValueError, "norm: ord is 'fro'"),
    (lambda: L.matrix_norm(A, ord=7), ValueError, "matrix_norm: ord is 7"),
    (lambda: L.matrix_power(A, 2), ValueError, "matrix_power: a has shape"),
    (lambda: L.multi_dot([A]), ValueError, "multi_dot: arrays has fewer than 2"),
    (lambda: R.multinomial(3, [0.9, 0.9]), ValueError, "multinomial: pvals must be"),
    (lambda: A.astype("int32", casting="safe"), TypeError, "astype: dtype is int32"),
    (lambda: mx.np.diff(V, -1), ValueError, "diff: n is -1"),
    (lambda: mx.npx.reshape(A, (-6, 1, 4, 3)), ValueError, "must split 2 into two factors"),
    (lambda: mx.npx.index_update(A, mx.np.zeros((3, 1)), 1.0), ValueError, "index: ind has shape"),
    (lambda: mx.npx.constraint_check(A > 2, "too small"), ValueError, "too small"),
    (lambda: mx.npx.topk(A, k=9), ValueError, "topk: k is 9"),
    (lambda: mx.np.put([1.0], 0, 1), TypeError, "put: got list, must be an array"),
    (lambda: mx.np.shares_memory(A, 1), TypeError, "shares_memory: got int"),
    (lambda: mx.nd.relu(mx.nd.ones((2,)), wrong=1), TypeError, r"relu: unknown arguments \['wrong'\]"),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(WRONG)))
def test_wrong_call(case):
    call, error, text = WRONG[case]
    with pytest.raises(error, match=text):
        call()
