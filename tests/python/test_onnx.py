"""ONNX files: layers there and back, and the conformance tests of the package `onnx`."""

import importlib
import os
import re

import numpy as np
import onnx
import onnx.backend.test.case.node as node_cases
import pytest
from onnx import helper
from onnx.reference import ReferenceEvaluator

import plait as mx
from plait import gluon, nd
from plait.gluon import nn
from plait.onnx import backend

# Modules of node tests that are made quickly; PLAIT_TEST_ONNX=all takes all of them.
MODULES = """
adam add affinegrid argmax batch_normalization bitcast cast clip col2im compress concat
constantofshape conv convinteger convtranspose cumsum deformconv depthtospace dequantizelinear det
dft div dropout dynamicquantizelinear einsum elu equal expand flatten gather gatherelements
gathernd gelu gemm globalaveragepool gridsample groupnormalization gru hardmax identity if_
instance_normalization layernormalization loop lrn lstm matmul matmulinteger max maxunpool mod
negativeloglikelihoodloss nonmaxsuppression nonzero onehot optionalgetelement pad pow prelu
qlinearconv qlinearmatmul quantizelinear reducel2 reducemax reducesum reshape resize
reversesequence rnn roialign rotaryembedding round scan scatterelements scatternd sequence_map
sequenceinsert shape slice softmax split splittosequence squeeze stft sub tensorscatter tile topk
transpose trilu unique unsqueeze upsample where
""".split()
# What has no counterpart: texts, decoders of images, trees, gradients as a node.
REFUSED = re.compile(
    "string|strnorm|regex|label_encoder|image_decoder|tfidf|tree_ensemble|roialign_mode_max"
    "|array_feature_extractor|binarizer|gradient_of"
)
RANDOM = re.compile("bernoulli|training_dropout(?!_zero_ratio)")


def cases():
    if os.environ.get("PLAIT_TEST_ONNX") == "all":
        return node_cases.collect_testcases(None)
    for name in MODULES:
        importlib.import_module(f"onnx.backend.test.case.node.{name}")
    return list(node_cases._NodeTestCases)


def array_of(value):
    """Arrays, lists of them, None, of what the cases hold."""
    read = {
        onnx.TensorProto: onnx.numpy_helper.to_array,
        onnx.SequenceProto: onnx.numpy_helper.to_list,
        onnx.OptionalProto: onnx.numpy_helper.to_optional,
    }
    value = read[type(value)](value) if type(value) in read else value
    return [array_of(x) for x in value] if isinstance(value, (list, tuple)) else value


def check(got, wanted, name):
    if isinstance(wanted, (list, tuple)):
        assert len(got) == len(wanted), name
        for g, w in zip(got, wanted, strict=True):
            check(g, w, name)
        return
    assert (got.shape, got.dtype) == (wanted.shape, wanted.dtype), name
    rtol = {"bfloat16": 2e-2, "float16": 2e-3}.get(wanted.dtype.name, 1e-3)
    g, w = (x if x.dtype == bool else x.astype("float64") for x in (got, wanted))
    np.testing.assert_allclose(g, w, rtol=rtol, atol=1e-6, err_msg=name)


def test_node_tests_of_onnx():
    """Operators give the right numbers or refuse with a reason; nothing else."""
    right, refused = 0, []
    for case in cases():
        model = backend.prepare(case.model)
        try:
            for inputs, wanted in case.data_sets:
                got = model.run(array_of(inputs))
                if RANDOM.search(case.name):
                    assert [x.shape for x in got] == [x.shape for x in map(array_of, wanted)]
                else:
                    check(got, array_of(wanted), case.name)
        except NotImplementedError as error:
            assert REFUSED.search(case.name), (case.name, error)
            refused.append(case.name)
            continue
        right += 1
    print(f"{right} right, {len(refused)} refused")
    assert right >= (1800 if os.environ.get("PLAIT_TEST_ONNX") == "all" else 800)


