"""Batch norm over the batches of all ranks equals batch norm of one process on all of them."""

import numpy as np
from training import close, curve, kvstore

import plait as mx
from plait import autograd, gluon, nd
from plait.gluon import nn


def batch_norm_of(layer, x, dy, hybrid):
    """What a batch gives: [output, gradient of the data], [those of gamma and beta], running."""
    layer.initialize()
    layer.gamma.set_data(nd.array([0.5, 1, 2]))
    if hybrid:
        layer.hybridize()
    data = nd.array(x)
    data.attach_grad()
    with autograd.record():
        out = layer(data)
    out.backward(nd.array(dy))
    sums = [layer.gamma.grad(), layer.beta.grad()]
    return [out, data.grad], sums, [layer.running_mean.data(), layer.running_var.data()]


def check_batch_norm_of_all_ranks(comm):
    mx.dist.share_batches(comm)
    rng = np.random.default_rng(1)
    x = 5 + rng.standard_normal((14, 3, 4, 4)).astype("float32")
    dy = rng.standard_normal(x.shape).astype("float32")
    mine = slice(comm.rank, None, comm.size)  # with 3 ranks not all have as many samples
    for hybrid in (False, True):
        lines, sums, running = batch_norm_of(nn.BatchNorm(in_channels=3), x, dy, hybrid)
        layer = nn.SyncBatchNorm(in_channels=3, prefix=f"sync{hybrid}_", num_devices=comm.size)
        own, parts, same = batch_norm_of(layer, x[mine], dy[mine], hybrid)
        for a, b in zip(own, lines, strict=True):
            close(a.asnumpy(), b.asnumpy()[mine], 2e-4)
        for a, b in zip(same, running, strict=True):
            close(a.asnumpy(), b.asnumpy())
        for a, b in zip(parts, sums, strict=True):
            comm.allreduce(a)
            close(a.asnumpy(), b.asnumpy(), 1e-4)
        with autograd.predict_mode():  # no sums: ranks may come here alone
            got = layer(nd.array(x[comm.rank :: 5]))
        own_kind = nn.BatchNorm.hybrid_forward(
            layer, nd, nd.array(x[comm.rank :: 5]), layer.gamma.data(), layer.beta.data(), *same
        )
        close(got.asnumpy(), own_kind.asnumpy())


def net_with_branches(norm):
    """Two branches side by side, each with its own normalisation."""
    mx.random.seed(7)
    net, sides = nn.HybridSequential(prefix="net_"), gluon.contrib.nn.HybridConcurrent(axis=1)
    with net.name_scope():
        for kernel in (1, 3):
            side = nn.HybridSequential(prefix=f"side{kernel}_")
            with side.name_scope():
                side.add(nn.Conv2D(4, kernel, padding=kernel // 2, use_bias=False), norm())
            sides.add(side)
        net.add(sides, nn.Activation("relu"), nn.Conv2D(4, 3), norm(), nn.Dense(10))
    net.initialize(mx.init.Xavier())
    return net


def check_compiled_network_with_shared_batch_norm(comm):
    mx.dist.share_batches(comm)
    options, curves = {"learning_rate": 0.05, "momentum": 0.9}, []
    for hybrid in (False, True):
        for norm, rank, size in ((nn.BatchNorm, 0, 1), (nn.SyncBatchNorm, comm.rank, comm.size)):
            net = net_with_branches(norm)
            if hybrid:
                net.hybridize()
            store = kvstore(comm) if norm is nn.SyncBatchNorm else None
            trainer = gluon.Trainer(net.collect_params(), "sgd", options, kvstore=store)
            losses = nd.array(curve(net, trainer, rank, size), dtype="float64")
            if store:
                comm.allreduce(losses)
            curves.append(losses.asnumpy())
    for other in curves[1:]:
        close(other, curves[0], 2e-4)


def check_second_gradient_of_shared_batch_norm(comm):
    rng = np.random.default_rng(3)
    x = rng.standard_normal((8, 3)).astype("float64")
    weight = nd.array(rng.standard_normal(x.shape), dtype="float64")

    def run(name, data, scale):
        zero, one = nd.zeros((3,), dtype="float64"), nd.ones((3,), dtype="float64")
        data = nd.array(data, dtype="float64")
        data.attach_grad()
        with autograd.record():
            attrs = {"fix_gamma": False, "eps": 1e-3}
            y = getattr(nd, name)(data, one, zero, zero.copy(), one.copy(), **attrs)
            (slope,) = autograd.grad((y * y * y * scale).sum(), [data], create_graph=True)
            total = (slope * slope).sum()
        total.backward()
        return data.grad.asnumpy()

    mx.dist.share_batches(None)
    want = run("BatchNorm", x, weight)
    mx.dist.share_batches(comm)
    part = slice(comm.rank, None, comm.size)
    close(run("_contrib_SyncBatchNorm", x[part], weight[part]), want[part], 1e-6)
