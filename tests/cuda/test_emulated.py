"""Kernels for CUDA on emulated devices: the same files, compiled for the CPU.

A process has the library that it first asked for, so all that needs a device runs in processes of
its own.
"""

import json
import re
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "dist"))
import ranks
from library import ROOT, emulated, run

HERE = Path(__file__).parent
pytestmark = pytest.mark.skipif(emulated() is None, reason="the build has no emulated devices")


@pytest.mark.parametrize(
    "path", sorted((HERE / "on_device").glob("test_*.py")), ids=lambda p: p.stem
)
def test_on_device(path):
    done = run(
        "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", str(path), "--rootdir", str(ROOT)
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]


def test_with_all_work_in_other_threads():
    """Nothing is enqueued by the thread that calls, and several do it at once."""
    path = str(HERE / "on_device")
    command = ("-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", path)
    done = run(*command, PLAIT_NUM_THREADS="4", PLAIT_INLINE_NS="0")
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]


@pytest.mark.parametrize("part", range(4))
def test_entries(part):
    """The entries of tests/ops of all operators that have a kernel."""
    done = run(str(HERE / "entries_on_device.py"), str(part), "4")
    assert done.returncode == 0, done.stderr[-8000:]
    result = json.loads(done.stdout)
    print(
        f"{result['operators']} operators, {result['values']} values, {result['gradients']} gradients"
    )
    assert not result["failures"], "\n".join(result["failures"])
    assert result["values"] > 100 and result["gradients"] > 10


def program(text, **settings):
    return run("-c", "import plait as mx\n" + text, **settings)


def test_host_memory_is_apart():
    """Code of the host that touches memory of a device ends at once, so no test passes by it."""
    done = program(
        "import ctypes, re\nx = mx.nd.ones(1 << 22, ctx=mx.gpu(0)); x.wait_to_read()\n"
        "lines = [l for l in open('/proc/self/maps') if '---p' in l]\n"
        "spans = [[int(n, 16) for n in re.split('[- ]', l)[:2]] for l in lines]\n"
        "start = max(spans, key=lambda s: s[1] - s[0])[0]\n"
        "print(x.sum().asscalar(), flush=True)\nctypes.string_at(start, 4)"
    )
    assert float(done.stdout) == 1 << 22 and done.returncode == -11, done.stderr


def test_a_failure_comes_at_the_next_read_with_the_operator():
    text = (
        "x = mx.nd.ones(3, ctx=mx.gpu(0))\ny = mx.nd.relu(x) + 1\nprint('enqueued')\n"
        "for _ in range(2):\n"
        "    try:\n        y.asnumpy()\n"
        "    except mx.MXNetError as error:\n        print(type(error).__name__, error)\n"
    )
    done = program(text, PLAIT_EMULATED_FAIL="relu")
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert lines[0] == "enqueued" and len(lines) == 3
    assert "gpu(0)" in lines[1] and "relu" in lines[1]
    serial = program(text, PLAIT_EMULATED_FAIL="relu", PLAIT_ENGINE="naive")
    assert "DeviceError: relu: gpu(0)" in serial.stderr and "in relu" in serial.stderr


def test_memory_runs_out():
    done = program(
        "kept = []\n"
        "try:\n    for _ in range(100): kept.append(mx.nd.empty((1 << 26,), ctx=mx.gpu(0)))\n"
        "except MemoryError as error: print(len(kept), error)\n"
        "kept.clear()\nprint(mx.nd.ones((1 << 20,), ctx=mx.gpu(0)).sum().asscalar())"
    )
    assert done.returncode == 0, done.stderr
    first, last = done.stdout.splitlines()
    assert first.startswith("7 ") or first.startswith("8 ")
    assert "out of memory" in first and float(last) == 1 << 20


