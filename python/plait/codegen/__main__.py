"""Regenerate all generated files of a checkout."""

from pathlib import Path

from . import files, stale

root = Path(__file__).resolve().parents[3]
wanted = files(root)
for path in stale(root, wanted):
    path.unlink()
    print("removed", path.relative_to(root))
for name, text in wanted.items():
    path = root / name
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        print("wrote", name)
