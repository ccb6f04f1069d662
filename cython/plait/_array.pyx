"""Arrays and operators over the C interface."""

from cpython.buffer cimport (
    PyBUF_FORMAT, PyBUF_STRIDES, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer,
)
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.pycapsule cimport (
    PyCapsule_GetPointer, PyCapsule_IsValid, PyCapsule_New, PyCapsule_SetName,
)
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free, malloc

from plait._capi cimport *
from plait._status cimport check

DTYPE_NAMES = ("float32", "float64", "float16", "uint8", "int32", "int8", "int64", "bool", "int16",
               "uint16", "uint32", "uint64", "bfloat16")
DTYPE_NUMBERS = {name: number for number, name in enumerate(DTYPE_NAMES)}
cdef tuple _FORMATS = (b"f", b"d", b"e", b"B", b"i", b"b", b"q", b"?", b"h", b"H", b"I", b"Q", b"H")
cdef tuple _SIZES = (4, 8, 2, 1, 4, 1, 8, 1, 2, 2, 4, 8, 2)
cdef dict _FROM_FORMAT = {"f": 0, "d": 1, "e": 2, "B": 3, "i": 4, "b": 5, "q": 6, "l": 6, "?": 7, "h": 8,
                          "H": 9, "I": 10, "Q": 11, "L": 11}


cdef object wrap(type cls, plait_array_t handle):
    """An object of `cls` that owns `handle`."""
    cdef Array out = cls.__new__(cls)
    out._array = handle
    return out


cdef class Array:
    """Handle of one array of the core; base of the array classes."""

    def __dealloc__(self):
        plait_array_free(self._array)

    @property
    def shape(self):
        """tuple of int: sizes of the axes."""
        cdef const int64_t *sizes = plait_array_shape(self._array)
        cdef int32_t i
        return tuple([sizes[i] for i in range(plait_array_ndim(self._array))])

    @property
    def strides_elements(self):
        """tuple of int: steps of the axes, in elements."""
        cdef const int64_t *steps = plait_array_strides(self._array)
        cdef int32_t i
        return tuple([steps[i] for i in range(plait_array_ndim(self._array))])

    @property
    def ndim(self):
        """int: number of axes."""
        return plait_array_ndim(self._array)

    @property
    def size(self):
        """int: number of elements."""
        return plait_array_size(self._array)

    @property
    def dtype_name(self):
        """str: name of the dtype."""
        return DTYPE_NAMES[plait_array_dtype(self._array)]

    @property
    def device(self):
        """(int, int): kind and number of the device."""
        cdef plait_device_t d = plait_array_device(self._array)
        return d.kind, d.id

    @property
    def version(self):
        """int: how often the memory was written."""
        return plait_array_version(self._array)

    def shares_memory(self, Array other):
        """True if both lie in the same piece of memory."""
        return plait_array_shares_memory(self._array, other._array) == 1

    def same_handle(self, type cls):
        """The same array as an object of another class."""
        return wrap(cls, plait_array_retain(self._array))

    def detached(self):
        """The same memory outside of any recording."""
        cdef plait_array_t out
        check(plait_array_detach(self._array, &out))
        return wrap(type(self), out)

    def wait_to_read(self):
        """Wait until the content is there; raises what computing it raised."""
        cdef plait_status_t status
        with nogil:
            status = plait_array_wait_to_read(self._array)
        check(status)

    def wait_to_write(self):
        """Wait until nobody reads or writes the content."""
        cdef plait_status_t status
        with nogil:
            status = plait_array_wait_to_write(self._array)
        check(status)

    def copy_into(self, Array other):
        """Copy the content into `other`, an array of the same shape; the dtype is converted."""
        cdef plait_status_t status
        with nogil:
            status = plait_array_copy_to(self._array, other._array)
        check(status)

    def copy_to_buffer(self, target):
        """Write the content into a contiguous writable buffer of as many bytes."""
        cdef Py_buffer view
        cdef plait_status_t status
        PyObject_GetBuffer(target, &view, PyBUF_WRITABLE)
        try:
            with nogil:
                status = plait_array_copy_to_host(self._array, view.buf, view.len)
            check(status)
        finally:
            PyBuffer_Release(&view)

    def copy_from_buffer(self, source):
        """Fill the array from a contiguous buffer of as many bytes."""
        cdef Py_buffer view
        cdef plait_status_t status
        PyObject_GetBuffer(source, &view, 0)
        try:
            with nogil:
                status = plait_array_copy_from_host(self._array, view.buf, view.len)
            check(status)
        finally:
            PyBuffer_Release(&view)

    def __getbuffer__(self, Py_buffer *view, int flags):
        cdef void *data
        cdef int32_t write = 1 if flags & PyBUF_WRITABLE else 0
        cdef int32_t i, ndim = plait_array_ndim(self._array)
        cdef plait_status_t status
        with nogil:
            status = plait_array_data(self._array, write, &data)
        try:
            check(status)
        except Exception as error:
            raise BufferError(str(error)) from None
        if not flags & PyBUF_STRIDES == PyBUF_STRIDES and not plait_array_is_contiguous(self._array):
            raise BufferError("array is not contiguous, must be for this kind of buffer")
        dtype = plait_array_dtype(self._array)
        cdef Py_ssize_t *numbers = <Py_ssize_t *>PyMem_Malloc((2 * ndim + 1) * sizeof(Py_ssize_t))
        if numbers == NULL:
            raise MemoryError
        for i in range(ndim):
            numbers[i] = plait_array_shape(self._array)[i]
            numbers[ndim + i] = plait_array_strides(self._array)[i] * <Py_ssize_t>_SIZES[dtype]
        view.buf = data
        view.obj = self
        view.len = plait_array_nbytes(self._array)
        view.readonly = 0 if write else plait_array_is_read_only(self._array)
        view.itemsize = _SIZES[dtype]
        view.format = <char *>(<bytes>_FORMATS[dtype])
        view.ndim = ndim
        view.shape = numbers
        view.strides = numbers + ndim
        view.suboffsets = NULL
        view.internal = numbers

    def __releasebuffer__(self, Py_buffer *view):
        PyMem_Free(view.internal)

    def __dlpack_device__(self):
        """(device type, device number) as DLPack numbers them."""
        return 1, 0

    def __dlpack__(self, *, stream=None, max_version=None, dl_device=None, copy=None):
        """DLPack capsule on the same memory."""
        if dl_device is not None and tuple(dl_device) != (1, 0):
            raise BufferError(f"dlpack: dl_device is {dl_device}, must be (1, 0)")
        cdef Array source = self
        if copy:
            source = invoke(operator("copy"), (self,), (), None, type(self))
        cdef DLManagedTensorVersioned *fresh
        cdef DLManagedTensor *old
        if max_version is not None and max_version[0] >= 1:
            check(plait_array_to_dlpack(source._array, &fresh))
            return PyCapsule_New(fresh, "dltensor_versioned", NULL)
        check(plait_array_to_dlpack_old(source._array, &old))
        return PyCapsule_New(old, "dltensor", NULL)


