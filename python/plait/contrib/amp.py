"""`mx.amp` under its older name."""

from .. import amp  # noqa: F401 - MXNet has it as `contrib.amp.amp` too
from ..amp import *  # noqa: F403
from ..amp import __all__  # noqa: F401
