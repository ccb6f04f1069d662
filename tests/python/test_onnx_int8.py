"""Quantized files of ONNX: their layers run on 8-bit numbers, within one step of the definition."""

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
from onnx import helper  # noqa: E402
from onnx.reference import ReferenceEvaluator  # noqa: E402

import plait as mx  # noqa: E402


class File:
    """A file that quantizes its input and puts layers behind one another."""

    def __init__(self, shape, zero, dtype="uint8"):
        self.rng, self.dtype, self.shape = np.random.default_rng(0), dtype, shape
        self.nodes, self.known = [], []
        self.at = self.quantize("x", 0.03, zero)

    def constant(self, name, value):
        self.known.append(onnx.numpy_helper.from_array(np.asarray(value), name))
        return name

    def quantize(self, name, scale, zero):
        s = self.constant(name + "_scale", np.float32(scale))
        z = self.constant(name + "_zero", np.asarray(zero, self.dtype))
        self.nodes.append(helper.make_node("QuantizeLinear", [name, s, z], [name + "_q"]))
        self.nodes.append(helper.make_node("DequantizeLinear", [name + "_q", s, z], [name + "_d"]))
        return name + "_d"

    def weight(self, name, shape, axis, scale):
        w = self.constant(name, self.rng.integers(-127, 128, shape).astype("int8"))
        s = self.constant(name + "_scale", np.asarray(scale, "float32"))
        z = self.constant(name + "_zero", np.zeros(np.shape(scale), "int8"))
        node = helper.make_node("DequantizeLinear", [w, s, z], [name + "_d"], axis=axis)
        self.nodes.append(node)
        return name + "_d"

    def layer(self, kind, shape, axis, scale, zero, bias_scale=None, **attrs):
        """A layer with a weight of `shape`, then quantization; `bias_scale`: that of its bias."""
        name = f"y{len(self.nodes)}"
        inputs = [self.at, self.weight(name + "_w", shape, axis, scale)]
        if bias_scale is not None:
            count = shape[axis]
            b = self.constant(name + "_b", self.rng.integers(-900, 900, count).astype("int32"))
            s = self.constant(name + "_b_scale", np.asarray(bias_scale, "float32"))
            self.nodes.append(helper.make_node("DequantizeLinear", [b, s], [b + "_d"], axis=0))
            inputs.append(b + "_d")
        self.nodes.append(helper.make_node(kind, inputs, [name], **attrs))
        self.at = self.quantize(name, 0.05, zero)

    def add(self, kind, **attrs):
        name = f"y{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, [self.at], [name], **attrs))
        self.at = self.quantize(name, 0.05, 0)

    def model(self, opset=17):
        infos = [
            helper.make_tensor_value_info(n, 1, s) for n, s in (("x", self.shape), (self.at, None))
        ]
        graph = helper.make_graph(self.nodes, "g", infos[:1], infos[1:], self.known)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
        model.ir_version = 8
        return model


def check(file, scale=0.05, layers=1):
    proto = file.model()
    definition = ReferenceEvaluator(file.model(19))  # it has no DequantizeLinear of older versions
    x = np.random.default_rng(1).normal(size=file.shape).astype("float32")
    want = definition.run(None, {"x": x})[0]
    model = mx.onnx.Model(proto)
    got = model(mx.nd.array(x)).asnumpy()
    assert got.shape == want.shape and np.std(want) > scale
    steps = np.abs(got - want) / scale
    assert steps.max() < layers + 0.01
    assert (steps > 0.5).mean() < 0.02
    return model.explain(file.shape)


@pytest.mark.parametrize("dtype, zero", [("uint8", 0), ("uint8", 119), ("int8", 0), ("int8", -7)])
def test_convolutions(dtype, zero):
    file = File((2, 3, 9, 8), zero, dtype)
    scales = np.linspace(0.002, 0.008, 16)
    file.layer("Conv", (16, 3, 3, 3), 0, scales, zero, 0.03 * scales, pads=[1, 1, 1, 1])
    file.layer("Conv", (8, 16, 3, 2), 0, 0.002, zero, strides=[2, 1], pads=[1, 0, 0, 1])
    text = check(file, layers=2)
    assert text.count("int8_convolution ") == 2 and "float64" not in text
    assert " transpose " not in text.split("int8_convolution ")[1]  # between them


@pytest.mark.parametrize("zero", [0, 100])
@pytest.mark.parametrize("kind", ["MatMul", "Gemm"])
def test_products(kind, zero):
    file = File((2, 5, 24) if kind == "MatMul" else (5, 24), zero)
    scales = np.linspace(0.003, 0.006, 12)
    if kind == "MatMul":
        file.layer("MatMul", (24, 12), 1, scales, zero)
    else:
        file.layer("Gemm", (12, 24), 0, scales, zero, 0.03 * scales, transB=1)
    text = check(file)
    assert text.count("int8_convolution ") == 1 and "float64" not in text


def test_other_layers_stay_between():
    file = File((1, 4, 8, 8), 3)
    file.layer("Conv", (8, 1, 3, 3), 0, 0.01, 0, 0.0003, group=4, pads=[1, 1, 1, 1])
    file.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    file.layer("Conv", (6, 8, 1, 1), 0, 0.003, 20)
    assert check(file, layers=2).count("int8_convolution ") == 2


def test_a_bias_in_other_steps_stays_as_it_is():
    file = File((1, 4, 6, 6), 0)
    file.layer("Conv", (5, 4, 3, 3), 0, 0.003, 0, 0.001)
    assert "int8_convolution " not in check(file)
