"""Entries of core/ops/create."""

import numpy as np
from harness import Spec, normal

Spec(
    "full",
    lambda shape, value: np.full(shape, value),
    [((), {"shape": (2, 3), "value": 2.5})],
    dtypes=("float32",),
)
Spec(
    "zeros",
    lambda shape: np.zeros(shape),
    [((), {"shape": (2, 0)}), ((), {"shape": (3,)})],
    dtypes=("float32",),
)
Spec("ones", lambda shape: np.ones(shape), [((), {"shape": (2, 3)})], dtypes=("float32",))
Spec("zeros_like", np.zeros_like, [((normal(2, 3),), {})])
Spec("ones_like", np.ones_like, [((normal(2, 3),), {})])
Spec("full_like", np.full_like, [((normal(2, 3),), {"fill_value": 4.0})])
Spec(
    "arange",
    lambda start, stop, step=1.0: np.arange(start, stop, step),
    [((), {"start": 2.0, "stop": 7.0}), ((), {"start": 5.0, "stop": 0.0, "step": -2.0})],
    dtypes=("float32",),
)
Spec("arange_like", lambda x, axis: np.arange(x.shape[axis]), [((normal(3, 4),), {"axis": 1})])
Spec("eye", lambda N, M, k: np.eye(N, M, k), [((), {"N": 3, "M": 4, "k": 1})], dtypes=("float32",))
Spec(
    "linspace",
    lambda start, stop, num: np.linspace(start, stop, num),
    [((), {"start": 1.0, "stop": 2.0, "num": 5})],
    dtypes=("float32",),
)
