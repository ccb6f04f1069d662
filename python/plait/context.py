"""Where arrays live."""

import threading
from typing import Any

from . import _engine

__all__ = ["Context", "cpu", "gpu", "cpu_pinned", "num_gpus", "current_context", "gpu_memory_info"]

_KINDS = {"cpu": 1, "gpu": 2, "cpu_pinned": 3, "cpu_shared": 5}
_NAMES = {number: name for name, number in _KINDS.items()}


class _Chosen(threading.local):
    context: "Context | None" = None


class Context:
    """A device; used as a context manager it becomes the default one.

    Parameters
    ----------
    device_type : str or Context
        "cpu", "gpu", "cpu_pinned" or "cpu_shared".
    device_id : int
        Which of them, from 0.

    Raises
    ------
    ValueError
        If `device_type` is unknown.
    """

    __slots__ = ("device_typeid", "device_id", "_previous")
    _state = _Chosen()
    devstr2type = _KINDS
    devtype2str = _NAMES
    default_ctx: "Context"  # of threads that chose none

    def __init__(self, device_type: Any, device_id: Any = 0) -> None:
        if isinstance(device_type, Context):
            device_type, device_id = device_type.device_type, device_type.device_id
        if device_type not in _KINDS:
            raise ValueError(
                f"Context: device_type is {device_type!r}, must be one of {list(_KINDS)}"
            )
        self.device_typeid = _KINDS[device_type]
        self.device_id = int(device_id)

    @property
    def device_type(self) -> Any:
        """str: kind of the device."""
        return _NAMES[self.device_typeid]

    def __eq__(self, other: Any) -> Any:
        return (
            isinstance(other, Context)
            and self.device_typeid == other.device_typeid
            and self.device_id == other.device_id
        )

    def has_memory_of(self, other: "Context") -> bool:
        """Whether arrays of both are in one memory: cpu, cpu_pinned and cpu_shared are one."""
        same_kind = self.device_typeid % 2 == other.device_typeid % 2
        return same_kind and self.device_id == other.device_id

    def __hash__(self) -> int:
        return hash((self.device_typeid, self.device_id))

    def __repr__(self) -> str:
        return f"{self.device_type}({self.device_id})"

    def __enter__(self) -> Any:
        self._previous = current_context()
        Context._state.context = self
        return self

    def __exit__(self, *exc: Any) -> None:
        Context._state.context = self._previous

    def empty_cache(self) -> None:
        """Give cached memory back to the system."""
        from . import _engine

        _engine.release_memory()


def cpu(device_id: Any = 0) -> Any:
    """The CPU. Several numbers stand for several devices, for model-parallel programs."""
    return Context("cpu", device_id)


def cpu_pinned(device_id: Any = 0) -> Any:
    """CPU memory for copies to a GPU; without GPU the same as `cpu`."""
    return Context("cpu_pinned", device_id)


def gpu(device_id: Any = 0) -> Any:
    """A GPU; arrays on it raise an error in a build without CUDA."""
    return Context("gpu", device_id)


def num_gpus() -> int:
    """Number of GPUs that this build can use; 0 without CUDA."""
    count: int = _engine.device_count(_KINDS["gpu"])
    return count


def gpu_memory_info(device_id: int = 0) -> tuple[int, int]:
    """(free, total) bytes of a GPU.

    Raises
    ------
    ValueError
        There is no such GPU.
    """
    if not 0 <= device_id < num_gpus():
        raise ValueError(
            f"gpu_memory_info: device_id is {device_id}, must be below num_gpus() = {num_gpus()}"
        )
    free, total = _engine.device_memory(_KINDS["gpu"], device_id)
    return free, total


Context.default_ctx = Context("cpu", 0)


def current_context() -> Any:
    """The default context of this thread."""
    return Context._state.context or Context.default_ctx
