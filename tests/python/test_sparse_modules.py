"""Graphs on csr data: products of what is stored, row-sparse gradients, steps of their rows only."""

import numpy as np
import pytest

import plait as mx
from plait import nd, sym
from plait.symbol.sparse_products import SparseProducts


@pytest.fixture
def rows(seed):
    x = np.random.default_rng(seed).uniform(size=(12, 6)).astype("float32")
    x[x > 0.5] = 0
    x[:, 2] = 0
    return x


def network():
    data = sym.var("data", stype="csr")
    weight = sym.var("w_weight", stype="row_sparse", shape=(6, 3))
    out = sym.sparse.dot(sym.square(data), weight)
    return sym.SoftmaxOutput(sym.broadcast_add(out, sym.var("b_bias", shape=(3,))), name="softmax")


def trained(rows, contexts, **options):
    labels = np.arange(len(rows)) % 3
    data = mx.io.NDArrayIter(nd.sparse.csr_matrix(rows), labels, 4)
    module = mx.mod.Module(network(), context=contexts)
    module.fit(data, num_epoch=2, initializer=mx.init.Constant(0.5), optimizer_params=options)
    return module


def test_rows_without_data_stay():
    weights = {}
    x = np.eye(6, dtype="float32")
    for lazy in (True, False):
        options = {"learning_rate": 0.1, "momentum": 0.9, "wd": 0.1, "lazy_update": lazy}
        x[2] = 0
        module = trained(x, mx.cpu(), **options)
        grad = module._exec_group.grad_arrays[0][0]
        assert grad.stype == "row_sparse" and 2 not in grad.indices.asnumpy()
        weights[lazy] = module.get_params()[0]["w_weight"].asnumpy()
    assert (weights[True][2] == 0.5).all() and (weights[False][2] < 0.5).all()
    assert (weights[True][0] != 0.5).all()


def test_devices_sum_rows(rows):
    options = {"learning_rate": 0.2, "momentum": 0.9, "wd": 0.01}
    one = trained(rows, mx.cpu(), **options).get_params()[0]
    two = trained(rows, [mx.cpu(0), mx.cpu(1)], **options).get_params()[0]
    for name, array in one.items():
        np.testing.assert_allclose(two[name].asnumpy(), array.asnumpy(), rtol=1e-5, atol=1e-6)


def test_outputs_are_those_of_dense_data(rows):
    stored = network().simple_bind(mx.cpu(), data=(12, 6), w_weight=(6, 3))
    dense = network().simple_bind(
        mx.cpu(), data=(12, 6), w_weight=(6, 3), stype_dict={"data": "default"}
    )
    assert stored.arg_dict["data"].stype == "csr" and dense.arg_dict["data"].stype == "default"
    found = []
    for executor in (stored, dense):
        executor.set_inputs({"data": nd.sparse.csr_matrix(rows)})
        executor.arg_dict["w_weight"][:] = 0.3
        out = executor.forward(is_train=True)[0]
        executor.backward()
        grad = executor.grad_dict["w_weight"]
        found.append((out.asnumpy(), grad.tostype("default").asnumpy()))
        small = executor.reshape(data=(5, 6), softmax_label=(5,))
        small.set_inputs({"data": nd.sparse.csr_matrix(rows[:5])})
        found[-1] += (small.forward()[0].asnumpy(),)
        shown = []
        executor.set_monitor_callback(lambda name, array, seen=shown: seen.append(name))
        executor.forward(is_train=True)
        executor.backward()
        assert "softmax_output" in shown
        np.testing.assert_allclose(
            executor.grad_dict["w_weight"].tostype("default").asnumpy(), found[-1][1], rtol=1e-5
        )
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


def test_what_is_computed_apart():
    data, weight = sym.var("data"), sym.var("w")
    assert SparseProducts.of(sym.dot(data, weight), set()) is None
    assert SparseProducts.of(sym.FullyConnected(data, num_hidden=2), {"data"}) is None
    found = SparseProducts.of(sym.relu(sym.dot(data, weight, name="p")), {"data"})
    assert found.rest.list_arguments() == ["p"]
    made = found({"data": nd.sparse.csr_matrix(np.eye(2), dtype="float32"), "w": nd.ones((2, 3))})
    np.testing.assert_array_equal(made["p"].asnumpy(), np.ones((2, 3)))
