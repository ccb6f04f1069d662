"""Models that are spread over ranks give what one process gives."""

import os
import tempfile

import numpy as np

import plait as mx
from plait import autograd, gluon, nd
from plait.gluon import nn, parallel

RNG = np.random.default_rng(11)
X = RNG.standard_normal((12, 16)).astype("float32")
Y = RNG.standard_normal((12, 4)).astype("float32")
STEPS = 4


def close(got, wanted, rtol=1e-5):
    np.testing.assert_allclose(got, wanted, rtol=rtol, atol=rtol)


def initialized(net, *shapes):
    mx.random.seed(7)
    net.initialize(mx.init.Xavier())
    if shapes:
        net(*(nd.zeros(shape) for shape in shapes))
    return net


def train(net, trainer, rows=slice(None), batch=12):
    """Losses of the steps."""
    loss_of, losses = gluon.loss.L2Loss(), []
    for _ in range(STEPS):
        with autograd.record():
            loss = loss_of(net(nd.array(X[rows])), nd.array(Y[rows]))
        loss.backward()
        trainer.step(batch)
        losses.append(float(loss.sum().asscalar()))
    return losses


def sgd(net, kvstore=None):
    options = {"learning_rate": 0.5, "momentum": 0.9, "wd": 0.01}
    return gluon.Trainer(net.collect_params(), "sgd", options, kvstore=kvstore)


def values(net):
    return [p._reduce().asnumpy() for p in net.collect_params().values()]


def mlp():
    net = nn.HybridSequential()
    net.add(
        nn.Dense(24, activation="relu", in_units=16),
        nn.Dense(8, activation="tanh", in_units=24),
        nn.Dense(4, in_units=8),
    )
    return net


def alone():
    net = initialized(mlp())
    return train(net, sgd(net)), net


def parts_of_mlp(comm):
    net = nn.Sequential()
    net.add(
        parallel.ColumnParallelDense(24, comm, activation="relu"),
        parallel.RowParallelDense(8, comm),
        nn.Activation("tanh"),
        parallel.ColumnParallelDense(4, comm, gather_output=True, in_units=8),
    )
    return net


