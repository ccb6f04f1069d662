"""Static graphs: `mx.sym`. Functions of operators are generated into `plait._gen.sym`."""

from .._gen import sym as _generated
from .._gen.sym import *  # noqa: F401,F403
from .._namespaces import expose as _expose
from . import control as _control
from . import random, sparse  # noqa: F401
from .cached_graph import CachedGraph
from .create import Group, Variable, arange, full, load, load_json, ones, var, zeros
from .shorthand import (
    AvgPool,
    Convolution,
    FullyConnected,
    LabelCrossEntropyOutput,
    MaxPool,
    histogram,
    hypot,
    maximum,
    minimum,
    pow,
    power,
    split_v2,
)
from .surfaces import np, npx
from .symbol import Symbol

fromjson = load_json  # names of MXNet 2
numpy, numpy_extension = np, npx

_expose(globals(), _generated, ("_internal", "op", "linalg", "image", "contrib"))
vars(globals()["contrib"]).update({n: getattr(_control, n) for n in _control.__all__})


def Custom(*inputs, op_type, name=None, attr=None, **params):
    """A node that runs an operator written in Python or loaded from a library.

    Parameters
    ----------
    *inputs : Symbol
        Arguments in the order of its `CustomOpProp`; also by name. Missing ones become variables.
    op_type : str
        Name under which it was registered.
    **params
        Handed to the `CustomOpProp`, as text.
    """
    from ..operator import custom_symbol

    return custom_symbol(inputs, op_type, params, name, attr)
