"""plait: deep learning from Python, C, C++ and R; the living successor of Apache MXNet.

>>> import plait as mx
>>> x = mx.nd.array([[1, 2], [3, 4]])
>>> (x * 2).sum().asscalar()
20.0
"""

from . import _engine

from . import attribute, autograd, base, context, engine, name, ndarray, op, random, symbol  # isort: skip
from . import numpy, numpy_extension, util  # isort: skip
from . import (
    amp,
    batching,
    callback,
    contrib,
    device,
    dist,
    error,
    executor,
    executor_manager,
    gluon,
    graph,
    initializer,
    io,
    kvstore,
    libinfo,
    library,
    log,
    lr_scheduler,
    metric,
    misc,
    model,
    module,
    monitor,
    onnx,
    operator,
    optimizer,
    profiler,
    registry,
    rnn,
    runtime,
    test_utils,
    visualization,
)
from . import initializer as init
from . import kvstore as kv
from . import module as mod
from . import monitor as mon
from . import ndarray as nd
from . import numpy as np
from . import numpy_extension as npx
from . import random as rnd
from . import symbol as sym
from . import visualization as viz
from .attribute import AttrScope
from .base import MXNetError
from .batching import vmap
from .context import Context, cpu, cpu_pinned, current_context, gpu, num_gpus
from .ndarray import waitall
from .util import (
    is_np_array,
    is_np_shape,
    np_array,
    np_shape,
    set_np_shape,
    use_np,
    use_np_array,
    use_np_shape,
)

from . import image, plots, recordio  # isort: skip
from . import image as img  # isort: skip

nd.np, nd.npx = np, npx  # as F.np and F.npx of hybrid_forward

__version__ = _engine.version()
