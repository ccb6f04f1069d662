"""A training loop as an object."""

import contextlib
import copy
import logging
import sys

from .... import metric as metrics_module
from .... import optimizer as optimizers
from ....context import Context, current_context
from ....initializer import Uniform
from ... import loss as losses
from ...data import DataLoader
from ...trainer import Trainer
from .batch_processor import BatchProcessor
from .events import BatchBegin, BatchEnd, EpochBegin, EpochEnd, TrainBegin, TrainEnd
from .handlers import GradientUpdateHandler, MetricHandler, StoppingHandler, ValidationHandler
from .reports import LoggingHandler

__all__ = ["Estimator"]

_EVENTS = {
    "train_begin": TrainBegin,
    "train_end": TrainEnd,
    "epoch_begin": EpochBegin,
    "epoch_end": EpochEnd,
    "batch_begin": BatchBegin,
    "batch_end": BatchEnd,
}


class Estimator:
    """Trains and evaluates a network; handlers of events add what a program needs besides.

    Parameters
    ----------
    net : Block
    loss : gluon.loss.Loss
    train_metrics, val_metrics : EvalMetric or list of EvalMetric, optional
        Default the accuracy for a loss of classes; those of validation are copies. The loss is
        always measured too, unless metrics are given.
    initializer : Initializer, optional
        For parameters that are not initialised.
    trainer : Trainer, optional
        Default Adam with a rate of 0.001.
    context : Context or list of Context, optional
    val_net, val_loss : Block, Loss, optional
        For validation; default those of the training.
    batch_processor : BatchProcessor, optional

    Examples
    --------
    >>> estimator = Estimator(net, gluon.loss.SoftmaxCELoss(), trainer=trainer)
    >>> estimator.fit(train_data, val_data, epochs=5)
    """

    def __init__(
        self,
        net,
        loss,
        train_metrics=None,
        val_metrics=None,
        initializer=None,
        trainer=None,
        context=None,
        val_net=None,
        val_loss=None,
        batch_processor=None,
    ):
        self.net, self.val_net = net, val_net or net
        for given in (loss, val_loss):
            if given is not None and not isinstance(given, losses.Loss):
                raise ValueError(f"Estimator: loss is {type(given).__name__}, must be a gluon Loss")
        self.loss, self.val_loss = loss, val_loss or loss
        self._train_metrics = self._as_metrics(train_metrics)
        self._val_metrics = self._as_metrics(val_metrics)
        self._name_metrics()
        self.context = self._as_contexts(context)
        self._initialize(initializer)
        if trainer is not None and not isinstance(trainer, Trainer):
            raise ValueError(f"Estimator: trainer is {type(trainer).__name__}, must be a Trainer")
        self.trainer = trainer or Trainer(
            net.collect_params(), optimizers.Adam(learning_rate=0.001)
        )
        self.batch_processor = batch_processor or BatchProcessor()
        if not isinstance(self.batch_processor, BatchProcessor):
            raise ValueError("Estimator: batch_processor must be a BatchProcessor")
        self.logger = self._make_logger()
        self.max_epoch = self.max_batch = self.num_batches = None
        self.batch_axis = 0

    @staticmethod
    def _make_logger():
        logger = logging.Logger("Estimator", logging.INFO)
        logger.addHandler(logging.StreamHandler(sys.stdout))
        return logger

    @staticmethod
    def _as_metrics(given):
        given = [] if given is None else given
        found = list(given) if isinstance(given, (list, tuple)) else [given]
        for metric in found:
            if not isinstance(metric, metrics_module.EvalMetric):
                raise ValueError(
                    f"Estimator: metrics have {type(metric).__name__}, must be EvalMetric"
                )
        return found

    def _name_metrics(self):
        """Add what is missing, and say in the names what is measured."""
        if not self._train_metrics:
            if isinstance(self.loss, losses.SoftmaxCrossEntropyLoss):
                self._train_metrics.append(metrics_module.Accuracy())
            name = type(self.loss).__name__.lower()
            self._train_metrics.append(metrics_module.Loss(name))
        if not self._val_metrics:
            self._val_metrics = [copy.deepcopy(metric) for metric in self._train_metrics]
        for kind, found in (("training ", self._train_metrics), ("validation ", self._val_metrics)):
            for metric in found:
                if not metric.name.startswith(kind):
                    metric.name = kind + metric.name

    @staticmethod
    def _as_contexts(context):
        context = current_context() if context is None else context
        found = list(context) if isinstance(context, (list, tuple)) else [context]
        if not all(isinstance(ctx, Context) for ctx in found):
            raise ValueError("Estimator: context must be a Context or a list of Context")
        return found

    def _initialize(self, initializer):
        params = self.net.collect_params()
        started = [p for p in params.values() if p._data is not None or p._deferred_init]
        if not started:
            params.initialize(init=initializer or Uniform(), ctx=self.context)
        elif len(started) < len(params):
            for param in params.values():
                if param not in started:
                    param.initialize(default_init=initializer or Uniform(), ctx=self.context)
        elif initializer is not None:
            logging.warning("Estimator: the network is initialised, initializer is not used")

    @property
    def train_metrics(self):
        """list of EvalMetric: of the training."""
        return self._train_metrics

    @property
    def val_metrics(self):
        """list of EvalMetric: of the validation."""
        return self._val_metrics

    @contextlib.contextmanager
    def scaled(self, loss):
        """The losses, scaled if the trainer was given to ``mx.amp.init_trainer``."""
        if self.trainer._amp_loss_scaler is None:
            yield loss
            return
        from ....amp import scale_loss

        with scale_loss(loss, self.trainer) as scaled:
            yield scaled

    # --- running --------------------------------------------------------------------------------

    def evaluate(self, val_data, batch_axis=0, event_handlers=None):
        """Measure the network on data; the results are in `val_metrics`.

        Parameters
        ----------
        val_data : DataLoader
        batch_axis : int
        event_handlers : list of EventHandler, optional
        """
        self._check_data(val_data)
        given = list(event_handlers or ())
        if not any(isinstance(h, MetricHandler) for h in given):
            given.append(MetricHandler(self.val_metrics))
        if not any(isinstance(h, LoggingHandler) for h in given):
            given.append(LoggingHandler(metrics=self.val_metrics))
        handlers = self._by_event(given)
        self._call(handlers, "epoch_begin")
        for batch in val_data:
            self._call(handlers, "batch_begin", batch=batch)
            _, label, pred, loss = self.batch_processor.evaluate_batch(self, batch, batch_axis)
            self._call(handlers, "batch_end", batch=batch, label=label, pred=pred, loss=loss)
        self._call(handlers, "epoch_end")

    def fit(
        self,
        train_data,
        val_data=None,
        epochs=None,
        event_handlers=None,
        batches=None,
        batch_axis=0,
    ):
        """Train.

        Parameters
        ----------
        train_data, val_data : DataLoader
        epochs, batches : int, optional
            How long: one of the two.
        event_handlers : list of EventHandler, optional
            Beside those for steps, metrics, validation, the end and the log, which are made
            unless one of their class is given.
        batch_axis : int
        """
        self._check_data(train_data)
        if (epochs is None) == (batches is None):
            raise ValueError(
                f"Estimator: epochs is {epochs}, batches is {batches}, must be one of the two"
            )
        self.max_epoch, self.max_batch, self.batch_axis = epochs, batches, batch_axis
        self.num_batches = len(train_data) if hasattr(train_data, "__len__") else None
        handlers = self._by_event(self._with_defaults(list(event_handlers or ()), val_data))
        self._call(handlers, "train_begin")
        running = self.max_epoch != 0 and self.max_batch != 0  # 0 after a resumption: all is done
        while running:
            running = self._epoch(train_data, handlers)
        self._call(handlers, "train_end")

    def _epoch(self, train_data, handlers):
        """One pass over the data; False if a handler ends the training."""
        self._call(handlers, "epoch_begin")
        for batch in train_data:
            self._call(handlers, "batch_begin", batch=batch)
            _, label, pred, loss = self.batch_processor.fit_batch(self, batch, self.batch_axis)
            if self._call(handlers, "batch_end", batch=batch, label=label, pred=pred, loss=loss):
                self._call(handlers, "epoch_end")
                return False
        return not self._call(handlers, "epoch_end")

    @staticmethod
    def _check_data(data):
        if not isinstance(data, DataLoader) and not hasattr(data, "__iter__"):
            raise ValueError(
                f"Estimator: data is {type(data).__name__}, must be a DataLoader or iterable"
            )

    def _with_defaults(self, given, val_data):
        def lacks(kind):
            return not any(isinstance(handler, kind) for handler in given)

        if lacks(StoppingHandler):
            given.append(StoppingHandler(self.max_epoch, self.max_batch))
        if lacks(GradientUpdateHandler):
            given.append(GradientUpdateHandler())
        if lacks(MetricHandler):
            given.append(MetricHandler(self.train_metrics))
        if val_data is not None and lacks(ValidationHandler):
            given.append(ValidationHandler(val_data, self.evaluate))
        if lacks(LoggingHandler):
            given.append(LoggingHandler(metrics=self.train_metrics))
        return given

    @staticmethod
    def _by_event(given):
        """dict of event to handlers, those of low priority numbers first."""
        given = sorted(given, key=lambda handler: getattr(handler, "priority", 0))
        return {event: [h for h in given if isinstance(h, kind)] for event, kind in _EVENTS.items()}

    def _call(self, handlers, event, **kwargs):
        """Call the handlers of an event; True if one of them ends the training."""
        ends = [getattr(handler, event)(self, **kwargs) for handler in handlers[event]]
        return any(ends)
