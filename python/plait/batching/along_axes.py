"""Rules of operators along axes: reductions, order, running sums, and those that move elements."""

from .rules import rule
from .step import apply, move_axis, with_shape


def _flat(step):
    """The elements of each sample as a line."""
    array = step.operands[0].array
    return with_shape(array, (array.shape[0], -1)) if array.size else None


def _all_axes(ndim):
    return tuple(range(1, ndim + 1))


_REDUCTIONS = [p + n for p in ("", "nd_") for n in "sum mean prod max min nansum nanprod".split()]


@rule(*_REDUCTIONS, "norm", "nd_norm", "moments")
def _reduce(step):
    name = "axes" if step.name == "moments" else "axis"
    (operand,) = step.operands
    axis = step.attr(name)
    axis = () if axis is None else axis
    axes = step.axes(axis) if axis else _all_axes(operand.ndim)
    changed = {}
    if "exclude" in step.texts:
        if axis and step.attr("exclude"):
            axes = tuple(a for a in _all_axes(operand.ndim) if a not in axes)
            if not axes:
                return None
        changed["exclude"] = False
    array = operand.array
    if operand.ndim == 0:
        array, axes = with_shape(array, (*array.shape, 1)), (1,)
    return step.finish(step.run(array, **{name: axes}, **changed))


@rule("sum_to_shape")
def _sum_to_shape(step):
    shape = step.attr("shape")
    ones = (1,) * (step.operands[0].ndim - len(shape))
    return step.finish(step.run(step.operands[0].array, shape=(step.size, *ones, *shape)))


@rule("argmax", "argmin", "np_argmax", "np_argmin", "sort", "argsort", "topk", "cumsum", "cumprod",
      "repeat", "sort_backward")  # fmt: skip
def _along(step):
    axis = step.attr("axis")
    if axis is not None:
        return step.finish(step.run(*_full(step), axis=step.axis(axis)))
    if step.name == "sort_backward":
        return None
    line = _flat(step)
    return None if line is None else step.finish(step.run(line, axis=1))


def _full(step):
    return [o.full(step.size) for o in step.operands]


@rule("argmax_channel")
def _argmax_channel(step):
    return step.finish(step.run(step.operands[0].array, name="argmax", axis=2, keepdims=False))


RUNS_ALONG = (
    "softmax log_softmax softmin softmax_backward log_softmax_backward split split_v2 slice_axis "
    "rfft irfft"
)


@rule(*RUNS_ALONG.split())
def _one_axis(step):
    return step.finish(step.run(*_full(step), axis=step.axis(step.attr("axis"))))


@rule("fft")
def _fft(step):
    return step.run(step.operands[0].array, axes=step.axes(step.attr("axes")))


@rule("concat")
def _concat(step):
    return step.finish(step.run(*_full(step), dim=step.axis(step.attr("dim"))))


@rule("stack")
def _stack(step):
    axis = step.axis(step.attr("axis"), step.operands[0].ndim + 1)
    return step.finish(step.run(*_full(step), axis=axis))


@rule("reshape", "view_shape", "flatten", "expand_dims", "squeeze")
def _reshape(step):
    return step.finish([step.operands[0].array])


@rule("reshape_like", "identity_with_attr_like_rhs")
def _reshape_like(step):
    return step.finish([step.operands[0].full(step.size)])


@rule("transpose")
def _transpose(step):
    ndim = step.operands[0].ndim
    axes = step.attr("axes") or tuple(reversed(range(ndim)))
    return step.run(step.operands[0].array, axes=(0, *step.axes(axes)))


@rule("swap_axes")
def _swap_axes(step):
    first, second = step.axes((step.attr("dim1"), step.attr("dim2")))
    return step.run(step.operands[0].array, dim1=first, dim2=second)


@rule("flip")
def _flip(step):
    (operand,) = step.operands
    axis = step.attr("axis")
    axes = _all_axes(operand.ndim) if axis is None else step.axes(axis)
    return step.run(operand.array, axis=axes) if axes else [operand.array]


@rule("broadcast_to", "broadcast_axis", "broadcast_like")
def _broadcast(step):
    (shape,) = step.shapes
    array = step.operands[0].full(step.size)
    ones = (1,) * (len(shape) - array.ndim + 1)
    array = with_shape(array, (step.size, *ones, *array.shape[1:]))
    return apply("broadcast_to", array, shape=(step.size, *shape))


@rule("slice", "slice_assign", "slice_assign_scalar")
def _slice(step):
    distance = step.attr("step")
    return step.run(
        *_full(step),
        begin=(None, *step.attr("begin")),
        end=(None, *step.attr("end")),
        step=(None, *distance) if distance else (),
    )


@rule("basic_index")
def _basic_index(step):
    return step.run(
        step.operands[0].array,
        begin=(0, *step.attr("begin")),
        end=(step.size, *step.attr("end")),
        step=(1, *step.attr("step")),
        squeeze=tuple(a + 1 for a in step.attr("squeeze")),
    )


@rule("slice_like")
def _slice_like(step):
    (shape,) = step.shapes
    whole = (None,) * (len(shape) + 1)
    return apply("slice", step.operands[0].full(step.size), begin=whole, end=(None, *shape))


@rule("take_region", "place_region")
def _region(step):
    return step.run(
        step.operands[0].array,
        first=(0, *step.attr("first")),
        step=(1, *step.attr("step")),
        count=(step.size, *step.attr("count")),
        shape=(step.size, *step.attr("shape")),
    )


@rule("pad", "pad_backward")
def _pad(step):
    changed = {"pad_width": (0, 0, *step.attr("pad_width"))}
    if step.name == "pad_backward":
        changed["shape"] = (step.size, *step.attr("shape"))
    return step.run(step.operands[0].array, **changed)


@rule("tile")
def _tile(step):
    reps = step.attr("reps")
    ndim = max(step.operands[0].ndim, len(reps))
    ones = (1,) * (ndim - len(reps) + 1)
    return step.run(step.operands[0].aligned(ndim), reps=(*ones, *reps))


@rule("diag")
def _diag(step):
    (operand,) = step.operands
    if operand.ndim == 1:
        shape = (step.size, *step.shapes[0])
        return apply("place_diagonal", operand.array, shape=shape, offset=step.attr("k"),
                     axis1=1, axis2=2)  # fmt: skip
    return step.run(operand.array, **_pair(step, operand.ndim))


def _pair(step, ndim):
    return {n: step.axis(step.attr(n), ndim) for n in ("axis1", "axis2")}


@rule("diagonal")
def _diagonal(step):
    (operand,) = step.operands
    return step.run(operand.array, **_pair(step, operand.ndim))


@rule("place_diag", "place_diagonal")
def _place_diagonal(step):
    shape = step.attr("shape")
    pair = _pair(step, len(shape))
    return step.run(step.operands[0].array, shape=(step.size, *shape), **pair)


@rule("unravel_index")
def _unravel_index(step):
    return [move_axis(step.run(step.operands[0].array)[0], 1, 0)]


@rule("ravel_multi_index")
def _ravel_multi_index(step):
    return step.run(move_axis(step.operands[0].array, 0, 1))
