"""How much of the communication of a profile went on beside computation."""

__all__ = ["COLLECTIVES", "overlap"]

COLLECTIVES = (
    "allreduce",
    "broadcast",
    "allgather",
    "reduce_scatter",
    "all_to_all",
    "send",
    "receive",
    "barrier",
)


def overlap(spans):
    """Time in communication, and the part of it in which this rank computed as well.

    Parameters
    ----------
    spans : list of dict
        With "name", "begin" and "end" in nanoseconds, as the profiler records operations.

    Returns
    -------
    dict
        "communication" and "hidden" in seconds; "share", which is hidden / communication, 0 without
        communication. Times that operations have in common count once.
    """
    ours = _union(s for s in spans if is_communication(s))
    other = _union(s for s in spans if not is_communication(s))
    total = sum(end - begin for begin, end in ours)
    hidden = sum(max(0, min(end, b) - max(begin, a)) for begin, end in ours for a, b in other)
    return {
        "communication": total / 1e9,
        "hidden": hidden / 1e9,
        "share": hidden / total if total else 0.0,
    }


def is_communication(span):
    """Whether a recorded operation is one of `COLLECTIVES`."""
    return span["name"].split(" ")[0] in COLLECTIVES


def _union(spans):
    """Disjoint intervals that cover the same times, rising."""
    merged = []
    for begin, end in sorted((s["begin"], s["end"]) for s in spans):
        if merged and begin <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([begin, end])
    return merged
