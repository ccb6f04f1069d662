"""The graph compiler: which passes it runs.

>>> with mx.graph.switched(fuse_pointwise=False):
...     net.hybridize()
...     net(x)
>>> print(net.explain())
"""

import contextlib
import json

from . import _symbol

__all__ = ["memory_target", "passes", "set_memory_target", "set_pass", "switched"]


def passes():
    """The passes in the order in which they run.

    Returns
    -------
    list of dict
        With the keys ``name``, ``doc`` and ``on``.
    """
    return json.loads(_symbol.passes())


def set_pass(name, on):
    """Switch a pass on or off for graphs that are compiled from now on.

    The environment variable ``PLAIT_GRAPH_PASSES_OFF`` (names with commas) sets the start.

    Parameters
    ----------
    name : str
    on : bool

    Returns
    -------
    bool
        What the switch was before.

    Raises
    ------
    KeyError
        If there is no such pass.
    """
    return _symbol.set_pass(name, bool(on))


def set_memory_target(target):
    """Say how much memory the pass ``recompute`` aims at, in graphs that are compiled from now on.

    As little is computed again as meets the target. `net.explain()` prints the bytes with and
    without recomputation, and whether the target was reached.

    Parameters
    ----------
    target : float
        Bytes that a training graph may plan for its intermediates; below 1 a share of what it
        would plan without the pass; 0, as at the start: whatever costs little time.
        The environment variable ``PLAIT_GRAPH_MEMORY_TARGET`` sets the start, and switches the
        pass on; ``MXNET_BACKWARD_DO_MIRROR=1`` switches it on too.

    Returns
    -------
    float
        What the target was before.

    Raises
    ------
    ValueError
        If it is negative or not finite.
    """
    return _symbol.set_memory_target(float(target))


@contextlib.contextmanager
def memory_target(target):
    """Context manager: ``recompute`` is on, with this target, for graphs compiled inside.

    Parameters
    ----------
    target : float or bool or None
        As for `set_memory_target`; True keeps the target, and with False or None nothing changes.
    """
    if target is None or target is False:
        yield
        return
    with switched(recompute=True):
        if target is True:
            yield
            return
        before = set_memory_target(target)
        try:
            yield
        finally:
            set_memory_target(before)


@contextlib.contextmanager
def switched(**switches):
    """Context manager: passes by name, on or off, for graphs compiled inside.

    Parameters
    ----------
    **switches : bool
        A compiled graph takes the switches when it is made, that is at the first call of a
        hybridized block after `hybridize`.
    """
    before = {}
    try:
        for name, on in switches.items():
            before[name] = set_pass(name, on)
        yield
    finally:
        for name, on in before.items():
            set_pass(name, on)
