"""The factor on the loss that keeps small gradients in the range of float16."""

import contextlib
import logging

from .. import ndarray
from ..gluon.trainer import Trainer
from .switch import target_dtype

__all__ = ["LossScaler", "init_trainer", "scale_loss", "unscale"]

_MOST = 2.0**24


class LossScaler:
    """Halves its factor after a step with infinite gradients, doubles it after many without.

    Micikevicius and others: Mixed precision training (2018).

    Parameters
    ----------
    loss_scale : float
        First factor, no unit; with float16 2^16.
    scale_seq_len : int
        Steps in a row without overflow after which it doubles.
    dynamic : bool
        Whether gradients are looked at and the factor changes.
    """

    def __init__(self, loss_scale=2.0**16, scale_seq_len=2000, dynamic=True):
        if not loss_scale > 0:
            raise ValueError(f"LossScaler: loss_scale is {loss_scale}, must be > 0")
        self._loss_scale = float(loss_scale)
        self._period = scale_seq_len
        self._unskipped = 0
        self.dynamic = dynamic

    @property
    def loss_scale(self):
        """float: the factor now."""
        return self._loss_scale

    def has_overflow(self, params):
        """bool: whether a gradient of `params` is infinite or NaN; changes the factor."""
        if not self.dynamic:
            return False
        grads = [g for p in params if p.grad_req != "null" for g in p.list_grad()]
        if not grads:
            return False
        finite = ndarray.multi_all_finite(*grads, num_arrays=len(grads))
        overflow = not finite.asscalar()
        self.update(overflow)
        return overflow

    def update(self, overflow):
        """Take account of one step."""
        if overflow:
            self._loss_scale = max(self._loss_scale / 2, 1.0)
            self._unskipped = 0
            logging.info("amp: gradients overflowed, loss scale is now %g", self._loss_scale)
            return
        self._unskipped += 1
        if self._unskipped == self._period:
            self._loss_scale = min(self._loss_scale * 2, _MOST)
            self._unskipped = 0

    def get_state(self):
        """dict: what `set_state` takes."""
        return {"loss_scale": self._loss_scale, "unskipped": self._unskipped}

    def set_state(self, state):
        """Go on from what `get_state` gave."""
        self._loss_scale, self._unskipped = float(state["loss_scale"]), int(state["unskipped"])


def init_trainer(trainer):
    """Give a trainer a loss scaler: steps with infinite gradients are left out.

    With bfloat16, which has the range of float32, the factor is 1 and never changes.

    Raises
    ------
    TypeError
        If it is no `gluon.Trainer`.
    RuntimeError
        Before `init`.
    """
    if not isinstance(trainer, Trainer):
        raise TypeError(f"amp: trainer is {type(trainer).__name__}, must be a gluon.Trainer")
    dtype = target_dtype()
    if dtype is None:
        raise RuntimeError("amp: init_trainer must come after amp.init")
    if trainer._amp_loss_scaler is None:
        low = dtype == "float16"
        trainer._amp_loss_scaler = LossScaler(2.0**16 if low else 1.0, dynamic=low)
        trainer._amp_original_scale = trainer._scale


def _scaler_of(trainer):
    scaler = getattr(trainer, "_amp_loss_scaler", None)
    if scaler is None:
        raise RuntimeError("amp: trainer has no loss scaler\n  hint: call amp.init_trainer first")
    return scaler


@contextlib.contextmanager
def scale_loss(loss, optimizer_or_trainer):
    """Gives the loss (or list of losses) times the factor; the next step divides by it.

    Parameters
    ----------
    loss : NDArray or list of NDArray
    optimizer_or_trainer : Trainer
        After `init_trainer`.
    """
    trainer = optimizer_or_trainer
    factor = _scaler_of(trainer).loss_scale
    trainer._scale = trainer._amp_original_scale / factor
    if factor == 1.0:
        yield loss
    elif isinstance(loss, (list, tuple)):
        yield [part * factor for part in loss]
    else:
        yield loss * factor


def unscale(optimizer_or_trainer):
    """Divide the gradients by the factor now, for example to clip them before the step."""
    trainer = optimizer_or_trainer
    factor = _scaler_of(trainer).loss_scale
    if trainer._scale == trainer._amp_original_scale:
        return
    for param in trainer._params:
        if param.grad_req != "null":
            for grad in param.list_grad():
                grad[:] = grad * (1.0 / factor)
    trainer._scale = trainer._amp_original_scale
