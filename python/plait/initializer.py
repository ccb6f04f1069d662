"""Ways to fill the parameters of a model before training."""

import json
import logging
import math
import re

import numpy as np

from . import registry
from .ndarray import empty, random

__all__ = [
    "InitDesc",
    "Initializer",
    "register",
    "create",
    "alias",
    "Load",
    "Mixed",
    "Zero",
    "One",
    "Constant",
    "Uniform",
    "Normal",
    "Orthogonal",
    "Xavier",
    "MSRAPrelu",
    "Bilinear",
    "LSTMBias",
    "FusedRNN",
]


class InitDesc(str):
    """Name of an array to fill, with the attributes of its variable.

    Parameters
    ----------
    name : str
        Name of the array.
    attrs : dict of str to str, optional
        Its attributes; ``__init__`` overrides the initializer.
    global_init : Initializer, optional
        Initializer of the whole model.
    """

    def __new__(cls, name, attrs=None, global_init=None):
        desc = super().__new__(cls, name)
        desc.attrs = attrs or {}
        desc.global_init = global_init
        return desc


class Initializer:
    """Fills arrays, by the role that the end of their name tells.

    Subclasses define ``_init_weight(name, array)``. Arrays named ``*bias``, ``*beta`` and
    ``*mean`` start at 0, ``*gamma`` and ``*var`` at 1.

    Examples
    --------
    >>> w = mx.nd.empty((2, 2))
    >>> mx.init.Constant(3)("fc_weight", w)
    """

    _by_suffix = (
        ("weight", "_init_weight"),
        ("bias", "_init_bias"),
        ("gamma", "_init_gamma"),
        ("beta", "_init_beta"),
        ("min", "_init_zero"),
        ("max", "_init_one"),
        ("moving_mean", "_init_zero"),
        ("running_mean", "_init_zero"),
        ("moving_var", "_init_one"),
        ("running_var", "_init_one"),
        ("moving_inv_var", "_init_zero"),
        ("moving_avg", "_init_zero"),
        ("parameters", "_init_weight"),
        ("state", "_init_zero"),
        ("state_cell", "_init_zero"),
    )

    def __init__(self, **kwargs):
        self._kwargs = kwargs
        self._verbose = False
        self._print = None

    def set_verbosity(self, verbose=False, print_func=None):
        """Log each array after it is filled; `print_func` maps an array to text.

        By default that is its 2-norm over the square root of its size.
        """
        self._verbose = verbose
        self._print = print_func or (lambda x: str(x.norm().asscalar() / math.sqrt(x.size)))
        return self

    def dumps(self):
        """str: JSON of name and arguments, as `create` reads it."""
        return json.dumps([type(self).__name__.lower(), self._kwargs])

    def __call__(self, desc, arr):
        """Fill `arr` in place.

        Parameters
        ----------
        desc : InitDesc or str
            Name of the array, which tells its role.
        arr : NDArray
            Array to fill.

        Raises
        ------
        ValueError
            If the role cannot be told from the name.
        """
        own = desc.attrs.get("__init__") if isinstance(desc, InitDesc) else None
        if own:
            chosen = create(own)
            chosen._init_weight(desc, arr)
        else:
            chosen = self
            self._init_by_name(desc, arr)
        if self._verbose:
            logging.info("Initialized %s as %s: %s", desc, type(chosen).__name__, self._print(arr))

    def _init_by_name(self, name, arr):
        lower = name.lower()
        if lower.startswith("upsampling"):
            return Bilinear()._init_weight(name, arr)
        for suffix, method in self._by_suffix:
            if lower.endswith(suffix):
                return getattr(self, method)(name, arr)
        return self._init_default(name, arr)

    def _init_weight(self, name, arr):
        raise NotImplementedError(f"init: {type(self).__name__} must define _init_weight")

    def _init_default(self, name, arr):
        suffixes = ", ".join(suffix for suffix, _ in self._by_suffix)
        raise ValueError(
            f"init: name is {name!r}, must end in one of {suffixes}\n"
            "  hint: use mx.sym.Variable(init=mx.init.*) to choose an initializer"
        )

    def _init_zero(self, name, arr):
        arr[:] = 0

    def _init_one(self, name, arr):
        arr[:] = 1

    _init_bias = _init_beta = _init_zero
    _init_gamma = _init_one

    def __eq__(self, other):
        return type(self) is type(other) and self._kwargs == other._kwargs

    __hash__ = object.__hash__

    def __repr__(self):
        args = ", ".join(f"{k}={v!r}" for k, v in self._kwargs.items())
        return f"{type(self).__name__}({args})"


