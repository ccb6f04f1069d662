"""Metrics for TensorBoard from the callbacks of modules: `mx.contrib.tensorboard`."""

__all__ = ["LogMetricsCallback"]


class LogMetricsCallback:
    """A callback for batches or epochs that writes the metrics of a module.

    Parameters
    ----------
    logging_dir : str
        Folder of the event files.
    prefix : str, optional
        Put before the names of the metrics.

    Raises
    ------
    ImportError
        Without the `tensorboard` package.

    Examples
    --------
    >>> callback = mx.contrib.tensorboard.LogMetricsCallback("logs/train")
    >>> module.fit(train_iter, num_epoch=2, batch_end_callback=callback)
    """

    def __init__(self, logging_dir, prefix=None):
        from ..board import SummaryWriter

        self.prefix, self.step = prefix, 0
        self.summary_writer = SummaryWriter(logging_dir)

    def __call__(self, param):
        """Write what the metric of `param` says."""
        if param.eval_metric is None:
            return
        self.step += 1
        for name, value in param.eval_metric.get_name_value():
            name = name if self.prefix is None else f"{self.prefix}-{name}"
            self.summary_writer.add_scalar(name, value, self.step)
        self.summary_writer.flush()
