"""Networks whose convolutions and fully connected layers compute with 8 bits.

>>> small = mx.contrib.quantization.quantize_net(net, calib_data=loader, calib_mode="naive")
>>> small(x)

Batch norm, sums and relu behind a layer are done by its kernel, and what passes from layer to layer
are whole numbers. Weights are scaled channel by channel, data by the ranges that they have in some
batches, the calibration.
"""

import logging

from ... import autograd, ndarray
from ...context import cpu
from ...gluon import SymbolBlock
from ...io import DataBatch, DataIter
from .ranges import Ranges
from .rewrite import Rewriter

__all__ = ["quantize_model", "quantize_model_mkldnn", "quantize_net", "quantize_net_v2"]

_DTYPES = ("auto", "int8", "uint8")


def _check(quantized_dtype, calib_mode, calib_data):
    if quantized_dtype not in _DTYPES:
        raise ValueError(
            f"quantize: quantized_dtype is {quantized_dtype!r}, must be one of {_DTYPES}"
        )
    if calib_mode not in ("naive", "entropy"):
        raise ValueError(
            f"quantize: calib_mode is {calib_mode!r}, must be 'naive' or 'entropy'\n"
            "  hint: ranges are not looked for in each run, as MXNet does with 'none'"
        )
    if calib_data is None:
        raise ValueError("quantize: calib_data is None, must be batches of data")


def _batches(calib_data, num_examples, count):
    """list of lists of arrays: the data of batches with `num_examples` samples in all."""
    if isinstance(calib_data, ndarray.NDArray):
        calib_data = [calib_data]
    if isinstance(calib_data, DataIter):
        calib_data.reset()
    found, samples = [], 0
    for batch in calib_data:
        if num_examples is not None and samples >= num_examples:
            break
        arrays = batch.data if isinstance(batch, DataBatch) else batch
        arrays = list(arrays) if isinstance(arrays, (list, tuple)) else [arrays]
        found.append(arrays[:count])
        samples += len(arrays[0])
    if not found:
        raise ValueError("quantize: calib_data has no batch")
    return found


def _quantized(symbol, args, aux, names, batches, excluded, mode, dtype):
    shapes = {name: array.shape for name, array in zip(names, batches[0], strict=True)}
    rewriter = Rewriter(symbol, args, aux, shapes, excluded, dtype)
    rewriter.ranges = Ranges(mode, dtype)
    rewriter.ranges.collect(rewriter.watched(), {**args, **aux}, names, batches)
    return rewriter.run()


def quantize_model(
    sym,
    arg_params,
    aux_params,
    data_names=("data",),
    label_names=("softmax_label",),
    ctx=None,
    excluded_sym_names=None,
    excluded_op_names=None,
    calib_mode="entropy",
    calib_data=None,
    num_calib_examples=None,
    quantized_dtype="int8",
    quantize_mode="smart",
    quantize_granularity="channel-wise",
    logger=None,
):
    """A symbol and its parameters with 8-bit layers.

    Parameters
    ----------
    sym : Symbol
    arg_params, aux_params : dict of str to NDArray
    data_names : list of str
        Variables that batches bring.
    excluded_sym_names, excluded_op_names : list of str, optional
        Layers by name, and operators such as "FullyConnected", that stay as they are.
    calib_mode : {'entropy', 'naive'}
        How the range of data follows from the batches: the one that loses least information by the
        Kullback-Leibler divergence, or the least and greatest number.
    calib_data : DataIter or iterable of arrays or lists of arrays
    num_calib_examples : int, optional
        Samples to take; default all.
    quantized_dtype : {'int8', 'uint8', 'auto'}
        Of data. 'auto' and 'uint8' take uint8 where no number is negative.
    label_names, ctx, quantize_mode, quantize_granularity, logger
        Accepted for MXNet's programs; weights always have a scale for each channel.

    Returns
    -------
    (Symbol, dict, dict)
        The symbol, its arguments and auxiliary states. It is for inference.

    Raises
    ------
    ValueError
        If a choice is unknown or there are no batches.
    """
    _check(quantized_dtype, calib_mode, calib_data)
    data_names = [data_names] if isinstance(data_names, str) else list(data_names)
    batches = _batches(calib_data, num_calib_examples, len(data_names))
    excluded = set(excluded_sym_names or ()), set(excluded_op_names or ())
    return _quantized(
        sym, arg_params, aux_params, data_names, batches, excluded, calib_mode, quantized_dtype
    )


