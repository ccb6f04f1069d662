"""What is recorded: the events of the trace, and times by name."""

import json
import os
import threading
import time

from .. import _engine
from ..files import replacing

__all__ = ["MEMORY", "OPTIONS", "now_us", "recording"]

OPTIONS = {
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
MEMORY = "Memory: cpu/0"  # MXNet's name of the counter of bytes in use


class Recording:
    """The events of the trace, and times summed up by kind and name."""

    def __init__(self):
        self.lock = threading.RLock()
        self.config = dict(OPTIONS)
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
            thread = threading.Thread(target=self._write_now_and_then, args=(ends,), daemon=True)
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
        self.add({"name": MEMORY, "cat": "Device Storage", "ph": "C", "ts": at,
                  "args": {MEMORY: used}})  # fmt: skip

    def write(self):
        """Write the trace file."""
        self.drain()
        with self.lock:
            threads = sorted({e["tid"] for e in self.events if "tid" in e})
            names = [
                {"name": "thread_name", "ph": "M", "pid": os.getpid(), "tid": t,
                 "args": {"name": f"engine {t}" if t < 1000 else f"program {t - 1000}"}}
                for t in threads
            ]  # fmt: skip
            content = {"traceEvents": names + self.events, "displayTimeUnit": "ms"}
            with replacing(self.config["filename"]) as partial:
                with open(partial, "w", encoding="utf-8") as file:
                    json.dump(content, file)

    def clear(self):
        """Begin the next trace empty."""
        with self.lock:
            self.events, self.ends = [], {}

    def _write_now_and_then(self, ends):
        while not ends.wait(float(self.config["dump_period"])):
            self.write()


recording = Recording()


def now_us():
    return time.monotonic_ns() / 1e3
