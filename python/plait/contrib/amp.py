"""`mx.amp` under its older name."""

from ..amp import *  # noqa: F403
from ..amp import __all__  # noqa: F401
