"""The classic array world of MXNet: `mx.nd`."""

from importlib import import_module as _import_module

from .._gen import nd as _generated
from .._gen.nd import *  # noqa: F401,F403
from .._namespaces import expose as _expose
from . import ndarray as _ndarray
from . import random  # noqa: F401
from .binary import *  # noqa: F401,F403
from .create import (  # noqa: F401
    arange,
    array,
    concatenate,
    empty,
    eye,
    from_dlpack,
    from_numpy,
    full,
    linspace,
    load,
    load_frombuffer,
    ones,
    ones_like,
    save,
    to_dlpack_for_read,
    to_dlpack_for_write,
    waitall,
    zeros,
    zeros_like,
)
from .elementwise import (  # noqa: F401
    elemwise_add,
    elemwise_div,
    elemwise_mul,
    elemwise_sub,
)
from .functions import histogram, moveaxis, onehot_encode, reset_arrays, split_v2  # noqa: F401
from .ndarray import NDArray

_ndarray.add_methods(_generated)

# The module takes the place of the generated namespace of the same name.
contrib = _import_module(".contrib", __name__)
sparse = _import_module(".sparse", __name__)

cast_storage, _sparse_retain = sparse.cast_storage, sparse.retain
CSRNDArray, RowSparseNDArray = sparse.CSRNDArray, sparse.RowSparseNDArray

_expose(globals(), _generated, ("_internal", "op", "linalg", "image"))


to_tensor, normalize = _generated.image.to_tensor, _generated.image.normalize


def Custom(*inputs, op_type, **params):
    """Run an operator written in Python; see `mx.operator`.

    Parameters
    ----------
    *inputs : NDArray
        Arguments, then auxiliary states, in the order of its `CustomOpProp`; also by name.
    op_type : str
        Name under which it was registered.
    **params
        Handed to the `CustomOpProp`, as text.
    """
    from ..operator import custom

    return custom(inputs, op_type, params)
