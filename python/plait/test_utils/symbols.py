"""Checks of symbols: outputs, gradients against numbers and against central differences."""

import logging
import time

import numpy as np

from .. import ndarray as nd
from .compare import as_numpy, assert_almost_equal, default_context


def _bind(sym, location, aux_states, ctx, grad_req, dtype):
    """An executor, with `location` and `aux_states` as lists or dicts of array-likes."""
    ctx = ctx or default_context()

    def by_name(values, names, what):
        if values is None:
            return {}
        if isinstance(values, (list, tuple)):
            values = dict(zip(names, values, strict=True))
        if set(values) != set(names):
            raise ValueError(f"{what} has {sorted(values)}, must have {sorted(names)}")
        return {name: _as_ndarray(values[name], ctx, dtype) for name in names}

    arguments = by_name(location, sym.list_arguments(), "location")
    states = by_name(aux_states, sym.list_auxiliary_states(), "aux_states")
    if isinstance(grad_req, (list, tuple)):
        grad_req = dict(zip(sym.list_arguments(), grad_req, strict=True))
    grads = {
        name: nd.zeros(array.shape, ctx=ctx, dtype=array.dtype)
        for name, array in arguments.items()
        if (grad_req.get(name, "null") if isinstance(grad_req, dict) else grad_req) != "null"
    }
    return sym.bind(ctx, args=arguments, args_grad=grads, grad_req=grad_req, aux_states=states)


def _as_ndarray(value, ctx, dtype):
    if hasattr(value, "asnumpy"):
        return value.copyto(ctx)
    array = np.asarray(value)
    return nd.array(array, ctx=ctx, dtype=array.dtype if dtype is None else dtype)


def simple_forward(sym, ctx=None, is_train=False, **inputs):
    """Outputs of a symbol as NumPy arrays; one alone if there is one."""
    executor = _bind(sym, inputs, None, ctx, "null", None)
    outputs = [out.asnumpy() for out in executor.forward(is_train=is_train)]
    return outputs[0] if len(outputs) == 1 else outputs


def check_symbolic_forward(
    sym,
    location,
    expected,
    rtol=None,
    atol=None,
    aux_states=None,
    ctx=None,
    equal_nan=False,
    dtype=np.float32,
):
    """Check the outputs of a symbol; returns them.

    Parameters
    ----------
    location, aux_states : list or dict of array-like
        Arguments and states.
    expected : list or dict of array-like
        Outputs.
    """
    executor = _bind(sym, location, aux_states, ctx, "null", dtype)
    outputs = executor.forward(is_train=False)
    if isinstance(expected, dict):
        expected = [expected[name] for name in sym.list_outputs()]
    for name, want, got in zip(sym.list_outputs(), expected, outputs, strict=True):
        assert_almost_equal(want, got, rtol, atol, (f"expected {name}", name), equal_nan)
    return outputs


def check_symbolic_backward(
    sym,
    location,
    out_grads,
    expected,
    rtol=None,
    atol=None,
    aux_states=None,
    grad_req="write",
    ctx=None,
    grad_stypes=None,
    equal_nan=False,
    dtype=np.float32,
):
    """Check the gradients of a symbol for given gradients of its outputs; returns them by name."""
    executor = _bind(sym, location, aux_states, ctx, grad_req, dtype)
    names = sym.list_arguments()
    if isinstance(expected, (list, tuple)):
        expected = dict(zip(names, expected, strict=True))
    if isinstance(out_grads, dict):
        out_grads = [out_grads[name] for name in sym.list_outputs()]
    before = {}
    for name, grad in executor.grad_dict.items():
        if grad is not None:
            values = np.random.normal(size=grad.shape).astype(grad.dtype)
            grad[:] = before[name] = values
    executor.forward(is_train=True)
    if out_grads is not None:
        out_grads = [_as_ndarray(g, ctx or default_context(), dtype) for g in out_grads]
    executor.backward(out_grads)
    requests = grad_req if isinstance(grad_req, dict) else dict.fromkeys(names, grad_req)
    found = {n: g.asnumpy() for n, g in executor.grad_dict.items() if g is not None}
    for name, want in expected.items():
        request = requests.get(name, "null")
        if request != "null":
            got = found[name] - before[name] if request == "add" else found[name]
            assert_almost_equal(
                want,
                got,
                rtol,
                atol,
                (f"expected gradient of {name}", f"gradient of {name}"),
                equal_nan,
            )
    return found


def numeric_grad(executor, location, eps=1e-4, use_forward_train=True):
    """Gradients of the sum of the outputs by central differences, as NumPy arrays by name.

    Parameters
    ----------
    executor : Executor
    location : dict of numpy.ndarray
        Values of the arguments to vary.
    eps : float
        Half of the step.
    """

    def total():
        executor.forward(is_train=use_forward_train)
        return sum(float(out.asnumpy().astype(np.float64).sum()) for out in executor.outputs)

    found = {}
    for name, value in location.items():
        value = value.copy()
        grad = np.zeros(value.shape, value.dtype)
        for k in range(value.size):
            kept = value.flat[k]
            sums = []
            for step in (eps, -eps):
                value.flat[k] = kept + step
                executor.arg_dict[name][:] = value
                sums.append(total())
            value.flat[k] = kept
            grad.flat[k] = (sums[0] - sums[1]) / (2 * eps)
        executor.arg_dict[name][:] = value
        found[name] = grad
    return found


