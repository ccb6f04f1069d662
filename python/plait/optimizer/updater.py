"""An optimizer with the states of the parameters it has seen."""

import pickle

from .optimizer import mapped

__all__ = ["Updater", "get_updater"]


class Updater:
    """Calls an optimizer, and makes and keeps its states.

    Examples
    --------
    >>> updater = mx.optimizer.get_updater(mx.optimizer.SGD(momentum=0.9))
    >>> updater(0, grad, weight)
    """

    def __init__(self, optimizer):
        self.optimizer = optimizer
        self.states = {}

    def __call__(self, index, grad, weight):
        """Update one weight, or lists of weights."""
        if not isinstance(index, (list, tuple)):
            index, grad, weight = [index], [grad], [weight]
        states, optimizer = self.states, self.optimizer
        kept = []
        for i, w in zip(index, weight, strict=True):
            if i not in states:
                states[i] = optimizer.create_state_multi_precision(i, w)
            kept.append(states[i])
        if not optimizer.aggregate_num:
            for one in zip(index, weight, grad, kept, strict=True):
                optimizer.update_multi_precision(*one)
            return
        if len(weight) == 1:
            optimizer.update_multi_precision(list(index), list(weight), list(grad), kept)
            return
        first = weight[0].dtype_name if weight else None
        if all(w.dtype_name == first for w in weight):
            groups = [(list(index), list(weight), list(grad), kept)] if weight else []
        else:
            groups = _by_dtype(index, weight, grad, kept)
        size = optimizer.aggregate_num
        for group in groups:
            for start in range(0, len(group[0]), size):
                optimizer.update_multi_precision(*[part[start : start + size] for part in group])

    def sync_state_context(self, state, context):
        """A state, with its arrays in `context`."""
        return mapped(lambda array: array.as_in_context(context), state)

    def get_states(self, dump_optimizer=False):
        """bytes: the states, with the optimizer if asked for."""
        return pickle.dumps((self.states, self.optimizer) if dump_optimizer else self.states)

    def set_states(self, states):
        """Take what `get_states` gave; read only files that you trust (they are pickles)."""
        states = pickle.loads(states)
        if isinstance(states, tuple):
            states, self.optimizer = states
        self.states = states


def _by_dtype(*columns):
    """Columns of parameters, one group for each dtype of the weights (the second column)."""
    groups = {}
    for row in zip(*columns, strict=True):
        groups.setdefault(row[1].dtype_name, []).append(row)
    return [tuple(list(column) for column in zip(*rows, strict=True)) for rows in groups.values()]


def get_updater(optimizer):
    """An `Updater` of the optimizer."""
    return Updater(optimizer)
