"""Blocks: layers and models as objects that own parameters and other blocks."""

import json
import re
import threading
from collections import OrderedDict

from .. import initializer
from ..files import replacing
from ..name import NameManager, Prefix
from ..nests import flatten
from .formats import load_arrays, save_arrays
from .parameter import Parameter
from .parameter_dict import ParameterDict
from .summary import summarize

__all__ = ["Block"]


def _flatten(args, inout_str=None):
    """What nested lists hold, and their structure. MXNet's name, which packages on it use."""
    leaves = []
    return leaves, flatten(args, leaves)


class _Scope:
    """Names the blocks made inside ``with block.name_scope()``.

    Holds what the names need and not the block: a block that nobody uses is freed at once, with
    its arrays, and does not wait for the garbage collector.
    """

    _current = threading.local()

    def __init__(self, prefix, params, transparent):
        self._prefix, self._params = prefix, params
        self._transparent = transparent  # a block with the prefix "" names nothing
        self._counter = {}
        self._outer = []

    @classmethod
    def create(cls, prefix, params, hint):
        """Prefix and parameters of a new block."""
        scope = getattr(cls._current, "value", None)
        if scope is None:
            if prefix is None:
                prefix = NameManager.current.get(None, hint) + "_"
            outer, shared = "", None
        else:
            if prefix is None:
                count = scope._counter.get(hint, 0)
                scope._counter[hint] = count + 1
                prefix = f"{hint}{count}_"
            outer, shared = scope._params.prefix, scope._params._shared
        if params is None:
            params = ParameterDict(outer + prefix, shared)
        else:
            params = ParameterDict(params.prefix, params)
        return (scope._prefix if scope else "") + prefix, params

    def __enter__(self):
        if self._transparent:
            return self
        names = Prefix(self._prefix)
        self._outer.append((getattr(self._current, "value", None), names))
        _Scope._current.value = self
        names.__enter__()
        return self

    def __exit__(self, *exc):
        if self._transparent:
            return
        outer, names = self._outer.pop()
        names.__exit__(*exc)
        _Scope._current.value = outer


class _Handle:
    """Removes a hook: ``handle.detach()``, or at the end of a ``with``."""

    def __init__(self, hooks, hook):
        self._hooks = hooks
        self.id = id(hook)
        hooks[self.id] = hook

    def detach(self):
        self._hooks.pop(self.id, None)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.detach()


