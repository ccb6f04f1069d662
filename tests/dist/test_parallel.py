"""The checks of parallel.py: ranks of one process, and processes that mpirun starts."""

import pytest
from ranks import checks_of


@pytest.mark.parametrize("size", [2, 4])
@pytest.mark.parametrize("name", checks_of("parallel"))
def test_processes(launched, name, size):
    assert launched("parallel", size)[name] == ""