FOLDER = os.path.join(os.path.dirname(onnx.__file__), "backend", "test", "data")
FILES = [
    os.path.join(kind, name)
    for kind in ("simple", "pytorch-operator", "pytorch-converted")
    for name in sorted(os.listdir(os.path.join(FOLDER, kind)))
    if os.path.exists(os.path.join(FOLDER, kind, name, "model.onnx"))
]


def stored(folder, kind, infos):
    """Arrays of the files input_0.pb, ... (or output_0.pb, ...)."""
    found = []
    for i, info in enumerate(infos):
        path = os.path.join(folder, f"{kind}_{i}.pb")
        if not os.path.exists(path):
            break
        proto = onnx.TensorProto()
        if info.type.HasField("sequence_type"):
            proto = onnx.SequenceProto()
        with open(path, "rb") as file:
            proto.ParseFromString(file.read())
        found.append(array_of(proto))
    return found


def test_stored_models_of_onnx():
    refused = []
    for name in FILES:
        proto = onnx.load(os.path.join(FOLDER, name, "model.onnx"))
        folder = os.path.join(FOLDER, name, "test_data_set_0")
        wanted = stored(folder, "output", proto.graph.output)
        try:
            got = backend.run_model(proto, stored(folder, "input", proto.graph.input))
        except NotImplementedError:
            assert REFUSED.search(name), name
            refused.append(name)
            continue
        check(got, wanted, name)
    assert len(FILES) - len(refused) >= 130


def test_light_models_of_onnx():
    """The smallest of the networks whose files the package has; its weights are all alike."""
    path = os.path.join(FOLDER, "light", "light_squeezenet")
    proto, wanted = onnx.load(path + ".onnx"), onnx.TensorProto()
    with open(path + "_output_0.pb", "rb") as file:
        wanted.ParseFromString(file.read())
    model = mx.onnx.Model(proto)
    [info] = [v for v in proto.graph.input if v.name == model.inputs[0]]
    shape = tuple(d.dim_value for d in info.type.tensor_type.shape.dim)
    x = np.arange(np.prod(shape)).reshape(shape) / np.prod(shape)
    check([model(x.astype("float32")).asnumpy()], [array_of(wanted)], "squeezenet")
    assert model.is_compiled(shape)


def file_of(nodes, inputs, outputs, **constants):
    """A model of nodes; inputs and outputs: (name, type, shape)."""
    values = [[helper.make_tensor_value_info(*v) for v in part] for part in (inputs, outputs)]
    arrays = [onnx.numpy_helper.from_array(np.asarray(v), n) for n, v in constants.items()]
    return helper.make_model(
        helper.make_graph(nodes, "g", *values, arrays),
        opset_imports=[helper.make_opsetid("", 17)],
    )


def test_model_compiles_for_each_shape():
    """Sizes that the file leaves open are computed with: they are known once inputs are."""
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Gather", ["s", "zero"], ["n"]),
        helper.make_node("Concat", ["n", "rest"], ["t"], axis=0),
        helper.make_node("Reshape", ["x", "t"], ["y"]),
    ]
    proto = file_of(nodes, [("x", 1, ["n", 3, 4])], [("y", 1, None)], zero=[0], rest=[-1])
    model = mx.onnx.Model(proto)
    for n in (2, 5):
        x = np.random.rand(n, 3, 4).astype("float32")
        np.testing.assert_array_equal(model(x).asnumpy(), x.reshape(n, 12))
        np.testing.assert_array_equal(model(x=nd.array(x)).asnumpy(), x.reshape(n, 12))
        assert model.is_compiled((n, 3, 4))
    with pytest.raises(ValueError, match="onnx: inputs are .*, must be"):
        model()
    with pytest.raises(NotImplementedError, match="input 'x' has the type STRING"):
        model(np.array([[["a"]]]))
    with pytest.raises(NotImplementedError, match="needs a size that the inputs leave open"):
        mx.onnx.import_model(proto)


