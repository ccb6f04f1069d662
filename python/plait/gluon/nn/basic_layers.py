"""Containers and the common layers."""

from ... import ndarray, symbol
from ..block import Block
from ..hybrid_block import HybridBlock

__all__ = [
    "Sequential",
    "HybridSequential",
    "Concurrent",
    "HybridConcurrent",
    "Identity",
    "Dense",
    "Dropout",
    "BatchNorm",
    "Embedding",
    "Flatten",
    "Activation",
    "Swish",
    "SiLU",
    "Lambda",
    "HybridLambda",
]


class _Container:
    """What the containers share: children by number."""

    def add(self, *blocks):
        """Append blocks."""
        for block in blocks:
            self.register_child(block)

    def __len__(self):
        return len(self._children)

    def __iter__(self):
        return iter(self._children.values())

    def __getitem__(self, key):
        layers = list(self._children.values())[key]
        if isinstance(layers, list):
            part = type(self)(prefix=self._prefix)
            with part.name_scope():
                part.add(*layers)
            return part
        return layers

    def forward(self, x, *args):
        """Apply the children one after the other."""
        for block in self._children.values():
            x = block(x, *args)
            args = ()
            if isinstance(x, (tuple, list)):
                x, args = x[0], tuple(x[1:])
        return (x, *args) if args else x


class Sequential(_Container, Block):
    """Blocks applied one after the other.

    Examples
    --------
    >>> net = nn.Sequential()
    >>> net.add(nn.Dense(10, activation="relu"), nn.Dense(20))
    """


class HybridSequential(_Container, HybridBlock):
    """Hybrid blocks applied one after the other; compiled as a whole."""


class Concurrent(Sequential):
    """Blocks applied to the same input; outputs are joined along `axis`."""

    def __init__(self, axis=-1, prefix=None, params=None):
        super().__init__(prefix=prefix, params=params)
        self.axis = axis

    def forward(self, x):
        """Join the outputs of the children."""
        return ndarray.concat(*[block(x) for block in self._children.values()], dim=self.axis)


class HybridConcurrent(HybridSequential):
    """Hybrid blocks applied to the same input; outputs are joined along `axis`."""

    def __init__(self, axis=-1, prefix=None, params=None):
        super().__init__(prefix=prefix, params=params)
        self.axis = axis

    def forward(self, x):
        """Join the outputs of the children."""
        F = symbol if self._is_symbolic((x,)) else ndarray
        return F.concat(*[block(x) for block in self._children.values()], dim=self.axis)


class Identity(HybridBlock):
    """Gives its input back."""

    def hybrid_forward(self, F, x):
        return F.identity(x)


class Dense(HybridBlock):
    """``activation(x W^T + b)``: (n, *) to (n, units), or (..., k) to (..., units).

    Parameters
    ----------
    units : int
        Size of the output.
    activation : str, optional
        As in `Activation`.
    use_bias : bool
    flatten : bool
        Whether all axes but the first are joined; else only the last axis is mapped.
    dtype : str
    weight_initializer, bias_initializer : Initializer or str, optional
    in_units : int
        Size of the input; 0: told by the first forward pass.
    """

    def __init__(
        self,
        units,
        activation=None,
        use_bias=True,
        flatten=True,
        dtype="float32",
        weight_initializer=None,
        bias_initializer="zeros",
        in_units=0,
        prefix=None,
        params=None,
    ):
        super().__init__(prefix=prefix, params=params)
        self._units, self._in_units, self._join = units, in_units, flatten
        with self.name_scope():
            self.weight = self.params.get(
                "weight",
                shape=(units, in_units),
                dtype=dtype,
                init=weight_initializer,
                allow_deferred_init=True,
            )
            self.bias = (
                self.params.get(
                    "bias",
                    shape=(units,),
                    dtype=dtype,
                    init=bias_initializer,
                    allow_deferred_init=True,
                )
                if use_bias
                else None
            )
            self.act = Activation(activation, prefix=activation + "_") if activation else None

    def hybrid_forward(self, F, x, weight, bias=None):
        out = F.FullyConnected(
            x,
            weight,
            bias,
            num_hidden=self._units,
            no_bias=bias is None,
            flatten=self._join,
            name="fwd",
        )
        return out if self.act is None else self.act(out)

    def __repr__(self):
        act = self.act if self.act is not None else "linear"
        shape = self.weight.shape
        return f"Dense({shape[1] or None} -> {shape[0]}, {act})"


