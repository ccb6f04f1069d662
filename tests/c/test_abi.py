"""The header keeps what the newest snapshot in bindings_c/abi/ says."""

import importlib.util
import json
from pathlib import Path

import pytest

spec = importlib.util.spec_from_file_location("abi", Path(__file__).with_name("abi.py"))
abi = importlib.util.module_from_spec(spec)
spec.loader.exec_module(abi)

NOW = abi.snapshot()
OLD = json.loads(abi.newest().read_text())
HOW = (
    "; a released declaration never changes: before a release `python tests/c/abi.py` takes it over"
)


@pytest.mark.parametrize("part", ["functions", "enums", "structs"])
def test_nothing_changed_or_went(part):
    for name, old in OLD[part].items():
        assert name in NOW[part], f"{name} is missing{HOW}"
        new = NOW[part][name]
        if part == "enums":  # may grow
            new = {key: value for key, value in new.items() if key in old}
        assert new == old, f"{name} changed{HOW}"


def test_version_is_that_of_the_snapshot():
    assert NOW["abi_version"] == OLD["abi_version"]


def test_every_function_says_since_when():
    versions = abi.since()
    assert set(NOW["functions"]) - set(versions) <= {
        name for name, text in NOW["functions"].items() if text.startswith("typedef")
    }
    assert not [name for name, version in versions.items() if version is None]


def test_every_enum_value_is_numbered_once():
    text = abi.HEADER.read_text()
    for kind, enum in NOW["enums"].items():
        assert len(set(enum.values())) == len(enum), kind
        unnumbered = [name for name in enum if f"{name} = " not in text]
        assert not unnumbered or not kind.startswith("plait_")
