"""Arrays: making them, looking at them, moving their content, wrong arguments."""

import pytest


def empty(c, shape, dtype=0, device=None):
    out = c.ffi.new("plait_array_t *")
    return c.lib.plait_array_empty(shape, len(shape), dtype, device or c.cpu, out), out[0]


def test_version_matches_the_header(c):
    header = (c.include / "plait" / "c_api.h").read_text()
    assert f"#define PLAIT_ABI_VERSION {c.lib.plait_abi_version()}\n" in header
    assert c.ffi.string(c.lib.plait_version()).count(b".") == 2


def test_status_has_name_and_text(c):
    assert c.ffi.string(c.lib.plait_status_name(c.lib.PLAIT_ERR_SHAPE)) == b"PLAIT_ERR_SHAPE"
    assert c.ffi.string(c.lib.plait_status_name(77)) == b"PLAIT_ERR_UNKNOWN"
    assert c.ffi.string(c.lib.plait_status_text(c.lib.PLAIT_OK)) == b"success"


def test_getters(c):
    a = c.array(range(6), [2, 3])
    assert (c.lib.plait_array_ndim(a), c.lib.plait_array_size(a), c.lib.plait_array_nbytes(a)) == (
        2,
        6,
        24,
    )
    assert list(c.lib.plait_array_shape(a)[0:2]) == [2, 3]
    assert list(c.lib.plait_array_strides(a)[0:2]) == [3, 1]
    assert c.lib.plait_array_dtype(a) == c.lib.PLAIT_DTYPE_FLOAT32
    assert c.lib.plait_array_device(a).kind == c.lib.PLAIT_DEVICE_CPU
    assert c.lib.plait_array_is_contiguous(a) == 1
    assert c.lib.plait_array_is_read_only(a) == 0
    c.free(a)


def test_getters_of_null(c):
    null = c.ffi.NULL
    for name in ("ndim", "size", "nbytes", "dtype", "version", "is_contiguous", "is_read_only"):
        assert getattr(c.lib, f"plait_array_{name}")(null) == -1
    assert c.lib.plait_array_shape(null) == null
    assert c.lib.plait_array_retain(null) == null
    assert c.lib.plait_array_shares_memory(null, null) == 0
    c.free(null)


@pytest.mark.parametrize("shape", [[], [0], [3, 0, 2], [1] * 32])
def test_empty_takes_every_legal_shape(c, shape):
    status, a = empty(c, shape)
    c.ok(status)
    assert c.lib.plait_array_ndim(a) == len(shape)
    c.free(a)


@pytest.mark.parametrize("shape", [[-1], [1] * 33, [2**40, 2**40]])
def test_empty_rejects_shape(c, shape):
    status, a = empty(c, shape)
    assert status == c.lib.PLAIT_ERR_SHAPE
    assert "must be" in c.message() or "must fit" in c.message()
    assert a == c.ffi.NULL


def test_empty_rejects_dtype_device_and_null(c):
    assert empty(c, [2], 99)[0] == c.lib.PLAIT_ERR_TYPE
    for kind in (0, 2, 4):
        device = c.ffi.new("plait_device_t *", {"kind": kind})[0]
        assert empty(c, [2], 0, device)[0] == c.lib.PLAIT_ERR_DEVICE
    null = c.ffi.NULL
    assert (
        c.lib.plait_array_empty(null, 1, 0, c.cpu, c.ffi.new("plait_array_t *"))
        == c.lib.PLAIT_ERR_INVALID_ARGUMENT
    )
    assert c.lib.plait_array_empty([1], 1, 0, c.cpu, null) == c.lib.PLAIT_ERR_INVALID_ARGUMENT
    assert c.message() == "out is NULL, must not be"


def test_data_in_and_out_with_strides(c):
    a = c.array(range(6), [3, 2], [1, 3])  # column-major
    assert c.values(a) == [0, 3, 1, 4, 2, 5]
    c.ok(c.lib.plait_array_copy_from_host(a, c.ffi.new("float[]", [9] * 6), 24))
    assert c.values(a) == [9] * 6
    c.free(a)


def test_data_not_aligned_is_copied(c):
    raw = bytearray(b"\0" + bytes(c.ffi.buffer(c.ffi.new("float[]", [1, 2]))))
    out = c.ffi.new("plait_array_t *")
    data = c.ffi.from_buffer(raw) + 1
    c.ok(c.lib.plait_array_from_data(data, [2], c.ffi.NULL, 1, 0, c.cpu, out))
    assert c.values(out[0]) == [1, 2]
    c.free(out[0])


def test_copies_check_bytes_and_null(c):
    a = c.array([1, 2])
    data = c.ffi.new("float[2]")
    invalid = c.lib.PLAIT_ERR_INVALID_ARGUMENT
    assert c.lib.plait_array_copy_to_host(a, data, 4) == invalid
    assert c.message() == "bytes is 4, must be 8 for an array of shape (2,) and dtype float32"
    assert c.lib.plait_array_copy_to_host(a, c.ffi.NULL, 8) == invalid
    assert c.lib.plait_array_copy_from_host(a, c.ffi.NULL, 8) == invalid
    assert c.lib.plait_array_copy_from_host(c.ffi.NULL, data, 8) == invalid
    c.free(a)


