"""The arguments of a good call of each function of the header."""

from contract_world import NULL, World

JSON = b'{"nodes": [{"op": "null", "name": "x", "inputs": []}], "arg_nodes": [0], "heads": [[0, 0, 0]]}'


def place(kind, value=None):
    """A place for a result."""
    return lambda w: w.c.ffi.new(kind + "*", *(() if value is None else (value,)))


ARRAY, SYMBOL, BUFFER = place("plait_array_t"), place("plait_symbol_t"), place("plait_buffer_t")
INT, DOUBLE, POINTER = place("int32_t"), place("double"), place("void *")
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
    SPARSE,
) = (
    place(f"plait_{k}_t")
    for k in (
        "predictor archive graph op var iter kvstore comm trace record_file record_writer "
        "image_reader sparse"
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


TEXT_NAMES = b"path_imgrec", b"data_shape", b"batch_size"
TEXT_VALUES = b"(3, 4, 4)", b"1"
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
    "op_runs_on": [lambda w: w.c.op("sum"), 1],
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
    "autograd_backward": [lambda w: [w.head], OPTIONAL(NONE), 1, OPTIONAL(NONE), 0, 1, OPTIONAL(NONE)],
    "autograd_record": [OPTIONAL(b"step"), lambda w: [w.a], 1, lambda w: [w.matrix], 1, World.backward, OPTIONAL(NONE), OPTIONAL(NONE)],
    "autograd_mark_sparse": [given("matrix"), given("rows"), 1],
    "autograd_get_sparse_grad": [given("matrix"), SPARSE],
    "sparse_new": [1, [3, 2], 2, given("parts"), 2, SPARSE],
    "sparse_zeros": [2, [3, 2], 2, 0, SPARSE],
    "sparse_from_array": [given("matrix"), 2, SPARSE],
    "sparse_to_array": [given("csr"), ARRAY],
    **{f"sparse_{name}": [given("csr")] for name in ("storing", "dtype", "ndim", "shape", "check")},
    "sparse_part": [given("csr"), 0, ARRAY],
    "sparse_rows": [given("rows"), ARRAY, ARRAY],
    "sparse_assign": [given("rows"), given("parts"), 2],
    "sparse_sum": [lambda w: [w.csr, w.csr], 2, SPARSE],
    "sparse_multiply": [given("csr"), given("csr"), SPARSE],
    "sparse_merge_rows": [lambda w: w.parts[0], lambda w: w.parts[1], [3, 2], 2, SPARSE],
    "custom_register": [b"contract", World.custom_op],
    "custom_extend": [b"contract", World.custom_more],
    "custom_count": [],
    "custom_names": [BUFFER],
    "library_load": [World.shared_library],
    "engine_wait_all": [],
    "engine_get_stats": [stats("plait_engine_stats_t")],
    "engine_is_serial": [],
    "engine_set_interrupt_check": [OPTIONAL(NONE)],
    "device_count": [1],
    "device_memory": [CPU, INT64, INT64],
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
    "archive_save_mixed": [lambda w: w.folder + b"/q", lambda w: [w.a, NULL], lambda w: [NULL, w.csr], OPTIONAL(NONE), 2],
    "archive_storing": [given("mixed"), 1],
    "archive_sparse": [given("mixed"), 1, SPARSE],
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
    "symbol_rename": [SUM, b"total", SYMBOL],
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
    "engine_set_caller_limit": [-1, OPTIONAL(place("int64_t"))],
    "engine_set_origin": [OPTIONAL(NONE)],
    "engine_push": [World.task, OPTIONAL(NONE), OPTIONAL(NONE), OPTIONAL(NONE), 0, lambda w: [w.var], 1, OPTIONAL(NONE)],
    "engine_push_async": [World.async_task, OPTIONAL(NONE), OPTIONAL(NONE), OPTIONAL(NONE), 0, lambda w: [w.var], 1, OPTIONAL(NONE)],
    "engine_complete": [given("completion"), 0, OPTIONAL(b"message")],
    "var_new": [VAR],
    "var_of_array": [A, VAR],
    "var_version": [given("var")],
    "var_wait": [given("var"), 0],
    "comm_new_group": [1, COMM],
    "comm_split": [given("comm"), 0, 0, COMM],
    "comm_started": [],
    "comm_rank": [given("comm")],
    "comm_size": [given("comm")],
    "comm_allreduce": [given("comm"), A, 0, OPTIONAL(NONE)],
    "comm_allreduce_list": [given("comm"), lambda w: [w.a, w.b], 2, 0, OPTIONAL(NONE)],
    "comm_broadcast": [given("comm"), A, 0, OPTIONAL(NONE)],
    "comm_allgather": [given("comm"), A, B, OPTIONAL([3]), OPTIONAL(NONE)],
    "comm_reduce_scatter": [given("comm"), A, B, 0, OPTIONAL(NONE)],
    "comm_all_to_all": [given("comm"), A, B, OPTIONAL(NONE), OPTIONAL(NONE), OPTIONAL(NONE)],
    "comm_send": [lambda w: w.pair[0], A, 1, 0, OPTIONAL(NONE)],
    "comm_receive": [lambda w: w.pair[1], B, 0, 0, OPTIONAL(NONE)],
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
    "image_reader_from_text": [lambda w: w.strings(*TEXT_NAMES), lambda w: w.strings(w.rec, *TEXT_VALUES), len(TEXT_NAMES), OPTIONAL(given("options")), READER],
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
    "graph_set_memory_target": [0.0, OPTIONAL(DOUBLE)],
    "trace_begin": [TRACE],
    "trace_variable": [World.trace, b"v", A],
    "trace_argument": [World.trace, b"v", A],
    "trace_end": [World.trace, World.traced_output, 1, SYMBOL],
    "trace_steps": [World.trace, World.traced_output, 1, BUFFER],
    "trace_num_captured": [World.trace],
    "trace_captured": [World.trace_that_read, 0, ARRAY],
    "kvstore_new": [b"local", KVSTORE],
    "kvstore_type": [given("kvstore")],
    "kvstore_rank": [given("kvstore")],
    "kvstore_num_workers": [given("kvstore")],
    "kvstore_barrier": [given("kvstore")],
    "kvstore_init": [given("kvstore"), b"v", A],
    "kvstore_push": [given("kvstore"), b"w", lambda w: [w.b], 1],
    "kvstore_pull": [given("kvstore"), b"w", lambda w: [w.b], 1],
    "kvstore_set_updater": [given("kvstore"), OPTIONAL(NONE), OPTIONAL(NONE), OPTIONAL(NONE)],
    "kvstore_set_concurrent_updater": [given("kvstore"), OPTIONAL(NONE), OPTIONAL(NONE), OPTIONAL(NONE)],
}  # fmt: skip
# Called by tests of their own: at the end of a process, around fork, where MPI started several.
ELSEWHERE = {
    "engine_shutdown", "engine_before_fork", "engine_after_fork_parent", "engine_after_fork_child",
    "comm_new_world",
}  # fmt: skip
FREES = {"array": ARRAY, "buffer": BUFFER, "symbol": SYMBOL, "graph": GRAPH, "archive": ARCHIVE,
         "predictor": PREDICTOR, "var": VAR, "iter": ITER, "kvstore": KVSTORE, "comm": COMM, "trace": TRACE,
         "record_file": RECORD_FILE, "record_writer": RECORD_WRITER, "image_reader": READER,
         "sparse": SPARSE}  # fmt: skip
