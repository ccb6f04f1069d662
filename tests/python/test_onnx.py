"""ONNX files: layers there and back, and the conformance tests of the package `onnx`."""

import json
import os
import re

import numpy as np
import onnx
import onnx.backend.test.case.node as node_cases
import pytest
from onnx import helper
from onnx.reference import ReferenceEvaluator

import plait as mx
from plait import nd
from plait.onnx import backend
from plait.onnx.__main__ import main as program

# What has no counterpart: texts, decoders of images, trees, gradients as a node.
REFUSED = re.compile(
    "string|strnorm|regex|label_encoder|image_decoder|tfidf|tree_ensemble|roialign_mode_max"
    "|array_feature_extractor|binarizer|gradient_of"
)
RANDOM = re.compile("bernoulli|training_dropout(?!_zero_ratio)")


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
    for case in node_cases.collect_testcases(None):
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
    assert right >= 1800


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


def spelled_out(x):
    """Nodes of layer normalization and both GELUs as older exporters write them."""
    node = helper.make_node
    mean = [node("ReduceMean", [x], ["m"], axes=[-1]), node("Sub", [x, "m"], ["d"])]
    mean += [node("Pow", ["d", "two"], ["q"]), node("ReduceMean", ["q"], ["v"], axes=[-1])]
    mean += [node("Add", ["v", "eps"], ["w"]), node("Sqrt", ["w"], ["r"])]
    mean += [node("Div", ["d", "r"], ["n"]), node("Mul", ["n", "gamma"], ["g"])]
    mean += [node("Add", ["g", "beta"], ["a"])]
    gelu = [node("Div", ["a", "root"], ["e0"]), node("Erf", ["e0"], ["e1"])]
    gelu += [node("Add", ["e1", "one"], ["e2"]), node("Mul", ["a", "e2"], ["e3"])]
    gelu += [node("Mul", ["e3", "half"], ["b"])]
    tanh = [node("Pow", ["b", "three"], ["t0"]), node("Mul", ["t0", "c0"], ["t1"])]
    tanh += [node("Add", ["b", "t1"], ["t2"]), node("Mul", ["t2", "c1"], ["t3"])]
    tanh += [node("Tanh", ["t3"], ["t4"]), node("Add", ["t4", "one"], ["t5"])]
    tanh += [node("Mul", ["b", "half"], ["t6"]), node("Mul", ["t6", "t5"], ["c"])]
    return mean + gelu + tanh + [node("Sigmoid", ["c"], ["s"]), node("Mul", ["c", "s"], ["y"])]


def test_groups_of_nodes_become_one_operator():
    numbers = {"two": 2, "eps": 1e-5, "root": 2**0.5, "one": 1, "half": 0.5, "three": 3,
               "c0": 0.044715, "c1": (2 / np.pi) ** 0.5}  # fmt: skip
    numbers = {n: np.float32(v) for n, v in numbers.items()}
    gamma, beta = np.random.rand(2, 6).astype("float32")
    info = ("x", 1, [2, 6]), ("y", 1, [2, 6])
    proto = file_of(spelled_out("x"), info[:1], info[1:], gamma=gamma, beta=beta, **numbers)
    x = np.random.randn(2, 6).astype("float32")
    [wanted] = ReferenceEvaluator(proto).run(None, {"x": x})
    np.testing.assert_allclose(mx.onnx.Model(proto)(x).asnumpy(), wanted, rtol=1e-4, atol=1e-6)
    nodes = json.loads(mx.onnx.import_model(proto)[0].tojson())["nodes"]
    operators = [node["op"] for node in nodes if node["op"] != "null"]
    assert operators == ["LayerNorm", "LeakyReLU", "gelu_tanh", "silu"]


def test_program_describes_and_times_a_file(tmp_path, capsys):
    path = str(tmp_path / "f.onnx")
    node = helper.make_node("Relu", ["x"], ["y"])
    onnx.save(file_of([node], [("x", 1, ["n", 3])], [("y", 1, ["n", 3])]), path)
    assert program([path, "--sizes", "n=4", "--seconds", "0", "--nodes", "--explain"]) == 0
    text = capsys.readouterr().out
    assert "input   x: float ('n', 3)" in text and "result  y: (4, 3)" in text
    assert "Relu                    x -> y" in text and "compiled" in text
    onnx.save(file_of([node], [("x", 8, ["n"])], [("y", 8, ["n"])]), path)
    assert program([path, "--seconds", "0"]) == 1
    assert "does not run" in capsys.readouterr().out
    assert "rnn" in mx.onnx.get_operator_support()
