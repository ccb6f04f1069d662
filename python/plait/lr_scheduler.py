"""Learning rates that change with the number of updates."""

import logging
import math

__all__ = [
    "LRScheduler",
    "FactorScheduler",
    "MultiFactorScheduler",
    "PolyScheduler",
    "CosineScheduler",
    "OneCycleScheduler",
]


class LRScheduler:
    """Base of the schedules: ``scheduler(num_update)`` gives the rate.

    Parameters
    ----------
    base_lr : float
        Rate after the warm-up.
    warmup_steps : int
        Updates during which the rate grows (linear) or stays at `warmup_begin_lr` (constant).
    warmup_begin_lr : float
        Rate at the first update.
    warmup_mode : {'linear', 'constant'}
    """

    def __init__(self, base_lr=0.01, warmup_steps=0, warmup_begin_lr=0, warmup_mode="linear"):
        if warmup_begin_lr > base_lr:
            raise ValueError(
                f"lr_scheduler: base_lr is {base_lr}, must be >= warmup_begin_lr {warmup_begin_lr}"
            )
        if warmup_steps < 0:
            raise ValueError(f"lr_scheduler: warmup_steps is {warmup_steps}, must be >= 0")
        if warmup_mode not in ("linear", "constant"):
            raise ValueError(
                f"lr_scheduler: warmup_mode is {warmup_mode!r}, must be 'linear' or 'constant'"
            )
        self.base_lr = base_lr
        self.warmup_steps = warmup_steps
        self.warmup_begin_lr = warmup_begin_lr
        self.warmup_final_lr = base_lr
        self.warmup_mode = warmup_mode

    def get_warmup_lr(self, num_update):
        """Rate during the warm-up, at ``num_update < warmup_steps``."""
        if self.warmup_mode == "constant":
            return self.warmup_begin_lr
        rise = (self.warmup_final_lr - self.warmup_begin_lr) * num_update / self.warmup_steps
        return self.warmup_begin_lr + rise

    def __call__(self, num_update):
        """Rate for update number `num_update` (from 1)."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__")


class FactorScheduler(LRScheduler):
    """Multiplies the rate by `factor` after every `step` updates, down to `stop_factor_lr`."""

    def __init__(
        self,
        step,
        factor=1,
        stop_factor_lr=1e-8,
        base_lr=0.01,
        warmup_steps=0,
        warmup_begin_lr=0,
        warmup_mode="linear",
    ):
        super().__init__(base_lr, warmup_steps, warmup_begin_lr, warmup_mode)
        if step < 1:
            raise ValueError(f"FactorScheduler: step is {step}, must be >= 1")
        if factor > 1.0:
            raise ValueError(f"FactorScheduler: factor is {factor}, must be <= 1")
        self.step = step
        self.factor = factor
        self.stop_factor_lr = stop_factor_lr
        self.count = 0

    def __call__(self, num_update):
        if num_update < self.warmup_steps:
            return self.get_warmup_lr(num_update)
        while num_update > self.count + self.step:
            self.count += self.step
            self.base_lr *= self.factor
            if self.base_lr < self.stop_factor_lr:
                self.base_lr = self.stop_factor_lr
                logging.info(
                    "Update[%d]: now learning rate arrived at %0.5e, will not change in the future",
                    num_update,
                    self.base_lr,
                )
            else:
                logging.info("Update[%d]: Change learning rate to %0.5e", num_update, self.base_lr)
        return self.base_lr


class MultiFactorScheduler(LRScheduler):
    """Multiplies the rate by `factor` after each of the numbers of updates in `step` (rising)."""

    def __init__(
        self, step, factor=1, base_lr=0.01, warmup_steps=0, warmup_begin_lr=0, warmup_mode="linear"
    ):
        super().__init__(base_lr, warmup_steps, warmup_begin_lr, warmup_mode)
        if not isinstance(step, list) or not step:
            raise ValueError(f"MultiFactorScheduler: step is {step!r}, must be a non-empty list")
        if step[0] < 1 or any(a >= b for a, b in zip(step, step[1:], strict=False)):
            raise ValueError(f"MultiFactorScheduler: step is {step}, must rise from >= 1")
        if factor > 1.0:
            raise ValueError(f"MultiFactorScheduler: factor is {factor}, must be <= 1")
        self.step = step
        self.cur_step_ind = 0
        self.factor = factor
        self.count = 0

    def __call__(self, num_update):
        if num_update < self.warmup_steps:
            return self.get_warmup_lr(num_update)
        while self.cur_step_ind < len(self.step) and num_update > self.step[self.cur_step_ind]:
            self.count = self.step[self.cur_step_ind]
            self.cur_step_ind += 1
            self.base_lr *= self.factor
            logging.info("Update[%d]: Change learning rate to %0.5e", num_update, self.base_lr)
        return self.base_lr


class _DecayScheduler(LRScheduler):
    """Falls from `base_lr` to `final_lr` over ``max_update`` updates; `_decay(t)` is in [0, 1]."""

    def __init__(self, max_update, base_lr, final_lr, warmup_steps, warmup_begin_lr, warmup_mode):
        super().__init__(base_lr, warmup_steps, warmup_begin_lr, warmup_mode)
        if not isinstance(max_update, int) or max_update < 1:
            raise ValueError(
                f"{type(self).__name__}: max_update is {max_update!r}, must be an int >= 1"
            )
        self.base_lr_orig = base_lr
        self.max_update = max_update
        self.final_lr = final_lr
        self.max_steps = max_update - warmup_steps

    def _decay(self, t):
        raise NotImplementedError

    def __call__(self, num_update):
        if num_update < self.warmup_steps:
            return self.get_warmup_lr(num_update)
        if num_update <= self.max_update:
            decay = self._decay((num_update - self.warmup_steps) / self.max_steps)
            self.base_lr = self.final_lr + (self.base_lr_orig - self.final_lr) * decay
        return self.base_lr


class PolyScheduler(_DecayScheduler):
    """Decays as ``(1 - t) ** pwr`` while t goes from 0 to 1 over `max_update` updates."""

    def __init__(
        self,
        max_update,
        base_lr=0.01,
        pwr=2,
        final_lr=0,
        warmup_steps=0,
        warmup_begin_lr=0,
        warmup_mode="linear",
    ):
        super().__init__(max_update, base_lr, final_lr, warmup_steps, warmup_begin_lr, warmup_mode)
        self.power = pwr

    def _decay(self, t):
        return (1 - t) ** self.power


class CosineScheduler(_DecayScheduler):
    """Decays as ``(1 + cos(pi t)) / 2`` while t goes from 0 to 1 over `max_update` updates.

    Loshchilov, Hutter: SGDR, stochastic gradient descent with warm restarts (2016).
    """

    def __init__(
        self,
        max_update,
        base_lr=0.01,
        final_lr=0,
        warmup_steps=0,
        warmup_begin_lr=0,
        warmup_mode="linear",
    ):
        super().__init__(max_update, base_lr, final_lr, warmup_steps, warmup_begin_lr, warmup_mode)

    def _decay(self, t):
        return (1 + math.cos(math.pi * t)) / 2


class OneCycleScheduler(LRScheduler):
    """Rises to `base_lr`, then falls far below the start, along halves of cosines.

    Smith, Topin: Super-convergence (2017).

    Parameters
    ----------
    max_update : int
        Updates of the whole cycle.
    base_lr : float
        Largest rate.
    rise : float
        Share of the cycle in which the rate grows, in (0, 1).
    start_factor, final_factor : float
        ``base_lr / start_factor`` is the rate at the start; `final_factor` times less the last one.
    """

    def __init__(self, max_update, base_lr=0.01, rise=0.3, start_factor=25.0, final_factor=1e4):
        super().__init__(base_lr)
        if not isinstance(max_update, int) or max_update < 2:
            raise ValueError(
                f"OneCycleScheduler: max_update is {max_update!r}, must be an int >= 2"
            )
        if not 0 < rise < 1:
            raise ValueError(f"OneCycleScheduler: rise is {rise}, must be in (0, 1)")
        self.max_update, self.rise = max_update, rise
        self.start_factor, self.final_factor = start_factor, final_factor

    def __call__(self, num_update):
        """Rate for update number `num_update` (from 1); the last one after the cycle."""
        start = self.base_lr / self.start_factor
        final = start / self.final_factor
        done = min(max(num_update - 1, 0) / (self.max_update - 1), 1.0)
        if done < self.rise:
            low, share = start, (1 - math.cos(math.pi * done / self.rise)) / 2
        else:
            fall = (done - self.rise) / (1 - self.rise)
            low, share = final, (1 + math.cos(math.pi * fall)) / 2
        return low + (self.base_lr - low) * share
