"""The scheduler seen from Python."""

from contextlib import contextmanager

from ._engine import memory_stats, set_bulk_size, set_num_threads
from ._engine import stats as _counters

__all__ = ["bulk", "set_bulk_size", "set_num_threads", "stats", "memory_stats"]


@contextmanager
def bulk(size):
    """Let workers start only when `size` tasks were pushed, or when this thread waits.

    Inside, they see how many tasks are ready before they share the cores out: independent tasks
    then run side by side on one core each. Each task keeps its own variables, so nothing waits
    for the whole bundle.

    Parameters
    ----------
    size : int
        Number of tasks; 0 or 1 starts each at once.
    """
    before = set_bulk_size(size)
    try:
        yield
    finally:
        set_bulk_size(before)


def stats():
    """Counters of the engine.

    Returns
    -------
    dict
        `threads`: cores for all operations together; `workers`: threads; `inlined`: operations run
        in the calling thread on one core; `in_caller`: in it on several, if they are long enough;
        `queued`: handed to workers; `pending`: of these, not done (the depth of the queue);
        `bytes_pending`: memory that they hold; `busy_ns`, `uptime_ns`: time of the workers in tasks
        and in all; `inline_share`: of all operations, in [0, 1]; `utilisation`: of the cores by
        workers since they started, in [0, 1]. The naive engine counts only its `threads`.
    """
    s = _counters()
    total = s["inlined"] + s["in_caller"] + s["queued"]
    s["inline_share"] = s["inlined"] / total if total else 0.0
    s["utilisation"] = s["busy_ns"] / (s["uptime_ns"] * s["threads"]) if s["uptime_ns"] else 0.0
    return s
