"""Messages between ranks of one process through the C interface."""


def test_send_meets_receive(c):
    comms = c.ffi.new("plait_comm_t[2]")
    c.ok(c.lib.plait_comm_new_group(2, comms))
    options = c.ffi.new("plait_comm_options_t *", {"priority": 1})
    options.struct_size = c.ffi.sizeof("plait_comm_options_t")
    source, target = c.array([1, 2, 3]), c.array([0, 0, 0])
    c.ok(c.lib.plait_comm_receive(comms[1], target, 0, 7, c.ffi.NULL))
    c.ok(c.lib.plait_comm_send(comms[0], source, 1, 7, options))
    assert c.values(target) == [1, 2, 3]
    for i in range(2):
        c.lib.plait_comm_free(comms[i])
    c.free(source, target)


def test_bad_peer(c):
    comms = c.ffi.new("plait_comm_t[2]")
    c.ok(c.lib.plait_comm_new_group(2, comms))
    data = c.array([1])
    for call in (c.lib.plait_comm_send, c.lib.plait_comm_receive):
        for peer in (-1, 0, 2):
            assert call(comms[0], data, peer, 0, c.ffi.NULL) == c.lib.PLAIT_ERR_INVALID_ARGUMENT
    for i in range(2):
        c.lib.plait_comm_free(comms[i])
    c.free(data)
