"""Rules of products of matrices and of the layers of networks."""

from .rules import RULES, fold, rule
from .step import Operand, apply, with_shape


def _matrix(operand, is_left):
    """The operand as matrices; vectors are rows on the left and columns on the right."""
    if operand.ndim != 1:
        return operand.array
    shape = operand.array.shape
    return with_shape(operand.array, (*shape[:-1], 1, shape[-1]) if is_left else (*shape, 1))


@rule("matmul")
def _matmul(step):
    left, right = step.operands
    ndim = max(left.ndim, right.ndim, 2)
    arrays = []
    for operand in (left, right):
        array = _matrix(operand, operand is left)
        missing = ndim + 1 - array.ndim if operand.batched else 0
        arrays.append(with_shape(array, (*array.shape[:1], *(1,) * missing, *array.shape[1:])))
    return step.finish(step.run(*arrays))


def _two_axes(operand, turned, is_left):
    """(batch, m, k) on the left, (batch, k, n) on the right; no batch if samples share it."""
    shape, batch = operand.shape, operand.array.shape[: operand.batched]
    last = is_left != turned  # the axis that is summed over is the last one
    k = shape[-1] if last else shape[0]
    sizes = (-1, k) if last else (k, -1)
    if 0 in shape:
        return None
    array = with_shape(operand.array, (*batch, *sizes))
    return apply("swap_axes", array, dim1=-2, dim2=-1)[0] if turned else array


@rule("dot")
def _dot(step):
    left, right = step.operands
    if left.ndim == 0 or right.ndim == 0:
        return None
    arrays = [
        _two_axes(left, step.attr("transpose_a") and left.ndim > 1, True),
        _two_axes(right, step.attr("transpose_b") and right.ndim > 1, False),
    ]
    if left.ndim == 1 and arrays[0] is not None:
        arrays[0] = with_shape(left.array, (*left.array.shape[:-1], 1, left.shape[0]))
    if right.ndim == 1 and arrays[1] is not None:
        arrays[1] = with_shape(right.array, (*right.array.shape, 1))
    if any(a is None for a in arrays) or left.array.dtype_name != right.array.dtype_name:
        return None
    return step.finish(apply("matmul", *arrays))


@rule("fully_connected")
def _fully_connected(step):
    data, weight, *rest = step.operands
    flat = step.attr("flatten")
    if not any(o.batched for o in (weight, *rest)):
        if flat:
            return fold(0)(step)
        return step.finish(step.run(*(o.array for o in step.operands)))
    if data.ndim == 0 or 0 in data.shape:
        return None
    array = data.full(step.size)
    k = weight.shape[-1]
    array = with_shape(array, (step.size, -1, k))
    kernel = apply("swap_axes", weight.array, dim1=-2, dim2=-1)[0]
    (out,) = apply("matmul", array, kernel)
    if rest:
        bias = rest[0].full(step.size)
        (out,) = apply("add", out, with_shape(bias, (step.size, 1, bias.shape[1])))
    return step.finish([out])


@rule("layer_norm")
def _layer_norm(step):
    data, gamma, beta = step.operands
    axis = step.axis(step.attr("axis"))
    if not gamma.batched and not beta.batched:
        return step.finish(step.run(data.array, gamma.array, beta.array, axis=axis))
    n = data.shape[axis - 1]
    one, zero = (apply(f, gamma.sample(0))[0] for f in ("ones_like", "zeros_like"))
    out, *rest = step.run(data.full(step.size), one, zero, axis=axis)
    shape = [1] * (data.ndim + 1)
    shape[0], shape[axis] = step.size, n
    (out,) = apply("multiply", out, with_shape(gamma.full(step.size), shape))
    (out,) = apply("add", out, with_shape(beta.full(step.size), shape))
    return step.finish([out, *rest])


@rule("rotary_embedding")
def _rotary(step):
    data, *positions = step.operands
    if any(p.batched for p in positions):
        return None
    return step.run(data.full(step.size), *(p.array for p in positions))