def test_model_runs_nodes_whose_shapes_depend_on_values():
    nodes = [helper.make_node("NonZero", ["x"], ["i"]), helper.make_node("Relu", ["x"], ["y"])]
    proto = file_of(nodes, [("x", 1, ["n"])], [("i", 7, None), ("y", 1, None)])
    model = mx.onnx.Model(proto)
    places, y = model(np.array([0, -2, 3], "float32"))
    assert places.asnumpy().tolist() == [[1, 2]] and y.asnumpy().tolist() == [0, 0, 3]
    assert not model.is_compiled((3,))
    with pytest.raises(NotImplementedError, match="depends on values, which has no counterpart"):
        mx.onnx.import_model(proto)


def test_functions_of_a_file():
    body = [
        helper.make_node("Constant", [], ["c"], value_float=2.0),
        helper.make_node("Mul", ["a", "c"], ["b"]),
    ]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    function = helper.make_function("own", "Twice", ["a"], ["b"], body, opsets[:1])
    nodes = [helper.make_node("Twice", ["x"], ["y"], domain="own")]
    nodes.append(helper.make_node("Twice", ["y"], ["z"], domain="own"))
    info = [helper.make_tensor_value_info(n, 1, [2]) for n in "xz"]
    graph = helper.make_graph(nodes, "g", info[:1], info[1:])
    proto = helper.make_model(graph, opset_imports=opsets, functions=[function])
    assert mx.onnx.Model(proto)(np.ones(2, "float32")).asnumpy().tolist() == [4, 4]
    block = mx.onnx.import_to_gluon(proto)
    assert block(nd.ones((2,))).asnumpy().tolist() == [4, 4]


def test_branches_and_loops_follow_results():
    """The number of rounds and the branch are known only when the nodes before have run."""
    i, b, f = onnx.TensorProto.INT64, onnx.TensorProto.BOOL, 1
    body = helper.make_graph(
        [
            helper.make_node("Add", ["x_in", "step"], ["x_out"]),
            helper.make_node("Less", ["x_out", "limit"], ["go_out"]),
            helper.make_node("Identity", ["x_out"], ["row"]),
        ],
        "body",
        [helper.make_tensor_value_info(*v) for v in (("i", i, []), ("go", b, []), ("x_in", f, []))],
        [helper.make_tensor_value_info(*v)
         for v in (("go_out", b, []), ("x_out", f, []), ("row", f, []))],
    )  # fmt: skip
    branches = {
        f"{name}_branch": helper.make_graph(
            [helper.make_node(op, ["rows"], [name])], name, [],
            [helper.make_tensor_value_info(name, f, None)],
        )
        for name, op in (("then", "ReduceMax"), ("else", "ReduceSum"))
    }  # fmt: skip
    nodes = [
        helper.make_node("Loop", ["", "yes", "x"], ["last", "rows"], body=body),
        helper.make_node("Greater", ["last", "limit"], ["above"]),
        helper.make_node("If", ["above"], ["y"], **branches),
    ]
    one = np.float32(1)
    proto = file_of(nodes, [("x", 1, [])], [("rows", 1, None), ("y", 1, None)],
                    yes=np.array(True), step=one, limit=4 * one)  # fmt: skip
    model = mx.onnx.Model(proto)
    rows, y = model(np.float32(1.5))
    assert rows.asnumpy().tolist() == [2.5, 3.5, 4.5] and y.asnumpy().tolist() == [4.5]
    rows, y = model(np.float32(2))
    assert rows.asnumpy().tolist() == [3, 4] and y.asnumpy().tolist() == [7]


def net_of(*layers):
    net = nn.HybridSequential()
    net.add(*layers)
    net.initialize(mx.init.Xavier())
    net.hybridize()
    return net


class Pieces(gluon.HybridBlock):
    """Operators that layers of the zoo use between themselves."""

    def __init__(self):
        super().__init__()
        self.dense = nn.Dense(6, flatten=False, in_units=4)

    def hybrid_forward(self, F, x):
        y = F.transpose(self.dense(x), axes=(0, 2, 1))
        y = F.concat(y, F.reshape(x, shape=(0, -1, 3)), dim=1)
        a, b = F.split(y, num_outputs=2, axis=1)
        y = F.broadcast_mul(F.sigmoid(a) * 2 - 1, F.expand_dims(F.mean(b, axis=2), 2))
        y = F.clip(y / 3, -0.5, 0.5) + F.slice_axis(b, axis=1, begin=0, end=None)
        y = F.where(y > 0, F.sqrt(F.abs(y)), F.square(1 - y))
        return F.stack(y, F.maximum(y, 0.1), axis=1), F.sum(y), F.L2Normalization(y)


