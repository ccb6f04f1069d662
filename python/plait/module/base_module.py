"""The base of the modules: what follows from forward, backward and update."""

import logging
import time
from collections import namedtuple

from .. import initializer as init
from .. import metric as metrics
from .. import ndarray as nd
from ..io import DataBatch, DataDesc

__all__ = ["BaseModule", "BatchEndParam"]

BatchEndParam = namedtuple("BatchEndParam", ["epoch", "nbatch", "eval_metric", "locals"])


def as_list(value):
    """`value` as a list; None is an empty one."""
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def descriptions(shapes):
    """list of DataDesc from descriptions or (name, shape[, dtype[, layout]]) tuples."""
    return [s if isinstance(s, DataDesc) else DataDesc(*s) for s in shapes or []]


def _parse_data_desc(data_names, label_names, data_shapes, label_shapes):
    """(data, labels) as lists of DataDesc; labels are None if there are none. MXNet's name.

    Raises
    ------
    ValueError
        If the data described are not those named.
    """
    data, labels = descriptions(data_shapes), descriptions(label_shapes) or None
    told = [desc.name for desc in data]
    if sorted(told) != sorted(data_names):
        raise ValueError(f"data_shapes has {told}, must have {list(data_names)}")
    told = [desc.name for desc in labels or ()]
    if labels and sorted(told) != sorted(label_names):
        logging.warning("label_shapes has %s, the module has %s", told, list(label_names))
    return data, labels


def as_batch(batch):
    """A DataBatch from any object with `data`, such as a named tuple; what it lacks is None."""
    if isinstance(batch, DataBatch):
        return batch
    rest = ("label", "pad", "index", "bucket_key", "provide_data", "provide_label")
    return DataBatch(batch.data, *(getattr(batch, name, None) for name in rest))


def _rest(data):
    """The batches that an iterator still has; all of them if it is at its end."""
    batches = iter(data)
    first = next(batches, None)
    if first is None:
        data.reset()
        batches = iter(data)
    else:
        yield first
    yield from batches


def notify(callbacks, epoch, nbatch, metric, local):
    """Call batch callbacks."""
    for callback in as_list(callbacks):
        callback(BatchEndParam(epoch=epoch, nbatch=nbatch, eval_metric=metric, locals=local))


