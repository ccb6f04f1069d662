"""The base of the optimizers and their registry."""

__all__ = ["Optimizer", "create", "register"]

_registry = {}


def register(klass):
    """Make an Optimizer class known by its name in lower case; returns the class."""
    _registry[klass.__name__.lower()] = klass
    return klass


def create(name, **kwargs):
    """The optimizer registered as `name`, made with `kwargs`.

    Raises
    ------
    ValueError
        If the name is unknown.
    """
    klass = _registry.get(name.lower())
    if klass is None:
        raise ValueError(f"optimizer: name is {name!r}, must be one of {sorted(_registry)}")
    return klass(**kwargs)


class Optimizer:
    """Base of the optimizers; subclasses define `create_state` and `update`.

    Parameters
    ----------
    rescale_grad : float
        Gradients are multiplied by it, usually 1 / batch size.
    param_idx2name : dict of int to str, optional
        Names of the parameters, for multipliers given by name.
    wd : float
        Weight decay (2-norm), no unit.
    clip_gradient : float, optional
        Gradients are clipped to [-clip_gradient, clip_gradient] after rescaling.
    learning_rate : float, optional
        Default 0.01, or that of the schedule.
    lr_scheduler : LRScheduler, optional
    begin_num_update : int
        Number of the updates done before.
    param_dict : dict of int to Parameter, optional
        Source of lr_mult and wd_mult.
    """

    def __init__(
        self,
        rescale_grad=1.0,
        param_idx2name=None,
        wd=0.0,
        clip_gradient=None,
        learning_rate=None,
        lr_scheduler=None,
        begin_num_update=0,
        param_dict=None,
    ):
        self.rescale_grad = rescale_grad
        self.lr_scheduler = lr_scheduler
        if learning_rate is None:
            learning_rate = lr_scheduler.base_lr if lr_scheduler is not None else 0.01
        elif lr_scheduler is not None:
            lr_scheduler.base_lr = learning_rate
        self.lr = learning_rate
        self.wd = wd
        self.clip_gradient = clip_gradient
        self.lr_mult = {}
        self.wd_mult = {}
        self.begin_num_update = self.num_update = begin_num_update
        self._index_update_count = {}
        self.idx2name = dict(param_idx2name or {})
        self.param_dict = param_dict or {}

    create_optimizer = staticmethod(create)
    register = staticmethod(register)

    def __getstate__(self):
        state = self.__dict__.copy()
        state["param_dict"] = {}
        return state

    @property
    def learning_rate(self):
        """float: the rate now, from the schedule if there is one."""
        return self.lr if self.lr_scheduler is None else self.lr_scheduler(self.num_update)

    def set_learning_rate(self, lr):
        """Set the rate; not with a schedule."""
        if self.lr_scheduler is not None:
            raise UserWarning("optimizer: has a lr_scheduler, set_learning_rate has no effect")
        self.lr = lr

    def set_lr_mult(self, args_lr_mult):
        """Factors on the rate by name or index of the parameter."""
        self.lr_mult = dict(args_lr_mult)

    def set_wd_mult(self, args_wd_mult):
        """Factors on the weight decay by name or index of the parameter."""
        self.wd_mult = dict(args_wd_mult)

    def create_state(self, index, weight):
        """State kept for one weight: array, tuple of arrays or None."""
        return None

    def update(self, index, weight, grad, state):
        """Update weights in place.

        Parameters
        ----------
        index : int or list of int
            Number of the parameter; with lists, all arguments are lists of one length.
        weight, grad : NDArray or list of NDArray
        state : what `create_state` made, or a list of that
        """
        raise NotImplementedError(f"{type(self).__name__} must define update")

    def _begin(self, indices):
        """Count an update of each index; returns their learning rates and weight decays."""
        counts = self._index_update_count
        for index in indices:
            count = counts[index] = counts.get(index, self.begin_num_update) + 1
            if count > self.num_update:
                self.num_update = count
        lr, wd, params = self.learning_rate, self.wd, self.param_dict
        lrs, wds = [], []
        for index in indices:
            param = params.get(index)
            if param is not None:
                lrs.append(lr * param.lr_mult)
                wds.append(wd * param.wd_mult)
            else:
                lrs.append(lr * self._multiplier(self.lr_mult, index))
                wds.append(wd * self._multiplier(self.wd_mult, index))
        return lrs, wds

    def _multiplier(self, table, index):
        return table.get(index, table.get(self.idx2name.get(index), 1.0))
