"""Blocks that draw samples, and whose layers add to the loss."""

import functools

from ..hybrid_block import HybridBlock

__all__ = ["StochasticBlock", "StochasticSequential"]


class StochasticBlock(HybridBlock):
    """Block whose `forward` may add losses, such as the divergence of what it drew from.

    ``block(x)`` gives the output; `losses` has what the last call added.

    Examples
    --------
    >>> class Noisy(StochasticBlock):
    ...     @StochasticBlock.collectLoss
    ...     def forward(self, loc, scale):
    ...         q = Normal(loc, scale)
    ...         self.add_loss(kl_divergence(q, Normal(0, 1)))
    ...         return q.sample()
    """

    def __init__(self, prefix=None, params=None):
        super().__init__(prefix, params)
        self._losses, self._added, self._collects = [], [], False

    def add_loss(self, loss):
        """Add an array to the losses of this call."""
        self._added.append(loss)

    @staticmethod
    def collectLoss(func):
        """Decorator of `forward` (or `hybrid_forward`) in blocks that call `add_loss`."""

        @functools.wraps(func)
        def inner(self, *args, **kwargs):
            self._added = []
            out = func(self, *args, **kwargs)
            added, self._added = self._added, []
            self._collects = True
            return out, added

        return inner

    def __call__(self, *args, **kwargs):
        """The output; losses are kept."""
        result = super().__call__(*args, **kwargs)
        if not self._collects:
            raise ValueError(
                f"{self.name}: forward must be decorated with StochasticBlock.collectLoss"
            )
        out, self._losses = result[0], list(result[1])
        return out

    @property
    def losses(self):
        """list of NDArray: what the last call added."""
        return self._losses


class StochasticSequential(StochasticBlock):
    """Blocks one after the other; the losses of all are kept."""

    def __init__(self, prefix=None, params=None):
        super().__init__(prefix, params)
        self._layers = []

    def add(self, *blocks):
        """Append blocks."""
        for block in blocks:
            self._layers.append(block)
            self.register_child(block)

    @StochasticBlock.collectLoss
    def forward(self, x, *args):
        """Apply the blocks one after the other."""
        for block in self._layers:
            x = block(x, *args)
            args = ()
            if isinstance(x, (tuple, list)):
                x, args = x[0], tuple(x[1:])
        for block in self._layers:
            for loss in getattr(block, "losses", ()):
                self.add_loss(loss)
        return (x, *args) if args else x

    def __getitem__(self, key):
        return self._layers[key]

    def __len__(self):
        return len(self._layers)
