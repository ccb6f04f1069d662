"""Checkpoints, and the FeedForward model of MXNet's first versions."""

import logging

import numpy as np

from . import initializer as init
from . import io
from . import ndarray as nd
from . import symbol as sym
from .kvstore.by_hand import (  # noqa: F401  MXNet has them here
    _create_kvstore,
    _create_sparse_kvstore,
    _initialize_kvstore,
    _update_params,
    _update_params_on_kvstore,
)
from .module.base_module import BatchEndParam

__all__ = [
    "BatchEndParam",
    "FeedForward",
    "load_checkpoint",
    "load_params",
    "save_checkpoint",
    "split_params",
]


def save_checkpoint(prefix, epoch, symbol, arg_params, aux_params, remove_amp_cast=True):
    """Write ``prefix-symbol.json`` and ``prefix-0001.params`` (with the number `epoch`).

    Parameters
    ----------
    prefix : str
    epoch : int
    symbol : Symbol or None
        None leaves the first file out.
    arg_params, aux_params : dict of str to NDArray
    """
    if symbol is not None:
        symbol.save(f"{prefix}-symbol.json", remove_amp_cast=remove_amp_cast)
    arrays = {"arg:" + name: array for name, array in arg_params.items()}
    arrays.update({"aux:" + name: array for name, array in aux_params.items()})
    name = f"{prefix}-{epoch:04d}.params"
    nd.save(name, arrays)
    logging.info('Saved checkpoint to "%s"', name)


def split_params(arrays, where):
    """(arg_params, aux_params) from arrays named ``arg:...`` and ``aux:...``.

    Raises
    ------
    ValueError
        If a name has another start; `where` names the file.
    """
    found = {"arg": {}, "aux": {}}
    for key, array in arrays.items() if isinstance(arrays, dict) else ():
        kind, _, name = key.partition(":")
        if kind not in found:
            raise ValueError(f"{where}: name is {key!r}, must start with 'arg:' or 'aux:'")
        found[kind][name] = array
    return found["arg"], found["aux"]


def load_params(prefix, epoch):
    """(arg_params, aux_params) from the file ``prefix-0001.params`` (with the number `epoch`)."""
    name = f"{prefix}-{epoch:04d}.params"
    return split_params(nd.load(name), name)


def load_checkpoint(prefix, epoch):
    """(symbol, arg_params, aux_params) from the files of `save_checkpoint`, ours or MXNet's."""
    return (sym.load(f"{prefix}-symbol.json"), *load_params(prefix, epoch))


