"""Programs outside the tree find the library with pkg-config and with CMake; valgrind is content."""

import os
import shutil
import subprocess

import pytest

PROGRAM = """
#include <stdio.h>
#include "plait/ops.h"
int main(void) {
  const float data[3] = {1, 2, 3};
  const int64_t shape[1] = {3};
  const plait_device_t cpu = {PLAIT_DEVICE_CPU, 0};
  plait_array_t x = NULL, y = NULL;
  float sum = 0;
  if (plait_array_from_data(data, shape, NULL, 1, PLAIT_DTYPE_FLOAT32, cpu, &x)) return 1;
  if (plait_sum(x, NULL, &y)) return 2;
  if (plait_array_copy_to_host(y, &sum, sizeof sum)) return 3;
  plait_array_free(x);
  plait_array_free(y);
  printf("%s %g\\n", plait_version(), (double)sum);
  return plait_engine_shutdown();
}
"""
CMAKE = """
cmake_minimum_required(VERSION 3.20)
project(outside LANGUAGES C)
find_package(plait 0.1 REQUIRED)
add_executable(program program.c)
target_link_libraries(program plait::plait)
"""


@pytest.fixture
def source(tmp_path):
    (tmp_path / "program.c").write_text(PROGRAM)
    return tmp_path


def run(*command, **kwargs):
    done = subprocess.run(command, capture_output=True, text=True, **kwargs)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_pkg_config(source, library):
    program = shutil.which("pkg-config") or shutil.which("pkgconf")
    if not program:
        pytest.skip("no pkg-config")
    folder = library.path.parent / "pkgconfig"
    env = os.environ | {"PKG_CONFIG_PATH": str(folder)}
    flags = run(program, "--cflags", "--libs", "plait", env=env).split()
    version = run(program, "--modversion", "plait", env=env).strip()
    run(library.compiler("gcc"), source / "program.c", *flags, "-o", source / "program")
    assert run(source / "program") == f"{version} 6\n"


def test_find_package(source, library):
    (source / "CMakeLists.txt").write_text(CMAKE)
    cmake = shutil.which("cmake") or pytest.skip("no cmake")
    folder = library.path.parent / "cmake" / "plait"
    run(cmake, "-S", source, "-B", source / "build", f"-Dplait_DIR={folder}")
    run(cmake, "--build", source / "build")
    assert run(source / "build" / "program").endswith(" 6\n")


def test_valgrind(source, library):
    """No invalid access and nothing definitely lost."""
    valgrind = shutil.which("valgrind") or pytest.skip("no valgrind")
    flags = [f"-I{library.include}", str(library.path), f"-Wl,-rpath,{library.path.parent}"]
    run(library.compiler("gcc"), "-g", source / "program.c", *flags, "-o", source / "program")
    env = os.environ | {"PLAIT_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    check = ["--leak-check=full", "--errors-for-leak-kinds=definite", "--error-exitcode=9"]
    run(valgrind, "-q", *check, source / "program", env=env)
