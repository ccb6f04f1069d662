"""Recording by the names of MXNet 0.9: `mx.contrib.autograd`. `mx.autograd` is the newer form."""

import functools

from .. import autograd
from ..ndarray import NDArray, ones_like, zeros_like

__all__ = [
    "TrainingStateScope",
    "backward",
    "compute_gradient",
    "grad",
    "grad_and_loss",
    "mark_variables",
    "set_is_training",
    "test_section",
    "train_section",
]

mark_variables = autograd.mark_variables


def set_is_training(is_train):
    """Record operations in train mode from now on, or stop; returns what held before (bool)."""
    before = autograd.set_training(is_train)
    autograd.set_recording(is_train)
    return before


class TrainingStateScope:
    """Records in train mode, or not, inside a ``with``."""

    def __init__(self, enter_state):
        self._enter_state, self._scope = enter_state, None

    def __enter__(self):
        state = self._enter_state
        self._scope = autograd.record() if state else autograd.pause()
        self._scope.__enter__()

    def __exit__(self, *exc):
        self._scope.__exit__(*exc)


def train_section():
    """Record in train mode inside a ``with``."""
    return TrainingStateScope(True)


def test_section():
    """Do not record, and run operators in predict mode, inside a ``with``."""
    return TrainingStateScope(False)


test_section.__test__ = False  # pytest must not collect it


def backward(outputs, out_grads=None, retain_graph=False):
    """Gradients of `outputs`, a list of NDArray, into those of the marked variables.

    `out_grads` are the gradients of the outputs; None: ones.
    """
    if not isinstance(outputs, (list, tuple)):
        raise TypeError(f"backward: outputs is {type(outputs).__name__}, must be a list of NDArray")
    if out_grads is not None:
        out_grads = [
            ones_like(y) if g is None else g for y, g in zip(outputs, out_grads, strict=True)
        ]
    autograd.backward(list(outputs), out_grads, retain_graph)


def compute_gradient(outputs):
    """As ``backward(outputs)``."""
    backward(outputs)


def grad_and_loss(func, argnum=None):
    """Function that gives (gradients, value) of `func`.

    Parameters
    ----------
    func : function
        Of NDArrays, with an NDArray or a list of them as value.
    argnum : int or list of int, optional
        Arguments to differentiate by; default all.

    Examples
    --------
    >>> square = mx.contrib.autograd.grad_and_loss(lambda x: x * x)
    >>> (slope,), value = square(mx.nd.array([3.0]))
    """

    @functools.wraps(func)
    def wrapped(*args):
        """Gradients with respect to the arguments, and the value."""
        numbers = range(len(args)) if argnum is None else argnum
        chosen = [args[i] for i in ([numbers] if isinstance(numbers, int) else numbers)]
        for x in chosen:
            if not isinstance(x, NDArray):
                raise TypeError(f"grad: an argument is {type(x).__name__}, must be an NDArray")
        gradients = [zeros_like(x) for x in chosen]
        mark_variables(chosen, gradients)
        with train_section():
            value = func(*args)
        compute_gradient([value] if isinstance(value, NDArray) else value)
        return gradients, value

    return wrapped


def grad(func, argnum=None):
    """Function that gives the gradients of `func`; see `grad_and_loss`."""
    both = grad_and_loss(func, argnum)

    @functools.wraps(func)
    def wrapped(*args):
        """Gradients with respect to the arguments."""
        return both(*args)[0]

    return wrapped
