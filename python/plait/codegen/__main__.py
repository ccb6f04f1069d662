"""Regenerate all generated files of a checkout."""

from pathlib import Path

from . import files

root = Path(__file__).resolve().parents[3]
for name, text in files(root).items():
    path = root / name
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        print("wrote", name)
