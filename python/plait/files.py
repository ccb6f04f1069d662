"""Files that are there whole or not at all."""

import contextlib
import os
import tempfile

__all__ = ["replacing", "sync"]


def sync(path):
    """Wait until a file or folder is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def replacing(path):
    """Gives the name of a new file beside `path` that takes its place at the end of the ``with``.

    If the block fails or the process dies, `path` stays as it was.
    """
    path = os.path.abspath(os.fspath(path))
    folder, name = os.path.split(path)
    handle, partial = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
    os.close(handle)
    try:
        yield partial
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(partial, 0o666 & ~mask)
        sync(partial)
        os.replace(partial, path)
    finally:
        if os.path.exists(partial):
            os.remove(partial)
