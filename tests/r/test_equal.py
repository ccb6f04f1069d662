"""Operators, symbols and training steps give the same numbers from R and from Python."""

import numpy as np
import pytest

import plait as mx


@pytest.fixture
def to_r(r):
    """A function NumPy array -> R array of reversed shape on the same numbers."""
    from rpy2.robjects import FloatVector, IntVector

    def convert(x):
        dims = IntVector(x.shape[::-1] or (1,))
        return r["array"](FloatVector(np.ravel(x).tolist()), dim=dims)

    return convert


@pytest.fixture
def from_r(r):
    """A function MXNDArray -> NumPy array of the library's shape."""

    def convert(x):
        plain = r["as.array"](x)
        shape = [int(n) for n in r["dim"](x)][::-1]
        return np.array(list(plain)).reshape(shape)

    return convert


# Operator, shapes of its inputs, attributes; names as in Python.
OPERATORS = [
    ("abs", [(2, 3)], {}),
    ("sigmoid", [(2, 3, 4)], {}),
    ("softmax", [(2, 5)], {"axis": 0}),
    ("log_softmax", [(2, 5)], {}),
    ("broadcast_add", [(2, 3), (1, 3)], {}),
    ("broadcast_maximum", [(2, 3), (2, 1)], {}),
    ("dot", [(2, 3), (3, 4)], {}),
    ("dot", [(2, 3), (4, 3)], {"transpose_b": True}),
    ("batch_dot", [(2, 3, 4), (2, 4, 2)], {}),
    ("sum", [(2, 3, 4)], {"axis": (0, 2)}),
    ("mean", [(2, 3)], {"axis": 1, "keepdims": True}),
    ("norm", [(2, 3)], {}),
    ("argmax", [(3, 4)], {"axis": 1}),
    ("topk", [(3, 4)], {"k": 2, "ret_typ": "value"}),
    ("transpose", [(2, 3, 4)], {"axes": (2, 0, 1)}),
    ("reshape", [(2, 6)], {"shape": (3, -1)}),
    ("slice", [(4, 5)], {"begin": (1, None), "end": (3, None)}),
    ("slice_axis", [(4, 5)], {"axis": 1, "begin": 1, "end": 3}),
    ("concat", [(2, 3), (2, 2)], {"dim": 1}),
    ("stack", [(2, 3), (2, 3)], {"axis": 1}),
    ("expand_dims", [(2, 3)], {"axis": 1}),
    ("tile", [(2, 3)], {"reps": (2, 1)}),
    ("clip", [(3, 3)], {"a_min": -0.5, "a_max": 0.5}),
    ("Convolution", [(2, 3, 8, 8), (4, 3, 3, 3), (4,)], {"kernel": (3, 3), "num_filter": 4}),
    ("FullyConnected", [(2, 6), (3, 6), (3,)], {"num_hidden": 3}),
    ("Pooling", [(2, 3, 8, 8)], {"kernel": (2, 2), "stride": (2, 2), "pool_type": "avg"}),
    ("Activation", [(2, 3)], {"act_type": "tanh"}),
]


def r_value(value):
    from rpy2.robjects import IntVector, NA_Integer

    if isinstance(value, tuple):
        return IntVector([NA_Integer if v is None else v for v in value])
    return value


@pytest.mark.parametrize("name, shapes, attrs", OPERATORS, ids=lambda x: str(x))
def test_operator(r, to_r, from_r, name, shapes, attrs):
    inputs = [np.random.standard_normal(s).astype("float32") for s in shapes]
    expected = getattr(mx.nd, name)(*[mx.nd.array(x) for x in inputs], **attrs)
    function = r[f"mx.nd.{name.replace('_', '.')}"]
    got = function(
        *[r["mx.nd.array"](to_r(x)) for x in inputs], **{k: r_value(v) for k, v in attrs.items()}
    )
    np.testing.assert_allclose(from_r(got), expected.asnumpy().astype("float64"), rtol=1e-6)


@pytest.mark.parametrize("surface, prefix", [("nd", "mx.nd."), ("sym", "mx.symbol.")])
def test_every_operator_has_a_function(r, surface, prefix):
    from plait.codegen import r as codegen
    from plait.codegen import registry

    names = codegen.names(registry.operators())
    shown = {d["name"] for _, d in registry.on_surface(registry.operators(), surface)}
    exported = set(r("getNamespaceExports('plait')"))
    for op in shown:
        own = [name for group in names[op] for name in group if name.startswith(prefix)]
        assert own, f"{op}: no function {prefix}*"
        assert set(own) <= exported


