"""Generated files say what the registry says."""

from pathlib import Path

from plait import codegen
from plait.codegen import capi

PACKAGE = Path(codegen.__file__).resolve().parents[1]
ROOT = Path(__file__).resolve().parents[2]


def test_functions_are_up_to_date():
    for name, text in codegen.files().items():
        assert (PACKAGE / name).read_text() == text, f"{name}: run `python -m plait.codegen`"


def test_declarations_are_up_to_date():
    header = (ROOT / "bindings_c/include/plait/c_api.h").read_text()
    assert (ROOT / "cython/plait/_capi.pxd").read_text() == capi.declarations(header)
