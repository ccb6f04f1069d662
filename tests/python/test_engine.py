"""The engine seen from Python: life cycle, threads, failures, bundles, equality of both engines."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from plait import _engine, engine, nd


def run(program, timeout=120, **env):
    """(exit code, output, errors) of a Python program in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, **env},
    )
    return done.returncode, done.stdout, done.stderr


def chain(n=6, size=400):
    """Work that takes some milliseconds, in the background."""
    a = nd.ones((size, size)) / size
    for _ in range(n):
        a = nd.dot(a, a) * size / size
    return a


# --- statistics, threads, bundles -----------------------------------------------------------------


def test_stats_count_operations():
    nd.waitall()
    before = engine.stats()
    nd.dot(nd.ones((2, 2)), nd.ones((2, 2))).wait_to_read()
    chain().wait_to_read()
    nd.waitall()
    after = engine.stats()

    def total(s):
        return s["inlined"] + s["in_caller"] + s["queued"]

    if not _engine.is_serial():
        assert total(after) >= total(before) + 10
    assert after["pending"] == 0 and after["bytes_pending"] == 0
    assert 0 <= after["inline_share"] <= 1 and 0 <= after["utilisation"] <= 1


def test_number_of_threads_can_change_while_work_is_queued():
    expected = chain().asnumpy()
    before = engine.set_num_threads(1)
    try:
        for n in (3, 1, 2):
            result = chain()
            engine.set_num_threads(n)
            assert engine.stats()["threads"] == n
            np.testing.assert_allclose(result.asnumpy(), expected, rtol=1e-5)
        with pytest.raises(ValueError, match=r"must be in \[1, 1024\]"):
            engine.set_num_threads(0)
    finally:
        engine.set_num_threads(before)


def test_bulk_gives_the_same_results_and_restores_the_size():
    before = engine.set_bulk_size(3)
    with engine.bulk(5):
        results = [chain(2) for _ in range(8)]
        assert engine.set_bulk_size(5) == 5
    assert engine.set_bulk_size(before) == 3
    for r in results:
        np.testing.assert_allclose(r.asnumpy(), chain(2).asnumpy(), rtol=1e-6)


def test_queue_is_bounded_while_nobody_reads():
    program = """
import plait as mx
a = mx.nd.ones((512, 1024))
most = 0
for i in range(400):
    b = mx.nd.dot(a, a, transpose_b=True)
    if i % 50 == 0:
        most = max(most, mx.engine.stats()["bytes_pending"])
mx.nd.waitall()
assert most <= (16 + 2) << 20, most
assert mx.engine.memory_stats()["peak_bytes_in_use"] < 64 << 20
print("good")
"""
    code, out, errors = run(program, PLAIT_MAX_PENDING_MB="16")
    assert (code, out) == (0, "good\n"), errors


# --- many threads ----------------------------------------------------------------------------------


def test_many_python_threads_share_arrays():
    shared = nd.ones((64, 64))
    total = nd.zeros((64, 64))
    wrong = []

    def work(k):
        try:
            own = nd.zeros((64, 64))
            for _ in range(50):
                own += shared * k
            if not (own.asnumpy() == 50 * k).all():
                wrong.append(k)
            nd.dot(own, shared).wait_to_read()
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(1, 9)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong
    for k in range(4):
        total += shared * k
    assert total.asnumpy()[0, 0] == 6


# --- processes -------------------------------------------------------------------------------------


def child_sum(n):
    return float(chain(3, n).sum().asscalar())


POOL = """
import multiprocessing
import sys
from plait import nd

def work(n):
    a = nd.ones((n, n)) / n
    for _ in range(3):
        a = nd.dot(a, a)
    return float(a.sum().asscalar())

if __name__ == "__main__":
    big = nd.ones((600, 600))
    pending = nd.dot(big, big)
    with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
        print([round(x) for x in pool.map(work, [100] * 4)], pending[0, 0].asscalar())
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_multiprocessing(tmp_path, method):
    program = tmp_path / "program.py"
    program.write_text(POOL)
    done = subprocess.run(
        [sys.executable, program, method], capture_output=True, text=True, timeout=240
    )
    assert done.stdout == "[100, 100, 100, 100] 600.0\n", done.stderr


def test_fork_of_a_fork_computes():
    chain().wait_to_read()
    child = os.fork()
    if child == 0:
        inner = os.fork()
        if inner == 0:
            os._exit(0 if abs(child_sum(100) - 100) < 1 else 1)
        status = os.waitstatus_to_exitcode(os.waitpid(inner, 0)[1])
        os._exit(status if abs(child_sum(100) - 100) < 1 else 2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_fork_while_other_threads_compute():
    program = """
import os, signal, threading, time
import plait as mx

small, large = mx.nd.ones((30, 30)), mx.nd.ones((300, 300))
done = False

def compute(a):
    while not done:
        a = mx.nd.dot(a, a) / a.shape[0]
        time.sleep(0.001)  # leaves the lock of the interpreter to the thread that forks
    a.wait_to_read()

threads = [threading.Thread(target=compute, args=(a,)) for a in (small, small, large)]
for t in threads:
    t.start()
codes = []
for _ in range(4):
    child = os.fork()
    if child == 0:
        signal.alarm(60)  # ends a child that hangs
        good = mx.nd.dot(large, large)[0, 0].asscalar() == 300 and (small + 1)[0, 0].asscalar() == 2
        os._exit(0 if good else 1)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
done = True
for t in threads:
    t.join()
print(codes)
"""
    code, out, errors = run(program)
    assert (code, out) == (0, f"{[0] * 4}\n"), errors


HEAVY = """
import os, sys, threading
import plait as mx
a = mx.nd.ones((800, 800))
for _ in range(20):
    b = mx.nd.dot(a, a)
