"""mx.kvstore in one process."""

import numpy as np
import pytest

import plait as mx


def filled(value, shape=(2, 3)):
    return mx.nd.full(shape, value)


@pytest.mark.parametrize("name", ["local", "device"])
def test_push_sums_over_devices_and_replaces(name):
    kv = mx.kv.create(name)
    assert (kv.type, kv.rank, kv.num_workers) == (name, 0, 1)
    kv.init(3, filled(7))
    out = mx.nd.zeros((2, 3))
    kv.pull(3, out=out)
    assert (out.asnumpy() == 7).all()
    kv.push(3, [filled(1), filled(2), filled(3)])
    outs = [mx.nd.zeros((2, 3)), mx.nd.zeros((2, 3))]
    kv.pull(3, out=outs)
    assert all((o.asnumpy() == 6).all() for o in outs)


def test_lists_of_keys():
    kv = mx.kv.create()
    kv.init(["a", "b"], [filled(1), filled(2)])
    values = [[filled(1), filled(1)], [filled(5), filled(5)]]
    kv.pushpull(["a", "b"], values)
    assert [float(v[0][0, 0].asscalar()) for v in values] == [2, 10]


def test_pushed_array_stays_the_callers():
    kv = mx.kv.create()
    kv.init(0, filled(0))
    mine = filled(1)
    kv.push(0, mine)
    mine[:] = 9
    out = filled(0)
    kv.pull(0, out)
    assert (out.asnumpy() == 1).all()


def test_optimizer_updates_in_the_store(tmp_path):
    kv = mx.kv.create()
    kv.init("w", filled(1))
    kv.set_optimizer(mx.optimizer.SGD(learning_rate=0.5, momentum=0.9, rescale_grad=0.5))
    weight = filled(0)
    for _ in range(2):
        kv.push("w", [filled(1), filled(1)])
    kv.pull("w", weight)
    # Gradient 1, rate 0.5: 1 - 0.5 = 0.5; then the momentum 0.9 * 0.5 comes to it.
    np.testing.assert_allclose(weight.asnumpy(), 0.5 - 0.95, rtol=1e-6)
    states = tmp_path / "states"
    kv.save_optimizer_states(str(states))
    again = mx.kv.create()
    again.init("w", weight)
    again.set_optimizer(mx.optimizer.SGD(learning_rate=0.5, momentum=0.9, rescale_grad=0.5))
    again.load_optimizer_states(str(states))
    for store in (kv, again):
        store.push("w", [filled(1), filled(1)])
    results = [filled(0), filled(0)]
    kv.pull("w", results[0])
    again.pull("w", results[1])
    np.testing.assert_array_equal(results[0].asnumpy(), results[1].asnumpy())


def test_updater_function():
    kv = mx.kv.create()
    kv.init(1, filled(2))

    def multiply(key, pushed, stored):
        assert key == 1
        stored *= pushed

    kv.set_updater(multiply)
    kv.push(1, filled(3))
    out = filled(0)
    kv.pull(1, out)
    assert (out.asnumpy() == 6).all()


def test_third_party_store():
    @mx.kvstore.KVStoreBase.register
    class Recorder(mx.kvstore.KVStoreBase):
        type = "recorder"

    assert isinstance(mx.kv.create("Recorder"), Recorder)


@pytest.mark.parametrize("name", ["dist_sync", "dist_async", "horovod"])
def test_stores_of_several_processes_work_in_one(name):
    kv = mx.kv.create(name)
    assert (kv.type, kv.rank, kv.num_workers) == (name, 0, 1)
    kv.init("w", filled(2))
    kv.push("w", [filled(1), filled(4)])
    kv.pull("w", out := filled(0))
    assert (out.asnumpy() == 5).all()
    kv.barrier()


def broken_states(kv, folder):
    (folder / "x").write_bytes(b"\x80")
    kv.set_optimizer(mx.optimizer.SGD())
    kv.load_optimizer_states(str(folder / "x"))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda kv, _: mx.kv.create("nothing"), ValueError, "name is 'nothing'"),
        (lambda kv, _: mx.kv.create(3), TypeError, "name is 3"),
        (lambda kv, _: kv.init(0, filled(1)), ValueError, "key is 0, must be a new one"),
        (lambda kv, _: kv.push(5, filled(1)), KeyError, "key is 5"),
        (lambda kv, _: kv.push(0, filled(1, (3,))), ValueError, "has shape (3,)"),
        (lambda kv, _: kv.pull(0, 3), TypeError, "must be an NDArray"),
        (lambda kv, _: kv.push([0, 1], [filled(1)]), ValueError, "got 2 keys"),
        (lambda kv, _: kv.save_optimizer_states("x"), ValueError, "has no optimizer"),
        (lambda kv, _: kv.set_optimizer("sgd"), TypeError, "optimizer is 'sgd'"),
        (broken_states, OSError, "is corrupt"),
    ],
)
def test_bad_input(call, error, text, tmp_path):
    kv = mx.kv.create()
    kv.init(0, filled(0))
    with pytest.raises(error) as raised:
        call(kv, tmp_path)
    assert text in str(raised.value)