register = registry.get_register_func(Initializer, "init")
alias = registry.get_alias_func(Initializer, "init")
_create = registry.get_create_func(Initializer, "init")


def create(init, *args, **kwargs):
    """An initializer from an object, a name such as ``"xavier"``, or what `dumps` wrote.

    Raises
    ------
    ValueError
        If the name is unknown.
    """
    return _create(init, *args, **kwargs) if isinstance(init, str) else init


@register
class Load(Initializer):
    """Takes arrays from a file or dict by name, and the rest from another initializer.

    Parameters
    ----------
    param : str or dict of str to NDArray
        File of parameters, or the arrays; prefixes ``arg:`` and ``aux:`` are ignored.
    default_init : Initializer, optional
        For names that `param` has not.
    verbose : bool
        Whether to log where each array comes from.
    """

    def __init__(self, param, default_init=None, verbose=False):
        if isinstance(param, str):
            from .ndarray import load

            param = load(param)
        self.param = {k[4:] if k.startswith(("arg:", "aux:")) else k: v for k, v in param.items()}
        self.default_init = default_init
        self.verbose = verbose

    def __call__(self, name, arr):
        source = self.param.get(name)
        if source is not None:
            if source.shape != arr.shape:
                raise ValueError(
                    f"init: {name} has shape {source.shape} in the file, must be {arr.shape}"
                )
            arr[:] = source
        elif self.default_init is not None:
            self.default_init(name, arr)
        else:
            raise ValueError(f"init: {name} is not in the file, must be there without default_init")
        if self.verbose:
            logging.info("Initialized %s from %s", name, "default" if source is None else "file")

    _init_weight = __call__


@register
class Mixed(Initializer):
    """The first initializer whose pattern matches the name.

    Parameters
    ----------
    patterns : list of str
        Regular expressions, matched from the start of the name.
    initializers : list of Initializer
        One for each pattern.
    """

    def __init__(self, patterns, initializers):
        if len(patterns) != len(initializers):
            raise ValueError(
                f"Mixed: patterns has {len(patterns)} entries, must have "
                f"{len(initializers)} as initializers"
            )
        self.map = [(re.compile(p), create(i)) for p, i in zip(patterns, initializers, strict=True)]

    def __call__(self, name, arr):
        for pattern, init in self.map:
            if pattern.match(name):
                return init(name, arr)
        raise ValueError(
            f"Mixed: name is {name!r}, must match a pattern\n"
            "  hint: add the pattern '.*' at the end"
        )

    _init_weight = __call__


@register
@alias("zeros")
class Zero(Initializer):
    """All 0."""

    def _init_weight(self, name, arr):
        arr[:] = 0


@register
@alias("ones")
class One(Initializer):
    """All 1."""

    def _init_weight(self, name, arr):
        arr[:] = 1


@register
class Constant(Initializer):
    """All `value`: a number, or an array of the shape of the parameter."""

    def __init__(self, value):
        super().__init__(value=value)
        self.value = value

    def _init_weight(self, name, arr):
        arr[:] = self.value

    def dumps(self):
        value = self.value.tolist() if isinstance(self.value, np.ndarray) else self.value
        value = value.asnumpy().tolist() if hasattr(value, "asnumpy") else value
        return json.dumps(["constant", {"value": value}])

    def __eq__(self, other):
        return type(self) is type(other) and np.array_equal(_numpy(self.value), _numpy(other.value))

    __hash__ = object.__hash__


