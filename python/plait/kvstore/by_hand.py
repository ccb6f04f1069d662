"""Stores in loops of training that programs write themselves, by MXNet's names of `mx.model`.

Arrays of parameters and gradients come as lists with a row for each parameter, and in it an array
for each device; a parameter whose row of gradients begins with None is not trained.
"""

from .base import KVStoreBase, create

__all__ = [
    "_create_kvstore",
    "_create_sparse_kvstore",
    "_initialize_kvstore",
    "_update_params",
    "_update_params_on_kvstore",
]

_LARGE = 16 * 1024**2  # elements from which on "local" leaves the update to the devices


def _create_kvstore(kvstore, num_device, arg_params):
    """(store or None, whether it updates) for what a program names.

    Parameters
    ----------
    kvstore : KVStoreBase, str or None
        A name of one process gives None on one device.
    num_device : int
    arg_params : dict of str to NDArray
        With a parameter of more than 16 Mi elements "local" does not update.

    Raises
    ------
    TypeError
        If `kvstore` is something else.
    """
    if kvstore is None:
        return None, False
    if isinstance(kvstore, KVStoreBase):
        return kvstore, kvstore.is_capable(KVStoreBase.OPTIMIZER)
    if not isinstance(kvstore, str):
        raise TypeError(f"_create_kvstore: kvstore is {kvstore!r}, must be a KVStore, str or None")
    if num_device == 1 and "dist" not in kvstore:
        return None, False
    store = create(kvstore)
    large = kvstore == "local" and max(a.size for a in arg_params.values()) > _LARGE
    return store, not large and store.is_capable(KVStoreBase.OPTIMIZER)


def _create_sparse_kvstore(kvstore):
    """(store, True): sparse parameters are updated in a store, which `kvstore` is or names.

    Raises
    ------
    ValueError
        If the store cannot update.
    """
    store = create(kvstore) if isinstance(kvstore, str) else kvstore
    if not isinstance(store, KVStoreBase) or not store.is_capable(KVStoreBase.OPTIMIZER):
        raise ValueError(
            f"_create_sparse_kvstore: kvstore is {kvstore!r}, must be one that can update"
        )
    return store, True


def _initialize_kvstore(kvstore, param_arrays, arg_params, param_names, update_on_kvstore):
    """Store the parameters; where the store updates, the devices take them from there."""
    for name, copies in zip(param_names, param_arrays, strict=True):
        value = arg_params[name]
        if update_on_kvstore and value.stype == "default":
            kvstore.broadcast(name, value, out=copies)
        else:
            kvstore.init(name, value)


def _trained(param_arrays, grad_arrays, names):
    """(number, name, weights, gradients) of the parameters that are trained."""
    rows = zip(names, param_arrays, grad_arrays, strict=True)
    return [(i, n, w, g) for i, (n, w, g) in enumerate(rows) if g[0] is not None]


def _update_params_on_kvstore(param_arrays, grad_arrays, kvstore, param_names):
    """Let the store update: it gets the gradients and gives the weights."""
    for i, name, weights, grads in _trained(param_arrays, grad_arrays, param_names):
        kvstore.push(name, grads, priority=-i)
        kvstore.pull(name, out=weights, priority=-i)


def _update_params(param_arrays, grad_arrays, updater, num_device, kvstore=None, param_names=None):
    """Update on each device; a store, if there is one, sums the gradients before.

    `updater` is called with the number of the parameter times `num_device` plus that of the
    device.
    """
    names = range(len(param_arrays)) if param_names is None else param_names
    trained = _trained(param_arrays, grad_arrays, names)
    if kvstore is not None:
        for i, name, _, grads in trained:
            kvstore.pushpull(name, grads, priority=-i)
    for k in range(num_device):
        for i, _, weights, grads in trained:
            updater(i * num_device + k, grads[k], weights[k])
