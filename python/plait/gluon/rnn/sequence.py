"""Sequences as one array or as a list of steps, eager or symbolic."""

from ... import ndarray, symbol
from ...symbol import Symbol

__all__ = ["as_steps", "is_one", "join_steps", "mask", "namespace", "reverse", "zero_state"]


def is_one(inputs):
    """bool: whether `inputs` is one array or symbol, not a list."""
    return not isinstance(inputs, (list, tuple))


def namespace(inputs):
    """`mx.sym` for symbols, else `mx.nd`; looks into lists."""
    while isinstance(inputs, (list, tuple)):
        inputs = inputs[0]
    return symbol if isinstance(inputs, Symbol) else ndarray


def as_steps(inputs, length, layout):
    """List of `length` steps (n, ...) of a sequence given either way.

    Raises
    ------
    ValueError
        If there is another number of steps.
    """
    if not is_one(inputs):
        if length is not None and len(inputs) != length:
            raise ValueError(f"unroll: inputs has {len(inputs)} steps, must have {length}")
        return list(inputs)
    axis = layout.find("T")
    if not isinstance(inputs, Symbol):
        if length is not None and inputs.shape[axis] != length:
            raise ValueError(
                f"unroll: inputs has shape {inputs.shape}, must have {length} steps in axis {axis}"
            )
        length = inputs.shape[axis]
    F = namespace(inputs)
    steps = F.split(inputs, axis=axis, num_outputs=length, squeeze_axis=True)
    return [steps] if length == 1 else [steps[i] for i in range(length)]


def join_steps(steps, layout):
    """One array of a list of steps."""
    return namespace(steps).stack(*steps, axis=layout.find("T"))


def mask(outputs, length, valid_length, layout):
    """The list of steps with 0 after the end of each sample."""
    F, axis = namespace(outputs), layout.find("T")
    joined = join_steps(outputs, layout)
    joined = F.SequenceMask(
        joined, sequence_length=valid_length, use_sequence_length=True, axis=axis
    )
    return as_steps(joined, length, layout)


def reverse(steps, valid_length=None):
    """The list of steps in reverse order, each sample from its own end."""
    if valid_length is None:
        return list(reversed(steps))
    F = namespace(steps)
    turned = F.SequenceReverse(
        F.stack(*steps, axis=0), sequence_length=valid_length, use_sequence_length=True
    )
    return as_steps(turned, len(steps), "TNC")


def zero_state(F, data, shape, batch_axis=0):
    """Zeros of `shape` in which 0 stands for the batch of `data` (axis `batch_axis`).

    Works for symbols, too, whose batch is not known.
    """
    if F is ndarray:
        shape = tuple(size or data.shape[batch_axis] for size in shape)
        return ndarray.zeros(shape, ctx=data.context, dtype=data.dtype)
    if batch_axis:
        data = F.swapaxes(data, dim1=0, dim2=batch_axis)
    column = F.zeros_like(F.slice_axis(F.Flatten(data), axis=1, begin=0, end=1))
    place = shape.index(0)
    column = F.reshape(column, tuple(-1 if i == place else 1 for i in range(len(shape))))
    others = tuple(i for i in range(len(shape)) if i != place)
    return F.broadcast_axis(column, axis=others, size=tuple(shape[i] for i in others))
