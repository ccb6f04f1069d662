"""Processes that make batches and hand them over in shared memory.

The memory is a fixed set of slots. A slot is an anonymous file that was opened before the workers
were forked, so it has no name that could outlive the processes, however they end. A worker writes
the arrays of a batch into the slot it was told; the parent copies them out, and the slot is free
again: in the long run no page is touched for the first time.
"""

import math
import mmap
import multiprocessing
import os
import pickle
import random
import signal
import tempfile
import time
import traceback
from multiprocessing.connection import wait

import numpy as np

from ... import ndarray
from ... import random as plait_random

__all__ = ["WorkerPool"]

_ALIGN = 64
# Types whose memory NumPy reads in place.
_SHARED = ("float16", "float32", "float64", "int8", "int32", "int64", "uint8")
_POLL_SECONDS = 2.0


class _Slot:
    """One piece of shared memory that grows on demand."""

    def __init__(self):
        if hasattr(os, "memfd_create"):
            self._file = os.memfd_create("plait-batch", os.MFD_CLOEXEC)
        else:
            with tempfile.TemporaryFile() as file:
                self._file = os.dup(file.fileno())
        self._map = None

    def view(self, size):
        """Memory of at least `size` bytes; valid until a call with a larger size."""
        if self._map is None or len(self._map) < size:
            if os.fstat(self._file).st_size < size:
                os.ftruncate(self._file, -(-size // mmap.PAGESIZE) * mmap.PAGESIZE)
            self._map = mmap.mmap(self._file, os.fstat(self._file).st_size)
        return memoryview(self._map)

    def close(self):
        self._map = None
        if self._file is not None:
            os.close(self._file)
            self._file = None


class _Place:
    """Where in the slot an array lies; takes the place of the array in the batch.

    `target` is the dtype of the NDArray to make, None for a NumPy array.
    """

    def __init__(self, offset, array, target):
        self.offset, self.shape, self.dtype = offset, array.shape, array.dtype.str
        self.target = target


class _Column:
    """Arrays of one shape that become one array of a batch: they are stacked in the slot."""

    def __init__(self, arrays):
        first = arrays[0]
        for array in arrays:
            if array.shape != first.shape:
                raise ValueError(
                    f"DataLoader: samples have shapes {first.shape} and {array.shape}, must have "
                    "one\n  hint: gluon.data.batchify.Pad stacks arrays of several lengths"
                )
        self.arrays = arrays
        self.shape, self.dtype = (len(arrays), *first.shape), np.result_type(*arrays)
        self.nbytes = math.prod(self.shape) * self.dtype.itemsize


def _as_numpy(sample):
    """The values of an NDArray, without a copy where NumPy can read its memory."""
    if getattr(sample, "dtype_name", None) in _SHARED and not sample._is_sparse:
        return np.from_dlpack(sample)
    return sample.asnumpy()


def _columns(samples):
    """As `default_batchify_fn`, with columns in place of arrays."""
    first = samples[0]
    if isinstance(first, tuple):
        return [_columns(part) for part in zip(*samples, strict=True)]
    if hasattr(first, "asnumpy"):
        return _Column([_as_numpy(sample) for sample in samples])
    return np.asarray(samples)


def _map_leaves(value, fn):
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*[_map_leaves(item, fn) for item in value])
    if isinstance(value, (list, tuple)):
        return type(value)(_map_leaves(item, fn) for item in value)
    if isinstance(value, dict):
        return {key: _map_leaves(item, fn) for key, item in value.items()}
    return fn(value)


def _pack(batch, slot, as_ndarray):
    """Bytes that describe the batch; its arrays are in the slot."""
    arrays, end = [], 0

    def place(value):
        nonlocal end
        if isinstance(value, _Column):
            spot = _Place(end, value, value.dtype.name)
            arrays.append((end, value))
            end += -(-value.nbytes // _ALIGN) * _ALIGN
            return spot
        is_array = hasattr(value, "asnumpy")
        if not is_array and (not isinstance(value, np.ndarray) or value.dtype.hasobject):
            return value
        array = value.asnumpy() if is_array else value
        target = value.dtype_name if is_array else array.dtype.name if as_ndarray else None
        spot = _Place(end, array, target)
        arrays.append((end, array))
        end += -(-array.nbytes // _ALIGN) * _ALIGN
        return spot

    described = _map_leaves(batch, place)
    if end:
        memory = slot.view(end)
        for offset, array in arrays:
            target = np.frombuffer(memory, array.dtype, math.prod(array.shape), offset)
            target = target.reshape(array.shape)
            if isinstance(array, _Column):
                for i, sample in enumerate(array.arrays):
                    target[i] = sample
            else:
                target[...] = array
    return pickle.dumps((described, end))


def _unpack(message, slot):
    described, size = pickle.loads(message)
    memory = slot.view(size) if size else memoryview(b"")

    def restore(value):
        if not isinstance(value, _Place):
            return value
        dtype = np.dtype(value.dtype)
        count = int(np.prod(value.shape))
        array = np.frombuffer(memory, dtype, count, value.offset).reshape(value.shape)
        if value.target is None:
            return array.copy()
        return ndarray.array(array, dtype=value.target)

    return _map_leaves(described, restore)


class _RemoteTraceback(Exception):
    """Shows where in the worker an error arose."""

    def __init__(self, text):
        super().__init__(text)
        self.text = text

    def __str__(self):
        return f"\n{self.text}"


def _describe_error(error):
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    try:
        data = pickle.dumps(error)
        pickle.loads(data)
    except Exception:
        data = pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))
    return pickle.dumps((data, text))


def _seed(seed):
    np.random.seed(seed)
    random.seed(seed)
    plait_random.seed(seed)


def _work(pipe, slots, dataset, batchify):
    """Loop of a worker: (number, seed, indices, slot) in, (number, slot, kind, bytes) out."""
    parent = os.getppid()
    while True:
        while not pipe.poll(_POLL_SECONDS):
            if os.getppid() != parent:
                return
        task = pipe.recv()
        if task is None:
            return
        number, seed, indices, slot = task
        try:
            _seed(seed)
            samples = [dataset[i] for i in indices]
            batch = _columns(samples) if batchify is None else batchify(samples)
            answer = ("batch", _pack(batch, slots[slot], batchify is None))
        except Exception as error:
            answer = ("error", _describe_error(error))
        pipe.send((number, slot, *answer))


def _main(pipe, others, slots, dataset, batchify):
    # Ctrl-C goes to all processes of the terminal; the parent alone decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for other in others:
        other.close()
    try:
        _work(pipe, slots, dataset, batchify)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the parent is gone
    finally:
        # Leave without the exit handlers of the parent's libraries, which were not made for this.
        os._exit(0)


def _exit_text(code):
    if code is not None and code < 0:
        try:
            return f"was ended by signal {-code} ({signal.Signals(-code).name})"
        except ValueError:
            return f"was ended by signal {-code}"
    return f"ended with exit code {code}"


class WorkerPool:
    """Worker processes with their pipes and slots.

    Parameters
    ----------
    num_workers : int
    num_slots : int
        Batches that may be under way at once.
    dataset : sequence
    batchify : callable or None
        None: `default_batchify_fn`, without its arrays in between.
    """

    def __init__(self, num_workers, num_slots, dataset, batchify):
        context = multiprocessing.get_context("fork")
        self._pid = os.getpid()
        self._slots = [_Slot() for _ in range(num_slots)]
        self._free = list(range(num_slots))
        self._pipes, self._processes = [], []
        self._waiting = {}  # number of a batch: its worker
        self._next = self._first = 0
        for i in range(num_workers):
            ours, theirs = context.Pipe()
            process = context.Process(
                target=_main,
                args=(theirs, [*self._pipes, ours], self._slots, dataset, batchify),
                daemon=True,
                name=f"plait-data-{i}",
            )
            process.start()
            theirs.close()
            self._pipes.append(ours)
            self._processes.append(process)

    @property
    def has_room(self):
        """bool: whether another batch may be sent."""
        return bool(self._free)

    @property
    def pids(self):
        """list of int: process ids of the workers."""
        return [process.pid for process in self._processes]

    def start(self):
        """Begin a new pass: batches that are still under way will be dropped."""
        self._first = self._next

    def send(self, seed, indices):
        """Let the worker with the least to do make a batch; returns its number."""
        number = self._next
        load = [0] * len(self._pipes)
        for worker in self._waiting.values():
            load[worker] += 1
        worker = load.index(min(load))
        try:
            self._pipes[worker].send((number, seed, indices, self._free[-1]))
        except (BrokenPipeError, ConnectionResetError):
            self._report_death(worker)
        self._free.pop()
        self._waiting[number] = worker
        self._next += 1
        return number

    def receive(self, timeout):
        """{number: message} of a finished batch; `open` or `drop` the message.

        The dict is empty if the batch belonged to an earlier pass.

        Raises
        ------
        TimeoutError
            If nothing comes within `timeout` seconds.
        RuntimeError
            If a worker has died.
        """
        deadline = time.monotonic() + timeout
        sentinels = {p.sentinel: i for i, p in enumerate(self._processes)}
        while True:
            left = deadline - time.monotonic()
            ready = wait([*self._pipes, *sentinels], max(left, 0))
            for pipe in ready:
                if pipe in sentinels:
                    continue
                try:
                    number, slot, kind, data = pipe.recv()
                except (EOFError, ConnectionResetError):
                    self._report_death(self._pipes.index(pipe))
                del self._waiting[number]
                if number >= self._first:
                    return {number: (slot, kind, data)}
                self._free.append(slot)
                return {}
            for sentinel in ready:
                self._report_death(sentinels[sentinel])
            if left <= 0:
                raise TimeoutError(
                    f"DataLoader: no batch came within {timeout} seconds (timeout)\n"
                    "  hint: num_workers=0 shows where the dataset hangs"
                )

    def drop(self, message):
        """Free the memory of a batch that nobody wants."""
        self._free.append(message[0])

    def open(self, message):
        """The batch; raises what making it raised."""
        slot, kind, data = message
        try:
            if kind == "batch":
                return _unpack(data, self._slots[slot])
        finally:
            self._free.append(slot)
        error, text = pickle.loads(data)
        raise pickle.loads(error) from _RemoteTraceback(text)

    def _report_death(self, worker):
        process = self._processes[worker]
        process.join(5)
        batches = sorted(n for n, w in self._waiting.items() if w == worker)
        work = f" with {len(batches)} batches to make" if batches else ""
        raise RuntimeError(
            f"DataLoader: worker {worker} (process {process.pid}) "
            f"{_exit_text(process.exitcode)}{work}\n"
            "  hint: a signal 9 without sender often means that memory ran out"
        ) from None

    def close(self):
        """End the workers, whatever they do, and free the memory."""
        if os.getpid() != self._pid:
            return  # a fork of the parent: the workers are not ours
        for pipe in self._pipes:
            try:
                pipe.send(None)
            except OSError:
                pass
            pipe.close()
        for process in self._processes:
            process.join(0.2)
            if process.is_alive():
                process.kill()
                process.join()
        for slot in self._slots:
            slot.close()
        self._pipes, self._processes, self._slots = [], [], []
