"""What this build and this machine can do.

>>> from plait import runtime
>>> runtime.Features().is_enabled("OPENMP")
True
"""

from . import _engine

__all__ = ["Feature", "Features", "feature_list"]


class Feature:
    """A name and whether it is there."""

    def __init__(self, name, enabled):
        self.name, self.enabled = name, enabled

    def __repr__(self):
        return ("\u2714 " if self.enabled else "\u2716 ") + self.name


def feature_list():
    """List of Feature: all that there could be."""
    return [Feature(name, on) for name, on in _engine.features().items()]


class Features(dict):
    """Features by name."""

    def __init__(self):
        super().__init__((f.name, f) for f in feature_list())

    def __repr__(self):
        return str(list(self.values()))

    def is_enabled(self, name):
        """True if it is there; upper and lower case are the same.

        Raises
        ------
        RuntimeError
            If there is no feature of this name.
        """
        feature = self.get(name.upper())
        if feature is None:
            raise RuntimeError(f"feature {name!r} is unknown, must be one of {', '.join(self)}")
        return feature.enabled
