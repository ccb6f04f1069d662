"""Scores sums written as trees: a recursive block that gets the operators as an argument."""

import math
import os
import tempfile

import mxnet as mx
import numpy as np
from mxnet import autograd, gluon, nd
from mxnet.gluon import nn
from mxnet.gluon.rnn.rnn_cell import LSTMCell

np.random.seed(3)
mx.random.seed(3)
WORDS, UNITS = 12, 16


class Tree:
    def __init__(self, word, children=()):
        self.word, self.children = word, list(children)

    def total(self):
        return self.word + sum(child.total() for child in self.children)


class TreeSum(gluon.Block):
    def __init__(self, words, units, **kwargs):
        super().__init__(**kwargs)
        self._units = units
        with self.name_scope():
            self.embed = nn.Embedding(words, units)
            self.mix = self.params.get("mix_weight", shape=(units, 2 * units), init=None)
            self.shift = self.params.get("mix_bias", shape=(units,), init="zeros")
            self.score = nn.Dense(1, in_units=units, prefix="score_")

    def state(self, F, tree):
        own = self.embed(nd.array([tree.word]))
        below = [self.state(F, child) for child in tree.children]
        with own.context as ctx:
            total = F.add_n(*below, name="total") if below else F.zeros_like(own)
            both = F.concat(own, total, dim=1)
            out = F.FullyConnected(
                both, self.mix.data(ctx), self.shift.data(ctx), num_hidden=self._units
            )
        return F._internal._plus(F.Activation(out, act_type="tanh"), total * 0.5, name="state")

    def forward(self, F, tree):
        return F.maximum(self.score(self.state(F, tree)), -100.0)


def random_tree(depth=2):
    children = [random_tree(depth - 1) for _ in range(np.random.randint(0, 3) if depth else 0)]
    return Tree(np.random.randint(WORDS), children)


def main():
    trees = [random_tree() for _ in range(24)]
    targets = nd.array([tree.total() / 10.0 for tree in trees]).reshape((-1, 1))
    net = TreeSum(WORDS, UNITS)
    net.collect_params().initialize(mx.init.Xavier(magnitude=2.24), ctx=mx.cpu())
    net.embed.weight.set_data(nd.random_normal(0, 0.3, (WORDS, UNITS)))
    net.collect_params().setattr("grad_req", "add")
    trainer = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 0.03})
    loss = gluon.loss.L2Loss()
    metric = mx.metric.create(["pearsonr", "mse"])
    for _ in range(25):
        outputs = []
        with autograd.record():
            for tree, target in zip(trees, targets, strict=True):
                outputs.append(net(nd, tree))
                loss(outputs[-1], target.reshape((1, 1))).backward()
        trainer.step(len(trees))
        net.collect_params().zero_grad()
    outputs = nd.concat(*outputs, dim=0)
    metric.update([targets], [outputs])
    found = dict(zip(*metric.get(), strict=True))
    assert found["pearsonr"] > 0.9, found

    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "trees.params")
        net.save_params(file)
        again = TreeSum(WORDS, UNITS)
        again.load_params(file, ctx=mx.cpu())
    a, b = (n(nd, trees[0]).asscalar() for n in (net, again))
    assert math.isclose(a, b, rel_tol=1e-6), (a, b)

    cell = LSTMCell(UNITS, input_size=UNITS)
    cell.initialize()
    steps, states = cell.unroll(3, nd.random_uniform(-1, 1, (2, 3, UNITS)), merge_outputs=True)
    assert steps.shape == (2, 3, UNITS) and len(states) == 2
    print("parse_trees ok")


if __name__ == "__main__":
    main()
