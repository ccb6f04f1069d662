"""Nested lists of arrays or symbols, taken apart and put together again."""

__all__ = ["flatten", "rebuild"]


def flatten(value, leaves):
    """Append what nested lists hold to `leaves`; returns the structure, which `rebuild` takes."""
    if isinstance(value, (list, tuple)):
        return [flatten(item, leaves) for item in value]
    leaves.append(value)
    return None


def rebuild(structure, leaves):
    """The nested lists again, from an iterator over what they hold."""
    if structure is None:
        return next(leaves)
    return [rebuild(item, leaves) for item in structure]
