"""Operators written in Python, and loops over arrays."""

import threading

import numpy as np
import pytest

import plait as mx
from plait import autograd, nd


class Scale(mx.operator.CustomOp):
    def __init__(self, factor):
        self.factor = factor

    def forward(self, is_train, req, in_data, out_data, aux):
        self.assign(out_data[0], req[0], in_data[0] * in_data[1] * self.factor)
        aux[0][:] += 1

    def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
        self.assign(in_grad[0], req[0], out_grad[0] * in_data[1] * self.factor)
        self.assign(in_grad[1], req[1], (out_grad[0] * in_data[0] * self.factor).sum(axis=0))


@mx.operator.register("test_scale")
class ScaleProp(mx.operator.CustomOpProp):
    def __init__(self, factor="1.0"):
        super().__init__()
        assert isinstance(factor, str)
        self.factor = float(factor)

    def list_arguments(self):
        return ["data", "weight"]

    def list_auxiliary_states(self):
        return ["calls"]

    def infer_shape(self, in_shape):
        return [in_shape[0], in_shape[0][1:]], [in_shape[0]], [(1,)]

    def create_operator(self, ctx, shapes, dtypes):
        return Scale(self.factor)


class Loss(mx.operator.CustomOp):
    def forward(self, is_train, req, in_data, out_data, aux):
        self.assign(out_data[0], req[0], nd.softmax(in_data[0]))

    def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
        assert (out_grad[0].asnumpy() == 0).all()
        hot = nd.one_hot(in_data[1], depth=out_data[0].shape[1])
        self.assign(in_grad[0], req[0], out_data[0] - hot)


@mx.operator.register("test_loss")
class LossProp(mx.operator.CustomOpProp):
    def __init__(self):
        super().__init__(need_top_grad=False)

    def list_arguments(self):
        return ["data", "label"]

    def infer_shape(self, in_shape):
        return [in_shape[0], (in_shape[0][0],)], [in_shape[0]], []

    def create_operator(self, ctx, shapes, dtypes):
        return Loss()


def run_scale():
    x, w, calls = nd.array([[1.0, 2.0], [3.0, 4.0]]), nd.array([5.0, 6.0]), nd.zeros((1,))
    x.attach_grad()
    w.attach_grad()
    with autograd.record():
        y = nd.Custom(x, w, calls, op_type="test_scale", factor=2.0)
        loss = (y * y).sum()
    loss.backward()
    return x, w, calls, y


def test_values_gradients_and_states():
    x, w, calls, y = run_scale()
    a, b = x.asnumpy(), w.asnumpy()
    np.testing.assert_allclose(y.asnumpy(), 2 * a * b)
    np.testing.assert_allclose(x.grad.asnumpy(), 2 * (2 * a * b) * 2 * b)
    np.testing.assert_allclose(w.grad.asnumpy(), (2 * (2 * a * b) * 2 * a).sum(0))
    assert calls.asscalar() == 1


def test_a_loss_needs_no_gradient_from_behind():
    x, label = nd.array([[1.0, 2.0, 3.0]]), nd.array([2.0])
    x.attach_grad()
    with autograd.record():
        y = nd.Custom(data=x, label=label, op_type="test_loss")
    y.backward()
    np.testing.assert_allclose(x.grad.asnumpy(), y.asnumpy() - [[0, 0, 1]], rtol=1e-6)


