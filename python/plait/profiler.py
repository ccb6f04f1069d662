"""Records what ran when, for how long and on what it waited.

The trace file is Chrome's trace format: open it in https://ui.perfetto.dev or chrome://tracing.

>>> from plait import nd, profiler
>>> profiler.set_state("run")
>>> (nd.ones((2, 3)) * 2).wait_to_read()
>>> profiler.set_state("stop")
>>> "multiply_scalar" in profiler.dumps(reset=True)
True
"""

import atexit
import json
import os
import threading
import time

from . import _engine

__all__ = [
    "set_config",
    "set_state",
    "start",
    "stop",
    "pause",
    "resume",
    "dump",
    "dumps",
    "scope",
    "Domain",
    "Task",
    "Frame",
    "Event",
    "Counter",
    "Marker",
    "profiler_set_config",
    "profiler_set_state",
    "dump_profile",
]

_OPTIONS = {
    "filename": "profile.json",
    "profile_all": False,
    "profile_symbolic": False,
    "profile_imperative": False,
    "profile_memory": False,
    "profile_api": False,
    "continuous_dump": False,
    "contiguous_dump": False,
    "dump_period": 1.0,
    "aggregate_stats": False,
    "profile_process": "worker",
}
_MEMORY = "Memory: cpu/0"  # MXNet's name of the counter of bytes in use
_SORT = {"avg": "Avg", "min": "Min", "max": "Max", "count": "Count", "total": "Total"}
_COLUMNS = ("Count", "Total", "Min", "Max", "Avg")


class _Recording:
    """The events of the trace, and times summed up by kind and name."""

    def __init__(self):
        self.lock = threading.RLock()
        self.config = dict(_OPTIONS)
        self.running = self.paused = False
        self.events = []
        self.table = {}
        self.memory = []  # smallest, largest and sum of the bytes in use, and number of samples
        self.ends = {}  # id of an operation: (thread, end in us)
        self.user_threads = {}
        self.writer = None  # (thread, event that ends it) of a continuous dump

    @property
    def on(self):
        return self.running and not self.paused

    def apply(self):
        """Bring the core's recorder to the state that is wanted."""
        memory = self.config["profile_memory"] or self.config["profile_all"]
        _engine.profile((2 if memory else 1) if self.on else 0)
        continuous = self.config["continuous_dump"] or self.config["contiguous_dump"]
        if self.running and continuous and self.writer is None:
            ends = threading.Event()
            thread = threading.Thread(target=_write_now_and_then, args=(ends,), daemon=True)
            self.writer = (thread, ends)
            thread.start()
        elif self.writer is not None and not (self.running and continuous):
            thread, ends = self.writer
            self.writer = None
            ends.set()
            if thread is not threading.current_thread():
                thread.join()

    def add(self, event):
        with self.lock:
            self.events.append({"pid": os.getpid(), **event})

    def count(self, kind, name, milliseconds):
        row = self.table.setdefault(kind, {}).setdefault(name, [0, 0.0, float("inf"), 0.0])
        row[0] += 1
        row[1] += milliseconds
        row[2] = min(row[2], milliseconds)
        row[3] = max(row[3], milliseconds)

    def user_thread(self):
        """Number of the calling thread in the trace: after those of the engine."""
        return self.user_threads.setdefault(threading.get_ident(), 1000 + len(self.user_threads))

    def drain(self):
        """Take over what the core has recorded."""
        with self.lock:
            if _engine.profile_count() == 0:
                return
            for span in json.loads(_engine.profile_read(True)):
                self.add_operation(span)

    def add_operation(self, span):
        begin, end, thread = span["begin"] / 1e3, span["end"] / 1e3, span["thread"]
        self.count("operator", span["name"], (end - begin) / 1e3)
        args = {
            "id": span["id"],
            "shapes": span["shapes"],
            "cores": span["cores"],
            "wait_us": (span["begin"] - span["pushed"]) / 1e3,
            "after": span["after"],
        }
        if span["failed"]:
            args["failed"] = True
        at = {"cat": "operator", "tid": thread}
        self.add({"name": span["name"], "ph": "X", "ts": begin, "dur": end - begin, **at,
                  "args": args})  # fmt: skip
        for producer in span["after"]:
            if producer not in self.ends:
                continue
            arrow = {"name": "data", "cat": "dependency", "id": f"{producer}-{span['id']}"}
            from_thread, from_end = self.ends[producer]
            self.add({**arrow, "ph": "s", "tid": from_thread, "ts": from_end})
            self.add({**arrow, "ph": "f", "bp": "e", "tid": thread, "ts": begin})
        self.ends[span["id"]] = (thread, end)
        if span["bytes"] >= 0:
            self.add_memory(span["bytes"], end)

    def add_memory(self, used, at):
        least, most, total, count = self.memory or (used, used, 0, 0)
        self.memory = [min(least, used), max(most, used), total + used, count + 1]
        self.add({"name": _MEMORY, "cat": "Device Storage", "ph": "C", "ts": at,
                  "args": {_MEMORY: used}})  # fmt: skip