@rule("up_sampling")
def _up_sampling(step):
    every = step.attr("sample_type") == "nearest"
    return fold(*range(len(step.operands) if every else 1))(step)


@rule("rms_norm")
def _rms_norm(step):
    data, gamma = step.operands
    return None if gamma.batched else step.finish(step.run(data.array, gamma.array))


@rule("batch_norm", "sync_batch_norm")
def _batch_norm(step):  # with running statistics, which all samples share
    if any(o.batched for o in step.operands[1:]) or step.operands[0].ndim == 0:
        return None
    data = step.operands[0].array
    data = with_shape(data, (step.size * data.shape[1], *data.shape[2:]))
    out, *statistics = step.run(data, *(o.array for o in step.operands[1:]))
    wide = [Operand(s, False).full(step.size) for s in statistics]
    return step.finish([out, *wide])


@rule("leaky_relu")
def _leaky_relu(step):
    if step.attr("act_type") in ("prelu", "rrelu"):
        return None
    return step.finish(step.run(step.operands[0].array))


@rule("dropout")
def _dropout(step):  # without random numbers: the data
    return step.finish(step.run(step.operands[0].array)) if not step.attr("axes") else None


for _name in (
    "depth_to_space space_to_depth im2col col2im pooling lrn l2_normalization "
    "group_norm instance_norm adaptive_avg_pooling softmax_activation "
    "channels_first channels_last"
).split():
    RULES[_name] = fold(0)
RULES["pooling_backward"] = RULES["pooling_at_maximum"] = fold(0, 1)


def _with_batch(step, position, **changed):
    """Fold one operand; an attribute `shape` has the batch as first size."""
    if any(o.batched for i, o in enumerate(step.operands) if i != position):
        return None
    arrays = [o.array for o in step.operands]
    whole = step.operands[position].full(step.size)
    arrays[position] = with_shape(whole, (step.size * whole.shape[1], *whole.shape[2:]))
    shape = step.attr("shape")
    return step.finish(step.run(*arrays, shape=(step.size * shape[0], *shape[1:]), **changed))


@rule("convolution_backward_data", "adaptive_avg_pooling_backward", "bilinear_resize_backward")
def _backward_data(step):
    return _with_batch(step, 0)


def _channels(step, operand):
    """(size, n, c, ...) as (n, size * c, ...): samples become groups of channels."""
    whole = operand.full(step.size)
    axes = (1, 0, *range(2, whole.ndim))
    turned = apply("transpose", whole, axes=axes)[0]
    n, size, c, *rest = turned.shape
    return with_shape(turned, (n, size * c, *rest))


def _grouped(step):
    return {
        "num_group": step.attr("num_group") * step.size,
        "num_filter": step.attr("num_filter") * step.size,
    }


@rule("convolution")
def _convolution(step):
    data, weight, *bias = step.operands
    layout = step.attr("layout")
    if not any(o.batched for o in (weight, *bias)):
        return fold(0)(step)
    if (layout or "NC")[:2] != "NC":
        return None
    kernel = weight.full(step.size)
    arrays = [with_shape(kernel, (step.size * kernel.shape[1], *kernel.shape[2:]))]
    arrays += [with_shape(b.full(step.size), (-1,)) for b in bias]
    (out,) = step.run(_channels(step, data), *arrays, **_grouped(step))
    n, c, *rest = out.shape
    out = with_shape(out, (n, step.size, c // step.size, *rest))
    return step.finish([apply("transpose", out, axes=(1, 0, *range(2, out.ndim)))[0]])


@rule("convolution_backward_weight")
def _convolution_backward_weight(step):
    data, dout = step.operands
    return step.finish(step.run(_channels(step, data), _channels(step, dout), **_grouped(step)))


@rule("scaled_dot_product_attention")
def _attention(step):
    return None if step.attr("has_mask") else fold(0, 1, 2)(step)


@rule("scaled_dot_product_attention_backward")
def _attention_backward(step):
    return None if step.attr("has_mask") else fold(0, 1, 2, 3, 4, 5)(step)