NETS = {
    "convolutions": (
        lambda: net_of(
            nn.Conv2D(4, 3, padding=1, activation="relu"), nn.BatchNorm(), nn.MaxPool2D(2, 2),
            nn.Conv2D(6, 3, strides=2, groups=2), nn.BatchNorm(scale=False), nn.LeakyReLU(0.1),
            nn.Conv2DTranspose(4, 2, 2), nn.PReLU(in_channels=4), nn.AvgPool2D(2, 1),
            nn.GlobalAvgPool2D(), nn.Flatten(), nn.Dropout(0.5), nn.Dense(3),
        ),
        (2, 3, 9, 9),
    ),
    "functions": (
        lambda: net_of(
            nn.Dense(8, activation="tanh"), nn.ELU(0.7), nn.SELU(), nn.GELU(), nn.Swish(),
            nn.Dense(8, activation="softrelu", use_bias=False), nn.LayerNorm(), nn.RMSNorm(),
            nn.HybridLambda(lambda F, x: F.log_softmax(x)),
        ),
        (3, 5),
    ),
    "norms": (
        lambda: net_of(
            nn.InstanceNorm(), nn.GroupNorm(2),
            nn.HybridLambda(lambda F, x: F.LRN(x, nsize=3)),
            nn.HybridLambda(lambda F, x: F.UpSampling(x, scale=2, sample_type="nearest")),
            nn.HybridLambda(lambda F, x: F.Pad(x, mode="reflect", pad_width=(0,) * 4 + (1,) * 4)),
        ),
        (2, 4, 5, 5),
    ),
    "pieces": (lambda: net_of(Pieces()), (2, 3, 4)),
    "transformer": (lambda: net_of(nn.TransformerEncoder(1, 8, 2, causal=True)), (2, 5, 8)),
}  # fmt: skip


def as_list(outputs):
    return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]


@pytest.mark.parametrize("name", NETS)
def test_networks_there_and_back(name, tmp_path):
    make, shape = NETS[name]
    net, x = make(), nd.random.normal(shape=shape)
    want = [y.asnumpy() for y in as_list(net(x))]
    files = net.export(str(tmp_path / "net"))
    path = mx.onnx.export_model(*files, [shape], onnx_file_path=str(tmp_path / "net.onnx"))
    found = ReferenceEvaluator(path).run(None, {"data": x.asnumpy()})
    for y, w in zip(found, want, strict=True):
        np.testing.assert_allclose(y, w, rtol=1e-3, atol=1e-4)
    block = mx.onnx.import_to_gluon(path)
    for y, w in zip(as_list(block(x)), want, strict=True):
        np.testing.assert_allclose(y.asnumpy(), w, rtol=1e-3, atol=1e-4)


