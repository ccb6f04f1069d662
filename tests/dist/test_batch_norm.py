"""The checks of batch_norm.py with 2 and 3 processes."""

import pytest
from ranks import checks_of


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("name", checks_of("batch_norm"))
def test_processes(launched, name, size):
    assert launched("batch_norm", size)[name] == ""
