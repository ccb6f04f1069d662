"""Every function of the header: with good arguments, with each pointer NULL in turn, with handles
of another kind and with handles that were freed."""

import re
import struct

import pytest
from cffi import FFI

NULL = FFI().NULL
JSON = b'{"nodes": [{"op": "null", "name": "x", "inputs": []}], "arg_nodes": [0], "heads": [[0, 0, 0]]}'


RECORDS = "image image_reader record_file record_writer rec written picture options codecs".split()


class World:
    """One object of each kind, and the arguments of a good call of each function."""

    def __init__(self, c, folder):
        self.c, ffi, lib = c, c.ffi, c.lib
        self.keep, self.kept_arrays, self.folder = [], [], str(folder).encode()
        self.a, self.b = c.array([1, 2, 3]), c.array([0, 0, 0])
        self.x = self.made("plait_symbol_t", lib.plait_symbol_variable, b"x")
        self.w = self.made("plait_symbol_t", lib.plait_symbol_variable, b"w")
        self.add = c.op("add")
        self.sum = self.made(
            "plait_symbol_t", lib.plait_symbol_apply,
            self.add, b"s", [self.x, self.w], NULL, 2, NULL, NULL, 0,
        )  # fmt: skip
        self.graph = self.made("plait_graph_t", lib.plait_graph_new, self.sum)
        self.buffer = self.made("plait_buffer_t", lib.plait_symbol_to_json, self.sum)
        names = self.strings(b"arg:w")
        self.bytes = self.made("plait_buffer_t", lib.plait_archive_save_buffer, [self.a], names, 1)
        self.archive = self.made(
            "plait_archive_t", lib.plait_archive_load_buffer,
            lib.plait_buffer_data(self.bytes), lib.plait_buffer_size(self.bytes),
        )  # fmt: skip
        self.predictor = self.made(
            "plait_predictor_t", lib.plait_predictor_load_buffer,
            lib.plait_buffer_data(self.buffer), lib.plait_buffer_size(self.buffer),
            lib.plait_buffer_data(self.bytes), lib.plait_buffer_size(self.bytes),
        )  # fmt: skip
        self.var = self.made("plait_var_t", lib.plait_var_new)
        self.kvstore = self.made("plait_kvstore_t", lib.plait_kvstore_new, b"local")
        c.ok(lib.plait_kvstore_init(self.kvstore, b"w", self.a))
        option = self.strings(b"batch_size"), self.strings(b"2")
        self.iter = self.made(
            "plait_iter_t", lib.plait_iter_from_arrays, self.a, self.b, *option, 1
        )
        self.comm = self.made("plait_comm_t", lib.plait_comm_new_group, 1)
        c.ok(lib.plait_predictor_set_input(self.predictor, b"x", self.a))
        c.ok(lib.plait_predictor_run(self.predictor))
        with open(folder / "p", "wb") as file:
            file.write(
                ffi.buffer(lib.plait_buffer_data(self.bytes), lib.plait_buffer_size(self.bytes))
            )
        with open(folder / "s", "wb") as file:
            file.write(ffi.string(lib.plait_buffer_data(self.buffer)))

    def __getattr__(self, name):
        """Records and pictures are made when they are first asked for."""
        if name not in RECORDS or "image" in vars(self):
            raise AttributeError(name)
        self.records()
        return getattr(self, name)

    def records(self):
        """A file of records, one of them with a picture if there are codecs."""
        lib, ffi, at = self.c.lib, self.c.ffi, self.c.ffi.new("int64_t *")
        self.image = self.made("plait_array_t", lib.plait_array_empty, [4, 4, 3], 3, 3, self.c.cpu)
        self.c.ok(lib.plait_array_copy_from_host(self.image, bytes(48), 48))
        self.codecs = lib.plait_image_has_codecs()
        picture = b"\0" * 100
        if self.codecs:
            png = self.made("plait_buffer_t", lib.plait_image_encode, self.image, b"png", 3)
            picture = ffi.buffer(lib.plait_buffer_data(png), lib.plait_buffer_size(png))[:]
            lib.plait_buffer_free(png)
        self.picture, head = picture, struct.pack("<IfQQ", 0, 1.0, 7, 0)
        self.rec, self.written = self.folder + b"/a.rec", self.folder + b"/b.rec"
        writer = self.made("plait_record_writer_t", lib.plait_record_writer_open, self.rec)
        record = head + picture
        self.c.ok(lib.plait_record_writer_write(writer, record, len(record), at))
        lib.plait_record_writer_free(writer)
        self.record_file = self.made("plait_record_file_t", lib.plait_record_file_open, self.rec)
        self.record_writer = self.made(
            "plait_record_writer_t", lib.plait_record_writer_open, self.written
        )
        self.options = ffi.new("plait_image_reader_options_t *")
        for key, value in {"channels": 3, "height": 4, "width": 4, "label_width": 1, "threads": 1,
                           "batch_size": 1, "prefetch": 1, "interpolation": 1, "max_area": 1,
                           "min_area": 1, "min_ratio": 1, "max_ratio": 1, "scale": 1}.items():  # fmt: skip
            setattr(self.options, key, value)
        self.options.struct_size = ffi.sizeof("plait_image_reader_options_t")
        self.options.std = [1, 1, 1]
        self.options.stretch = self.options.zoom = [1, 1]
        self.image_reader = NULL
        if self.codecs:
            self.image_reader = self.made(
                "plait_image_reader_t", lib.plait_image_reader_new, self.rec, self.options
            )
            self.c.ok(lib.plait_image_reader_start(self.image_reader, [0], 1, 0))

    def trace(self):
        """A trace that has begun in this thread."""
        if not hasattr(self, "_trace"):
            self._trace = self.made("plait_trace_t", self.c.lib.plait_trace_begin)
        return self._trace

    def trace_that_read(self):
        """A trace with an array that has no name."""
        self.traced_output()
        return self._trace

    def traced_output(self):
        """A list of an array that the trace knows."""
        self.trace()
        captured, arrays = self.c.invoke("add", [self.a, self.a])
        self.c.ok(captured)
        self.kept_arrays += arrays
        return arrays

    def csv(self):
        with open(self.folder + b"/a.csv", "w") as file:
            file.write("1,2\n3,4\n")
        return self.folder + b"/a.csv"

    def dead(self, noun):
        """A handle that was freed."""
        lib, name = self.c.lib, f"plait_{noun}_t"
        makers = {
            "buffer": (lib.plait_symbol_to_json, self.sum),
            "symbol": (lib.plait_symbol_variable, b"v"),
            "graph": (lib.plait_graph_new, self.sum),
            "predictor": (lib.plait_predictor_clone, self.predictor),
            "var": (lib.plait_var_new,),
            "iter": (lib.plait_iter_from_arrays, self.a, self.b, NULL, NULL, 0),
            "kvstore": (lib.plait_kvstore_new, b"local"),
            "comm": (lib.plait_comm_new_group, 1),
            "record_file": (lib.plait_record_file_open, self.rec),
            "record_writer": (lib.plait_record_writer_open, self.folder + b"/d.rec"),
            "image_reader": (lib.plait_image_reader_new, self.rec, self.options),
            "archive": (lib.plait_archive_load, self.folder + b"/p"),
        }
        if noun == "trace":
            lib.plait_trace_free(self.trace())
            return self._trace
        handle = self.made(name, *makers[noun])
        getattr(lib, f"plait_{noun}_free")(handle)
        return handle

    def made(self, kind, function, *arguments):
        out = self.c.ffi.new(kind + "*")
        self.c.ok(function(*arguments, out))
        return out[0]

    def strings(self, *texts):
        items = [self.c.ffi.new("char[]", text) for text in texts]
        self.keep += items
        array = self.c.ffi.new("char*[]", items)
        self.keep.append(array)
        return array

    def free(self):
        lib = self.c.lib
        lib.plait_trace_free(getattr(self, "_trace", NULL))
        self.c.free(self.a, self.b, *self.kept_arrays)
        if "image" in vars(self):
            self.c.free(self.image)
            lib.plait_image_reader_free(self.image_reader)
            lib.plait_record_file_free(self.record_file)
            lib.plait_record_writer_free(self.record_writer)
        lib.plait_iter_free(self.iter)
        lib.plait_kvstore_free(self.kvstore)
        for symbol in (self.x, self.w, self.sum):
            lib.plait_symbol_free(symbol)
        lib.plait_graph_free(self.graph)
        lib.plait_archive_free(self.archive)
        lib.plait_predictor_free(self.predictor)
        lib.plait_var_free(self.var)
        lib.plait_comm_free(self.comm)
        for buffer in (self.buffer, self.bytes):
            lib.plait_buffer_free(buffer)


