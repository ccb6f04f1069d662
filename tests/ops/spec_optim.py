"""Entries of core/ops/optim: one step of each rule, for two weights at once."""

import numpy as np
from harness import Spec, between, normal

REAL = ("float32", "float64")
COMMON = {"lrs": (0.1, 0.3), "wds": (0.0, 0.2), "rescale_grad": 0.5, "num_weights": 2}


def inputs(states, positive=()):
    """Weight, gradient and states for weights of 7 and 40 elements; `positive` states are > 0."""
    arrays = []
    for size in (7, 40):
        for k in range(2 + states):
            kind = between(0.1, 2, size, k + 1) if k - 2 in positive else normal(size, k + 1)
            arrays.append(kind[:, 0].copy())
    return tuple(arrays)


def clipped(grad, rescale, clip):
    return np.clip(grad * rescale, -clip, clip) if clip >= 0 else grad * rescale


def multi(step, states):
    """Reference of an operator: ``step(i, w, g, raw, states, lr, wd, **own)`` for each weight.

    `g` is the rescaled, clipped gradient; ``raw(w)`` the one with weight decay before clipping.
    """

    def reference(*arrays, lrs, wds, rescale_grad, num_weights, clip_gradient=-1, **own):
        size, out = 2 + states, []
        for i in range(num_weights):
            w, g, *kept = arrays[i * size : (i + 1) * size]
            early = clipped(g + wds[i] * w / rescale_grad, rescale_grad, clip_gradient)
            late = clipped(g, rescale_grad, clip_gradient)
            out.append(step(i, w, late, early, kept, lrs[i], wds[i], **own))
        return tuple(out)

    return reference


def entry(name, step, states, positive=(), own=None, **more):
    given = inputs(states, positive)
    own = own or {}
    wrong = (given[0][:-1], *given[1:])
    Spec(
        name,
        multi(step, states),
        [(given, {**COMMON, **own}), (given, {**COMMON, **own, "clip_gradient": 0.3})],
        dtypes=REAL,
        raises=[
            (given[:-1], {**COMMON, **own}, ValueError, "must be [0-9]+ for each of num_weights"),
            (given, {**COMMON, **own, "lrs": (0.1,)}, ValueError, "lrs has 1 and wds has 2"),
            (wrong, {**COMMON, **own}, ValueError, "must be .6,"),
        ],
        **more,
    )


def nag(i, w, g, early, s, lr, wd, momentum):
    step = lr * (g + wd * w)
    return w + momentum * (momentum * s[0] - step) - step


def signum(i, w, g, early, s, lr, wd, momentum, wd_lh):
    m = momentum * s[0] - (1 - momentum) * (g + wd * w)
    return (1 - lr * wd_lh) * w + lr * np.sign(m)


def means(s, g, beta1=0.9, beta2=0.999):
    return beta1 * s[0] + (1 - beta1) * g, beta2 * s[1] + (1 - beta2) * g * g


def adam(i, w, g, early, s, lr, wd, epsilon=1e-8):
    m, v = means(s, early)
    return w - lr * m / (np.sqrt(v) + epsilon)


def adamw(i, w, g, early, s, lr, wd, epsilon=1e-8):
    m, v = means(s, g)
    return (1 - wd) * w - lr * m / (np.sqrt(v) + epsilon)


def adabelief(i, w, g, early, s, lr, wd, epsilon):
    g = g + wd * w
    m = 0.9 * s[0] + 0.1 * g
    v = 0.999 * s[1] + 0.001 * (g - m) ** 2 + epsilon
    return w - lr * m / (np.sqrt(v) + epsilon)


def adamax(i, w, g, early, s, lr, wd):
    m, u = 0.9 * s[0] + 0.1 * early, np.maximum(0.999 * s[1], np.abs(early))
    return w - lr * m / u


def nadam(i, w, g, early, s, lr, wd, grad_factors, mean_factors, var_factors):
    m, v = means(s, early)
    top = grad_factors[i] * early + mean_factors[i] * m
    return w - lr * top / (np.sqrt(var_factors[i] * v) + 1e-8)


def ftml(i, w, g, early, s, lr, wd, t):
    d, v, z = s
    v = 0.999 * v + 0.001 * early**2
    now = (1 - 0.6 ** t[i]) / lr * (np.sqrt(v / (1 - 0.999 ** t[i])) + 1e-8)
    z = 0.6 * z + 0.4 * early - (now - 0.6 * d) * w
    return -z / now


def adagrad(i, w, g, early, s, lr, wd):
    return w - lr * (g / np.sqrt(s[0] + g * g + 1e-7) + wd * w)


