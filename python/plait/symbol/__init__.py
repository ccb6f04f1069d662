"""Static graphs: `mx.sym`. Functions of operators are generated into `plait._gen.sym`."""

from .._gen import sym as _generated
from .._gen.sym import *  # noqa: F401,F403
from .._namespaces import expose as _expose
from . import random  # noqa: F401
from .cached_graph import CachedGraph
from .create import Group, Variable, arange, full, load, load_json, ones, var, zeros
from .shorthand import (
    AvgPool,
    Convolution,
    FullyConnected,
    LabelCrossEntropyOutput,
    MaxPool,
    hypot,
    maximum,
    minimum,
    pow,
    power,
    split_v2,
)
from .surfaces import np, npx
from .symbol import Symbol

_expose(globals(), _generated, ("_internal", "op", "linalg", "image", "contrib"))
