"""Arrays and operators over the C interface."""

import json

from cpython.buffer cimport (
    PyBUF_FORMAT, PyBUF_STRIDES, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer,
)
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.object cimport PyObject, PyTypeObject
from cpython.pycapsule cimport (
    PyCapsule_GetPointer, PyCapsule_IsValid, PyCapsule_New, PyCapsule_SetName,
)
from cpython.tuple cimport PyTuple_GET_SIZE
from libc.stdint cimport INT64_MIN, int32_t, int64_t

from plait._capi cimport *
from plait._status cimport check

cdef tuple _NO_ARGUMENTS = ()

DTYPE_NAMES = ("float32", "float64", "float16", "uint8", "int32", "int8", "int64", "bool", "int16",
               "uint16", "uint32", "uint64", "bfloat16", "complex64", "complex128")
DTYPE_NUMBERS = {name: number for number, name in enumerate(DTYPE_NAMES)}
cdef tuple _FORMATS = (b"f", b"d", b"e", b"B", b"i", b"b", b"q", b"?", b"h", b"H", b"I", b"Q", b"H",
                       b"Zf", b"Zd")
cdef tuple _SIZES = (4, 8, 2, 1, 4, 1, 8, 1, 2, 2, 4, 8, 2, 8, 16)
ITEM_SIZES = dict(zip(DTYPE_NAMES, _SIZES))  # bytes
cdef dict _FROM_FORMAT = {"f": 0, "d": 1, "e": 2, "B": 3, "i": 4, "b": 5, "q": 6, "l": 6, "?": 7,
                          "h": 8, "H": 9, "I": 10, "Q": 11, "L": 11, "Zf": 13, "Zd": 14}


cdef object wrap(type cls, plait_array_t handle):
    """An object of `cls` that owns `handle`."""
    cdef Array out = (<PyTypeObject *>cls).tp_new(cls, <PyObject *>_NO_ARGUMENTS, NULL)
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
    def place(self):
        """(int, int): kind and number of the device."""
        cdef plait_device_t d = plait_array_device(self._array)
        return d.kind, d.id

    @property
    def version(self):
        """int: how often the memory was written."""
        return plait_array_version(self._array)

    @property
    def writable(self):
        """bool: False for memory that another library lent only for reading."""
        return not plait_array_is_read_only(self._array)

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
        strides_wanted = flags & PyBUF_STRIDES == PyBUF_STRIDES
        if not strides_wanted and not plait_array_is_contiguous(self._array):
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
        cdef plait_status_t status
        if max_version is not None and max_version[0] >= 1:
            with nogil:
                status = plait_array_to_dlpack(source._array, &fresh)
            check(status)
            return PyCapsule_New(fresh, "dltensor_versioned", _drop_tensor)
        with nogil:
            status = plait_array_to_dlpack_old(source._array, &old)
        check(status)
        return PyCapsule_New(old, "dltensor", _drop_tensor_old)


# A capsule that nobody used still owns its tensor.
cdef void _drop_tensor(object capsule) noexcept:
    cdef DLManagedTensorVersioned *tensor
    if PyCapsule_IsValid(capsule, "dltensor_versioned"):
        tensor = <DLManagedTensorVersioned *>PyCapsule_GetPointer(capsule, "dltensor_versioned")
        tensor.deleter(tensor)


cdef void _drop_tensor_old(object capsule) noexcept:
    cdef DLManagedTensor *tensor
    if PyCapsule_IsValid(capsule, "dltensor"):
        tensor = <DLManagedTensor *>PyCapsule_GetPointer(capsule, "dltensor")
        tensor.deleter(tensor)


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
    """A copy of any buffer (NumPy arrays, memoryviews); `dtype`: its number, None: the buffer's."""
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
                raise TypeError(f"array: dtype has the format {letter!r}, must be one of ours")
            number = _FROM_FORMAT[letter]
        else:
            number = dtype
        if view.itemsize != <Py_ssize_t>_SIZES[number]:
            raise TypeError(f"array: elements have {view.itemsize} bytes, must have "
                            f"{_SIZES[number]} for {DTYPE_NAMES[number]}")
        for i in range(ndim):
            sizes[i] = view.shape[i]
            steps[i] = view.strides[i] // view.itemsize
            if view.strides[i] % view.itemsize:
                raise ValueError("array: strides must be multiples of the size of an element")
        device.kind = device_kind
        device.id = device_id
        with nogil:
            status = plait_array_from_data(view.buf, sizes, steps, ndim, <plait_dtype_t>number,
                                           device, &out)
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

    def runs_on(self, int kind):
        """Whether it has a kernel for devices of this kind."""
        return plait_op_runs_on(self.op, kind) == 1

    cdef object attr_name(self, Py_ssize_t i):
        attrs = json.loads(self.describe_json())["attrs"]
        return attrs[i]["name"] if i < len(attrs) else f"attribute {i}"

    cdef object input_name(self, Py_ssize_t i):
        inputs = json.loads(self.describe_json())["inputs"]
        return inputs[min(i, len(inputs) - 1)]["name"] if inputs else f"input {i}"

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