def test_number_of_devices():
    done = program(
        "print(mx.num_gpus(), mx.runtime.Features().is_enabled('CUDA'))", PLAIT_EMULATED_DEVICES="3"
    )
    assert done.stdout.split() == ["3", "True"], done.stderr
    gone = program(
        "print(mx.num_gpus())\ntry: mx.nd.ones(2, ctx=mx.gpu(0))\nexcept mx.MXNetError as e: print(e)",
        PLAIT_DEVICE_LIBRARY="/nowhere/libplait_cuda.so",
    )
    first, *rest = gone.stdout.splitlines()
    assert first == "0" and "gpu(0), must be a cpu" in rest[0] and "/nowhere" in rest[1]


@pytest.mark.skipif(shutil.which("mpirun") is None, reason="no mpirun")
@pytest.mark.parametrize("nccl", [1, 0])
def test_ranks_with_a_device_each(nccl, tmp_path):
    """Through NCCL, and without it through the memory of the host, as each rank says."""
    done = ranks.mpirun(
        2,
        HERE / "ranks_on_gpus.py",
        PLAIT_DEVICE_LIBRARY=emulated(),
        PLAIT_NCCL=nccl,
        PLAIT_DIST_CHECK=1,
        TMPDIR=tmp_path,
    )
    assert done.returncode == 0, done.stderr[-6000:]
    assert done.stdout.count('"nccl": true' if nccl else '"nccl": false') == 2
    said = "arrays on gpu(0) go through the memory of the host. NCCL: PLAIT_NCCL=0 forbids it"
    assert done.stderr.count(said) == (0 if nccl else 2)
    assert not list(tmp_path.glob("plait-emulated-*"))  # every message was read


@pytest.mark.skipif(shutil.which("mpirun") is None, reason="no mpirun")
def test_a_rank_that_dies_ends_the_exchange(tmp_path):
    path = tmp_path / "dies.py"
    path.write_text(
        "import os, signal\nimport plait as mx\ncomm = mx.dist.world()\n"
        "x = mx.nd.ones(3, ctx=mx.gpu(0))\ncomm.allreduce(x, wait=True)\n"
        "if comm.rank == 1: os.kill(os.getpid(), signal.SIGKILL)\n"
        "try: comm.allreduce(x, name='w', wait=True)\n"
        "except mx.MXNetError as error: print(error, flush=True)\n"
    )
    done = ranks.mpirun(2, path, timeout=60, PLAIT_DEVICE_LIBRARY=emulated(), TMPDIR=tmp_path)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert re.search(r"allreduce of float32 \(3,\) sum 'w'.*rank 1 .*died|signal 9", said), said


def test_a_failure_of_the_exchange_ends_all_ranks():
    done = program(
        "ranks = mx.dist.group(2)\n"
        "arrays = [mx.nd.ones(3, ctx=mx.gpu(i)) for i in range(2)]\n"
        "for r, a in zip(ranks, arrays): r.allreduce(a, name='w')\n"
        "for a in arrays:\n"
        "    try: a.asnumpy()\n"
        "    except mx.MXNetError as error: print(error)\n"
        "try: ranks[0].allreduce(arrays[0], wait=True)\n"
        "except mx.MXNetError as error: print(error)\n",
        PLAIT_EMULATED_FAIL="exchange",
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 3 and all("allreduce of float32 (3,) sum 'w'" in line for line in lines)
    assert all("illegal memory access in exchange" in line for line in lines)


def test_without_nccl_the_store_says_what_is_missing():
    text = "try: mx.kv.create('nccl')\nexcept mx.MXNetError as error: print(error)\n"
    text += "print(mx.runtime.Features().is_enabled('NCCL'))"
    forbidden = program(text, PLAIT_NCCL="0")
    assert "kvstore: type is 'nccl'" in forbidden.stdout and "PLAIT_NCCL=0" in forbidden.stdout
    assert forbidden.stdout.endswith("False\n")
    gone = program(text, PLAIT_DEVICE_LIBRARY="/nowhere/libplait_cuda.so")
    assert "/nowhere" in gone.stdout and "`make cuda` builds it" in gone.stdout
    assert gone.stdout.endswith("False\n")
