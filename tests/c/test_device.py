"""What the C interface tells of devices and their memory."""

import os


def test_counts(c):
    count = c.lib.plait_device_count
    assert [count(kind) for kind in (1, 2, 3, 5)] == [1, 0, 1, 1]
    assert [count(kind) for kind in (-1, 0, 4, 6)] == [-1] * 4


def test_memory_of_the_machine(c):
    free, total = c.ffi.new("int64_t *"), c.ffi.new("int64_t *")
    c.ok(c.lib.plait_device_memory(c.cpu, free, total))
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert 0 < free[0] <= total[0]
    assert abs(total[0] - machine) < machine / 100


def test_devices_that_are_not_there(c):
    lib, place = c.lib, c.ffi.new("int64_t *")

    def status(kind):
        device = c.ffi.new("plait_device_t *", {"kind": kind, "id": 0})[0]
        return lib.plait_device_memory(device, place, place)

    assert status(2) == lib.PLAIT_ERR_DEVICE
    assert "gpu(0), must be a cpu" in c.message()
    assert status(4) == lib.PLAIT_ERR_INVALID_ARGUMENT
