"""Names that begin with an underscore in MXNet and that packages on it use all the same."""

import numpy as np
import pytest

import plait as mx
from plait import autograd, gluon, model, nd
from plait.module.base_module import _parse_data_desc
from plait.module.executor_group import DataParallelExecutorGroup


def _dense(**options):
    net = gluon.nn.Dense(2, in_units=3, use_bias=False, weight_initializer="ones", **options)
    net.initialize()
    return net


def _step(net, trainer):
    with autograd.record():
        loss = net(nd.ones((1, 3))).sum()
    loss.backward()
    trainer.step(1)


# --- Trainer -------------------------------------------------------------------------------------


def test_trainer_saves_states_as_packages_do(tmp_path):
    net = _dense()
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1, "momentum": 0.9})
    _step(net, trainer)
    assert trainer._kv_initialized and not trainer._params_to_init
    assert not trainer._update_on_kvstore and trainer._kvstore is None
    file = tmp_path / "trainer.states"
    file.write_bytes(trainer._updaters[0].get_states(dump_optimizer=False))
    kept, twin = net.weight.data().asnumpy(), _dense()
    twin.weight.set_data(nd.array(kept))
    other = gluon.Trainer(twin.collect_params(), "sgd", {"learning_rate": 0.1, "momentum": 0.9})
    other.load_states(str(file))
    for one, by in ((net, trainer), (twin, other)):
        _step(one, by)
    np.testing.assert_array_equal(twin.weight.data().asnumpy(), net.weight.data().asnumpy())


def test_trainer_knows_parameters_and_devices():
    net = gluon.nn.Dense(2)
    trainer = gluon.Trainer(net.collect_params(), "sgd")
    assert trainer._contexts == [] and trainer._params_to_init == trainer._params
    net.initialize()
    assert trainer._contexts == [mx.cpu()]
    assert trainer._param2idx == {p.name: i for i, p in enumerate(trainer._params)}
    assert trainer._kvstore_params == {"kvstore": "device", "update_on_kvstore": None}
    assert not trainer._distributed
    net(nd.ones((1, 3)))
    trainer._init_kvstore()
    trainer._init_params()
    assert trainer._params_to_init == []


def test_trainer_sums_by_another_library():
    class Doubling(gluon.Trainer):
        def _allreduce_grads(self):
            for param in self._params:
                for grad in param.list_grad():
                    grad *= 2

    net = _dense()
    _step(net, Doubling(net.collect_params(), "sgd", {"learning_rate": 0.1}, kvstore=None))
    np.testing.assert_allclose(net.weight.data().asnumpy(), 0.8, rtol=1e-6)


# --- Parameter -----------------------------------------------------------------------------------


class Halved(gluon.Parameter):
    """A parameter that computes what it gives, as one whose elements are dropped at random."""

    def __init__(self, parameter):
        super().__init__(parameter.name, shape=parameter.shape, init=parameter.init)
        self._var, self._data, self._grad = parameter._var, parameter._data, parameter._grad
        self._ctx_list, self._ctx_map = parameter._ctx_list, parameter._ctx_map

    def data(self, ctx=None):
        return self._check_and_get(self._data, ctx) * 0.5


@pytest.mark.parametrize("compiled", [False, True])
def test_parameter_that_computes_its_data(compiled):
    net = _dense()
    halved = Halved(net.weight)
    net.params._params[halved.name] = net._reg_params["weight"] = halved
    net.hybridize(compiled)
    for expected in (1.5, 3.0):
        with autograd.record():
            out = net(nd.ones((1, 3)))
        out.backward()
        np.testing.assert_allclose(out.asnumpy(), expected)
        np.testing.assert_allclose(halved.grad().asnumpy(), 0.5)
        halved.set_data(nd.ones((2, 3)) * 2)


