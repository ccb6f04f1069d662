"""Prediction with exported networks."""

import pytest

import plait as mx


@pytest.fixture
def network(tmp_path):
    """An exported network with a label: paths of its files, and its output for ones."""
    data = mx.sym.Variable("data")
    net = mx.sym.FullyConnected(data, num_hidden=3, name="fc")
    net = mx.sym.BatchNorm(net, name="bn", fix_gamma=False)
    net = mx.sym.broadcast_add(mx.sym.softmax(net), mx.sym.sum(mx.sym.Variable("label")) * 0)
    arrays = {
        "arg:fc_weight": mx.nd.random.normal(shape=(3, 4)),
        "arg:fc_bias": mx.nd.random.normal(shape=(3,)),
        "arg:bn_gamma": mx.nd.ones((3,)),
        "arg:bn_beta": mx.nd.ones((3,)),
        "aux:bn_moving_mean": mx.nd.zeros((3,)),
        "aux:bn_moving_var": mx.nd.ones((3,)) * 2,
        "arg:unused": mx.nd.ones((1,)),
    }
    net.save(str(tmp_path / "net-symbol.json"))
    mx.nd.save(str(tmp_path / "net-0000.params"), arrays)
    plain = {k.split(":")[1]: v for k, v in arrays.items() if k != "arg:unused"}
    aux = {k: plain.pop(k) for k in list(plain) if "moving" in k}
    args = {**plain, "data": mx.nd.ones((2, 4)), "label": mx.nd.zeros((1,))}
    expected = net.bind(mx.cpu(), args, aux_states=aux, grad_req="null").forward()[0].asnumpy()
    return tmp_path, expected.ravel().tolist()


@pytest.fixture
def load(c):
    """A function that loads a predictor from a folder; all are freed at the end."""
    made = []

    def load(folder):
        out = c.ffi.new("plait_predictor_t *")
        files = [str(folder / name).encode() for name in ("net-symbol.json", "net-0000.params")]
        c.ok(c.lib.plait_predictor_load(*files, out))
        made.append(out[0])
        return out[0]

    yield load
    for predictor in made:
        c.lib.plait_predictor_free(predictor)


def run(c, predictor, inputs):
    """Values of output 0; inputs are lists with shapes by name."""
    for name, (values, shape) in inputs.items():
        x = c.array(values, shape)
        c.ok(c.lib.plait_predictor_set_input(predictor, name, x))
        c.free(x)
    c.ok(c.lib.plait_predictor_run(predictor))
    out = c.ffi.new("plait_array_t *")
    c.ok(c.lib.plait_predictor_output(predictor, 0, out))
    values = c.values(out[0])
    c.free(out[0])
    return values


def test_outputs_are_those_of_the_executor(c, load, network):
    folder, expected = network
    p = load(folder)
    inputs = {b"data": ([1] * 8, [2, 4]), b"label": ([0], [1])}
    assert run(c, p, inputs) == pytest.approx(expected, rel=1e-6)
    assert len(run(c, p, {b"data": ([1] * 20, [5, 4])})) == 15  # another batch size


def test_names(c, load, network):
    p = load(network[0])
    n = c.lib.plait_predictor_num_inputs(p)
    names = [c.ffi.string(c.lib.plait_predictor_input_name(p, i)) for i in range(n)]
    assert names == [b"data", b"label"]
    assert c.lib.plait_predictor_input_name(p, n) == c.ffi.NULL
    assert c.lib.plait_predictor_num_outputs(p) == 1
    assert c.ffi.string(c.lib.plait_predictor_output_name(p, 0)).endswith(b"_output")


def test_clone_shares_weights_but_not_inputs(c, load, network):
    folder, expected = network
    p = load(folder)
    out = c.ffi.new("plait_predictor_t *")
    before = c.lib.plait_array_live_count()
    c.ok(c.lib.plait_predictor_clone(p, out))
    assert c.lib.plait_array_live_count() == before
    assert c.lib.plait_predictor_run(out[0]) == c.lib.PLAIT_ERR_INVALID_ARGUMENT
    assert "'data' is not set" in c.message()
    inputs = {b"data": ([1] * 8, [2, 4]), b"label": ([0], [1])}
    assert run(c, out[0], inputs) == pytest.approx(expected, rel=1e-6)
    c.lib.plait_predictor_free(out[0])


def test_wrong_use(c, load, network):
    p = load(network[0])
    x = c.array([1])
    lib, out = c.lib, c.ffi.new("plait_array_t *")
    assert lib.plait_predictor_output(p, 0, out) == lib.PLAIT_ERR_INVALID_ARGUMENT
    assert lib.plait_predictor_set_input(p, b"fc_weight", x) == lib.PLAIT_ERR_KEY
    assert "must be one of: data, label" in c.message()
    assert lib.plait_predictor_set_input(p, b"none", x) == lib.PLAIT_ERR_KEY
    run(c, p, {b"data": ([1] * 8, [2, 4]), b"label": ([0], [1])})
    assert lib.plait_predictor_output(p, 1, out) == lib.PLAIT_ERR_INDEX
    assert lib.plait_predictor_output(p, -1, out) == lib.PLAIT_ERR_INDEX
    bad = c.array([1] * 6, [2, 3])
    c.ok(lib.plait_predictor_set_input(p, b"data", bad))
    assert lib.plait_predictor_run(p) == lib.PLAIT_ERR_SHAPE
    c.free(x, bad)


def test_inputs_whose_shape_follows_are_zeros(c, tmp_path, load):
    net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=1, name="fc")
    net.save(str(tmp_path / "net-symbol.json"))
    mx.nd.save(str(tmp_path / "net-0000.params"), {"fc_weight": mx.nd.ones((1, 2)) * 3})
    assert run(c, load(tmp_path), {b"data": ([1, 2], [1, 2])}) == [9]


@pytest.mark.parametrize("broken", ["net-symbol.json", "net-0000.params"])
def test_corrupt_files(c, network, broken):
    folder, _ = network
    path = folder / broken
    path.write_bytes(path.read_bytes()[:40])
    out = c.ffi.new("plait_predictor_t *")
    files = [str(folder / name).encode() for name in ("net-symbol.json", "net-0000.params")]
    status = c.lib.plait_predictor_load(*files, out)
    assert status in (c.lib.PLAIT_ERR_INVALID_ARGUMENT, c.lib.PLAIT_ERR_IO)
    assert c.message()