def _numpy(value):
    return value.asnumpy() if hasattr(value, "asnumpy") else np.asarray(value)


@register
class Uniform(Initializer):
    """Uniform in [-scale, scale)."""

    def __init__(self, scale=0.07):
        super().__init__(scale=scale)
        self.scale = scale

    def _init_weight(self, name, arr):
        random.uniform(-self.scale, self.scale, out=arr)


@register
class Normal(Initializer):
    """Normal with mean 0 and standard deviation `sigma`."""

    def __init__(self, sigma=0.01):
        super().__init__(sigma=sigma)
        self.sigma = sigma

    def _init_weight(self, name, arr):
        random.normal(0, self.sigma, out=arr)


@register
class Orthogonal(Initializer):
    """Rows (or columns, if there are more rows) that are orthogonal and of length `scale`.

    Saxe, McClelland, Ganguli: Exact solutions to the nonlinear dynamics of learning (2013).
    """

    def __init__(self, scale=1.414, rand_type="uniform"):
        if rand_type not in ("uniform", "normal"):
            raise ValueError(
                f"Orthogonal: rand_type is {rand_type!r}, must be 'uniform' or 'normal'"
            )
        super().__init__(scale=scale, rand_type=rand_type)
        self.scale = scale
        self.rand_type = rand_type

    def _init_weight(self, name, arr):
        shape = (arr.shape[0], int(np.prod(arr.shape[1:])))
        draw = random.uniform if self.rand_type == "uniform" else random.normal
        matrix = draw(-1.0 if self.rand_type == "uniform" else 0.0, 1.0, shape=shape).asnumpy()
        u, _, v = np.linalg.svd(matrix, full_matrices=False)
        basis = u if u.shape == shape else v
        arr[:] = (self.scale * basis).reshape(arr.shape)


@register
class Xavier(Initializer):
    """Random, of variance ``magnitude / fan`` (normal) or range its square root (uniform).

    Parameters
    ----------
    rnd_type : {'uniform', 'gaussian'}
        Distribution.
    factor_type : {'avg', 'in', 'out'}
        What fan is: mean of fan-in and fan-out, or one of them.
    magnitude : float
        Scale of the variance; no unit.

    Notes
    -----
    Glorot, Bengio: Understanding the difficulty of training deep feedforward networks (2010).
    """

    def __init__(self, rnd_type="uniform", factor_type="avg", magnitude=3):
        super().__init__(rnd_type=rnd_type, factor_type=factor_type, magnitude=magnitude)
        if rnd_type not in ("uniform", "gaussian"):
            raise ValueError(f"Xavier: rnd_type is {rnd_type!r}, must be 'uniform' or 'gaussian'")
        if factor_type not in ("avg", "in", "out"):
            raise ValueError(
                f"Xavier: factor_type is {factor_type!r}, must be 'avg', 'in' or 'out'"
            )
        self.rnd_type = rnd_type
        self.factor_type = factor_type
        self.magnitude = float(magnitude)

    def _init_weight(self, name, arr):
        shape = arr.shape
        if len(shape) < 2:
            raise ValueError(f"Xavier: {name} has shape {shape}, must have two or more dimensions")
        window = float(np.prod(shape[2:]))
        fan_in, fan_out = shape[1] * window, shape[0] * window
        fan = {"avg": (fan_in + fan_out) / 2, "in": fan_in, "out": fan_out}[self.factor_type]
        scale = math.sqrt(self.magnitude / fan) if fan else 0.0
        if self.rnd_type == "uniform":
            random.uniform(-scale, scale, out=arr)
        else:
            random.normal(0, scale, out=arr)


