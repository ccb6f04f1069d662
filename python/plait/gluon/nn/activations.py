"""Elementwise functions as layers."""

from ... import initializer
from ..hybrid_block import HybridBlock

__all__ = [
    "Activation",
    "LeakyReLU",
    "PReLU",
    "ELU",
    "SELU",
    "GELU",
    "Swish",
    "SiLU",
]


class Activation(HybridBlock):
    """Elementwise function: 'relu', 'sigmoid', 'tanh', 'softrelu' or 'softsign'."""

    def __init__(self, activation, prefix=None, params=None):
        self._act_type = activation
        super().__init__(prefix=prefix, params=params)

    def _alias(self):
        return self._act_type

    def hybrid_forward(self, F, x):
        return F.Activation(x, act_type=self._act_type, name="fwd")

    def __repr__(self):
        return f"Activation({self._act_type})"


class LeakyReLU(HybridBlock):
    """``x`` where positive, else ``alpha x``; alpha >= 0."""

    def __init__(self, alpha, prefix=None, params=None):
        if alpha < 0:
            raise ValueError(f"LeakyReLU: alpha is {alpha}, must be >= 0")
        super().__init__(prefix=prefix, params=params)
        self._alpha = alpha

    def hybrid_forward(self, F, x):
        return F.LeakyReLU(x, act_type="leaky", slope=self._alpha, name="fwd")

    def __repr__(self):
        return f"LeakyReLU({self._alpha})"


class PReLU(HybridBlock):
    """``x`` where positive, else ``alpha x`` with learnt alpha, one or one for each channel.

    He, Zhang, Ren, Sun: Delving deep into rectifiers (2015).

    Parameters
    ----------
    alpha_initializer : Initializer, optional
        Default 0.25.
    in_channels : int
        Number of slopes: 1, or that of the channels (axis 1).
    """

    def __init__(self, alpha_initializer=None, in_channels=1, prefix=None, params=None):
        super().__init__(prefix=prefix, params=params)
        init = initializer.Constant(0.25) if alpha_initializer is None else alpha_initializer
        with self.name_scope():
            self.alpha = self.params.get("alpha", shape=(in_channels,), init=init)

    def hybrid_forward(self, F, x, alpha):
        return F.LeakyReLU(x, alpha, act_type="prelu", name="fwd")


class ELU(HybridBlock):
    """``x`` where positive, else ``alpha (exp(x) - 1)``.

    Clevert, Unterthiner, Hochreiter: Exponential linear units (2015).
    """

    def __init__(self, alpha=1.0, prefix=None, params=None):
        super().__init__(prefix=prefix, params=params)
        self._alpha = alpha

    def hybrid_forward(self, F, x):
        return F.LeakyReLU(x, act_type="elu", slope=self._alpha)


class SELU(HybridBlock):
    """`ELU` scaled so that activations keep mean 0 and variance 1.

    Klambauer, Unterthiner, Mayr, Hochreiter: Self-normalizing neural networks (2017).
    """

    def hybrid_forward(self, F, x):
        return F.LeakyReLU(x, act_type="selu", name="fwd")


class GELU(HybridBlock):
    """``x`` times the normal distribution function of x.

    Hendrycks, Gimpel: Gaussian error linear units (2016).

    Parameters
    ----------
    approximation : {'erf', 'tanh'}
        Exact, or by a hyperbolic tangent.
    """

    def __init__(self, approximation="erf", prefix=None, params=None):
        if approximation not in ("erf", "tanh"):
            raise ValueError(f"GELU: approximation is {approximation!r}, must be 'erf' or 'tanh'")
        super().__init__(prefix=prefix, params=params)
        self._approximation = approximation

    def hybrid_forward(self, F, x):
        if self._approximation == "erf":
            return F.LeakyReLU(x, act_type="gelu", name="fwd")
        return 0.5 * x * (1 + F.tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))


class Swish(HybridBlock):
    """``x * sigmoid(beta x)``.

    Ramachandran, Zoph, Le: Searching for activation functions (2017).
    """

    def __init__(self, beta=1.0, prefix=None, params=None):
        super().__init__(prefix=prefix, params=params)
        self._beta = beta

    def hybrid_forward(self, F, x):
        return x * F.sigmoid(self._beta * x)


class SiLU(Swish):
    """``x * sigmoid(x)``."""

    def __init__(self, prefix=None, params=None):
        super().__init__(1.0, prefix, params)
