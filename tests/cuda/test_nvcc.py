"""What nvcc makes of a few files; `make cuda` compiles and links all of them."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = ROOT / "core"
LIBRARY = ROOT / "build/cuda/kernels/cuda/real/libplait_cuda.so"
# The folder of NCCL's header: that of its wheel, or the one that PLAIT_NCCL_INCLUDE names.
NCCL = [
    *filter(None, [os.environ.get("PLAIT_NCCL_INCLUDE")]),
    *Path(sysconfig.get_path("purelib")).glob("nvidia/nccl/include"),
]
FLAGS = (
    "-std=c++20 -x cu -c -arch=sm_80 -O1 --extended-lambda --expt-relaxed-constexpr "
    "-Xcompiler=-fPIC -DPLAIT_DEVICE"
).split()


@pytest.mark.skipif(shutil.which("nvcc") is None, reason="needs nvcc")
@pytest.mark.parametrize(
    "name", ["kernels/cuda/real/runtime.cu", "kernels/cuda/real/nccl.cu", "ops/optim/lion.cc"]
)
def test_a_file_compiles_for_a_device(name, tmp_path):
    command = ["nvcc", *FLAGS, '-DPLAIT_VERSION_STRING="0"', f"-I{CORE}", name]
    out = tmp_path / "file.o"
    done = subprocess.run([*command, "-o", out], cwd=CORE, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    assert out.stat().st_size > 1000


@pytest.mark.skipif(shutil.which("nvcc") is None, reason="needs nvcc")
@pytest.mark.skipif(not NCCL, reason="needs nccl.h: pip install nvidia-nccl-cu13")
def test_nccl_is_declared_as_its_header_does(tmp_path):
    source = Path(__file__).parent / "nccl_declarations.cu"
    command = ["nvcc", *FLAGS, f"-I{CORE}", f"-I{NCCL[0]}", source, "-o", tmp_path / "file.o"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]


@pytest.mark.skipif(not LIBRARY.exists(), reason="needs `make cuda`")
def test_the_library_loads_without_a_driver():
    text = (
        "import plait as mx\nprint(mx.num_gpus() >= 0, mx.op.runs_on('softmax', 'gpu'), "
        "mx.op.runs_on('ctc_loss', 'gpu'))\n"
        "try: mx.kv.create('nccl')\nexcept mx.MXNetError as error: print(error)"
    )
    environment = {**os.environ, "PLAIT_DEVICE_LIBRARY": str(LIBRARY)}
    environment.pop("PLAIT_NCCL_LIBRARY", None)
    done = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, env=environment
    )
    assert done.stdout.split()[:3] == ["True", "True", "False"], done.stderr
    assert "no library is there" in done.stdout and "PLAIT_NCCL_LIBRARY" in done.stdout
