"""Compiled backward hands each gradient over as soon as it is final, with the same bits."""

import os
import re
import subprocess
import sys
import threading

import pytest

import plait as mx
from plait import _engine, autograd, gluon, nd
from plait.gluon import nn

passed = threading.Event()


class Gate(mx.operator.CustomOp):
    """The identity, whose backward waits."""

    def forward(self, is_train, req, in_data, out_data, aux):
        self.assign(out_data[0], req[0], in_data[0])

    def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
        if not passed.wait(20):
            raise RuntimeError("nobody could read the gradient")
        self.assign(in_grad[0], req[0], out_grad[0])


@mx.operator.register("early_gradients_gate")
class GateProp(mx.operator.CustomOpProp):
    def create_operator(self, ctx, shapes, dtypes):
        return Gate()


class Gated(gluon.HybridBlock):
    def hybrid_forward(self, F, x):
        return F.Custom(x, op_type="early_gradients_gate")


def network(gate=None):
    net = nn.HybridSequential()
    for _ in range(4):
        net.add(nn.Dense(512, activation="relu", in_units=512))
    if gate is not None:
        net.add(gate, nn.Dense(512, in_units=512))
    mx.random.seed(1)
    net.initialize(mx.init.Xavier())
    net.hybridize()
    return net


def backward(net):
    x = nd.random.normal(shape=(1024, 512))
    with autograd.record():
        loss = (net(x) ** 2).mean()
    loss.backward()


@pytest.mark.skipif(_engine.is_serial(), reason="one thread computes everything")
def test_gradients_of_last_layers_are_there_while_backward_goes_on():
    net = network(Gated())
    passed.clear()
    backward(net)
    last, first = net[5].weight.grad(), net[0].weight.grad()
    assert last.asnumpy().any()
    passed.set()
    assert first.asnumpy().any()


def test_explain_tells_the_number_of_tasks():
    net = network()
    backward(net)
    found = re.search(r"backward: (\d+) steps in (\d+) tasks", net.explain())
    assert 1 < int(found[2]) <= 16
    assert re.search(r"forward: \d+ steps in 1 task,", net.explain())


def test_one_task_gives_the_same_bits():
    program = (
        "import hashlib, sys; sys.path.insert(0, sys.argv[1]);"
        "from test_early_gradients import backward, network;"
        "net = network(); backward(net); print(net.explain());"
        "print(hashlib.sha1(b''.join(p.grad().asnumpy().tobytes()"
        " for p in net.collect_params().values())).hexdigest())"
    )
    ends = []
    for limit in ("100000", "1000000000000"):
        done = subprocess.run(
            [sys.executable, "-c", program, os.path.dirname(__file__)],
            capture_output=True,
            text=True,
            env={**os.environ, "PLAIT_CALLER_NS": limit, "PLAIT_NUM_THREADS": "1"},
        )
        assert done.returncode == 0, done.stderr
        assert ("in 1 task," in done.stdout.split("backward: ")[1]) == (len(limit) > 9)
        ends.append(done.stdout.splitlines()[-1])
    assert ends[0] == ends[1]
