"""Blocks made of other blocks, and functions as blocks."""

from ... import ndarray, symbol
from ..block import Block
from ..hybrid_block import HybridBlock

__all__ = [
    "Sequential",
    "HybridSequential",
    "Concatenate",
    "HybridConcatenate",
    "Concurrent",
    "HybridConcurrent",
    "Identity",
    "Lambda",
    "HybridLambda",
]


class _Container:
    """What the containers share: children by number."""

    def add(self, *blocks):
        """Append blocks."""
        for block in blocks:
            self.register_child(block)

    def __len__(self):
        return len(self._children)

    def __iter__(self):
        return iter(self._children.values())

    def __getitem__(self, key):
        layers = list(self._children.values())[key]
        if isinstance(layers, list):
            part = type(self)(prefix=self._prefix)
            with part.name_scope():
                part.add(*layers)
            return part
        return layers

    def forward(self, x, *args):
        """Apply the children one after the other."""
        for block in self._children.values():
            x = block(x, *args)
            args = ()
            if isinstance(x, (tuple, list)):
                x, args = x[0], tuple(x[1:])
        return (x, *args) if args else x


class Sequential(_Container, Block):
    """Blocks applied one after the other.

    Examples
    --------
    >>> net = nn.Sequential()
    >>> net.add(nn.Dense(10, activation="relu"), nn.Dense(20))
    """


class HybridSequential(_Container, HybridBlock):
    """Hybrid blocks applied one after the other; compiled as a whole.

    A subclass may define `forward` or `hybrid_forward` anew.
    """

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "hybrid_forward" in vars(cls) and "forward" not in vars(cls):
            cls.forward = HybridBlock.forward

    def forward(self, x, *args):
        """Apply the children one after the other; of symbols, named after this block."""
        if not self._is_symbolic((x,)):
            return super().forward(x, *args)
        with self.name_scope():
            return super().forward(x, *args)

    def hybrid_forward(self, F, x, *args):
        """The same, for subclasses that define this anew."""
        return _Container.forward(self, x, *args)


class Concatenate(Sequential):
    """Blocks applied to the same input; outputs are joined along `axis`."""

    def __init__(self, axis=-1, prefix=None, params=None):
        super().__init__(prefix=prefix, params=params)
        self.axis = axis

    def forward(self, x):
        """Join the outputs of the children."""
        return ndarray.concat(*[block(x) for block in self._children.values()], dim=self.axis)


class HybridConcatenate(HybridSequential):
    """Hybrid blocks applied to the same input; outputs are joined along `axis`."""

    def __init__(self, axis=-1, prefix=None, params=None):
        super().__init__(prefix=prefix, params=params)
        self.axis = axis

    def forward(self, x):
        """Join the outputs of the children."""
        return self.hybrid_forward(symbol if self._is_symbolic((x,)) else ndarray, x)

    def hybrid_forward(self, F, x):
        """The same, for subclasses that define this anew."""
        return F.concat(*[block(x) for block in self._children.values()], dim=self.axis)


# The names of gluon.contrib.nn.
Concurrent, HybridConcurrent = Concatenate, HybridConcatenate


class Identity(HybridBlock):
    """Gives its input back."""

    def hybrid_forward(self, F, x):
        return F.identity(x)


def _lookup(function, *modules):
    if callable(function):
        return function
    for module in modules:
        if not hasattr(module, function):
            raise ValueError(f"Lambda: function is {function!r}, must be an operator")
    return None


class Lambda(Block):
    """A function, or an operator of mx.nd by name, as a block."""

    def __init__(self, function, prefix=None):
        super().__init__(prefix=prefix)
        self._function = _lookup(function, ndarray) or getattr(ndarray, function)

    def __repr__(self):
        return f"Lambda({self._function.__name__})"

    def forward(self, *args):
        """Call the function."""
        return self._function(*args)


class HybridLambda(HybridBlock):
    """A function ``f(F, x, ...)``, or an operator by name, as a hybrid block."""

    def __init__(self, function, prefix=None):
        super().__init__(prefix=prefix)
        self._function = _lookup(function, ndarray, symbol)
        self._operator = function

    def __repr__(self):
        shown = self._operator if self._function is None else self._function.__name__
        return f"HybridLambda({shown})"

    def hybrid_forward(self, F, x, *args):
        if self._function is None:
            return getattr(F, self._operator)(x, *args)
        return self._function(F, x, *args)