def check_dense_layers_in_parts(comm):
    losses, whole = alone()
    net = initialized(parts_of_mlp(comm), (1, 16))
    assert net[0].weight.shape == (24 // comm.size, 16)
    assert net[1].weight.shape == (8, 24 // comm.size)
    for param, wanted in zip(net.collect_params().values(), whole.collect_params(), strict=True):
        assert param.name.endswith(wanted.rsplit("_", 1)[1])
    # Deferred shapes are drawn in another order than known ones: take the values of the whole.
    take_values(net, whole_at_start())
    close(train(net, sgd(net)), losses)
    for mine, wanted in zip(values(net), values(whole), strict=True):
        close(mine, wanted)


def check_input_of_a_row_parallel_layer_is_cut(comm):
    layer = parallel.RowParallelDense(6, comm, split_input=True, in_units=16)
    initialized(layer)
    plain = initialized(nn.Dense(6, in_units=16))
    results = []
    for block in (layer, plain):
        x = nd.array(X)
        x.attach_grad()
        with autograd.record():
            out = block(x)
        out.backward(nd.array(np.tile(Y[:, :3], 2)))
        results.append((out.asnumpy(), x.grad.asnumpy(), block.bias.grad().asnumpy()))
    for mine, wanted in zip(*results, strict=True):
        close(mine, wanted)


def check_attention_in_parts(comm):
    x = RNG.standard_normal((2, 5, 16)).astype("float32")
    dy = RNG.standard_normal((2, 5, 16)).astype("float32")
    results, names = [], []
    for whole in (True, False):
        if whole:
            net = nn.MultiHeadAttention(
                16, 4, causal=True, query_units=16, key_units=16, value_units=16
            )
        else:
            net = parallel.ParallelAttention(16, 4, comm, causal=True, in_units=16)
        initialized(net)
        data = nd.array(x)
        data.attach_grad()
        with autograd.record():
            out = net(data)
        out.backward(nd.array(dy))
        sgd(net).step(1)
        results.append([out.asnumpy(), data.grad.asnumpy(), *values(net)])
        names.append(list(net._collect_params_with_prefix()))
    assert names[0] == names[1]
    for mine, wanted in zip(*results, strict=True):
        close(mine, wanted)


def check_files_hold_whole_parameters(comm):
    folder = comm.broadcast_object(tempfile.mkdtemp() if comm.rank == 0 else None)
    path = os.path.join(folder, "net.params")
    net = initialized(parts_of_mlp(comm), (1, 16))
    parallel.save_parameters(net, path, comm)
    again = parts_of_mlp(comm)
    again.load_parameters(path)
    for a, b in zip(values(net), values(again), strict=True):
        np.testing.assert_array_equal(a, b)
    plain = mlp()
    names = dict(
        zip(net._collect_params_with_prefix(), plain.collect_params().values(), strict=True)
    )
    for name, array in nd.load(path).items():
        assert array.shape == names[name].shape, name
    try:
        parallel.save_parameters(net, os.path.join(folder, "missing", "x"), comm)
    except OSError:
        pass
    else:
        raise AssertionError("no OSError")


def check_parts_and_data_together(comm):
    """Two groups with half the samples each, if there are four ranks; else one."""
    ways = 2 if comm.size >= 4 else 1
    model = comm.split(comm.rank // (comm.size // ways))
    data = comm.split(model.rank)
    losses, whole = alone()
    net = parts_of_mlp(model)
    initialized(net, (1, 16))
    take_values(net, whole_at_start())
    trainer = sgd(net, mx.kvstore.DistKVStore("dist_sync", data))
    got = nd.array(train(net, trainer, slice(data.rank, None, ways)))
    data.allreduce(got)
    close(got.asnumpy(), losses)
    for mine, wanted in zip(values(net), values(whole), strict=True):
        close(mine, wanted)


def check_checkpoints_of_parts(comm):
    """Training goes on from whole values and states, here as one process."""

    def data(rows):
        return [nd.array(a[rows]) for a in (X, Y)]

    def step(net, trainer, rows):
        x, y = data(rows)
        with autograd.record():
            loss = gluon.loss.L2Loss()(net(x), y)
        loss.backward()
        trainer.step(12)

    folder = comm.broadcast_object(tempfile.mkdtemp() if comm.rank == 0 else None)
    net = parallel.Sharded(whole_at_start(), comm)
    trainer = sgd(net, mx.kvstore.DistKVStore("dist_sync", comm))
    rows = slice(comm.rank, None, comm.size)
    checkpoint = gluon.Checkpoint(folder, net, trainer)
    for number in range(3):
        step(net, trainer, rows)
        if number == 1:
            checkpoint.save(2)
    wanted = values(net)
    assert checkpoint.restore() is not None
    step(net, trainer, rows)
    for a, b in zip(values(net), wanted, strict=True):
        np.testing.assert_array_equal(a, b)
    (one,) = mx.dist.group(1)
    again = parallel.Sharded(whole_at_start(), one)
    again.load_parameters(os.path.join(folder, "step-000002", "net.params"))
    trainer = sgd(again, mx.kvstore.DistKVStore("dist_sync", one))
    with open(os.path.join(folder, "step-000002", "trainer.states"), "rb") as file:
        trainer.set_states(file.read())
    step(again, trainer, slice(None))
    for a, b in zip(values(again), wanted, strict=True):
        close(a, b)


def whole_at_start():
    return initialized(mlp())


def take_values(net, whole):
    """Each rank's parts of the parameters of one process."""
    params = zip(net.collect_params().values(), whole.collect_params().values(), strict=True)
    for param, other in params:
        param._load_init(other.data(), None)


def stages(size):
    """The network as `size` blocks."""
    layers = list(mlp())
    cuts = {1: [3], 2: [1, 2], 3: [1, 1, 1], 4: [1, 1, 1, 0]}[size]
    blocks, start = [], 0
    for count in cuts:
        block = nn.HybridSequential()
        block.add(*layers[start : start + count])
        blocks.append(block)
        start += count
    return blocks


def check_pipeline(comm):
    losses, whole = alone()
    start = [p.data() for p in whole_at_start().collect_params().values()]
    sizes = [len(stage.collect_params()) for stage in stages(comm.size)]
    begin = sum(sizes[: comm.rank])
    mine = slice(begin, begin + sizes[comm.rank])
    for parts, compiled in ((1, False), (4, False), (12, True)):
        stage = initialized(stages(comm.size)[comm.rank])
        for param, array in zip(stage.collect_params().values(), start[mine], strict=True):
            param.set_data(array)
        if compiled:
            stage.hybridize()
        is_last = comm.rank == comm.size - 1
        loss = gluon.loss.L2Loss() if is_last else None
        pipeline = parallel.Pipeline(stage, comm, loss)
        trainer = sgd(pipeline)
        for step in range(STEPS):
            x = nd.array(X) if comm.rank == 0 else None
            y = nd.array(Y) if is_last else None
            total = pipeline.step(x, y, micro_batches=parts)
            trainer.step(12)
            assert (total is None) == (not is_last)
            if is_last:
                close(total.asnumpy(), losses[step])
        for got, wanted in zip(values(stage), values(whole)[mine], strict=True):
            close(got, wanted)
        out = pipeline(nd.array(X) if comm.rank == 0 else None)
        if is_last:
            close(out.asnumpy(), whole(nd.array(X)).asnumpy())


def check_pipeline_keeps_few_micro_batches(comm):
    """The last rank goes back at once; those before it are ahead by their distance."""
    running = []

    class Watched(parallel.Pipeline):
        def _backward_of(self, state):
            running.append(len(state.running))
            super()._backward_of(state)

    stage = initialized(stages(comm.size)[comm.rank])
    loss = gluon.loss.L2Loss() if comm.rank == comm.size - 1 else None
    Watched(stage, comm, loss).step(nd.array(X), nd.array(Y), micro_batches=6)
    assert max(running) == comm.size - comm.rank and len(running) == 6


def check_table_in_parts(comm):
    ids = np.array([[0, 3, 6], [6, 1, 2], [5, 5, 5], [0, 1, 0]] * 3, dtype="int64")
    losses = {}
    for sparse in (False, True):
        results = []
        for whole in (True, False):
            if whole:
                table, rows = nn.Embedding(7, 4, sparse_grad=sparse), slice(None)
            else:
                table = parallel.ShardedEmbedding(7, 4, comm, sparse_grad=sparse)
                rows = slice(comm.rank, None, comm.size)
            net = nn.Sequential()
            net.add(table, nn.Dense(4, in_units=12))
            initialized(net)
            kvstore = None if whole else mx.kvstore.DistKVStore("dist_sync", comm)
            trainer = sgd(net, kvstore)
            curve = []
            for _ in range(STEPS):
                with autograd.record():
                    out = net(nd.array(ids[rows], dtype="int64"))
                    loss = gluon.loss.L2Loss()(out, nd.array(Y[rows]))
                loss.backward()
                trainer.step(12)
                curve.append(float(loss.sum().asscalar()))
            total = nd.array(curve)
            if not whole:
                comm.allreduce(total)
            results.append([total.asnumpy(), *values(net)])
        for mine, wanted in zip(*results, strict=True):
            close(mine, wanted)
        losses[sparse] = results[0][0]
    np.testing.assert_allclose(losses[True], losses[False], rtol=1e-2)


def check_table_without_ids(comm):
    table = initialized(parallel.ShardedEmbedding(5, 3, comm))
    ids = np.zeros((0,), "int64") if comm.rank else np.array([4, 0])
    with autograd.record():
        out = table(nd.array(ids, dtype="int64"))
    out.backward()
    assert out.shape == (len(ids), 3)
    gradient = np.zeros((5, 3))
    gradient[[0, 4]] = 1
    part = table.weight.part_of(nd.array(gradient)).asnumpy()
    close(table.weight.grad().asnumpy(), part)


def check_sharded_parameters(comm):
    losses, whole = alone()
    rows = slice(comm.rank, None, comm.size)
    for compiled in (False, True):
        layers = list(whole_at_start())
        net = nn.Sequential()
        for layer in layers:
            if compiled:
                layer.hybridize()
            net.add(parallel.Sharded(layer, comm))
        sizes = [p.shape for p in net.collect_params().values()]
        assert sizes == [(-(-n // comm.size),) for n in (16 * 24 + 24, 24 * 8 + 8, 8 * 4 + 4)]
        got = nd.array(train(net, sgd(net, mx.kvstore.DistKVStore("dist_sync", comm)), rows))
        comm.allreduce(got)
        close(got.asnumpy(), losses)
        for block, wanted in zip(net, whole, strict=True):
            mine = block.whole_parameters()
            assert list(mine) == ["weight", "bias"]
            for name, array in mine.items():
                close(array.asnumpy(), getattr(wanted, name).data().asnumpy())
        for layer in layers:  # nothing is left of the whole
            assert layer.weight._data is None


def check_sharded_random_numbers_and_means(comm):
    """Backward draws what forward drew; running means move once."""

    def network():
        net = nn.HybridSequential()
        net.add(nn.Dense(8, in_units=16), nn.BatchNorm(in_channels=8), nn.Dropout(0.5))
        return initialized(net)

    results = []
    for sharded in (False, True):
        net = network()
        means = net[1].running_mean
        if sharded:
            net = parallel.Sharded(net, comm)
        mx.random.seed(5)
        x = nd.array(X)
        x.attach_grad()
        with autograd.record():
            out = net(x)
        out.backward()
        params = net.whole_parameters() if sharded else net._collect_params_with_prefix()
        results.append([out.asnumpy(), x.grad.asnumpy(), means.data().asnumpy()])
        assert sorted(params) == sorted(network()._collect_params_with_prefix())
    for mine, wanted in zip(*results, strict=True):
        close(mine, wanted)


def check_bad_arguments(comm):
    odd = 12 * comm.size + 1
    if comm.size == 1:
        return
    for call, text in (
        (lambda: parallel.ColumnParallelDense(odd, comm), f"units is {odd}"),
        (lambda: parallel.RowParallelDense(4, comm, in_units=odd), f"in_units is {odd}"),
        (lambda: parallel.ParallelAttention(3 * odd, odd, comm), f"num_heads is {odd}"),
        (lambda: parallel.ParallelAttention(odd, 2, comm), "must be a multiple of 2 heads"),
        (lambda: parallel.own_part(nd.ones((2, odd)), comm), "must be a multiple of"),
        (lambda: initialized(parallel.ShardedEmbedding(5, 2, comm))(nd.array([5])), "an id is 5"),
        (lambda: parallel.Pipeline._cut(nd.ones((5, 2)), 2, "data"), "must divide the 5 samples"),
        (
            lambda: gluon.Trainer(
                initialized(parallel.ShardedEmbedding(5, 2, comm)).collect_params(),
                "sgd",
                kvstore=mx.kvstore.DistKVStore("dist_sync", comm),
                zero=1,
            ),
            "must be 0 with parameters in parts",
        ),
    ):
        try:
            call()
        except ValueError as error:
            assert text in str(error), error
        else:
            raise AssertionError(text)
