"""Weights of BERT as they are published: a folder with `config.json` and `model.safetensors`."""

import json
import os
import struct

import numpy as np

from .... import ndarray
from .bert import BERTModel

__all__ = ["load_bert"]

_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "U8": "u1"}
# Names of a layer's parts: in the files, and here.
_PARTS = {
    "attention.self.query": "attention.query",
    "attention.self.key": "attention.key",
    "attention.self.value": "attention.value",
    "attention.output.dense": "attention.project",
    "attention.output.LayerNorm": "norm1",
    "intermediate.dense": "inner",
    "output.dense": "outer",
    "output.LayerNorm": "norm2",
}
_EMBEDDINGS = {"word_embeddings": "token", "token_type_embeddings": "segment"}
_EMBEDDINGS["position_embeddings"] = "place"


def read_safetensors(path):
    """dict of str to numpy.ndarray: the arrays of a file.

    Raises
    ------
    OSError
        With path and offset, if the file is not whole or has an unknown dtype.
    """
    with open(path, "rb") as file:
        data = file.read()

    def need(good, offset, why):
        if not good:
            raise OSError(f"safetensors: {path} is corrupt at byte {offset}: {why}")

    need(len(data) >= 8, 0, "the file ends inside the length of its header")
    begin = 8 + struct.unpack("<Q", data[:8])[0]
    need(begin <= len(data), 8, f"the header ends at byte {begin}, after the file")
    try:
        header = json.loads(data[8:begin])
        entries = {k: v for k, v in header.items() if k != "__metadata__"}
        fields = [
            (name, v["dtype"], tuple(map(int, v["shape"])), *map(int, v["data_offsets"]))
            for name, v in entries.items()
        ]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise OSError(f"safetensors: {path} is corrupt at byte 8: {error!r}") from None
    out = {}
    for name, dtype, shape, low, high in fields:
        need(dtype in _DTYPES, 8, f"{name} has dtype {dtype}, must be one of {', '.join(_DTYPES)}")
        count = 1
        for n in shape:
            need(n >= 0, 8, f"{name} has shape {shape}")
            count *= n
        size = count * np.dtype(_DTYPES[dtype]).itemsize
        fits = 0 <= low and high - low == size and begin + high <= len(data)
        need(fits, begin + low, f"{name} of shape {shape} must have {size} bytes up to {high}")
        out[name] = np.frombuffer(data, _DTYPES[dtype], count, begin + low).reshape(shape)
    return out


def _target(name):
    """Name of a parameter here, or None for what BERT does not have here."""
    name = name.removeprefix("bert.")
    stem, _, kind = name.rpartition(".")
    kind = {"gamma": "weight", "beta": "bias"}.get(kind, kind)
    norm = {"weight": "gamma", "bias": "beta"}.get(kind)
    if stem == "embeddings.LayerNorm":
        return f"norm.{norm}"
    if stem.startswith("embeddings."):
        part = _EMBEDDINGS.get(stem.removeprefix("embeddings."))
        return part and f"{part}.{kind}"
    if stem == "pooler.dense":
        return f"pooler.{kind}"
    if not stem.startswith("encoder.layer."):
        return None
    _, _, number, part = stem.split(".", 3)
    part = _PARTS.get(part)
    return part and f"layers.{number}.{part}.{norm if part.startswith('norm') else kind}"


def _parameter(net, path):
    first, *rest = path.split(".")
    block = net
    if first == "layers":
        block, rest = net._layers[int(rest[0])], rest[1:]
        first, *rest = rest
    for name in (first, *rest):
        block = getattr(block, name)
    return block


def load_bert(folder, ctx=None):
    """A `BERTModel` with the sizes and weights of a folder.

    Parameters
    ----------
    folder : str
        Has `config.json` and `model.safetensors`.
    ctx : Context, optional

    Raises
    ------
    OSError
        If a file is damaged, or weights are missing or of another shape than `config.json` says.
    ValueError
        If the activation is not GELU.
    """
    with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
        sizes = json.load(file)
    if sizes.get("hidden_act", "gelu") != "gelu":
        raise ValueError(f"load_bert: hidden_act is {sizes['hidden_act']!r}, must be 'gelu'")
    net = BERTModel(
        sizes["vocab_size"],
        sizes["hidden_size"],
        sizes["intermediate_size"],
        sizes["num_hidden_layers"],
        sizes["num_attention_heads"],
        sizes["max_position_embeddings"],
        sizes["type_vocab_size"],
        sizes.get("hidden_dropout_prob", 0.1),
        sizes.get("layer_norm_eps", 1e-12),
    )
    net.initialize(ctx=ctx)
    path = os.path.join(folder, "model.safetensors")
    left = {id(p): name for name, p in net.collect_params().items()}
    for name, value in read_safetensors(path).items():
        target = _target(name)
        if target is None:
            continue
        parameter = _parameter(net, target)
        if parameter.shape != value.shape:
            raise OSError(f"{path}: {name} has shape {value.shape}, must have {parameter.shape}")
        parameter.set_data(ndarray.array(value.astype("float32")))
        left.pop(id(parameter), None)
    if left:
        raise OSError(f"{path}: has no weights for {', '.join(sorted(left.values()))}")
    return net
