"""What a block does besides computing its results, which its compiled calls leave out."""

import inspect
import re
import warnings

__all__ = ["ContainersWatch"]

# Containers that classes of ours keep, which know about compiled calls.
_OF_BLOCKS = {
    "_children", "_reg_params", "_forward_hooks", "_forward_pre_hooks", "_flags",
    "_losses", "_added",
}  # fmt: skip


class ContainersWatch:
    """Tells which lists, dicts and sets of a program's own blocks change while one is traced."""

    def __init__(self, block):
        self._before = []
        block.apply(self._look_at)

    def _look_at(self, block):
        if _is_ours(type(block)):
            return
        for name, value in vars(block).items():
            if isinstance(value, (list, dict, set)) and name not in _OF_BLOCKS:
                self._before.append((block, name, _content(value)))

    def warn(self):
        """A warning for each, with the line that names it first."""
        for block, name, content in self._before:
            if _content(vars(block).get(name)) != content:
                warnings.warn(
                    f"{type(block).__name__}.{name} has changed while the block is compiled; "
                    f"compiled calls do not change it\n  at {_first_line(type(block), name)}",
                    stacklevel=2,
                )


def _is_ours(thing):
    return thing.__module__.split(".")[0] == __name__.split(".")[0]


def _content(value):
    """What tells two contents of a container apart."""
    if isinstance(value, dict):
        return [(key, id(item)) for key, item in value.items()]
    return [id(item) for item in value or ()]


def _first_line(cls, name):
    """Text about the first line of a class's forward function that names an attribute."""
    for method in ("forward", "hybrid_forward"):
        function = inspect.unwrap(getattr(cls, method))
        if _is_ours(function):
            continue
        code = function.__code__
        try:
            lines, first = inspect.getsourcelines(function)
        except OSError:  # it has no file
            lines, first = [""], code.co_firstlineno
        named = re.compile(rf"\.{re.escape(name)}\b")
        at = next((i for i, line in enumerate(lines) if named.search(line)), 0)
        return f"{code.co_filename}:{first + at}: {lines[at].strip()}"
    return "an unknown line"