@pytest.mark.parametrize("compiled", [False, True])
def test_parameter_gets_another_array_in_its_place(compiled):
    net = _dense()
    net.hybridize(compiled)
    x = nd.ones((1, 3))
    assert net(x).asnumpy().tolist() == [[3, 3]]
    scale = nd.array([2.0])
    scale.attach_grad()
    place = net.weight._ctx_map[mx.cpu().device_typeid & 1][0]
    with autograd.record():
        net.weight._data[place] = nd.ones((2, 3)) * scale
        out = net(x)
    out.backward()
    assert out.asnumpy().tolist() == [[6, 6]]
    assert scale.grad.asscalar() == 6
    net.weight._data = [nd.zeros((2, 3))]
    assert net(x).asnumpy().tolist() == [[0, 0]]


def test_parameter_places_of_devices():
    param = gluon.Parameter("w", shape=(1,))
    param.initialize(ctx=[mx.cpu(2), mx.cpu(0)])
    assert param._ctx_map == [[], [1, None, 0]]
    assert param._check_and_get(param._data, list) is param._data
    assert param._check_and_get(param._data, mx.cpu(0)) is param._data[1]


# --- HybridBlock ---------------------------------------------------------------------------------


def test_block_gives_its_graph_once_compiled():
    net = _dense()
    net.hybridize()
    assert net._cached_graph == ()
    net(nd.ones((1, 3)))
    inputs, output = net._cached_graph
    assert [v.name for v in inputs] == ["data"]
    assert output.list_arguments() == ["data", net.weight.name]


def test_infer_type():
    net = _dense()
    net.infer_type(nd.ones((1, 3)))
    assert net.weight.dtype == np.float32
    net = _dense(dtype="float64")
    net.infer_type(nd.ones((1, 3), dtype="float64"))
    assert net.weight.dtype == np.float64


# --- Module --------------------------------------------------------------------------------------


def _module(contexts):
    data = mx.sym.var("data")
    hidden = mx.sym.BatchNorm(mx.sym.FullyConnected(data, num_hidden=2, name="fc"), name="bn")
    module = mx.mod.Module(mx.sym.SoftmaxOutput(hidden, name="softmax"), context=contexts)
    module.bind([("data", (4, 3))], [("softmax_label", (4,))], inputs_need_grad=True)
    return module


def test_executor_group_shows_the_arrays_of_the_module():
    module = _module([mx.cpu(0), mx.cpu(1)])
    assert module._arg_params is None and module._aux_params is None
    module.init_params(mx.init.One())
    group = module._exec_group
    assert group.batch_size == 4 and group.slices == [slice(0, 2), slice(2, 4)]
    assert group.contexts == [mx.cpu(0), mx.cpu(1)] and group.workload == [1, 1]
    assert [d.name for d in group.data_shapes + group.label_shapes] == ["data", "softmax_label"]
    assert group.data_names == ["data"] and group.label_names == ["softmax_label"]
    assert group.param_names == ["fc_weight", "fc_bias", "bn_gamma", "bn_beta"]
    assert group.arg_names == ["data", *group.param_names, "softmax_label"]
    assert group.aux_names == ["bn_moving_mean", "bn_moving_var"]
    for rows, names, table in (
        (group.param_arrays, group.param_names, "arg_dict"),
        (group.grad_arrays, group.param_names, "grad_dict"),
        (group.aux_arrays, group.aux_names, "aux_dict"),
        (group.input_grad_arrays, group.data_names, "grad_dict"),
    ):
        for row, name in zip(rows, names, strict=True):
            assert all(a is getattr(e, table)[name] for a, e in zip(row, group.execs, strict=True))
    for rows in (group.data_arrays, group.label_arrays):
        assert [part for part, _ in rows[0]] == group.slices
        assert all(len(array) == 2 for _, array in rows[0])
    assert group.state_arrays == []
    assert sorted(module._arg_params) == sorted(group.param_names)
    assert sorted(module._aux_params) == sorted(group.aux_names)


