"""The checks of row_sparse.py with 2 and 3 processes."""

import pytest
from ranks import checks_of


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("name", checks_of("row_sparse"))
def test_processes(launched, name, size):
    assert launched("row_sparse", size)[name] == ""
