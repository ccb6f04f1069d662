"""Automatic names of symbols."""

import threading

from .base import _MXClassPropertyMetaClass, classproperty

__all__ = ["NameManager", "Prefix"]


class NameManager(metaclass=_MXClassPropertyMetaClass):
    """Gives each unnamed symbol a name: the operator's hint and a counter, e.g. ``convolution0``.

    Used as a context manager, it names the symbols made inside; each has its own counters.

    Examples
    --------
    >>> with NameManager():
    ...     NameManager.current.get(None, "relu")
    'relu0'
    """

    _state = threading.local()

    def __init__(self):
        self._counter = {}
        self._previous = None

    @classproperty
    def current(cls):
        """The manager in force in this thread."""
        manager = getattr(cls._state, "manager", None)
        if manager is None:
            manager = cls._state.manager = NameManager()
        return manager

    def get(self, name, hint):
        """`name`, or a new name made from `hint` if it is None or empty."""
        if name:
            return name
        count = self._counter.get(hint, 0)
        self._counter[hint] = count + 1
        return f"{hint}{count}"

    def __enter__(self):
        self._previous = NameManager.current
        NameManager._state.manager = self
        return self

    def __exit__(self, *exc):
        NameManager._state.manager = self._previous


class Prefix(NameManager):
    """A NameManager that puts `prefix` before every name.

    Parameters
    ----------
    prefix : str
        Text before each name, given or made.
    """

    def __init__(self, prefix):
        super().__init__()
        self._prefix = prefix

    def get(self, name, hint):
        return self._prefix + super().get(name, hint)