def from_dlpack_capsule(capsule, type cls):
    """An array on the memory of a DLPack capsule, which is used up."""
    cdef plait_array_t out
    if PyCapsule_IsValid(capsule, "dltensor_versioned"):
        check(plait_array_from_dlpack(
            <DLManagedTensorVersioned *>PyCapsule_GetPointer(capsule, "dltensor_versioned"), &out))
        PyCapsule_SetName(capsule, "used_dltensor_versioned")
    else:
        check(plait_array_from_dlpack_old(
            <DLManagedTensor *>PyCapsule_GetPointer(capsule, "dltensor"), &out))
        PyCapsule_SetName(capsule, "used_dltensor")
    return wrap(cls, out)


def empty(tuple shape, int dtype, int device_kind, int device_id, type cls):
    """An array of undefined content; `dtype` is its number."""
    cdef int64_t sizes[32]
    cdef plait_array_t out
    cdef plait_device_t device
    if len(shape) > 32:
        raise ValueError(f"shape has {len(shape)} axes, must be at most 32")
    for i, size in enumerate(shape):
        sizes[i] = size
    device.kind = device_kind
    device.id = device_id
    check(plait_array_empty(sizes, <int32_t>len(shape), <plait_dtype_t>dtype, device, &out))
    return wrap(cls, out)


