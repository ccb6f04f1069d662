"""A program over ops.h, in C99 and C++20."""

import subprocess

import pytest

PROGRAM = r"""
#include <stdio.h>
#include <string.h>
#include "plait/ops.h"

#define CHECK(call)                                                          \
  do {                                                                       \
    if ((call) != PLAIT_OK) {                                                \
      printf("line %d: %s\n", __LINE__, plait_last_error());                 \
      return 1;                                                              \
    }                                                                        \
  } while (0)

static void show(const char* what, plait_array_t x) {
  float values[16];
  const int64_t n = plait_array_size(x);
  plait_array_copy_to_host(x, values, n * (int64_t)sizeof *values);
  printf("%s:", what);
  for (int64_t i = 0; i < n; ++i) printf(" %g", (double)values[i]);
  printf("\n");
  plait_array_free(x);
}

int main(void) {
  const int64_t shape[2] = {2, 3}, axis[1] = {0};
  const float data[6] = {1, 2, 3, 4, 5, 6};
  const plait_device_t cpu = {PLAIT_DEVICE_CPU, 0};
  plait_array_t x = NULL, y = NULL, parts[3] = {NULL, NULL, NULL}, pair[2];
  int32_t n = 0;
  CHECK(plait_array_from_data(data, shape, NULL, 2, PLAIT_DTYPE_FLOAT32, cpu, &x));

  CHECK(plait_add(x, x, &y));
  show("add", y), y = NULL;

  plait_sum_attrs_t sum = plait_sum_defaults();
  CHECK(plait_sum(x, NULL, &y)); /* None: all axes */
  show("sum", y), y = NULL;
  sum.axis = axis, sum.axis_size = 1;
  CHECK(plait_sum(x, &sum, &y));
  show("sum of axis 0", y), y = NULL;

  pair[0] = pair[1] = x;
  plait_concat_attrs_t concat = plait_concat_defaults();
  concat.dim = 0;
  CHECK(plait_concat(pair, 2, &concat, &y));
  show("concat", y), y = NULL;

  plait_split_attrs_t split = plait_split_defaults();
  split.axis = 1;
  CHECK(plait_split(x, 3, &split, parts, 3, &n));
  printf("%d parts\n", (int)n);
  for (int i = 0; i < 3; ++i) show("part", parts[i]);

  CHECK(plait_fully_connected(x, x, NULL, 2, NULL, &y) == PLAIT_OK ? PLAIT_ERR_INTERNAL : PLAIT_OK);
  plait_fully_connected_attrs_t fc = plait_fully_connected_defaults();
  fc.no_bias = 1;
  CHECK(plait_fully_connected(x, x, NULL, 2, &fc, &y));
  show("fully_connected", y), y = NULL;

  const double stop = 3;
  plait_arange_attrs_t arange = plait_arange_defaults();
  arange.stop = &stop;
  CHECK(plait_arange(&arange, &y));
  show("arange", y), y = NULL;

  if (plait_log_softmax(NULL, NULL, &y) != PLAIT_ERR_INVALID_ARGUMENT) return 2;
  plait_array_free(x);
  printf("%d left\n", (int)plait_array_live_count());
  return plait_engine_shutdown();
}
"""

OUTPUT = """\
add: 2 4 6 8 10 12
sum: 21
sum of axis 0: 5 7 9
concat: 1 2 3 4 5 6 1 2 3 4 5 6
3 parts
part: 1 4
part: 2 5
part: 3 6
fully_connected: 14 32 32 77
arange: 0 1 2
0 left
"""


@pytest.mark.parametrize(
    "language", [("gcc", "c", "c99"), ("g++", "c++", "c++20")], ids=["c99", "c++20"]
)
def test_functions_of_operators(tmp_path, language, library):
    name, kind, standard = language
    program = tmp_path / "program"
    flags = [f"-std={standard}", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    command = [
        library.compiler(name),
        *flags,
        f"-I{library.include}",
        "-x",
        kind,
        "-",
        "-x",
        "none",
    ]
    command += [str(library.path), f"-Wl,-rpath,{library.path.parent}", "-o", str(program)]
    subprocess.run(command, input=PROGRAM, text=True, check=True)
    done = subprocess.run([program], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert done.stdout == OUTPUT
