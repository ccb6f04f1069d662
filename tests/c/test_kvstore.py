"""The local key-value store of the core."""

import pytest


@pytest.fixture
def store(c):
    out = c.ffi.new("plait_kvstore_t *")
    c.ok(c.lib.plait_kvstore_new(b"local", out))
    yield out[0]
    c.lib.plait_kvstore_free(out[0])


def fill(c, store, key, values):
    array = c.array(values)
    c.ok(c.lib.plait_kvstore_init(store, key, array))
    c.free(array)


def push(c, store, key, *lists):
    arrays = [c.array(values) for values in lists]
    status = c.lib.plait_kvstore_push(store, key, arrays, len(arrays))
    c.free(*arrays)
    return status


def pulled(c, store, key, size, count=1):
    arrays = [c.array([0] * size) for _ in range(count)]
    c.ok(c.lib.plait_kvstore_pull(store, key, arrays, count))
    values = [c.values(a) for a in arrays]
    c.free(*arrays)
    return values


def test_values_are_copied_summed_and_replaced(c, store):
    fill(c, store, b"w", [1, 2])
    assert pulled(c, store, b"w", 2, 3) == [[1, 2]] * 3
    c.ok(push(c, store, b"w", [1, 1], [2, 2], [3, 4]))
    assert pulled(c, store, b"w", 2) == [[6, 7]]
    c.ok(push(c, store, b"w", [5, 5]))
    assert pulled(c, store, b"w", 2) == [[5, 5]]


@pytest.mark.parametrize("name", ["set_updater", "set_concurrent_updater"])
def test_updater(c, store, name):
    set_updater = getattr(c.lib, f"plait_kvstore_{name}")
    fill(c, store, b"w", [10, 20])
    log = []

    @c.ffi.callback("plait_status_t(void *, const char *, plait_array_t, plait_array_t)")
    def update(user, key, sum_, value):
        """value += sum"""
        log.append((c.ffi.string(key), int(c.ffi.cast("intptr_t", user))))
        status, _ = c.invoke("add", [value, sum_], given=[value])
        return status

    @c.ffi.callback("void(void *)")
    def drop(user):
        log.append("drop")

    c.ok(set_updater(store, update, drop, c.ffi.cast("void *", 7)))
    c.ok(push(c, store, b"w", [1, 2], [3, 4]))
    assert pulled(c, store, b"w", 2) == [[14, 26]]
    assert log == [(b"w", 7)]
    c.ok(set_updater(store, c.ffi.NULL, c.ffi.NULL, c.ffi.NULL))
    assert log[1:] == ["drop"]
    c.ok(push(c, store, b"w", [1, 2]))
    assert pulled(c, store, b"w", 2) == [[1, 2]]
    dead = c.ffi.NULL
    assert set_updater(dead, update, drop, dead) != c.lib.PLAIT_OK
    assert log[2:] == ["drop"]  # also on failure


def test_updater_that_fails(c, store):
    fill(c, store, b"w", [1])

    @c.ffi.callback("plait_status_t(void *, const char *, plait_array_t, plait_array_t)")
    def update(user, key, sum_, value):
        c.lib.plait_set_last_error(b"no step today")
        return c.lib.PLAIT_ERR_IO

    c.ok(c.lib.plait_kvstore_set_updater(store, update, c.ffi.NULL, c.ffi.NULL))
    assert push(c, store, b"w", [1]) == c.lib.PLAIT_ERR_CALLBACK
    assert c.message() == "kvstore: key 'w': no step today"


def test_faults(c, store):
    lib = c.lib
    out = c.ffi.new("plait_kvstore_t *")
    assert lib.plait_kvstore_new(b"far", out) == lib.PLAIT_ERR_INVALID_ARGUMENT
    assert "type is 'far', must be 'local', 'device', 'dist_sync' or" in c.message()
    assert push(c, store, b"w", [1]) == lib.PLAIT_ERR_KEY
    fill(c, store, b"w", [1, 2])
    array = c.array([1])
    assert lib.plait_kvstore_init(store, b"w", array) == lib.PLAIT_ERR_INVALID_ARGUMENT
    assert "key 'w' is there already" in c.message()
    assert push(c, store, b"w", [1, 2], [1]) == lib.PLAIT_ERR_SHAPE
    assert "array has shape (1,), must be (2,), that of key 'w'" in c.message()
    assert lib.plait_kvstore_pull(store, b"w", [array], 1) == lib.PLAIT_ERR_SHAPE
    assert push(c, store, b"w") == lib.PLAIT_ERR_INVALID_ARGUMENT
    c.free(array)
    assert c.ffi.string(lib.plait_kvstore_type(store)) == b"local"
    assert (lib.plait_kvstore_rank(store), lib.plait_kvstore_num_workers(store)) == (0, 1)


@pytest.mark.parametrize("kind", [b"dist_sync", b"dist_async", b"dist", b"horovod", b"Device"])
def test_a_process_alone(c, kind):
    """It has every kind of store to itself; tests/dist has several processes."""
    out = c.ffi.new("plait_kvstore_t *")
    c.ok(c.lib.plait_kvstore_new(kind, out))
    assert c.ffi.string(c.lib.plait_kvstore_type(out[0])) == kind.lower()
    assert c.lib.plait_kvstore_rank(out[0]) == 0 and c.lib.plait_kvstore_num_workers(out[0]) == 1
    fill(c, out[0], b"w", [1, 2])
    c.ok(push(c, out[0], b"w", [3, 4], [1, 1]))
    assert pulled(c, out[0], b"w", 2) == [[4, 5]]
    c.ok(c.lib.plait_kvstore_barrier(out[0]))
    c.lib.plait_kvstore_free(out[0])


def test_nccl_is_refused_where_it_is_missing(c):
    out = c.ffi.new("plait_kvstore_t *")
    assert c.lib.plait_kvstore_new(b"nccl", out) == c.lib.PLAIT_ERR_DEVICE
    assert "NCCL: no CUDA library is there" in c.message()
    assert "hint: `make cuda` builds it" in c.message()
