"""A table of the layers of a block with their output shapes and numbers of parameters."""

__all__ = ["summarize"]


def _shapes(value):
    """Shapes of arrays in nested lists, in the same nesting."""
    if isinstance(value, (list, tuple)):
        shapes = [_shapes(item) for item in value]
        return shapes[0] if len(shapes) == 1 else shapes
    return getattr(value, "shape", None)


def _is_flat(block):
    return not block._children


def _rows(block, inputs):
    """[name, output shape, own parameters, {id: (size, trained)}] in the order of the calls."""
    rows, handles = [], []
    block(*inputs)  # deferred shapes are found now, not under the hooks

    def watch(part):
        def hook(part, _, outputs):
            own = {}
            for param in part._reg_params.values():
                size = 1
                for length in param.shape:
                    size *= length
                own[id(param)] = (size, param.grad_req != "null")
            if own or _is_flat(part):
                name = f"{type(part).__name__}-{len(rows) + 1}"
                rows.append((name, str(_shapes(outputs)), own))

        if getattr(part, "_active", False):
            raise RuntimeError(
                f"summary: {part.name} is hybridized, must not be\n"
                "  hint: call summary before hybridize"
            )
        handles.append(part.register_forward_hook(hook))

    try:
        block.apply(watch)
        block(*inputs)
    finally:
        for handle in handles:
            handle.detach()
    return rows


def summarize(block, *inputs):
    """str: a line for each layer, and the sums of the parameters.

    Parameters
    ----------
    block : Block
        Initialised; not hybridized.
    *inputs : NDArray
        Arguments of a call.

    Raises
    ------
    RuntimeError
        If a part of the block is hybridized.
    """
    rows = _rows(block, inputs)
    line = "{:>24}  {:>28} {:>15}"
    rule = "-" * len(line.format("", "", ""))
    lines = [rule, line.format("Layer (type)", "Output Shape", "Param #"), rule.replace("-", "=")]
    lines.append(line.format("Input", str(_shapes(inputs)), 0))
    seen, shared = {}, 0
    for name, shape, own in rows:
        lines.append(line.format(name, shape, sum(size for size, _ in own.values())))
        shared += sum(size for key, (size, _) in own.items() if key in seen)
        seen.update(own)
    total = sum(size for size, _ in seen.values())
    trained = sum(size for size, is_trained in seen.values() if is_trained)
    lines += [
        rule.replace("-", "="),
        f"Total params: {total}",
        f"Trainable params: {trained}",
        f"Non-trainable params: {total - trained}",
        f"Shared params in forward computation graph: {shared}",
        f"Unique parameters in model: {total}",
        rule,
    ]
    return "\n".join(lines)
