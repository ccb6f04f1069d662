"""Symbols, inference, files, executors and compiled graphs."""

import json

import numpy as np
import pytest

import plait as mx
from plait import autograd, nd, sym


def lenet():
    data = sym.Variable("data")
    x = sym.Convolution(data, kernel=(5, 5), num_filter=4, name="conv1")
    x = sym.Activation(x, act_type="tanh", name="tanh1")
    x = sym.Pooling(x, kernel=(2, 2), stride=(2, 2), name="pool1")
    x = sym.Flatten(x, name="flat")
    x = sym.FullyConnected(x, num_hidden=3, name="fc")
    return sym.log_softmax(x, name="out")


def test_names_as_in_mxnet():
    net = lenet()
    assert net.list_arguments() == ["data", "conv1_weight", "conv1_bias", "fc_weight", "fc_bias"]
    assert net.list_outputs() == ["out_output"]
    norm = sym.BatchNorm(sym.Variable("x"), name="bn")
    assert norm.list_arguments() == ["x", "bn_gamma", "bn_beta"]
    assert norm.list_auxiliary_states() == ["bn_moving_mean", "bn_moving_var"]


def test_inference_of_parameters():
    args, outs, aux = lenet().infer_shape(data=(2, 1, 28, 28))
    assert args == [(2, 1, 28, 28), (4, 1, 5, 5), (4,), (3, 576), (3,)]
    assert outs == [(2, 3)] and aux == []
    assert lenet().infer_shape() == (None, None, None)
    with pytest.raises(ValueError, match="conv1"):
        lenet().infer_shape(data=(2, 1, 28, 28), conv1_weight=(1, 1, 1, 1))


def test_shapes_follow_through_elementwise_operators():
    """From one operand to the other, and from what reads a result to what it is made of."""
    a, b, c = sym.Variable("a"), sym.Variable("b"), sym.Variable("c")
    out = c * sym.relu(a + sym.exp(b))
    assert out.infer_shape(c=(2, 3)) == ([(2, 3)] * 3, [(2, 3)], [])
    assert out.infer_shape(b=(2, 3)) == ([(2, 3)] * 3, [(2, 3)], [])
    assert sym.dot(a, b).infer_shape(a=(2, 3)) == (None, None, None)
    assert (sym.dot(a, b) + c).infer_shape(a=(2, 3), c=(1, 4)) == (None, None, None)
    # A parameter's own operator comes first, wherever it stands.
    w = sym.Variable("w")
    net = sym.FullyConnected(sym.Variable("x"), weight=w, no_bias=True, num_hidden=4) + sym.sum(w)
    assert net.infer_shape(x=(2, 3))[0] == [(2, 3), (4, 3)]


def test_json_round_trip(tmp_path):
    net = lenet()
    again = sym.load_json(net.tojson())
    assert again.tojson() == net.tojson()
    assert json.loads(net.tojson())["nodes"][3]["op"] == "Convolution"
    net.save(str(tmp_path / "x.json"))
    assert sym.load(str(tmp_path / "x.json")).list_arguments() == net.list_arguments()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"nodes": [], "heads": [[3, 0, 0]]}',
        '{"nodes": 3}',
        '{"nodes": [{"op": "null", "name": "x", "inputs": []}], "heads": [[0, 7, 0]]}',
        '{"nodes": [{"op": "nosuch", "name": "x", "inputs": []}], "heads": []}',
    ],
)
def test_damaged_json(text):
    with pytest.raises(mx.MXNetError):
        sym.load_json(text)


def arrays_for(net, seed=0, **shapes):
    rng = np.random.default_rng(seed)
    args, _, _ = net.infer_shape(**shapes)
    return {
        n: nd.array(rng.standard_normal(s) * 0.3)
        for n, s in zip(net.list_arguments(), args, strict=False)
    }


def test_executor_equals_eager():
    net = lenet()
    args = arrays_for(net, data=(2, 1, 8, 8))
    grads = {n: nd.zeros(a.shape) for n, a in args.items()}
    executor = net.bind(mx.cpu(), args, grads)
    out = executor.forward(is_train=True)[0]
    executor.backward([nd.ones(out.shape)])
    for a in args.values():
        a.attach_grad()
    with autograd.record():
        x = nd.Convolution(
            args["data"], args["conv1_weight"], args["conv1_bias"], kernel=(5, 5), num_filter=4
        )
        x = nd.Pooling(nd.Activation(x, act_type="tanh"), kernel=(2, 2), stride=(2, 2))
        y = nd.log_softmax(nd.FullyConnected(x, args["fc_weight"], args["fc_bias"], num_hidden=3))
    y.backward(nd.ones(y.shape))
    np.testing.assert_allclose(out.asnumpy(), y.asnumpy(), rtol=1e-5)
    for name, a in args.items():
        np.testing.assert_allclose(grads[name].asnumpy(), a.grad.asnumpy(), rtol=1e-4, atol=1e-6)


