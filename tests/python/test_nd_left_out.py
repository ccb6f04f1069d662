"""python/docs/nd.md names the operators of MXNet that are absent: they are."""

import re
from pathlib import Path

import pytest

import plait as mx

DOCS = Path(__file__).parents[2] / "python" / "docs" / "nd.md"
ROWS = DOCS.read_text().partition("## Operators that are left out")[2].splitlines()
NAMES = [
    name
    for row in ROWS
    for name in re.findall("`([^`]+)`", row.split("|")[1] if "|" in row else "")
]


def find(name, place):
    for part in name.split("."):
        place = getattr(place, part, None)
    return place


@pytest.mark.parametrize("name", NAMES)
def test_is_left_out(name):
    assert find(name, mx.nd) is None and find(name, mx.sym) is None


def test_the_table_is_read():
    assert "contrib.count_sketch" in NAMES and len(NAMES) > 15


def test_mixed_dtypes_are_promoted():
    whole, real = mx.nd.array([1, 2], dtype="int32"), mx.nd.array([0.5, 1])
    for y in (
        whole + real,
        real * whole,
        mx.nd.maximum(whole, real),
        mx.nd.broadcast_add(real, whole),
    ):
        assert y.dtype_name == "float32"
    np_like = mx.nd.ones(2, dtype="float16") + mx.nd.ones(2, dtype="float64")
    assert np_like.dtype_name == "float64"
