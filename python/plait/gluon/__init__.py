"""Models as Python objects: blocks, parameters, losses and training."""

from .. import metric
from . import contrib, data, loss, model_zoo, nn, parallel, probability, rnn, symbol_trainer, utils
from .block import Block
from .checkpoint import Batches, Checkpoint
from .hybrid_block import HybridBlock
from .parameter import Constant, DeferredInitializationError, Parameter, tensor_types
from .parameter_dict import ParameterDict
from .symbol_block import SymbolBlock
from .trainer import Trainer

__all__ = [
    "contrib",
    "data",
    "loss",
    "metric",
    "model_zoo",
    "nn",
    "parallel",
    "probability",
    "rnn",
    "symbol_trainer",
    "utils",
    "Batches",
    "Block",
    "Checkpoint",
    "HybridBlock",
    "Constant",
    "DeferredInitializationError",
    "Parameter",
    "ParameterDict",
    "SymbolBlock",
    "Trainer",
    "tensor_types",
]
