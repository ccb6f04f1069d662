"""Files for the TensorBoard dashboard, with the functions of MXBoard.

>>> with SummaryWriter("logs") as writer:  # doctest: +SKIP
...     writer.add_scalar("loss", 0.5, global_step=1)

Needs the `tensorboard` package, which is imported when a writer is made.
"""

from .writer import SummaryWriter

__all__ = ["SummaryWriter"]
