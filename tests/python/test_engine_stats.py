"""What each number of mx.engine.stats() counts, and wait_to_write(), in processes of their own."""

import json
import os
import subprocess
import sys

import pytest

# An operator that stays in the engine until `let_go` is set; adds 1.
HELD = """
import json, threading, time
import plait as mx
from plait import _custom, _engine, nd

begun, let_go, done = threading.Event(), threading.Event(), []

class Held:
    def count(self, params):
        return 1, 1
    def count_states(self, params):
        return 0
    def infer(self, params, specs):
        return specs
    def forward(self, params, is_train, inputs, outputs):
        begun.set()
        let_go.wait(60)
        outputs[0][:] = inputs[0] + 1
        done.append(1)
        return 0

_custom.register("held", Held(), nd.NDArray)
"""
QUEUE_ALL = {"PLAIT_INLINE_NS": "0", "PLAIT_CALLER_NS": "0"}


def output(program, **env):
    """What a program prints last, which is JSON."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PLAIT_NUM_THREADS": "2", "PLAIT_ENGINE": "threaded", **env},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


# --- where operations run ---------------------------------------------------------------------------

FIVE = """
import json
import plait as mx
a = mx.nd.ones((64, 64))
a.wait_to_read()
before = mx.engine.stats()
for _ in range(5):
    (a * 2).wait_to_read()
mx.nd.waitall()
print(json.dumps([before, mx.engine.stats()]))
"""
WAYS = {"inlined": ("1000000000", "0"), "in_caller": ("0", "1000000000"), "queued": ("0", "0")}


@pytest.mark.parametrize("way", WAYS)
def test_each_operation_counts_where_it_runs(way):
    inline_ns, caller_ns = WAYS[way]
    before, after = output(FIVE, PLAIT_INLINE_NS=inline_ns, PLAIT_CALLER_NS=caller_ns)
    assert {key: after[key] - before[key] for key in WAYS} == {
        key: 5 if key == way else 0 for key in WAYS
    }
    assert after["inline_share"] == (1 if way == "inlined" else 0)
    # The first worker may not have gone back to sleep when the next operation comes.
    assert after["workers"] in ((1, 2) if way == "queued" else (0,))
    assert (after["uptime_ns"] > 0) == (after["busy_ns"] > 0) == (after["utilisation"] > 0)
    assert (after["uptime_ns"] > 0) == (way == "queued")


def test_a_thread_may_do_its_work_itself():
    program = FIVE.replace("before =", "mx._engine.set_caller_limit(10**12)\nbefore =")
    before, after = output(program, PLAIT_INLINE_NS="0", PLAIT_CALLER_NS="0")
    assert after["in_caller"] == before["in_caller"] + 5
    assert after["workers"] == before["workers"]


def test_inline_share_counts_all_operations():
    _, after = output(FIVE.replace("(64, 64)", "(256, 256)"), PLAIT_INLINE_NS="20000")
    total = sum(after[key] for key in WAYS)
    assert after["inline_share"] == after["inlined"] / total


def test_serial_engine_counts_its_cores_only():
    _, after = output(FIVE, PLAIT_ENGINE="naive", PLAIT_NUM_THREADS="3")
    assert after.pop("threads") == 3
    assert set(after.values()) == {0}


def test_threads_are_the_cores_that_are_allowed():
    program = "import json, plait as mx; first = mx.engine.stats()['threads']\n"
    program += "mx.engine.set_num_threads(4); print(json.dumps([first, mx.engine.stats()]))"
    first, after = output(program, PLAIT_NUM_THREADS="3")
    assert (first, after["threads"]) == (3, 4)


# --- what is in flight ------------------------------------------------------------------------------

IN_FLIGHT = """
a = nd.ones((256,))
a.wait_to_read()
idle = mx.engine.stats()
b = nd.Custom(a, op_type="held")
c = b * 2
d = nd.concat(c, c, dim=0)
begun.wait()
held = mx.engine.stats()
time.sleep(0.03)
later = mx.engine.stats()
let_go.set()
value = int(d.sum().asscalar())
nd.waitall()
print(json.dumps([idle, held, later, mx.engine.stats(), value]))
"""


def test_pending_work_is_counted_until_it_is_done():
    idle, held, later, after, value = output(HELD + IN_FLIGHT, **QUEUE_ALL)
    assert value == 2 * 256 * 4
    assert idle["pending"] == idle["bytes_pending"] == 0
    assert held["pending"] == 3
    assert held["bytes_pending"] == (256 + 256 + 512) * 4
    assert held["queued"] == idle["queued"] + 3
    assert after["pending"] == after["bytes_pending"] == 0


def test_queued_work_takes_memory_when_it_runs():
    program = """
a = nd.ones((256, 1024))
start = nd.Custom(a, op_type="held")
begun.wait()
before = mx.engine.memory_stats()["bytes_in_use"]
b = a
for _ in range(50):
    b = (b + start).reshape((1024, 256)).reshape((256, 1024))
held = mx.engine.memory_stats()["bytes_in_use"]
let_go.set()
value = int(b[0, 0].asscalar())
print(json.dumps([held - before, mx.engine.memory_stats()["peak_bytes_in_use"] - before, value]))
"""
    held, peak, value = output(HELD + program, **QUEUE_ALL)
    assert value == 101
    assert held == 0
    assert peak <= 10 << 20


def test_time_of_workers_counts_their_cores():
    idle, held, later, after, _ = output(HELD + IN_FLIGHT, **QUEUE_ALL)
    nap_ns = 30e6
    assert later["uptime_ns"] - held["uptime_ns"] >= nap_ns
    assert held["busy_ns"] == later["busy_ns"]  # counted when the task has ended
    assert after["busy_ns"] - idle["busy_ns"] >= nap_ns
    assert after["busy_ns"] <= after["uptime_ns"] * after["threads"]
    assert after["utilisation"] == after["busy_ns"] / (after["uptime_ns"] * after["threads"])


# --- waits ------------------------------------------------------------------------------------------

WAIT = """
if _engine.is_serial():
    let_go.set()  # the operator runs within the call
a = nd.ones((8,))
readers = [nd.Custom(a, op_type="held") for _ in range(3)]
begun.wait()
if not let_go.is_set():
    a.wait_to_read()  # beside other readers
    assert not done
    threading.Timer(0.05, let_go.set).start()
a.wait_to_write()
ended = len(done)
a[:] = 7
values = [r.asnumpy().tolist() for r in readers] == [[2.0] * 8] * 3
failures = 0
try:
    bad = nd.take(a, nd.array([9]), mode="raise")
    bad.wait_to_write()
except IndexError:
    failures += 1
print(json.dumps([ended, values, failures, int(a.sum().asscalar())]))
"""


@pytest.mark.parametrize("kind", ["threaded", "naive"])
def test_wait_to_write_waits_for_all_readers(kind):
    got = output(HELD + WAIT, PLAIT_ENGINE=kind, **QUEUE_ALL)
    assert got == [3, True, 1, 56]
