"""testthat of bindings_r, one file at a time."""

from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "bindings_r" / "tests" / "testthat"


@pytest.mark.parametrize("file", sorted(p.name for p in FOLDER.glob("test-*.R")))
def test_testthat(file, rscript):
    name = file.removeprefix("test-").removesuffix(".R")
    rscript(
        "-e",
        "library(testthat); library(plait); "
        f"test_dir('{FOLDER}', filter = '^{name}$', package = 'plait', "
        "load_package = 'installed', reporter = 'summary', stop_on_warning = TRUE)",
    )
