"""`mx.nd.contrib` under its older name."""

from ..ndarray import contrib as _contrib

globals().update({k: v for k, v in vars(_contrib).items() if not k.startswith("_")})