def place(kind, value=None):
    """A place for a result."""
    return lambda w: w.c.ffi.new(kind + "*", *(() if value is None else (value,)))


ARRAY, SYMBOL, BUFFER = place("plait_array_t"), place("plait_symbol_t"), place("plait_buffer_t")
INT, POINTER = place("int32_t"), place("void *")
INT64 = place("int64_t")
(
    PREDICTOR,
    ARCHIVE,
    GRAPH,
    OP,
    VAR,
    ITER,
    KVSTORE,
    COMM,
    TRACE,
    RECORD_FILE,
    RECORD_WRITER,
    READER,
) = (
    place(f"plait_{k}_t")
    for k in (
        "predictor archive graph op var iter kvstore comm trace record_file record_writer image_reader"
    ).split()
)
A, B, X, SUM = (lambda w, n=n: getattr(w, n) for n in ("a", "b", "x", "sum"))
CPU = lambda w: w.c.cpu  # noqa: E731
FLOATS = lambda w: w.c.ffi.new("float[3]")  # noqa: E731
NONE = lambda w: NULL  # noqa: E731


def stats(kind):
    return lambda w: w.c.ffi.new(kind + "*", {"struct_size": w.c.ffi.sizeof(kind)})


def data_of(name):
    return lambda w: w.c.lib.plait_buffer_data(getattr(w, name))


