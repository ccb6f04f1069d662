"""Every operator of the registry against its entry."""

import entries  # noqa: F401  loads the entries
import pytest
from harness import (
    SPECS,
    arrays,
    check_gradient,
    check_second_gradient,
    check_values,
    normal,
    run,
)

import plait as mx
from plait import op

VALUES = [
    pytest.param(s, n, d, id=f"{s.name}-{n}-{d}")
    for s in SPECS.values()
    if s.reference
    for n in range(len(s.samples))
    for d in s.dtypes
]
GRADIENTS = [
    pytest.param(s, n, id=f"{s.name}-{n}")
    for s in SPECS.values()
    if s.grad
    for n in range(len(s.samples[: s.samples_grad]))
]
SECOND = [p for p in GRADIENTS if p.values[0].second]
REFUSALS = [
    pytest.param(s, r, id=f"{s.name}-{i}") for s in SPECS.values() for i, r in enumerate(s.raises)
]


@pytest.mark.parametrize(("spec", "sample", "dtype"), VALUES)
def test_values(spec, sample, dtype):
    check_values(spec, *spec.samples[sample], dtype)


@pytest.mark.parametrize(("spec", "sample"), GRADIENTS)
def test_gradient(spec, sample):
    check_gradient(spec, *spec.samples[sample])


@pytest.mark.parametrize(("spec", "sample"), SECOND)
def test_second_gradient(spec, sample):
    check_second_gradient(spec, *spec.samples[sample])


@pytest.mark.parametrize(("spec", "case"), REFUSALS)
def test_refuses(spec, case):
    inputs, attrs, error, text = case
    with pytest.raises(error, match=text):
        [r.wait_to_read() for r in run(spec.name, arrays(inputs), attrs)]


def own_operators():
    """Those of a gradient are tested through the operator they serve."""
    return [name for name in op.list_operators() if "_backward" not in name]


@pytest.mark.parametrize("name", own_operators())
def test_has_an_entry(name):
    assert name in SPECS


def test_make_loss_ignores_what_comes_from_behind():
    x = arrays([normal(3, 4)])[0]
    x.attach_grad()
    with mx.autograd.record():
        y = op.invoke(
            "multiply_scalar", [op.invoke("make_loss", [x], {"grad_scale": 2.0})], {"scalar": 5.0}
        )
    y.backward()
    assert (x.grad.asnumpy() == 2).all()
