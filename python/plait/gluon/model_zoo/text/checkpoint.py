"""Weights of BERT as they are published: a folder with `config.json` and `model.safetensors`."""

import json
import os

from ...formats import load_arrays
from .bert import BERTModel

__all__ = ["load_bert"]

# Names of a layer's parts: in the files, and here.
_PARTS = {
    "attention.self.query": "attention.query",
    "attention.self.key": "attention.key",
    "attention.self.value": "attention.value",
    "attention.output.dense": "attention.project",
    "attention.output.LayerNorm": "norm",
    "intermediate.dense": "feed_forward.inner",
    "output.dense": "feed_forward.outer",
    "output.LayerNorm": "feed_forward_norm",
}
_EMBEDDINGS = {"word_embeddings": "token", "token_type_embeddings": "segment"}
_EMBEDDINGS["position_embeddings"] = "place"


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
    return part and f"layers.{number}.{part}.{norm if part.endswith('norm') else kind}"


def _parameter(net, target):
    """The parameter of a name that `_target` gave; None for a layer that is not there."""
    block = net
    names = target.split(".")
    if names[0] == "layers":
        layers = net.encoder._layers
        if not names[1].isdecimal() or int(names[1]) >= len(layers):
            return None
        block, names = layers[int(names[1])], names[2:]
    for name in names:
        block = getattr(block, name, None)
    return block


def _read_sizes(path):
    """What the arguments of `BERTModel` are, from `config.json`."""
    with open(path, encoding="utf-8") as file:
        try:
            sizes = json.load(file)
            activation = sizes.get("hidden_act", "gelu")
            if activation != "gelu":
                raise ValueError(f"hidden_act is {activation!r}, must be 'gelu'")
            names = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers")
            names += ("num_attention_heads", "max_position_embeddings", "type_vocab_size")
            numbers = [int(sizes[name]) for name in names]
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"load_bert: {path}: {error}") from None
    more = ("hidden_dropout_prob", 0.1), ("layer_norm_eps", 1e-12)
    return [*numbers, *(float(sizes.get(name, value)) for name, value in more)]


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
        If weights are missing or of another shape than `config.json` says.
    ValueError
        If a file is damaged, or the activation is not GELU.
    """
    net = BERTModel(*_read_sizes(os.path.join(folder, "config.json")))
    net.initialize(ctx=ctx)
    path = os.path.join(folder, "model.safetensors")
    left = {id(p): name for name, p in net.collect_params().items()}
    for name, value in load_arrays(path).items():
        target = _target(name)
        if target is None:
            continue
        parameter = _parameter(net, target)
        if parameter is None:
            raise OSError(f"{path}: {name} has no place in a model of these sizes")
        if parameter.shape != value.shape:
            raise OSError(f"{path}: {name} has shape {value.shape}, must have {parameter.shape}")
        parameter.set_data(value.astype("float32"))
        left.pop(id(parameter), None)
    if left:
        raise OSError(f"{path}: has no weights for {', '.join(sorted(left.values()))}")
    return net