def test_several_threads():
    results = []
    threads = [threading.Thread(target=lambda: results.append(run_scale())) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(timeout=30)
    assert len(results) == 4


def test_refuses():
    with pytest.raises(KeyError, match="op_type is 'unknown'"):
        nd.Custom(nd.ones((1,)), op_type="unknown")
    with pytest.raises(ValueError, match="test_scale got 1 arrays, must be 3"):
        nd.Custom(nd.ones((1, 1)), op_type="test_scale")
    with pytest.raises(ValueError, match="weight has shape"):
        nd.Custom(nd.ones((2, 3)), nd.ones((2,)), nd.zeros((1,)), op_type="test_scale")
    with pytest.raises(TypeError, match="must be a subclass of CustomOpProp"):
        mx.operator.register("x")(object)
    assert "test_loss" in mx.operator.get_all_registered_operators()


def test_an_error_inside_reaches_the_caller():
    @mx.operator.register("test_error")
    class Prop(mx.operator.CustomOpProp):
        def create_operator(self, ctx, shapes, dtypes):
            class Bad(mx.operator.CustomOp):
                def forward(self, *args):
                    raise RuntimeError("out of order")

            return Bad()

    with pytest.raises(RuntimeError, match="out of order"):
        nd.Custom(nd.ones((1,)), op_type="test_error")


def test_foreach():
    x, s = nd.array([[1.0, 2.0], [3.0, 4.0]]), nd.zeros((2,))
    x.attach_grad()
    with autograd.record():
        outs, last = nd.contrib.foreach(lambda item, state: (item * 2, state + item), x, s)
        loss = (outs.sum() + (last * last).sum()).sum()
    loss.backward()
    np.testing.assert_array_equal(outs.asnumpy(), [[2, 4], [6, 8]])
    np.testing.assert_array_equal(last.asnumpy(), [4, 6])
    np.testing.assert_array_equal(x.grad.asnumpy(), [[10, 14], [10, 14]])
    with pytest.raises(ValueError, match="must have the same length"):
        nd.contrib.foreach(lambda i, s: (i, s), [x, nd.zeros((3,))], s)


def test_while_loop():
    outs, (i, total) = nd.contrib.while_loop(
        lambda i, total: i < 3,
        lambda i, total: (i * 10, [i + 1, total + i]),
        [nd.array([0.0]), nd.array([0.0])],
        max_iterations=5,
    )
    np.testing.assert_array_equal(outs.asnumpy().ravel(), [0, 10, 20, 0, 0])
    assert (i.asscalar(), total.asscalar()) == (3, 3)
    with pytest.raises(ValueError, match="max_iterations is None"):
        nd.contrib.while_loop(lambda i: i < 3, lambda i: (i, i), nd.array([0.0]))


def test_cond():
    x = nd.array([2.0])
    assert nd.contrib.cond(x > 1, lambda: x * 2, lambda: x).asscalar() == 4
    assert nd.contrib.cond(x > 3, lambda: x * 2, lambda: x).asscalar() == 2


def test_boolean_mask():
    x = nd.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    x.attach_grad()
    with autograd.record():
        y = nd.contrib.boolean_mask(x, nd.array([1, 0, 1]))
    y.backward()
    np.testing.assert_array_equal(y.asnumpy(), [[1, 2], [5, 6]])
    np.testing.assert_array_equal(x.grad.asnumpy(), [[1, 1], [0, 0], [1, 1]])
    with pytest.raises(ValueError, match="boolean_mask: index has shape"):
        nd.contrib.boolean_mask(x, nd.array([1, 0]))
    np.testing.assert_array_equal(nd.contrib.isnan(nd.array([1.0, np.nan])).asnumpy(), [0, 1])


def test_contrib_has_its_older_names():
    anchors = mx.contrib.nd.MultiBoxPrior(nd.zeros((1, 1, 2, 2)), sizes=(0.5, 0.25))
    assert anchors.shape == (1, 8, 4)
    prior = mx.contrib.sym.MultiBoxPrior(mx.sym.Variable("data"), sizes=(0.5, 0.25))
    assert prior.infer_shape(data=(1, 1, 2, 2))[1] == [(1, 8, 4)]


class Double(mx.operator.CustomOp):
    """Keeps its input for backward, as users' operators do."""

    def forward(self, is_train, req, in_data, out_data, aux):
        self.kept = in_data[0].copy()
        big = nd.dot(nd.ones((64, 64)), nd.ones((64, 64)))  # work of its own, waited for in here
        assert big.asnumpy()[0, 0] == 64
        self.assign(out_data[0], req[0], in_data[0] * in_data[0] * self.factor)

    def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
        self.assign(in_grad[0], req[0], 2 * self.kept * out_grad[0] * self.factor)


@mx.operator.register("test_square")
class DoubleProp(mx.operator.CustomOpProp):
    def __init__(self, factor="1"):
        super().__init__()
        self.factor = float(factor)

    def create_operator(self, ctx, shapes, dtypes):
        operator = Double()
        operator.factor = self.factor
        return operator


def test_in_a_symbol():
    data = mx.sym.var("data")
    once = mx.sym.Custom(data, op_type="test_square", name="once")
    twice = mx.sym.Custom(data=once, op_type="test_square", factor=3, name="twice")
    assert twice.list_arguments() == ["data"]
    assert twice.infer_shape(data=(2, 2))[1] == [(2, 2)]
    x = nd.array([[1.0, 2.0], [3.0, -1.0]])
    grad = nd.zeros((2, 2))
    executor = twice.bind(mx.cpu(), {"data": x}, {"data": grad})
    np.testing.assert_allclose(executor.forward(is_train=True)[0].asnumpy(), 3 * x.asnumpy() ** 4)
    executor.backward(nd.ones((2, 2)))
    np.testing.assert_allclose(grad.asnumpy(), 12 * x.asnumpy() ** 3)
    again = mx.sym.load_json(twice.tojson())
    found = again.bind(mx.cpu(), {"data": x}).forward()[0]
    np.testing.assert_allclose(found.asnumpy(), 3 * x.asnumpy() ** 4)


class Squares(mx.gluon.HybridBlock):
    def hybrid_forward(self, F, x):
        return F.Custom(x, op_type="test_square") + F.Custom(x * 2, op_type="test_square", factor=5)


class SquaresForward(mx.gluon.HybridBlock):
    def forward(self, x):
        y = nd.Custom(x, op_type="test_square")
        return y + nd.Custom(x * 2, op_type="test_square", factor=5)


@pytest.mark.parametrize("block", [Squares, SquaresForward])
@pytest.mark.parametrize("hybridize", [False, True])
def test_in_a_block(block, hybridize):
    net = block()
    if hybridize:
        net.hybridize()
    for values in ([1.0, 2.0], [3.0, -4.0, 5.0]):
        x = nd.array(values)
        x.attach_grad()
        with autograd.record():
            y = net(x)
        y.backward()
        np.testing.assert_allclose(y.asnumpy(), 21 * x.asnumpy() ** 2)
        np.testing.assert_allclose(x.grad.asnumpy(), 42 * x.asnumpy())


def test_threads_share_a_compiled_block():
    net = Squares()
    net.hybridize()
    failed = []

    def work(seed):
        for _ in range(5):
            x = nd.array(np.random.RandomState(seed).normal(size=(300, 300)))
            if not np.allclose(net(x).asnumpy(), 21 * x.asnumpy() ** 2, rtol=1e-4):
                failed.append(seed)

    work(0)
    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(timeout=60)
        assert not t.is_alive()
    assert not failed


def test_module_with_a_loss_of_its_own():
    data = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=3, name="fc")
    out = mx.sym.Custom(data=data, op_type="test_loss", name="softmax")
    assert out.list_arguments() == ["data", "fc_weight", "fc_bias", "softmax_label"]
    rng = np.random.RandomState(0)
    labels = rng.randint(0, 3, 60)
    samples = np.eye(3)[labels] * 3 + rng.normal(size=(60, 3))
    it = mx.io.NDArrayIter(samples.astype("float32"), labels.astype("float32"), 20)
    module = mx.mod.Module(out, label_names=["softmax_label"])
    module.fit(it, num_epoch=8, optimizer_params={"learning_rate": 0.5})
    assert dict(module.score(it, "acc"))["accuracy"] > 0.9