_recording = _Recording()


def _now_us():
    return time.monotonic_ns() / 1e3


def _check_process(profile_process):
    if profile_process not in ("worker", "server"):
        raise ValueError(
            f"profiler: profile_process is {profile_process!r}, must be 'worker' or 'server'"
        )


def set_config(**options):
    """Set what is recorded and where it goes.

    Parameters
    ----------
    filename : str
        The trace file that `dump` writes; "profile.json".
    profile_all, profile_symbolic, profile_imperative, profile_memory, profile_api : bool
        Memory in use is recorded with `profile_memory` or `profile_all`. Operations are recorded
        always: eager ones and those of graphs are not told apart, and there is no other layer.
    continuous_dump : bool
        Write the file every `dump_period` seconds while the profiler runs, so that it is there even
        if the program does not end well. `contiguous_dump` is its older name.
    dump_period : float
        Seconds, > 0; 1.
    aggregate_stats, profile_process
        For MXNet's programs: the table of `dumps` is always kept, and there is one process.

    Raises
    ------
    ValueError
        For an unknown option, or a `dump_period` that is not positive.
    """
    for name, value in options.items():
        if name not in _OPTIONS:
            raise ValueError(f"set_config: {name} is unknown, must be one of {', '.join(_OPTIONS)}")
        if name == "profile_process":
            _check_process(value)
        if name == "dump_period" and not float(value) > 0:
            raise ValueError(f"set_config: dump_period is {value}, must be > 0 seconds")
        _recording.config[name] = value
    _recording.apply()


def set_state(state="stop", profile_process="worker"):
    """Start ("run") or end ("stop") recording.

    Operations that have not begun when it ends are not recorded: call `nd.waitall()` before.

    Raises
    ------
    ValueError
        If `state` is neither.
    """
    _check_process(profile_process)
    if state not in ("run", "stop"):
        raise ValueError(f"set_state: state is {state!r}, must be 'run' or 'stop'")
    _recording.running, _recording.paused = state == "run", False
    _recording.apply()


def start(profile_process="worker"):
    """`set_state("run")`."""
    set_state("run", profile_process)


def stop(profile_process="worker"):
    """`set_state("stop")`."""
    set_state("stop", profile_process)


def pause(profile_process="worker"):
    """Record nothing until `resume`."""
    _check_process(profile_process)
    _recording.paused = True
    _recording.apply()


def resume(profile_process="worker"):
    """Go on after `pause`."""
    _check_process(profile_process)
    _recording.paused = False
    _recording.apply()


def dump(finished=True, profile_process="worker"):
    """Write the trace file.

    Parameters
    ----------
    finished : bool
        Stop recording, and begin the next trace empty.
    """
    _check_process(profile_process)
    if finished:
        set_state("stop")
    _recording.drain()
    with _recording.lock:
        names = [
            {"name": "thread_name", "ph": "M", "pid": os.getpid(), "tid": tid,
             "args": {"name": name}}
            for tid, name in sorted(_thread_names().items())
        ]  # fmt: skip
        content = {"traceEvents": names + _recording.events, "displayTimeUnit": "ms"}
        with open(_recording.config["filename"], "w", encoding="utf-8") as file:
            json.dump(content, file)
        if finished:
            _recording.events = []
            _recording.ends = {}


