"""Loops and branches: the same numbers as nodes of graphs and as loops of Python."""

import numpy as np
import pytest

import plait as mx
from plait import autograd, gluon, nd, npx


def arrays(seed=0, **shapes):
    rng = np.random.RandomState(seed)
    return {name: rng.randn(*shape).astype("float32") for name, shape in shapes.items()}


def gradients(outputs, values):
    """Of a weighted sum of outputs."""
    loss = sum((y * (k + 1) * y).sum() for k, y in enumerate(outputs))
    loss.backward()
    return [v.grad.asnumpy() for v in values.values()]


def assert_same(symbol, eager, values):
    """Outputs and gradients of the bound symbol equal those of `eager(F, **arrays)`."""
    made = {n: nd.array(v) for n, v in values.items()}
    for v in made.values():
        v.attach_grad()
    with autograd.record():
        want = eager(**made)
        grads = gradients(want, made)
    executor = symbol.bind(
        mx.cpu(),
        {n: nd.array(v) for n, v in values.items()},
        {n: nd.zeros(v.shape) for n, v in values.items()},
    )
    got = executor.forward(is_train=True)
    for g, w in zip(got, want, strict=True):
        np.testing.assert_allclose(g.asnumpy(), w.asnumpy(), rtol=1e-5, atol=1e-6)
    executor.backward([2 * (k + 1) * y for k, y in enumerate(got)])
    for name, want_grad in zip(made, grads, strict=True):
        np.testing.assert_allclose(
            executor.grad_dict[name].asnumpy(), want_grad, rtol=1e-4, atol=1e-5, err_msg=name
        )


def rnn(F, data, s, w):
    """A loop whose body reads an outer variable, and an outer expression."""
    twice = w * 2

    def step(x, states):
        out = F.broadcast_add(F.dot(x, w), F.tanh(states[0])) * F.mean(twice)
        return [out, F.relu(out)], [out * 0.5]

    outs, states = F.contrib.foreach(step, data, [s])
    return outs + states


def variables(*names):
    return {n: mx.sym.var(n) for n in names}


def test_foreach_equals_the_loop():
    values = arrays(data=(4, 2, 3), s=(2, 3), w=(3, 3))
    symbol = mx.sym.Group(rnn(mx.sym, **variables(*values)))
    assert symbol.list_arguments() == ["data", "s", "w"]
    assert_same(symbol, lambda **a: rnn(nd, **a), values)
    assert_same(mx.sym.load_json(symbol.tojson()), lambda **a: rnn(nd, **a), values)


def test_foreach_infers_the_shapes_of_what_its_body_reads():
    def step(x, states):
        h = mx.sym.FullyConnected(x, num_hidden=5, name="fc") + states[0]
        return h, [h]

    out, _ = mx.sym.contrib.foreach(step, mx.sym.var("data"), [mx.sym.var("h")])
    shapes, outs, _ = out.infer_shape(data=(7, 2, 3), h=(2, 5))
    assert dict(zip(out.list_arguments(), shapes, strict=True)) == {
        "data": (7, 2, 3), "h": (2, 5), "fc_weight": (5, 3), "fc_bias": (5,),
    }  # fmt: skip
    assert outs == [(7, 2, 5)]
    executor = out.simple_bind(mx.cpu(), data=(7, 2, 3), h=(2, 5))
    assert executor.forward()[0].shape == (7, 2, 5)


def test_structures_of_foreach():
    x, y, s = (mx.sym.var(n) for n in "xys")
    out, states = mx.sym.contrib.foreach(lambda d, s: (d[0] * d[1], s + d[0]), [x, y], s)
    assert isinstance(out, mx.sym.Symbol) and isinstance(states, mx.sym.Symbol)
    none, states = mx.sym.contrib.foreach(lambda d, s: ([], [s[0], [s[1][0] + d]]), x, [y, [s]])
    assert none == [] and isinstance(states[1][0], mx.sym.Symbol)
    given = {n: nd.array([[1.0, 2.0], [3.0, 4.0]]) for n in "xys"}
    got = states[1][0].eval(x=given["x"], y=given["y"], s=nd.array([1.0, 1.0]))
    assert got[0].asnumpy().tolist() == [5, 7]


def test_state_that_the_body_does_not_read():
    data, s = mx.sym.var("data"), mx.sym.var("s")
    out, last = mx.sym.contrib.foreach(lambda x, s: (x * 2, x), data, s)
    symbol = mx.sym.Group([out, last])
    assert_same(
        symbol,
        lambda data, s: nd.contrib.foreach(lambda x, s: (x * 2, x + 0 * s), data, s),
        arrays(data=(3, 2), s=(2,)),
    )


