"""Regenerate all generated files of a checkout."""

from pathlib import Path

from . import capi, files

package = Path(__file__).resolve().parent.parent
for name, text in files().items():
    path = package / name
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
        print("wrote", name)
capi.write(package.parent.parent)