def test_simple_bind_and_copy_params():
    net = lenet()
    executor = net.simple_bind(mx.cpu(), data=(1, 1, 8, 8))
    values = arrays_for(net, data=(1, 1, 8, 8))
    executor.copy_params_from(values)
    np.testing.assert_array_equal(
        executor.arg_dict["fc_bias"].asnumpy(), values["fc_bias"].asnumpy()
    )
    with pytest.raises(ValueError, match="nosuch"):
        executor.copy_params_from({"nosuch": nd.zeros(1)})


def test_cached_graph_shares_work_between_shapes():
    x, y = sym.Variable("x"), sym.Variable("y")
    graph = sym.CachedGraph(x * y + x * y, {})
    for shape in [(2, 3), (4,), (2, 3)]:
        a, b = nd.ones(shape) * 3, nd.ones(shape) * 2
        np.testing.assert_array_equal(graph(a, b)[0].asnumpy(), np.full(shape, 12))
    assert graph.explain().count("predict") == 2
    assert "share: 1 changes" in graph.explain()  # x * y is computed once


def test_cached_graph_outputs_are_inputs_and_views():
    x = sym.Variable("x")
    graph = sym.CachedGraph(sym.Group([x, sym.Flatten(x), sym.Flatten(x), x + 1]), {})
    data = np.arange(8, dtype="f").reshape(2, 2, 2)
    outs = graph(nd.array(data))
    np.testing.assert_array_equal(outs[0].asnumpy(), data)
    np.testing.assert_array_equal(outs[1].asnumpy(), data.reshape(2, 4))
    np.testing.assert_array_equal(outs[3].asnumpy(), data + 1)
    outs[1][:] = 0
    np.testing.assert_array_equal(outs[2].asnumpy(), data.reshape(2, 4))


def test_cached_graph_second_order():
    x = sym.Variable("x")
    graph = sym.CachedGraph(x * x * x, {})
    a = nd.array([2.0])
    a.attach_grad()
    with autograd.record():
        y = graph(a)[0]
        dx = autograd.grad(y, a, create_graph=True)
    dx.backward()
    np.testing.assert_allclose(a.grad.asnumpy(), [12.0])


def test_batch_norm_updates_its_statistics():
    net = sym.BatchNorm(sym.Variable("x"), momentum=0.5, name="bn")
    x = nd.array(np.random.default_rng(0).standard_normal((8, 3)) + 4)
    arrays = [x, nd.ones(3), nd.zeros(3), nd.zeros(3), nd.ones(3)]
    graph = sym.CachedGraph(net, {})
    with autograd.record():
        graph(*arrays)
    np.testing.assert_allclose(arrays[3].asnumpy(), x.asnumpy().mean(0) / 2, rtol=1e-5)


def test_compose_and_internals():
    x = sym.Variable("x")
    net = sym.exp(x, name="e") + 1
    other = net(x=sym.Variable("z") * 2)
    assert other.list_arguments() == ["z"]
    assert "e_output" in net.get_internals().list_outputs()
    np.testing.assert_allclose(net.eval(x=nd.zeros(2))[0].asnumpy(), [2, 2])


def test_symbols_and_numbers():
    x = sym.Variable("x")
    data = nd.array([-1.0, 0.5, 2.0])
    cases = [
        (sym.maximum(x, 0), [0, 0.5, 2]),
        (sym.minimum(1, x), [-1, 0.5, 1]),
        (sym.maximum(x, x * x), [1, 0.5, 4]),
        (sym.pow(x, 2), [1, 0.25, 4]),
        (sym.power(2, x), [0.5, 2**0.5, 4]),
        (sym.hypot(x, 0), [1, 0.5, 2]),
    ]
    for net, want in cases:
        np.testing.assert_allclose(net.eval(x=data)[0].asnumpy(), want, rtol=1e-6)
    assert sym.maximum(2, 3) == 3