def test_copy_to_converts_and_checks_shape(c):
    a, b = c.array([1.5, -2]), c.array([0, 0, 0])
    status, ints = empty(c, [2], c.lib.PLAIT_DTYPE_INT32)
    c.ok(status)
    c.ok(c.lib.plait_array_copy_to(a, ints))
    data = c.ffi.new("int32_t[2]")
    c.ok(c.lib.plait_array_copy_to_host(ints, data, 8))
    assert list(data) == [1, -2]
    assert c.lib.plait_array_copy_to(a, b) == c.lib.PLAIT_ERR_SHAPE
    c.free(a, b, ints)


def test_version_counts_writes(c):
    a = c.array([1])
    before = c.lib.plait_array_version(a)
    pointer = c.ffi.new("void **")
    c.ok(c.lib.plait_array_data(a, 0, pointer))
    assert c.lib.plait_array_version(a) == before
    c.ok(c.lib.plait_array_data(a, 1, pointer))
    assert c.lib.plait_array_version(a) > before
    c.free(a)


def test_retained_and_detached_handles_share_memory(c):
    a = c.array([1])
    again, out = c.lib.plait_array_retain(a), c.ffi.new("plait_array_t *")
    c.ok(c.lib.plait_array_detach(a, out))
    assert again == a and out[0] != a
    assert c.lib.plait_array_shares_memory(a, out[0]) == 1
    c.free(a)
    assert c.values(again) == [1]
    c.free(again, out[0])


def test_borrowed_memory_is_dropped_once(c):
    dropped = []
    drop = c.ffi.callback("void(void *)", dropped.append)
    data, out = c.ffi.new("float[2]", [1, 2]), c.ffi.new("plait_array_t *")
    null = c.ffi.NULL
    c.ok(c.lib.plait_array_from_memory(data, [2], null, 1, 0, c.cpu, 1, drop, null, out))
    status, _ = c.invoke("add", [out[0], out[0]], given=[out[0]])
    assert status == c.lib.PLAIT_ERR_INVALID_ARGUMENT and "read-only" in c.message()
    pointer = c.ffi.new("void **")
    assert c.lib.plait_array_data(out[0], 1, pointer) == c.lib.PLAIT_ERR_INVALID_ARGUMENT
    assert not dropped
    c.free(out[0])
    assert len(dropped) == 1
    assert (
        c.lib.plait_array_from_memory(data, [-2], null, 1, 0, c.cpu, 0, drop, null, out)
        == c.lib.PLAIT_ERR_SHAPE
    )
    assert len(dropped) == 2  # also on failure


def test_dlpack_there_and_back(c):
    a, tensor, out = (
        c.array(range(6), [2, 3]),
        c.ffi.new("DLManagedTensorVersioned **"),
        c.ffi.new("plait_array_t *"),
    )
    c.ok(c.lib.plait_array_to_dlpack(a, tensor))
    assert tensor[0].version.major == 1 and tensor[0].dl_tensor.dtype.bits == 32
    c.ok(c.lib.plait_array_from_dlpack(tensor[0], out))
    c.free(a)
    assert c.values(out[0]) == list(range(6))
    c.free(out[0])


def test_dlpack_rejects_and_leaves_the_tensor_to_the_caller(c):
    a, tensor, out = (
        c.array([1]),
        c.ffi.new("DLManagedTensorVersioned **"),
        c.ffi.new("plait_array_t *"),
    )
    c.ok(c.lib.plait_array_to_dlpack(a, tensor))
    t = tensor[0]
    t.version.major = 2
    assert c.lib.plait_array_from_dlpack(t, out) == c.lib.PLAIT_ERR_NOT_IMPLEMENTED
    t.version.major = 1
    t.dl_tensor.dtype.lanes = 4
    assert c.lib.plait_array_from_dlpack(t, out) == c.lib.PLAIT_ERR_TYPE
    t.dl_tensor.dtype.lanes, t.dl_tensor.device.device_type = 1, c.lib.kDLCUDA
    assert c.lib.plait_array_from_dlpack(t, out) == c.lib.PLAIT_ERR_DEVICE
    t.dl_tensor.device.device_type, t.dl_tensor.shape[0] = c.lib.kDLCPU, -1
    assert c.lib.plait_array_from_dlpack(t, out) == c.lib.PLAIT_ERR_SHAPE
    t.dl_tensor.shape[0], t.dl_tensor.byte_offset = 1, 1
    assert c.lib.plait_array_from_dlpack(t, out) == c.lib.PLAIT_ERR_INVALID_ARGUMENT
    t.deleter(t)
    c.free(a)


def test_allocation_failure_is_reported(c):
    c.ok(c.lib.plait_memory_fail_after(0))
    assert empty(c, [8])[0] == c.lib.PLAIT_ERR_OUT_OF_MEMORY
    c.ok(c.lib.plait_memory_fail_after(-1))
