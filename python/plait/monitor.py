"""A look at the arrays inside a graph while it trains."""

import logging
import re

from . import ndarray as nd

__all__ = ["Monitor"]


def _mean_abs(array):
    return nd.norm(array) / array.size**0.5


class Monitor:
    """Collects a statistic of outputs, gradients and weights each `interval` batches.

    Names are MXNet's: ``fc1_output`` of an operator, ``fc1_backward_output1`` of the gradient that
    it gives its second input, ``fc1_weight`` of a variable.

    Parameters
    ----------
    interval : int
        Batches from one look to the next.
    stat_func : function
        Gets an array; returns the statistic, an array or list of arrays. Default: 2-norm over the
        square root of the size.
    pattern : str
        Regular expression: names that match from their start are looked at.
    sort : bool
        Whether results are sorted by name.
    monitor_all : bool
        Whether inputs of operators, such as ``fc1_data``, are looked at as well.

    Examples
    --------
    >>> monitor = mx.mon.Monitor(100, pattern=".*weight")
    >>> module.fit(train_iter, num_epoch=1, monitor=monitor)
    """

    def __init__(self, interval, stat_func=None, pattern=".*", sort=False, monitor_all=False):
        self.interval = interval
        self.stat_func = stat_func or _mean_abs
        self.re_prog = re.compile(pattern)
        self.sort, self.monitor_all = sort, monitor_all
        self.activated = False
        self.queue, self.step, self.exes = [], 0, []

    def stat_helper(self, name, array):
        """Collect the statistic of one array, if it is time and the name matches."""
        if self.activated and self.re_prog.match(name):
            self.queue.append((self.step, name, self.stat_func(array)))

    def install(self, exe, monitor_all=None):
        """Watch an executor."""
        exe.set_monitor_callback(
            self.stat_helper,
            self.monitor_all if monitor_all is None else monitor_all,
            lambda: self.activated,
        )
        self.exes.append(exe)

    def tic(self):
        """Before `forward`: start to collect if this batch is looked at."""
        if self.step % self.interval == 0:
            self.queue = []
            self.activated = True
        self.step += 1

    def toc(self):
        """After `backward`: the statistics of this batch.

        Returns
        -------
        list of (int, str, str)
            Number of the batch, name of the array, value as text.
        """
        if not self.activated:
            return []
        for exe in self.exes:
            for arrays in (exe.arg_dict, exe.aux_dict):
                for name, array in arrays.items():
                    self.stat_helper(name, array)
        self.activated = False
        rows = sorted(self.queue, key=lambda row: row[1]) if self.sort else self.queue
        self.queue = []
        return [(step, name, self._text(value)) for step, name, value in rows]

    @staticmethod
    def _text(value):
        values = value if isinstance(value, list) else [value]
        parts = []
        for v in values:
            if not isinstance(v, nd.NDArray):
                raise TypeError(f"Monitor: stat_func returned {type(v).__name__}, must be NDArray")
            parts.append(str(v.asscalar() if v.size == 1 else v.asnumpy()) + "\t")
        return "".join(parts)

    def toc_print(self):
        """As `toc`, and log the statistics."""
        for step, name, text in self.toc():
            logging.info("Batch: %7d %30s %s", step, name, text)
