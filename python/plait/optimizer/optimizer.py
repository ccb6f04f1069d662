"""The base of the optimizers and their registry."""

from .. import ndarray, registry
from ..ndarray._storage import parts, set_rows

__all__ = ["Optimizer", "create", "register"]


class Optimizer:
    """Base of the optimizers; subclasses define `create_state` and `update`, or `step` for lists.

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
    sym : Symbol, optional
        Its attributes ``__lr_mult__`` and ``__wd_mult__`` are multipliers.
    begin_num_update : int
        Number of the updates done before.
    multi_precision : bool
        Whether weights of 16 bits get a float32 master on which steps are done.
    param_dict : dict of int to Parameter, optional
        Source of lr_mult and wd_mult.
    aggregate_num : int, optional
        Largest number of weights in one call of `update`; 0: weights come one by one.
    use_fused_step : bool, optional
        Whether a subclass with both is asked for `fused_step` rather than `step`.

    Examples
    --------
    >>> @mx.optimizer.register
    ... class Plain(mx.optimizer.Optimizer):
    ...     def create_state(self, index, weight):
    ...         return None
    ...     def update(self, index, weight, grad, state):
    ...         self._update_count(index)
    ...         weight -= self._get_lr(index) * self.rescale_grad * grad
    """

    aggregate_num = 0

    def __init__(
        self,
        rescale_grad=1.0,
        param_idx2name=None,
        wd=0.0,
        clip_gradient=None,
        learning_rate=None,
        lr_scheduler=None,
        sym=None,
        begin_num_update=0,
        multi_precision=False,
        param_dict=None,
        aggregate_num=None,
        use_fused_step=None,
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
        self.multi_precision = multi_precision
        self.begin_num_update = self.num_update = begin_num_update
        self._index_update_count = {}
        if param_idx2name is not None and not isinstance(param_idx2name, dict):
            raise TypeError(
                f"optimizer: param_idx2name is {type(param_idx2name).__name__}, must be a dict"
            )
        self.idx2name = dict(param_idx2name or {})
        self.sym_info = (sym.attr_dict(), sym.list_arguments()) if sym is not None else ()
        self.param_dict = param_dict or {}
        self.use_fused_step = bool(use_fused_step)
        if aggregate_num is not None:
            self.aggregate_num = aggregate_num
        self.lr_mult, self.wd_mult = {}, {}
        self.set_lr_mult({})
        self.set_wd_mult({})

    def __getstate__(self):
        state = self.__dict__.copy()
        state["param_dict"] = {}
        return state

    @property
    def learning_rate(self):
        """float: the rate now, from the schedule if there is one."""
        return self.lr if self.lr_scheduler is None else self.lr_scheduler(self.num_update)

    def set_learning_rate(self, lr):
        """Set the rate.

        Raises
        ------
        UserWarning
            If there is a schedule.
        """
        if self.lr_scheduler is not None:
            raise UserWarning("optimizer: the rate comes from lr_scheduler, must not be set")
        self.lr = lr

    def set_lr_mult(self, args_lr_mult):
        """Set factors on the rate, by name or number of a parameter."""
        self.lr_mult = self._from_symbol("__lr_mult__")
        self.lr_mult.update(args_lr_mult)

    def set_wd_mult(self, args_wd_mult):
        """Set factors on the weight decay, by name or number of a parameter.

        Parameters with names that end neither in ``_weight`` nor in ``_gamma`` have 0.
        """
        self.wd_mult = {
            name: 0.0 for name in self.idx2name.values() if not name.endswith(("_weight", "_gamma"))
        }
        self.wd_mult.update(self._from_symbol("__wd_mult__"))
        self.wd_mult.update(args_wd_mult)

    def _from_symbol(self, key):
        if not self.sym_info:
            return {}
        attributes, names = self.sym_info
        return {n: float(attributes[n][key]) for n in names if key in attributes.get(n, ())}

    # --- what subclasses define -----------------------------------------------------------------

    def create_state(self, index, weight):
        """State of one parameter: None, an array, or a tuple of arrays."""

    def create_state_multi_precision(self, index, weight):
        """As `create_state`; with multi_precision (state, float32 master) for 16 bits."""
        if self._is_mixed(weight):
            master = weight.astype("float32")
            return self.create_state(index, master), master
        return self.create_state(index, weight)

    def _is_mixed(self, weight):
        return self.multi_precision and weight.dtype_name in ("float16", "bfloat16")

    def update(self, index, weight, grad, state):
        """Update one parameter, or many at once if `aggregate_num` is not 0.

        Parameters
        ----------
        index : int or list of int
            Number of the parameter; with lists, all arguments are lists of one length.
        weight, grad : NDArray or list of NDArray
        state : what `create_state` made, or a list of that
        """
        if not isinstance(index, (list, tuple)):
            index, weight, grad, state = [index], [weight], [grad], [state]
        (self.fused_step if self.use_fused_step else self.step)(index, weight, grad, state)

    def step(self, indices, weights, grads, states):
        """Update several parameters: what `update` does unless it is defined.

        Parameters
        ----------
        indices : list of int
        weights, grads : list of NDArray
        states : list of what `create_state` made
        """
        raise NotImplementedError(f"{type(self).__name__} must define update or step")

    def fused_step(self, indices, weights, grads, states):
        """As `step`, by one operator."""
        raise NotImplementedError(f"{type(self).__name__} must define fused_step")

    def update_multi_precision(self, index, weight, grad, state):
        """As `update`, with the states of `create_state_multi_precision`.

        Of several weights all have one dtype.
        """
        if isinstance(index, (list, tuple)):
            for one in zip(index, weight, grad, state, strict=True):
                self.update_multi_precision(*one)
        elif self._is_mixed(weight):
            inner, master = state
            self.update(index, master, grad.astype("float32"), inner)
            weight[:] = master
        else:
            self.update(index, weight, grad, state)

    # --- rates ----------------------------------------------------------------------------------

    def _update_count(self, index):
        """Count an update of one parameter, or of several."""
        counts = self._index_update_count
        for i in index if isinstance(index, (list, tuple)) else (index,):
            count = counts[i] = counts.get(i, self.begin_num_update) + 1
            if count > self.num_update:
                self.num_update = count

    def _get_lrs(self, indices):
        """Rates of several parameters."""
        lr, params = self.learning_rate, self.param_dict
        return [
            lr * (params[i].lr_mult if i in params else self._multiplier(self.lr_mult, i))
            for i in indices
        ]

    def _get_wds(self, indices):
        """Weight decays of several parameters."""
        wd, params = self.wd, self.param_dict
        return [
            wd * (params[i].wd_mult if i in params else self._multiplier(self.wd_mult, i))
            for i in indices
        ]

    def _get_lr(self, index):
        """Rate of one parameter."""
        return self._get_lrs([index])[0]

    def _get_wd(self, index):
        """Weight decay of one parameter."""
        return self._get_wds([index])[0]

    def _multiplier(self, table, index):
        if not table:
            return 1.0
        return table.get(index, table.get(self.idx2name.get(index), 1.0))

    def _clipped(self, grad):
        """The rescaled, clipped gradient as a new array."""
        grad = grad * self.rescale_grad
        if self.clip_gradient is not None:
            grad = grad.clip(-self.clip_gradient, self.clip_gradient)
        return grad


register = registry.get_register_func(Optimizer, "optimizer")
create = registry.get_create_func(Optimizer, "optimizer")
Optimizer.register = staticmethod(register)
Optimizer.create_optimizer = staticmethod(create)


class FusedOptimizer(Optimizer):
    """Base of the optimizers that update all parameters by one operator.

    Subclasses define `create_state` (None, an array or a tuple) and `_step`.
    """

    aggregate_num = 256  # programs that define `_get_lrs` anew make lists as long as this
    # A row-sparse gradient changes only its rows of the weight and of the states; otherwise it
    # counts as a dense one with zeros.
    lazy_update = False

    def update(self, index, weight, grad, state):
        """Update one parameter or many; see `Optimizer.update`."""
        self._run(index, weight, grad, state, False)

    def update_multi_precision(self, index, weight, grad, state):
        """As `update`, with masters; see `Optimizer.update_multi_precision`."""
        first = weight[0] if isinstance(index, (list, tuple)) else weight
        self._run(index, weight, grad, state, self._is_mixed(first))

    def _run(self, index, weight, grad, state, mixed):
        if not isinstance(index, (list, tuple)):
            index, weight, grad, state = [index], [weight], [grad], [state]
        if len(index) == 1 and self.lazy_update and grad[0]._is_sparse:
            self._update_rows(index[0], weight[0], grad[0], state[0], mixed)
            return
        if any(g._is_sparse for g in grad):
            if self.lazy_update:
                index, weight, grad, state = self._without_rows(index, weight, grad, state, mixed)
            grad = [g.tostype("default") for g in grad]
        if not index:
            return
        lrs, wds = self._count_and_rate(index)
        common = {
            "lrs": lrs,
            "wds": wds,
            "rescale_grad": self.rescale_grad,
            "clip_gradient": self.clip_gradient or -1.0,
            "num_weights": len(weight),
            "out": weight,
        }
        masters = None
        if mixed:
            state, masters = zip(*state, strict=True)
        self._step(index, weight, grad, state, masters, common)

    def _count_and_rate(self, indices):
        """Count an update of several parameters; their rates and weight decays."""
        self._update_count(indices)
        count = len(indices)
        return self._get_lrs(indices)[:count], self._get_wds(indices)[:count]

    def _without_rows(self, index, weight, grad, state, mixed):
        """Update the rows of row-sparse gradients; returns the parameters with dense ones."""
        left = []
        for one in zip(index, weight, grad, state, strict=True):
            if one[2]._is_sparse:
                self._update_rows(*one, mixed)
            else:
                left.append(one)
        return [list(column) for column in zip(*left, strict=True)] if left else [[]] * 4

    def _update_rows(self, index, weight, grad, state, mixed):
        values, rows = parts(grad)
        if rows.size == 0:
            self._update_count(index)
            return
        chosen = [weight.take(rows), mapped(lambda array: array.take(rows), state)]
        self._run([index], [chosen[0]], [values], [chosen[1]], mixed)
        for whole, part in zip(_arrays([weight, state]), _arrays(chosen), strict=True):
            set_rows(whole, rows, part)

    def _apply(self, operator, weights, grads, states, masters, common):
        """Call ``operator(weight, grad, states..., master, weight, ...)``."""
        arrays = []
        if masters is not None:
            common["multi_precision"] = True
            for weight, grad, state, master in zip(weights, grads, states, masters, strict=True):
                arrays += (weight, grad, *_arrays(state), master)
        elif isinstance(states[0], tuple):
            for weight, grad, state in zip(weights, grads, states, strict=True):
                arrays += (weight, grad, *state)
        elif states[0] is None:
            for weight, grad in zip(weights, grads, strict=True):
                arrays += (weight, grad)
        else:
            for group in zip(weights, grads, states, strict=True):
                arrays += group
        operator(*arrays, **common)

    def _counts(self, indices):
        """Numbers of the updates of several parameters, this one included."""
        counts = self._index_update_count
        return [float(counts[i]) for i in indices]

    def _step(self, indices, weights, grads, states, masters, common):
        """Choose the operator and its attributes; `common` has those of every rule."""
        raise NotImplementedError(f"{type(self).__name__} must define _step")


def mapped(function, state):
    """The same nest of tuples with `function` of each array."""
    if isinstance(state, (tuple, list)):
        return tuple(mapped(function, part) for part in state)
    return None if state is None else function(state)


def _arrays(state):
    """All arrays of a nest of tuples."""
    if isinstance(state, (tuple, list)):
        return [array for part in state for array in _arrays(part)]
    return [] if state is None else [state]


def zeros_like(weight, count=1):
    """A tuple of `count` arrays of zeros in the shape and dtype of `weight`; one array for 1."""
    arrays = tuple(ndarray.zeros_like(weight) for _ in range(count))
    return arrays[0] if count == 1 else arrays