class Block:
    """Base of layers and models; subclasses define ``forward``.

    Blocks and parameters that are assigned to attributes are found by `collect_params`,
    `initialize`, `save_parameters` and the like.

    Parameters
    ----------
    prefix : str, optional
        Start of the names of the parameters; default from the class and a counter.
    params : ParameterDict, optional
        Parameters to share.

    Examples
    --------
    >>> class Twice(mx.gluon.Block):
    ...     def forward(self, x):
    ...         return 2 * x
    """

    def __init__(self, prefix=None, params=None):
        transparent = prefix == ""
        self._prefix, self._params = _Scope.create(prefix, params, self._alias())
        self._name = self._prefix.removesuffix("_")
        self._scope = _Scope(self._prefix, self._params, transparent)
        self._children = OrderedDict()
        self._reg_params = {}
        self._forward_hooks = OrderedDict()
        self._forward_pre_hooks = OrderedDict()

    def _alias(self):
        """Start of the default prefix; a counter follows."""
        return type(self).__name__.lower()

    def __repr__(self):
        lines = "\n".join(
            f"  ({name}): " + repr(child).replace("\n", "\n  ")
            for name, child in self._children.items()
        )
        return f"{type(self).__name__}(\n{lines}\n)"

    def __setattr__(self, name, value):
        current = self.__dict__.get(name)
        if (
            isinstance(current, (Block, Parameter))
            and not isinstance(value, type(current))
            and not isinstance(current, type(value))
        ):
            raise TypeError(
                f"{self._name}: {name} is {type(value).__name__}, "
                f"must be {type(current).__name__} as before"
            )
        if isinstance(value, Block):
            self.register_child(value, name)
        elif isinstance(value, Parameter):
            known = self._reg_params.get(name, value)
            if known is not value:
                raise ValueError(
                    f"{self._name}: {name} is a parameter already, must not be "
                    "replaced\n  hint: share parameters with params="
                )
            self._reg_params[name] = value
        super().__setattr__(name, value)

    # --- names and parameters -------------------------------------------------------------------

    @property
    def prefix(self):
        """str: start of the names of the parameters."""
        return self._prefix

    @property
    def name(self):
        """str: the prefix without the last underscore."""
        return self._name

    @property
    def params(self):
        """ParameterDict: parameters of this block without its children."""
        return self._params

    def name_scope(self):
        """Context manager in which new blocks get names below this one."""
        return self._scope

    def collect_params(self, select=None):
        """Parameters of this block and all below.

        Parameters
        ----------
        select : str, optional
            Regular expression, matched from the start of the full names.
        """
        found = ParameterDict(self._params.prefix)
        pattern = re.compile(select) if select else None
        for block in self._walk():
            own = list(block._params.items())
            own += [(p.name, p) for p in block._reg_params.values() if p.name not in block._params]
            found.update({n: p for n, p in own if pattern is None or pattern.match(n)})
        return found

    def _walk(self):
        yield self
        for child in self._children.values():
            yield from child._walk()

    def _collect_params_with_prefix(self, prefix=""):
        """Parameters by structural name, such as ``0.weight``."""
        prefix = prefix + "." if prefix else ""
        found = {prefix + name: param for name, param in self._reg_params.items()}
        for name, child in self._children.items():
            found.update(child._collect_params_with_prefix(prefix + name))
        return found

    def register_child(self, block, name=None):
        """Add `block` below this one, under `name` or the next number."""
        self._children[str(len(self._children)) if name is None else name] = block

    def register_forward_pre_hook(self, hook):
        """Call ``hook(block, inputs)`` before each forward; returns a handle with ``detach``."""
        return _Handle(self._forward_pre_hooks, hook)

    def register_forward_hook(self, hook):
        """Call ``hook(block, inputs, outputs)`` after each forward; returns a handle."""
        return _Handle(self._forward_hooks, hook)

    def register_op_hook(self, callback, monitor_all=False):
        """See `HybridBlock.register_op_hook`; for all hybrid blocks below."""
        for child in self._children.values():
            child.register_op_hook(callback, monitor_all)

    def apply(self, fn):
        """Call ``fn(block)`` for all blocks below and this one; returns this block."""
        for child in self._children.values():
            child.apply(fn)
        fn(self)
        return self

    def initialize(self, init=None, ctx=None, verbose=False, force_reinit=False):
        """Initialise all parameters.

        Parameters
        ----------
        init : Initializer or str, optional
            For parameters without their own; default Uniform().
        ctx : Context or list of Context, optional
            Devices; default the current context.
        verbose : bool
            Whether to log each parameter.
        force_reinit : bool
            Whether to start again where already initialised.
        """
        init = initializer.Uniform() if init is None else init
        self.collect_params().initialize(init, ctx, verbose, force_reinit)

    def hybridize(self, active=True, **kwargs):
        """Compile (or stop compiling) the hybrid blocks below."""
        for child in self._children.values():
            child.hybridize(active, **kwargs)

    def cast(self, dtype):
        """Change the type of all parameters."""
        for child in self._children.values():
            child.cast(dtype)
        for param in self._reg_params.values():
            param.cast(dtype)

    def zero_grad(self):
        """Set all gradients to 0."""
        self.collect_params().zero_grad()

    def reset_ctx(self, ctx):
        """Move all parameters to one or more devices."""
        self.collect_params().reset_ctx(ctx)

    reset_device = reset_ctx

    def setattr(self, name, value):
        """Set attribute `name` of every parameter, e.g. ``setattr('grad_req', 'null')``."""
        self.collect_params().setattr(name, value)

    def share_parameters(self, shared):
        """Use the parameters of another block in place of those with the same structural name.

        Parameters
        ----------
        shared : dict of str to Parameter
            As ``other._collect_params_with_prefix()`` gives it; ``other.collect_params()`` is
            taken by full names.

        Returns
        -------
        Block
            This block.
        """
        for path, param in self._collect_params_with_prefix().items():
            other = shared.get(path, shared.get(param.name))
            if other is None:
                continue
            *parents, name = path.split(".")
            block = self
            for parent in parents:
                block = block._children[parent]
            block._reg_params[name] = other
            object.__setattr__(block, name, other)
            if param.name in block._params:
                block._params._params[param.name] = other
            if hasattr(block, "_forget"):
                block._forget()
        if hasattr(self, "_forget"):
            self._forget()
        return self

    def summary(self, *inputs):
        """Print a table of the layers with output shapes and numbers of parameters.

        Parameters
        ----------
        *inputs : NDArray
            Arguments of a call; the block must be initialised and not hybridized.
        """
        print(summarize(self, *inputs))

    # --- files ----------------------------------------------------------------------------------

    def save(self, prefix):
        """Write the parameters to ``prefix-model.params`` and the blocks to ``prefix-model.json``.

        The blocks are listed, not described: `load` needs a network that the same program made.
        """
        with replacing(f"{prefix}-model.json") as partial, open(partial, "w") as file:
            json.dump(self._outline(), file, indent=2)
        self.save_parameters(f"{prefix}-model.params")

    def load(self, prefix):
        """Read parameters that `save` wrote for a network of the same blocks.

        Raises
        ------
        ValueError
            If a block is of another class than the saved one, or has other children.
        """
        path = f"{prefix}-model.json"
        with open(path) as file:
            saved = json.load(file)
        if saved != self._outline():
            raise ValueError(f"load: {path} has other blocks than {type(self).__name__}, must not")
        self.load_parameters(f"{prefix}-model.params")

    def _outline(self):
        """Classes of this block and those below, by the names of the children."""
        return {
            "class": type(self).__name__,
            "children": {name: child._outline() for name, child in self._children.items()},
        }

    def save_parameters(self, filename, deduplicate=False):
        """Write all parameters, under structural names.

        Parameters
        ----------
        filename : str
            ``*.npz`` and ``*.safetensors`` are written in these formats, others in MXNet's.
        deduplicate : bool
            Whether to write a shared parameter once only.
        """
        params = self._collect_params_with_prefix()
        if deduplicate:
            first = {}
            for name, param in params.items():
                first.setdefault(id(param), (name, param))
            params = dict(first.values())
        save_arrays(filename, {name: param._reduce() for name, param in params.items()})

    def load_parameters(
        self,
        filename,
        ctx=None,
        allow_missing=False,
        ignore_extra=False,
        cast_dtype=False,
        dtype_source="current",
    ):
        """Read parameters written by `save_parameters`; arguments as `ParameterDict.load`.

        Files with full names (of `ParameterDict.save` or `HybridBlock.export`) are read too.
        """
        self.load_dict(
            load_arrays(filename),
            ctx,
            allow_missing,
            ignore_extra,
            cast_dtype,
            dtype_source,
            filename,
        )

    def save_params(self, filename):
        """Older form of `save_parameters`: names are full names without the block's prefix."""
        self.collect_params().save(filename, strip_prefix=self.prefix)

    def load_params(self, filename, ctx=None, allow_missing=False, ignore_extra=False):
        """Older form of `load_parameters`, which reads the files of `save_params` too."""
        self.load_parameters(filename, ctx, allow_missing, ignore_extra)

    def load_dict(
        self,
        param_dict,
        ctx=None,
        allow_missing=False,
        ignore_extra=False,
        cast_dtype=False,
        dtype_source="current",
        filename="param_dict",
    ):
        """As `load_parameters`, from a dict of str to NDArray."""
        arrays = param_dict
        params = self._collect_params_with_prefix()
        if not isinstance(arrays, dict):
            raise ValueError(f"load: {filename}: arrays have no names, must have")
        if (
            params
            and arrays
            and not any("." in n for n in arrays)
            and any("." in n for n in params)
        ):
            full = any(n.removeprefix("arg:").startswith(self.prefix) for n in arrays)
            self.collect_params().load_dict(
                arrays,
                ctx,
                allow_missing,
                ignore_extra,
                "" if full else self.prefix,
                filename,
                cast_dtype,
                dtype_source,
            )
            return
        owners = {}
        for name, param in params.items():
            owners.setdefault(id(param), []).append(name)
        missing = [n for n, p in params.items() if not any(a in arrays for a in owners[id(p)])]
        if missing and not allow_missing:
            raise KeyError(
                f"load: {filename}: lacks {', '.join(missing)}\n"
                "  hint: allow_missing=True ignores it"
            )
        extra = [name for name in arrays if name not in params]
        if extra and not ignore_extra:
            raise KeyError(
                f"load: {filename}: has {', '.join(extra)}, which are not parameters "
                "here\n  hint: ignore_extra=True ignores it"
            )
        for name, param in params.items():
            if name in arrays:
                param._load_init(arrays[name], ctx, cast_dtype, dtype_source)

    # --- calling --------------------------------------------------------------------------------

    def __call__(self, *args, **kwargs):
        """Run the hooks and `forward`."""
        if self._forward_pre_hooks:
            for hook in list(self._forward_pre_hooks.values()):
                hook(self, args)
        out = self.forward(*args, **kwargs)
        if self._forward_hooks:
            for hook in list(self._forward_hooks.values()):
                hook(self, args, out)
        return out

    def forward(self, *args):
        """Compute the outputs from the inputs; defined by subclasses."""
        raise NotImplementedError(f"{type(self).__name__} must define forward")


def __getattr__(name):
    """The blocks that build on this module and that programs import from here."""
    if name in ("HybridBlock", "SymbolBlock"):
        from . import hybrid_block, symbol_block

        return getattr(hybrid_block if name == "HybridBlock" else symbol_block, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
