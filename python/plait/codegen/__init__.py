"""Writes the files of every surface from the registry: `python -m plait.codegen`."""

from pathlib import Path

from . import arrays, c, capi, cpp, r, reference, registry, stubs, symbols

__all__ = ["files", "stale"]

_ND = "from ..ndarray import NDArray"
_NP = "from ..numpy.multiarray import ndarray"
_SYM = "from ..symbol.symbol import Symbol"


def files(root: str | Path) -> dict[str, str]:
    """Generated text by path below `root`, the root of a checkout."""
    ops = registry.operators()
    root = Path(root)
    header = root / "bindings_c/include/plait/c_api.h"
    compiled = sorted(p.stem for p in (root / "cython/plait").glob("_*.pyx"))
    gen = "python/plait/_gen"
    out = {
        f"{gen}/__init__.py": '"""Generated functions of every surface."""\n',
        f"{gen}/nd.py": arrays.module(ops, arrays.ND),
        f"{gen}/nd.pyi": stubs.functions(ops, "nd", "NDArray", _ND, stubs.ARRAY_TAIL),
        f"{gen}/np.py": arrays.module(ops, arrays.NP),
        f"{gen}/np.pyi": stubs.functions(ops, "np", "ndarray", _NP, stubs.NP_TAIL, arrays.NP),
        f"{gen}/npx.py": arrays.module(ops, arrays.NPX),
        f"{gen}/npx.pyi": stubs.functions(ops, "npx", "ndarray", _NP, stubs.NPX_TAIL, arrays.NPX),
        f"{gen}/sym.py": symbols.module(ops),
        f"{gen}/sym.pyi": stubs.functions(ops, "sym", "Symbol", _SYM, stubs.SYMBOL_TAIL),
        "cython/plait/_capi.pxd": capi.declarations(header),
        "bindings_c/include/plait/ops.h": c.header(ops, header.read_text()),
        "bindings_c/include/plait/cpp/ops.hpp": cpp.header(ops),
    }
    out |= r.files(ops, root)
    out |= {f"python/plait/{name}.pyi": stubs.compiled(name) for name in compiled}
    out |= {f"python/docs/reference/{name}": text for name, text in reference.pages(ops).items()}
    return out


def stale(root: str | Path, wanted: dict[str, str]) -> list[Path]:
    """Pages of operators and groups that are gone."""
    root = Path(root)
    pages = [*root.glob("bindings_r/man/op-*.Rd"), *root.glob("python/docs/reference/*.md")]
    return [p for p in pages if p.relative_to(root).as_posix() not in wanted]
