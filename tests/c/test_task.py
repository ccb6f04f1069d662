"""Variables, users' own tasks and the profiler through the C interface."""

import json
import threading

import pytest


@pytest.fixture
def v(c):
    """Makes variables, frees them at the end."""
    made = []

    def new():
        out = c.ffi.new("plait_var_t *")
        c.ok(c.lib.plait_var_new(out))
        made.append(out[0])
        return out[0]

    yield new
    for var in made:
        c.lib.plait_var_free(var)


class Tasks:
    """Pushes Python functions; `dropped` counts the calls of `drop`."""

    def __init__(self, c):
        self.c, self.kept, self.dropped = c, [], 0

    def push(self, body, reads=(), writes=(), **options):
        return self._push(
            "plait_task_t", self.c.lib.plait_engine_push, body, reads, writes, options
        )

    def push_async(self, body, reads=(), writes=(), **options):
        return self._push(
            "plait_async_task_t", self.c.lib.plait_engine_push_async, body, reads, writes, options
        )

    def _push(self, kind, push, body, reads, writes, options):
        c = self.c

        def run(user, *rest):
            status = body(*rest)
            return c.lib.PLAIT_OK if status is None else status

        def drop(user):
            self.dropped += 1

        callback, drop = c.ffi.callback(kind, run), c.ffi.callback("plait_drop_t", drop)
        self.kept += [callback, drop]
        filled = c.ffi.new("plait_task_options_t *", options)
        filled.struct_size = c.ffi.sizeof("plait_task_options_t")
        return push(
            callback, c.ffi.NULL, drop, list(reads), len(reads), list(writes), len(writes), filled
        )


@pytest.fixture
def tasks(c):
    made = Tasks(c)
    yield made
    c.lib.plait_engine_wait_all()


def test_tasks_run_in_order_and_are_dropped(c, v, tasks):
    x, y, seen = v(), v(), []
    for i in range(50):
        c.ok(tasks.push(lambda threads, i=i: seen.append(i), [x], [y]))
    c.ok(c.lib.plait_var_wait(y, 1))
    assert seen == list(range(50))
    assert c.lib.plait_var_version(y) == 50 and c.lib.plait_var_version(x) == 0
    c.ok(c.lib.plait_engine_wait_all())
    assert tasks.dropped == 50


@pytest.mark.parametrize("cost_ns", [0, 1.0])
def test_threads_of_a_task(c, v, tasks, cost_ns):
    x, seen = v(), []
    c.ok(tasks.push(seen.append, [], [x], cost_ns=cost_ns))
    c.ok(c.lib.plait_var_wait(x, 1))
    assert len(seen) == 1 and seen[0] >= 1


def test_task_reads_and_writes_an_array(c, tasks):
    array = c.array([1, 2, 3])
    out = c.ffi.new("plait_var_t *")
    c.ok(c.lib.plait_var_of_array(array, out))
    data = c.ffi.new("void **")

    def double(threads):
        values = c.ffi.cast("float *", data[0])
        for i in range(3):
            values[i] *= 2

    c.ok(c.lib.plait_array_data(array, 1, data))
    c.ok(tasks.push(double, [], [out[0]]))
    status, (total,) = c.invoke("sum", [array])
    c.ok(status)
    assert c.values(total) == [12]
    c.lib.plait_var_free(out[0])
    c.free(array, total)


def test_failure_is_inherited_and_named(c, v, tasks):
    x, y, ran = v(), v(), []

    def broken(threads):
        c.lib.plait_set_last_error(b"out of paper")
        return c.lib.PLAIT_ERR_DEVICE

    name = c.ffi.new("char[]", b"printer")
    c.ok(tasks.push(broken, [], [x], name=name))
    c.ok(tasks.push(ran.append, [x], [y]))
    assert c.lib.plait_var_wait(y, 0) == c.lib.PLAIT_ERR_DEVICE
    assert c.message() == "printer: out of paper"
    assert not ran
    c.ok(tasks.push(ran.append, [], [y]))
    c.ok(c.lib.plait_var_wait(y, 0))
    assert len(ran) == 1


