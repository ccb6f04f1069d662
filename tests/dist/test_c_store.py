"""The key-value store of several processes from C and C++, without Python in the process."""

import shutil
import subprocess
from pathlib import Path

import pytest
from ranks import HERE, environment

import plait

INCLUDE = HERE.parents[1] / "bindings_c" / "include"
CPP = """
#include <cstdio>
#include "plait/plait.hpp"
using namespace plait::cpp;
int main() {
  KVStore::SetType("dist_device_sync");
  NDArray w(std::vector<float>{1, 2}, Shape(2), Context::cpu());
  KVStore::Init("w", w);
  KVStore::Push("w", w);
  KVStore::Barrier();
  KVStore::Pull("w", &w);
  const bool good = KVStore::GetNumWorkers() == 2 && w.Values()[1] == 4;
  KVStore::SetType("local");
  return good && KVStore::GetNumWorkers() == 1 ? 0 : 3;
}
"""


def build(source, program, standard):
    compiler = "g++" if "++" in standard else "gcc"
    if not shutil.which("mpirun") or not shutil.which(compiler):
        pytest.skip("no mpirun or no compiler")
    folders = [Path(p) / "lib" for p in plait.__path__]
    library = next(p / "libplait.so" for p in folders if (p / "libplait.so").exists())
    flags = [f"-std={standard}", "-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{INCLUDE}"]
    link = [library, f"-Wl,-rpath,{library.parent}", "-lm", "-o", program]
    subprocess.run([compiler, *flags, source, *link], check=True)


def run(*command):
    done = subprocess.run(
        ["mpirun", "-n", "2", *map(str, command)],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment(),
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_c(tmp_path):
    build(HERE / "store.c", tmp_path / "store", "c99")
    run(tmp_path / "store", "dist_sync")


def test_cpp(tmp_path):
    (tmp_path / "store.cc").write_text(CPP)
    build(tmp_path / "store.cc", tmp_path / "store", "c++20")
    run(tmp_path / "store")
