"""Cases of compare_training.py: operators of optimizers beside those for one weight."""

import numpy as np

__all__ = ["steps_from_arrays"]


def steps_from_arrays():
    """Steps in parts, and those that take rates or factors from arrays; `low` is for masters."""

    def draw(mx, count, low=False, shapes=((5, 4), (3,))):
        random = np.random.RandomState(4)
        dtypes = ["float16" if low and k < 2 else "float32" for k in range(count)]
        groups = [
            [mx.nd.array(random.uniform(0.5, 1.5, shape), dtype=d) for d in dtypes]
            for shape in shapes
        ]
        if low:
            for group in groups:
                group[-1] = group[0].astype("float32")
        return groups

    def found(*arrays):
        return [a.astype("float32").asnumpy() for a in arrays]

    def preloaded(name, count, low, options):
        def run(mx):
            groups = draw(mx, count, low)
            given = [a for group in groups for a in group]
            rates = mx.nd.array([0.1, 0.2]), mx.nd.array([0.0, 0.05])
            weights = [group[0] for group in groups]
            getattr(mx.nd, name)(*given, *rates, num_weights=2, out=weights, **options)
            return found(*given)

        return run

    def lamb(low, options, bounds):
        def run(mx):
            (group,) = draw(mx, 5 if low else 4, low, ((5, 4),))
            kind = "mp_" if low else ""
            step = getattr(mx.nd, kind + "lamb_update_phase1")(*group, t=3, wd=0.1, **options)
            norms = group[0].astype("float32").norm(), step.norm()
            out = getattr(mx.nd, kind + "lamb_update_phase2")(
                group[0], step, *norms, *group[4:], lr=0.1, **bounds
            )
            return found(step, out, *group)

        return run

    def adamw(many, low, scale):
        def run(mx):
            groups = draw(mx, 5 if low else 4, low)
            name = ("multi_" if many else "") + ("mp_" if low else "") + "adamw_update"
            factor = mx.nd.array([scale])
            step = getattr(mx.nd.contrib, name)
            common = {"beta1": 0.8, "epsilon": 1e-4, "clip_gradient": 0.4}
            if many:
                columns = [list(column) for column in zip(*groups, strict=True)]
                step(*columns, factor, lrs=(0.1, 0.2), wds=(0.1, 0.0), etas=(0.5, 1.0),
                     out=columns[0], **common)  # fmt: skip
            else:
                first = groups[0]
                step(*first, factor, lr=0.1, wd=0.1, eta=0.5, out=first[0], **common)
            # One of MXNet's operators clips the gradient in its own memory.
            return found(*[a for group in groups for k, a in enumerate(group) if k != 1])

        return run

    def multi_lamb(low):
        def run(mx):
            columns = [list(column) for column in zip(*draw(mx, 5 if low else 4, low), strict=True)]
            step = getattr(mx.nd.contrib, f"multi_{'mp_' if low else ''}lamb_update")
            step(*columns, [2, 3], lrs=(0.1, 0.2), wds=(0.1, 0.0), out=columns[0], epsilon=1e-2)
            return found(*[a for column in columns for a in column])

        return run

    def lars(mx):
        arrays = [mx.nd.array(v) for v in ([0.1, 0.2, 0.3], [4, 0, 9], [1, 2, 3], [0.1, 0, 0.2])]
        return mx.nd.multi_lars(*arrays, eta=0.5, eps=0.1, rescale_grad=2.0).asnumpy()

    def reset(mx):
        arrays = [mx.nd.ones((2, 3)), mx.nd.ones((4,))]
        mx.nd.reset_arrays(*arrays, num_arrays=2)
        return found(*arrays)

    def rows(mx):
        weight, history = (mx.nd.ones((4, 2)) * k for k in (2, 0.5))
        grad = mx.nd.array([[0, 0], [1, 2], [0, 0], [3, 4]]).tostype("row_sparse")
        weight, history = (a.tostype("row_sparse") for a in (weight, history))
        mx.nd.sparse.adagrad_update(weight, grad, history, lr=0.1, out=weight, rescale_grad=0.5)
        return found(weight.tostype("default"), history.tostype("default"))

    cases = {"multi_lars": lars, "reset_arrays": reset, "sparse.adagrad_update": rows}
    for low in (False, True):
        mp, extra = ("mp_", 1) if low else ("", 0)
        clip = {"rescale_grad": 0.5, "clip_gradient": 0.4}
        name = f"preloaded_multi_{mp}sgd_update"
        cases[name] = preloaded(name, 2 + extra, low, clip)
        name = f"preloaded_multi_{mp}sgd_mom_update"
        cases[name] = preloaded(name, 3 + extra, low, {"momentum": 0.9, **clip})
        cases[f"{mp}lamb phases"] = lamb(low, {}, {})
        cases[f"{mp}lamb phases bounded"] = lamb(
            low, {"bias_correction": False, **clip}, {"lower_bound": 0.1, "upper_bound": 0.5}
        )
        cases[f"multi_{mp}lamb_update"] = multi_lamb(low)
        for many in (False, True):
            kind = "multi_" if many else ""
            cases[f"{kind}{mp}adamw_update"] = adamw(many, low, 0.5)
            cases[f"{kind}{mp}adamw_update skipped"] = adamw(many, low, float("inf"))
    return cases