def test_first_size_may_change(tmp_path):
    net, shape = NETS["transformer"][0](), NETS["transformer"][1]
    net(nd.zeros(shape))
    files, path = net.export(str(tmp_path / "net")), str(tmp_path / "net.onnx")
    mx.onnx.export_model(*files, [shape], onnx_file_path=path, dynamic=True)
    assert mx.onnx.get_model_metadata(path)["input_tensor_data"] == [("data", (0, 5, 8))]
    x = nd.random.normal(shape=(7, *shape[1:]))
    found = ReferenceEvaluator(path).run(None, {"data": x.asnumpy()})[0]
    np.testing.assert_allclose(found, net(x).asnumpy(), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(mx.onnx.import_to_gluon(path)(x).asnumpy(), found, atol=1e-4)


def test_symbols_with_labels_and_embeddings(tmp_path):
    data = mx.sym.var("data")
    out = mx.sym.Embedding(data, input_dim=7, output_dim=4, name="embed")
    out = mx.sym.FullyConnected(out, num_hidden=3, name="fc")
    out = mx.sym.SoftmaxOutput(out, name="softmax")
    module = mx.mod.Module(out)
    module.bind([("data", (2, 5))], [("softmax_label", (2,))])
    module.init_params(mx.init.Normal(1))
    path = str(tmp_path / "m.onnx")
    mx.contrib.onnx.mx2onnx.export_model(out, module.get_params(), [(2, 5)], np.float32, path)
    x = np.random.randint(0, 7, (2, 5)).astype("float32")
    module.forward(mx.io.DataBatch([nd.array(x)]), is_train=False)
    session = ReferenceEvaluator(path)
    assert session.input_names == ["data"]
    want = module.get_outputs()[0].asnumpy()
    np.testing.assert_allclose(session.run(None, {"data": x})[0], want, rtol=1e-4)
    symbol, arguments, states = mx.contrib.onnx.onnx2mx.import_model(path)
    got = symbol.bind(mx.cpu(), {**arguments, "data": nd.array(x)}).forward()[0]
    np.testing.assert_allclose(got.asnumpy(), want, rtol=1e-4)
    assert states == {}


def test_imported_network_trains(tmp_path):
    make, shape = NETS["convolutions"]
    net = make()
    net(nd.zeros(shape))
    path = str(tmp_path / "net.onnx")
    mx.onnx.export_model(*net.export(str(tmp_path / "net")), [shape], onnx_file_path=path)
    block = mx.onnx.import_to_gluon(path)
    states = [p for p in block.collect_params().values() if p.grad_req == "null"]
    assert len(states) == 4
    trainer = gluon.Trainer(block.collect_params(), "sgd", {"learning_rate": 0.1})
    x = nd.random.normal(shape=shape)
    losses = []
    for _ in range(5):
        with mx.autograd.record():
            loss = (block(x) ** 2).mean()
        loss.backward()
        trainer.step(1)
        losses.append(loss.asscalar())
    assert losses[-1] < losses[0]


def test_what_has_no_counterpart_is_refused(tmp_path):
    x = mx.sym.var("data")
    path = str(tmp_path / "x.onnx")
    with pytest.raises(NotImplementedError, match="operator 'sort' of 'order' has no export"):
        mx.onnx.export_model(mx.sym.sort(x, name="order"), {}, [(3,)], onnx_file_path=path)
    pool = mx.sym.Pooling(x, kernel=(2, 2), pool_type="sum", name="p")
    with pytest.raises(NotImplementedError, match="pooling of 'p': pool_type = 'sum'"):
        mx.onnx.export_model(pool, {}, [(1, 1, 4, 4)], onnx_file_path=path)
    with pytest.raises(ValueError, match="must have one for each of"):
        mx.onnx.export_model(pool, {}, onnx_file_path=path)
    assert os.listdir(tmp_path) == []
    node = onnx.helper.make_node("Regex", ["x"], ["y"], name="text", domain="own")
    info = onnx.helper.make_tensor_value_info("x", 1, [2])
    graph = onnx.helper.make_graph([node], "g", [info], [info])
    with pytest.raises(NotImplementedError, match="operator 'Regex' of node 'text' has no import"):
        mx.onnx.import_model(onnx.helper.make_model(graph))


def test_large_models_have_a_second_file(tmp_path):
    net = net_of(nn.Dense(100, in_units=100))
    net(nd.zeros((1, 100)))
    path = str(tmp_path / "net.onnx")
    files = net.export(str(tmp_path / "net"))
    mx.onnx.export_model(*files, [(1, 100)], onnx_file_path=path, large_model=True)
    assert os.path.getsize(path + ".data") >= 40000 > os.path.getsize(path)
    x = nd.random.normal(shape=(1, 100))
    got = mx.onnx.import_to_gluon(path)(x)
    np.testing.assert_allclose(got.asnumpy(), net(x).asnumpy(), rtol=1e-5, atol=1e-6)
