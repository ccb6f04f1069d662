"""Modules whose computing is Python."""

import logging

from .. import ndarray as nd
from .base_module import BaseModule, as_list, descriptions

__all__ = ["PythonLossModule", "PythonModule"]


class PythonModule(BaseModule):
    """Base of modules written in Python, without parameters unless a subclass adds them.

    Subclasses define `forward`, `get_outputs` and `_compute_output_shapes`, and for training
    `backward` and `get_input_grads`.

    Parameters
    ----------
    data_names, label_names, output_names : list of str
    logger : module or logging.Logger
    """

    def __init__(self, data_names, label_names, output_names, logger=logging):
        super().__init__(logger)
        self._data_names, self._label_names = as_list(data_names), as_list(label_names)
        self._output_names = as_list(output_names)
        self._data_shapes = self._label_shapes = self._output_shapes = None

    @property
    def data_names(self):
        """list of str: names of the data."""
        return self._data_names

    @property
    def output_names(self):
        """list of str: names of the outputs."""
        return self._output_names

    @property
    def data_shapes(self):
        """list of DataDesc: the data it is bound to."""
        return self._data_shapes

    @property
    def label_shapes(self):
        """list of DataDesc: the labels it is bound to."""
        return self._label_shapes

    @property
    def output_shapes(self):
        """list of (str, tuple): the outputs."""
        return self._output_shapes

    def get_params(self):
        """Two empty dicts."""
        return {}, {}

    def init_params(
        self,
        initializer="uniform",
        arg_params=None,
        aux_params=None,
        allow_missing=False,
        force_init=False,
        allow_extra=False,
    ):
        """There is nothing to initialise."""
        self.params_initialized = True

    def init_optimizer(
        self,
        kvstore="local",
        optimizer="sgd",
        optimizer_params=(("learning_rate", 0.01),),
        force_init=False,
    ):
        """There is nothing to update."""
        self.optimizer_initialized = True

    def update(self):
        """There is nothing to update."""

    def update_metric(self, eval_metric, labels, pre_sliced=False):
        """Count the outputs against labels, if the module takes labels."""
        if self._label_shapes is None:
            return
        if pre_sliced:
            raise RuntimeError("PythonModule: pre_sliced is True, must be False")
        eval_metric.update(labels, self.get_outputs())

    def bind(
        self,
        data_shapes,
        label_shapes=None,
        for_training=True,
        inputs_need_grad=False,
        force_rebind=False,
        shared_module=None,
        grad_req="write",
    ):
        """Note the shapes of the inputs and compute those of the outputs."""
        if self.binded and not force_rebind:
            self.logger.warning("Already bound, ignoring bind()")
            return
        if grad_req != "write":
            raise ValueError(f"PythonModule: grad_req is {grad_req!r}, must be 'write'")
        self.for_training, self.inputs_need_grad = for_training, inputs_need_grad
        self._data_shapes = descriptions(data_shapes)
        names = [d.name for d in self._data_shapes]
        if names != self._data_names:
            raise ValueError(f"bind: data_shapes has {names}, must have {self._data_names}")
        self._label_shapes = None if label_shapes is None else descriptions(label_shapes)
        self._output_shapes = self._compute_output_shapes()
        self.binded = True

    def _compute_output_shapes(self):
        raise NotImplementedError(f"{type(self).__name__} must define _compute_output_shapes")


class PythonLossModule(PythonModule):
    """A loss whose gradient is a Python function; outputs are the data.

    Parameters
    ----------
    name : str
        Start of the name of the output.
    data_names, label_names : list of str
        One of each.
    logger : module or logging.Logger
    grad_func : function
        Gets scores and labels; returns the gradient of the scores, an array.
    """

    def __init__(
        self,
        name="pyloss",
        data_names=("data",),
        label_names=("softmax_label",),
        logger=logging,
        grad_func=None,
    ):
        super().__init__(data_names, label_names, [name + "_output"], logger)
        if len(self._data_names) != 1 or len(self._label_names) != 1:
            raise ValueError("PythonLossModule: data_names and label_names must have one name each")
        if grad_func is not None and not callable(grad_func):
            raise TypeError("PythonLossModule: grad_func must be a function")
        self._grad_func = grad_func
        self._scores = self._labels = self._scores_grad = None

    def _compute_output_shapes(self):
        return [(self._output_names[0], self._data_shapes[0].shape)]

    def forward(self, data_batch, is_train=None):
        """Keep the scores, and in train mode the labels."""
        self._scores = data_batch.data[0]
        if self.for_training if is_train is None else is_train:
            self._labels = data_batch.label[0]

    def get_outputs(self, merge_multi_context=True):
        """list of NDArray: the scores."""
        return [self._scores]

    def backward(self, out_grads=None):
        """Call the gradient function; a loss takes no gradients from behind."""
        if out_grads is not None:
            raise ValueError("PythonLossModule: out_grads must be None, a loss is the end")
        if not self.for_training:
            raise RuntimeError("PythonLossModule: backward needs bind(for_training=True)")
        self._scores_grad = self._backward_impl()

    def _backward_impl(self):
        if self._grad_func is None:
            raise NotImplementedError("PythonLossModule: needs grad_func, or define _backward_impl")
        grad = self._grad_func(self._scores, self._labels)
        return grad if isinstance(grad, nd.NDArray) else nd.array(grad)

    def get_input_grads(self, merge_multi_context=True):
        """list of NDArray: gradient of the scores."""
        return [self._scores_grad]

    def install_monitor(self, mon):
        """There are no operators to watch."""
