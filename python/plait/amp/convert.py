"""Trained models in mixed precision."""

import json

from ..context import current_context
from ..gluon.symbol_block import SymbolBlock
from ..module import BucketingModule
from ..symbol import Symbol
from .graph import with_casts
from .lists import Rules, check_target

__all__ = ["convert_bucketing_module", "convert_hybrid_block", "convert_model", "convert_symbol"]


def convert_symbol(
    sym,
    target_dtype="float16",
    target_dtype_ops=None,
    fp32_ops=None,
    conditional_fp32_ops=None,
    excluded_sym_names=None,
    data_names=None,
    cast_optional_params=False,
):
    """The symbol with casts to 16 bits before products and to float32 before what needs it.

    Parameters
    ----------
    sym : Symbol
    target_dtype : {'float16', 'bfloat16'}
    target_dtype_ops, fp32_ops, conditional_fp32_ops
        As in `init`.
    excluded_sym_names : list of str, optional
        Names of nodes whose inputs are left as they are.
    data_names, cast_optional_params
        Accepted for MXNet's programs: casts stand in the graph, so that inputs and parameters
        may come in float32 or in 16 bits.
    """
    if not isinstance(sym, Symbol):
        raise TypeError(f"amp: sym is {type(sym).__name__}, must be a Symbol")
    known = set(sym.get_internals().list_outputs()) | set(sym.list_inputs())
    known |= {name.removesuffix("_output") for name in known}
    if unknown := set(excluded_sym_names or ()) - known:
        raise ValueError(f"amp: excluded_sym_names has {sorted(unknown)}, must be names of nodes")
    rules = Rules(target_dtype, target_dtype_ops, fp32_ops, conditional_fp32_ops)
    return with_casts(sym, rules, excluded_sym_names)


def _low_parameters(sym):
    """Names of the variables that are cast to 16 bits and used for nothing else."""
    nodes = json.loads(sym.tojson(remove_amp_cast=False))["nodes"]
    uses = {}
    for node in nodes:
        for i, *_ in node["inputs"]:
            if nodes[i]["op"] == "null":
                low = node["op"] == "amp_cast" and node["attrs"]["dtype"] != "float32"
                uses.setdefault(nodes[i]["name"], set()).add(low)
    return {name for name, found in uses.items() if found == {True}}


def convert_model(
    sym,
    arg_params,
    aux_params,
    target_dtype="float16",
    target_dtype_ops=None,
    fp32_ops=None,
    conditional_fp32_ops=None,
    excluded_sym_names=None,
    cast_optional_params=False,
):
    """(symbol, arguments, auxiliary states) in mixed precision; see `convert_symbol`.

    Parameters
    ----------
    arg_params, aux_params : dict of str to NDArray
    cast_optional_params : bool
        Whether parameters that are only used in 16 bits are stored so: half the size.
    """
    converted = convert_symbol(
        sym, target_dtype, target_dtype_ops, fp32_ops, conditional_fp32_ops, excluded_sym_names
    )
    low = _low_parameters(converted) if cast_optional_params else ()
    dtype = check_target(target_dtype)
    arguments = {n: a.astype(dtype) if n in low else a.copy() for n, a in arg_params.items()}
    return converted, arguments, {name: array.copy() for name, array in aux_params.items()}


def convert_hybrid_block(
    block,
    target_dtype="float16",
    target_dtype_ops=None,
    fp32_ops=None,
    conditional_fp32_ops=None,
    excluded_sym_names=None,
    ctx=None,
    cast_optional_params=False,
):
    """A block in mixed precision with copies of the parameters of `block`.

    Parameters
    ----------
    block : HybridBlock
        Hybridized, and called once.
    ctx : Context, optional
        Where the new parameters go; default the current context.

    Returns
    -------
    SymbolBlock

    Raises
    ------
    RuntimeError
        If the block was not hybridized and called.
    """
    if getattr(block, "_graph", None) is None:
        raise RuntimeError("amp: block must be hybridized and run once before it is converted")
    inputs, output = block._traced
    inputs = [var for var in inputs if var is not None]
    params = block.collect_params()
    arrays = {name: param._reduce() for name, param in params.items()}
    arrays.update(block._captured)
    auxiliary = set(output.list_auxiliary_states())
    converted, arguments, states = convert_model(
        output,
        {name: array for name, array in arrays.items() if name not in auxiliary},
        {name: array for name, array in arrays.items() if name in auxiliary},
        target_dtype,
        target_dtype_ops,
        fp32_ops,
        conditional_fp32_ops,
        excluded_sym_names,
        cast_optional_params,
    )
    new = SymbolBlock(converted, inputs)
    new.params.load_dict(
        {**arguments, **states},
        ctx or current_context(),
        ignore_extra=True,
        filename="convert_hybrid_block",
        cast_dtype=True,
        dtype_source="saved",
    )
    return new


def convert_bucketing_module(
    bucketing_mod,
    target_dtype="float16",
    target_dtype_ops=None,
    fp32_ops=None,
    conditional_fp32_ops=None,
    excluded_sym_names=None,
    cast_optional_params=False,
):
    """A `BucketingModule` whose symbols are in mixed precision; bind it before use.

    Parameters are taken with ``set_params(*bucketing_mod.get_params())``.
    """
    if not isinstance(bucketing_mod, BucketingModule):
        raise TypeError(
            f"amp: bucketing_mod is {type(bucketing_mod).__name__}, must be a BucketingModule"
        )
    plain = bucketing_mod._sym_gen

    def sym_gen(key):
        symbol, data_names, label_names = plain(key)
        converted = convert_symbol(
            symbol, target_dtype, target_dtype_ops, fp32_ops, conditional_fp32_ops,
            excluded_sym_names,
        )  # fmt: skip
        return converted, data_names, label_names

    return BucketingModule(sym_gen, default_bucket_key=bucketing_mod._default_bucket_key)
