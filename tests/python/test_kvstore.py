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


def trained(kvstore, update_on_kvstore, devices=1, steps=3):
    """A trainer after some steps of Adam, with its two parameters."""
    mx.random.seed(2)
    net = mx.gluon.nn.Dense(2, in_units=3)
    net.initialize(ctx=[mx.cpu(i) for i in range(devices)])
    trainer = mx.gluon.Trainer(
        net.collect_params(), "adam", {"learning_rate": 0.1}, kvstore,
        update_on_kvstore=update_on_kvstore,
    )  # fmt: skip
    for step in range(steps):
        make_step(net, trainer, step, devices)
    return net, trainer


def make_step(net, trainer, step, devices=1):
    with mx.autograd.record():
        losses = [
            (net(filled(step + k + 1, (2, 3)).as_in_context(mx.cpu(k))) ** 2).sum()
            for k in range(devices)
        ]
    mx.autograd.backward(losses)
    trainer.step(2 * devices)


def values(net):
    return [a.asnumpy() for p in net.collect_params().values() for a in p.list_data()]


@pytest.mark.parametrize("devices", [1, 2])
def test_trainer_updates_in_the_store(devices, tmp_path):
    want, _ = trained("device", None, devices)
    for store in ("local", mx.kv.create("device")):
        net, trainer = trained(store, True, devices)
        for a, b in zip(values(net), values(want), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6)
    with pytest.raises(ValueError, match="update: the store updates, must be update_on_kvstore=F"):
        trainer.update(1)
    with pytest.raises(ValueError, match="allreduce_grads: the store updates"):
        trainer.allreduce_grads()
    trainer.save_states(str(tmp_path / "s"))
    before = trainer.optimizer.num_update
    trainer.load_states(str(tmp_path / "s"))
    assert trainer.optimizer.num_update == before == 3
    for parameter in net.collect_params().values():  # the store takes what a program sets
        parameter.set_data(mx.nd.zeros(parameter.shape))
    trainer.set_learning_rate(0.0)
    make_step(net, trainer, 0, devices)
    assert not any(a.any() for a in values(net))


def test_trainer_leaves_stale_gradients_out_of_the_store():
    net, trainer = trained("local", True)
    before = values(net)
    with pytest.raises(UserWarning, match="no backward pass has written the gradient"):
        trainer.step(2)
    trainer.step(2, ignore_stale_grad=True)
    for a, b in zip(values(net), before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_trainer_needs_a_store_that_can_update():
    with pytest.raises(ValueError, match="must be None or False without a kvstore"):
        trained(None, True)

    class Sums(mx.kvstore.KVStoreBase):
        @staticmethod
        def is_capable(capability):
            return False

    with pytest.raises(ValueError, match="update_on_kvstore is True, must be None or False with"):
        trained(Sums(), True)


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


def test_teststore_sums_over_devices():
    kv = mx.kv.create("teststore")
    assert (kv.type, kv.rank, kv.num_workers) == ("teststore", 0, 1)
    assert not kv.is_capable("optimizer")
    outs = [filled(0), filled(0)]
    kv.broadcast("w", filled(3), outs)
    assert all((o.asnumpy() == 3).all() for o in outs)
    values = [filled(1), filled(4)]
    kv.pushpull("w", values)
    assert all((v.asnumpy() == 5).all() for v in values)
    kv.pushpull(["a", "b"], [filled(1), filled(2)], outs)
    assert [float(o[0, 0].asscalar()) for o in outs] == [1, 2]
    with pytest.raises(ValueError, match="capability is 'speed'"):
        kv.is_capable("speed")


def test_teststore_in_a_trainer():
    nets = []
    for store in ("teststore", "device"):
        net = mx.gluon.nn.Dense(2, in_units=3)
        net.initialize(mx.init.One(), ctx=[mx.cpu(0), mx.cpu(1)])
        trainer = mx.gluon.Trainer(net.collect_params(), "sgd", kvstore=store)
        with mx.autograd.record():
            losses = [net(filled(k + 1, (1, 3)).as_in_context(mx.cpu(k))).sum() for k in (0, 1)]
        mx.autograd.backward(losses)
        trainer.step(2)
        nets.append([w.asnumpy() for w in net.weight.list_data()])
    np.testing.assert_allclose(*nets, rtol=1e-6)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_row_sparse_values_are_updated_in_the_store(momentum):
    rows = mx.nd.sparse.row_sparse_array(
        (np.full((2, 3), 2, "float32"), [1, 3]), shape=(5, 3), dtype="float32"
    )
    found = []
    for start in (mx.nd.ones((5, 3)), mx.nd.ones((5, 3)).tostype("row_sparse")):
        start[:] = start * mx.nd.array([[1], [1], [0], [0], [0]])  # row 3 is not stored
        kv = mx.kv.create()
        kv.init("w", start)
        kv.set_optimizer(mx.optimizer.SGD(learning_rate=0.5, momentum=momentum))
        for _ in range(2):
            kv.push("w", [rows, rows])
        out = mx.nd.sparse.zeros("row_sparse", (5, 3))
        kv.row_sparse_pull("w", out=out, row_ids=mx.nd.array([0, 1, 3]))
        found.append(out.asnumpy())
    np.testing.assert_allclose(*found)
    assert found[0][3, 0] < found[0][1, 0] < 0 < found[0][0, 0]