def from_buffer(source, dtype, int device_kind, int device_id, type cls):
    """A copy of any buffer (NumPy arrays, memoryviews); `dtype`: number, or None to take the buffer's."""
    cdef Py_buffer view
    cdef int64_t sizes[32]
    cdef int64_t steps[32]
    cdef plait_array_t out
    cdef plait_device_t device
    cdef plait_status_t status
    cdef int32_t i, ndim, number
    PyObject_GetBuffer(source, &view, PyBUF_STRIDES | PyBUF_FORMAT)
    try:
        ndim = view.ndim
        if ndim > 32:
            raise ValueError(f"array has {ndim} axes, must have at most 32")
        if dtype is None:
            letter = (<bytes>view.format).decode().lstrip("@=<") if view.format != NULL else "B"
            if letter not in _FROM_FORMAT:
                raise TypeError(f"array: dtype has the format {letter!r}, must be a number type of ours")
            number = _FROM_FORMAT[letter]
        else:
            number = dtype
        for i in range(ndim):
            sizes[i] = view.shape[i]
            steps[i] = view.strides[i] // view.itemsize
            if view.strides[i] % view.itemsize:
                raise ValueError("array: strides must be multiples of the size of an element")
        device.kind = device_kind
        device.id = device_id
        with nogil:
            status = plait_array_from_data(view.buf, sizes, steps, ndim, <plait_dtype_t>number, device, &out)
        check(status)
        return wrap(cls, out)
    finally:
        PyBuffer_Release(&view)


# --- operators ----------------------------------------------------------------------------------

cdef class Operator:
    """Handle of one operator: look it up once with `operator(name)`, then `invoke` it."""

    def describe_json(self):
        """Everything about the operator as JSON text."""
        cdef const char *text
        check(plait_op_describe(self.op, &text))
        return text.decode()

    def __repr__(self):
        return f"<operator {self.name}>"


cdef Operator _operator(plait_op_t op):
    cdef Operator out = Operator.__new__(Operator)
    out.op = op
    out.name = plait_op_name(op).decode()
    return out


def operator(str name):
    """The operator of this name in the registry."""
    cdef plait_op_t op
    encoded = name.encode()
    check(plait_op_find(encoded, &op))
    return _operator(op)


def operators():
    """List of all operators."""
    cdef int32_t i
    return [_operator(plait_op_at(i)) for i in range(plait_op_count())]


# Python values of one call as C values: ints and floats of lists live in one block.
cdef class _Values:
    cdef plait_value_t *items
    cdef int32_t count
    cdef list kept
    cdef list blocks

    def __cinit__(self, attrs):
        self.kept = []
        self.blocks = []
        self.count = <int32_t>len(attrs)
        self.items = <plait_value_t *>malloc((self.count + 1) * sizeof(plait_value_t))
        if self.items == NULL:
            raise MemoryError
        cdef int32_t i
        for i in range(self.count):
            self.fill(&self.items[i], attrs[i])

    def __dealloc__(self):
        free(self.items)

    cdef int fill(self, plait_value_t *out, object v) except -1:
        cdef bytearray block
        cdef int64_t *ints
        cdef double *reals
        out.size = 0
        if v is None:
            out.kind = PLAIT_VALUE_NONE
        elif v is True or v is False:
            out.kind = PLAIT_VALUE_BOOL
            out.as_.integer = 1 if v else 0
        elif isinstance(v, int):
            out.kind = PLAIT_VALUE_INT
            out.as_.integer = v
        elif isinstance(v, float):
            out.kind = PLAIT_VALUE_FLOAT
            out.as_.real = v
        elif isinstance(v, str):
            encoded = v.encode()
            self.kept.append(encoded)
            out.kind = PLAIT_VALUE_STRING
            out.as_.string = encoded
        elif isinstance(v, (tuple, list)):
            block = bytearray(8 * len(v) + 8)
            self.blocks.append(block)
            out.size = <int32_t>len(v)
            if any(isinstance(item, float) for item in v):
                out.kind = PLAIT_VALUE_FLOATS
                reals = <double *><char *>block
                for i, item in enumerate(v):
                    reals[i] = item
                out.as_.floats = reals
            else:
                out.kind = PLAIT_VALUE_INTS
                ints = <int64_t *><char *>block
                for i, item in enumerate(v):
                    ints[i] = (-0x7fffffffffffffff - 1) if item is None else item.__index__()
                out.as_.ints = ints
        elif hasattr(v, "__index__"):
            out.kind = PLAIT_VALUE_INT
            out.as_.integer = v.__index__()
        elif hasattr(v, "__float__") and not isinstance(v, type):
            out.kind = PLAIT_VALUE_FLOAT
            out.as_.real = float(v)
        elif isinstance(v, type) or hasattr(v, "name"):  # a dtype
            encoded = str(getattr(v, "name", None) or v.__name__).encode()
            self.kept.append(encoded)
            out.kind = PLAIT_VALUE_STRING
            out.as_.string = encoded
        else:
            raise TypeError(f"attribute is {v!r} of {type(v).__name__}, must be a number, text or a tuple")
        return 0