def _write_now_and_then(ends):
    while not ends.wait(float(_recording.config["dump_period"])):
        dump(finished=False)


def _thread_names():
    used = {e["tid"] for e in _recording.events if "tid" in e}
    return {t: f"engine {t}" if t < 1000 else f"program {t - 1000}" for t in used}


def dumps(reset=False, format="table", sort_by="total", ascending=False):
    """Times by name.

    Parameters
    ----------
    reset : bool
        Begin anew afterwards.
    format : str
        "table" or "json".
    sort_by : str
        "total", "avg", "min", "max" or "count".
    ascending : bool
        Smallest first.

    Returns
    -------
    str
        Milliseconds and numbers of calls; if memory was recorded, kilobytes (1000) in use.

    Raises
    ------
    ValueError
        For another `format` or `sort_by`.
    """
    if format not in ("table", "json"):
        raise ValueError(f"dumps: format is {format!r}, must be 'table' or 'json'")
    if sort_by not in _SORT:
        raise ValueError(f"dumps: sort_by is {sort_by!r}, must be one of {', '.join(_SORT)}")
    _recording.drain()
    with _recording.lock:
        tables = {
            kind: _sorted_rows(rows, _SORT[sort_by], ascending)
            for kind, rows in _recording.table.items()
        }
        memory = {}
        if _recording.memory:
            least, most, total, count = _recording.memory
            row = {
                "Count": count,
                "Min": least / 1e3,
                "Max": most / 1e3,
                "Avg": total / count / 1e3,
            }
            memory = {"Device Storage": {_MEMORY: row}}
        if reset:
            _recording.table, _recording.memory = {}, []
    if format == "json":
        units = {"Time": "ms", "Memory": "kB"}
        return json.dumps({"Time": tables, "Memory": memory, "Unit": units})
    return _table_text(tables, memory)


def _sorted_rows(rows, column, ascending):
    full = {
        name: dict(zip(_COLUMNS, (*row, row[1] / row[0]), strict=True))
        for name, row in rows.items()
    }
    order = sorted(full, key=lambda name: full[name][column], reverse=not ascending)
    return {name: full[name] for name in order}


def _table_text(tables, memory):
    lines = ["Profile Statistics:"]
    times = ("Total Count", "Time (ms)", "Min Time (ms)", "Max Time (ms)", "Avg Time (ms)")
    uses = ("Total Count", "Min Use (kB)", "Max Use (kB)", "Avg Use (kB)")
    for groups, heads in ((tables, times), (memory, uses)):
        for kind, rows in groups.items():
            width = max(24, *(len(name) for name in rows)) + 2
            lines += ["", kind, "=" * len(kind)]
            lines.append("Name".ljust(width) + "".join(h.rjust(16) for h in heads))
            for name, row in rows.items():
                cells = [str(row[c]) if c == "Count" else f"{row[c]:.4f}" for c in row]
                lines.append(name.ljust(width) + "".join(c.rjust(16) for c in cells))
    return "\n".join(lines) + "\n"


class Domain:
    """A named group of users' tasks, frames, counters and markers."""

    def __init__(self, name):
        self.name = name

    def __str__(self):
        return self.name

    def new_task(self, name):
        """Task: a scope of this domain."""
        return Task(self, name)

    def new_frame(self, name):
        """Frame: a scope of this domain."""
        return Frame(self, name)

    def new_counter(self, name, value=None):
        """Counter of this domain."""
        return Counter(self, name, value)

    def new_marker(self, name):
        """Marker of this domain."""
        return Marker(self, name)