def test_vectors_have_rows_of_one_element():
    values = arrays(data=(5,), s=(1,))

    def loop(F, data, s):
        out, last = F.contrib.foreach(lambda x, s: (x * s, x + s), data, s)
        return [out, last]

    assert_same(mx.sym.Group(loop(mx.sym, **variables(*values))), lambda **a: loop(nd, **a), values)


def growth(F, i, a, w):
    outs, last = F.contrib.while_loop(
        cond=lambda i, a: F.sum(i) < 4,
        func=lambda i, a: ([a * w, F.tanh(a)], [i + 1, a + i * w]),
        loop_vars=[i, a],
        max_iterations=6,
    )
    return outs + last


@pytest.mark.parametrize("start", [0, 3, -4])
def test_while_loop_equals_the_loop(start):
    values = {"i": np.array([start], "float32"), **arrays(a=(1,), w=(1,))}
    symbol = mx.sym.Group(growth(mx.sym, **variables(*values)))
    assert_same(symbol, lambda **a: growth(nd, **a), values)


def test_while_loop_that_makes_no_step():
    values = {"i": np.array([9], "float32"), **arrays(a=(1,), w=(1,))}
    symbol = mx.sym.Group(growth(mx.sym, **variables(*values)))
    executor = symbol.bind(
        mx.cpu(),
        {n: nd.array(v) for n, v in values.items()},
        {n: nd.ones((1,)) for n in values},
    )
    outs = executor.forward(is_train=True)
    assert outs[0].shape == (6, 1) and not outs[0].asnumpy().any()
    executor.backward([nd.ones(y.shape) for y in outs])
    assert [executor.grad_dict[n].asscalar() for n in "iaw"] == [1, 1, 0]


def choice(F, p, a, w):
    doubled = w * 2
    return [F.contrib.cond(p > 0, lambda: a + doubled * a, lambda: F.sin(w))]


@pytest.mark.parametrize("p", [1, -1])
def test_cond_equals_the_branch(p):
    values = {"p": np.array([p], "float32"), **arrays(a=(2, 2), w=(2, 2))}
    symbol = choice(mx.sym, **variables(*values))[0]
    made = symbol + mx.sym.broadcast_mul(mx.sym.var("p"), mx.sym.var("a"))

    def eager(p, a, w):
        return [choice(nd, p.detach(), a, w)[0] + p * a + 0 * w]

    assert_same(made, eager, values)


def test_loops_within_loops():
    values = arrays(data=(3, 4, 2), s=(2,), w=(2,))

    def nested(F, data, s, w):
        def outer(x, state):
            def inner(y, t):
                return y * w + state, F.tanh(t + y * state)

            rows, last = F.contrib.foreach(inner, x, state)
            chosen = F.contrib.cond(F.sum(last) > 0, lambda: last * w, lambda: last - state)
            return F.sum(rows, axis=0), chosen

        out, last = F.contrib.foreach(outer, data, s)
        return [out, last]

    symbol = mx.sym.Group(nested(mx.sym, **variables(*values)))
    assert_same(symbol, lambda **a: nested(nd, **a), values)


class Cells(gluon.HybridBlock):
    """An LSTM cell run by foreach, in MXNet's first style."""

    def __init__(self, cell):
        super().__init__()
        with self.name_scope():
            self.cell = cell()

    def hybrid_forward(self, F, x, states):
        return F.contrib.foreach(self.cell, x, states)


class CellsOfArrays(Cells):
    def forward(self, x, states):
        return nd.contrib.foreach(self.cell, x, states)


def lstm():
    cell = gluon.rnn.HybridSequentialRNNCell()
    with cell.name_scope():
        cell.add(gluon.rnn.LSTMCell(4))
        cell.add(gluon.rnn.ResidualCell(gluon.rnn.GRUCell(4)))
    return cell


def step_of(net, x, states):
    x.attach_grad()
    with autograd.record():
        out, last = net(x, states)
        loss = (out**2).sum() + sum(s.sum() for s in last)
    loss.backward()
    grads = [p.grad().asnumpy() for p in net.collect_params().values()]
    return [out.asnumpy(), *(s.asnumpy() for s in last), x.grad.asnumpy(), *grads]