def size_of(name):
    return lambda w: w.c.lib.plait_buffer_size(getattr(w, name))


def dlpack(name):
    def make(w):
        kind = "struct DLManagedTensorVersioned *" if not name else "struct DLManagedTensor *"
        out = w.c.ffi.new(kind + "*")
        w.c.ok(getattr(w.c.lib, f"plait_array_to_dlpack{name}")(w.a, out))
        return out[0]

    return make


def spec(w):
    return w.c.ffi.new("plait_spec_t[2]", [{"dtype": 0, "ndim": 1, "shape": [3]}] * 2)


def outputs(w):
    return w.c.ffi.new("plait_array_t[1]")


def given(name):
    return lambda w: getattr(w, name)


# Function: arguments. A parameter that may be NULL is marked by OPTIONAL.
class OPTIONAL:
    def __init__(self, make):
        self.make = make if callable(make) else lambda w: make

    def __call__(self, w):
        return self.make(w)


GETTERS = (
    "ndim shape strides size nbytes dtype device is_contiguous is_read_only version live_count "
    "shares_memory"
).split()
CALLS = {
    "abi_version": [],
    "version": [],
    "last_error": [],
    "set_last_error": [OPTIONAL(b"text")],
    "status_name": [3],
    "status_text": [3],
    "buffer_data": [given("buffer")],
    "buffer_size": [given("buffer")],
    "array_empty": [[3], 1, 0, CPU, ARRAY],
    "array_from_data": [FLOATS, [3], OPTIONAL([1]), 1, 0, CPU, ARRAY],
    "array_from_memory": [given("floats"), [3], OPTIONAL([1]), 1, 0, CPU, 0, OPTIONAL(NONE), OPTIONAL(NONE), ARRAY],
    "array_retain": [A],
    "array_detach": [A, ARRAY],
    **{f"array_{name}": [A] for name in GETTERS},
    "array_live_count": [],
    "array_shares_memory": [A, B],
    "array_data": [A, 0, POINTER],
    "array_wait_to_read": [A],
    "array_wait_to_write": [A],
    "array_copy_from_host": [B, FLOATS, 12],
    "array_copy_to_host": [A, FLOATS, 12],
    "array_copy_to": [A, B],
    "array_to_dlpack": [A, place("struct DLManagedTensorVersioned *")],
    "array_to_dlpack_old": [A, place("struct DLManagedTensor *")],
    "array_from_dlpack": [dlpack(""), ARRAY],
    "array_from_dlpack_old": [dlpack("_old"), ARRAY],
    "op_find": [b"add", OP],
    "op_find_on": [b"nd", b"dot", OP],
    "op_count": [],
    "op_at": [0],
    "op_name": [given("add")],
    "op_describe": [given("add"), place("char *")],
    "op_attr_index": [lambda w: w.c.op("sum"), b"axis", INT],
    "op_invoke": [given("add"), lambda w: [w.a, w.b], 2, OPTIONAL(NONE), 0, 0, outputs, 1, INT],
    "op_infer": [given("add"), spec, 2, OPTIONAL(NONE), 0, spec, 1, INT],
    "random_seed": [1],
    "random_get_position": [place("uint64_t"), place("uint64_t")],
    "random_set_position": [1, 0],
    "autograd_is_recording": [],
    "autograd_is_training": [],
    "autograd_set_recording": [0],
    "autograd_set_training": [0],
    "autograd_is_recorded": [A],
    "autograd_mark_variables": [lambda w: [w.b], OPTIONAL(lambda w: [w.a]), [0], 1],
    "autograd_get_grad": [A, ARRAY, INT],
    "engine_wait_all": [],
    "engine_get_stats": [stats("plait_engine_stats_t")],
    "engine_is_serial": [],
    "engine_set_interrupt_check": [OPTIONAL(NONE)],
    "memory_get_stats": [stats("plait_memory_stats_t")],
    "memory_release": [],
    "memory_fail_after": [-1],
    "archive_save": [lambda w: w.folder + b"/q", lambda w: [w.a], OPTIONAL(NONE), 1],
    "archive_save_buffer": [lambda w: [w.a], OPTIONAL(NONE), 1, BUFFER],
    "archive_load": [lambda w: w.folder + b"/p", ARCHIVE],
    "archive_load_buffer": [data_of("bytes"), size_of("bytes"), ARCHIVE],
    "archive_count": [given("archive")],
    "archive_array": [given("archive"), 0, ARRAY],
    "archive_name": [given("archive"), 0],
    "symbol_variable": [b"v", SYMBOL],
    "symbol_apply": [given("add"), b"n", lambda w: [w.x, w.w], OPTIONAL(NONE), 2, OPTIONAL(NONE), OPTIONAL(NONE), 0, SYMBOL],
    "symbol_group": [lambda w: [w.x, w.sum], 2, SYMBOL],
    "symbol_from_json": [JSON, len(JSON), SYMBOL],
    "symbol_to_json": [SUM, BUFFER],
    "symbol_num_outputs": [SUM],
    "symbol_name": [SUM],
    "symbol_output": [SUM, 0, SYMBOL],
    "symbol_internals": [SUM, SYMBOL],
    "symbol_children": [SUM, SYMBOL],
    "symbol_names": [SUM, 0, BUFFER],
    "symbol_attrs": [SUM, BUFFER],
    "symbol_set_attr": [SUM, b"key", b"value"],
    "symbol_compose": [SUM, lambda w: w.strings(b"x"), lambda w: [w.w], 1, SYMBOL],
    "symbol_is_same": [SUM, X],
    "symbol_cut": [SUM, b"key", b"value", SYMBOL, SYMBOL],
    "symbol_infer": [SUM, b'{"x": {"shape": [3]}, "w": {"shape": [3]}}', BUFFER],
    "graph_new": [SUM, GRAPH],
    "graph_call": [given("graph"), lambda w: [w.a, w.b], 2, outputs, 1, INT],
    "graph_explain": [given("graph"), BUFFER],
    "predictor_load": [lambda w: w.folder + b"/s", lambda w: w.folder + b"/p", PREDICTOR],
    "predictor_load_buffer": [data_of("buffer"), size_of("buffer"), data_of("bytes"), size_of("bytes"), PREDICTOR],
    "predictor_clone": [given("predictor"), PREDICTOR],
    "predictor_num_inputs": [given("predictor")],
    "predictor_input_name": [given("predictor"), 0],
    "predictor_num_outputs": [given("predictor")],
    "predictor_output_name": [given("predictor"), 0],
    "predictor_set_input": [given("predictor"), b"x", A],
    "predictor_run": [given("predictor")],
    "predictor_output": [given("predictor"), 0, ARRAY],
    "handle_live_count": [],
    "features": [],
    "engine_set_num_threads": [1, OPTIONAL(INT)],
    "engine_set_bulk_size": [0, OPTIONAL(place("int64_t"))],
    "engine_set_origin": [OPTIONAL(NONE)],
    "var_new": [VAR],
    "var_of_array": [A, VAR],
    "var_version": [given("var")],
    "var_wait": [given("var"), 0],
    "comm_new_group": [1, COMM],
    "comm_split": [given("comm"), 0, 0, COMM],
    "comm_rank": [given("comm")],
    "comm_size": [given("comm")],
    "comm_allreduce": [given("comm"), A, 0, OPTIONAL(NONE)],
    "comm_allreduce_list": [given("comm"), lambda w: [w.a, w.b], 2, 0, OPTIONAL(NONE)],
    "comm_broadcast": [given("comm"), A, 0, OPTIONAL(NONE)],
    "comm_allgather": [given("comm"), A, B, OPTIONAL([3]), OPTIONAL(NONE)],
    "comm_reduce_scatter": [given("comm"), A, B, 0, OPTIONAL(NONE)],
    "comm_all_to_all": [given("comm"), A, B, OPTIONAL(NONE), OPTIONAL(NONE), OPTIONAL(NONE)],
    "comm_barrier": [given("comm")],
    "comm_pending": [given("comm"), BUFFER],
    "comm_abort": [given("comm"), b"reason"],
    "comm_kill": [given("comm")],
    "comm_share_batches": [OPTIONAL(given("comm"))],
    "profiler_set_state": [0],
    "profiler_count": [],
    "profiler_read": [1, BUFFER],
    "record_file_open": [given("rec"), RECORD_FILE],
    "record_file_read": [given("record_file"), 0, BUFFER, INT64],
    "record_file_offsets": [given("record_file"), 0, ARRAY],
    "record_file_find": [given("record_file"), 0, INT64],
    "record_writer_open": [lambda w: w.folder + b"/c.rec", RECORD_WRITER],
    "record_writer_write": [given("record_writer"), b"abc", 3, INT64],
    "record_writer_tell": [given("record_writer")],
    "record_writer_flush": [given("record_writer")],
    "record_writer_close": [given("record_writer")],
    "image_has_codecs": [],
    "image_decode": [given("picture"), lambda w: len(w.picture), OPTIONAL(b"name"), 1, ARRAY],
    "image_encode": [given("image"), b"png", 3, BUFFER],
    "image_resample": [given("image"), 2, 2, 1, ARRAY],
    "image_reader_new": [given("rec"), given("options"), READER],
    "image_reader_start": [given("image_reader"), [0], 1, 0],
    "image_reader_next": [given("image_reader"), ARRAY, ARRAY, ARRAY, INT64],
    "image_reader_skipped": [given("image_reader")],
    "iter_kinds": [BUFFER],
    "iter_new": [b"CSVIter", lambda w: w.strings(b"data_csv", b"data_shape"), lambda w: w.strings(w.csv(), b"(2,)"), 2, ITER],
    "iter_from_arrays": [A, B, OPTIONAL(NONE), OPTIONAL(NONE), 0, ITER],
    "iter_reset": [given("iter")],
    "iter_next": [given("iter"), ARRAY, ARRAY, ARRAY, INT64],
    "symbol_set_value": [X, OPTIONAL(A)],
    "symbol_value": [X, ARRAY],
    "graph_passes": [BUFFER],
    "graph_set_pass": [b"share", 1, OPTIONAL(INT)],
    "trace_begin": [TRACE],
    "trace_variable": [World.trace, b"v", A],
    "trace_end": [World.trace, World.traced_output, 1, SYMBOL],
    "trace_steps": [World.trace, World.traced_output, 1, BUFFER],
    "trace_num_captured": [World.trace],
    "trace_captured": [World.trace_that_read, 0, ARRAY],
    "kvstore_new": [b"local", KVSTORE],
    "kvstore_type": [given("kvstore")],
    "kvstore_rank": [given("kvstore")],
    "kvstore_num_workers": [given("kvstore")],
    "kvstore_init": [given("kvstore"), b"v", A],
    "kvstore_push": [given("kvstore"), b"w", lambda w: [w.b], 1],
    "kvstore_pull": [given("kvstore"), b"w", lambda w: [w.b], 1],
    "kvstore_set_updater": [given("kvstore"), OPTIONAL(NONE), OPTIONAL(NONE), OPTIONAL(NONE)],
}  # fmt: skip
# Called by tests of their own: with functions of the caller, at the end of a process, in a child.
ELSEWHERE = {
    "autograd_backward", "autograd_record", "engine_shutdown", "engine_before_fork",
    "engine_after_fork_parent", "engine_after_fork_child", "engine_push", "engine_push_async",
    "engine_complete", "comm_new_world", "comm_send", "comm_receive",
    # tests/c/test_sparse.py, tests/python/test_library.py
    "sparse_new", "sparse_zeros", "sparse_from_array", "sparse_to_array", "sparse_free",
    "sparse_storing", "sparse_dtype", "sparse_ndim", "sparse_shape", "sparse_part",
    "sparse_assign", "sparse_check", "sparse_sum", "sparse_multiply", "sparse_merge_rows",
    "autograd_mark_sparse", "autograd_get_sparse_grad", "archive_storing", "archive_sparse",
    "archive_save_mixed", "custom_register", "custom_count", "custom_names", "library_load",
}  # fmt: skip
FREES = {"array": ARRAY, "buffer": BUFFER, "symbol": SYMBOL, "graph": GRAPH, "archive": ARCHIVE,
         "predictor": PREDICTOR, "var": VAR, "iter": ITER, "kvstore": KVSTORE, "comm": COMM, "trace": TRACE,
         "record_file": RECORD_FILE, "record_writer": RECORD_WRITER, "image_reader": READER}  # fmt: skip