cdef bint is_complex(object number) except -1:
    """Of a number of NumPy; Python's own has no conversion to float."""
    return getattr(getattr(number, "dtype", None), "kind", "") == "c"


# Python values of one call as C values. What the C values point into is kept alive in `kept`.
cdef class _Values:
    cdef plait_value_t *items
    cdef int32_t count
    cdef list kept

    def __cinit__(self, Operator op, tuple attrs):
        cdef int32_t i
        self.count = <int32_t>len(attrs)
        self.items = <plait_value_t *>PyMem_Malloc((self.count + 1) * sizeof(plait_value_t))
        if self.items == NULL:
            raise MemoryError
        for i in range(self.count):
            try:
                self.fill(&self.items[i], attrs[i])
            except (TypeError, OverflowError) as error:
                raise TypeError(f"{op.name}: {op.attr_name(i)} is {attrs[i]!r}, {error}") from None

    def __dealloc__(self):
        PyMem_Free(self.items)

    cdef object keep(self, object owner):
        if self.kept is None:
            self.kept = []
        self.kept.append(owner)
        return owner

    cdef int text(self, plait_value_t *out, object text) except -1:
        encoded = self.keep((<str>text).encode())
        out.kind = PLAIT_VALUE_STRING
        out.as_.string = <const char *>(<bytes>encoded)
        return 0

    cdef int numbers(self, plait_value_t *out, object v) except -1:
        cdef Py_ssize_t i = 0
        cdef bytearray block = self.keep(bytearray(8 * len(v) + 8))
        cdef int64_t *ints = <int64_t *><char *>block
        cdef double *reals = <double *>ints
        out.size = <int32_t>len(v)
        out.kind = PLAIT_VALUE_INTS
        for item in v:
            if isinstance(item, float) or not (item is None or hasattr(item, "__index__")):
                out.kind = PLAIT_VALUE_FLOATS
                break
        if out.kind == PLAIT_VALUE_FLOATS:
            for item in v:
                if isinstance(item, str) or not hasattr(item, "__float__") or is_complex(item):
                    raise TypeError("must be a tuple of numbers")
                reals[i] = float(item)
                i += 1
            out.as_.floats = reals
        else:
            for item in v:
                ints[i] = INT64_MIN if item is None else item.__index__()
                i += 1
            out.as_.ints = ints
        return 0

    cdef int fill(self, plait_value_t *out, object v) except -1:
        out.size = 0
        if v is None:
            out.kind = PLAIT_VALUE_NONE
        elif isinstance(v, bool):
            out.kind = PLAIT_VALUE_BOOL
            out.as_.integer = 1 if v else 0
        elif isinstance(v, int):
            out.kind = PLAIT_VALUE_INT
            out.as_.integer = v
        elif isinstance(v, float):
            out.kind = PLAIT_VALUE_FLOAT
            out.as_.real = v
        elif isinstance(v, str):
            self.text(out, v)
        elif isinstance(v, (tuple, list)):
            self.numbers(out, v)
        elif hasattr(v, "device_typeid"):  # a Context: "cpu(0)"
            self.text(out, str(v))
        elif isinstance(v, type):  # a dtype: np.float32, bool, ...
            self.text(out, _TYPE_NAMES.get(v) or v.__name__)
        elif hasattr(v, "__index__"):
            out.kind = PLAIT_VALUE_INT
            out.as_.integer = v.__index__()
        elif hasattr(v, "__float__") and not is_complex(v):
            out.kind = PLAIT_VALUE_FLOAT
            out.as_.real = float(v)
        elif isinstance(getattr(v, "name", None), str):  # numpy.dtype
            self.text(out, v.name)
        else:
            raise TypeError(f"of {type(v).__name__}, "
                            "must be a number, text, a dtype or a tuple of numbers")
        return 0


