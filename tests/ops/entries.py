"""Loads all files of entries; each is loaded once, however many tests import this module."""

import importlib
from pathlib import Path

for path in sorted(Path(__file__).parent.glob("spec_*.py")):
    entries = importlib.import_module(path.stem)
    if hasattr(entries, "register"):
        entries.register()