def test_comparisons():
    x, y = sym.Variable("x"), sym.Variable("y")
    a, b = np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 2.0])
    cases = {
        "lesser": (x < y, a < b), "lesser_equal": (x <= y, a <= b), "greater": (x > y, a > b),
        "greater_equal": (x >= y, a >= b), "equal": (x == y, a == b), "not_equal": (x != y, a != b),
    }  # fmt: skip
    for name, (net, want) in cases.items():
        assert f'"op": "broadcast_{name}"' in net.tojson()
        got = sym.load_json(net.tojson()).eval(x=nd.array(a), y=nd.array(b))[0].asnumpy()
        np.testing.assert_array_equal(got, want)
    for net, want in ((x < 2, a < 2), (x <= 2, a <= 2), (2 < x, a > 2)):
        assert "_scalar" in net.tojson()
        got = sym.load_json(net.tojson()).eval(x=nd.array(a))[0].asnumpy()
        np.testing.assert_array_equal(got, want)


def test_files_of_old_versions():
    """Attributes under "param" and "attr", without underscores, and those of parameters at the
    operator."""

    def variable(name, **attr):
        return {"op": "null", "param": {}, "name": name, "inputs": [], "attr": attr}

    nodes = [
        variable("data"),
        variable("fc_weight", lr_mult="2"),
        variable("fc_bias"),
        {
            "op": "FullyConnected",
            "param": {"no_bias": "False", "num_hidden": "3"},
            "name": "fc",
            "inputs": [[0, 0], [1, 0], [2, 0]],
            "backward_source_id": -1,
            "attr": {"ctx_group": "a", "weight_wd_mult": "0"},
        },
        variable("bn_gamma"),
        variable("bn_beta"),
        {
            "op": "BatchNorm",
            "param": {"eps": "0.001"},
            "name": "bn",
            "inputs": [[3, 0], [4, 0], [5, 0]],
        },
    ]
    net = sym.load_json(json.dumps({"nodes": nodes, "arg_nodes": [0, 1, 2], "heads": [[6, 0]]}))
    assert net.list_arguments() == ["data", "fc_weight", "fc_bias", "bn_gamma", "bn_beta"]
    assert net.list_auxiliary_states() == ["bn_moving_mean", "bn_moving_var"]
    attrs = net.attr_dict()
    assert attrs["fc_weight"] == {
        "__lr_mult__": "2", "__wd_mult__": "0", "lr_mult": "2", "wd_mult": "0",
    }  # fmt: skip
    assert attrs["fc"]["__ctx_group__"] == "a"


def test_written_names_are_those_of_mxnet():
    x, y = sym.Variable("x"), sym.Variable("y")
    text = ((x + y) * 2 - sym.exp(x) / (x > y)).tojson()
    names = {node["op"] for node in json.loads(text)["nodes"]} - {"null"}
    assert names == {
        "broadcast_add", "_mul_scalar", "broadcast_sub", "exp", "broadcast_div", "broadcast_greater",
    }  # fmt: skip


def test_names_of_outputs_are_those_of_mxnet():
    x = sym.Variable("x")
    boxes = sym.contrib.box_nms(x, name="nms")
    states = sym.RNN(
        x, sym.Variable("p"), sym.Variable("s"), sym.Variable("c"), state_size=3, num_layers=1,
        mode="lstm", state_outputs=True, name="rnn",
    )  # fmt: skip
    assert states.list_outputs() == ["rnn_output", "rnn_state_output", "rnn_statecell_output"]
    assert boxes.list_outputs() == ["nms_output0"]
    assert sym.topk(x, k=2, name="k").list_outputs() == ["k_output"]
    assert sym.topk(x, k=2, ret_typ="value", name="k").list_outputs() == ["k_output0"]
    assert sym.moments(x, axes=(0,), name="m").list_outputs() == ["m_output0", "m_output1"]


def test_files_tell_what_mxnet_asks_for():
    x, y = sym.Variable("x"), sym.Variable("y")
    told = {
        "s": sym.slice_axis(x, axis=0, begin=1, end=None, name="s"),
        "p": sym.Pooling(x, kernel=(2, 2), pool_type="lp", name="p"),
        "m": sym.multi_sum_sq(x, y, num_arrays=2, name="m"),
        "l": sym.LeakyReLU(x, name="l"),
        "f": sym.full((2,), 0.0, name="f"),
    }
    found = {name: json.loads(s.tojson())["nodes"][-1]["attrs"] for name, s in told.items()}
    assert found["s"]["end"] == "None" and found["p"]["p_value"] == "2"
    assert found["m"] == {"num_arrays": "2"} and found["l"] == {"act_type": "leaky"}
    assert found["f"]["value"] == "0" and told["l"].attr("act_type") == "leaky"


