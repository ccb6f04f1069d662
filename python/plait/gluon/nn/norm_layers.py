"""Layers that bring values to mean 0 and variance 1."""

from ...dist.world import joined
from ..hybrid_block import HybridBlock

__all__ = [
    "BatchNorm",
    "BatchNormReLU",
    "SyncBatchNorm",
    "LayerNorm",
    "RMSNorm",
    "GroupNorm",
    "InstanceNorm",
]


class BatchNorm(HybridBlock):
    """Normalises each channel over the batch, then scales by gamma and shifts by beta.

    Parameters
    ----------
    axis : int
        Channel axis.
    momentum : float
        Weight of the old running mean and variance in their update.
    epsilon : float
        Added to the variance.
    center, scale : bool
        Whether beta and gamma are learnt.
    use_global_stats : bool
        Whether to use the running mean and variance in training too.

    Notes
    -----
    Ioffe, Szegedy: Batch normalization (2015).
    """

    def __init__(
        self,
        axis=1,
        momentum=0.9,
        epsilon=1e-5,
        center=True,
        scale=True,
        use_global_stats=False,
        beta_initializer="zeros",
        gamma_initializer="ones",
        running_mean_initializer="zeros",
        running_variance_initializer="ones",
        in_channels=0,
        prefix=None,
        params=None,
    ):
        super().__init__(prefix=prefix, params=params)
        self._kwargs = {
            "axis": axis,
            "eps": epsilon,
            "momentum": momentum,
            "fix_gamma": not scale,
            "use_global_stats": use_global_stats,
        }
        self._axis = axis

        def make(name, init, learn, differentiable=True):
            return self.params.get(
                name,
                grad_req="write" if learn else "null",
                shape=(in_channels,),
                init=init,
                allow_deferred_init=True,
                differentiable=differentiable and learn,
            )

        self.gamma = make("gamma", gamma_initializer, scale)
        self.beta = make("beta", beta_initializer, center)
        self.running_mean = make("running_mean", running_mean_initializer, False)
        self.running_var = make("running_var", running_variance_initializer, False)

    def cast(self, dtype):
        """Change the type of the parameters; float16 is kept in float32."""
        super().cast("float32" if str(dtype) in ("float16", "bfloat16") else dtype)

    def hybrid_forward(self, F, x, gamma, beta, running_mean, running_var):
        return F.BatchNorm(x, gamma, beta, running_mean, running_var, name="fwd", **self._kwargs)

    def __repr__(self):
        options = ", ".join(f"{k}={v}" for k, v in self._kwargs.items())
        return f"BatchNorm({options}, in_channels={self.gamma.shape[0] or None})"


class BatchNormReLU(BatchNorm):
    """`BatchNorm` followed by a rectifier."""

    def hybrid_forward(self, F, x, gamma, beta, running_mean, running_var):
        return F.relu(super().hybrid_forward(F, x, gamma, beta, running_mean, running_var))


class SyncBatchNorm(BatchNorm):
    """`BatchNorm` over the batches of all processes that train together.

    On the CPU all data of a process are one batch: in one process it is `BatchNorm`. After
    `mx.dist.world` has joined several, means and variances are those of all their batches, which
    may differ in size; gamma's and beta's gradients are sums over the own batch.

    Parameters
    ----------
    in_channels : int
    num_devices : int, optional
        Accepted for MXNet's programs where it is 1 or several processes have been joined.
    """

    def __init__(self, in_channels=0, num_devices=None, **kwargs):
        if num_devices not in (None, 1) and joined() == 1:
            raise NotImplementedError(
                f"SyncBatchNorm: num_devices is {num_devices}, must be 1 in one process"
            )
        super().__init__(in_channels=in_channels, **kwargs)

    def infer_shape(self, x):
        """Set the number of channels from the first input; nothing is traced for it."""
        for param in self._reg_params.values():
            param.shape = (x.shape[self._axis],)

    def hybrid_forward(self, F, x, gamma, beta, running_mean, running_var):
        arrays = x, gamma, beta, running_mean, running_var
        if joined() == 1:
            return super().hybrid_forward(F, *arrays)
        return F.contrib.SyncBatchNorm(*arrays, name="fwd", key=self.prefix, **self._kwargs)