def test_npx_and_refusals_in_graphs():
    x = mx.np.array([1.0, 2.0])
    x.attach_grad()
    with autograd.record():
        y = mx.npx.Custom(x, op_type="test_square", factor=2)
    y.backward()
    assert isinstance(y, mx.np.ndarray)
    np.testing.assert_allclose(x.grad.asnumpy(), 4 * x.asnumpy())
    with pytest.raises(KeyError, match="op_type is 'unknown'"):
        mx.sym.Custom(mx.sym.var("data"), op_type="unknown").infer_shape(data=(1,))


class Broken(mx.operator.CustomOp):
    def forward(self, is_train, req, in_data, out_data, aux):
        raise ArithmeticError("it broke")


@mx.operator.register("test_broken")
class BrokenProp(mx.operator.CustomOpProp):
    def create_operator(self, ctx, shapes, dtypes):
        return Broken()


def test_a_failure_inside_a_graph_is_raised():
    out = mx.sym.Custom(mx.sym.var("data"), op_type="test_broken")
    with pytest.raises((ArithmeticError, RuntimeError), match="it broke"):
        out.bind(mx.cpu(), {"data": nd.ones((2,))}).forward()[0].asnumpy()


class Counting(mx.operator.CustomOp):
    """Softmax with its loss's gradient; counts its calls in a state and adds to a running mean."""

    def forward(self, is_train, req, in_data, out_data, aux):
        self.assign(out_data[0], req[0], mx.nd.softmax(in_data[0]))
        if is_train:
            aux[0][:] += 1
            aux[1][:] = 0.5 * aux[1] + 0.5 * in_data[0].mean(axis=0)

    def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
        label = mx.nd.one_hot(in_data[1], out_data[0].shape[1])
        self.assign(in_grad[0], req[0], out_data[0] - label)


