"""Engine, memory, random stream and files over the C interface."""

import atexit
import os
import sys

from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from plait._array cimport Array, wrap
from plait._capi cimport *
from plait._sparse cimport Sparse, wrap_sparse
from plait._status cimport check, keep_exception

import plait
from plait._status import FileError

_PACKAGE = os.path.dirname(plait.__file__) + os.sep

if plait_abi_version() != PLAIT_ABI_VERSION:
    raise ImportError(f"libplait has ABI version {plait_abi_version()}, "
                      f"must be {PLAIT_ABI_VERSION}")


cdef extern from "plait/c_api.h":
    const int32_t PLAIT_ABI_VERSION


def version():
    """Version of the library."""
    return plait_version().decode()


def features():
    """dict of str to bool: what this build and this machine have."""
    pairs = [item.split("=") for item in plait_features().decode().split()]
    return {name: on == "1" for name, on in pairs}


def wait_all():
    """Wait for all work; raises the first failure that nothing has reported yet."""
    cdef plait_status_t status
    with nogil:
        status = plait_engine_wait_all()
    check(status)


def stats():
    """dict: counters of the engine."""
    cdef plait_engine_stats_t s
    s.struct_size = sizeof(plait_engine_stats_t)
    check(plait_engine_get_stats(&s))
    return dict(workers=s.workers, threads=s.threads, inlined=s.inlined, in_caller=s.in_caller,
                queued=s.queued, pending=s.pending, bytes_pending=s.bytes_pending,
                busy_ns=s.busy_ns, uptime_ns=s.uptime_ns)


def set_num_threads(int threads):
    """Set the cores for all operations together; returns the number before."""
    cdef int32_t before
    cdef plait_status_t status
    with nogil:
        status = plait_engine_set_num_threads(threads, &before)
    check(status)
    return before


def set_bulk_size(int64_t size):
    """Let workers start when this thread has pushed so many tasks; returns the number before."""
    cdef int64_t before
    check(plait_engine_set_bulk_size(size, &before))
    return before


def set_caller_limit(int64_t ns):
    """Run what this thread calls in it, if it takes less; returns the limit before."""
    cdef int64_t before
    check(plait_engine_set_caller_limit(ns, &before))
    return before


def profile(int state):
    """Record nothing (0), operations (1), and the memory in use as well (2)."""
    check(plait_profiler_set_state(state))


def profile_count():
    """int: operations recorded and not cleared."""
    return plait_profiler_count()


def profile_read(bint clear):
    """str: the recorded operations as JSON; see plait_profiler_read() in c_api.h."""
    cdef plait_buffer_t buffer
    cdef plait_status_t status
    with nogil:
        status = plait_profiler_read(clear, &buffer)
    check(status)
    try:
        return plait_buffer_data(buffer)[:plait_buffer_size(buffer)].decode()
    finally:
        plait_buffer_free(buffer)


def memory_stats():
    """dict: counters of the memory pool, in bytes and requests."""
    cdef plait_memory_stats_t s
    s.struct_size = sizeof(plait_memory_stats_t)
    check(plait_memory_get_stats(&s))
    return dict(bytes_in_use=s.bytes_in_use, bytes_cached=s.bytes_cached,
                peak_bytes_in_use=s.peak_bytes_in_use, allocations=s.allocations,
                system_allocations=s.system_allocations)


def release_memory():
    """Give cached memory back to the system."""
    check(plait_memory_release())


def device_count(int kind):
    """int: devices of a kind that this build can use."""
    return plait_device_count(kind)


def device_memory(int kind, int number):
    """(int, int): bytes that new arrays can have on a device, and all that it has."""
    cdef plait_device_t device
    cdef int64_t available = 0, total = 0
    device.kind = kind
    device.id = number
    check(plait_device_memory(device, &available, &total))
    return available, total


def live_arrays():
    """int: arrays that exist now."""
    return plait_array_live_count()


def is_serial():
    """True if every operation runs at once in the calling thread."""
    return plait_engine_is_serial() == 1


def seed(state):
    """Restart the random stream."""
    check(plait_random_seed(<unsigned long long>(int(state) & 0xffffffffffffffff)))


def random_position():
    """(seed, offset): where the random stream stands."""
    cdef uint64_t seed, offset
    check(plait_random_get_position(&seed, &offset))
    return seed, offset


