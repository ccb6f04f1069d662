"""R CMD check has 0 errors, 0 warnings, 0 notes. Tests and vignettes run in tests of their own."""

import shutil
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "bindings_r"


def test_check(r_command, tmp_path):
    source = tmp_path / "plait"
    shutil.copytree(PACKAGE, source, ignore=shutil.ignore_patterns("*.o", "*.so", "Makevars"))
    r_command("CMD", "build", "--no-build-vignettes", str(source), cwd=tmp_path)
    archive = next(tmp_path.glob("plait_*.tar.gz"))
    flags = ["--no-manual", "--no-tests", "--ignore-vignettes", "--no-build-vignettes"]
    out = r_command("CMD", "check", *flags, str(archive), cwd=tmp_path)
    assert "Status: OK" in out, out[-6000:]