def test_gradients_changed_in_the_group_count():
    module = _module(mx.cpu())
    module.init_params(mx.init.One())
    module.init_optimizer(optimizer="sgd", optimizer_params={"learning_rate": 1.0})
    assert module._updater is module._updaters[0]
    before = module.get_params()[0]["fc_weight"].asnumpy()
    module.forward_backward(mx.io.DataBatch([nd.ones((4, 3))], [nd.zeros((4,))]))
    group = module._exec_group
    assert group.get_output_shapes() == [("softmax_output", (4, 2))]
    np.testing.assert_array_equal(
        group.get_outputs()[0].asnumpy(), module.get_outputs()[0].asnumpy()
    )
    for row in group.grad_arrays:
        for grad in row:
            grad[:] = 4
    module.update()
    np.testing.assert_allclose(module.get_params()[0]["fc_weight"].asnumpy(), before - 1)


def test_group_copies_parameters():
    module = _module(mx.cpu())
    module.init_params(mx.init.One())
    group = module._exec_group
    group.set_params({"fc_bias": nd.array([5, 6])}, {})
    args, aux = module.get_params()
    assert args["fc_bias"].asnumpy().tolist() == [5, 6]
    targets = [{n: nd.zeros_like(a) for n, a in part.items()} for part in (args, aux)]
    group.get_params(*targets)
    assert targets[0]["fc_bias"].asnumpy().tolist() == [5, 6]
    with pytest.raises(ValueError, match="nothing"):
        group.set_params({"nothing": nd.ones((1,))}, {})


def test_group_of_a_program():
    descriptions = [("data", (4, 3))], [("softmax_label", (4,))]
    symbol = _module(mx.cpu()).symbol
    names = ["fc_weight", "fc_bias", "bn_gamma", "bn_beta"]
    options = {"for_training": True, "inputs_need_grad": False}
    group = DataParallelExecutorGroup(symbol, [mx.cpu()], [1], *descriptions, names, **options)
    group.set_params({"fc_weight": nd.ones((2, 3)), "bn_gamma": nd.ones((2,))}, {})
    smaller = [("data", (2, 3))], [("softmax_label", (2,))]
    twin = DataParallelExecutorGroup(
        symbol, [mx.cpu()], [1], *smaller, names, **options, shared_group=group
    )
    assert twin.param_arrays[0][0] is group.param_arrays[0][0]
    group.forward(mx.io.DataBatch([nd.ones((4, 3))], [nd.zeros((4,))]))
    group.backward()
    assert group.get_outputs()[0].shape == (4, 2)
    metric = mx.metric.Accuracy()
    group.update_metric(metric, [nd.zeros((4,))])
    assert metric.get()[1] == 1
    with pytest.raises(ValueError, match="param_names"):
        DataParallelExecutorGroup(symbol, [mx.cpu()], [1], *descriptions, ["fc"], **options)


def test_descriptions_of_a_module():
    data, labels = _parse_data_desc(["data"], ["label"], [("data", (2, 3))], [("label", (2,))])
    assert [(d.name, d.shape) for d in data + labels] == [("data", (2, 3)), ("label", (2,))]
    assert _parse_data_desc(["data"], ["label"], data, None) == (data, None)
    with pytest.raises(ValueError, match="data_shapes has"):
        _parse_data_desc(["image"], [], data, None)


def test_group_without_training_or_labels():
    module = mx.mod.Module(mx.sym.relu(mx.sym.var("data")), label_names=None)
    module.bind([("data", (2, 3))], for_training=False)
    group = module._exec_group
    assert group.grad_arrays is None and group.input_grad_arrays is None
    assert group.label_arrays is None


# --- loops of training by hand -------------------------------------------------------------------


