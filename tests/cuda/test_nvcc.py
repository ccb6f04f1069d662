"""What nvcc makes of a few files; `make cuda` compiles and links all of them."""

import shutil
import subprocess
from pathlib import Path

import pytest

CORE = Path(__file__).parents[2] / "core"
FLAGS = (
    "-std=c++20 -x cu -c -arch=sm_80 -O1 --extended-lambda --expt-relaxed-constexpr "
    "-Xcompiler=-fPIC -DPLAIT_DEVICE"
).split()


@pytest.mark.skipif(shutil.which("nvcc") is None, reason="needs nvcc")
@pytest.mark.parametrize("name", ["kernels/cuda/real/runtime.cu", "ops/optim/lion.cc"])
def test_a_file_compiles_for_a_device(name, tmp_path):
    command = ["nvcc", *FLAGS, '-DPLAIT_VERSION_STRING="0"', f"-I{CORE}", name]
    out = tmp_path / "file.o"
    done = subprocess.run([*command, "-o", out], cwd=CORE, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    assert out.stat().st_size > 1000
