"""The library of emulated devices that the build makes, and programs that run with it."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def emulated():
    """The file that PLAIT_EMULATED names, or the newest one below build/; None without one."""
    if path := os.environ.get("PLAIT_EMULATED"):
        return Path(path)
    found = ROOT.glob("build/*/kernels/cuda/emulated/libplait_emulated.so")
    return max(found, key=lambda p: p.stat().st_mtime, default=None)


def run(*command, **settings):
    """A Python command with emulated devices; settings are environment variables."""
    environment = {
        **os.environ,
        "PLAIT_DEVICE_LIBRARY": str(emulated()),
        "OMP_NUM_THREADS": "1",
        **settings,
    }
    return subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, timeout=600, env=environment
    )
