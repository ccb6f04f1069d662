"""An optimizer with the states of the parameters it has seen."""

import pickle

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
        states = self.states
        for i, w in zip(index, weight, strict=True):
            if i not in states:
                states[i] = self.optimizer.create_state(i, w)
        self.optimizer.update(list(index), list(weight), list(grad), [states[i] for i in index])

    def get_states(self, dump_optimizer=False):
        """bytes: the states, with the optimizer if asked for."""
        return pickle.dumps((self.states, self.optimizer) if dump_optimizer else self.states)

    def set_states(self, states):
        """Take what `get_states` gave; read only files that you trust (they are pickles)."""
        states = pickle.loads(states)
        if isinstance(states, tuple):
            states, self.optimizer = states
        self.states = states


def get_updater(optimizer):
    """An `Updater` of the optimizer."""
    return Updater(optimizer)
