"""Steps of optimizers in the form of `mx.nd.contrib`: lists of weights, gradients and states."""

from .._gen import nd as _gen
from .create import array
from .ndarray import NDArray

__all__ = [
    "adamw_update",
    "mp_adamw_update",
    "multi_adamw_update",
    "multi_lamb_update",
    "multi_lans_update",
    "multi_mp_adamw_update",
    "multi_mp_lamb_update",
    "multi_mp_lans_update",
]


def _in_turn(*columns):
    """The arrays of the first weight, of the second, ..."""
    return [one for group in zip(*columns, strict=True) for one in group]


def _adamw(columns, rescale_grad, out, name, **attrs):
    arrays = _in_turn(*columns)
    if not isinstance(rescale_grad, NDArray):
        rescale_grad = array([rescale_grad], ctx=arrays[0].context)
    attrs["num_weights"] = len(columns[0])
    return _gen.contrib.multi_adamw_update(*arrays, rescale_grad, **attrs, out=out, name=name)


def adamw_update(
    weight, grad, mean, var, rescale_grad, lr, eta, beta1=0.9, beta2=0.999, epsilon=1e-8, wd=0,
    clip_gradient=-1, out=None, name=None,
):  # fmt: skip
    """One step of AdamW: ``weight - eta (lr mean / (sqrt(var) + epsilon) + wd weight)``.

    Parameters
    ----------
    weight, grad, mean, var : NDArray
        Of one shape and dtype; `mean` and `var` change.
    rescale_grad : float or NDArray
        Factor of the gradient, one number; nothing changes if it is 0 or not finite.
    lr, eta : float
        Learning rate and its factor, which holds for the weight decay too.
    beta1, beta2, epsilon, wd : float
    clip_gradient : float
        Largest absolute value of the gradient; < 0: none.
    out : NDArray, optional
        Where the weight goes, such as `weight`.

    Notes
    -----
    Loshchilov, Hutter: Decoupled weight decay regularization (2019).
    """
    return _adamw(
        [[weight], [grad], [mean], [var]], rescale_grad, out, name, lrs=(lr,), wds=(wd,),
        etas=(eta,), beta1=beta1, beta2=beta2, epsilon=epsilon, clip_gradient=clip_gradient,
    )  # fmt: skip


def mp_adamw_update(
    weight, grad, mean, var, weight32, rescale_grad, lr, eta, beta1=0.9, beta2=0.999, epsilon=1e-8,
    wd=0, clip_gradient=-1, out=None, name=None,
):  # fmt: skip
    """As `adamw_update` for a weight of 16 bits: means and `weight32` are float32 and change."""
    return _adamw(
        [[weight], [grad], [mean], [var], [weight32]], rescale_grad, out, name, lrs=(lr,),
        wds=(wd,), etas=(eta,), beta1=beta1, beta2=beta2, epsilon=epsilon,
        clip_gradient=clip_gradient, multi_precision=True,
    )  # fmt: skip


def multi_adamw_update(
    weights, grads, mean, var, rescale_grad, lrs, wds, etas, out=None, name=None, size=0, **kwargs
):
    """`adamw_update` for lists of weights in one call; `size` is counted."""
    columns = [weights, grads, mean, var]
    return _adamw(columns, rescale_grad, out, name, lrs=lrs, wds=wds, etas=etas, **kwargs)


def multi_mp_adamw_update(
    weights, grads, mean, var, weights32, rescale_grad, lrs, wds, etas, out=None, name=None,
    size=0, **kwargs,
):  # fmt: skip
    """`mp_adamw_update` for lists of weights in one call; `size` is counted."""
    columns = [weights, grads, mean, var, weights32]
    return _adamw(
        columns, rescale_grad, out, name, lrs=lrs, wds=wds, etas=etas, multi_precision=True,
        **kwargs,
    )  # fmt: skip


def _trusted(operator, columns, step_count, **attrs):
    attrs["step_count"] = [float(n) for n in step_count]
    return operator(*_in_turn(*columns), num_weights=len(columns[0]), **attrs)


def multi_lamb_update(
    weights, grads, mean, var, step_count, lrs, wds, out=None, num_tensors=0, **kwargs
):
    """One step of LAMB for lists of weights; `mean` and `var` change.

    Parameters
    ----------
    weights, grads, mean, var : list of NDArray
    step_count : list of int
        Number of this step, from 1, of each weight.
    lrs, wds : list of float
    out : list of NDArray, optional
        Where the weights go, such as `weights`.
    num_tensors : int
        Counted.
    **kwargs
        As `mx.nd.multi_lamb_update`: beta1, beta2, epsilon, bounds, clip_gradient, ...
    """
    columns = [weights, grads, mean, var]
    return _trusted(
        _gen.multi_lamb_update, columns, step_count, lrs=lrs, wds=wds, out=out, **kwargs
    )


def multi_mp_lamb_update(
    weights, grads, mean, var, weights32, step_count, lrs, wds, out=None, num_tensors=0, **kwargs
):
    """As `multi_lamb_update` for weights of 16 bits: means and `weights32` are float32."""
    columns = [weights, grads, mean, var, weights32]
    return _trusted(
        _gen.multi_lamb_update, columns, step_count, lrs=lrs, wds=wds, out=out,
        multi_precision=True, **kwargs,
    )  # fmt: skip


def multi_lans_update(
    weights, grads, mean, var, step_count, lrs, wds, out=None, num_tensors=0, **kwargs
):
    """One step of LANS for lists of weights; arguments as of `multi_lamb_update`."""
    columns = [weights, grads, mean, var]
    return _trusted(
        _gen.multi_lans_update, columns, step_count, lrs=lrs, wds=wds, out=out, **kwargs
    )


def multi_mp_lans_update(
    weights, grads, mean, var, weights32, step_count, lrs, wds, out=None, num_tensors=0, **kwargs
):
    """As `multi_lans_update` for weights of 16 bits: means and `weights32` are float32."""
    columns = [weights, grads, mean, var, weights32]
    return _trusted(
        _gen.multi_lans_update, columns, step_count, lrs=lrs, wds=wds, out=out,
        multi_precision=True, **kwargs,
    )  # fmt: skip
