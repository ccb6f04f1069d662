"""Attributes that a scope gives to the symbols made inside."""

import threading

from .base import _MXClassPropertyMetaClass, classproperty

__all__ = ["AttrScope", "stored_name", "with_short_names"]

# Attributes that MXNet lets programs name without the underscores that files have.
_SHORT = ("ctx_group", "lr_mult", "wd_mult", "force_mirroring", "mirror_stage")


def stored_name(key):
    """The name under which a node keeps attribute `key`: ``lr_mult`` is ``__lr_mult__``."""
    return f"__{key}__" if key in _SHORT else key


def with_short_names(attributes):
    """Attributes of a node, those with two names under both, as MXNet tells them."""
    both = {short: attributes[f"__{short}__"] for short in _SHORT if f"__{short}__" in attributes}
    return {**attributes, **both}


class AttrScope(metaclass=_MXClassPropertyMetaClass):
    """Adds string attributes to every symbol made inside the scope; inner scopes win.

    Parameters
    ----------
    **kwargs : str
        The attributes.

    Raises
    ------
    ValueError
        If a value is not a string.

    Examples
    --------
    >>> with AttrScope(ctx_group="dev1"):
    ...     AttrScope.current.get({"a": "b"})
    {'ctx_group': 'dev1', 'a': 'b'}
    """

    _state = threading.local()

    def __init__(self, **kwargs):
        for key, value in kwargs.items():
            if not isinstance(value, str):
                raise ValueError(f"AttrScope: {key} is {value!r}, must be a str")
        self._attr = kwargs
        self._previous = None

    @classproperty
    def current(cls):
        """The scope in force in this thread."""
        scope = getattr(cls._state, "scope", None)
        if scope is None:
            scope = cls._state.scope = AttrScope()
        return scope

    def get(self, attr=None):
        """The scope's attributes, overridden by `attr` (dict of str, or None)."""
        if not self._attr:
            return dict(attr) if attr else {}
        return {**self._attr, **(attr or {})}

    def __enter__(self):
        self._previous = AttrScope.current
        merged = AttrScope(**{**self._previous._attr, **self._attr})
        AttrScope._state.scope = merged
        return self

    def __exit__(self, *exc):
        AttrScope._state.scope = self._previous
