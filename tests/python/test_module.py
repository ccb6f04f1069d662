"""Modules, checkpoints, FeedForward, monitors and drawings."""

import logging

import numpy as np
import pytest

import plait as mx
from plait import nd, sym


def problem(samples=240, seed=0):
    rng = np.random.RandomState(seed)
    x = rng.randn(samples, 10).astype("f")
    return x, (x @ rng.randn(10, 3)).argmax(1).astype("f")


def network(names=("fc1", "fc2")):
    net = sym.FullyConnected(sym.Variable("data"), num_hidden=16, name=names[0])
    net = sym.Activation(net, act_type="relu")
    net = sym.FullyConnected(net, num_hidden=3, name=names[1])
    return sym.SoftmaxOutput(net, name="softmax")


def iterator(x, y, size=40, shuffle=False):
    return mx.io.NDArrayIter(x, y, size, shuffle)


@pytest.fixture
def trained():
    x, y = problem()
    mx.random.seed(1)
    module = mx.mod.Module(network())
    seen = []
    module.fit(
        iterator(x, y),
        eval_data=iterator(x, y),
        num_epoch=8,
        optimizer_params={"learning_rate": 0.5},
        initializer=mx.init.Xavier(),
        batch_end_callback=lambda p: seen.append((p.epoch, p.nbatch)),
    )
    assert seen == [(e, b) for e in range(8) for b in range(6)]
    return module, x, y


def test_fit_score_predict(trained):
    module, x, y = trained
    ((name, accuracy),) = module.score(iterator(x, y), "acc")
    assert name == "accuracy" and accuracy > 0.9
    out = module.predict(iterator(x, y, 64))  # padding is cut off
    assert out.shape == (240, 3)
    np.testing.assert_allclose((out.asnumpy().argmax(1) == y).mean(), accuracy)
    np.testing.assert_allclose(module.predict(x).asnumpy(), out.asnumpy(), rtol=1e-5)
    parts = module.predict(iterator(x, y, 64), merge_batches=False)
    assert [p[0].shape[0] for p in parts] == [64, 64, 64, 48]
    rows = [(o[0].shape[0], n) for o, n, _ in module.iter_predict(iterator(x, y, 64), num_batch=2)]
    assert rows == [(64, 0), (64, 1)]


def test_checkpoints(trained, tmp_path):
    module, x, y = trained
    prefix = str(tmp_path / "m")
    module.save_checkpoint(prefix, 3, save_optimizer_states=True)
    names = {p.name for p in tmp_path.iterdir()}
    assert names == {"m-symbol.json", "m-0003.params", "m-0003.states"}
    again = mx.mod.Module.load(prefix, 3, load_optimizer_states=True)
    again.bind([("data", (40, 10))], [("softmax_label", (40,))])
    want, got = module.score(iterator(x, y), "acc"), again.score(iterator(x, y), "acc")
    assert want == got
    again.init_optimizer(optimizer_params={"learning_rate": 0.1})
    symbol, args, aux = mx.model.load_checkpoint(prefix, 3)
    assert symbol.list_arguments() == module.symbol.list_arguments() and not aux
    with pytest.raises(RuntimeError, match="fc1_weight"):
        again.init_params(mx.init.Zero(), {"fc2_bias": args["fc2_bias"]}, force_init=True)
    with pytest.raises(ValueError, match="nosuch"):
        again.set_params({**args, "nosuch": nd.zeros(1)}, aux, allow_missing=True)
    with pytest.raises(ValueError, match="shape"):
        again.set_params({**args, "fc2_bias": nd.zeros(7)}, aux)


