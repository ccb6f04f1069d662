"""One documentation for the classes of one to three dimensions."""

__all__ = ["of_dimensions"]

_AXES = {1: "w", 2: "h, w", 3: "d, h, w"}


def of_dimensions(base, ndim, **words):
    """The docstring of a private base for one of its classes.

    ``{axes}`` becomes the axes of the class, such as "h, w", and ``{axes'}`` those of its output,
    such as "h', w'"; `words` are further replacements.
    """
    axes = _AXES[ndim]
    words |= {"axes'": ", ".join(f"{name}'" for name in axes.split(", ")), "axes": axes}
    doc = base.__doc__
    for name, text in words.items():
        doc = doc.replace("{" + name + "}", text)
    return doc
