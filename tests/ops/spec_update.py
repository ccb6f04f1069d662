"""Entries of MXNet's sgd_update, adam_update and the like in core/ops/optim. States change in place; what a step leaves in them is checked too."""

import numpy as np
from harness import HALVES, REALS, Spec, between, normal

COMMON = dict(wd=0.01, rescale_grad=0.5, clip_gradient=0.4)
W, G, M, V = normal(40), normal(40) * 2, normal(40) / 3, between(0.1, 1, 40)


def gradient(w, g, wd=0.0, rescale_grad=1.0, clip_gradient=-1.0):
    g = g * rescale_grad
    return (np.clip(g, -clip_gradient, clip_gradient) if clip_gradient >= 0 else g) + wd * w


def sgd(w, g, lr, **common):
    return w - lr * gradient(w, g, **common)


def sgd_mom(w, g, m, lr, momentum=0.0, **common):
    return w + momentum * m - lr * gradient(w, g, **common)


def adam(w, g, m, v, lr, beta1=0.9, beta2=0.999, epsilon=1e-8, clip_gradient=-1.0, **common):
    g = gradient(w, g, **common)  # MXNet clips the sum of gradient and decay here
    g = np.clip(g, -clip_gradient, clip_gradient) if clip_gradient >= 0 else g
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
    return w - lr * m / (np.sqrt(v) + epsilon)


def many(step, count):
    def reference(*arrays, lrs, wds, num_weights, **common):
        return tuple(
            step(*arrays[i * count : (i + 1) * count], lr=lrs[i], wd=wds[i], **common)
            for i in range(num_weights)
        )

    return reference


def entry(name, step, inputs, **attrs):
    other = (np.ones(3), *inputs[1:])
    Spec(
        name,
        step,
        [(inputs, dict(lr=0.1, **attrs)), (inputs, dict(lr=0.1, **attrs, **COMMON))],
        dtypes=(*REALS, *HALVES),
        raises=[
            (other, dict(lr=0.1), ValueError, "grad has shape"),
            (tuple(x.astype("int32") for x in inputs), dict(lr=0.1), TypeError, "weight has dtype"),
        ],
    )


entry("sgd_update", sgd, (W, G))
entry("sgd_mom_update", sgd_mom, (W, G, M), momentum=0.9)
entry("adam_update", adam, (W, G, M, V), beta1=0.8, beta2=0.9)

MANY = dict(lrs=(0.1, 0.2), wds=(0.0, 0.01), num_weights=2)
for name, step, inputs, attrs in [
    ("multi_sgd_update", sgd, (W, G, W[:7], G[:7]), {}),
    ("multi_sgd_mom_update", sgd_mom, (W, G, M, W[:7], G[:7], M[:7]), dict(momentum=0.9)),
]:
    Spec(
        name,
        many(step, len(inputs) // 2),
        [
            (inputs, dict(MANY, **attrs)),
            (inputs, dict(MANY, **attrs, rescale_grad=0.5, clip_gradient=0.4)),
        ],
        dtypes=(*REALS, *HALVES),
        raises=[
            (inputs[:-1], MANY, ValueError, "arrays, must be"),
            (inputs, dict(MANY, lrs=(0.1,)), ValueError, "lrs has 1"),
        ],
    )


def of_rows(step):
    """`step` of the rows that the third array numbers."""

    def reference(w, g, rows, *states, **common):
        w = w.copy()
        for row in np.unique(rows):
            total = g[rows == row].sum(0, keepdims=True)
            one = slice(row, row + 1)
            w[one] = step(w[one], total, *(s[one] for s in states), **common)
        return w

    return reference


TABLE, ROWS, REPEATED = W.reshape(10, 4), np.array([0, 3, 9]), np.array([9, 3, 9, 0, 3, 9])
PART, MORE, MOMENTA = G[:12].reshape(3, 4), G[:24].reshape(6, 4), M.reshape(10, 4)
for name, step, states, attrs in [
    ("sgd_row_update", sgd, (), {}),
    ("sgd_mom_row_update", sgd_mom, (MOMENTA,), dict(momentum=0.9)),
]:
    inputs, none = (TABLE, PART, ROWS, *states), (TABLE, PART[:0], ROWS[:0], *states)
    repeated = (TABLE, MORE, REPEATED, *states)
    Spec(
        name,
        of_rows(step),
        dense=bool(states),
        samples=[
            (inputs, dict(lr=0.1, **attrs, **COMMON)),
            (repeated, dict(lr=0.1, **attrs, **COMMON)),
            (none, dict(lr=0.1, **attrs)),
        ],
        dtypes=(*REALS, *HALVES),
        raises=[
            ((TABLE, PART[:2], ROWS, *states), dict(lr=0.1), ValueError, "grad has shape"),
            ((TABLE, PART, ROWS + 1, *states), dict(lr=0.1), IndexError, "rows has 10"),
            ((TABLE, PART, ROWS.astype("f"), *states), dict(lr=0.1), ValueError, "of int64"),
        ],
    )
