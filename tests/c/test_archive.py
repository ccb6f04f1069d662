"""Array files: what is written comes back; what is corrupt is refused."""

import random
import struct

import pytest


@pytest.fixture
def saved(c):
    """Bytes of a file with two named arrays."""
    a, b, out = c.array([1, 2, 3]), c.array([4], []), c.ffi.new("plait_buffer_t *")
    names = [c.ffi.new("char[]", b"weight"), c.ffi.new("char[]", b"bias")]
    c.ok(c.lib.plait_archive_save_buffer([a, b], names, 2, out))
    content = bytes(c.ffi.buffer(c.lib.plait_buffer_data(out[0]), c.lib.plait_buffer_size(out[0])))
    c.lib.plait_buffer_free(out[0])
    c.free(a, b)
    return content


def load(c, content):
    out = c.ffi.new("plait_archive_t *")
    return c.lib.plait_archive_load_buffer(content, len(content), out), out[0]


def test_round_trip(c, saved):
    status, archive = load(c, saved)
    c.ok(status)
    assert c.lib.plait_archive_count(archive) == 2
    assert c.ffi.string(c.lib.plait_archive_name(archive, 1)) == b"bias"
    assert c.lib.plait_archive_name(archive, 2) == c.ffi.NULL
    out = c.ffi.new("plait_array_t *")
    c.ok(c.lib.plait_archive_array(archive, 0, out))
    assert (
        c.lib.plait_archive_array(archive, 2, c.ffi.new("plait_array_t *")) == c.lib.PLAIT_ERR_INDEX
    )
    c.lib.plait_archive_free(archive)
    assert c.values(out[0]) == [1, 2, 3]
    c.free(out[0])


def test_file_is_replaced_whole(c, tmp_path):
    path, a = tmp_path / "x.params", c.array([1])
    for _ in range(2):
        c.ok(c.lib.plait_archive_save(bytes(path), [a], c.ffi.NULL, 1))
    assert [p.name for p in tmp_path.iterdir()] == ["x.params"]
    assert (
        c.lib.plait_archive_save(bytes(tmp_path / "no" / "x"), [a], c.ffi.NULL, 1)
        == c.lib.PLAIT_ERR_IO
    )
    out = c.ffi.new("plait_archive_t *")
    for wrong in (tmp_path / "missing", tmp_path):
        assert c.lib.plait_archive_load(bytes(wrong), out) == c.lib.PLAIT_ERR_IO
        assert str(wrong) in c.message()
    c.free(a)


@pytest.mark.parametrize("magic", [0xF993FAC8, 1], ids=["v1", "before"])
def test_older_forms_are_read(c, magic):
    shape = struct.pack("<Iq", 1, 2) if magic != 1 else struct.pack("<I", 2)
    array = struct.pack("<I", magic) + shape + struct.pack("<iiiff", 1, 0, 0, 5, 6)
    status, archive = load(c, struct.pack("<QQQ", 0x112, 0, 1) + array + struct.pack("<Q", 0))
    c.ok(status)
    out = c.ffi.new("plait_array_t *")
    c.ok(c.lib.plait_archive_array(archive, 0, out))
    assert c.values(out[0]) == [5, 6]
    c.free(out[0])
    c.lib.plait_archive_free(archive)


def test_an_unknown_storage_is_refused(c):
    head = struct.pack("<QQQ", 0x112, 0, 1) + struct.pack("<Ii", 0xF993FAC9, 3)
    assert load(c, head)[0] == c.lib.PLAIT_ERR_IO
    assert "storage type is 3" in c.message()


def test_every_truncation_is_refused(c, saved):
    for n in range(len(saved)):
        assert load(c, saved[:n])[0] == c.lib.PLAIT_ERR_IO
        assert "corrupt at byte" in c.message()


def test_flipped_bytes_never_crash_or_allocate_much(c, saved):
    memory = c.ffi.new(
        "plait_memory_stats_t *", {"struct_size": c.ffi.sizeof("plait_memory_stats_t")}
    )
    for place in range(len(saved)):
        content = bytearray(saved)
        content[place] ^= 1 << random.randrange(8)
        status, archive = load(c, bytes(content))
        if status == c.lib.PLAIT_OK:
            c.lib.plait_archive_free(archive)
        else:
            assert status in (c.lib.PLAIT_ERR_IO, c.lib.PLAIT_ERR_NOT_IMPLEMENTED)
    c.ok(c.lib.plait_memory_get_stats(memory))
    assert memory.peak_bytes_in_use < 1 << 32
