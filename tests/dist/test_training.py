"""The checks of training.py and resnet.py with 2 and 4 processes."""

import pytest
from ranks import checks_of


@pytest.mark.parametrize("size", [2, 4])
@pytest.mark.parametrize("name", checks_of("training"))
def test_processes(launched, name, size):
    assert launched("training", size)[name] == ""


@pytest.mark.parametrize("size", [2, 4])
@pytest.mark.parametrize("name", checks_of("resnet"))
def test_resnet(launched, name, size):
    assert launched("resnet", size)[name] == ""
