"""Time of one call from C and from R, beside R's own arithmetic, as a table.

    python tests/bench/calls.py              both
    python tests/bench/calls.py --only C     one of them; R needs the package installed (R_LIBS)

Arrays are float32 of 4 x 4 unless the label says otherwise; the best of many rounds counts, so
other work on the machine matters little.
"""

import argparse
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import plait

HERE = Path(__file__).resolve().parent / "calls"
INCLUDE = HERE.parents[2] / "bindings_c" / "include"


def run_c(env):
    """Lines "label<tab>nanoseconds" of calls.c."""
    folders = [Path(p) / "lib" for p in plait.__path__]
    library = next(p / "libplait.so" for p in folders if (p / "libplait.so").exists())
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "calls"
        command = ["gcc", "-O2", "-std=gnu99", f"-I{INCLUDE}", HERE / "calls.c", library]
        subprocess.run([*command, f"-Wl,-rpath,{library.parent}", "-o", program], check=True)
        return subprocess.run([program], env=env, capture_output=True, text=True, check=True).stdout


def run_r(env):
    """The same of calls.R."""
    if not shutil.which("Rscript"):
        return ""
    command = ["Rscript", HERE / "calls.R"]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", choices=["C", "R"])
    only = parser.parse_args().only
    env = os.environ | {"PLAIT_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    for language, run in (("C", run_c), ("R", run_r)):
        if only in (None, language):
            for line in run(env).splitlines():
                label, time = line.split("\t")
                print(f"{language}  {label:32} {int(time):>12,} ns", flush=True)


if __name__ == "__main__":
    main()