@pytest.mark.parametrize("fails", [False, True])
def test_asynchronous_task_ends_with_complete(c, v, tasks, fails):
    x, started, got = v(), threading.Event(), []

    def begin(threads, completion):
        got.append(completion)
        started.set()

    c.ok(tasks.push_async(begin, [], [x]))
    assert started.wait(60)
    stats = c.ffi.new("plait_engine_stats_t *", {"struct_size": 112})
    c.ok(c.lib.plait_engine_get_stats(stats))
    assert stats.pending == 1
    status = c.lib.PLAIT_ERR_IO if fails else c.lib.PLAIT_OK
    c.ok(c.lib.plait_engine_complete(got[0], status, b"no line" if fails else c.ffi.NULL))
    assert c.lib.plait_var_wait(x, 0) == status
    if fails:
        assert c.message() == "task: no line"


def test_asynchronous_task_that_fails_at_once_is_over(c, v, tasks):
    x = v()
    c.ok(tasks.push_async(lambda threads, completion: c.lib.PLAIT_ERR_IO, [], [x]))
    assert c.lib.plait_var_wait(x, 0) == c.lib.PLAIT_ERR_IO


def test_variable_may_be_freed_before_its_task_runs(c, tasks):
    out, gate, seen = c.ffi.new("plait_var_t *"), threading.Event(), []
    c.ok(c.lib.plait_var_new(out))
    c.ok(tasks.push(lambda threads: gate.wait(60) and None, [], [out[0]]))
    c.ok(tasks.push(seen.append, [out[0]], []))
    c.lib.plait_var_free(out[0])
    gate.set()
    c.ok(c.lib.plait_engine_wait_all())
    assert len(seen) == 1


def test_priorities(c, v, tasks):
    before = c.ffi.new("int32_t *")
    c.ok(c.lib.plait_engine_set_num_threads(1, before))
    gate, go, order = v(), threading.Event(), []
    c.ok(tasks.push(lambda threads: go.wait(60) and None, [], [gate]))
    for i, priority in enumerate([0, 5, -3]):
        c.ok(tasks.push(lambda threads, i=i: order.append(i), [gate], [v()], priority=priority))
    go.set()
    c.ok(c.lib.plait_engine_wait_all())
    assert order == [1, 0, 2]
    c.ok(c.lib.plait_engine_set_num_threads(before[0], c.ffi.NULL))


def test_misuse_is_refused_and_dropped(c, v, tasks):
    wrong = c.lib.PLAIT_ERR_INVALID_ARGUMENT
    null, x = c.ffi.NULL, v()
    assert tasks.push(lambda threads: None, [null], []) == wrong
    assert tasks.push(lambda threads: None, [], [x], cost_ns=-1.0) == wrong
    assert tasks.push(lambda threads: None, [], [x], bytes=-1) == wrong
    assert tasks.dropped == 3
    lib = c.lib
    assert lib.plait_engine_push(null, null, null, null, 0, [x], 1, null) == wrong
    assert lib.plait_engine_push_async(null, null, null, null, 0, [x], 1, null) == wrong
    assert lib.plait_engine_complete(null, 0, null) == wrong
    assert lib.plait_var_new(null) == wrong
    assert lib.plait_var_of_array(null, c.ffi.new("plait_var_t *")) == wrong
    assert lib.plait_var_wait(null, 0) == wrong
    assert lib.plait_var_version(null) == -1
    assert lib.plait_engine_set_num_threads(0, null) == wrong
    assert lib.plait_profiler_set_state(3) == wrong
    assert lib.plait_profiler_read(0, null) == wrong
    lib.plait_var_free(null)


def test_profile_holds_failures_and_dependencies(c, v, tasks):
    x, y = v(), v()
    c.ok(c.lib.plait_profiler_set_state(1))
    c.ok(tasks.push(lambda threads: None, [], [x]))
    c.ok(tasks.push(lambda threads: c.lib.PLAIT_ERR_IO, [x], [y]))
    c.lib.plait_engine_wait_all()
    c.ok(c.lib.plait_profiler_set_state(0))
    assert c.lib.plait_profiler_count() == 2
    buffer = c.ffi.new("plait_buffer_t *")
    c.ok(c.lib.plait_profiler_read(1, buffer))
    first, second = json.loads(c.ffi.string(c.lib.plait_buffer_data(buffer[0])))
    c.lib.plait_buffer_free(buffer[0])
    assert c.lib.plait_profiler_count() == 0
    assert second["after"] == [first["id"]]
    assert (first["failed"], second["failed"]) == (False, True)
    assert first["pushed"] <= first["begin"] <= first["end"] <= second["begin"]


def test_features_are_listed(c):
    text = c.ffi.string(c.lib.plait_features()).decode()
    assert "OPENMP=1" in text.split()