# Changes the inputs of each operator that runs: f(name, inputs, attrs) gives the new inputs.
cdef object _input_rule = None


def set_input_rule(rule):
    """Have ``rule(name, inputs, attrs)`` choose the inputs of each operator; None: as given."""
    global _input_rule
    _input_rule = rule


cdef dict _TYPE_NAMES = {float: "float64", int: "int64", bool: "bool"}


def invoke(Operator op, tuple inputs, tuple attrs, out, type cls, bint view=False,
           bint hidden=False):
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
        Class of the results; that of the first input if it is a subclass, so that functions of
        `mx.nd` give arrays of `mx.np` for such.
    view : bool
        The result may share memory with the input.
    hidden : bool
        Give the outputs as well that are not part of the visible result.

    Returns
    -------
    `cls`, or a list of them if the operator has several outputs
    """
    cdef plait_array_t small[_SMALL]
    cdef plait_array_t *block = small
    cdef int32_t i, n = <int32_t>len(inputs), m = 0, capacity = _SMALL - n
    cdef int32_t flags = (PLAIT_INVOKE_VIEW if view else 0) | (PLAIT_INVOKE_HIDDEN if hidden else 0)
    cdef plait_status_t status
    if not _all_dense(inputs) or out is not None and not _all_dense(
            tuple(out) if isinstance(out, (list, tuple)) else (out,)):
        return _sparse_invoke(op, inputs, attrs, out, cls)
    cdef _Values values = _Values.__new__(_Values, op, attrs) if PyTuple_GET_SIZE(attrs) else None
    cdef tuple given = ()
    if _input_rule is not None:
        inputs = _input_rule(op.name, inputs, attrs)
    if out is not None:
        given = tuple(out) if isinstance(out, (list, tuple)) else (out,)
    for item in inputs:
        if isinstance(item, Array):
            if issubclass(type(item), cls):
                cls = type(item)
            break
    try:
        if capacity < 8 or capacity < len(given):
            capacity = max(8, <int32_t>len(given))
            block = <plait_array_t *>PyMem_Malloc((n + capacity) * sizeof(plait_array_t))
        while True:
            if block == NULL:
                raise MemoryError
            _fill_handles(op, block, inputs, given, capacity)
            with nogil:
                status = plait_op_invoke(op.op, block, n, NULL if values is None else values.items,
                                         0 if values is None else values.count,
                                         flags, block + n, capacity, &m)
            if status == PLAIT_OK or m <= capacity:
                check(status)
                break
            capacity = m  # the operator has more outputs than expected and did nothing: again
            if block != small:
                PyMem_Free(block)
            block = <plait_array_t *>PyMem_Malloc((n + capacity) * sizeof(plait_array_t))
        if m == 1 and not given:
            return wrap(cls, block[n])
        results = [given[i] if i < len(given) else wrap(cls, block[n + i]) for i in range(m)]
        return results if out is None or len(given) < m else out
    finally:
        if block != small:
            PyMem_Free(block)


# What runs an operator on arrays of which some are sparse: mx.nd.sparse gives it.
cdef object _sparse_invoke = None


def set_sparse_invoke(function):
    """`function(op, inputs, attrs, out, cls)` is called for sparse inputs and outputs."""
    global _sparse_invoke
    _sparse_invoke = function


# Sparse arrays have no handle of their own as dense ones.
cdef inline bint _all_dense(tuple arrays):
    for item in arrays:
        if isinstance(item, Array) and (<Array>item)._array == NULL:
            return False
    return True


cdef enum:
    _SMALL = 24  # inputs and outputs of a call that needs no memory for handles


cdef int _fill_handles(Operator op, plait_array_t *block, tuple inputs, tuple given,
                       int32_t capacity) except -1:
    cdef Py_ssize_t i = 0
    cdef int32_t j
    for item in inputs:
        if isinstance(item, Array):
            block[i] = (<Array>item)._array
        elif item is None:
            block[i] = NULL
        else:
            raise TypeError(f"{op.name}: {op.input_name(i)} is {type(item).__name__}, "
                            "must be an array")
        i += 1
    for j in range(capacity):
        block[i + j] = NULL
    for item in given:
        if not isinstance(item, Array):
            raise TypeError(f"{op.name}: out is {type(item).__name__}, must be an array")
        block[i] = (<Array>item)._array
        i += 1
    return 0
