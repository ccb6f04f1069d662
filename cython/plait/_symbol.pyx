"""Symbols and compiled graphs over the C interface."""

import json

from libc.stdint cimport int32_t
from libc.stdlib cimport free, malloc

from plait._capi cimport *
from plait._array cimport Array, wrap
from plait._status cimport check


cdef str _take_text(plait_buffer_t buffer):
    try:
        return plait_buffer_data(buffer)[:plait_buffer_size(buffer)].decode()
    finally:
        plait_buffer_free(buffer)


cdef class Handle:
    """Owner of one symbol of the core."""

    cdef plait_symbol_t _symbol

    def __dealloc__(self):
        plait_symbol_free(self._symbol)

    def size(self):
        return plait_symbol_num_outputs(self._symbol)

    def name(self):
        """Name of the node; None for a group."""
        cdef const char *text = plait_symbol_name(self._symbol)
        return None if text == NULL else text.decode()

    def names(self, int which):
        """List of names; `which` as in the C enum plait_names_t."""
        cdef plait_buffer_t text
        check(plait_symbol_names(self._symbol, <plait_names_t>which, &text))
        return json.loads(_take_text(text))

    def output(self, int32_t index):
        cdef Handle out = Handle.__new__(Handle)
        check(plait_symbol_output(self._symbol, index, &out._symbol))
        return out

    def internals(self):
        cdef Handle out = Handle.__new__(Handle)
        check(plait_symbol_internals(self._symbol, &out._symbol))
        return out

    def children(self):
        cdef Handle out = Handle.__new__(Handle)
        check(plait_symbol_children(self._symbol, &out._symbol))
        return out

    def attrs_json(self):
        cdef plait_buffer_t text
        check(plait_symbol_attrs(self._symbol, &text))
        return _take_text(text)

    def set_attr(self, str key, str value):
        cdef bytes k = key.encode(), v = value.encode()
        check(plait_symbol_set_attr(self._symbol, k, v))

    def set_value(self, Array value):
        check(plait_symbol_set_value(self._symbol, value._array if value is not None else NULL))

    def value(self, type cls):
        """Value of a variable, or None."""
        cdef plait_array_t array
        check(plait_symbol_value(self._symbol, &array))
        return None if array == NULL else wrap(cls, array)

    def infer_json(self, str given):
        cdef plait_buffer_t text
        cdef bytes encoded = given.encode()
        check(plait_symbol_infer(self._symbol, encoded, &text))
        return _take_text(text)

    def to_json(self):
        cdef plait_buffer_t text
        check(plait_symbol_to_json(self._symbol, &text))
        return _take_text(text)

    def compose(self, names, symbols):
        cdef Handle out = Handle.__new__(Handle)
        cdef _Texts keys = _Texts(names)
        cdef _Handles parts = _Handles(symbols)
        check(plait_symbol_compose(self._symbol, keys.items(), parts.items(), parts.count,
                                   &out._symbol))
        return out

    def renamed(self, str name):
        """A copy whose first output comes from a node of this name."""
        cdef Handle out = Handle.__new__(Handle)
        cdef bytes text = name.encode()
        check(plait_symbol_rename(self._symbol, text, &out._symbol))
        return out

    def is_same(self, Handle other):
        """Whether both are the same outputs of the same nodes."""
        return plait_symbol_is_same(self._symbol, other._symbol) == 1

    def cut(self, str key, str value):
        """The nodes whose attribute `key` is `value`, and what stands for each input of theirs."""
        cdef Handle body = Handle.__new__(Handle), outer = Handle.__new__(Handle)
        cdef bytes k = key.encode(), v = value.encode()
        check(plait_symbol_cut(self._symbol, k, v, &body._symbol, &outer._symbol))
        return body, outer


cdef class _List:
    """Things and room for a pointer to each, as a C list that lives as long as this object."""

    cdef void **pointers
    cdef int32_t count
    cdef list _kept

    def __cinit__(self, things):
        self._kept = list(things)
        self.count = <int32_t>len(self._kept)
        self.pointers = <void **>malloc((self.count + 1) * sizeof(void *))
        if self.pointers == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.pointers)


cdef class _Texts(_List):
    """Texts as a C list."""

    def __cinit__(self, texts):
        for i in range(self.count):
            self._kept[i] = str(self._kept[i]).encode()
            self.pointers[i] = <char *><bytes>self._kept[i]

    cdef const char **items(self):
        return <const char **>self.pointers