class BaseModule:
    """A machine with parameters that is bound to shapes, run, updated and saved.

    Subclasses define `bind`, `init_params`, `init_optimizer`, `forward`, `backward`, `update`,
    `get_outputs`, `get_params`, `update_metric` and the descriptions.

    Parameters
    ----------
    logger : module or logging.Logger
    """

    def __init__(self, logger=logging):
        self.logger = logger
        self.binded = self.for_training = self.inputs_need_grad = False
        self.params_initialized = self.optimizer_initialized = False
        self._symbol = None

    @property
    def symbol(self):
        """Symbol: the graph."""
        return self._symbol

    def _require(self, **flags):
        hints = {
            "binded": "call bind first",
            "params_initialized": "call init_params first",
            "optimizer_initialized": "call init_optimizer first",
        }
        for flag in flags:
            if not getattr(self, flag):
                raise RuntimeError(f"{type(self).__name__}: not ready, {hints[flag]}")

    # --- what subclasses define -----------------------------------------------------------------

    def _missing(self, *args, **kwargs):
        """Defined by subclasses."""
        raise NotImplementedError(f"{type(self).__name__}: must define this method")

    bind = init_params = init_optimizer = forward = backward = update = update_metric = _missing
    get_params = get_outputs = get_input_grads = _missing
    data_names = output_names = data_shapes = label_shapes = output_shapes = property(_missing)

    def get_states(self, merge_multi_context=True):
        """The states: none, unless a subclass has some."""
        self._require(binded=True, params_initialized=True)
        return []

    def set_states(self, states=None, value=None):
        """Set the states.

        Raises
        ------
        ValueError
            If any are given: this module has none.
        """
        self._require(binded=True, params_initialized=True)
        if states or value:
            raise ValueError(f"{type(self).__name__}: states are given, must not: it has none")

    # --- what subclasses refine -----------------------------------------------------------------

    def prepare(self, data_batch, sparse_row_id_fn=None):
        """Get ready for a batch, before `forward`."""

    def forward_backward(self, data_batch):
        """`forward` in train mode, then `backward`."""
        self.forward(data_batch, is_train=True)
        self.backward()

    def set_params(
        self, arg_params, aux_params, allow_missing=False, force_init=True, allow_extra=False
    ):
        """Set the parameters from dicts of arrays."""
        self.init_params(
            initializer=None,
            arg_params=arg_params,
            aux_params=aux_params,
            allow_missing=allow_missing,
            force_init=force_init,
            allow_extra=allow_extra,
        )

    def save_params(self, fname):
        """Write the parameters to a file in MXNet's format."""
        arg_params, aux_params = self.get_params()
        arrays = {"arg:" + name: array for name, array in arg_params.items()}
        arrays.update({"aux:" + name: array for name, array in aux_params.items()})
        nd.save(fname, arrays)

    def load_params(self, fname):
        """Read what `save_params` wrote."""
        from ..model import split_params

        self.set_params(*split_params(nd.load(fname), fname))

    def install_monitor(self, mon):
        """Let a `Monitor` see the results of all operators."""
        raise NotImplementedError(f"{type(self).__name__} has no monitor")

    # --- evaluation -----------------------------------------------------------------------------

    def score(
        self,
        eval_data,
        eval_metric,
        num_batch=None,
        batch_end_callback=None,
        score_end_callback=None,
        reset=True,
        epoch=0,
        sparse_row_id_fn=None,
    ):
        """Evaluate on an iterator.

        Parameters
        ----------
        eval_data : DataIter
        eval_metric : EvalMetric or what `mx.metric.create` takes
        num_batch : int, optional
            Most batches to take.
        batch_end_callback, score_end_callback : function or list of function, optional
        reset : bool
            Whether to start the iterator again first.
        epoch : int
            Number told to the callbacks.

        Returns
        -------
        list of (str, float)
            Names and values of the metric.
        """
        self._require(binded=True, params_initialized=True)
        if reset:
            eval_data.reset()
        eval_metric = metrics.create(eval_metric)
        eval_metric.reset()
        count = 0
        for nbatch, batch in enumerate(eval_data):
            if nbatch == num_batch:
                break
            self.prepare(batch, sparse_row_id_fn=sparse_row_id_fn)
            self.forward(batch, is_train=False)
            self._update_metric(eval_metric, batch)
            notify(batch_end_callback, epoch, nbatch, eval_metric, locals())
            count += 1
        notify(score_end_callback, epoch, count, eval_metric, locals())
        return eval_metric.get_name_value()

    def _update_metric(self, metric, batch):
        if isinstance(batch, list):
            self.update_metric(metric, [b.label for b in batch], pre_sliced=True)
        else:
            self.update_metric(metric, batch.label)

    def iter_predict(self, eval_data, num_batch=None, reset=True, sparse_row_id_fn=None):
        """Yield (outputs, number of the batch, batch), outputs without padding."""
        self._require(binded=True, params_initialized=True)
        if reset:
            eval_data.reset()
        for nbatch, batch in enumerate(eval_data):
            if nbatch == num_batch:
                break
            self.prepare(batch, sparse_row_id_fn=sparse_row_id_fn)
            self.forward(batch, is_train=False)
            pad = batch.pad or 0
            yield [out[: out.shape[0] - pad] for out in self.get_outputs()], nbatch, batch

    def predict(
        self,
        eval_data,
        num_batch=None,
        merge_batches=True,
        reset=True,
        always_output_list=False,
        sparse_row_id_fn=None,
    ):
        """Outputs for all batches.

        Parameters
        ----------
        eval_data : DataIter, NDArray or numpy array
            Arrays form one batch.
        merge_batches : bool
            Whether outputs are joined along their first axis; otherwise there is a list for each
            batch.
        always_output_list : bool
            Whether a single output comes in a list as well.

        Returns
        -------
        NDArray, or list of NDArray, or list of list of NDArray
        """
        if not hasattr(eval_data, "provide_data"):
            array = eval_data if isinstance(eval_data, nd.NDArray) else nd.array(eval_data)
            self.forward(DataBatch([array]), is_train=False)
            return self.get_outputs()[0]
        parts = [
            [out.copy() for out in outputs]
            for outputs, _, _ in self.iter_predict(eval_data, num_batch, reset, sparse_row_id_fn)
        ]
        if not parts or not merge_batches:
            return parts
        if len({len(outputs) for outputs in parts}) > 1:
            raise ValueError("predict: numbers of outputs differ between batches, cannot be joined")
        joined = [
            nd.concat(*outs, dim=0) if len(outs) > 1 else outs[0]
            for outs in zip(*parts, strict=True)
        ]
        return joined if len(joined) > 1 or always_output_list else joined[0]

    # --- training -------------------------------------------------------------------------------

    def fit(
        self,
        train_data,
        eval_data=None,
        eval_metric="acc",
        epoch_end_callback=None,
        batch_end_callback=None,
        kvstore="local",
        optimizer="sgd",
        optimizer_params=(("learning_rate", 0.01),),
        eval_end_callback=None,
        eval_batch_end_callback=None,
        initializer=None,
        arg_params=None,
        aux_params=None,
        allow_missing=False,
        force_rebind=False,
        force_init=False,
        begin_epoch=0,
        num_epoch=None,
        validation_metric=None,
        monitor=None,
        sparse_row_id_fn=None,
    ):
        """Train: bind, initialise, then run, update and evaluate for each epoch.

        Parameters
        ----------
        train_data, eval_data : DataIter
            The first epoch goes on where `train_data` stands; it is reset after each epoch.
        eval_metric, validation_metric : EvalMetric or what `mx.metric.create` takes
        epoch_end_callback : function or list
            Called with (epoch, symbol, arg_params, aux_params).
        batch_end_callback, eval_batch_end_callback, eval_end_callback : function or list
            Called with an object that has epoch, nbatch, eval_metric and locals.
        kvstore : str
        optimizer : str or Optimizer
        optimizer_params : dict or sequence of pairs
        initializer : Initializer
            Default Uniform(0.01).
        arg_params, aux_params : dict of str to NDArray, optional
            Values to start from.
        allow_missing, force_init, force_rebind : bool
        begin_epoch, num_epoch : int
            Epochs begin_epoch to num_epoch - 1 are run.
        monitor : Monitor, optional
        """
        if num_epoch is None:
            raise ValueError("fit: num_epoch is missing, must be given")
        self.bind(
            train_data.provide_data,
            train_data.provide_label,
            for_training=True,
            force_rebind=force_rebind,
        )
        if monitor is not None:
            self.install_monitor(monitor)
        self.init_params(
            init.Uniform(0.01) if initializer is None else initializer,
            arg_params,
            aux_params,
            allow_missing,
            force_init,
        )
        self.init_optimizer(kvstore, optimizer, optimizer_params)
        eval_metric = metrics.create(eval_metric)
        for epoch in range(begin_epoch, num_epoch):
            start = time.time()
            self._fit_epoch(
                epoch, train_data, eval_metric, batch_end_callback, monitor, sparse_row_id_fn
            )
            totals = getattr(eval_metric, "get_global_name_value", eval_metric.get_name_value)
            for name, value in totals():
                self.logger.info("Epoch[%d] Train-%s=%f", epoch, name, value)
            self.logger.info("Epoch[%d] Time cost=%.3f", epoch, time.time() - start)
            arg_now, aux_now = self.get_params()
            self.set_params(arg_now, aux_now)
            for callback in as_list(epoch_end_callback):
                callback(epoch, self.symbol, arg_now, aux_now)
            if eval_data is not None:
                found = self.score(
                    eval_data,
                    validation_metric or eval_metric,
                    score_end_callback=eval_end_callback,
                    batch_end_callback=eval_batch_end_callback,
                    epoch=epoch,
                    sparse_row_id_fn=sparse_row_id_fn,
                )
                for name, value in found:
                    self.logger.info("Epoch[%d] Validation-%s=%f", epoch, name, value)
            train_data.reset()

    def _fit_epoch(self, epoch, data, metric, callbacks, monitor, sparse_row_id_fn):
        metric.reset()
        for nbatch, batch in enumerate(_rest(data)):
            if monitor is not None:
                monitor.tic()
            self.prepare(batch, sparse_row_id_fn=sparse_row_id_fn)
            self.forward_backward(batch)
            self.update()
            self._update_metric(metric, batch)
            if monitor is not None:
                monitor.toc_print()
            notify(callbacks, epoch, nbatch, metric, locals())