def adadelta(i, w, g, early, s, lr, wd, rho):
    a = rho * s[0] + (1 - rho) * g * g
    return w - np.sqrt(s[1] + 1e-5) / np.sqrt(a + 1e-5) * g - wd * w


def rmsprop(i, w, g, early, s, lr, wd, clip_weights=-1.0):
    n = 0.95 * s[0] + 0.05 * early**2
    w = w - lr * early / np.sqrt(n + 1e-8)
    return np.clip(w, -clip_weights, clip_weights) if clip_weights > 0 else w


def ftrl(i, w, g, early, s, lr, wd, lamda1):
    z, n = s
    z = z + g - (np.sqrt(n + g * g) - np.sqrt(n)) * w / lr
    root = (1.0 + np.sqrt(n + g * g)) / lr + wd
    return np.where(np.abs(z) <= lamda1, 0, (np.sign(z) * lamda1 - z) / root)


def lion(i, w, g, early, s, lr, wd):
    return w - lr * (np.sign(0.9 * s[0] + 0.1 * g) + wd * w)


def dcasgd(i, w, g, early, s, lr, wd, momentum):
    return w + momentum * s[0] - lr * (g + wd * w + 0.04 * g * g * (w - s[1]))


def lars(i, w, g, early, s, lr, wd, etas, momentum):
    raw = LARS_GRADS[i] * 0.5
    if etas[i]:
        lr = lr * etas[i] * np.linalg.norm(w) / (np.linalg.norm(raw) + wd * np.linalg.norm(w))
    return w + momentum * s[0] - lr * (g + wd * w)


LARS_GRADS = inputs(1)[1::3]


def lamb(i, w, g, early, s, lr, wd, step_count):
    m, v = means(s, g)
    m, v = m / (1 - 0.9 ** step_count[i]), v / (1 - 0.999 ** step_count[i])
    r = m / (np.sqrt(v) + 1e-6) + wd * w
    return w - lr * np.linalg.norm(w) / np.linalg.norm(r) * r


def lans(i, w, g, early, s, lr, wd, step_count):
    raw = LANS_GRADS[i] * 0.5
    g = raw / np.linalg.norm(raw)
    if np.abs(early).max() <= 0.3 + 1e-9:  # the sample that clips
        g = np.clip(g, -0.3, 0.3)
    m, v = means(s, g)
    root = np.sqrt(v / (1 - 0.999 ** step_count[i])) + 1e-6
    rm, rg = m / (1 - 0.9 ** step_count[i]) / root + wd * w, g / root + wd * w
    norm = np.linalg.norm
    return w - lr * norm(w) * (0.9 * rm / norm(rm) + 0.1 * rg / norm(rg))


LANS_GRADS = inputs(2, (1,))[1::4]


def lbsgd(i, w, g, early, s, lr, wd, counts, batch_scale, momentum, lars=False):
    count, raw = int(counts[i]), inputs(2)[4 * i + 1]
    total = raw + (0 if count % batch_scale == 1 % batch_scale else s[1])
    if count % batch_scale:
        return w
    mean, plain = total / batch_scale, np.abs(early).max() > 0.3 + 1e-9
    if lars:
        w2, g2 = (w * w).sum(), (mean * mean).sum()
        lr = lr * np.clip(np.sqrt(w2 / (g2 + wd * w2 + 1e-18)), 0.01, 100)
    step = mean * 0.5 if plain else np.clip(mean * 0.5, -0.3, 0.3)
    return w + momentum * s[0] - lr * (step + wd * w)


def orthogonal(x, steps=5):
    if x.shape[0] > x.shape[1]:
        return orthogonal(x.T, steps).T
    x = x / (np.linalg.norm(x) + 1e-7)
    for _ in range(steps):
        a = x @ x.T
        x = 3.4445 * x + (-4.775 * a + 2.0315 * a @ a) @ x
    return x


def muon(*arrays, lrs, wds, num_weights, rescale_grad=1.0, clip_gradient=-1.0, nesterov=True):
    arrays, out = list(arrays), []
    for i in range(num_weights):
        w, g, first, *_ = arrays
        g = clipped(g, rescale_grad, clip_gradient)
        if w.ndim == 1:
            out.append(adamw(i, w, g, None, (first, arrays[3]), lrs[i], wds[i]))
            del arrays[:4]
            continue
        m = 0.95 * first + g
        step = orthogonal((g + 0.95 * m if nesterov else m).reshape(len(w), -1))
        scale = max(1, step.shape[0] / step.shape[1]) ** 0.5
        out.append((1 - wds[i]) * w - lrs[i] * scale * step.reshape(w.shape))
        del arrays[:3]
    return tuple(out)


