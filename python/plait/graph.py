"""The graph compiler: which passes it runs.

>>> with mx.graph.switched(fuse_pointwise=False):
...     net.hybridize()
...     net(x)
>>> print(net.explain())
"""

import contextlib
import json

from . import _symbol

__all__ = ["passes", "set_pass", "switched"]


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
