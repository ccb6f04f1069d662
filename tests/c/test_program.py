"""A C99 and a C++20 program against the installed header and library."""

import subprocess

import pytest

PROGRAM = r"""
#include <stdio.h>
#include "plait/c_api.h"

int main(void) {
  int64_t shape[2] = {2, 3};
  float data[6] = {1, 2, 3, 4, 5, 6};
  plait_device_t cpu = {PLAIT_DEVICE_CPU, 0};
  plait_array_t in[2] = {NULL, NULL}, sum = NULL;
  plait_op_t add = NULL;
  int32_t n = 0;
  if (plait_array_from_data(data, shape, NULL, 2, PLAIT_DTYPE_FLOAT32, cpu, &in[0])) return 1;
  in[1] = plait_array_retain(in[0]);
  if (plait_op_find("add", &add)) return 2;
  if (plait_op_invoke(add, in, 2, NULL, 0, 0, &sum, 1, &n)) return 3;
  if (plait_array_copy_to_host(sum, data, sizeof data)) return 4;
  plait_array_free(in[0]);
  plait_array_free(in[1]);
  plait_array_free(sum);
  printf("%d %g %g %d\n", (int)n, (double)data[0], (double)data[5], (int)plait_array_live_count());
  return plait_engine_shutdown();
}
"""


@pytest.mark.parametrize(
    "language", [("gcc", "c", "c99"), ("g++", "c++", "c++20")], ids=["c99", "c++20"]
)
def test_program(tmp_path, language, library):
    name, kind, standard = language
    program = tmp_path / "program"
    subprocess.run(
        [
            library.compiler(name),
            f"-std={standard}",
            "-Wall",
            "-Wextra",
            "-Wpedantic",
            "-Werror",
            f"-I{library.include}",
            "-x",
            kind,
            "-",
            "-x",
            "none",
            str(library.path),
            f"-Wl,-rpath,{library.path.parent}",
            "-o",
            str(program),
        ],
        input=PROGRAM,
        text=True,
        check=True,
    )
    done = subprocess.run([program], capture_output=True, text=True, check=True)
    assert done.stdout == "1 2 12 0\n"
