"""A rank that fails ends the job with its number and the operation; the next start resumes."""

import re
import shutil
import subprocess
import sys
import threading

import pytest
from ranks import HERE, environment

import plait as mx

# What the others wait for: usually the first operation of a step, or the last one of that before.
WAITING = r"'(batch size|dense0_weight and 3 more)'"

needs_mpirun = pytest.mark.skipif(not shutil.which("mpirun"), reason="no mpirun")


def launch(n, mode, folder, *options):
    command = [sys.executable, "-m", "plait.launch", "-n", str(n), *options]
    return subprocess.run(
        [*command, str(HERE / "failing.py"), mode, str(folder)],
        capture_output=True,
        text=True,
        timeout=300,
        env=environment(),
    )


@needs_mpirun
@pytest.mark.parametrize(
    ("mode", "size", "options", "pattern"),
    [
        ("kill", 4, [], r"rank 3.*(died|signal 9)"),
        ("stop", 3, ["--heartbeat", "2"], WAITING + r".*rank 2 \(process \d+\) is stopped"),
        ("raise", 2, [], WAITING + r".*rank 1 failed: RuntimeError: no more data"),
        ("exit", 2, [], WAITING + r".*rank 1 has ended without it"),
        ("hang", 2, ["--timeout", "3"], WAITING + r".*waited 3 s for rank 1"),
        (
            "order",
            2,
            ["--check"],
            r"rank 0 calls allreduce.*'even'.*rank 1 calls broadcast.*'other'",
        ),
        ("shape", 3, [], r"'even'.*rank 2 sent 20 bytes, must be 16"),
        (
            "shape",
            2,
            ["--check"],
            r"rank 0 calls allreduce of float32 \(4,\).*rank 1 calls allreduce of float32 \(5,\)",
        ),
        (
            "keys",
            2,
            [],
            r"sum over ranks: rank \d comes with key '(left|right)', must be that of all",
        ),
        ("skip", 2, [], r"rank 1 leaves sums over ranks out"),
        ("disk", 2, [], r"FileError: .*File too large"),
    ],
    ids=lambda x: x if isinstance(x, str) and x.isalpha() else "",
)
def test_job_ends_with_a_message_and_resumes(tmp_path, mode, size, options, pattern):
    done = launch(size, mode, tmp_path, *options)
    assert done.returncode != 0
    assert re.search(pattern, done.stderr), done.stderr
    if mode in ("kill", "disk", "stop") or (mode, size) == ("shape", 3):
        again = launch(2 if mode == "kill" else 3, "none", tmp_path)
        assert "start 8" in again.stdout, again.stdout + again.stderr
        assert "end" in again.stdout


def can_mount():
    """Whether this user may mount a disk of his own."""
    test = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"]
    return shutil.which("unshare") and not subprocess.run(test, capture_output=True).returncode


@needs_mpirun
@pytest.mark.skipif(not can_mount(), reason="may not mount")
def test_disk_that_is_full_while_a_checkpoint_is_written(tmp_path):
    start = f"'{sys.executable}' -m plait.launch -n 2 '{HERE / 'failing.py'}'"
    script = f"""
        mount -t tmpfs -o size=300k none '{tmp_path}'
        {start} fill '{tmp_path}' && exit 1
        rm '{tmp_path}/filler'
        {start} none '{tmp_path}'
    """
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script],
        capture_output=True,
        text=True,
        timeout=300,
        env=environment(),
    )
    assert done.returncode == 0, done.stderr
    assert "No space left on device" in done.stderr
    assert done.stdout.split()[:4] == ["start", "0", "start", "8"]


@needs_mpirun
def test_job_that_is_stopped_for_a_while_goes_on(tmp_path):
    done = launch(2, "pause", tmp_path, "--heartbeat", "1")
    assert done.returncode == 0, done.stderr
    assert "end" in done.stdout


def run_ranks(size, body):
    """What body(comm) raises on each rank of this process; None where nothing."""
    errors = [None] * size

    def run(comm):
        try:
            body(comm)
        except Exception as error:
            errors[comm.rank] = str(error)
            comm.abort(str(error))

    threads = [threading.Thread(target=run, args=(c,)) for c in mx.dist.group(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def test_unequal_shapes_fail_on_all_ranks():
    def body(comm):
        data = mx.nd.ones((5 if comm.rank == 2 else 4,))
        comm.allreduce(data, name="odd")
        data.wait_to_read()

    for text in run_ranks(3, body):
        assert re.search(r"allreduce of float32 \(\d,\) sum 'odd'.*sent \d+ bytes, must be", text)


def test_later_operations_fail_as_well():
    def body(comm):
        if comm.rank == 1:
            comm.abort("rank 1 gives up")
        for _ in range(2):
            try:
                comm.allreduce(data := mx.nd.ones((4,)))
                data.wait_to_read()
            except mx.MXNetError as error:
                assert "rank 1 gives up" in str(error)
            else:
                raise AssertionError
        comm.allreduce(data := mx.nd.ones((4,)))
        data.wait_to_read()

    assert all("rank 1 gives up" in text for text in run_ranks(3, body))


def test_input_that_cannot_be_computed_fails_on_all_ranks():
    def body(comm):
        data = mx.nd.eye(900)  # large enough not to run at once
        if comm.rank == 1:
            data = mx.nd.linalg.potrf(-data)
        comm.allreduce(data, name="bad")
        data.wait_to_read()

    texts = run_ranks(3, body)
    assert "not positive definite" in texts[1] or "left it out" in texts[1]
    # Rank 1 tells the others by itself, unless the reader above was faster.
    for text in (texts[0], texts[2]):
        assert "'bad'" in text
        assert "rank 1 left it out" in text or "not positive definite" in text


@needs_mpirun
def test_library_of_another_mpirun():
    program = "import plait as mx; mx.dist.world()"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env=environment(OMPI_COMM_WORLD_SIZE=2),
    )
    assert done.returncode != 0
    assert "there is 1 rank, must be 2 as its starter says" in done.stderr


@needs_mpirun
def test_threads_of_mpi_must_suffice():
    pytest.importorskip("mpi4py")
    program = (
        "import mpi4py; mpi4py.rc.thread_level = 'single'\nfrom mpi4py import MPI\n"
        "import plait as mx; mx.dist.world()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment()
    )
    assert done.returncode != 0
    assert "thread level is single, must be serialized or multiple" in done.stderr
    assert "mpi4py.rc.thread_level = 'multiple'" in done.stderr


@needs_mpirun
@pytest.mark.parametrize("way", ["--hostfile", "--host"])
def test_launcher_takes_hosts(way, tmp_path):
    hosts = tmp_path / "hosts"
    hosts.write_text("localhost slots=2\n")
    program = tmp_path / "size.py"
    program.write_text("import plait as mx\nprint('ranks', mx.dist.world().size)")
    value = str(hosts) if way == "--hostfile" else "localhost:2"
    command = [sys.executable, "-m", "plait.launch", "-n", "2", way, value, str(program)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment())
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("ranks 2") == 2


@needs_mpirun
def test_launcher_names_what_is_wrong():
    command = [sys.executable, "-m", "plait.launch"]
    for arguments, text in (
        (["-n", "0", "x.py"], "--ranks is 0"),
        (["-n", "1", "--mpirun", "/no/such", "x.py"], "/no/such"),
    ):
        done = subprocess.run([*command, *arguments], capture_output=True, text=True)
        assert done.returncode != 0 and text in done.stderr
