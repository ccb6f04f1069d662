"""Sparse arrays and registered operators through the C interface."""

import pytest


@pytest.fixture
def s(c):
    """Makes sparse arrays by a function of the library, frees them at the end."""
    made = []

    def new(function, *args):
        out = c.ffi.new("plait_sparse_t *")
        c.ok(function(*args, out))
        made.append(out[0])
        return out[0]

    yield new
    for sparse in made:
        c.lib.plait_sparse_free(sparse)


def dense(c, sparse):
    out = c.ffi.new("plait_array_t *")
    c.ok(c.lib.plait_sparse_to_array(sparse, out))
    values = c.values(out[0])
    c.lib.plait_array_free(out[0])
    return list(values)


def test_conversions_and_arithmetic(c, s):
    lib = c.lib
    a = c.array([0, 2, 0, 0, 0, 3], (3, 2))
    for storing in (lib.PLAIT_STORING_CSR, lib.PLAIT_STORING_ROW_SPARSE):
        x = s(lib.plait_sparse_from_array, a, storing)
        assert lib.plait_sparse_storing(x) == storing and lib.plait_sparse_dtype(x) == 0
        assert lib.plait_sparse_ndim(x) == 2
        assert [lib.plait_sparse_shape(x)[i] for i in range(2)] == [3, 2]
        c.ok(lib.plait_sparse_check(x))
        assert dense(c, s(lib.plait_sparse_sum, [x, x], 2)) == [0, 4, 0, 0, 0, 6]
        assert dense(c, s(lib.plait_sparse_multiply, x, x)) == [0, 4, 0, 0, 0, 9]
        parts = c.ffi.new("plait_array_t[3]")
        count = 3 if storing == lib.PLAIT_STORING_CSR else 2
        for i in range(count):
            c.ok(lib.plait_sparse_part(x, i, parts + i))
        same = s(lib.plait_sparse_new, storing, [3, 2], 2, parts, count)
        assert dense(c, same) == [0, 2, 0, 0, 0, 3]
        none = s(lib.plait_sparse_zeros, storing, [3, 2], 2, 0)
        assert dense(c, none) == [0] * 6
        c.ok(lib.plait_sparse_assign(none, parts, count))
        assert dense(c, none) == [0, 2, 0, 0, 0, 3]
        if count == 2:
            rows = c.ffi.new("plait_array_t[2]")
            c.ok(lib.plait_sparse_rows(x, rows, rows + 1))
            assert list(c.values(rows[0])) == [0, 2, 0, 3]
            c.free(*rows)
            merged = s(lib.plait_sparse_merge_rows, parts[0], parts[1], [3, 2], 2)
            assert dense(c, merged) == [0, 2, 0, 0, 0, 3]
        c.free(*[parts[i] for i in range(count)])
    c.free(a)


def test_files_and_gradients(c, s, tmp_path):
    lib = c.lib
    a = c.array([0, 2, 0, 0], (2, 2))
    x = s(lib.plait_sparse_from_array, a, lib.PLAIT_STORING_CSR)
    path = str(tmp_path / "x.params").encode()
    c.ok(lib.plait_archive_save_mixed(path, [a, c.ffi.NULL], [c.ffi.NULL, x], c.ffi.NULL, 2))
    archive = c.ffi.new("plait_archive_t *")
    c.ok(lib.plait_archive_load(path, archive))
    assert [lib.plait_archive_storing(archive[0], i) for i in range(3)] == [0, 2, -1]
    assert dense(c, s(lib.plait_archive_sparse, archive[0], 1)) == [0, 2, 0, 0]
    out = c.ffi.new("plait_sparse_t *")
    assert lib.plait_archive_sparse(archive[0], 0, out) == lib.PLAIT_ERR_TYPE
    lib.plait_archive_free(archive[0])
    rows = s(lib.plait_sparse_zeros, lib.PLAIT_STORING_ROW_SPARSE, [2, 2], 2, 0)
    c.ok(lib.plait_autograd_mark_sparse(a, rows, lib.PLAIT_GRAD_WRITE))
    assert dense(c, s(lib.plait_autograd_get_sparse_grad, a)) == [0] * 4
    assert lib.plait_autograd_mark_sparse(a, x, lib.PLAIT_GRAD_WRITE) == lib.PLAIT_ERR_TYPE
    c.free(a)


def test_wrong_handles_and_registrations(c):
    lib, null = c.lib, c.ffi.NULL
    lib.plait_sparse_free(null)
    assert lib.plait_sparse_check(null) == lib.PLAIT_ERR_INVALID_ARGUMENT
    assert lib.plait_sparse_storing(null) == -1 and lib.plait_sparse_shape(null) == null
    assert lib.plait_custom_register(null, null) == lib.PLAIT_ERR_INVALID_ARGUMENT
    names = c.ffi.new("plait_buffer_t *")
    before = lib.plait_custom_count()
    c.ok(lib.plait_custom_names(names))
    assert c.ffi.string(lib.plait_buffer_data(names[0])).count(b"\n") == before
    lib.plait_buffer_free(names[0])
    assert lib.plait_library_load(b"/nowhere.so") == lib.PLAIT_ERR_IO
