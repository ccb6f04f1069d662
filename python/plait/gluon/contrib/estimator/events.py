"""The events of a training loop; a handler extends the classes of those it wants."""

__all__ = [
    "EventHandler",
    "TrainBegin",
    "TrainEnd",
    "EpochBegin",
    "EpochEnd",
    "BatchBegin",
    "BatchEnd",
    "check_monitor",
    "improves",
]


class EventHandler:
    """Base of the handlers."""


class TrainBegin(EventHandler):
    """Before the first batch."""

    def train_begin(self, estimator, *args, **kwargs):
        """Called once with the estimator."""


class TrainEnd(EventHandler):
    """After the last batch."""

    def train_end(self, estimator, *args, **kwargs):
        """Called once with the estimator."""


class EpochBegin(EventHandler):
    """Before each pass over the data."""

    def epoch_begin(self, estimator, *args, **kwargs):
        """Called with the estimator."""


class EpochEnd(EventHandler):
    """After each pass over the data."""

    def epoch_end(self, estimator, *args, **kwargs):
        """Called with the estimator; True ends the training."""


class BatchBegin(EventHandler):
    """Before each batch."""

    def batch_begin(self, estimator, *args, **kwargs):
        """Called with the estimator and ``batch=``."""


class BatchEnd(EventHandler):
    """After each batch."""

    def batch_end(self, estimator, *args, **kwargs):
        """Called with the estimator, ``batch=``, ``label=``, ``pred=``, ``loss=``; True ends."""


def check_monitor(name, mode, monitor):
    """The mode 'min' or 'max'; 'auto' is told by the name of the metric."""
    if mode not in ("auto", "min", "max"):
        raise ValueError(f"{name}: mode is {mode!r}, must be 'auto', 'min' or 'max'")
    if mode != "auto":
        return mode
    text = str(monitor.get()[0]).lower()
    return "max" if any(word in text for word in ("acc", "f1", "mcc", "pcc", "corr")) else "min"


def improves(mode, value, best, least=0.0):
    """bool: whether `value` is better than `best` by more than `least`."""
    if best is None:
        return value == value
    return value > best + least if mode == "max" else value < best - least
