"""Training and inference in mixed precision: products in 16 bits, sums and losses in float32.

>>> mx.amp.init("bfloat16")  # before the network is made
>>> trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1})
>>> mx.amp.init_trainer(trainer)  # float16 needs the scaling of the loss
>>> with autograd.record():
...     loss = loss_of(net(x), y)
...     with mx.amp.scale_loss(loss, trainer) as scaled:
...         autograd.backward(scaled)
>>> trainer.step(batch_size)
"""

from . import lists
from .convert import convert_bucketing_module, convert_hybrid_block, convert_model, convert_symbol
from .lists import (
    list_conditional_fp32_ops,
    list_fp32_ops,
    list_loss_output_functions,
    list_lp16_fp32_ops,
    list_lp16_ops,
    list_lp16_use_fp32_params,
    list_widest_type_cast,
)
from .scaler import LossScaler, init_trainer, scale_loss, unscale
from .switch import deactivate, init, target_dtype

__all__ = [
    "LossScaler",
    "convert_bucketing_module",
    "convert_hybrid_block",
    "convert_model",
    "convert_symbol",
    "deactivate",
    "init",
    "init_trainer",
    "list_conditional_fp32_ops",
    "list_fp32_ops",
    "list_loss_output_functions",
    "list_lp16_fp32_ops",
    "list_lp16_ops",
    "list_lp16_use_fp32_params",
    "list_widest_type_cast",
    "lists",
    "scale_loss",
    "target_dtype",
    "unscale",
]


def __getattr__(name):
    if name == "_amp_initialized":  # MXNet's name, which packages on top of it read
        return target_dtype() is not None
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
