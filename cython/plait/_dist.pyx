"""Groups of ranks over the C interface."""

from libc.stdint cimport int64_t, uint32_t
from libc.stdlib cimport free, malloc

from plait._array cimport Array
from plait._capi cimport *
from plait._status cimport check

_REDUCTIONS = {"sum": 0, "prod": 1, "min": 2, "max": 3}


cdef int _number(str method, object reduction) except -1:
    try:
        return _REDUCTIONS[reduction]
    except (KeyError, TypeError):
        raise ValueError(f"{method}: reduction is {reduction!r}, "
                         f"must be one of {list(_REDUCTIONS)}") from None


cdef plait_comm_options_t _options(bytes name, int priority, bint wait, bint no_limit):
    """Borrows `name`."""
    cdef plait_comm_options_t options
    options.struct_size = <uint32_t> sizeof(plait_comm_options_t)
    options.priority = priority
    options.wait = wait
    options.no_limit = no_limit
    options.name = name
    return options


cdef class _Counts:
    """One number for each rank, or NULL for None."""
    cdef int64_t *numbers

    def __cinit__(self, str method, counts, int size):
        cdef int i
        self.numbers = NULL
        if counts is None:
            return
        counts = list(counts)
        if len(counts) != size:
            raise ValueError(f"{method}: got {len(counts)} counts, must be {size}, one for each "
                             "rank")
        self.numbers = <int64_t *> malloc(size * sizeof(int64_t))
        if self.numbers is NULL:
            raise MemoryError
        for i in range(size):
            self.numbers[i] = counts[i]

    def __dealloc__(self):
        free(self.numbers)


