"""Every function of the header: with good arguments, and with each pointer NULL in turn."""

import json
import re

import pytest
from cffi import FFI

NULL = FFI().NULL
JSON = b'{"nodes": [{"op": "null", "name": "x", "inputs": []}], "arg_nodes": [0], "heads": [[0, 0, 0]]}'


class World:
    """One object of each kind, and the arguments of a good call of each function."""

    def __init__(self, c, folder):
        self.c, ffi, lib = c, c.ffi, c.lib
        self.keep, self.folder = [], str(folder).encode()
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
        c.ok(lib.plait_predictor_set_input(self.predictor, b"x", self.a))
        c.ok(lib.plait_predictor_run(self.predictor))
        c.ok(lib.plait_archive_save(self.folder + b"/p", [self.a], names, 1))
        with open(folder / "s", "wb") as file:
            file.write(ffi.string(lib.plait_buffer_data(self.buffer)))

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
        self.c.free(self.a, self.b)
        for symbol in (self.x, self.w, self.sum):
            lib.plait_symbol_free(symbol)
        lib.plait_graph_free(self.graph)
        lib.plait_archive_free(self.archive)
        lib.plait_predictor_free(self.predictor)
        lib.plait_var_free(self.var)
        for buffer in (self.buffer, self.bytes):
            lib.plait_buffer_free(buffer)


def place(kind, value=None):
    """A place for a result."""
    return lambda w: w.c.ffi.new(kind + "*", *(() if value is None else (value,)))


ARRAY, SYMBOL, BUFFER = place("plait_array_t"), place("plait_symbol_t"), place("plait_buffer_t")
INT, POINTER = place("int32_t"), place("void *")
PREDICTOR, ARCHIVE, GRAPH, OP, VAR = (
    place(f"plait_{k}_t") for k in ("predictor", "archive", "graph", "op", "var")
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
    "profiler_set_state": [0],
    "profiler_count": [],
    "profiler_read": [1, BUFFER],
}  # fmt: skip
# Called by tests of their own: with functions of the caller, at the end of a process, in a child.
ELSEWHERE = {
    "autograd_backward", "autograd_record", "engine_shutdown", "engine_before_fork",
    "engine_after_fork_parent", "engine_after_fork_child", "engine_push", "engine_push_async",
    "engine_complete",
}  # fmt: skip
FREES = {"array": ARRAY, "buffer": BUFFER, "symbol": SYMBOL, "graph": GRAPH, "archive": ARCHIVE,
         "predictor": PREDICTOR, "var": VAR}  # fmt: skip


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
        if item.endswith("_s *") and noun in FREES and kind.kind == "pointer":
            if name not in ("op_find", "op_find_on") and "const" not in kind.cname:
                getattr(world.c.lib, f"plait_{noun}_free")(value[0])
        elif item.startswith("DLManaged") and item.endswith("*"):
            value[0].deleter(value[0])


def tensors(arguments):
    """DLPack structures among the arguments."""
    return [x for x in arguments if re.search(r"'DLManaged\w+ \*'", str(x))]


@pytest.mark.parametrize("name", sorted(CALLS))
def test_good_arguments(world, name):
    arguments = made(world, CALLS[name])
    result = getattr(world.c.lib, f"plait_{name}")(*arguments)
    if kinds(world.c, name).result.cname == "plait_status_t":
        world.c.ok(result)
    release(world, name, arguments, result)


CASES = [(name, i) for name, call in sorted(CALLS.items()) for i in range(len(call))]


@pytest.mark.parametrize("name, position", CASES, ids=lambda x: str(x))
def test_null(world, name, position):
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


def test_every_released_function_is_called(c):
    path = sorted((c.include.parent / "abi").glob("*.json"))[-1]
    functions = json.loads(path.read_text())["functions"]
    known = {name for name, text in functions.items() if not text.startswith("typedef")}
    called = {f"plait_{name}" for name in CALLS.keys() | ELSEWHERE}
    assert known - called == {f"plait_{noun}_free" for noun in FREES}