class _Affine(HybridBlock):
    """Layers with gamma and beta; subclasses say what size these have."""

    def __init__(
        self, size, center, scale, beta_initializer, gamma_initializer, prefix=None, params=None
    ):
        super().__init__(prefix=prefix, params=params)
        for name, learn, init in (
            ("gamma", scale, gamma_initializer),
            ("beta", center, beta_initializer),
        ):
            param = self.params.get(
                name,
                grad_req="write" if learn else "null",
                shape=(size,),
                init=init,
                allow_deferred_init=True,
                differentiable=learn,
            )
            setattr(self, name, param)

    def __repr__(self):
        options = ", ".join(f"{k}={v}" for k, v in self._kwargs.items())
        return f"{type(self).__name__}({options}, in_channels={self.gamma.shape[0] or None})"


class LayerNorm(_Affine):
    """Normalises each line along `axis`, then scales by gamma and shifts by beta.

    Ba, Kiros, Hinton: Layer normalization (2016).

    Parameters
    ----------
    axis : int
    epsilon : float
        Added to the variance.
    center, scale : bool
        Whether beta and gamma are learnt.
    in_channels : int
        Size of the axis; 0: told by the first forward pass.
    """

    def __init__(
        self,
        axis=-1,
        epsilon=1e-5,
        center=True,
        scale=True,
        beta_initializer="zeros",
        gamma_initializer="ones",
        in_channels=0,
        prefix=None,
        params=None,
    ):
        super().__init__(
            in_channels, center, scale, beta_initializer, gamma_initializer, prefix, params
        )
        self._kwargs = {"eps": epsilon, "axis": axis, "center": center, "scale": scale}
        self._axis, self._epsilon = axis, epsilon

    def hybrid_forward(self, F, x, gamma, beta):
        return F.LayerNorm(x, gamma, beta, axis=self._axis, eps=self._epsilon, name="fwd")


class RMSNorm(HybridBlock):
    """Divides each line along the last axis by its root mean square, then scales by gamma.

    Zhang, Sennrich: Root mean square layer normalization (2019).
    """

    def __init__(
        self, epsilon=1e-6, gamma_initializer="ones", in_channels=0, prefix=None, params=None
    ):
        super().__init__(prefix=prefix, params=params)
        self._epsilon = epsilon
        self.gamma = self.params.get(
            "gamma", shape=(in_channels,), init=gamma_initializer, allow_deferred_init=True
        )

    def hybrid_forward(self, F, x, gamma):
        return F.RMSNorm(x, gamma, eps=self._epsilon, name="fwd")

    def __repr__(self):
        return f"RMSNorm(eps={self._epsilon}, in_channels={self.gamma.shape[0] or None})"


class GroupNorm(_Affine):
    """Normalises groups of channels of each sample; gamma and beta have one value a group.

    Wu, He: Group normalization (2018).
    """

    def __init__(
        self,
        num_groups=1,
        epsilon=1e-5,
        center=True,
        scale=True,
        beta_initializer="zeros",
        gamma_initializer="ones",
        prefix=None,
        params=None,
    ):
        super().__init__(
            num_groups, center, scale, beta_initializer, gamma_initializer, prefix, params
        )
        self._kwargs = {"eps": epsilon, "num_groups": num_groups, "center": center, "scale": scale}
        self._num_groups, self._epsilon = num_groups, epsilon

    def hybrid_forward(self, F, data, gamma, beta):
        return F.GroupNorm(
            data, gamma, beta, num_groups=self._num_groups, eps=self._epsilon, name="fwd"
        )


class InstanceNorm(_Affine):
    """Normalises each channel of each sample.

    Ulyanov, Vedaldi, Lempitsky: Instance normalization (2016).

    Parameters
    ----------
    axis : int
        Channel axis.
    """

    def __init__(
        self,
        axis=1,
        epsilon=1e-5,
        center=True,
        scale=False,
        beta_initializer="zeros",
        gamma_initializer="ones",
        in_channels=0,
        prefix=None,
        params=None,
    ):
        super().__init__(
            in_channels, center, scale, beta_initializer, gamma_initializer, prefix, params
        )
        self._kwargs = {"eps": epsilon, "axis": axis, "center": center, "scale": scale}
        self._axis, self._epsilon = axis, epsilon

    def hybrid_forward(self, F, x, gamma, beta):
        if self._axis == 1:
            return F.InstanceNorm(x, gamma, beta, eps=self._epsilon, name="fwd")
        x = F.swapaxes(x, dim1=1, dim2=self._axis)
        x = F.InstanceNorm(x, gamma, beta, eps=self._epsilon, name="fwd")
        return F.swapaxes(x, dim1=1, dim2=self._axis)