def group_adagrad(*arrays, lrs, wds, num_weights, rescale_grad=1.0, clip_gradient=-1.0):
    out = []
    for i in range(num_weights):
        w, g, h = arrays[3 * i : 3 * i + 3]
        g = clipped(g, rescale_grad, clip_gradient)
        h = h + (g * g).mean(axis=1, keepdims=True)
        out.append(w - lrs[i] * (g / np.sqrt(h + 1e-5) + wds[i] * w))
    return tuple(out)


def register():
    momentum = {"momentum": 0.9}
    entry("multi_nag_mom_update", nag, 1, own=momentum)
    entry(
        "multi_signsgd_update", lambda i, w, g, e, s, lr, wd: (1 - lr * wd) * w - lr * np.sign(g), 0
    )
    entry("multi_signum_update", signum, 1, own={**momentum, "wd_lh": 0.1})
    entry("multi_adam_update", adam, 2, (1,))
    entry("multi_adamw_update", adamw, 2, (1,))
    entry("multi_adabelief_update", adabelief, 2, (1,), {"epsilon": 1e-3})
    entry("multi_adamax_update", adamax, 2, (1,))
    factors = {"grad_factors": (0.5, 0.6), "mean_factors": (1.1, 1.2), "var_factors": (2.0, 3.0)}
    entry("multi_nadam_update", nadam, 2, (1,), factors)
    entry("multi_ftml_update", ftml, 3, (0, 1), {"t": (3.0, 4.0)})
    entry("multi_adagrad_update", adagrad, 1, (0,))
    entry("multi_adadelta_update", adadelta, 2, (0, 1), {"rho": 0.8})
    entry("multi_rmsprop_update", rmsprop, 1, (0,), {"clip_weights": 0.7})
    entry("multi_ftrl_update", ftrl, 2, (1,), {"lamda1": 0.4})
    entry("multi_lion_update", lion, 1)
    entry("multi_dcasgd_update", dcasgd, 2, own=momentum)
    entry("multi_lars_update", lars, 1, own={"etas": (0.0, 0.1), **momentum})
    entry("multi_lamb_update", lamb, 2, (1,), {"step_count": (2.0, 3.0)})
    entry("multi_lans_update", lans, 2, (1,), {"step_count": (2.0, 3.0)})
    scaled = {"batch_scale": 3, **momentum}
    entry("multi_lbsgd_update", lbsgd, 2, own={"counts": (1.0, 3.0), **scaled})
    Spec("multi_sgld_update", None, [])  # draws: tests/python/test_optimizer.py
    register_matrices()
    register_centred()
    register_sgd()
    register_masters()
    register_single()


def register_matrices():
    w, g, m, v = normal(4, 6), normal(4, 6, 1)[..., 0], normal(4, 6) / 2, between(0.1, 1, 6)
    tall, line = normal(3, 2, 2, 2), normal(6)
    two = {"lrs": (0.1, 0.3), "wds": (0.0, 0.2), "num_weights": 2}
    three = {"lrs": (0.1, 0.3, 0.2), "wds": (0.0, 0.2, 0.1), "num_weights": 3}
    given = (w, g, m, line, line * 2, line / 2, v, tall, tall * 2, tall + 1)
    Spec(
        "multi_muon_update",
        lambda *arrays, epsilon=1e-8, num_weights=1, **attrs: muon(
            *arrays, num_weights=num_weights, **attrs
        ),
        [
            (given, {**three, "epsilon": 1e-8}),
            (given, {**three, "clip_gradient": 0.3, "rescale_grad": 0.5, "nesterov": False}),
            ((w.T.copy(), g.T.copy(), m.T.copy()), {"lrs": (0.1,), "wds": (0.1,)}),
        ],
        dtypes=REAL,
        dense=True,
        raises=[
            (given[:-1], three, ValueError, "got 9 arrays, must be at least 10 for 3 weights"),
            (given, {**two, "lrs": (0.1,)}, ValueError, "lrs has 1 and wds has 2"),
            (given, two, ValueError, "got 10 arrays, must be 7"),
        ],
    )
    rows = (w, g, between(0.1, 1, 4, 1), w.T.copy(), g.T.copy(), between(0.1, 1, 6, 1))
    one = {"lr": 0.1, "rescale_grad": 0.5, "clip_gradient": 0.3}
    Spec(
        "group_adagrad_update",
        lambda *arrays, lr, **attrs: group_adagrad(
            *arrays, lrs=(lr,), wds=(0,), num_weights=1, **attrs
        )[0],
        [(rows[:3], one), (rows[3:], {"lr": 0.2})],
        dtypes=REAL,
        dense=True,
        raises=[((line, line, line), one, ValueError, "weight has shape .6,., must be a matrix")],
    )
    Spec(
        "multi_group_adagrad_update",
        group_adagrad,
        [(rows, two), (rows, {**two, "clip_gradient": 0.3, "rescale_grad": 0.5})],
        dtypes=REAL,
        dense=True,
        raises=[
            ((line, line, line), {"lrs": (0.1,), "wds": (0.0,)}, ValueError, "must be a matrix"),
            ((w, g, w), {"lrs": (0.1,), "wds": (0.0,)}, ValueError, "history of weight 0 has"),
        ],
    )


