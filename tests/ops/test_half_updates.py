"""Steps of optimisers on float16 and bfloat16: computed in float32, rounded once."""

import numpy as np
import pytest
from harness import HALVES, SPECS, between, compare, convert, normal

import plait as mx
from plait import op

COMMON = dict(lr=0.1, wd=0.01, rescale_grad=0.5, clip_gradient=0.4)
CASES = {
    "sgd_update": (0, {}),
    "sgd_mom_update": (1, dict(momentum=0.9)),
    "adam_update": (2, {}),
}


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("name", CASES)
def test_half_step_is_the_rounded_step(name, dtype):
    states, own = CASES[name]
    given = [normal(40), normal(40) * 2, between(0.1, 1, 40), between(0.1, 1, 40)][: 2 + states]
    half = [mx.nd.array(x, dtype=dtype) for x in given]
    wide = [x.astype("float32") for x in half]
    got = op.invoke(name, half, dict(COMMON, **own))
    want = op.invoke(name, wide, dict(COMMON, **own))
    for g, w in zip([got, *half[2:]], [want, *wide[2:]], strict=True):
        compare(g.astype("float32").asnumpy(), w.asnumpy(), dtype)


MULTI = [
    n for n, spec in SPECS.items() if n.startswith("multi_") and "_mp_" not in n and spec.samples
]


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("name", MULTI)
def test_half_step_of_many_weights_is_the_rounded_step(name, dtype):
    inputs, attrs = SPECS[name].samples[0]
    half = [mx.nd.array(x, dtype=dtype) for x in convert(inputs, dtype)]
    wide = [x.astype("float32") for x in half]
    got, want = (op.invoke(name, arrays, attrs) for arrays in (half, wide))
    got, want = (list(x) if isinstance(x, (list, tuple)) else [x] for x in (got, want))
    for g, w in zip([*got, *half], [*want, *wide], strict=True):
        compare(g.astype("float32").asnumpy(), w.asnumpy(), dtype)


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize(
    ("name", "plain", "states"),
    [
        ("mp_sgd_update", "sgd_update", 0),
        ("mp_sgd_mom_update", "sgd_mom_update", 1),
        ("mp_nag_mom_update", "nag_mom_update", 1),
    ],
)
def test_step_with_a_master_is_that_of_the_master(name, plain, states, dtype):
    own = dict(COMMON, momentum=0.9) if states else COMMON
    master, grad, state = (mx.nd.array(normal(40) / k) for k in (1, 2, 3))
    half, low = master.astype(dtype), grad.astype(dtype)
    kept = [state.copy() for _ in range(states)]
    out = op.invoke(name, [half, low, *kept, master], own)
    wide = [mx.nd.array(normal(40)), low.astype("float32"), *[state] * states]
    want = op.invoke(plain, wide, own).asnumpy()
    np.testing.assert_array_equal(master.asnumpy(), want)
    np.testing.assert_array_equal(out.asnumpy(), mx.nd.array(want, dtype=dtype).asnumpy())
    for a in kept:
        np.testing.assert_array_equal(a.asnumpy(), state.asnumpy())


@pytest.mark.parametrize("dtype", HALVES)
def test_phases_of_lamb_with_a_master_are_those_of_the_master(dtype):
    master, grad, mean = (mx.nd.array(normal(40) / k) for k in (1, 2, 3))
    var = mx.nd.array(between(0.1, 1, 40))
    half, low = master.astype(dtype), grad.astype(dtype)
    one, wide = dict(t=2, wd=0.1), [mean.copy(), var.copy()]
    step = op.invoke("mp_lamb_update_phase1", [half, low, mean, var, master], one)
    want = op.invoke("lamb_update_phase1", [master, low.astype("float32"), *wide], one)
    for a, b in zip((step, mean, var), (want, *wide), strict=True):
        np.testing.assert_array_equal(a.asnumpy(), b.asnumpy())
    norms = [mx.nd.array([2.0]), mx.nd.array([0.5])]
    want = op.invoke("lamb_update_phase2", [master, step, *norms], dict(lr=0.1))
    out = op.invoke("mp_lamb_update_phase2", [half, step, *norms, master], dict(lr=0.1))
    np.testing.assert_array_equal(master.asnumpy(), want.asnumpy())
    np.testing.assert_array_equal(out.asnumpy(), want.astype(dtype).asnumpy())


def test_whole_numbers_are_refused():
    with pytest.raises(TypeError, match="weight has dtype int32, must be floating"):
        op.invoke("sgd_update", [mx.nd.array(np.ones(3), dtype="int32")] * 2, dict(lr=0.1))