def set_random_position(uint64_t seed, uint64_t offset):
    """Go on from what `random_position` gave."""
    check(plait_random_set_position(seed, offset))


# Signals are handled in the main thread only; elsewhere this finds none. No Python code runs
# outside of the try: a handler may raise wherever it does.
cdef int32_t _interrupted() noexcept with gil:
    try:
        PyErr_CheckSignals()
        return 0
    except BaseException as error:
        keep_exception(error)
        return 1


# Where the user's program stands: the innermost frame outside of this package.
cdef int32_t _origin(char *text, int32_t capacity) noexcept with gil:
    try:
        frame = sys._getframe()
        while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
            frame = frame.f_back
        if frame is None:
            return 1
        line = f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}"
        encoded = line.encode(errors="replace")[-capacity + 1:]
        memcpy(text, <const char *>encoded, len(encoded))
        text[len(encoded)] = 0
        return 0
    except BaseException:  # the interpreter is ending
        return 1


def _shutdown():
    with nogil:
        plait_engine_shutdown()


def _before_fork():
    with nogil:
        plait_engine_before_fork()


def _after_fork_parent():
    plait_engine_after_fork_parent()


def _after_fork_child():
    plait_engine_after_fork_child()


check(plait_engine_set_interrupt_check(_interrupted))
check(plait_engine_set_origin(_origin))
os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_parent,
                    after_in_child=_after_fork_child)
atexit.register(_shutdown)


def save(path, arrays, names):
    """Write arrays (Array or Sparse) to a file in MXNet's format; `names`: list of str or None."""
    cdef int32_t i, n = <int32_t>len(arrays)
    cdef plait_array_t *items = <plait_array_t *>malloc((n + 1) * sizeof(plait_array_t))
    cdef plait_sparse_t *sparse = <plait_sparse_t *>malloc((n + 1) * sizeof(plait_sparse_t))
    cdef const char **texts = NULL
    cdef plait_status_t status
    encoded = os.fsencode(path)
    cdef const char *file = encoded
    kept = []
    try:
        if items == NULL or sparse == NULL:
            raise MemoryError
        if names is not None:
            texts = <const char **>malloc((n + 1) * sizeof(char *))
            if texts == NULL:
                raise MemoryError
        for i in range(n):
            sparse[i] = (<Sparse>arrays[i]).handle if isinstance(arrays[i], Sparse) else NULL
            items[i] = NULL if sparse[i] != NULL else (<Array?>arrays[i])._array
            if texts != NULL:
                kept.append(names[i].encode())
                texts[i] = <bytes>kept[i]
        with nogil:
            status = plait_archive_save_mixed(file, items, sparse, texts, n)
        check(status)
    finally:
        free(items)
        free(sparse)
        free(texts)


cdef object _unpack(plait_archive_t archive, type cls, what):
    cdef plait_array_t out
    cdef plait_sparse_t sparse
    cdef int32_t i, n = plait_archive_count(archive)
    try:
        arrays, names = [], []
        for i in range(n):
            if plait_archive_storing(archive, i) > 0:
                check(plait_archive_sparse(archive, i, &sparse))
                arrays.append(wrap_sparse(sparse))
            else:
                check(plait_archive_array(archive, i, &out))
                arrays.append(wrap(cls, out))
            if plait_archive_name(archive, i) != NULL:
                try:
                    names.append(plait_archive_name(archive, i).decode())
                except UnicodeDecodeError as error:
                    raise FileError(
                        f"load: {what}: name {i} of the arrays is not UTF-8: {error}"
                    ) from None
        return arrays, names
    finally:
        plait_archive_free(archive)


def load(path, type cls):
    """(arrays, names) of a file; arrays are `cls` or Sparse; no names: an empty list."""
    cdef plait_archive_t archive
    cdef plait_status_t status
    encoded = os.fsencode(path)
    cdef const char *file = encoded
    with nogil:
        status = plait_archive_load(file, &archive)
    check(status)
    return _unpack(archive, cls, os.fspath(path))


def load_buffer(bytes data, type cls):
    """The same from bytes."""
    cdef plait_archive_t archive
    check(plait_archive_load_buffer(<const char *>data, len(data), &archive))
    return _unpack(archive, cls, "the bytes")
