"""Entries of core/ops/optim: steps in parts, and those that take rates or factors from arrays."""

import numpy as np
from harness import Spec
from spec_optim import REAL, adamw, clipped, inputs, means, multi


def register_from_arrays():
    """Operators whose rates, or the factor of the gradients, are arrays."""
    lrs, wds = np.array([0.1, 0.3]), np.array([0.0, 0.2])

    def preloaded(step, states):
        many = multi(step, states)

        def reference(*arrays, rescale_grad=1.0, **own):
            own.pop("multi_precision", None)
            *given, rates, decays = arrays
            return many(*given, lrs=rates, wds=decays, rescale_grad=rescale_grad, **own)

        return reference

    plain = preloaded(lambda i, w, g, e, s, lr, wd: w - lr * (g + wd * w), 0)
    mixed = preloaded(
        lambda i, w, g, e, s, lr, wd, momentum: w + momentum * s[0] - lr * (g + wd * w), 1
    )
    two = {"num_weights": 2, "rescale_grad": 0.5}
    for name, reference, states, own in (
        ("preloaded_multi_sgd_update", plain, 0, {}),
        ("preloaded_multi_sgd_mom_update", mixed, 1, {"momentum": 0.9}),
        ("preloaded_multi_mp_sgd_update", plain, 0, {"multi_precision": False}),
        ("preloaded_multi_mp_sgd_mom_update", mixed, 1,
         {"multi_precision": False, "momentum": 0.9}),
    ):  # fmt: skip
        given = inputs(states)
        Spec(
            name,
            reference,
            [
                ((*given, lrs, wds), {**two, **own}),
                ((*given, lrs, wds), {**two, **own, "clip_gradient": 0.3}),
            ],
            dtypes=REAL,
            raises=[
                ((*given, lrs), {**two, **own}, ValueError, "must be 2 floating numbers"),
                ((*given[1:], lrs, wds), {**two, **own}, ValueError, "for each of num_weights = 2"),
                ((lrs,), {**two, **own}, ValueError, "got 1 arrays, must end with lrs and wds"),
            ],
        )
    Spec(
        "multi_lars",
        lambda lrs, w, g, wds, eta, eps, rescale_grad=1.0: np.where(
            (w > 0) & (g > 0),
            lrs * eta * np.sqrt(w) / (np.sqrt(g) * rescale_grad + wds * np.sqrt(w) + eps),
            lrs,
        ),
        [
            (
                tuple(map(np.array, ([0.1, 0.2, 0.3], [4.0, 0, 9], [1.0, 2, 3], [0.1, 0, 0.2]))),
                {"eta": 0.5, "eps": 0.1, "rescale_grad": 2.0},
            )
        ],
        dtypes=REAL,
        raises=[
            (
                (lrs, lrs, lrs, lrs[:1]),
                {"eta": 0.5, "eps": 0.1},
                ValueError,
                "wds has shape .1,. and dtype float64, must be 2 floating numbers",
            )
        ],
    )

    def scaled(*arrays, lrs, wds, etas, num_weights, clip_gradient=-1.0):
        *given, scale = arrays
        if not np.isfinite(scale[0]) or scale[0] == 0:
            return tuple(given[0::4])
        rates = [lr * eta for lr, eta in zip(lrs, etas, strict=True)]
        decays = [wd * eta for wd, eta in zip(wds, etas, strict=True)]
        return multi(adamw, 2)(
            *given, lrs=rates, wds=decays, rescale_grad=scale[0], num_weights=num_weights,
            clip_gradient=clip_gradient,
        )  # fmt: skip

    given = inputs(2, (1,))
    own = {"lrs": (0.1, 0.3), "wds": (0.0, 0.2), "etas": (1.0, 0.5), "num_weights": 2}
    Spec(
        "rescaled_multi_adamw_update",
        scaled,
        [
            ((*given, np.array([0.5])), {**own, "clip_gradient": 0.3}),
            ((*given, np.array([np.inf])), own),
            ((*given, np.array([0.0])), own),
        ],
        dtypes=REAL,
        raises=[
            (given, own, ValueError, "rescale_grad has shape .40,. and dtype float64, must be 1"),
            ((*given, lrs[:1]), {**own, "etas": (1.0,)}, ValueError, "etas has 1 numbers, must"),
        ],
    )


def register_phases():
    """LAMB in two operators; tests/ops/test_half_updates.py compares those with masters."""
    w, g, m, v = inputs(2, (1,))[4:]
    one = {"t": 2, "wd": 0.2, "rescale_grad": 0.5}

    def direction(w, g, m, v, t, wd, bias_correction=True, **common):
        m, v = means((m, v), clipped(g, common["rescale_grad"], common.get("clip_gradient", -1)))
        if bias_correction:
            m, v = m / (1 - 0.9**t), v / (1 - 0.999**t)
        return m / (np.sqrt(v) + 1e-6) + wd * w

    Spec(
        "lamb_update_phase1",
        direction,
        [((w, g, m, v), one), ((w, g, m, v), {**one, "clip_gradient": 0.3}),
         ((w, g, m, v), {**one, "bias_correction": False})],
        dtypes=REAL,
        raises=[
            ((w, g, m, v), {**one, "t": 0}, ValueError, "t is 0, must be > 0"),
            ((w, g[1:], m, v), one, ValueError, "grad has shape .39,., must be .40,."),
        ],
    )  # fmt: skip
    Spec(
        "mp_lamb_update_phase1",
        None,
        [],
        raises=[((w, g, m, v, w), one, TypeError, "weight has dtype float64")],
    )
    r1, r2 = np.array([2.0]), np.array([0.5])

    def step(w, g, r1, r2, lr, lower_bound=-1.0, upper_bound=-1.0):
        top = r1[0] if lower_bound < 0 else max(r1[0], lower_bound)
        top = top if upper_bound < 0 else min(top, upper_bound)
        return w - lr * (top / r2[0] if top and r2[0] else 1.0) * g

    Spec(
        "lamb_update_phase2",
        step,
        [((w, g, r1, r2), {"lr": 0.1}), ((w, g, r1 * 0, r2), {"lr": 0.1}),
         ((w, g, r1, r2), {"lr": 0.1, "upper_bound": 1.5}),
         ((w, g, r1, r2), {"lr": 0.1, "lower_bound": 2.5})],
        dtypes=REAL,
        raises=[
            ((w, g, w, r2), {"lr": 0.1}, ValueError, "r1 has shape .40,."),
            ((w, g[1:], r1, r2), {"lr": 0.1}, ValueError, "g has shape .39,., must be .40,."),
        ],
    )  # fmt: skip
    Spec(
        "mp_lamb_update_phase2",
        None,
        [],
        raises=[((w, g, r1, r2, w), {"lr": 0.1}, TypeError, "weight has dtype float64")],
    )


register_from_arrays()
register_phases()
