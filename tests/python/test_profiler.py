"""mx.profiler: what is recorded, the trace file, the table, users' own scopes."""

import json
import time

import pytest

from plait import nd, profiler


@pytest.fixture
def trace(tmp_path):
    """Path of the trace; the profiler is off and empty afterwards."""
    profiler.set_config(
        profile_all=True, aggregate_stats=True, filename=str(tmp_path / "trace.json")
    )
    yield tmp_path / "trace.json"
    profiler.set_state("stop")
    profiler.dumps(reset=True)
    profiler.set_config(profile_all=False, aggregate_stats=False, filename="profile.json")


def events(path):
    return json.loads(path.read_text())["traceEvents"]


def work(n=200):
    a = nd.ones((n, n))
    b = nd.dot(a, a) + 1
    b.wait_to_read()
    return b


def test_trace_holds_operations_with_shapes_and_dependencies(trace):
    profiler.set_state("run")
    work()
    profiler.set_state("stop")
    profiler.dump()
    spans = {e["name"]: e for e in events(trace) if e["ph"] == "X"}
    assert {"dot", "add_scalar"} <= set(spans)
    assert spans["dot"]["args"]["shapes"] == "(200, 200), (200, 200) -> (200, 200)"
    assert spans["dot"]["dur"] > 0 and spans["dot"]["args"]["wait_us"] >= 0
    starts = {e["id"] for e in events(trace) if e["ph"] == "s"}
    ends = {e["id"] for e in events(trace) if e["ph"] == "f"}
    assert starts and starts == ends
    ids = {name: e["args"]["id"] for name, e in spans.items()}
    assert ids["dot"] in spans["add_scalar"]["args"]["after"]


def test_pause_and_stop_record_nothing(trace):
    work()
    assert "dot" not in profiler.dumps()
    profiler.start()
    profiler.pause()
    work()
    profiler.resume()
    (nd.ones((3,)) * 2).wait_to_read()
    profiler.stop()
    table = profiler.dumps(reset=True)
    assert "dot" not in table and "multiply_scalar" in table
    assert "multiply_scalar" not in profiler.dumps()


def test_table_counts_and_sorts(trace):
    profiler.set_state("run")
    for _ in range(5):
        work(20)
    nd.waitall()
    profiler.set_state("stop")
    row = next(line for line in profiler.dumps().splitlines() if line.startswith("dot "))
    assert row.split()[1] == "5"
    as_json = json.loads(profiler.dumps(format="json", sort_by="count"))
    counts = [row["Count"] for row in as_json["Time"]["operator"].values()]
    assert counts == sorted(counts, reverse=True)
    with pytest.raises(ValueError, match="sort_by"):
        profiler.dumps(sort_by="colour")


def test_memory_is_sampled(trace):
    profiler.set_state("run")
    kept = work()
    profiler.set_state("stop")
    profiler.dump()
    samples = [e["args"]["Memory: cpu/0"] for e in events(trace) if e["ph"] == "C"]
    assert samples and max(samples) >= kept.size * 4
    as_json = json.loads(profiler.dumps(format="json"))
    row = as_json["Memory"]["Device Storage"]["Memory: cpu/0"]
    assert as_json["Unit"] == {"Time": "ms", "Memory": "kB"}
    samples = samples[-row["Count"] :]  # the trace goes back further than the table
    assert row["Count"] >= 2 and row["Max"] == max(samples) / 1000
    assert row["Min"] <= row["Avg"] <= row["Max"]
    assert "Memory: cpu/0" in profiler.dumps(reset=True)
    assert "Memory: cpu/0" not in profiler.dumps()


def test_file_is_written_while_the_profiler_runs(trace):
    profiler.set_config(continuous_dump=True, dump_period=0.01)
    try:
        profiler.set_state("run")
        work(20)
        deadline = time.monotonic() + 30
        while not trace.exists() or '"dot"' not in trace.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        profiler.set_state("stop")
        trace.unlink()
        time.sleep(0.05)
        assert not trace.exists()
    finally:
        profiler.set_config(continuous_dump=False, dump_period=1.0)


def test_users_scopes_counters_and_markers(trace):
    domain = profiler.Domain("mine")
    task, frame, event = domain.new_task("t"), domain.new_frame("f"), profiler.Event("e")
    counter, marker = domain.new_counter("c", 5), domain.new_marker("m")
    profiler.set_state("run")
    for scope in (task, frame, event):
        scope.start()
        scope.stop()
    with profiler.Task(domain, "with"):
        pass
    counter += 3
    counter.decrement(1)
    marker.mark("process")
    profiler.set_state("stop")
    profiler.dump()
    found = {(e["name"], e["ph"]) for e in events(trace)}
    assert {("t", "X"), ("f", "X"), ("e", "X"), ("with", "X"), ("c", "C"), ("m", "i")} <= found
    assert [e["args"]["c"] for e in events(trace) if e["name"] == "c"] == [8, 7]
    assert "with" in profiler.dumps()
    assert counter.value == 7


def test_scope_is_a_region(trace):
    profiler.set_state("run")
    with profiler.scope("block:"):
        work(10)
        nd.waitall()
    profiler.set_state("stop")
    assert "block:" in profiler.dumps()


@pytest.mark.parametrize(
    "call",
    [
        lambda: profiler.set_state("on"),
        lambda: profiler.set_config(colour=1),
        lambda: profiler.set_config(dump_period=0),
        lambda: profiler.Task(None, "x").stop(),
    ],
)
def test_misuse_is_refused(call):
    with pytest.raises(ValueError):
        call()
