"""Generated files say what the registry says."""

from pathlib import Path

import pytest

from plait import codegen

ROOT = Path(__file__).resolve().parents[2]
FILES = codegen.files(ROOT)


@pytest.mark.parametrize("name", FILES)
def test_is_up_to_date(name):
    assert (ROOT / name).read_text() == FILES[name], f"{name}: run `python -m plait.codegen`"


def test_no_page_of_what_is_gone():
    assert not codegen.stale(ROOT, FILES)
