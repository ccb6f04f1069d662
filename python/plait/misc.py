"""Schedules of the learning rate from before `mx.lr_scheduler`: `mx.misc`."""

import logging

from .lr_scheduler import LRScheduler

__all__ = ["LearningRateScheduler", "FactorScheduler"]

LearningRateScheduler = LRScheduler


class FactorScheduler(LRScheduler):
    """Multiplies the rate by `factor` at every `step`-th update, counted from 0.

    Parameters
    ----------
    step : int
        Updates from one change to the next, >= 1.
    factor : float
        No unit, < 1.
    """

    def __init__(self, step, factor=0.1):
        super().__init__()
        if step < 1:
            raise ValueError(f"FactorScheduler: step is {step}, must be >= 1")
        if factor >= 1.0:
            raise ValueError(f"FactorScheduler: factor is {factor}, must be < 1")
        self.step, self.factor = step, factor
        self.old_lr, self.init = self.base_lr, False

    def __call__(self, iteration):
        """Rate for the update number `iteration`."""
        if not self.init:
            self.init, self.old_lr = True, self.base_lr
        rate = self.base_lr * self.factor ** (iteration // self.step)
        if rate != self.old_lr:
            self.old_lr = rate
            logging.info("At Iteration [%d]: Switch to new learning rate %.5f", iteration, rate)
        return rate
