"""Training of a loss that is a symbol."""

import json
import sys
import time

import numpy as np

from .. import initializer as init
from .. import ndarray as nd
from .. import optimizer as opt
from ..context import current_context
from ..executor import Executor
from ..io import NDArrayIter

__all__ = ["SymbolTrainer"]

# Inputs, by the operator's name in graph files, that are labels; and the first that is a parameter.
_LABELS = {
    "SoftmaxOutput": 1, "Softmax": 1, "SVMOutput": 1, "LinearRegressionOutput": 1, "pick": 1,
    "MAERegressionOutput": 1, "LogisticRegressionOutput": 1, "softmax_cross_entropy": 1,
}  # fmt: skip
_PARAMETERS = dict.fromkeys(
    ["FullyConnected", "Convolution", "Deconvolution", "BatchNorm", "LayerNorm", "Embedding",
     "InstanceNorm", "GroupNorm", "LeakyReLU", "RNN"], 1,
)  # fmt: skip
# Their gradient is that of a sum over the batch, whatever comes from behind.
_SUMS = {
    "SoftmaxOutput",
    "Softmax",
    "SVMOutput",
    "MakeLoss",
    "make_loss",
    "LogisticRegressionOutput",
}
_SUMS |= {"LinearRegressionOutput", "MAERegressionOutput"}


def _roles(symbol):
    """(data names, label names, parameter names, whether gradients are sums over the batch)."""
    graph = json.loads(symbol.tojson(remove_amp_cast=False))
    nodes = graph["nodes"]
    arguments = symbol.list_arguments()
    labels, parameters, sums = set(), set(), False
    for node in nodes:
        sums = sums or node["op"] in _SUMS
        for slot, (source, *_) in enumerate(node["inputs"]):
            if nodes[source]["op"] != "null":
                continue
            if slot == _LABELS.get(node["op"]):
                labels.add(nodes[source]["name"])
            elif slot >= _PARAMETERS.get(node["op"], len(node["inputs"])):
                parameters.add(nodes[source]["name"])
    rest = [n for n in arguments if n not in labels and n not in parameters]
    data, extra = rest[:1], rest[1:]  # the first is the data; others are factors and the like
    parameters = [n for n in arguments if n in parameters or n in extra]
    return data, [n for n in arguments if n in labels], parameters, sums