cdef class Group:
    """One rank of a group; see `plait.dist.Communicator`."""
    cdef plait_comm_t _comm

    def __dealloc__(self):
        plait_comm_free(self._comm)

    @property
    def rank(self):
        """int: number of this rank, from 0."""
        return plait_comm_rank(self._comm)

    @property
    def size(self):
        """int: number of ranks."""
        return plait_comm_size(self._comm)

    def allreduce(self, Array data, reduction="sum", *, str name="", int priority=0,
                  bint wait=False):
        """Replace `data` on every rank by its reduction over all ranks.

        A row-sparse array becomes the sum of the rows that the ranks have; the call waits for
        their numbers.
        """
        if data._array is NULL:
            return self._sum_rows(data, reduction, name=name, priority=priority, wait=wait)
        cdef bytes label = name.encode()
        cdef plait_comm_options_t options = _options(label, priority, wait, False)
        cdef int kind = _number("allreduce", reduction)
        cdef plait_status_t status
        with nogil:
            status = plait_comm_allreduce(self._comm, data._array, <plait_reduction_t> kind,
                                          &options)
        check(status)

    def allreduce_list(self, data, reduction="sum", *, str name="", int priority=0,
                       bint wait=False):
        """As `allreduce`, for arrays of one dtype in one operation."""
        cdef bytes label = name.encode()
        cdef plait_comm_options_t options = _options(label, priority, wait, False)
        cdef int kind = _number("allreduce", reduction)
        cdef int i, count = len(data)
        cdef plait_status_t status
        cdef plait_array_t *arrays = <plait_array_t *> malloc(max(count, 1)
                                                              * sizeof(plait_array_t))
        if arrays is NULL:
            raise MemoryError
        try:
            for i in range(count):
                arrays[i] = (<Array?> data[i])._array
            with nogil:
                status = plait_comm_allreduce_list(self._comm, arrays, count,
                                                   <plait_reduction_t> kind, &options)
        finally:
            free(arrays)
        check(status)

    def broadcast(self, Array data, int root=0, *, str name="", int priority=0, bint wait=False):
        """Replace `data` on every rank by that of rank `root`; row-sparse ones wait."""
        if data._array is NULL:
            return self._broadcast_rows(data, root, name=name, priority=priority)
        cdef bytes label = name.encode()
        cdef plait_comm_options_t options = _options(label, priority, wait, False)
        cdef plait_status_t status
        with nogil:
            status = plait_comm_broadcast(self._comm, data._array, root, &options)
        check(status)

    def allgather_into(self, Array out, Array data, counts=None, *, str name="", int priority=0,
                       bint wait=False):
        """Write the elements of `data` of all ranks to `out`, in the order of ranks."""
        cdef bytes label = name.encode()
        cdef plait_comm_options_t options = _options(label, priority, wait, False)
        cdef _Counts numbers = _Counts("allgather", counts, self.size)
        cdef plait_status_t status
        with nogil:
            status = plait_comm_allgather(self._comm, data._array, out._array, numbers.numbers,
                                          &options)
        check(status)

    def reduce_scatter_into(self, Array out, Array data, reduction="sum", *, str name="",
                            int priority=0, bint wait=False):
        """Write this rank's part of the reduction of `data` to `out`."""
        cdef bytes label = name.encode()
        cdef plait_comm_options_t options = _options(label, priority, wait, False)
        cdef int kind = _number("reduce_scatter", reduction)
        cdef plait_status_t status
        with nogil:
            status = plait_comm_reduce_scatter(self._comm, data._array, out._array,
                                               <plait_reduction_t> kind, &options)
        check(status)

    def all_to_all_into(self, Array out, Array data, send_counts=None, receive_counts=None, *,
                        str name="", int priority=0, bint wait=False):
        """Send part i of `data` to rank i; write what rank i sent to part i of `out`."""
        cdef bytes label = name.encode()
        cdef plait_comm_options_t options = _options(label, priority, wait, False)
        cdef _Counts sent = _Counts("all_to_all", send_counts, self.size)
        cdef _Counts received = _Counts("all_to_all", receive_counts, self.size)
        cdef plait_status_t status
        with nogil:
            status = plait_comm_all_to_all(self._comm, data._array, out._array, sent.numbers,
                                           received.numbers, &options)
        check(status)

    def send(self, Array data, int peer, int channel=0, *, str name="", int priority=0,
             bint wait=False):
        """Send `data` to rank `peer`."""
        cdef bytes label = name.encode()
        cdef plait_comm_options_t options = _options(label, priority, wait, False)
        cdef plait_status_t status
        with nogil:
            status = plait_comm_send(self._comm, data._array, peer, channel, &options)
        check(status)

    def receive(self, Array data, int peer, int channel=0, *, str name="", int priority=0,
                bint wait=False, bint no_limit=False):
        """Fill `data` with what rank `peer` sends."""
        cdef bytes label = name.encode()
        cdef plait_comm_options_t options = _options(label, priority, wait, no_limit)
        cdef plait_status_t status
        with nogil:
            status = plait_comm_receive(self._comm, data._array, peer, channel, &options)
        check(status)

    def barrier(self):
        """Wait until all ranks have called it."""
        cdef plait_status_t status
        with nogil:
            status = plait_comm_barrier(self._comm)
        check(status)

    def abort(self, str reason):
        """Make the operations of all ranks fail, those on their way and all later ones."""
        cdef bytes text = reason.encode()
        cdef const char *chars = text
        cdef plait_status_t status
        with nogil:
            status = plait_comm_abort(self._comm, chars)
        check(status)

    def kill(self):
        """End the processes of all ranks."""
        cdef plait_status_t status
        with nogil:
            status = plait_comm_kill(self._comm)
        check(status)

    def pending(self):
        """str: what is on its way on this rank, one line for each operation."""
        cdef plait_buffer_t out
        cdef plait_status_t status
        with nogil:
            status = plait_comm_pending(self._comm, &out)
        check(status)
        try:
            return plait_buffer_data(out)[:plait_buffer_size(out)].decode()
        finally:
            plait_buffer_free(out)

    def close(self):
        """Leave the group: nothing can be done with it afterwards."""
        cdef plait_comm_t comm = self._comm
        self._comm = NULL
        with nogil:
            plait_comm_free(comm)

    def _split(self, int64_t color, int64_t key):
        cdef plait_comm_t out
        cdef plait_status_t status
        with nogil:
            status = plait_comm_split(self._comm, color, key, &out)
        check(status)
        return _wrap(type(self), out)


def share_batches(Group group):
    """Operators that normalise over a batch take those of all ranks; None: that of this process."""
    cdef plait_status_t status
    cdef plait_comm_t comm = NULL if group is None else group._comm
    with nogil:
        status = plait_comm_share_batches(comm)
    check(status)


def started():
    """Processes that MPI's starter says it started with this one; -1: unknown; 0: none did."""
    return plait_comm_started()


def require_nccl():
    """Raises MXNetError, which says what is missing, if GPUs cannot exchange data directly."""
    cdef plait_kvstore_t store
    cdef plait_status_t status
    with nogil:
        status = plait_kvstore_new(b"nccl", &store)
    check(status)
    plait_kvstore_free(store)


cdef object _wrap(type cls, plait_comm_t handle):
    cdef Group group = cls.__new__(cls)
    group._comm = handle
    return group


def new_group(int size, type cls):
    """`size` ranks in this process."""
    cdef plait_comm_t *handles = <plait_comm_t *> malloc(max(size, 1) * sizeof(plait_comm_t))
    if handles is NULL:
        raise MemoryError
    try:
        check(plait_comm_new_group(size, handles))
        return [_wrap(cls, handles[i]) for i in range(size)]
    finally:
        free(handles)


def new_world(size_t mpi_comm, type cls):
    """The ranks of the MPI communicator whose handle stands at this address; 0: the world."""
    cdef plait_comm_t out
    cdef plait_status_t status
    with nogil:
        status = plait_comm_new_world(<const void *> mpi_comm, &out)
    check(status)
    return _wrap(cls, out)