def invoke(Operator op, tuple inputs, tuple attrs, out, type cls, bint view=False):
    """Run an operator.

    Parameters
    ----------
    op : Operator
    inputs : tuple of Array or None
        None stands for an optional input that is left out.
    attrs : tuple
        Values of the first attributes in the order of the definition; None: the default.
    out : Array, list of Array or None
        Where the result goes.
    cls : type
        Class of the results.
    view : bool
        The result may share memory with the input.

    Returns
    -------
    `cls`, or a list of them if the operator has several outputs
    """
    cdef int32_t i, n = <int32_t>len(inputs), m = 0, capacity = 8, flags = 1 if view else 0
    cdef plait_array_t small[24]
    cdef plait_array_t *block = small
    cdef plait_array_t *results
    cdef plait_status_t status
    cdef _Values values = None
    cdef plait_value_t *items = NULL
    cdef int32_t count = 0
    if attrs:
        values = _Values(attrs)
        items = values.items
        count = values.count
    given = None
    if out is not None:
        given = out if isinstance(out, (list, tuple)) else (out,)
    if n > 16 or count or given is not None:
        capacity = max(8, n, <int32_t>(0 if given is None else len(given)), _list_outputs(attrs))
    if n + capacity > 24:
        block = <plait_array_t *>malloc((n + capacity) * sizeof(plait_array_t))
        if block == NULL:
            raise MemoryError
    results = block + n
    try:
        for i in range(n):
            item = inputs[i]
            if item is None:
                block[i] = NULL
            elif isinstance(item, Array):
                block[i] = (<Array>item)._array
            else:
                raise TypeError(f"{op.name}: input {i} is {type(item).__name__}, must be an array")
        for i in range(capacity):
            results[i] = NULL
        if given is not None:
            for i in range(<int32_t>len(given)):
                if not isinstance(given[i], Array):
                    raise TypeError(f"{op.name}: out is {type(given[i]).__name__}, must be an array")
                results[i] = (<Array>given[i])._array
        with nogil:
            status = plait_op_invoke(op.op, block, n, items, count, flags, results, capacity, &m)
        check(status)
        if given is not None:
            fresh = [given[i] if i < len(given) else wrap(cls, results[i]) for i in range(m)]
            return out if len(given) >= m else fresh
        if m == 1:
            return wrap(cls, results[0])
        return [wrap(cls, results[i]) for i in range(m)]
    finally:
        if block != small:
            free(block)


cdef int32_t _list_outputs(tuple attrs):
    """Room for operators whose number of outputs is an attribute."""
    cdef int64_t most = 0
    for v in attrs:
        if isinstance(v, int) and most < v <= 65536:
            most = v
    return <int32_t>most




cdef object _binary(Operator op, Array a, Array b, type cls):
    cdef plait_array_t pair[2]
    cdef plait_array_t result = NULL
    cdef plait_status_t status
    cdef int32_t m
    pair[0] = a._array
    pair[1] = b._array
    with nogil:
        status = plait_op_invoke(op.op, pair, 2, NULL, 0, 0, &result, 1, &m)
    check(status)
    return wrap(cls, result)


cdef object _scalar(Operator op, Array a, double value, type cls):
    cdef plait_value_t attr
    cdef plait_array_t result = NULL
    cdef plait_status_t status
    cdef int32_t m
    attr.kind = PLAIT_VALUE_FLOAT
    attr.size = 0
    attr.as_.real = value
    with nogil:
        status = plait_op_invoke(op.op, &a._array, 1, &attr, 1, 0, &result, 1, &m)
    check(status)
    return wrap(cls, result)


def binary(Operator op, Operator scalar_op, Array a, b, type cls):
    """`op(a, b)`, or `scalar_op(a, scalar=b)` if `b` is a number; NotImplemented for others."""
    if isinstance(b, Array):
        return _binary(op, a, <Array>b, cls)
    if isinstance(b, (float, int)) or hasattr(b, "__float__") and not hasattr(b, "__len__"):
        return _scalar(scalar_op, a, b, cls)
    return NotImplemented