cdef class _Handles(_List):
    """Symbols as a C list."""

    def __cinit__(self, symbols):
        for i in range(self.count):
            self.pointers[i] = (<Handle?>self._kept[i])._symbol

    cdef plait_symbol_t *items(self):
        return <plait_symbol_t *>self.pointers


cdef class _Arrays(_List):
    """Arrays as a C list."""

    def __cinit__(self, arrays):
        for i in range(self.count):
            self.pointers[i] = (<Array?>self._kept[i])._array

    cdef plait_array_t *items(self):
        return <plait_array_t *>self.pointers


def variable(str name):
    """Handle of a new variable."""
    cdef Handle out = Handle.__new__(Handle)
    cdef bytes encoded = name.encode()
    check(plait_symbol_variable(encoded, &out._symbol))
    return out


def apply(str op, str name, inputs, input_names, dict attrs):
    """Handle of operator `op` (its name in the registry) applied to handles.

    None stands for None where that is legal, else for the default; other values are handed over in
    Python's spelling.
    """
    cdef plait_op_t found
    cdef bytes op_name = op.encode(), node_name = name.encode()
    check(plait_op_find(op_name, &found))
    cdef _Handles parts = _Handles(inputs)
    cdef _Texts slots = _Texts(input_names), keys = _Texts(attrs)
    cdef _Texts texts = _Texts(attrs.values())
    cdef Handle out = Handle.__new__(Handle)
    cdef plait_value_t *values = <plait_value_t *>malloc((texts.count + 1) * sizeof(plait_value_t))
    if values == NULL:
        raise MemoryError
    try:
        for i, value in enumerate(attrs.values()):
            values[i].kind = PLAIT_VALUE_NONE if value is None else PLAIT_VALUE_STRING
            values[i].size = 0
            values[i].as_.string = texts.items()[i]
        check(plait_symbol_apply(found, node_name, parts.items(), slots.items(), parts.count,
                                 keys.items(), values, texts.count, &out._symbol))
    finally:
        free(values)
    return out


def group(symbols):
    """Handle with the outputs of all `symbols`."""
    cdef Handle out = Handle.__new__(Handle)
    cdef _Handles parts = _Handles(symbols)
    check(plait_symbol_group(parts.items(), parts.count, &out._symbol))
    return out


def from_json(str text):
    """Handle of the symbol in MXNet's JSON `text`."""
    cdef Handle out = Handle.__new__(Handle)
    cdef bytes encoded = text.encode()
    check(plait_symbol_from_json(encoded, len(encoded), &out._symbol))
    return out


cdef class CachedGraph:
    """A symbol compiled once for each signature of its inputs."""

    cdef plait_graph_t _graph
    cdef int32_t _num_outputs

    def __cinit__(self, Handle symbol):
        self._num_outputs = plait_symbol_num_outputs(symbol._symbol)
        check(plait_graph_new(symbol._symbol, &self._graph))

    def __dealloc__(self):
        plait_graph_free(self._graph)

    def call(self, tuple arrays, type cls):
        """List of the outputs, of class `cls`, for arrays in the order of the symbol's inputs."""
        cdef int32_t n = <int32_t>len(arrays), m = 0, i
        cdef plait_array_t *buffer = <plait_array_t *>malloc(
            (n + self._num_outputs + 1) * sizeof(plait_array_t))
        cdef plait_array_t *outputs = buffer + n
        cdef plait_status_t status
        if buffer == NULL:
            raise MemoryError
        try:
            for i in range(n):
                buffer[i] = (<Array?>arrays[i])._array
            with nogil:
                status = plait_graph_call(self._graph, buffer, n, outputs, self._num_outputs, &m)
            check(status)
            return [wrap(cls, outputs[i]) for i in range(m)]
        finally:
            free(buffer)

    def explain(self):
        cdef plait_buffer_t text
        check(plait_graph_explain(self._graph, &text))
        return _take_text(text)


def passes():
    """JSON list of the passes of the graph compiler, in the order in which they run."""
    cdef plait_buffer_t text
    check(plait_graph_passes(&text))
    return _take_text(text)


def set_pass(str name, bint on):
    """Switch a pass for graphs made from now on; returns what it was."""
    cdef bytes encoded = name.encode()
    cdef int32_t was
    check(plait_graph_set_pass(encoded, on, &was))
    return bool(was)


