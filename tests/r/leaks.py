"""Run the tests of the R package under valgrind: nothing may be lost, no access may be invalid.

    python tests/r/leaks.py              all of bindings_r/tests/testthat
    python tests/r/leaks.py viz files    some of them

The package must be installed where R finds it (R_LIBS). It takes minutes. `leaks.supp` names
the reports that are R's own.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "bindings_r" / "tests" / "testthat"
VALGRIND = (
    "valgrind --quiet --leak-check=full --show-leak-kinds=definite,indirect "
    "--errors-for-leak-kinds=definite,indirect --error-exitcode=9 "
    f"--suppressions={Path(__file__).with_name('leaks.supp')}"
)


def main():
    names = sys.argv[1:] or sorted(p.stem.removeprefix("test-") for p in FOLDER.glob("test-*.R"))
    env = os.environ | {"PLAIT_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "R_COMPILE_PKGS": "0"}
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
    return faults != 0


if __name__ == "__main__":
    sys.exit(main())
