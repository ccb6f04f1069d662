"""Every operator of the registry against its entry."""

import importlib.util
from pathlib import Path

import pytest
from harness import SPECS, arrays, check_gradient, check_values, run

GROUPS = ["elementwise", "reduce", "shape", "index", "create", "random"]

for group in GROUPS:
    path = Path(__file__).with_name(f"spec_{group}.py")
    module_spec = importlib.util.spec_from_file_location(f"spec_{group}", path)
    module_spec.loader.exec_module(importlib.util.module_from_spec(module_spec))

VALUES = [
    pytest.param(s, n, d, id=f"{s.name}-{n}-{d}")
    for s in SPECS.values()
    if s.reference
    for n in range(len(s.samples))
    for d in s.dtypes
]
GRADIENTS = [
    pytest.param(s, n, id=f"{s.name}-{n}") for s in SPECS.values() if s.grad for n in range(len(s.samples))
]
REFUSALS = [pytest.param(s, r, id=f"{s.name}-{i}") for s in SPECS.values() for i, r in enumerate(s.raises)]


@pytest.mark.parametrize(("spec", "sample", "dtype"), VALUES)
def test_values(spec, sample, dtype):
    check_values(spec, *spec.samples[sample], dtype)


@pytest.mark.parametrize(("spec", "sample"), GRADIENTS)
def test_gradient(spec, sample):
    check_gradient(spec, *spec.samples[sample])


@pytest.mark.parametrize(("spec", "case"), REFUSALS)
def test_refuses(spec, case):
    inputs, attrs, error, text = case
    with pytest.raises(error, match=text):
        [r.wait_to_read() for r in run(spec.name, arrays(inputs), attrs)]
