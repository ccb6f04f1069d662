"""A block from a symbol, such as an exported one."""

from .. import ndarray, symbol
from .._array import DTYPE_NUMBERS
from ..symbol import Symbol
from .hybrid_block import HybridBlock
from .parameter_dict import ParameterDict

__all__ = ["SymbolBlock"]


def _whole(outputs):
    """Names of variables that hold whole numbers, which have no gradient."""
    numbers = {
        str(number)
        for name, number in DTYPE_NUMBERS.items()
        if name.lstrip("u").startswith(("int", "bool"))
    }
    attrs = outputs.attr_dict().items()
    return {name for name, attributes in attrs if attributes.get("__dtype__") in numbers}


class SymbolBlock(HybridBlock):
    """Runs a symbol; its variables other than `inputs` become parameters.

    Parameters
    ----------
    outputs : Symbol or list of Symbol
    inputs : Symbol or list of Symbol
        Variables of `outputs`, in the order of the arguments of a call.
    params : ParameterDict, optional
        Existing parameters to take.

    Examples
    --------
    >>> net = gluon.SymbolBlock.imports("net-symbol.json", ["data"], "net-0000.params")
    """

    def __init__(self, outputs, inputs, params=None):
        super().__init__(prefix="", params=None)
        # The symbol has the whole names, also within the name scope of another block.
        self._prefix, self._params = "", ParameterDict("", shared=params)
        self._inputs = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
        if isinstance(outputs, (list, tuple)):
            outputs = outputs[0] if len(outputs) == 1 else symbol.Group(list(outputs))
        self._outputs = outputs
        names = {var.name for var in self._inputs}
        fixed = set(outputs.list_auxiliary_states()) | _whole(outputs)
        missing = names - set(outputs.list_inputs())
        if missing:
            raise ValueError(
                f"SymbolBlock: inputs has {sorted(missing)}, must be variables of outputs"
            )
        for name in outputs.list_inputs():
            if name not in names:
                self._reg_params[name] = self.params.get(
                    name,
                    grad_req="null" if name in fixed else "write",
                    allow_deferred_init=True,
                )
        self._active = True

    @staticmethod
    def imports(
        symbol_file, input_names, param_file=None, ctx=None, allow_missing=False, ignore_extra=False
    ):
        """A block from the files that `HybridBlock.export` wrote.

        Parameters
        ----------
        symbol_file, param_file : str
        input_names : str or list of str
        ctx : Context or list of Context, optional
        allow_missing, ignore_extra : bool
            As in `Block.load_parameters`.
        """
        names = [input_names] if isinstance(input_names, str) else input_names
        block = SymbolBlock(symbol.load(symbol_file), [symbol.var(name) for name in names])
        if param_file is not None:
            block.params.load_dict(
                ndarray.load(param_file),
                ctx,
                allow_missing,
                ignore_extra,
                filename=param_file,
                cast_dtype=True,
                dtype_source="saved",
            )
        return block

    def hybridize(self, active=True, **flags):
        """Takes the flags; a SymbolBlock always runs compiled."""
        super().hybridize(True, **flags)

    def forward(self, x, *args):
        """Put symbols in place of the inputs."""
        if not isinstance(x, Symbol):
            return self._run(x, *args)
        names = [var.name for var in self._inputs]
        out = self._outputs(**dict(zip(names, (x, *args), strict=True)))
        return out if len(out) == 1 else [out[i] for i in range(len(out))]
