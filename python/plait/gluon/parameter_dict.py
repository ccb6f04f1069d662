"""Parameters by name."""

import re
from collections import OrderedDict

from .. import ndarray
from ..base import dtype_name
from ..files import replacing
from .parameter import Constant, Parameter

__all__ = ["ParameterDict"]


class ParameterDict:
    """Ordered dictionary of parameters whose names start with one prefix.

    Parameters
    ----------
    prefix : str
        Put before the names given to `get`.
    shared : ParameterDict, optional
        `get` looks here for existing parameters first.
    """

    def __init__(self, prefix="", shared=None):
        self._prefix = prefix
        self._params = OrderedDict()
        self._shared = shared

    def __repr__(self):
        body = "\n".join(f"  {param!r}" for param in self.values())
        return f"{self._prefix} (\n{body}\n)" if self._prefix else f"(\n{body}\n)"

    def __getitem__(self, key):
        return self._params[key]

    def __iter__(self):
        return iter(self._params)

    def __len__(self):
        return len(self._params)

    def __contains__(self, key):
        return key in self._params

    def items(self):
        """(name, Parameter) pairs."""
        return self._params.items()

    def keys(self):
        """Full names."""
        return self._params.keys()

    def values(self):
        """Parameters."""
        return self._params.values()

    @property
    def prefix(self):
        """str: put before the names given to `get`."""
        return self._prefix

    def _find(self, name):
        if name in self._params:
            return self._params[name]
        if self._shared is not None and name in self._shared._params:
            self._params[name] = self._shared._params[name]
            return self._params[name]
        return None

    def get(self, name, **kwargs):
        """The parameter ``prefix + name``, made with `kwargs` if it does not exist.

        Raises
        ------
        ValueError
            If it exists and differs from `kwargs`.
        """
        name = self._prefix + name
        param = self._find(name)
        if param is None:
            param = self._params[name] = Parameter(name, **kwargs)
            return param
        for key, value in kwargs.items():
            self._agree(param, key, value)
        return param

    @staticmethod
    def _agree(param, key, value):
        current = getattr(param, key, None)
        if current is None:
            setattr(param, key, value)
        elif key == "shape" and value is not None:
            param.shape = (value,) if isinstance(value, int) else value
        elif key == "dtype":
            if dtype_name(value) != dtype_name(current):
                raise ValueError(
                    f"parameter {param.name}: dtype is {value}, must be {current} "
                    "as where it is shared"
                )
        elif value is not None and value != current and key not in ("init",):
            raise ValueError(
                f"parameter {param.name}: {key} is {value!r}, must be {current!r} "
                "as where it is shared"
            )

    def get_constant(self, name, value=None):
        """The Constant ``prefix + name``, made from the array `value` if it does not exist."""
        name = self._prefix + name
        param = self._find(name)
        if param is None:
            if value is None:
                raise KeyError(f"constant {name}: not known, must be given a value")
            param = self._params[name] = Constant(name, value)
        elif not isinstance(param, Constant):
            raise ValueError(f"parameter {name}: is a Parameter, must be a Constant")
        return param

    def update(self, other):
        """Take in all parameters of another ParameterDict.

        Raises
        ------
        ValueError
            If a name is in both with different parameters.
        """
        for name, param in other.items():
            if self._params.get(name, param) is not param:
                raise ValueError(f"parameter {name}: is in both dictionaries, must be the same")
        self._params.update(other.items())

    def initialize(self, init=None, ctx=None, verbose=False, force_reinit=False):
        """Initialise all parameters; see `Parameter.initialize`."""
        from .. import initializer

        init = initializer.create(init) if init is not None else initializer.Uniform()
        if verbose:
            init.set_verbosity(verbose=verbose)
        for param in self.values():
            param.initialize(None, ctx, init, force_reinit=force_reinit)

    def zero_grad(self):
        """Set all gradients to 0."""
        for param in self.values():
            param.zero_grad()

    def reset_ctx(self, ctx):
        """Move all parameters to one or more devices."""
        for param in self.values():
            param.reset_ctx(ctx)

    reset_device = reset_ctx

    def list_ctx(self):
        """list of Context: devices that hold any of the parameters."""
        found = {}
        for param in self.values():
            found.update(dict.fromkeys(param.list_ctx()))
        return list(found)

    def setattr(self, name, value):
        """Set attribute `name` of every parameter, e.g. ``setattr('grad_req', 'null')``."""
        for param in self.values():
            setattr(param, name, value)

    def save(self, filename, strip_prefix=""):
        """Write all arrays to a file in MXNet's format, names without `strip_prefix`.

        Raises
        ------
        ValueError
            If a name does not start with `strip_prefix`.
        """
        arrays = {}
        for param in self.values():
            if not param.name.startswith(strip_prefix):
                raise ValueError(
                    f"parameter {param.name}: must start with {strip_prefix!r} "
                    "to be saved with strip_prefix"
                )
            arrays[param.name[len(strip_prefix) :]] = param._reduce()
        with replacing(filename) as partial:
            ndarray.save(partial, arrays)

    def load(
        self,
        filename,
        ctx=None,
        allow_missing=False,
        ignore_extra=False,
        restore_prefix="",
        cast_dtype=False,
        dtype_source="current",
    ):
        """Read arrays from a file that `save` or `HybridBlock.export` wrote.

        Parameters
        ----------
        filename : str
        ctx : Context or list of Context, optional
            Devices; default those the parameters were initialised on, else the CPU.
        allow_missing, ignore_extra : bool
            Whether parameters may lack in the file, and the file may have others.
        restore_prefix : str
            Put before the names in the file.
        cast_dtype : bool
            Whether dtypes may differ; they become that of the parameter, or of the file with
            ``dtype_source='saved'``.

        Raises
        ------
        KeyError
            If names do not match; the message lists them.
        """
        self.load_dict(
            ndarray.load(filename),
            ctx,
            allow_missing,
            ignore_extra,
            restore_prefix,
            filename,
            cast_dtype,
            dtype_source,
        )

    def load_dict(
        self,
        param_dict,
        ctx=None,
        allow_missing=False,
        ignore_extra=False,
        restore_prefix="",
        filename=None,
        cast_dtype=False,
        dtype_source="current",
    ):
        """As `load`, from a dict of str to NDArray."""
        where = f"{filename}: " if filename else ""
        if not isinstance(param_dict, dict):
            raise ValueError(f"load: {where}arrays have no names, must have")
        arrays = {restore_prefix + re.sub("^(arg|aux):", "", k): v for k, v in param_dict.items()}
        missing = [name for name in self.keys() if name not in arrays]
        if missing and not allow_missing:
            raise KeyError(
                f"load: {where}lacks {_some(missing)}\n"
                f"  hint: it has {_some(arrays)}; allow_missing=True ignores it"
            )
        extra = [name for name in arrays if name not in self._params]
        if extra and not ignore_extra:
            raise KeyError(
                f"load: {where}has {_some(extra)}, which are not parameters here\n"
                f"  hint: here are {_some(self.keys())}; ignore_extra=True ignores it"
            )
        for name, param in self.items():
            if name in arrays:
                param._load_init(arrays[name], ctx, cast_dtype, dtype_source)


def _some(names, limit=10):
    names = list(names)
    more = f", ... ({len(names)} in all)" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