class _Span:
    """From `start` to `stop`, also as a `with` block, in one thread."""

    kind = ""

    def __init__(self, domain, name):
        self.domain, self.name = domain, name
        self._begin = None

    def __str__(self):
        return self.name

    def start(self):
        """Begin."""
        self._begin = _now_us()

    def stop(self):
        """End; recorded if the profiler runs.

        Raises
        ------
        ValueError
            If it has not begun.
        """
        if self._begin is None:
            raise ValueError(f"{self.kind} {self.name}: stop() without start()")
        begin, self._begin = self._begin, None
        if not _recording.on:
            return
        length = _now_us() - begin
        with _recording.lock:
            group = str(self.domain or self.kind)
            _recording.count(group, self.name, length / 1e3)
            _recording.add({
                "name": self.name, "cat": group, "ph": "X", "ts": begin,
                "dur": length, "tid": _recording.user_thread(),
            })  # fmt: skip

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *unused):
        self.stop()


class Task(_Span):
    """A piece of a program's work."""

    kind = "task"


class Frame(_Span):
    """One pass of a loop, such as a picture or a batch."""

    kind = "frame"


class Event(_Span):
    """A scope without a domain."""

    kind = "event"

    def __init__(self, name):
        super().__init__(None, name)


class Counter:
    """A number that is drawn over time; `+=` and `-=` change it."""

    def __init__(self, domain, name, value=None):
        self.domain, self.name, self.value = domain, name, 0
        if value is not None:
            self.set_value(value)

    def __str__(self):
        return self.name

    def set_value(self, value):
        """Set it."""
        self.value = value
        if _recording.on:
            _recording.add({
                "name": self.name, "cat": str(self.domain), "ph": "C", "ts": _now_us(),
                "args": {self.name: value},
            })  # fmt: skip

    def increment(self, delta=1):
        """Add to it."""
        self.set_value(self.value + delta)

    def decrement(self, delta=1):
        """Take from it."""
        self.set_value(self.value - delta)

    def __iadd__(self, delta):
        self.increment(delta)
        return self

    def __isub__(self, delta):
        self.decrement(delta)
        return self


class Marker:
    """A moment in the trace."""

    def __init__(self, domain, name):
        self.domain, self.name = domain, name

    def mark(self, scope="process"):
        """Mark now, for the "global", "process", "thread", "task" or "marker" scope."""
        reach = {"global": "g", "process": "p"}.get(scope, "t")
        if _recording.on:
            _recording.add({
                "name": self.name, "cat": str(self.domain), "ph": "i", "s": reach,
                "ts": _now_us(), "tid": _recording.user_thread(),
            })  # fmt: skip


_scopes = threading.local()


class scope(_Span):
    """A region of the program; regions inside carry its name in front of theirs.

    Parameters
    ----------
    name : str
        Such as "encoder:".
    append_mode : bool
        False: without the names of the regions around it.
    """

    kind = "scope"

    def __init__(self, name="<unk>:", append_mode=True):
        super().__init__(None, name if name.endswith(":") else name + ":")
        self._append = append_mode
        self._own = self.name

    def start(self):
        """Begin."""
        self._before = getattr(_scopes, "name", "")
        self.name = (self._before if self._append else "") + self._own
        _scopes.name = self.name
        super().start()

    def stop(self):
        """End."""
        super().stop()
        _scopes.name = self._before


def profiler_set_config(mode="symbolic", filename="profile.json"):
    """The old form of `set_config`; `mode` is "symbolic" or "all"."""
    set_config(profile_symbolic=True, profile_all=mode == "all", filename=filename)


def profiler_set_state(state="stop"):
    """The old form of `set_state`."""
    set_state(state)


def dump_profile():
    """The old form of `dump`."""
    dump(True)


def _autostart():
    """Record the whole program if the environment says so."""
    wanted = os.environ.get("PLAIT_PROFILER_AUTOSTART") or os.environ.get(
        "MXNET_PROFILER_AUTOSTART", "0"
    )
    if wanted != "0":
        set_state("run")
        atexit.register(dump)


_autostart()
