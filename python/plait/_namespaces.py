"""Modules without files for generated functions: `from mxnet.ndarray import linalg, _internal`."""

import sys
from importlib.machinery import ModuleSpec
from types import FunctionType, ModuleType
from typing import Any

_DOCS = {
    "_internal": "Operators whose names start with an underscore.",
    "op": "Operators as they are registered.",
    "linalg": "Operators of linear algebra.",
    "image": "Operators on images.",
    "contrib": "Operators beside the core vocabulary.",
}
_HELPERS = ("_flatten", "_unknown")


def expose(package: dict[str, Any], generated: ModuleType, names: tuple[str, ...]) -> None:
    """Put into a package what its generated module has besides its public functions.

    These are the operators whose names start with an underscore, and modules for the namespaces
    `names`, which `import` finds too.

    Parameters
    ----------
    package : dict
        Globals of the package: `mx.nd` or `mx.sym`.
    generated : module
        Its generated functions.
    names : tuple of str
        Of "_internal", "op" and the namespaces of `generated`.
    """
    functions = {
        name: value
        for name, value in vars(generated).items()
        if isinstance(value, FunctionType) and name not in _HELPERS
    }
    hidden = {name: value for name, value in functions.items() if name.startswith("_")}
    shown = {name: value for name, value in functions.items() if not name.startswith("_")}
    package.update(hidden)
    for name in names:
        if name not in ("_internal", "op"):
            members = vars(getattr(generated, name))
        else:
            members = hidden if name == "_internal" else shown
        full = f"{package['__name__']}.{name}"
        module = ModuleType(full, _DOCS[name])
        module.__spec__ = ModuleSpec(full, None)
        vars(module).update(members)
        package[name] = sys.modules[full] = module
