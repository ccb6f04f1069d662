"""What the tests of the layout share: the files of the repository, by folder and kind."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("core", "cython", "bindings_c", "bindings_r", "python", "tests", "examples")
CODE = {".cc", ".h", ".hpp", ".cu", ".cuh", ".c", ".py", ".pyi", ".pyx", ".pxd", ".R", ".cmake"}


def files():
    """Every file that is tracked, or new and not ignored, as a path from the root."""
    out = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [Path(line) for line in out.stdout.splitlines() if (ROOT / line).is_file()]


def generated():
    """A function path -> bool: is it marked linguist-generated in .gitattributes?"""
    lines = (ROOT / ".gitattributes").read_text().splitlines()
    globs = [line.split()[0] for line in lines if line.endswith("linguist-generated")]
    stars = [re.escape(g).replace(r"/\*\*", "/.*").replace(r"\*", "[^/]*") for g in globs]
    pattern = re.compile("|".join(stars))
    return lambda path: bool(pattern.fullmatch(path.as_posix()))


def code_files():
    """Hand-written program files below FOLDERS: neither generated nor third-party."""
    is_generated = generated()
    return [
        f
        for f in files()
        if f.parts[0] in FOLDERS
        and f.suffix in CODE
        and "third_party" not in f.parts
        and not is_generated(f)
    ]


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def line_count(path):
    return read(path).count("\n")
