"""Tables of classes by name: one for each of the bases that programs extend."""

import json

__all__ = ["get_registry", "get_register_func", "get_alias_func", "get_create_func"]

_tables = {}


def _table(base_class):
    return _tables.setdefault(base_class, {})


def get_registry(base_class):
    """dict of str to class: a copy of the table of `base_class`, names in lower case."""
    return dict(_table(base_class))


def get_register_func(base_class, nickname):
    """Function ``register(klass, name=None)`` that puts a class into the table of `base_class`.

    Parameters
    ----------
    base_class : type
        What registered classes must extend.
    nickname : str
        What they are called in messages, such as ``"initializer"``.
    """
    table = _table(base_class)

    def register(klass, name=None):
        """Make a class known by `name`, by default its own, in lower case; returns the class."""
        if not (isinstance(klass, type) and issubclass(klass, base_class)):
            raise TypeError(f"{nickname}: {klass!r} must extend {base_class.__name__}")
        table[(name or klass.__name__).lower()] = klass
        return klass

    return register


def get_alias_func(base_class, nickname):
    """Decorator factory ``alias(*names)`` that makes a class known under further names."""
    register = get_register_func(base_class, nickname)

    def alias(*names):
        """Decorator that makes a class known under further names."""

        def mark(klass):
            for name in names:
                register(klass, name)
            return klass

        return mark

    return alias


def get_create_func(base_class, nickname):
    """Function ``create(what, *args, **kwargs)`` that makes an object of a registered class.

    `what` is a name, an object of `base_class` (given back), a dict with the name under
    `nickname`, or JSON text of ``[name, arguments]`` or of such a dict.
    """
    table = _table(base_class)

    def create(*args, **kwargs):
        """An object of a registered class, from its name and arguments.

        Raises
        ------
        ValueError
            If the name is unknown.
        """
        what, args = (args[0], args[1:]) if args else (kwargs.pop(nickname), ())
        if isinstance(what, base_class):
            return what
        if isinstance(what, str) and what[:1] in "[{":
            what = json.loads(what)
        if isinstance(what, list):
            what, kwargs = what
        elif isinstance(what, dict):
            kwargs = dict(what)
            what = kwargs.pop(nickname)
        klass = table.get(what.lower()) if isinstance(what, str) else None
        if klass is None:
            raise ValueError(f"{nickname}: name is {what!r}, must be one of {sorted(table)}")
        return klass(*args, **kwargs)

    return create