@pytest.mark.parametrize("kvstore", [None, "local", "device"])
def test_updates_by_hand(kvstore):
    weights = {"a": nd.ones((2,)), "b": nd.ones((3,))}
    copies = [
        [weights["a"].copy(), weights["a"].copy()],
        [weights["b"].copy(), weights["b"].copy()],
    ]
    grads = [[nd.ones((2,)), nd.ones((2,)) * 2], [None, None]]
    store, updates = model._create_kvstore(kvstore, 2, weights)
    assert updates is (kvstore is not None)
    optimizer = mx.optimizer.SGD(learning_rate=0.1)
    if store is None:
        model._update_params(copies, grads, mx.optimizer.get_updater(optimizer), 2)
        expected = [0.9, 0.8]
    else:
        store.set_optimizer(optimizer)
        model._initialize_kvstore(store, copies, weights, list(weights), updates)
        model._update_params_on_kvstore(copies, grads, store, list(weights))
        expected = [0.7, 0.7]
    for copy, value in zip(copies[0], expected, strict=True):
        np.testing.assert_allclose(copy.asnumpy(), value, rtol=1e-6)
    assert all((copy.asnumpy() == 1).all() for copy in copies[1])


def test_gradients_summed_by_a_store():
    copies, grads = [[nd.ones((2,)), nd.ones((2,))]], [[nd.ones((2,)), nd.ones((2,)) * 2]]
    store = mx.kv.create("local")
    model._initialize_kvstore(store, copies, {"a": nd.ones((2,))}, ["a"], False)
    updater = mx.optimizer.get_updater(mx.optimizer.SGD(learning_rate=0.1))
    model._update_params(copies, grads, updater, 2, store, ["a"])
    assert sorted(updater.states) == [0, 1]
    for copy in copies[0]:
        np.testing.assert_allclose(copy.asnumpy(), 0.7, rtol=1e-6)


def test_store_that_a_program_names():
    weights = {"a": nd.ones((2,))}
    assert model._create_kvstore("device", 1, weights) == (None, False)
    given = mx.kv.create("local")
    assert model._create_kvstore(given, 1, weights) == (given, True)
    assert model._create_sparse_kvstore(given) == (given, True)
    assert model._create_sparse_kvstore("local")[0].type == "local"
    with pytest.raises(TypeError, match="kvstore is 3"):
        model._create_kvstore(3, 1, weights)
    with pytest.raises(ValueError, match="kvstore is None"):
        model._create_sparse_kvstore(None)


def test_trainer_of_a_store_that_the_program_keeps():
    net, store = _dense(), mx.kv.create("local")
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1}, kvstore=store)
    assert trainer._kvstore is store and trainer._update_on_kvstore
    _step(net, trainer)
    pulled = nd.zeros((2, 3))
    store.pull(trainer._param2idx[net.weight.name], out=pulled)
    np.testing.assert_allclose(pulled.asnumpy(), 0.9, rtol=1e-6)
    np.testing.assert_array_equal(net.weight.data().asnumpy(), pulled.asnumpy())


def test_one_head_and_its_gradient_in_a_list_or_not():
    x = nd.ones((2,))
    x.attach_grad()
    for alone in (False, True):
        for in_list in (False, True):
            with autograd.record():
                y = x * 3
            grad = nd.ones((2,)) * 2
            autograd.backward(y if alone else (y,), head_grads=[grad] if in_list else grad)
            assert x.grad.asnumpy().tolist() == [6, 6]


def test_modes_by_keyword():
    before = autograd.set_training(train_mode=True)
    assert not before and autograd.is_training()
    assert autograd.set_training(train_mode=before)
    assert autograd.set_recording(is_recording=False) is False


def test_names_of_base():
    assert mx.base.mx_real_t is np.float32
    assert mx.base.py_str(b"text") == "text"


# --- NDArray -------------------------------------------------------------------------------------


def test_slice_assign():
    x = nd.zeros((3, 4))
    assert x.slice_assign(nd.ones((2, 2)), (0, 0), (2, 4), (None, 2)) is x
    assert x.slice_assign_scalar(5, (2, None), (3, None), (None, None)) is x
    assert x.asnumpy().tolist() == [[1, 0, 1, 0], [1, 0, 1, 0], [5, 5, 5, 5]]


def test_writable():
    assert nd.ones((2,)).writable
    lent = np.frombuffer(b"12345678", "float32")  # NumPy tells DLPack 1.0 that it is read-only
    assert not mx.np.from_dlpack(lent).writable
