"""Static graphs: `mx.sym`. Functions of operators are generated into `plait._gen.sym`."""

from .._gen import sym as _generated
from .._gen.sym import *  # noqa: F401,F403
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
)
from .symbol import (
    CachedGraph,
    Group,
    Symbol,
    Variable,
    arange,
    full,
    load,
    load_json,
    ones,
    var,
    zeros,
)

# Sub-namespaces that the generated module has: random, linalg, contrib, image, ...
for _name in ("random", "linalg", "contrib", "image", "op"):
    if hasattr(_generated, _name):
        globals()[_name] = getattr(_generated, _name)
del _name
