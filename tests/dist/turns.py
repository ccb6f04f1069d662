"""Sums inside of operators, in branches that get ready in another order on each rank.

mpirun -n 4 python tests/dist/turns.py 3000

runs so many rounds of each check.
"""

import os
import sys

import numpy as np

import plait as mx
from plait import autograd, gluon, nd
from plait.gluon import nn

ROUNDS = int(os.environ.get("TURNS_ROUNDS", 12))


def late(x, rng):
    """`x`, sometimes only when work is done that takes longer than the others'."""
    if rng.random() < 0.5:
        return x
    wide = nd.ones((int(rng.integers(50, 400)),) * 2)
    return x + nd.dot(wide, wide).sum() * 0


def check_operators_in_branches(comm):
    mx.dist.share_batches(comm)
    for number in range(ROUNDS):
        same, own = np.random.default_rng(number), np.random.default_rng((number, comm.rank))
        count = int(same.integers(2, 6))
        shape = (comm.size, count, int(same.integers(1, 40)))
        data, weight = (same.standard_normal(shape).astype("float32") for _ in range(2))
        leaves = [nd.array(row) for row in data[comm.rank]]
        others = []
        for leaf in leaves:
            leaf.attach_grad()
        with autograd.record():
            sums = []
            for i, leaf in enumerate(leaves):
                if same.random() < 0.4:  # a sum of gradients on its way
                    others.append(late(nd.ones((1000,)), own))
                    comm.allreduce(others[-1], name=f"gradient {i}")
                sums.append(nd.contrib.sum_over_ranks(late(leaf, own), key=f"branch {i}"))
                if same.random() < 0.3:
                    sums[-1] = nd.contrib.sum_over_ranks(late(sums[-1], own), key=f"again {i}")
            head = nd.stack(*sums) * nd.array(weight[comm.rank])
        twice = [
            not np.allclose(s.asnumpy(), data[:, i].sum(0), atol=1e-4) for i, s in enumerate(sums)
        ]
        for is_twice, s, rows in zip(twice, sums, data.swapaxes(0, 1), strict=True):
            factor = comm.size if is_twice else 1
            np.testing.assert_allclose(s.asnumpy(), factor * rows.sum(0), atol=1e-4)
        head.backward()
        for is_twice, leaf, rows in zip(twice, leaves, weight.swapaxes(0, 1), strict=True):
            factor = comm.size if is_twice else 1
            np.testing.assert_allclose(leaf.grad.asnumpy(), factor * rows.sum(0), atol=1e-4)
        for other in others:
            assert (other.asnumpy() == comm.size).all()


class Branches(gluon.HybridBlock):
    """Layers side by side, each with a norm over all ranks, that differ in size."""

    def __init__(self, count, **kwargs):
        super().__init__(**kwargs)
        with self.name_scope():
            for i in range(count):
                side = nn.HybridSequential(prefix=f"side{i}_")
                with side.name_scope():
                    side.add(nn.Dense(8 << i, in_units=16 << i), nn.SyncBatchNorm())
                    side.add(nn.Dense(4, in_units=8 << i), nn.SyncBatchNorm())
                self.register_child(side)

    def hybrid_forward(self, F, *inputs):
        sides = self._children.values()
        return F.concat(*[side(x) for side, x in zip(sides, inputs, strict=True)], dim=1)


def check_graphs_with_other_batches(comm):
    mx.dist.share_batches(comm)
    nets = []
    for hybrid in (False, True):
        mx.random.seed(1)
        net = Branches(4, prefix="branches_")
        net.initialize(mx.init.Xavier())
        if hybrid:
            net.hybridize()
        nets.append(net)
    for number in range(ROUNDS):
        own = np.random.default_rng((number, comm.rank))
        rows = int(own.integers(2, 14))  # schedules for memory differ
        inputs = [nd.array(own.standard_normal((rows, 16 << i))) for i in range(4)]
        found = []
        for net in nets:
            with autograd.record():
                out = net(*[late(x, own) for x in inputs])
            out.backward(nd.array(np.random.default_rng(number).standard_normal((1, 16))) * out)
            gradients = [p.grad() for p in net.collect_params().values() if p.grad_req != "null"]
            for i, gradient in enumerate(gradients):
                comm.allreduce(gradient, name=f"gradient {i}")
            found.append([out, *gradients])
        for eager, compiled in zip(*found, strict=True):
            np.testing.assert_allclose(
                compiled.asnumpy(), eager.asnumpy(), rtol=1e-3, atol=1e-3 * np.sqrt(rows)
            )


if __name__ == "__main__":
    ROUNDS = int(sys.argv[1])
    world = mx.dist.world()
    check_operators_in_branches(world)
    check_graphs_with_other_batches(world)
    if world.rank == 0:
        print(f"{ROUNDS} rounds on {world.size} ranks")