def register_centred():
    """The variance n - g^2 must be positive: n is put above the squares of g."""
    given = list(inputs(3))
    for i in (0, 1):
        given[5 * i + 2] = given[5 * i + 3] ** 2 + 0.5
    Spec(
        "multi_rmspropalex_update",
        multi(
            lambda i, w, g, e, s, lr, wd: (
                w
                + 0.9 * s[2]
                - lr * e / np.sqrt(0.95 * s[0] + 0.05 * e**2 - (0.95 * s[1] + 0.05 * e) ** 2 + 1e-8)
            ),
            3,
        ),
        [(tuple(given), COMMON), (tuple(given), {**COMMON, "clip_gradient": 0.3})],
        dtypes=REAL,
    )


def register_sgd():
    plain = multi(lambda i, w, g, e, s, lr, wd: w - lr * (g + wd * w), 0)
    mixed = multi(
        lambda i, w, g, e, s, lr, wd, momentum: w + momentum * s[0] - lr * (g + wd * w), 1
    )
    off = {"multi_precision": False}
    Spec(
        "multi_mp_sgd_update",
        lambda *a, multi_precision, **k: plain(*a, **k),
        [(inputs(0), {**COMMON, **off})],
        dtypes=REAL,
    )
    Spec(
        "multi_mp_sgd_mom_update",
        lambda *a, multi_precision, **k: mixed(*a, **k),
        [(inputs(1), {**COMMON, **off, "momentum": 0.9})],
        dtypes=REAL,
    )


def register_masters():
    """Operators for one weight of 16 bits; tests/ops/test_half_updates.py compares their values."""
    for name, states in (("mp_sgd_update", 0), ("mp_sgd_mom_update", 1), ("mp_nag_mom_update", 1)):
        given = inputs(states + 1)[: 3 + states]
        Spec(name, None, [], raises=[(given, {"lr": 0.1}, TypeError, "weight has dtype float64")])


def single(step, states):
    """Reference of an operator for one weight from that for many."""
    many = multi(step, states)

    def reference(*arrays, lr, wd, rescale_grad, t=None, **own):
        if t is not None:
            own["t"] = t
        return many(*arrays, lrs=(lr,), wds=(wd,), rescale_grad=rescale_grad, num_weights=1, **own)[
            0
        ]

    return reference


def register_single():
    attrs = {"lr": 0.1, "wd": 0.2, "rescale_grad": 0.5}
    table = [
        ("nag_mom_update", nag, 1, (), {"momentum": 0.9}),
        ("signum_update", signum, 1, (), {"momentum": 0.9, "wd_lh": 0.1}),
        ("ftml_update", ftml, 3, (0, 1), {"t": (3.0,)}),
        ("rmsprop_update", rmsprop, 1, (0,), {}),
        ("ftrl_update", ftrl, 2, (1,), {"lamda1": 0.4}),
        (
            "signsgd_update",
            lambda i, w, g, e, s, lr, wd: (1 - lr * wd) * w - lr * np.sign(g),
            0,
            (),
            {},
        ),
    ]
    for name, step, states, positive, own in table:
        given = inputs(states, positive)[: 2 + states]
        without = {**attrs, "t": ()} if "t" in own else None
        Spec(
            name,
            single(step, states),
            [(given, {**attrs, **own})],
            dtypes=REAL,
            raises=[(given, without, ValueError, "t has 0 numbers")] if without else [],
        )
    given = inputs(3)[:5]
    given = (*given[:2], given[3] ** 2 + 0.5, *given[3:])
    alex = single(
        lambda i, w, g, e, s, lr, wd: (
            w
            + 0.9 * s[2]
            - lr * e / np.sqrt(0.95 * s[0] + 0.05 * e**2 - (0.95 * s[1] + 0.05 * e) ** 2 + 1e-8)
        ),
        3,
    )
    Spec("rmspropalex_update", alex, [(given, attrs)], dtypes=REAL)
    Spec("adagrad_update", single(adagrad, 1), [(inputs(1, (0,))[:3], attrs)], dtypes=REAL)