@pytest.mark.parametrize("kind", [Cells, CellsOfArrays])
def test_cells_run_by_foreach_under_hybridize(kind, tmp_path):
    net = kind(lstm)
    net.initialize(mx.init.Xavier())
    x = nd.random.normal(shape=(5, 2, 3))
    states = [nd.random.normal(shape=(2, 4)) for _ in range(3)]
    eager = step_of(net, x, states)
    net.hybridize()
    for _ in range(2):
        for a, b in zip(eager, step_of(net, x, states), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    assert net.explain().count("foreach ") == 1
    other = step_of(net, nd.random.normal(shape=(9, 2, 3)), states)  # another plan
    assert other[0].shape == (9, 2, 4)
    files = net.export(str(tmp_path / "net"))
    want = net(x, states)[0].asnumpy()
    inputs = ["data0", "data1", "data2", "data3"]
    read = gluon.SymbolBlock.imports(files[0], inputs, files[1])
    np.testing.assert_allclose(read(x, *states)[0].asnumpy(), want, rtol=1e-6)


class Search(gluon.HybridBlock):
    """While and if in an array's own style."""

    def __init__(self):
        super().__init__()
        self.scale = gluon.Parameter("scale", shape=(3,), init=mx.init.Constant(1.5))

    def forward(self, x):
        scale = self.scale.data()
        outs, (n, y) = npx.while_loop(
            lambda n, y: (y * y).sum() < 50,
            lambda n, y: (y, [n + 1, y * scale]),
            [mx.np.zeros((), dtype="float32"), x],
            max_iterations=10,
        )
        return npx.cond(lambda n: n > 3, lambda n: y * n, lambda n: y - n, [n]), outs, n


def test_arrays_of_numpy_under_hybridize():
    with npx.np_array(True):
        net = Search()
        net.initialize()
        results = []
        for hybrid in (False, True, True):
            net.hybridize(hybrid)
            for start in (0.5, 3.0):
                x = mx.np.ones((3,)) * start
                x.attach_grad()
                with autograd.record():
                    y, outs, n = net(x)
                    loss = (y * y).sum() + outs.sum()
                loss.backward()
                results.append([v.asnumpy() for v in (y, outs, n, x.grad, net.scale.grad())])
        for a, b in zip(results[:2] * 2, results[2:], strict=True):
            for u, v in zip(a, b, strict=True):
                np.testing.assert_allclose(u, v, rtol=1e-5)


def test_npx_foreach_of_a_vector():
    class Cumulative(gluon.HybridBlock):
        def forward(self, x):
            return npx.foreach(lambda v, s: (v + s, v + s), x, mx.np.zeros(()))[0]

    net, x = Cumulative(), mx.np.array([1.0, 2.0, 3.0])
    want = net(x)
    net.hybridize()
    got = net(x)
    assert got.shape == want.shape == (3,) and got.asnumpy().tolist() == [1, 3, 6]


def test_random_numbers_differ_from_step_to_step():
    x, s = mx.sym.var("x"), mx.sym.var("s")
    out, _ = mx.sym.contrib.foreach(lambda x, s: (mx.sym.Dropout(x + s, p=0.5), s), x, s)
    executor = out.simple_bind(mx.cpu(), x=(6, 100), s=(100,))
    executor.arg_dict["s"][:] = 1
    mx.random.seed(3)
    first = executor.forward(is_train=True)[0].asnumpy()
    again = executor.forward(is_train=True)[0].asnumpy()
    mx.random.seed(3)
    assert (executor.forward(is_train=True)[0].asnumpy() == first).all()
    assert not (first == again).all() and not (first[0] == first[1]).all()
    executor.backward(nd.ones((6, 100)))
    assert (executor.grad_dict["x"].asnumpy() == first).all()  # kept elements have gradient 2
    assert (executor.forward(is_train=False)[0].asnumpy() == 1).all()


def test_gradients_of_gradients_through_a_hybridized_loop():
    class Power(gluon.HybridBlock):
        def hybrid_forward(self, F, x, s):
            out, last = F.contrib.foreach(lambda v, s: (v * s, s * v), x, s)
            more, (_, grown) = F.contrib.while_loop(
                lambda i, a: F.sum(i) < 2, lambda i, a: ([], [i + 1, a * a]),
                [F.zeros_like(F.slice_axis(s, axis=0, begin=0, end=1)), last], max_iterations=3,
            )  # fmt: skip
            return F.contrib.cond(F.sum(s) > 0, lambda: grown * last, lambda: F.sum(out))

    net = Power()
    net.hybridize()
    x, s = nd.array([[2.0], [3.0]]), nd.array([1.0])
    x.attach_grad()
    with autograd.record():
        y = net(x, s)  # (x0 x1 s)^5
        (g,) = autograd.grad(y, [x], create_graph=True)
        loss = g.sum()
    loss.backward()
    p = 6.0
    dxx = 20 * p**3
    want = [dxx * 9 + dxx * 6 + 5 * p**4, dxx * 6 + dxx * 4 + 5 * p**4]
    np.testing.assert_allclose(x.grad.asnumpy().ravel(), want, rtol=1e-5)


def test_training_allocates_nothing_of_python_in_the_loop():
    calls = []

    def step(x, s):
        calls.append(1)
        return x + s, x

    out, _ = mx.sym.contrib.foreach(step, mx.sym.var("x"), mx.sym.var("s"))
    executor = out.simple_bind(mx.cpu(), x=(50, 2), s=(2,))
    executor.forward()
    executor.forward()
    assert calls == [1]


@pytest.mark.parametrize(
    "call, error, words",
    [
        (lambda x, s: mx.sym.contrib.foreach(lambda v, t: (v, [t, t]), x, [s]), ValueError,
         "body gave 2 states, must be 1"),
        (lambda x, s: mx.sym.contrib.foreach(lambda v, t: (1, t), x, [s]), TypeError,
         "must be a symbol"),
        (lambda x, s: mx.sym.contrib.while_loop(lambda a: a, lambda a: (a, a), s), ValueError,
         "max_iterations is None"),
        (lambda x, s: mx.sym.contrib.while_loop(lambda: s, lambda: s, [], 3), ValueError,
         "loop_vars is empty"),
        (lambda x, s: mx.sym.contrib.cond(s, lambda: [x, s], lambda: x), ValueError,
         "then_func gave 2 outputs and else_func 1"),
    ],
)  # fmt: skip
def test_errors(call, error, words):
    with pytest.raises(error, match=words):
        call(mx.sym.var("x"), mx.sym.var("s"))


def test_state_that_changes_its_shape_is_an_error_that_names_it():
    out, _ = mx.sym.contrib.foreach(
        lambda x, s: (x, mx.sym.concat(s, x, dim=0)), mx.sym.var("x"), mx.sym.var("s")
    )
    with pytest.raises(ValueError, match=r"foreach: state 0 has shape \(2,\) before a step"):
        out.simple_bind(mx.cpu(), x=(3, 2), s=(2,))


def test_what_a_body_computed_must_leave_it_as_an_output():
    class Leak(gluon.HybridBlock):
        def forward(self, x):
            kept = []

            def step(v, s):
                kept.append(v * 2)
                return v, s

            nd.contrib.foreach(step, x, x[0])
            return kept[-1] + 1

    net = Leak()
    net.hybridize()
    with pytest.raises(ValueError, match="must be one of its outputs") as caught:
        net(nd.ones((3, 2)))
    assert "return kept[-1] + 1" in str(caught.value)


def test_reading_a_value_in_a_body_names_the_line():
    class Reads(gluon.HybridBlock):
        def forward(self, x):
            def step(v, s):
                if v.sum() > 0:
                    s = s + v
                return v, s

            return nd.contrib.foreach(step, x, x[0])[0]

    net = Reads()
    net.hybridize()
    with pytest.raises(ValueError, match="is read, must not be") as caught:
        net(nd.ones((3, 2)))
    assert "if v.sum() > 0" in str(caught.value)


def test_batch_norm_in_a_loop_moves_its_statistics():
    def loop(F, x, s, *states):
        def step(v, t):
            return F.BatchNorm(v, *states, fix_gamma=False, name="bn") + t, t * 2

        return F.contrib.foreach(step, x, s)

    values = arrays(x=(3, 4, 2), s=(1,), bn_gamma=(2,), bn_beta=(2,))
    out, last = loop(mx.sym, mx.sym.var("x"), mx.sym.var("s"))
    symbol = mx.sym.Group([out, last])
    assert symbol.list_auxiliary_states() == ["bn_moving_mean", "bn_moving_var"]
    executor = symbol.simple_bind(mx.cpu(), x=(3, 4, 2), s=(1,))
    for name, value in values.items():
        executor.arg_dict[name][:] = value
    made = {n: nd.array(v) for n, v in values.items()}
    for v in made.values():
        v.attach_grad()
    moving = [nd.zeros((2,)), nd.zeros((2,))]
    with autograd.record():
        want = loop(nd, made["x"], made["s"], made["bn_gamma"], made["bn_beta"], *moving)
        ((want[0] * want[0]).sum() + want[1].sum()).backward()
    got = executor.forward(is_train=True)
    executor.backward([2 * got[0], nd.ones((1,))])
    for name, v in made.items():
        np.testing.assert_allclose(
            executor.grad_dict[name].asnumpy(), v.grad.asnumpy(), rtol=1e-4, atol=1e-5
        )
    for name, state in zip(symbol.list_auxiliary_states(), moving, strict=True):
        assert state.asnumpy().any()
        np.testing.assert_allclose(executor.aux_dict[name].asnumpy(), state.asnumpy(), rtol=1e-5)
    fixed = executor.aux_dict["bn_moving_mean"].asnumpy()
    executor.forward(is_train=False)
    assert (executor.aux_dict["bn_moving_mean"].asnumpy() == fixed).all()


def test_data_of_a_loop_must_not_be_written():
    x, s = mx.sym.var("x"), mx.sym.var("s")
    out, _ = mx.sym.contrib.foreach(
        lambda v, t: (mx.sym.BatchNorm(t, moving_mean=v, name="bn"), t), x, s
    )
    with pytest.raises(ValueError, match="is written by it, must not be data or a state"):
        out.simple_bind(mx.cpu(), x=(3, 2), s=(4, 2))