class SymbolTrainer:
    """Trains the parameters of a loss; `gluon.Trainer(loss, optimizer)` makes one.

    It binds the loss to arrays with `Executor`, and runs forward, backward and the optimizer's
    update for each batch. Labels are the variables at the label inputs of operators, parameters
    those at weight and bias inputs, and the data is the first variable that is neither.

    Parameters
    ----------
    loss : Symbol
        Of one output: the loss of a batch or of each sample.
    optimizer : str or Optimizer
    optimizer_params : dict, optional
        Arguments of an optimizer given by name.
    data_names, label_names : list of str, optional
        Where the rule above does not fit.
    ctx : Context, optional

    Notes
    -----
    Output operators such as `SoftmaxOutput` give the gradient of the sum over the batch, whatever
    stands behind them; then gradients are divided by the batch size.

    Examples
    --------
    >>> trainer = mx.gluon.Trainer(loss, mx.optimizer.SGD(learning_rate=0.1))
    >>> history = trainer.fit(x_train, y_train, num_epoch=10)
    >>> W.eval()
    """

    def __init__(
        self,
        loss,
        optimizer="sgd",
        optimizer_params=None,
        data_names=None,
        label_names=None,
        ctx=None,
    ):
        if len(loss) != 1:
            raise ValueError(f"Trainer: loss has {len(loss)} outputs, must have 1")
        self._loss, self._ctx = loss, ctx or current_context()
        data, labels, parameters, self._sums = _roles(loss)
        if data_names is not None or label_names is not None:
            data, labels = list(data_names or data), list(label_names or labels)
            parameters = [n for n in loss.list_arguments() if n not in {*data, *labels}]
        if not data or not parameters:
            raise ValueError(
                f"Trainer: loss has the variables {loss.list_arguments()}, must have data and "
                "parameters"
            )
        self._data, self._labels, self._params = data, labels, parameters
        if isinstance(optimizer, str):
            optimizer = opt.create(optimizer, **(optimizer_params or {}))
        self._optimizer = optimizer
        self._optimizer.idx2name = dict(enumerate(parameters))
        self._scale = self._optimizer.rescale_grad
        self._updater = opt.get_updater(self._optimizer)
        self._executor = None

    @property
    def optimizer(self):
        """Optimizer: the rule in use."""
        return self._optimizer

    @property
    def learning_rate(self):
        """float: the rate now."""
        return self._optimizer.learning_rate

    def set_learning_rate(self, lr):
        """Set the rate; not with a schedule."""
        self._optimizer.set_learning_rate(lr)

    def _bind(self, shapes, initializer):
        """The executor, with values of variables that have some and new ones for the others."""
        names = self._loss.list_arguments()
        requests = {n: "write" if n in self._params else "null" for n in names}
        executor = Executor.simple_bind(self._loss, self._ctx, requests, {}, shapes)
        attrs, internals = self._loss.attr_dict(), self._loss.get_internals()
        variables = {}
        for i, name in enumerate(internals.list_outputs()):
            if name in executor.arg_dict or name in executor.aux_dict:
                variables[name] = internals[i]
        arrays = {n: executor.arg_dict[n] for n in self._params} | executor.aux_dict
        for name, array in arrays.items():
            value = variables[name].value
            if value is not None and value.shape == array.shape:
                value.copyto(array)
            else:
                self._initialise(initializer, name, attrs.get(name), array)
            variables[name].value = array
        self._executor = executor

    @staticmethod
    def _initialise(initializer, name, attrs, array):
        """By the name where it tells the role, else vectors are 0 and others weights."""
        try:
            initializer(init.InitDesc(name, attrs), array)
        except ValueError:
            role = "_weight" if array.ndim > 1 else "_bias"
            initializer(init.InitDesc(name + role, attrs), array)

    def step(self, batch_size):
        """Update the parameters from the gradients of the last backward."""
        self._optimizer.rescale_grad = self._scale / batch_size if self._sums else self._scale
        args, grads = self._executor.arg_dict, self._executor.grad_dict
        self._updater(
            list(range(len(self._params))),
            [grads[n] for n in self._params],
            [args[n] for n in self._params],
        )

    def fit(
        self,
        x_train,
        y_train=None,
        num_epoch=1,
        batch_size=64,
        shuffle=True,
        initializer=None,
        verbose=True,
    ):
        """Train on arrays.

        Parameters
        ----------
        x_train, y_train : NDArray or numpy array, (samples, ...)
        num_epoch : int
        batch_size : int
            At most the number of samples; what is left of the last batch is left out.
        shuffle : bool
            Whether samples come in a new order in each epoch (by numpy.random).
        initializer : Initializer, optional
            For parameters whose variables have no value; default Xavier().
        verbose : bool
            Whether a line for each epoch shows the progress.

        Returns
        -------
        list of dict
            For each epoch: "epoch", "loss" (mean over its batches), "seconds".
        """
        labels = {} if y_train is None else dict.fromkeys(self._labels[:1], y_train)
        if self._labels and y_train is None:
            raise ValueError(f"fit: y_train is missing, must be given for {self._labels}")
        batch_size = min(batch_size, len(x_train))
        data = NDArrayIter(
            {self._data[0]: x_train}, labels, batch_size, shuffle, last_batch_handle="discard"
        )
        shapes = {d.name: d.shape for d in data.provide_data + data.provide_label}
        self._bind(shapes, init.Xavier() if initializer is None else initializer)
        history, batches = [], len(x_train) // batch_size
        for epoch in range(num_epoch):
            start, total = time.perf_counter(), 0.0
            data.reset()
            for i, batch in enumerate(data):
                arrays = dict(zip(shapes, batch.data + (batch.label or []), strict=True))
                self._executor.set_inputs(arrays)
                out = self._executor.forward(is_train=True)[0]
                self._executor.backward()
                self.step(batch_size)
                total += float(out.asnumpy().mean())
                if verbose and sys.stderr.isatty():
                    self._progress(epoch, i + 1, batches, total / (i + 1))
            row = {"epoch": epoch, "loss": total / batches, "seconds": time.perf_counter() - start}
            history.append(row)
            if verbose:
                text = f"loss {row['loss']:.4f}, {row['seconds']:.2f} s"
                print(f"epoch {epoch + 1}/{num_epoch}: {text}", flush=True)
        return history

    @staticmethod
    def _progress(epoch, done, batches, loss):
        bar = "=" * (30 * done // batches)
        sys.stderr.write(f"\repoch {epoch + 1} [{bar:30}] {done}/{batches} loss {loss:.4f}")
        if done == batches:
            sys.stderr.write("\r\033[K")
        sys.stderr.flush()

    def predict(self, symbol, x):
        """Outputs of another symbol of the same variables, such as the probabilities.

        Parameters
        ----------
        symbol : Symbol
        x : NDArray or numpy array, (samples, ...)

        Returns
        -------
        numpy.ndarray
        """
        x = x if isinstance(x, nd.NDArray) else nd.array(np.asarray(x))
        given = {self._data[0]: x}
        for name in set(self._labels) & set(symbol.list_arguments()):
            given[name] = nd.zeros((x.shape[0],), self._ctx)
        return symbol.eval(self._ctx, **given)[0].asnumpy()
