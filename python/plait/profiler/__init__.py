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

from .events import Counter, Domain, Event, Frame, Marker, Task, scope
from .recording import MEMORY, OPTIONS, recording
from .tables import SORT, sorted_rows, table_text

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
        if name not in OPTIONS:
            raise ValueError(f"set_config: {name} is unknown, must be one of {', '.join(OPTIONS)}")
        if name == "profile_process":
            _check_process(value)
        if name == "dump_period" and not float(value) > 0:
            raise ValueError(f"set_config: dump_period is {value}, must be > 0 seconds")
        recording.config[name] = value
    recording.apply()


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
    recording.running, recording.paused = state == "run", False
    recording.apply()


def start(profile_process="worker"):
    """`set_state("run")`."""
    set_state("run", profile_process)


def stop(profile_process="worker"):
    """`set_state("stop")`."""
    set_state("stop", profile_process)


def pause(profile_process="worker"):
    """Record nothing until `resume`."""
    _check_process(profile_process)
    recording.paused = True
    recording.apply()


def resume(profile_process="worker"):
    """Go on after `pause`."""
    _check_process(profile_process)
    recording.paused = False
    recording.apply()


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
    recording.write()
    if finished:
        recording.clear()


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
    if sort_by not in SORT:
        raise ValueError(f"dumps: sort_by is {sort_by!r}, must be one of {', '.join(SORT)}")
    recording.drain()
    with recording.lock:
        tables = {
            kind: sorted_rows(rows, SORT[sort_by], ascending)
            for kind, rows in recording.table.items()
        }
        memory = {}
        if recording.memory:
            least, most, total, count = recording.memory
            row = {
                "Count": count,
                "Min": least / 1e3,
                "Max": most / 1e3,
                "Avg": total / count / 1e3,
            }
            memory = {"Device Storage": {MEMORY: row}}
        if reset:
            recording.table, recording.memory = {}, []
    if format == "json":
        units = {"Time": "ms", "Memory": "kB"}
        return json.dumps({"Time": tables, "Memory": memory, "Unit": units})
    return table_text(tables, memory)


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
