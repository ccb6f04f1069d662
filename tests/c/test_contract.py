"""Every function of the header: with good arguments, with each pointer NULL in turn, with handles
of another kind, with handles that were freed, and while memory runs out."""

import re

import pytest
from contract_calls import CALLS, ELSEWHERE, FREES, OPTIONAL
from contract_world import NULL, World


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
    """Free what a successful call made, and do what it needs to end."""
    lib = world.c.lib
    if name == "array_retain":
        world.c.free(result)
    if name == "engine_complete":
        del world.completion
    if name == "comm_send":
        world.c.ok(lib.plait_comm_receive(world.pair[1], world.b, 0, 0, NULL))
    if name == "comm_receive":
        world.c.ok(lib.plait_comm_send(world.pair[0], world.a, 1, 0, NULL))
    for kind, value in zip(kinds(world.c, name).args, arguments, strict=True):
        if kind.kind != "pointer" or value == NULL or isinstance(value, (bytes, list, int)):
            continue
        item = kind.item.cname
        noun = item.removeprefix("struct ").removeprefix("plait_").split("_s *")[0]
        if item.endswith("_s *") and noun in FREES and value[0] != NULL:
            if name not in ("op_find", "op_find_on") and "const" not in kind.cname:
                getattr(lib, f"plait_{noun}_free")(value[0])
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


def first_success(c, folder, name):
    """Let the n-th request of a call for memory fail, for n = 0, 1, ... until it works."""
    for n in range(50):
        world = World(c, folder)
        world.floats = c.ffi.new("float[3]")
        arguments = made(world, CALLS[name])
        c.ok(c.lib.plait_memory_fail_after(n))
        result = getattr(c.lib, f"plait_{name}")(*arguments)
        c.lib.plait_memory_fail_after(-1)
        if result == c.lib.PLAIT_OK:
            release(world, name, arguments, result)
        else:
            assert result == c.lib.PLAIT_ERR_OUT_OF_MEMORY, f"{name}: {c.message()}"
            for tensor in tensors(arguments):  # was not taken over
                tensor.deleter(tensor)
        world.free()
        if result == c.lib.PLAIT_OK:
            return n
    raise AssertionError(f"{name}: still out of memory")


@pytest.mark.parametrize("noun", sorted({name.split("_")[0] for name in CALLS}))
def test_out_of_memory(c, tmp_path, noun):
    """A call that gets no memory says so, loses nothing, and works the next time."""
    handles = c.lib.plait_handle_live_count()
    for name in CALLS:
        without_codecs = name.startswith("image_") and not c.lib.plait_image_has_codecs()
        returns_status = kinds(c, name).result.cname == "plait_status_t"
        if name.split("_")[0] == noun and returns_status and not without_codecs:
            failures = first_success(c, tmp_path, name)
            assert failures > 0 or name not in ("array_empty", "op_invoke", "image_decode")
    assert c.lib.plait_handle_live_count() == handles


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
FREED = sorted(FREES.keys() - {"array"})
CHECKED = [*FREED, "completion"]


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
        kind = {"sparse": "sparse array"}.get(noun, noun)
        assert f"must be a {kind} that was not freed" in c.message()
    else:
        assert result in (-1, 0, NULL)


@pytest.mark.parametrize("noun", FREED)
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