def check_numeric_gradient(
    sym,
    location,
    aux_states=None,
    numeric_eps=None,
    rtol=None,
    atol=None,
    grad_nodes=None,
    use_forward_train=True,
    ctx=None,
    grad_stype_dict=None,
    dtype=np.float64,
):
    """Check the gradients of a symbol against central differences.

    The outputs are first summed with random weights, so that errors do not cancel.

    Parameters
    ----------
    location, aux_states : list or dict of array-like
    numeric_eps : float, optional
        Half of the step; default 1e-4 in float64, 1e-2 below.
    grad_nodes : list of str, optional
        Arguments to check; default all.
    dtype : numpy.dtype
        float64 gives sharp results.
    """
    from .. import symbol

    if isinstance(location, (list, tuple)):
        location = dict(zip(sym.list_arguments(), location, strict=True))
    location = {n: as_numpy(v).astype(dtype) for n, v in location.items()}
    nodes = list(grad_nodes) if grad_nodes is not None else list(location)
    outputs = [sym[i] for i in range(len(sym.list_outputs()))]
    shapes = sym.infer_shape(**{n: v.shape for n, v in location.items()})[1]
    weights = {f"__weight{i}": np.random.normal(size=s) + 0.5 for i, s in enumerate(shapes)}
    weighted = [
        symbol.broadcast_mul(out, symbol.var(name))
        for out, name in zip(outputs, weights, strict=True)
    ]
    group = symbol.Group(weighted) if len(weighted) > 1 else weighted[0]
    everything = {**location, **{n: np.asarray(w, dtype) for n, w in weights.items()}}
    requests = {n: "write" if n in nodes else "null" for n in everything}
    executor = _bind(group, everything, aux_states, ctx, requests, dtype)
    executor.forward(is_train=True)
    executor.backward([nd.ones(out.shape, dtype=out.dtype) for out in executor.outputs])
    symbolic = {n: executor.grad_dict[n].asnumpy() for n in nodes}
    double = np.dtype(dtype) == np.float64
    step = numeric_eps or (1e-4 if double else 1e-2)
    numeric = numeric_grad(executor, {n: location[n] for n in nodes}, step, use_forward_train)
    for name in nodes:
        assert_almost_equal(
            numeric[name],
            symbolic[name],
            rtol if rtol is not None else (1e-5 if double else 1e-2),
            atol if atol is not None else (1e-7 if double else 1e-3),
            (f"numeric gradient of {name}", f"gradient of {name}"),
        )


def check_consistency(
    sym,
    ctx_list,
    scale=1.0,
    grad_req="write",
    arg_params=None,
    aux_params=None,
    rtol=None,
    atol=None,
):
    """Check that a symbol gives equal outputs and gradients in several contexts and dtypes.

    Parameters
    ----------
    ctx_list : list of dict
        Each with 'ctx', the shapes of the inputs by name, and perhaps 'type_dict'.
    scale : float
        Standard deviation of the random arguments.

    Returns
    -------
    list of list of numpy.ndarray
        Outputs by entry of `ctx_list`.
    """
    results = []
    values = dict(arg_params or {})
    for entry in ctx_list:
        shapes = {k: v for k, v in entry.items() if k not in ("ctx", "type_dict")}
        types = entry.get("type_dict", {})
        found = dict(zip(sym.list_arguments(), sym.infer_shape(**shapes)[0], strict=True))
        for name, shape in found.items():
            if name not in values:
                values[name] = np.random.normal(size=shape, scale=scale)
        dtype = next(iter(types.values()), np.float32)
        arguments = {n: as_numpy(values[n]).astype(types.get(n, dtype)) for n in found}
        executor = _bind(sym, arguments, aux_params, entry["ctx"], grad_req, None)
        executor.forward(is_train=grad_req != "null")
        if grad_req != "null":
            executor.backward([nd.ones(o.shape, dtype=o.dtype) for o in executor.outputs])
        grads = {n: g.asnumpy() for n, g in executor.grad_dict.items() if g is not None}
        results.append(([o.asnumpy() for o in executor.outputs], grads))
    for outputs, grads in results[1:]:
        for want, got in zip(results[0][0], outputs, strict=True):
            assert_almost_equal(want, got, rtol, atol)
        for name, want in results[0][1].items():
            assert_almost_equal(want, grads[name], rtol, atol, (name, name))
    return [outputs for outputs, _ in results]


def check_speed(sym, location=None, ctx=None, N=20, grad_req="write", typ="whole", **shapes):
    """Seconds that a pass takes: forward and backward with typ 'whole', or 'forward'."""
    if typ not in ("whole", "forward"):
        raise ValueError(f"check_speed: typ is {typ!r}, must be 'whole' or 'forward'")
    if location is None:
        found = zip(sym.list_arguments(), sym.infer_shape(**shapes)[0], strict=True)
        location = {name: np.random.normal(size=shape) for name, shape in found}
    executor = _bind(sym, location, None, ctx, grad_req if typ == "whole" else "null", np.float32)

    def step():
        executor.forward(is_train=typ == "whole")
        if typ == "whole":
            executor.backward([nd.ones(o.shape) for o in executor.outputs])

    step()
    nd.waitall()
    start = time.perf_counter()
    for _ in range(N):
        step()
    nd.waitall()
    seconds = (time.perf_counter() - start) / N
    logging.debug("check_speed: %g seconds", seconds)
    return seconds