"""


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        ("", 0),
        ("os._exit(3)", 3),
        ("sys.exit(4)", 4),
        ("raise ValueError", 1),
        ("del a, b", 0),
        ("t = threading.Thread(target=b.wait_to_read, daemon=True); t.start()", 0),
        ("t = threading.Thread(target=b.wait_to_read); t.start()", 0),
    ],
)
@pytest.mark.parametrize("kind", ["threaded", "naive"])
def test_exit_with_work_in_flight(ending, code, kind):
    got, _, errors = run(HEAVY + ending, PLAIT_ENGINE=kind)
    assert got == code, errors


def test_exit_while_daemon_threads_compute():
    program = """
import threading, time
import plait as mx
a = mx.nd.ones((50, 50))
def loop():
    while True:
        (mx.nd.dot(a, a) + a).wait_to_read()
for _ in range(4):
    threading.Thread(target=loop, daemon=True).start()
time.sleep(0.2)
"""
    for _ in range(3):
        code, _, errors = run(program)
        assert code == 0, errors


def test_core_limit_of_the_process_is_respected():
    program = "import os; os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[0]})\n"
    program += "import plait as mx; print(mx.engine.stats()['threads'])"
    env = {"PLAIT_NUM_THREADS": "", "OMP_NUM_THREADS": ""}
    assert run(program, **env)[1] == "1\n"
    assert run(program, **{**env, "PLAIT_NUM_THREADS": "3"})[1] == "3\n"


def test_threads_inside_operations_are_our_own():
    if not (Path(_engine.__file__).parent / "lib" / "libdnnl.so.3").exists():
        return  # oneDNN of the system, on the system's OpenMP
    program = """
import plait as mx
a = mx.nd.ones((300, 300))
print(mx.nd.dot(a, a)[0, 0].asscalar())
print([line.split()[-1] for line in open("/proc/self/maps") if "libgomp" in line])
"""
    code, out, errors = run(program, PLAIT_NUM_THREADS="2")
    assert (code, out) == (0, "300.0\n[]\n"), errors


# --- failures --------------------------------------------------------------------------------------


def test_trace_names_the_line_of_the_program():
    program = """
import plait as mx
def pick(x):
    return mx.nd.take(x, mx.nd.array([7]), mode="raise")  # line 4
y = pick(mx.nd.ones((3,))) + 1
try:
    y.asnumpy()
except IndexError as error:
    print(error)
"""
    queue_all = {"PLAIT_INLINE_NS": "0", "PLAIT_CALLER_NS": "0", "PLAIT_ENGINE": "threaded"}
    code, out, errors = run(program, PLAIT_TRACE="1", **queue_all)
    assert code == 0, errors
    assert out.startswith("take: indices has 7")
    assert out.splitlines()[-1] == "  called from <string>:4 in pick"
    assert "called from" not in run(program, **queue_all)[1]


@pytest.mark.parametrize("limit", ["0", "1000000000"])
def test_program_goes_on_after_a_failure(limit):
    program = """
import plait as mx
from plait import nd
x = nd.ones((3,))
caught = 0
for i in range(20):
    try:
        bad = nd.take(x, nd.array([7]), mode="raise") * 2
        bad.wait_to_read()
    except IndexError:
        caught += 1
    assert (x * 2).asnumpy().tolist() == [2, 2, 2]
try:
    nd.waitall()
except IndexError:
    caught += 100
out = nd.zeros((1,))
try:
    nd.take(x, nd.array([7]), mode="raise", out=out)
    nd.waitall()
except IndexError:
    caught += 1000
nd.waitall()
nd.take(x, nd.array([1]), mode="raise", out=out)
value = out.asscalar()
nd.waitall()  # the value is there before the task that made it has left
print(caught, value, mx.engine.stats()["pending"])
"""
    code, text, errors = run(program, PLAIT_INLINE_NS=limit, PLAIT_CALLER_NS="0")
    assert (code, text) == (0, "1020 1.0 0\n"), errors


TRAINING = """
import hashlib
import numpy as np
import plait as mx
from plait import autograd, gluon, nd

mx.random.seed(7)
np.random.seed(7)
net = gluon.nn.HybridSequential()
net.add(
    gluon.nn.Conv2D(6, 5, activation="relu"), gluon.nn.MaxPool2D(2, 2),
    gluon.nn.Conv2D(16, 5, activation="relu"), gluon.nn.MaxPool2D(2, 2),
    gluon.nn.Flatten(), gluon.nn.Dense(120, activation="relu"),
    gluon.nn.Dense(84, activation="relu"), gluon.nn.Dense(10),
)
net.initialize(mx.init.Xavier())
if HYBRID:
    net.hybridize()
trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.05, "momentum": 0.9})
loss_of = gluon.loss.SoftmaxCrossEntropyLoss()
x = nd.array(np.random.randn(16, 1, 28, 28))
y = nd.array(np.random.randint(0, 10, 16))
digest = hashlib.sha256()
for _ in range(5):
    with autograd.record():
        loss = loss_of(net(x), y)
    loss.backward()
    trainer.step(16)
    digest.update(loss.asnumpy().tobytes())
for p in net.collect_params().values():
    digest.update(p.data().asnumpy().tobytes())
print(digest.hexdigest())
"""


@pytest.mark.parametrize("hybrid", [False, True])
def test_training_is_bitwise_equal_in_both_engines(hybrid):
    program = f"HYBRID = {hybrid}\n" + TRAINING
    results = {
        run(program, PLAIT_ENGINE=kind, PLAIT_NUM_THREADS="1", PLAIT_INLINE_NS=limit)[1]
        for kind, limit in [("naive", "0"), ("threaded", "0"), ("threaded", "100000000")]
    }
    assert len(results) == 1 and len(results.pop()) == 65
