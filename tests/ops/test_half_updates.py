"""Steps of optimisers on float16 and bfloat16: computed in float32, rounded once."""

import numpy as np
import pytest
from harness import HALVES, between, compare, normal

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


def test_whole_numbers_are_refused():
    with pytest.raises(TypeError, match="weight has dtype int32, must be floating"):
        op.invoke("sgd_update", [mx.nd.array(np.ones(3), dtype="int32")] * 2, dict(lr=0.1))