class Activation(HybridBlock):
    """Elementwise function: 'relu', 'sigmoid', 'tanh', 'softrelu' or 'softsign'."""

    def __init__(self, activation, prefix=None, params=None):
        self._act_type = activation
        super().__init__(prefix=prefix, params=params)

    def hybrid_forward(self, F, x):
        return F.Activation(x, act_type=self._act_type, name="fwd")

    def __repr__(self):
        return f"Activation({self._act_type})"


class Dropout(HybridBlock):
    """In training, sets a share `rate` of the elements to 0 and scales the others up.

    `axes` lists the axes along which the choice is the same.
    """

    def __init__(self, rate, axes=(), prefix=None, params=None):
        super().__init__(prefix=prefix, params=params)
        self._rate, self._axes = rate, axes

    def hybrid_forward(self, F, x):
        if self._rate <= 0:
            return F.identity(x)
        return F.Dropout(x, p=self._rate, axes=self._axes, name="fwd")

    def __repr__(self):
        return f"Dropout(p = {self._rate}, axes={self._axes})"


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


class Embedding(HybridBlock):
    """Rows of a learnt table: integers of any shape to (..., output_dim)."""

    def __init__(
        self,
        input_dim,
        output_dim,
        dtype="float32",
        weight_initializer=None,
        sparse_grad=False,
        prefix=None,
        params=None,
    ):
        super().__init__(prefix=prefix, params=params)
        self._kwargs = {"input_dim": input_dim, "output_dim": output_dim, "dtype": dtype}
        self.weight = self.params.get(
            "weight",
            shape=(input_dim, output_dim),
            dtype=dtype,
            init=weight_initializer,
            allow_deferred_init=True,
            grad_stype="row_sparse" if sparse_grad else "default",
        )

    def hybrid_forward(self, F, x, weight):
        return F.Embedding(x, weight, name="fwd", **self._kwargs)

    def __repr__(self):
        return "Embedding({input_dim} -> {output_dim}, {dtype})".format(**self._kwargs)


class Flatten(HybridBlock):
    """(n, ...) to (n, the product of the rest)."""

    def hybrid_forward(self, F, x):
        return F.Flatten(x)

    def __repr__(self):
        return "Flatten"


class Swish(HybridBlock):
    """``x * sigmoid(beta x)``. Ramachandran, Zoph, Le: Searching for activation functions (2017)."""

    def __init__(self, beta=1.0, prefix=None, params=None):
        super().__init__(prefix=prefix, params=params)
        self._beta = beta

    def hybrid_forward(self, F, x):
        return x * F.sigmoid(self._beta * x)


class SiLU(Swish):
    """``x * sigmoid(x)``."""

    def __init__(self, prefix=None, params=None):
        super().__init__(1.0, prefix, params)


def _lookup(function, *modules):
    if callable(function):
        return function
    for module in modules:
        if not hasattr(module, function):
            raise ValueError(f"Lambda: function is {function!r}, must be an operator")
    return None


class Lambda(Block):
    """A function, or an operator of mx.nd by name, as a block."""

    def __init__(self, function, prefix=None):
        super().__init__(prefix=prefix)
        self._function = _lookup(function, ndarray) or getattr(ndarray, function)

    def forward(self, *args):
        """Call the function."""
        return self._function(*args)


class HybridLambda(HybridBlock):
    """A function ``f(F, x, ...)``, or an operator by name, as a hybrid block."""

    def __init__(self, function, prefix=None):
        super().__init__(prefix=prefix)
        self._function = _lookup(function, ndarray, symbol)
        self._operator = function

    def hybrid_forward(self, F, x, *args):
        if self._function is None:
            return getattr(F, self._operator)(x, *args)
        return self._function(F, x, *args)
