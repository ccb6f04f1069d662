"""What MXNet's `Trainer` calls by private names and packages use all the same."""

__all__ = ["TrainerNames"]


class TrainerNames:
    """Base of Trainer: MXNet's private names, each with the meaning that it has there.

    The trainer itself has `_params`, `_optimizer`, `_updaters`, `_kvstore`, `_update_on_kvstore`,
    `_kvstore_params` and `_scale`, and `_allreduce_grads`, which a subclass may define anew to sum
    gradients by another library.
    """

    @property
    def _param2idx(self):
        """dict of str to int: positions of the parameters, which are their keys in the store."""
        return {param.name: i for i, param in enumerate(self._params)}

    @property
    def _contexts(self):
        """list of Context: devices of the parameters; [] before they are initialised."""
        first = self._params[0] if self._params else None
        return list(first.list_ctx()) if first is not None and first._is_placed() else []

    @property
    def _params_to_init(self):
        """list of Parameter: those without values yet, which the store cannot know."""
        return [param for param in self._params if param._data is None]

    @property
    def _kv_initialized(self):
        """bool: True, the store is opened when the trainer is made."""
        return True

    def _init_kvstore(self):
        """Nothing is left to do, see `_kv_initialized`."""

    def _init_params(self):
        """Give the store those parameters that have values and that it does not know."""
        for param in self._params:
            self._share(param)

    @property
    def _distributed(self):
        """bool: whether several processes train together."""
        return self.comm is not None
