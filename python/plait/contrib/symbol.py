"""`mx.sym.contrib` under its older name."""

from .._gen import sym as _gen

globals().update(vars(_gen.contrib))