def test_two_devices_take_the_same_steps_as_one():
    x, y = problem()
    results = []
    start = None
    for devices in ([mx.cpu()], [mx.cpu(0), mx.cpu(1)]):
        module = mx.mod.Module(network(), context=devices)
        module.bind(iterator(x, y).provide_data, iterator(x, y).provide_label)
        module.init_params(mx.init.Xavier(), *(start or ()))
        start = start or module.get_params()
        module.init_optimizer(optimizer_params={"learning_rate": 0.1, "momentum": 0.9})
        for batch in iterator(x, y):
            module.forward_backward(batch)
            module.update()
        results.append({k: v.asnumpy() for k, v in module.get_params()[0].items()})
        assert module.get_outputs()[0].shape == (40, 3)
    for name, value in results[0].items():
        np.testing.assert_allclose(results[1][name], value, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("devices", [1, 2])
def test_update_in_a_store(devices, tmp_path):
    x, y = problem(80)
    found = []
    for store in ("local", mx.kv.create("local")):
        mx.random.seed(1)
        module = mx.mod.Module(network(), context=[mx.cpu(i) for i in range(devices)])
        options = {"learning_rate": 0.1, "momentum": 0.9, "wd": 0.1}
        module.fit(iterator(x, y), kvstore=store, optimizer_params=options, num_epoch=2,
                   initializer=mx.init.Xavier())  # fmt: skip
        assert module._update_on_kvstore == (store is not None and not isinstance(store, str))
        module.save_checkpoint(str(tmp_path / "net"), 2, save_optimizer_states=True)
        found.append({n: a.asnumpy() for n, a in module.get_params()[0].items()})
    for name, values in found[0].items():
        np.testing.assert_allclose(found[1][name], values, rtol=1e-5, atol=1e-6)
    module.load_optimizer_states(str(tmp_path / "net-0002.states"))
    module.set_params({n: nd.full(v.shape, 99) for n, v in found[0].items()}, {})
    module.forward_backward(next(iterator(x, y)))
    module.update()  # of what was set, which the store takes
    assert all((a.asnumpy() > 50).all() for a in module.get_params()[0].values())


def test_store_must_be_one():
    x, y = problem(40)
    module = mx.mod.Module(network())
    with pytest.raises(TypeError, match="kvstore is 3, must be a str, a KVStore or None"):
        module.fit(iterator(x, y), kvstore=3, num_epoch=1)


def test_gradients_of_inputs_and_other_shapes():
    module = mx.mod.Module(network())
    module.bind([("data", (4, 10))], [("softmax_label", (4,))], inputs_need_grad=True)
    module.init_params(mx.init.Xavier())
    for size in (4, 7):
        batch = mx.io.DataBatch([nd.ones((size, 10))], [nd.zeros((size,))])
        module.forward_backward(batch)
        (grad,) = module.get_input_grads()
        assert grad.shape == (size, 10) and np.abs(grad.asnumpy()).sum() > 0
        assert module.get_outputs()[0].shape == (size, 3)
    module.reshape([("data", (5, 10))], [("softmax_label", (5,))])
    assert module.output_shapes == [("softmax_output", (5, 3))]


def test_fixed_parameters_stay():
    x, y = problem()
    module = mx.mod.Module(network(), fixed_param_names=["fc1_weight"])
    module.bind(iterator(x, y).provide_data, iterator(x, y).provide_label)
    module.init_params(mx.init.Xavier())
    before = module.get_params()[0]
    module.init_optimizer()
    module.forward_backward(next(iterator(x, y)))
    module.update()
    after = module.get_params()[0]
    np.testing.assert_array_equal(before["fc1_weight"].asnumpy(), after["fc1_weight"].asnumpy())
    assert (before["fc2_weight"].asnumpy() != after["fc2_weight"].asnumpy()).any()


def test_fit_goes_on_where_the_iterator_stands():
    class Counting(mx.io.NDArrayIter):
        resets = 0

        def reset(self):
            type(self).resets += 1
            super().reset()

    x, y = problem()
    data = Counting(x, y, 40)
    before = Counting.resets
    next(data)
    seen = []
    options = {"batch_end_callback": lambda p: seen.append(p.epoch), "eval_data": None}
    mx.mod.Module(network()).fit(data, num_epoch=2, **options)
    assert seen == [0] * 5 + [1] * 6 and Counting.resets == before + 2
    list(data)  # at its end: fit starts again
    seen.clear()
    mx.mod.Module(network()).fit(data, num_epoch=1, **options)
    assert seen == [0] * 6


def test_devices_with_unequal_shares():
    x, y = problem(60)
    weights = []
    for options in ({}, {"context": [mx.cpu(0), mx.cpu(1)], "work_load_list": [2, 1]}):
        module = mx.mod.Module(network(), **options)
        module.fit(iterator(x, y, 30), num_epoch=1, initializer=mx.init.One())
        weights.append(module.get_params()[0]["fc2_weight"].asnumpy())
    assert module._exec_group.slices == [slice(0, 20), slice(20, 30)]
    np.testing.assert_allclose(*weights, rtol=1e-5)


def test_outputs_come_back_as_data():
    cell = sym.FullyConnected(sym.concat(sym.var("data"), sym.var("state")), num_hidden=3, name="c")
    module = mx.mod.Module(sym.tanh(cell), ["data", "state"], None)
    module.bind([("data", (2, 4)), ("state", (2, 3))])
    module.init_params(mx.init.Xavier())
    module.init_optimizer()
    state = nd.zeros((2, 3))
    for _ in range(3):  # each backward ends at the data: no weight of an earlier step is needed
        module.forward(mx.io.DataBatch([nd.ones((2, 4)), state]), is_train=True)
        module.backward([nd.ones((2, 3))])
        module.update()
        state = module.get_outputs()[0]
    assert np.isfinite(state.asnumpy()).all()


def test_order_of_calls_is_checked():
    module = mx.mod.Module(network())
    with pytest.raises(RuntimeError, match="bind"):
        module.init_params()
    module.bind([("data", (4, 10))], [("softmax_label", (4,))], for_training=False)
    with pytest.raises(RuntimeError, match="init_params"):
        module.forward(mx.io.DataBatch([nd.ones((4, 10))]))
    module.init_params()
    with pytest.raises(RuntimeError, match="for_training"):
        module.backward()
    with pytest.raises(ValueError, match="nosuch"):
        mx.mod.Module(network(), data_names=["nosuch"])
    with pytest.raises(ValueError, match="data_shapes"):
        mx.mod.Module(network()).bind([("other", (4, 10))])


def test_buckets_share_parameters():
    def sym_gen(length):
        data = sym.Variable("data")
        net = sym.FullyConnected(sym.mean(data, axis=1), num_hidden=3, name="fc")
        return sym.SoftmaxOutput(net, name="softmax"), ["data"], ["softmax_label"]

    module = mx.mod.BucketingModule(sym_gen, default_bucket_key=8)
    module.bind([("data", (4, 8, 5))], [("softmax_label", (4,))])
    module.init_params(mx.init.Xavier())
    module.init_optimizer(optimizer_params={"learning_rate": 0.1})
    before = module.get_params()[0]["fc_weight"].asnumpy()
    for length in (8, 3, 8, 5, 3):
        batch = mx.io.DataBatch(
            [nd.random.normal(shape=(4, length, 5))],
            [nd.zeros((4,))],
            bucket_key=length,
            provide_data=[("data", (4, length, 5))],
            provide_label=[("softmax_label", (4,))],
        )
        module.forward_backward(batch)
        module.update()
        after = module.get_params()[0]["fc_weight"].asnumpy()
        assert (before != after).any()
        before = after
    assert sorted(module._buckets) == [3, 5, 8]


def test_sequential_and_python_modules():
    x, y = problem()
    first = sym.FullyConnected(sym.Variable("data"), num_hidden=3, name="fc")

    def gradient(scores, labels):
        p = np.exp(scores.asnumpy())
        p /= p.sum(1, keepdims=True)
        p[np.arange(len(p)), labels.asnumpy().astype(int)] -= 1
        return p

    chain = mx.mod.SequentialModule()
    chain.add(mx.mod.Module(first, label_names=None))
    chain.add(mx.mod.PythonLossModule(grad_func=gradient), take_labels=True, auto_wiring=True)
    chain.fit(
        iterator(x, y),
        num_epoch=8,
        optimizer_params={"learning_rate": 0.5},
        initializer=mx.init.Xavier(),
    )
    assert chain.score(iterator(x, y), "acc")[0][1] > 0.85
    assert set(chain.get_params()[0]) == {"fc_weight", "fc_bias"}


def test_feed_forward(tmp_path):
    x, y = problem()
    model = mx.model.FeedForward(
        network(),
        num_epoch=10,
        learning_rate=0.5,
        numpy_batch_size=40,
        initializer=mx.init.Xavier(),
    )
    model.fit(x, y, eval_data=(x, y))
    out = model.predict(x)
    assert out.shape == (240, 3) and (out.argmax(1) == y).mean() > 0.85
    assert model.score(iterator(x, y)) > 0.85
    model.save(str(tmp_path / "f"))
    again = mx.model.FeedForward.load(str(tmp_path / "f"), 10)
    np.testing.assert_allclose(again.predict(x), out, rtol=1e-5)
    without_labels = again.predict(mx.io.NDArrayIter(x, None, 40))
    np.testing.assert_allclose(without_labels, out, rtol=1e-5)
    made = mx.model.FeedForward.create(network(), x, y, num_epoch=1, learning_rate=0.1)
    assert made.arg_params["fc1_weight"].shape == (16, 10)
    with pytest.raises(RuntimeError, match="parameters"):
        mx.model.FeedForward(network()).predict(x)


def test_monitor(caplog):
    x, y = problem()
    module = mx.mod.Module(network())
    monitor = mx.mon.Monitor(3, pattern="fc.*", sort=True)
    with caplog.at_level(logging.INFO):
        module.fit(iterator(x, y), num_epoch=1, monitor=monitor)
    lines = [r.message for r in caplog.records if r.message.startswith("Batch:")]
    names = [line.split()[2] for line in lines]
    assert set(names) == {
        "fc1_output", "fc2_output", "fc1_weight", "fc1_bias", "fc2_weight", "fc2_bias",
        *(f"fc{n}_backward_output{i}" for n in (1, 2) for i in range(3)),
    }  # fmt: skip


def test_summary_and_drawing(capsys, tmp_path):
    total = mx.viz.print_summary(network(), shape={"data": (1, 10)})
    text = capsys.readouterr().out
    assert total == 10 * 16 + 16 + 16 * 3 + 3
    assert "fc1(FullyConnected)" in text and "Total params: 227" in text
    drawing = mx.viz.plot_network(network(), shape={"data": (1, 10)})
    assert '"data" -> "fc1" [label="10"];' in drawing.source
    assert "fc1_weight" not in drawing.source
    assert "fc1_weight" in mx.viz.plot_network(network(), hide_weights=False).source
    path = drawing.save(str(tmp_path / "net.gv"))
    assert open(path, encoding="utf-8").read() == drawing.source
    with pytest.raises(TypeError, match="Symbol"):
        mx.viz.print_summary(3)
