"""What programs put into the trace themselves: tasks, counters, markers and scopes."""

import threading

from .recording import now_us, recording

__all__ = ["Domain", "Task", "Frame", "Event", "Counter", "Marker", "scope"]


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
        self._begin = now_us()

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
        if not recording.on:
            return
        length = now_us() - begin
        with recording.lock:
            group = str(self.domain or self.kind)
            recording.count(group, self.name, length / 1e3)
            recording.add({
                "name": self.name, "cat": group, "ph": "X", "ts": begin,
                "dur": length, "tid": recording.user_thread(),
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
        if recording.on:
            recording.add({
                "name": self.name, "cat": str(self.domain), "ph": "C", "ts": now_us(),
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
        if recording.on:
            recording.add({
                "name": self.name, "cat": str(self.domain), "ph": "i", "s": reach,
                "ts": now_us(), "tid": recording.user_thread(),
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