@pytest.fixture
def world(c, tmp_path):
    handles = c.lib.plait_handle_live_count()
    world = World(c, tmp_path)
    world.floats = c.ffi.new("float[3]")
    yield world
    world.free()
    assert c.lib.plait_handle_live_count() == handles, "the test leaked handles"


def kinds(c, name):
    return c.ffi.typeof(getattr(c.lib, f"plait_{name}"))


def made(world, arguments):
    return [argument(world) if callable(argument) else argument for argument in arguments]


def release(world, name, arguments, result):
    """Free what a successful call made."""
    if name == "array_retain":
        world.c.free(result)
    for kind, value in zip(kinds(world.c, name).args, arguments, strict=True):
        if kind.kind != "pointer" or value == NULL or isinstance(value, (bytes, list, int)):
            continue
        item = kind.item.cname
        noun = item.removeprefix("struct ").removeprefix("plait_").split("_s *")[0]
        if item.endswith("_s *") and noun in FREES and value[0] != NULL:
            if name not in ("op_find", "op_find_on") and "const" not in kind.cname:
                getattr(world.c.lib, f"plait_{noun}_free")(value[0])
        elif item.startswith("DLManaged") and item.endswith("*"):
            value[0].deleter(value[0])


def tensors(arguments):
    """DLPack structures among the arguments."""
    return [x for x in arguments if re.search(r"'DLManaged\w+ \*'", str(x))]


