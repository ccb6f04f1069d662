"""Runs each test of the executable plait_tests, which the build makes from tests/cpp."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def executable():
    """The executable named by PLAIT_CPP_TESTS, or the newest one below build/; None without one."""
    if path := os.environ.get("PLAIT_CPP_TESTS"):
        return Path(path)
    return max(ROOT.glob("build/*/plait_tests"), key=lambda p: p.stat().st_mtime, default=None)


EXECUTABLE = executable()


def names():
    if EXECUTABLE is None:
        return []
    out = subprocess.run([EXECUTABLE, "--list"], capture_output=True, text=True, check=True)
    return out.stdout.split()


@pytest.mark.parametrize("name", names())
def test_cpp(name):
    done = subprocess.run([EXECUTABLE, name], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


def test_engine_in_serial_mode():
    if EXECUTABLE is None:
        pytest.skip("no plait_tests")
    serial = {**os.environ, "PLAIT_ENGINE": "naive"}
    listed = subprocess.run([EXECUTABLE, "--list"], capture_output=True, text=True, env=serial)
    chosen = [name for name in listed.stdout.split() if name.startswith("engine_")]
    assert "engine_waits_can_be_interrupted" not in chosen and len(chosen) > 5
    done = subprocess.run(
        [EXECUTABLE, *chosen], capture_output=True, text=True, timeout=300, env=serial
    )
    assert done.returncode == 0, done.stderr


def test_executable_is_built():
    if EXECUTABLE is None:
        pytest.skip("no plait_tests: build with -C cmake.define.PLAIT_BUILD_TESTS=ON")
    assert names(), "plait_tests lists no tests"
