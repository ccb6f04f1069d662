"""What compiled blocks cannot do is told with the line of the program, in both styles of blocks."""

import warnings

import numpy as np
import pytest

import plait as mx
from plait import gluon, nd
from plait.gluon import nn


def branch(block, F, x):
    return x * 2 if x.sum() > 0 else x


def loop(block, F, x):
    while x.sum() < 100:
        x = x * 2
    return x


def number(block, F, x):
    return x * float(x.sum())


def whole_number(block, F, x):
    return x * int(x.sum())


def scalar(block, F, x):
    return x * x.sum().asscalar()


def value_of_argument(block, F, x):
    return x * x.asnumpy().mean()


def assignment(block, F, x):
    y = x * 2
    y[0] = 5
    return y


def block_of(style, body, **attributes):
    class Program(nn.HybridBlock):
        def __init__(self):
            super().__init__()
            vars(self).update(attributes)

    if style == "forward":
        Program.forward = lambda self, x: body(self, nd, x)
    else:
        Program.hybrid_forward = lambda self, F, x: body(self, F, x)
    block = Program()
    block.initialize()
    block.hybridize()
    return block


STYLES = pytest.mark.parametrize("style", ["forward", "hybrid_forward"])


@STYLES
@pytest.mark.parametrize(
    "body", [branch, loop, number, whole_number, scalar, value_of_argument, assignment]
)
def test_what_depends_on_values_is_an_error_with_the_line(style, body):
    block = block_of(style, body)
    line = rf"{__file__}:{body.__code__.co_firstlineno + (2 if body is assignment else 1)}: "
    errors = ValueError, NotImplementedError, TypeError
    for _ in range(2):  # nothing half compiled is left
        with pytest.raises(errors, match=f"hybridize: (?s:.*)hint: (?s:.*){line}"):
            block(nd.ones((2, 3)))
    block.hybridize(False)
    assert block(nd.ones((2, 3))).shape == (2, 3)


@STYLES
def test_loops_over_what_is_known_are_compiled(style):
    def body(block, F, x):
        for i in range(3):
            x = x * F.ones((2, 3)) + i
        return x

    assert block_of(style, body)(nd.zeros((2, 3))).asnumpy().tolist() == [[3] * 3] * 2


def appends(block, F, x):
    block.seen.append(x)
    return x * 2


def counts(block, F, x):
    block.count += 1
    return x * 2


def notes(block, F, x):
    block._notes["last"] = "x"
    return x * 2


@STYLES
@pytest.mark.parametrize("body", [appends, counts, notes])
def test_side_effects_are_warned_of_with_the_line(style, body):
    block = block_of(style, body, seen=[], count=0, _notes={})
    name = {appends: "seen", counts: "count", notes: "_notes"}[body]
    with pytest.warns(UserWarning, match=rf"Program\.{name} .* compiled") as told:
        block(nd.ones(3))
    assert all(f"\n  at {__file__}:" in str(w.message) for w in told)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert block(nd.ones(3)).asnumpy().tolist() == [2, 2, 2]


def test_side_effects_of_children_are_told_with_their_line():
    class Child(nn.HybridBlock):
        def __init__(self):
            super().__init__()
            self.seen = []

        def forward(self, x):
            y = x + 1
            self.seen.append(y.shape)
            return y

    net = nn.HybridSequential()
    net.add(nn.Dense(2), Child())
    net.initialize()
    net.hybridize()
    with pytest.warns(UserWarning, match=r"Child\.seen") as told:
        net(nd.ones((1, 3)))
    assert str(told[0].message).endswith(": self.seen.append(y.shape)")


def test_layers_of_the_package_give_no_warning():
    net = nn.HybridSequential()
    net.add(nn.Conv2D(4, 3), nn.BatchNorm(), nn.Activation("relu"), nn.Flatten(), nn.Dense(3))
    net.initialize()
    net.hybridize()
    loss_of = gluon.loss.SoftmaxCrossEntropyLoss()
    loss_of.hybridize()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with mx.autograd.record():
            loss = loss_of(net(nd.ones((2, 3, 8, 8))), nd.zeros(2))
        loss.backward()
    assert np.isfinite(loss.asnumpy()).all()
