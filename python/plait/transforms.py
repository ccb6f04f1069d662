"""Derivatives of functions of arrays: `mx.autograd.jacobian` and its relatives.

>>> import plait as mx
>>> x = mx.nd.array([1.0, 2.0])
>>> mx.autograd.jacobian(lambda x: x * x, x).asnumpy().tolist()
[[2.0, 0.0], [0.0, 4.0]]
"""

from . import autograd

__all__ = ["hessian", "jacobian", "jvp", "vjp"]


def _listed(arrays):
    return list(arrays) if isinstance(arrays, (list, tuple)) else [arrays]


def _like(arrays, given):
    """A single array if one was given, else a list."""
    return list(arrays) if isinstance(given, (list, tuple)) else arrays[0]


def _variables(who, inputs):
    """Variables with the values of `inputs`, apart from any recording."""
    fresh = [x.detach().copy() for x in _listed(inputs)]
    if not fresh:
        raise ValueError(f"{who}: inputs is empty, must hold an array")
    for x in fresh:
        x.attach_grad()
    return fresh


def _result(who, function, variables):
    y = function(*variables)
    if isinstance(y, (list, tuple)) or not hasattr(y, "shape"):
        raise TypeError(f"{who}: function gives {type(y).__name__}, must give one array")
    return y


def _check_shapes(who, name, arrays, expected):
    if len(arrays) != len(expected):
        raise ValueError(f"{who}: {name} has {len(arrays)} arrays, must have {len(expected)}")
    for array, like in zip(arrays, expected, strict=True):
        if array.shape != like.shape:
            raise ValueError(f"{who}: {name} has shape {array.shape}, must be {like.shape}")


def vjp(function, inputs, cotangent=None):
    """The result of a function, and its transposed Jacobian times a vector (reverse mode).

    Parameters
    ----------
    function : callable
        Takes the arrays of `inputs`, gives one array, by operators that have gradients.
    inputs : NDArray, ndarray or list of them
    cotangent : array, optional
        In the shape of the result; default ones.

    Returns
    -------
    (array, array or list of array)
        The result, and for each input an array of its shape.

    Raises
    ------
    ValueError
        A shape does not fit, or an input does not lead to the result.
    """
    variables = _variables("vjp", inputs)
    with autograd.record(train_mode=autograd.is_training()):
        y = _result("vjp", function, variables)
    if cotangent is not None:
        _check_shapes("vjp", "cotangent", [cotangent], [y])
    return y.detach(), _like(autograd.grad(y, variables, cotangent), inputs)


def jvp(function, inputs, tangents):
    """The result of a function, and its Jacobian times a vector (forward mode).

    The gradient of `function` is linear in what comes from behind; its own gradient is the product.
    So all operators need gradients of gradients.

    Parameters
    ----------
    function, inputs
        As for `vjp`.
    tangents : array or list of array
        One for each input, of its shape.

    Returns
    -------
    (array, array)
        The result, and its derivative in the direction of `tangents`, of the same shape.

    Raises
    ------
    ValueError
        A shape does not fit, or an input does not lead to the result.
    NotImplementedError
        An operator has no gradient of its gradient, as `while_loop` and `cond` inside `vmap` or a
        compiled block. `vmap` of a function that calls `jvp` works for them.

    Notes
    -----
    J. Townsend: A new trick for calculating Jacobian vector products (2017).
    """
    variables, tangents = _variables("jvp", inputs), _listed(tangents)
    _check_shapes("jvp", "tangents", tangents, variables)
    with autograd.record(train_mode=autograd.is_training()):
        y = _result("jvp", function, variables)
        behind = y.ones_like()
        behind.attach_grad()
        grads = autograd.grad(y, variables, behind, create_graph=True)
        total = sum((g * t).sum() for g, t in zip(grads, tangents, strict=True))
    return y.detach(), autograd.grad(total, behind)


def _stacked(rows, y, variables):
    from .ndarray import stack

    columns = zip(*rows, strict=True)
    out = []
    for x, parts in zip(variables, columns, strict=True):
        whole = stack(*(p.as_nd_ndarray() for p in parts), axis=0)
        whole = whole.reshape((*y.shape, *x.shape))
        out.append(whole if type(x) is type(whole) else whole.as_np_ndarray())
    return out


def _identity(like):
    """The identity matrix for vectors like this one, of its class and dtype."""
    from .ndarray import eye

    found = eye(like.shape[0], dtype=like.dtype)
    return found if type(like) is type(found) else found.as_np_ndarray()


def jacobian(function, inputs):
    """All first derivatives of a function.

    Parameters
    ----------
    function, inputs
        As for `vjp`; one pass backward is done for each element of the result.

    Returns
    -------
    array or list of array
        For each input the derivatives in the shape of the result, then of the input.

    Raises
    ------
    ValueError
        An input does not lead to the result.
    """
    variables = _variables("jacobian", inputs)
    with autograd.record(train_mode=autograd.is_training()):
        y = _result("jacobian", function, variables)
        flat = y.reshape((-1,))
    with autograd.pause():
        basis = _identity(flat)
    rows = [
        autograd.grad(flat, variables, basis[i], retain_graph=True) for i in range(flat.shape[0])
    ]
    return _like(_stacked(rows, y, variables), inputs)


def hessian(function, inputs):
    """All second derivatives of a function with one element as its result.

    Parameters
    ----------
    function
        Gives an array of one element; its operators need gradients of gradients.
    inputs : NDArray or ndarray
        One array.

    Returns
    -------
    array
        Of the shape of the input, twice.

    Raises
    ------
    ValueError
        The result has several elements.
    """
    if isinstance(inputs, (list, tuple)):
        raise TypeError(f"hessian: inputs is a {type(inputs).__name__}, must be one array")

    def gradient(x):
        y = _result("hessian", function, [x])
        if y.size != 1:
            raise ValueError(f"hessian: function gives shape {y.shape}, must give one element")
        return autograd.grad(y, x, create_graph=True)

    return jacobian(gradient, inputs)
