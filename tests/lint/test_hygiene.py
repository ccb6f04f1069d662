"""Names and texts that must not enter the repository."""

import re

import pytest
from tree import ROOT, files, read

TEXT = [f for f in files() if f.suffix not in {".png", ".params", ".rec", ".idx", ".gz", ".npy"}]
MACHINE_PATH = re.compile(r"""(?<![\w.~}/])/(?:work|tmp|root|home)(?:/[\w.]|\b(?=["'\s]))""")
REGISTRY = re.compile(
    r"\b(?:pypi|pythonhosted|debian|ubuntu|anaconda|rproject|crates)\.(?:org|com|io)\b"
)


@pytest.mark.parametrize("path", TEXT, ids=str)
def test_no_machine_paths_or_registry_hosts(path):
    text = read(path)
    assert not MACHINE_PATH.findall(text)
    assert not REGISTRY.findall(text)


def test_cython_folder_has_no_init():
    """With one, `import cython` from the root would give our folder instead of the compiler."""
    assert not list((ROOT / "cython").glob("__init__*"))


def test_ignore_list_hides_no_source_folder():
    lines = {line.strip("/ ") for line in read(".gitignore").splitlines()}
    assert not lines & {"core", "python", "cython", "tests", "examples"}


def test_root_holds_only_the_agreed_entries():
    folders = {f.parts[0] for f in files() if len(f.parts) > 1 and not f.parts[0].startswith(".")}
    agreed = {"core", "cython", "bindings_c", "bindings_r", "python", "tests", "examples"}
    assert folders <= agreed
    plain = {f.name for f in files() if len(f.parts) == 1 and not f.name.startswith(".")}
    named = {
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "Makefile",
    }
    assert plain <= named


def test_no_ctypes_in_the_package():
    for path in files():
        if path.parts[:2] == ("python", "plait") and path.suffix == ".py":
            assert not re.search(r"^\s*(?:import|from) ctypes\b", read(path), re.MULTILINE), path