def needs_codecs(world, name):
    """Functions that cannot work in a build without codecs say so; then there is no more to test."""
    if name.startswith("image_") and not world.c.lib.plait_image_has_codecs():
        pytest.skip("built without codecs")


@pytest.mark.parametrize("name", sorted(CALLS))
def test_good_arguments(world, name):
    needs_codecs(world, name)
    arguments = made(world, CALLS[name])
    result = getattr(world.c.lib, f"plait_{name}")(*arguments)
    if kinds(world.c, name).result.cname == "plait_status_t":
        world.c.ok(result)
    release(world, name, arguments, result)


CASES = [name for name, call in sorted(CALLS.items()) if call]


@pytest.mark.parametrize("name", CASES)
def test_wrong_arguments(world, name):
    needs_codecs(world, name)
    for position in range(len(CALLS[name])):
        call_with_null(world, name, position)
    for position, noun in checked_handles(world.c, name):
        for fault in ("another kind", "freed"):
            call_with_wrong(world, name, fault, position, noun)


def call_with_null(world, name, position):
    kind = kinds(world.c, name).args[position]
    if kind.kind not in ("pointer", "function"):
        assert not isinstance(CALLS[name][position], OPTIONAL)
        return
    arguments = made(world, CALLS[name])
    mine = tensors(arguments)
    arguments[position] = NULL
    result = getattr(world.c.lib, f"plait_{name}")(*arguments)
    returns = kinds(world.c, name).result.cname
    if isinstance(CALLS[name][position], OPTIONAL):
        if returns == "plait_status_t":
            world.c.ok(result)
        release(world, name, arguments, result)
    elif returns == "plait_status_t":
        assert result == world.c.lib.PLAIT_ERR_INVALID_ARGUMENT
        assert "NULL" in world.c.message()
        for tensor in mine:  # was not taken over
            tensor.deleter(tensor)
    elif returns != "plait_device_t":
        assert result in (-1, 0, NULL)