def set_memory_target(double target):
    """What recomputation aims at in graphs made from now on; returns what it was."""
    cdef double was
    check(plait_graph_set_memory_target(target, &was))
    return was


cdef class Trace:
    """Operators applied to arrays by this thread, from the making of the object to `end`."""

    cdef plait_trace_t _trace

    def __cinit__(self):
        check(plait_trace_begin(&self._trace))

    def __dealloc__(self):
        plait_trace_free(self._trace)

    def close(self):
        """Stop without a result."""
        plait_trace_free(self._trace)
        self._trace = NULL

    def variable(self, str name, Array array):
        cdef bytes text = name.encode()
        check(plait_trace_variable(self._trace, text, array._array))

    def argument(self, str name, Array array):
        """A variable whose value differs from call to call: to read it is an error."""
        cdef bytes text = name.encode()
        check(plait_trace_argument(self._trace, text, array._array))

    def end(self, arrays):
        """Handle of the symbol of `arrays`."""
        cdef Handle out = Handle.__new__(Handle)
        cdef _Arrays list_ = _Arrays(arrays)
        check(plait_trace_end(self._trace, list_.items(), list_.count, &out._symbol))
        return out

    def steps_json(self, arrays):
        """JSON text of the steps that lead to `arrays`; ends the trace."""
        cdef plait_buffer_t text
        cdef _Arrays list_ = _Arrays(arrays)
        check(plait_trace_steps(self._trace, list_.items(), list_.count, &text))
        return _take_text(text)

    def captured(self, type cls):
        """List of the arrays behind the variables "captured0" and so on."""
        cdef plait_array_t array
        found = []
        for i in range(plait_trace_num_captured(self._trace)):
            check(plait_trace_captured(self._trace, i, &array))
            found.append(wrap(cls, array))
        return found


cdef class BoundGraph:
    """A compiled graph whose parameters are at hand: a call brings the other inputs only."""

    cdef CachedGraph _graph
    cdef list _kept
    cdef plait_array_t *_inputs
    cdef int32_t *_slots
    cdef int32_t *_sources
    cdef int32_t _num_inputs, _num_slots, _num_args

    def __cinit__(self, CachedGraph graph, list arrays, list slots, int32_t num_args):
        """`arrays` in the order of the inputs, None for those that calls bring; `slots` pairs of
        such an input and the position of its argument, of `num_args`."""
        self._graph = graph
        self._kept = list(arrays)
        self._num_inputs, self._num_slots = <int32_t>len(arrays), <int32_t>len(slots)
        self._num_args = num_args
        self._inputs = <plait_array_t *>malloc((self._num_inputs + 1) * sizeof(plait_array_t))
        self._slots = <int32_t *>malloc((self._num_slots + 1) * sizeof(int32_t))
        self._sources = <int32_t *>malloc((self._num_slots + 1) * sizeof(int32_t))
        if self._inputs == NULL or self._slots == NULL or self._sources == NULL:
            raise MemoryError
        for i in range(self._num_inputs):
            array = self._kept[i]
            self._inputs[i] = NULL if array is None else (<Array?>array)._array
        for i, (slot, source) in enumerate(slots):
            self._slots[i], self._sources[i] = slot, source

    def __dealloc__(self):
        free(self._inputs)
        free(self._slots)
        free(self._sources)

    def call(self, tuple args):
        """List of the outputs, or None if the arguments are not `num_args` arrays."""
        cdef int32_t i, m = 0, n = self._num_inputs
        cdef plait_array_t small[48]
        cdef plait_array_t *block = small
        cdef plait_array_t *outputs
        cdef plait_status_t status
        if len(args) != self._num_args:
            return None
        for item in args:
            if not isinstance(item, Array) or (<Array>item)._array == NULL:  # no array, or sparse
                return None
        if n + self._graph._num_outputs > 48:
            block = <plait_array_t *>malloc((n + self._graph._num_outputs) * sizeof(plait_array_t))
            if block == NULL:
                raise MemoryError
        try:
            for i in range(n):
                block[i] = self._inputs[i]
            for i in range(self._num_slots):
                block[self._slots[i]] = (<Array>args[self._sources[i]])._array
            outputs = block + n
            with nogil:
                status = plait_graph_call(self._graph._graph, block, n, outputs,
                                          self._graph._num_outputs, &m)
            check(status)
            cls = type(args[0])
            return [wrap(cls, outputs[i]) for i in range(m)]
        finally:
            if block != small:
                free(block)
