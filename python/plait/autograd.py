"""Recording of operations and gradients."""

import threading

from . import _autograd, _sparse
from ._autograd import is_recording, is_training, set_recording, set_training

__all__ = [
    "record",
    "pause",
    "train_mode",
    "predict_mode",
    "is_recording",
    "is_training",
    "set_recording",
    "set_training",
    "mark_variables",
    "backward",
    "grad",
    "Function",
    "hessian",
    "jacobian",
    "jvp",
    "vjp",
]

_REQUESTS = {"null": 0, "write": 1, "add": 3}
_tracing = threading.local()  # .on: a hybrid block is being compiled from its `forward`


class _Scope:
    """Sets recording and train mode inside a `with`; None leaves as it is."""

    __slots__ = ("_recording", "_training", "_before")

    def __init__(self, recording, training):
        self._recording, self._training = recording, training

    def __enter__(self):
        self._before = (
            set_recording(self._recording) if self._recording is not None else None,
            set_training(self._training) if self._training is not None else None,
        )

    def __exit__(self, *exc):
        recording, training = self._before
        if recording is not None:
            set_recording(recording)
        if training is not None:
            set_training(training)


def record(train_mode=True):
    """Record operations inside a `with`, by default in train mode."""
    return _Scope(True, train_mode)


def pause(train_mode=False):
    """Do not record inside a `with`."""
    return _Scope(False, train_mode)


def train_mode():
    """Operators behave as in training inside a `with`; recording stays as it is."""
    return _Scope(None, True)


def predict_mode():
    """Operators behave as in prediction inside a `with`; recording stays as it is."""
    return _Scope(None, False)


def grad_req_number(req):
    """Number of "null", "write" or "add"."""
    if req not in _REQUESTS:
        raise ValueError(f"grad_req is {req!r}, must be one of {list(_REQUESTS)}")
    return _REQUESTS[req]


def mark_variables(variables, gradients, grad_reqs="write"):
    """Make arrays variables whose gradients go to `gradients`.

    Parameters
    ----------
    variables, gradients : NDArray or list of NDArray
        Gradients may be row_sparse.
    grad_reqs : str or list of str
        "write", "add" or "null".
    """
    if not isinstance(variables, (list, tuple)):
        variables, gradients = [variables], [gradients]
    if isinstance(grad_reqs, str):
        grad_reqs = [grad_reqs] * len(variables)
    for variable, gradient, req in zip(variables, gradients, grad_reqs, strict=False):
        number = grad_req_number(req)
        if number and getattr(gradient, "_is_sparse", False):
            _sparse.mark(variable, gradient._sparse, number)
        else:
            _autograd.mark(variable, gradient, number)


def _lists(heads, head_grads):
    heads = list(heads) if isinstance(heads, (list, tuple)) else [heads]
    if head_grads is not None and not isinstance(head_grads, (list, tuple)):
        head_grads = [head_grads]
    return heads, head_grads


def backward(heads, head_grads=None, retain_graph=False, train_mode=True):
    """Compute the gradients of `heads` into the arrays of the variables that they came from.

    Raises
    ------
    ValueError
        If a head was not computed while recording.
    """
    heads, head_grads = _lists(heads, head_grads)
    _autograd.backward(heads, head_grads, None, retain_graph, False, train_mode, type(heads[0]))


def grad(heads, variables, head_grads=None, retain_graph=None, create_graph=False, train_mode=True):
    """Gradients of `heads` with respect to `variables`, as new arrays.

    Parameters
    ----------
    create_graph : bool
        Record the gradients themselves, for higher orders.
    retain_graph : bool, optional
        Keep the recording for another call; default: as `create_graph`.
    """
    heads, head_grads = _lists(heads, head_grads)
    single = not isinstance(variables, (list, tuple))
    wanted = [variables] if single else list(variables)
    retain = create_graph if retain_graph is None else retain_graph
    grads = _autograd.backward(
        heads, head_grads, wanted, retain, create_graph, train_mode, type(wanted[0])
    )
    return grads[0] if single else grads


class Function:
    """A function with a gradient of the user's own: override `forward` and `backward`.

    Examples
    --------
    >>> class Square(Function):
    ...     def forward(self, x):
    ...         self.save_for_backward(x)
    ...         return x * x
    ...     def backward(self, dy):
    ...         x, = self.saved_tensors
    ...         return 2 * x * dy
    """

    def __init__(self):
        self.saved_tensors = ()

    def save_for_backward(self, *arrays):
        """Keep arrays for `backward`, which finds them in `saved_tensors`."""
        self.saved_tensors = arrays

    def __call__(self, *inputs):
        if getattr(_tracing, "on", False):
            raise NotImplementedError(
                f"hybridize: {type(self).__name__} is an autograd.Function, must not be used in a "
                "compiled block: its gradient would be lost"
            )
        with pause():
            outputs = self.forward(*inputs)
        single = not isinstance(outputs, (list, tuple))
        results = [outputs] if single else list(outputs)
        if is_recording() and any(_autograd.is_recorded(x) for x in inputs):

            def run(grads):
                grads = [
                    r.zeros_like() if g is None else g for g, r in zip(grads, results, strict=False)
                ]
                dins = self.backward(*grads)
                return list(dins) if isinstance(dins, (list, tuple)) else [dins]

            # `run` must not hold what is recorded: the recording holds `run`.
            recorded = [r.detach() for r in results]
            _autograd.record(type(self).__name__, inputs, recorded, run, type(inputs[0]))
            return recorded[0] if single else recorded
        return results[0] if single else results

    def forward(self, *inputs):
        """The results for the inputs; operations in here are not recorded."""
        raise NotImplementedError(f"{type(self).__name__} must define forward")

    def backward(self, *output_grads):
        """Gradients of the inputs from those of the outputs."""
        raise NotImplementedError(f"{type(self).__name__} must define backward")


from .transforms import hessian, jacobian, jvp, vjp  # noqa: E402  they use this module