@pytest.mark.parametrize("noun", sorted(FREES))
def test_free_takes_null(c, noun):
    getattr(c.lib, f"plait_{noun}_free")(NULL)


def test_calls_around_fork(c):
    c.ok(c.lib.plait_engine_before_fork())
    c.ok(c.lib.plait_engine_after_fork_parent())
    c.ok(c.lib.plait_engine_wait_all())


HANDLE = re.compile(r"struct plait_(\w+)_s \*$")
# Handles that are checked. Those of arrays and operators are not: their calls count nanoseconds.
CHECKED = sorted(FREES.keys() - {"array"})


def checked_handles(c, name):
    """(position, noun) of the handles among the parameters."""
    for i, kind in enumerate(kinds(c, name).args):
        noun = HANDLE.search(kind.cname)
        if noun and noun[1] in CHECKED:
            yield i, noun[1]


def call_with_wrong(world, name, fault, position, noun):
    c = world.c
    kind = kinds(c, name).args[position]
    arguments = made(world, CALLS[name])
    if fault == "freed":
        wrong = world.dead(noun)
    else:
        other = world.buffer if noun != "buffer" else world.graph
        wrong = c.ffi.cast(kind, other)
    arguments[position] = wrong
    result = getattr(c.lib, f"plait_{name}")(*arguments)
    if kinds(c, name).result.cname == "plait_status_t":
        errors = {"freed": c.lib.PLAIT_ERR_INVALID_ARGUMENT, "another kind": c.lib.PLAIT_ERR_TYPE}
        assert result == errors[fault]
        assert f"must be a {noun} that was not freed" in c.message()
    else:
        assert result in (-1, 0, NULL)


@pytest.mark.parametrize("noun", CHECKED)
def test_free_of_another_kind_or_twice(world, noun):
    """Nothing happens: the world is freed afterwards, and counted."""
    other = world.buffer if noun != "buffer" else world.graph
    free = getattr(world.c.lib, f"plait_{noun}_free")
    free(world.c.ffi.cast(f"plait_{noun}_t", other))
    free(world.dead(noun))


def test_every_function_is_called(c):
    functions = {name for name in dir(c.lib) if name.startswith("plait_")}
    called = {f"plait_{name}" for name in CALLS.keys() | ELSEWHERE}
    assert functions - called == {f"plait_{noun}_free" for noun in FREES}
