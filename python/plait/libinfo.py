"""Where the library and its header lie: `mx.libinfo`."""

from pathlib import Path

from . import _engine

__all__ = ["__version__", "find_include_path", "find_lib_path"]

__version__ = _engine.version()


def _package():
    """The folder with the compiled parts; an editable install has it apart from the sources."""
    return Path(_engine.__file__).resolve().parent


def find_lib_path(prefix="libplait"):
    """list of str: the file of the library, empty if there is none of that name."""
    return [str(file) for file in sorted((_package() / "lib").glob(f"{prefix}.so*"))]


def find_include_path():
    """str: the folder to give to the compiler with -I.

    Raises
    ------
    FileNotFoundError
        The headers are not installed.
    """
    folder = _package() / "include"
    if not (folder / "plait" / "c_api.h").is_file():
        raise FileNotFoundError(f"find_include_path: {folder} has no plait/c_api.h")
    return str(folder)