quantize_model_mkldnn = quantize_model


def quantize_net_v2(
    network,
    quantized_dtype="auto",
    quantize_mode="full",
    quantize_granularity="channel-wise",
    exclude_layers=None,
    exclude_layers_match=None,
    exclude_operators=None,
    calib_data=None,
    data_shapes=None,
    calib_mode="naive",
    num_calib_examples=None,
    ctx=None,
    LayerOutputCollector=None,
    logger=None,
):
    """A block with 8-bit layers that computes what `network` does.

    Parameters
    ----------
    network : HybridBlock
        Initialized. It is hybridized, and run once.
    exclude_layers, exclude_layers_match : list of str, optional
        Names of layers that stay as they are, and parts of such names.
    exclude_operators : list of str, optional
        Operators such as "FullyConnected" that stay as they are.
    calib_data : DataLoader, DataIter, or iterable of arrays or lists of arrays
        Of a list the first arrays are the arguments of the network.
    data_shapes : list, optional
        Its length tells how many arguments there are; default one.
    quantized_dtype, calib_mode, num_calib_examples
        As for `quantize_model`.
    quantize_mode, quantize_granularity, ctx, logger
        Accepted for MXNet's programs.

    Returns
    -------
    SymbolBlock
        For inference.

    Raises
    ------
    ValueError
        If a choice is unknown, or there are no batches.
    """
    _check(quantized_dtype, calib_mode, calib_data)
    if LayerOutputCollector is not None:
        raise ValueError("quantize: LayerOutputCollector must be None")
    batches = _batches(calib_data, num_calib_examples, len(data_shapes or [0]))
    network.hybridize()
    with autograd.pause():
        network(*batches[0])
    inputs, symbol = network._traced
    inputs = [variable for variable in inputs if variable is not None]
    arrays = {name: param._reduce() for name, param in network.collect_params().items()}
    arrays.update(network._captured)
    states = set(symbol.list_auxiliary_states())
    layers = {s.name for s in symbol.get_internals()}
    names = set(exclude_layers or ())
    names |= {name for name in layers for part in exclude_layers_match or () if part in name}
    made, args, aux = _quantized(
        symbol,
        {name: array for name, array in arrays.items() if name not in states},
        {name: array for name, array in arrays.items() if name in states},
        [variable.name for variable in inputs],
        batches,
        (names, set(exclude_operators or ())),
        calib_mode,
        quantized_dtype,
    )
    block = SymbolBlock(made, inputs)
    block.collect_params().setattr("grad_req", "null")
    block.params.load_dict(
        {**args, **aux},
        ctx or cpu(),
        filename="quantize_net",
        cast_dtype=True,
        dtype_source="saved",
    )
    (logger or logging).debug("quantized %s", symbol.name)
    return block


def quantize_net(
    network,
    quantized_dtype="auto",
    quantize_mode="full",
    exclude_layers=None,
    exclude_layers_match=None,
    exclude_operators=None,
    calib_data=None,
    data_shapes=None,
    calib_mode="naive",
    num_calib_examples=None,
    ctx=None,
    logger=None,
):
    """As `quantize_net_v2`, in the order of its older arguments."""
    return quantize_net_v2(
        network, quantized_dtype, quantize_mode, "channel-wise", exclude_layers,
        exclude_layers_match, exclude_operators, calib_data, data_shapes, calib_mode,
        num_calib_examples, ctx, None, logger,
    )  # fmt: skip
