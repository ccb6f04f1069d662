"""Run the tests of the R package under valgrind: nothing may be lost, no access may be invalid.

    python tests/r/leaks.py              all of bindings_r/tests/testthat
    python tests/r/leaks.py viz files    some of them

The package is built first, unless R_LIBS says where it is. It takes minutes, one for R to start
under valgrind and some for what trains, though PLAIT_BRIEF=1 keeps that to two rounds (see
`helper.R` of the tests). `leaks.supp` names the reports that are R's own.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from conftest import build, environment

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "bindings_r" / "tests" / "testthat"
VALGRIND = (
    "valgrind --quiet --leak-check=full --show-leak-kinds=definite,indirect "
    "--errors-for-leak-kinds=definite,indirect --error-exitcode=9 "
    f"--suppressions={Path(__file__).with_name('leaks.supp')}"
)


def faults_of(names, env):
    """How many of the test files valgrind objects to; prints what it says."""
    faults = 0
    for name in names:
        code = (
            f"library(testthat); library(plait); test_dir('{FOLDER}', filter = '^{name}$', "
            "package = 'plait', load_package = 'installed', reporter = 'summary')"
        )
        command = ["R", "--vanilla", "-d", VALGRIND, "-e", code]
        done = subprocess.run(command, env=env, capture_output=True, text=True)
        clean = done.returncode == 0 and "\n==" not in "\n" + done.stderr
        faults += not clean
        print(f"{name}: {'clean' if clean else 'FAULTS'}", flush=True)
        if not clean:
            print(done.stdout[-2000:], done.stderr[-6000:], flush=True)
    return faults


def main():
    names = sys.argv[1:] or sorted(p.stem.removeprefix("test-") for p in FOLDER.glob("test-*.R"))
    single = {"PLAIT_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "R_COMPILE_PKGS": "0"}
    single["PLAIT_BRIEF"] = "1"
    if "R_LIBS" in os.environ:
        return faults_of(names, os.environ | single) != 0
    with tempfile.TemporaryDirectory() as folder:
        return faults_of(names, environment(build(Path(folder))) | single) != 0


if __name__ == "__main__":
    sys.exit(main())
