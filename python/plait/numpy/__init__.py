"""The world of NumPy: `mx.np`. Arrays with NumPy's rules and gradients, computed in the background.

Functions have NumPy's names and arguments. The array API standard 2024.12 holds after
`mx.npx.set_np(dtype=True)`, which makes float64 and int64 the default dtypes as in NumPy; without
it new arrays are float32, as in MXNet.
"""

from numpy import (
    bool_,
    complex64,
    complex128,
    dtype,
    e,
    euler_gamma,
    float16,
    float32,
    float64,
    get_printoptions,
    inf,
    int8,
    int16,
    int32,
    int64,
    nan,
    newaxis,
    pi,
    printoptions,
    set_printoptions,
    uint8,
    uint16,
    uint32,
    uint64,
)

from .. import _gen  # noqa: F401
from .._gen.np import *  # noqa: F403

from .multiarray import ndarray  # isort: skip
from . import fft, linalg, random
from ._axes import *  # noqa: F403
from ._choice import *  # noqa: F403
from ._creation import *  # noqa: F403
from ._fallback import *  # noqa: F403
from ._joining import *  # noqa: F403
from ._numbers import *  # noqa: F403
from ._numbers import __array_namespace_info__
from ._order import *  # noqa: F403
from ._padding import *  # noqa: F403
from ._products import *  # noqa: F403
from ._reduction import *  # noqa: F403
from ._statistics import *  # noqa: F403

__array_api_version__ = "2024.12"

bool = bool_
bfloat16 = "bfloat16"
NaN = NAN = nan
PINF, NINF = inf, -inf

# Other names of the array API and of NumPy.
_alias = globals()
for _new, _old in {
    "acos": "arccos",
    "acosh": "arccosh",
    "asin": "arcsin",
    "asinh": "arcsinh",
    "atan": "arctan",
    "atan2": "arctan2",
    "atanh": "arctanh",
    "pow": "power",
    "deg2rad": "radians",
    "rad2deg": "degrees",
}.items():
    _alias[_new] = _alias[_old]
del _alias, _new, _old