def test_attributes_of_automatic_variables():
    given = sym.Variable("given")
    with mx.AttrScope(lr_mult="0.1", group="a"):
        net = sym.FullyConnected(sym.relu(given), num_hidden=2, name="fc")
        net = sym.FullyConnected(net, num_hidden=2, name="last", attr={"__wd_mult__": "3"})
    attrs = net.attr_dict()
    assert "given" not in attrs
    for name in ("fc_weight", "fc_bias", "last_weight", "fc"):
        assert attrs[name]["__lr_mult__"] == attrs[name]["lr_mult"] == "0.1"
        assert attrs[name]["group"] == "a" and "num_hidden" not in attrs["fc_weight"]
    assert attrs["last_bias"]["__wd_mult__"] == "3" and "__wd_mult__" not in attrs["fc_bias"]
    nodes = {node["name"]: node.get("attrs", {}) for node in json.loads(net.tojson())["nodes"]}
    assert nodes["fc_weight"] == {"__lr_mult__": "0.1", "group": "a"}


def test_attributes():
    with mx.AttrScope(ctx_group="a"):
        x = sym.Variable("x", lr_mult=2, shape=(2, 3))
        net = sym.FullyConnected(x, num_hidden=4, name="fc")
    assert x.attr("__lr_mult__") == "2" and x.attr("ctx_group") == "a" and x.attr("no") is None
    assert net.list_attr()["num_hidden"] == "4"
    assert set(net.attr_dict()) >= {"x", "fc"}
    assert net.infer_shape()[1] == [(2, 4)]
    with pytest.raises(ValueError, match="recursive"):
        net.list_attr(recursive=True)
    with pytest.raises(ValueError, match="backend"):
        net.optimize_for("nosuch")
    assert net.optimize_for("MKLDNN") is net


def test_names_of_arithmetic_are_those_that_programs_look_up():
    x, y = mx.sym.Variable("x"), mx.sym.Variable("y")
    with mx.name.NameManager():
        made = [
            x + y, x + 1, 1 - x, 2 / x, 2**x, -x, x == y, x > 1, x < y,
            mx.sym.maximum(x, 1), mx.sym.zeros((1,)), mx.sym.random.normal(),
            mx.sym.contrib.MultiBoxPrior(x), mx.sym.linalg.gemm2(x, y), x + y,
        ]  # fmt: skip
    assert [s.name for s in made] == [
        "_plus0", "_plusscalar0", "_rminusscalar0", "_rdivscalar0", "_rpower_scalar0", "_mulscalar0",
        "_equal0", "_greater_scalar0", "_lesser0",
        "_maximumscalar0", "_zeros0", "_random_normal0",
        "multiboxprior0", "gemm20", "_plus1",
    ]  # fmt: skip
    assert (x * y + x).get_internals().list_outputs()[-1].startswith("_plus")


def test_shapes_follow_where_an_operator_wants_whole_numbers():
    x, n = mx.sym.Variable("x"), mx.sym.Variable("n")
    for length in (n, n.astype("int32"), (n + 1).astype("int64")):
        masked = mx.sym.softmax(x, length=length, use_length=True, axis=-1)
        assert masked.infer_shape(x=(4, 5, 6), n=(4, 5))[1] == [(4, 5, 6)]
        with pytest.raises(mx.MXNetError, match="length has shape"):
            masked.infer_shape(x=(4, 5, 6), n=(4, 6))
    masked = mx.sym.softmax(x, length=n, use_length=True)
    with pytest.raises(TypeError, match="length has dtype float32"):
        masked.eval(x=nd.ones((2, 3)), n=nd.ones((2,)))
    assert mx.sym.Cast(x, dtype="int8").infer_shape(x=(2,))[1] == [(2,)]


def test_unknown_dtypes_go_with_known_ones():
    identity = sym.eye(3, dtype="float64")
    out = sym.linalg.trsm(identity, sym.Variable("x"))
    assert out.infer_shape(x=(3, 2)) == ([(3, 2)], [(3, 2)], [])


def test_attributes_that_are_no_text():
    init = mx.init.Xavier(magnitude=2)
    out = sym.exp(sym.Variable("x"), name="e", attr={"__init__": init, "__depth__": 3})
    assert out.attr("__init__") == init.dumps() and out.attr("__depth__") == "3"