class FeedForward:
    """A symbol with its parameters: trained by `fit`, run by `predict`.

    New programs use `Module`; this is the interface of MXNet's first versions over it.

    Parameters
    ----------
    symbol : Symbol or function
        A function gets a bucket key and returns a symbol.
    ctx : Context or list of Context, optional
    num_epoch : int, optional
        Needed for `fit`.
    epoch_size : int, optional
        Batches in an epoch; default all of the iterator.
    optimizer : str or Optimizer
    initializer : Initializer
        Default Uniform(0.01).
    numpy_batch_size : int
        Batch size where arrays are given instead of iterators.
    arg_params, aux_params : dict of str to NDArray, optional
    allow_extra_params : bool
        Whether the parameters may have further names.
    begin_epoch : int
    **kwargs
        Arguments of the optimizer.
    """

    def __init__(
        self,
        symbol,
        ctx=None,
        num_epoch=None,
        epoch_size=None,
        optimizer="sgd",
        initializer=None,
        numpy_batch_size=128,
        arg_params=None,
        aux_params=None,
        allow_extra_params=False,
        begin_epoch=0,
        **kwargs,
    ):
        self.sym_gen = None if isinstance(symbol, sym.Symbol) else symbol
        self.symbol = symbol if self.sym_gen is None else None
        self.ctx = ctx
        self.num_epoch, self.epoch_size, self.begin_epoch = num_epoch, epoch_size, begin_epoch
        self.optimizer = optimizer
        self.initializer = init.Uniform(0.01) if initializer is None else initializer
        self.numpy_batch_size = numpy_batch_size
        self.arg_params, self.aux_params = arg_params, aux_params
        self.allow_extra_params = allow_extra_params
        self.kwargs = kwargs
        self._module = None

    # --- data -----------------------------------------------------------------------------------

    def _iter(self, data, label, is_train):
        if hasattr(data, "provide_data"):
            return data
        if isinstance(data, (list, tuple)) and len(data) == 2 and label is None and is_train:
            data, label = data
        if isinstance(data, nd.NDArray):
            data = data.asnumpy()
        if label is None:
            if is_train:
                raise ValueError("fit: y is missing, must be given with arrays")
            label = np.zeros(len(data))
        if isinstance(label, nd.NDArray):
            label = label.asnumpy()
        size = min(len(data), self.numpy_batch_size)
        mode = "roll_over" if is_train else "pad"
        return io.NDArrayIter(data, np.asarray(label), size, is_train, mode)

    def _make_module(self, data):
        from .module import BucketingModule, Module

        names = {
            "data_names": [d[0] for d in data.provide_data],
            "label_names": [d[0] for d in data.provide_label],
        }
        if not names["label_names"] and self.symbol is not None and self.arg_params is not None:
            known = {*names["data_names"], *self.arg_params}
            names["label_names"] = [n for n in self.symbol.list_arguments() if n not in known]
        if self.sym_gen is None:
            return Module(self.symbol, context=self.ctx, **names)
        if not hasattr(data, "default_bucket_key"):
            raise ValueError("FeedForward: symbol is a function, data must have default_bucket_key")
        return BucketingModule(
            lambda key: (self.sym_gen(key), names["data_names"], names["label_names"]),
            data.default_bucket_key,
            context=self.ctx,
        )

    def _ready(self, data, for_training=False):
        module = self._make_module(data)
        module.bind(data.provide_data, data.provide_label, for_training=for_training)
        self._set(module)
        return module

    def _set(self, module):
        if self.arg_params is None:
            raise RuntimeError("FeedForward: has no parameters, call fit or load first")
        module.init_params(
            None, self.arg_params, self.aux_params or {}, allow_extra=self.allow_extra_params
        )

    # --- training and running -------------------------------------------------------------------

    def fit(
        self,
        X,
        y=None,
        eval_data=None,
        eval_metric="acc",
        epoch_end_callback=None,
        batch_end_callback=None,
        kvstore="local",
        logger=None,
        work_load_list=None,
        monitor=None,
        eval_end_callback=None,
        eval_batch_end_callback=None,
    ):
        """Train on an iterator, or on arrays X and labels y.

        Parameters
        ----------
        X : DataIter or array
        y : array, optional
        eval_data : DataIter or (array, array), optional
            Evaluated after each epoch.
        eval_metric, epoch_end_callback, batch_end_callback, monitor, eval_end_callback,
        eval_batch_end_callback
            As in `Module.fit`.
        """
        data = self._iter(X, y, True)
        if self.epoch_size is not None:
            data = io.ResizeIter(data, self.epoch_size, reset_internal=False)
        if eval_data is not None and not hasattr(eval_data, "provide_data"):
            eval_data = self._iter(eval_data[0], eval_data[1], False)
        module = self._module = self._make_module(data)
        if logger is not None:
            module.logger = logger
        module.fit(
            data,
            eval_data,
            eval_metric,
            epoch_end_callback=epoch_end_callback,
            batch_end_callback=batch_end_callback,
            kvstore=kvstore,
            optimizer=self.optimizer,
            optimizer_params={"learning_rate": 0.01, **self.kwargs},
            eval_end_callback=eval_end_callback,
            eval_batch_end_callback=eval_batch_end_callback,
            initializer=self.initializer,
            arg_params=self.arg_params,
            aux_params=self.aux_params,
            allow_missing=True,
            begin_epoch=self.begin_epoch,
            num_epoch=self.num_epoch,
            monitor=monitor,
        )
        self.arg_params, self.aux_params = module.get_params()
        if self.symbol is None:
            self.symbol = module.symbol

    def predict(self, X, num_batch=None, return_data=False, reset=True):
        """Outputs for all samples.

        Returns
        -------
        numpy array or list of them; with `return_data` also the data and the labels
        """
        data = self._iter(X, None, False)
        module = self._ready(data)
        outputs, inputs, labels = [], [], []
        for out, _, batch in module.iter_predict(data, num_batch, reset):
            keep = slice(0, out[0].shape[0])
            outputs.append([o.asnumpy() for o in out])
            inputs.append([a.asnumpy()[keep] for a in batch.data])
            labels.append([a.asnumpy()[keep] for a in batch.label or []])

        def joined(parts):
            arrays = [np.concatenate(p) for p in zip(*parts, strict=True)]
            return arrays[0] if len(arrays) == 1 else arrays

        if return_data:
            return joined(outputs), joined(inputs), joined(labels)
        return joined(outputs)

    def score(self, X, eval_metric="acc", num_batch=None, batch_end_callback=None, reset=True):
        """float: the metric on an iterator."""
        if not hasattr(X, "provide_data"):
            raise TypeError(f"score: X is {type(X).__name__}, must be a DataIter")
        module = self._ready(X)
        found = module.score(
            X, eval_metric, num_batch, batch_end_callback=batch_end_callback, reset=reset
        )
        return found[0][1]

    # --- files ----------------------------------------------------------------------------------

    def save(self, prefix, epoch=None, remove_amp_cast=True):
        """Write a checkpoint; `epoch` is by default the number of epochs."""
        epoch = self.num_epoch if epoch is None else epoch
        if epoch is None:
            raise ValueError("save: epoch is missing, must be given without num_epoch")
        save_checkpoint(
            prefix, epoch, self.symbol, self.arg_params, self.aux_params, remove_amp_cast
        )

    @staticmethod
    def load(prefix, epoch, ctx=None, **kwargs):
        """A model from a checkpoint; `kwargs` as for the constructor."""
        symbol, arg_params, aux_params = load_checkpoint(prefix, epoch)
        return FeedForward(
            symbol,
            ctx=ctx,
            arg_params=arg_params,
            aux_params=aux_params,
            begin_epoch=epoch,
            **kwargs,
        )

    @staticmethod
    def create(
        symbol,
        X,
        y=None,
        ctx=None,
        num_epoch=None,
        epoch_size=None,
        optimizer="sgd",
        initializer=None,
        eval_data=None,
        eval_metric="acc",
        epoch_end_callback=None,
        batch_end_callback=None,
        kvstore="local",
        logger=None,
        work_load_list=None,
        eval_end_callback=None,
        eval_batch_end_callback=None,
        **kwargs,
    ):
        """A model that is trained at once; arguments as for the constructor and `fit`."""
        model = FeedForward(
            symbol,
            ctx=ctx,
            num_epoch=num_epoch,
            epoch_size=epoch_size,
            optimizer=optimizer,
            initializer=initializer,
            **kwargs,
        )
        model.fit(
            X,
            y,
            eval_data=eval_data,
            eval_metric=eval_metric,
            epoch_end_callback=epoch_end_callback,
            batch_end_callback=batch_end_callback,
            kvstore=kvstore,
            logger=logger,
            work_load_list=work_load_list,
            eval_end_callback=eval_end_callback,
            eval_batch_end_callback=eval_batch_end_callback,
        )
        return model