@register
class MSRAPrelu(Xavier):
    """Normal, scaled for layers followed by a leaky rectifier of `slope`.

    He, Zhang, Ren, Sun: Delving deep into rectifiers (2015).
    """

    def __init__(self, factor_type="avg", slope=0.25):
        super().__init__("gaussian", factor_type, 2.0 / (1 + slope**2))
        self._kwargs = {"factor_type": factor_type, "slope": slope}


@register
class Bilinear(Initializer):
    """Weights of a transposed convolution that interpolates linearly."""

    def _init_weight(self, name, arr):
        height, width = arr.shape[2:]
        half = math.ceil(width / 2)
        centre = (2 * half - 1 - half % 2) / (2 * half)
        rows = 1 - np.abs(np.arange(height) / half - centre)
        columns = 1 - np.abs(np.arange(width) / half - centre)
        arr[:] = np.broadcast_to(np.outer(rows, columns), arr.shape).astype("float32")


@register
class LSTMBias(Initializer):
    """Bias of an LSTM cell: 0, and `forget_bias` for the forget gate (the second quarter)."""

    def __init__(self, forget_bias=1.0):
        super().__init__(forget_bias=forget_bias)
        self.forget_bias = forget_bias

    def _init_weight(self, name, arr):
        hidden = arr.shape[0] // 4
        arr[:] = 0
        arr[hidden : 2 * hidden] = self.forget_bias

    _init_bias = _init_weight


@register
class FusedRNN(Initializer):
    """The one vector of parameters of the operator RNN: weights by `init`, biases 0.

    Parameters
    ----------
    init : Initializer or str, optional
        For the matrices; default that of the whole model.
    num_hidden, num_layers : int
    mode : {'rnn_relu', 'rnn_tanh', 'lstm', 'gru'}
    bidirectional : bool
    forget_bias : float
        Bias of the forget gate of an LSTM, in the input's and the state's bias each.
    """

    def __init__(self, init, num_hidden, num_layers, mode, bidirectional=False, forget_bias=1.0):
        gates = {"rnn_relu": 1, "rnn_tanh": 1, "lstm": 4, "gru": 3}
        if mode not in gates:
            raise ValueError(f"FusedRNN: mode is {mode!r}, must be one of {sorted(gates)}")
        init = create(init) if init is not None else None
        super().__init__(
            init=init.dumps() if init is not None else None,
            num_hidden=num_hidden,
            num_layers=num_layers,
            mode=mode,
            bidirectional=bidirectional,
            forget_bias=forget_bias,
        )
        self._init, self._hidden, self._layers = init, num_hidden, num_layers
        self._mode, self._gates = mode, gates[mode]
        self._directions = 2 if bidirectional else 1
        self._forget_bias = forget_bias

    def _init_weight(self, name, arr):
        hidden, rows = self._hidden, self._gates * self._hidden
        units = self._layers * self._directions
        upper = (self._layers - 1) * self._directions * rows * (hidden * self._directions + hidden)
        first = arr.size - upper - 2 * units * rows - self._directions * rows * hidden
        width, rest = divmod(first, self._directions * rows)
        if rest or width < 1:
            raise ValueError(f"FusedRNN: {name} has {arr.size} elements, which fit no input size")
        init = self._init or getattr(name, "global_init", None) or Uniform()
        values, at = np.zeros(arr.size, "float32"), 0
        for layer in range(self._layers):
            inputs = width if layer == 0 else hidden * self._directions
            for _ in range(self._directions):
                for columns in (inputs, hidden):
                    matrix = empty((rows, columns))
                    init(InitDesc("weight"), matrix)
                    values[at : at + matrix.size] = matrix.asnumpy().ravel()
                    at += matrix.size
        if self._mode == "lstm":
            biases = values[at:].reshape(-1, self._gates, hidden)
            biases[:, 1] = self._forget_bias
        arr[:] = values.reshape(arr.shape)