def test_network_of_python_in_r(r, tmp_path, to_r):
    """A symbol and weights written by Python predict the same in R, and the other way round."""
    mx.random.seed(3)
    data = mx.sym.Variable("data")
    net = mx.sym.FullyConnected(data, num_hidden=4, name="fc")
    net = mx.sym.BatchNorm(mx.sym.Activation(net, act_type="tanh"), name="bn")
    exe = net.simple_bind(mx.cpu(), data=(5, 3))
    for array in exe.arg_arrays:
        array[:] = mx.nd.random.normal(shape=array.shape)
    for array in exe.aux_arrays:
        array[:] = mx.nd.random.uniform(0.5, 1, shape=array.shape)
    expected = exe.forward()[0].asnumpy()
    net.save(str(tmp_path / "net-symbol.json"))
    params = {f"arg:{k}": v for k, v in exe.arg_dict.items() if k != "data"}
    params |= {f"aux:{k}": v for k, v in exe.aux_dict.items()}
    mx.nd.save(str(tmp_path / "net-0001.params"), params)

    model = r["mx.model.load"](str(tmp_path / "net"), 1)
    got = r["predict"](model, to_r(exe.arg_dict["data"].asnumpy()), **{"array.layout": "colmajor"})
    np.testing.assert_allclose(np.array(list(got)).reshape(5, 4), expected, rtol=1e-5)

    r["mx.model.save"](model, str(tmp_path / "again"), 2)
    again = mx.nd.load(str(tmp_path / "again-0002.params"))
    assert set(again) == set(params)
    for key, value in params.items():
        np.testing.assert_array_equal(again[key].asnumpy(), value.asnumpy())
    assert mx.sym.load(str(tmp_path / "again-symbol.json")).tojson() == net.tojson()


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_training_steps(r, to_r, from_r, name):
    """Ten steps of an MLP from the same weights on the same batches: the same weights after."""
    data = mx.sym.Variable("data")
    net = mx.sym.FullyConnected(data, num_hidden=6, name="fc1")
    net = mx.sym.FullyConnected(mx.sym.Activation(net, act_type="relu"), num_hidden=3, name="fc2")
    net = mx.sym.SoftmaxOutput(net, name="softmax")
    exe = net.simple_bind(mx.cpu(), data=(8, 5), softmax_label=(8,))
    weights = [n for n in net.list_arguments() if n.startswith("fc")]
    start = {n: np.random.standard_normal(exe.arg_dict[n].shape).astype("float32") for n in weights}
    for n, value in start.items():
        exe.arg_dict[n][:] = value
    batches = [
        (np.random.standard_normal((8, 5)).astype("float32"), np.random.randint(0, 3, 8))
        for _ in range(10)
    ]
    options = {"learning_rate": 0.1, "rescale_grad": 1 / 8}
    if name == "sgd":
        options |= {"momentum": 0.9, "wd": 0.01}
    update = mx.optimizer.get_updater(mx.optimizer.create(name, **options))
    for x, y in batches:
        exe.forward(is_train=True, data=x, softmax_label=y)
        exe.backward()
        for i, n in enumerate(weights):
            update(i, exe.grad_dict[n], exe.arg_dict[n])

    symbol = r["mx.symbol.load.json"](net.tojson())
    run = r["mx.simple.bind"](symbol, data=r["c"](5, 8), softmax_label=8)
    r.assign("run", run)
    for n, value in start.items():
        r.assign("value", r["mx.nd.array"](to_r(value)))
        r(f"mx.exec.update.arg.arrays(run, list({n} = value))")
    dotted = {k.replace("_", "."): v for k, v in options.items()}
    r.assign("opt", r["mx.opt.create"](name, **dotted))
    r("names <- grep('^fc', names(run$arg.arrays), value = TRUE)")
    r("update <- mx.opt.get.updater(opt, run$arg.arrays[names])")
    for x, y in batches:
        r.assign("x", to_r(x))
        r.assign("y", to_r(y.astype("float32")))
        r(
            "mx.exec.update.arg.arrays(run, list(data = mx.nd.array(x), softmax_label = mx.nd.array(y)))"
        )
        r("mx.exec.forward(run); mx.exec.backward(run)")
        r("update(run$arg.arrays[names], run$grad.arrays[names])")
    for n in weights:
        got = from_r(r(f"run$arg.arrays${n}"))
        np.testing.assert_allclose(got, exe.arg_dict[n].asnumpy(), rtol=1e-5, atol=1e-6)


def test_random_numbers(r, from_r):
    mx.random.seed(11)
    expected = mx.nd.random.uniform(shape=(3, 4)).asnumpy()
    r["mx.set.seed"](11)
    np.testing.assert_array_equal(from_r(r["mx.runif"](r["c"](4, 3))), expected.astype("float64"))


def test_error_is_a_condition(r):
    classes = r("class(tryCatch(mx.nd.dot(mx.nd.ones(2), mx.nd.ones(3)), error = identity))")
    assert list(classes)[:2] == ["plait_shape_error", "plait_error"]
