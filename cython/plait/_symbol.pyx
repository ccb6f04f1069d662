"""Symbols and compiled graphs over the C interface."""

import json

from libc.stdint cimport int32_t, int64_t
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
        check(plait_symbol_compose(self._symbol, keys.items, parts.items, parts.count, &out._symbol))
        return out


cdef class _Texts:
    """Texts as a C list, alive as long as this object."""

    cdef const char **items
    cdef int32_t count
    cdef list _kept

    def __cinit__(self, texts):
        self._kept = [str(text).encode() for text in texts]
        self.count = <int32_t>len(self._kept)
        self.items = <const char **>malloc((self.count + 1) * sizeof(char *))
        if self.items == NULL:
            raise MemoryError
        for i in range(self.count):
            self.items[i] = <bytes>self._kept[i]

    def __dealloc__(self):
        free(self.items)


cdef class _Handles:
    """Symbols as a C list, alive as long as this object."""

    cdef plait_symbol_t *items
    cdef int32_t count
    cdef list _kept

    def __cinit__(self, symbols):
        self._kept = list(symbols)
        self.count = <int32_t>len(self._kept)
        self.items = <plait_symbol_t *>malloc((self.count + 1) * sizeof(plait_symbol_t))
        if self.items == NULL:
            raise MemoryError
        for i in range(self.count):
            self.items[i] = (<Handle?>self._kept[i])._symbol

    def __dealloc__(self):
        free(self.items)


def variable(str name):
    """Handle of a new variable."""
    cdef Handle out = Handle.__new__(Handle)
    cdef bytes encoded = name.encode()
    check(plait_symbol_variable(encoded, &out._symbol))
    return out


def apply(str op, str name, inputs, input_names, dict attrs):
    """Handle of operator `op` (its name in the registry) applied to handles.

    Attributes whose value is None keep their default; others are handed over in Python's spelling.
    """
    cdef plait_op_t found
    cdef bytes op_name = op.encode(), node_name = name.encode()
    check(plait_op_find(op_name, &found))
    given = {key: value for key, value in attrs.items() if value is not None}
    cdef _Handles parts = _Handles(inputs)
    cdef _Texts slots = _Texts(input_names), keys = _Texts(given)
    cdef _Texts texts = _Texts(given.values())
    cdef Handle out = Handle.__new__(Handle)
    cdef plait_value_t *values = <plait_value_t *>malloc((texts.count + 1) * sizeof(plait_value_t))
    if values == NULL:
        raise MemoryError
    try:
        for i in range(texts.count):
            values[i].kind = PLAIT_VALUE_STRING
            values[i].size = 0
            values[i].as_.string = texts.items[i]
        check(plait_symbol_apply(found, node_name, parts.items, slots.items, parts.count, keys.items,
                                 values, texts.count, &out._symbol))
    finally:
        free(values)
    return out


def group(symbols):
    """Handle with the outputs of all `symbols`."""
    cdef Handle out = Handle.__new__(Handle)
    cdef _Handles parts = _Handles(symbols)
    check(plait_symbol_group(parts.items, parts.count, &out._symbol))
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