@mx.operator.register("counting_softmax")
class CountingProp(mx.operator.CustomOpProp):
    def __init__(self):
        super().__init__(need_top_grad=False)

    def list_arguments(self):
        return ["data", "label"]

    def list_auxiliary_states(self):
        return ["state", "running_mean"]

    def infer_shape(self, in_shape):
        rows, classes = in_shape[0]
        return [in_shape[0], (rows,)], [in_shape[0]], [(1,), (classes,)]

    def create_operator(self, ctx, shapes, dtypes):
        return Counting()


def test_shapes_of_labels_and_states_come_from_the_prop():
    x = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=3, name="fc")
    out = mx.sym.Custom(x, op_type="counting_softmax", name="softmax")
    assert out.list_arguments() == ["data", "fc_weight", "fc_bias", "softmax_label"]
    assert out.list_auxiliary_states() == ["softmax_state", "softmax_running_mean"]
    shapes, outs, states = out.infer_shape(data=(5, 4))
    assert shapes == [(5, 4), (3, 4), (3,), (5,)] and outs == [(5, 3)]
    assert states == [(1,), (3,)]


def test_states_of_an_operator_in_a_graph_change():
    x = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=3, name="fc")
    out = mx.sym.Custom(x, op_type="counting_softmax", name="softmax")
    for symbol in (out, mx.sym.load_json(out.tojson())):
        executor = symbol.simple_bind(mx.cpu(), data=(5, 4))
        executor.arg_dict["data"][:] = 1
        executor.arg_dict["fc_bias"][:] = mx.nd.array([1, 2, 3])
        for calls in (1, 2):
            executor.forward(is_train=True)
            executor.backward()
            assert executor.aux_dict["softmax_state"].asscalar() == calls
        executor.forward(is_train=False)
        assert executor.aux_dict["softmax_state"].asscalar() == 2
        mean = executor.aux_dict["softmax_running_mean"].asnumpy()
        np.testing.assert_allclose(mean, np.array([1, 2, 3]) * 0.75)
        grad = executor.grad_dict["fc_bias"].asnumpy()
        want = 5 * (np.exp([1, 2, 3]) / np.exp([1, 2, 3]).sum() - [1, 0, 0])
        np.testing.assert_allclose(grad, want, rtol=1e-5)


def test_module_trains_an_operator_with_a_label_and_states():
    x = np.random.RandomState(0).randn(200, 4).astype("float32")
    y = (x[:, 0] > 0).astype("float32")
    net = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=2)
    net = mx.sym.Custom(net, op_type="counting_softmax", name="softmax")
    module = mx.mod.Module(net)
    data = mx.io.NDArrayIter(x, y, 20, label_name="softmax_label")
    module.fit(data, num_epoch=5, optimizer_params={"learning_rate": 0.5})
    assert module.score(data, "acc")[0][1] > 0.9
    assert module.get_params()[1]["softmax_state"].asscalar() == 50


def test_custom_of_numpy_arrays_in_a_hybridized_block():
    class Block(mx.gluon.HybridBlock):
        def forward(self, x):
            return mx.npx.custom(x * 2, op_type="test_square", factor="3") + 1

    block, x = Block(), mx.np.array([1.0, 2.0])
    results = []
    for hybrid in (False, True, True):
        block.hybridize(hybrid)
        x.attach_grad()
        with mx.autograd.record():
            y = block(x)
        y.backward()
        assert isinstance(y, mx.np.ndarray)
        results.append((y.asnumpy().tolist(), x.grad.asnumpy().tolist()))
    assert results[0] == results[1] == results[2]
