"""What `mx.np` programs need beyond NumPy: `mx.npx`. Neural network operators, files, modes."""

import sys as _sys
from typing import Any as _Any

from .._gen.npx import *  # noqa: F401,F403
from ..context import cpu, cpu_pinned, current_context, gpu, gpu_memory_info, num_gpus
from ..ndarray.create import to_dlpack_for_read, to_dlpack_for_write, waitall
from ..util import (
    is_np_array,
    is_np_default_dtype,
    is_np_shape,
    np_array,
    np_default_dtype,
    np_shape,
    reset_np,
    set_np,
    set_np_default_dtype,
    set_np_shape,
    use_np,
    use_np_array,
    use_np_default_dtype,
    use_np_shape,
)
from . import random
from .files import load, save, savez
from .functions import *  # noqa: F403
from .random import seed

from .. import numpy as _numpy  # isort: skip
from ..numpy import from_dlpack  # isort: skip

_numpy.multiarray.add_methods(_numpy, _sys.modules[__name__])
Context = Device = type(cpu())
current_device = current_context


def custom(*inputs: _Any, op_type: str, **params: _Any) -> _Any:
    """Run an operator written in Python on `mx.np` arrays; see `mx.operator`.

    Parameters
    ----------
    *inputs : ndarray
        Arguments, then auxiliary states, in the order of its `CustomOpProp`; also by name.
    op_type : str
        Name under which it was registered.
    **params
        Handed to the `CustomOpProp`, as text.
    """
    from ..ndarray import Custom

    given = [x.as_nd_ndarray() for x in inputs]
    named = {
        k: v.as_nd_ndarray() if isinstance(v, _numpy.multiarray.ndarray) else v
        for k, v in params.items()
    }
    result = Custom(*given, op_type=op_type, **named)
    if isinstance(result, list):
        return [x.as_np_ndarray() for x in result]
    return result.as_np_ndarray()


Custom = custom
