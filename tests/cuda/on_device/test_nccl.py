"""Devices of one process that exchange data directly: communicators, stores and trainers."""

import numpy as np
import pytest

import plait as mx
from plait import autograd, gluon, nd
from plait.gluon import nn

GPUS = [mx.gpu(0), mx.gpu(1)]
RANDOM = np.random.RandomState(3)


def on_gpus(*arrays, dtype="float32"):
    return [nd.array(a, ctx=c, dtype=dtype) for a, c in zip(arrays, GPUS, strict=True)]


def each(ranks, method, arrays, *rest, **options):
    """What a collective gives on each rank."""
    return [getattr(r, method)(a, *rest, **options) for r, a in zip(ranks, arrays, strict=True)]


def test_the_feature_is_there():
    assert mx.runtime.Features().is_enabled("NCCL")


@pytest.mark.parametrize("reduction", ["sum", "prod", "min", "max"])
@pytest.mark.parametrize(
    "dtype", "float16 bfloat16 float32 float64 int8 uint8 int16 int32 int64 bool".split()
)
def test_reductions(dtype, reduction):
    a, b = RANDOM.randint(0, 2 if dtype == "bool" else 5, (2, 3, 5))
    arrays = on_gpus(a, b, dtype=dtype)
    each(mx.dist.group(2), "allreduce", arrays, reduction)
    numpy = {"sum": np.add, "prod": np.multiply, "min": np.minimum, "max": np.maximum}
    want = numpy[reduction](*((x.astype(bool) if dtype == "bool" else x) for x in (a, b)))
    for array, gpu in zip(arrays, GPUS, strict=True):
        assert array.context == gpu
        np.testing.assert_array_equal(array.astype("float64").asnumpy(), want.astype("float64"))


@pytest.mark.parametrize("size", [0, 1, 7, 100003])
def test_sizes(size):
    a, b = RANDOM.normal(size=(2, size)).astype("float32")
    arrays = on_gpus(a, b)
    each(mx.dist.group(2), "allreduce", arrays)
    for array in arrays:
        np.testing.assert_array_equal(array.asnumpy(), a + b)


def test_all_collectives():
    ranks = mx.dist.group(2)
    a, b = RANDOM.normal(size=(2, 4, 3)).astype("float32")
    arrays = on_gpus(a, b)
    for got in each(ranks, "allgather", arrays):
        np.testing.assert_array_equal(got.asnumpy(), np.concatenate([a, b]))
    parts = each(ranks, "reduce_scatter", arrays)
    np.testing.assert_array_equal(np.concatenate([p.asnumpy() for p in parts]), a + b)
    swapped = each(ranks, "all_to_all", arrays)
    np.testing.assert_array_equal(swapped[1].asnumpy(), np.concatenate([a[2:], b[2:]]))
    assert [x.context for x in (*parts, *swapped)] == GPUS * 2
    uneven = [nd.array(a[:1], ctx=GPUS[0]), nd.array(b, ctx=GPUS[1])]
    out = [nd.empty((5, 3), ctx=c) for c in GPUS]
    for rank, to, array in zip(ranks, out, uneven, strict=True):
        rank.allgather_into(to, array, [3, 12])
    np.testing.assert_array_equal(out[0].asnumpy(), np.concatenate([a[:1], b]))
    each(ranks, "broadcast", arrays, 1)
    np.testing.assert_array_equal(arrays[0].asnumpy(), b)
    arrays = on_gpus(a, b)
    ranks[0].send(arrays[0], 1)
    ranks[1].receive(arrays[1], 0)
    np.testing.assert_array_equal(arrays[1].asnumpy(), a)


def test_order_of_streams():
    """What is enqueued before is taken, what is enqueued later comes after; memory is reused."""
    ranks = mx.dist.group(2)
    arrays = on_gpus(np.ones(5000), np.ones(5000))
    for step in range(1, 30):
        arrays = [a * step for a in arrays]
        each(ranks, "allreduce", arrays, priority=-step)
        arrays = [a / (2 * step) + 1 - 1 for a in arrays]
    for array in arrays:
        np.testing.assert_array_equal(array.asnumpy(), np.ones(5000))


def test_groups_cross_over():
    """Operations of several communicators begin on each device in the order of the program."""
    first, second = mx.dist.group(2), mx.dist.group(2)
    a, b = on_gpus([1.0], [2.0]), on_gpus([10.0], [20.0])
    first[0].allreduce(a[0])
    second[0].allreduce(b[0])
    first[1].allreduce(a[1])
    second[1].allreduce(b[1])
    assert [x.asscalar() for x in (*a, *b)] == [3, 3, 30, 30]


def test_places_are_checked():
    ranks = mx.dist.group(2)
    with pytest.raises(mx.MXNetError, match=r"allgather: arrays are on gpu\(0\) and cpu\(0\)"):
        ranks[0].allgather_into(nd.empty((2,)), nd.ones(1, ctx=GPUS[0]))
    each(ranks, "allreduce", on_gpus([1.0], [2.0]))
    moved = r"allreduce: data is on gpu\(1\), must be on gpu\(0\) as before|both on gpu\(1\)"
    with pytest.raises(mx.MXNetError, match=moved):
        ranks[0].allreduce(nd.ones(1, ctx=GPUS[1]))
    both = mx.dist.group(2)
    first, second = nd.ones(1, ctx=GPUS[0]), nd.ones(1, ctx=GPUS[0])
    both[0].allreduce(first)
    twice = r"ranks 0 and 1 are both on gpu\(0\), must be on devices of their own"
    with pytest.raises(mx.MXNetError, match=twice):
        both[1].allreduce(second)
    with pytest.raises(mx.MXNetError, match=twice):  # not left alone
        first.asnumpy()


def test_store():
    store = mx.kv.create("nccl")
    store.init("w", nd.zeros((3,)))
    grads = on_gpus([1, 2, 3], [10, 20, 30])
    outs = [nd.empty((3,), ctx=c) for c in GPUS]
    store.push("w", grads)
    store.pull("w", outs)
    assert [o.asnumpy().tolist() for o in outs] == [[11, 22, 33]] * 2
    assert grads[0].asnumpy().tolist() == [1, 2, 3]  # what is pushed stays the caller's
    store.pushpull("w", grads)
    assert [g.asnumpy().tolist() for g in grads] == [[11, 22, 33]] * 2
    store.pushpull("w", grads, outs[:1])
    assert outs[0].asnumpy().tolist() == [22, 44, 66]
    store.set_optimizer(mx.optimizer.SGD(learning_rate=0.1))
    store.push("w", grads)
    store.pull("w", outs)
    want = np.array([11, 22, 33]) - 0.1 * np.array([22, 44, 66])
    for o in outs:
        np.testing.assert_allclose(o.asnumpy(), want, rtol=1e-6)
    store.broadcast("v", nd.array([7.0]), [nd.empty((1,), ctx=c) for c in GPUS])
    with pytest.raises(ValueError, match=r"kvstore: arrays are on cpu\(0\), must be on different"):
        store.push("v", nd.ones(1))


def test_store_of_the_core():
    """The one that C and R use."""
    from cffi import FFI

    ffi = FFI()
    ffi.cdef(
        "int plait_kvstore_new(const char*, void**); const char* plait_last_error(void);"
        "void plait_kvstore_free(void*); const char* plait_kvstore_type(void*);"
    )
    lib = ffi.dlopen(str(mx.libinfo.find_lib_path()[0]))
    out = ffi.new("void **")
    assert lib.plait_kvstore_new(b"nccl", out) == 0, ffi.string(lib.plait_last_error())
    assert ffi.string(lib.plait_kvstore_type(out[0])) == b"nccl"
    lib.plait_kvstore_free(out[0])


def train(kvstore, contexts, update_on_kvstore=None):
    mx.random.seed(1)
    np.random.seed(1)
    net = nn.HybridSequential()
    net.add(nn.Conv2D(4, 3, activation="relu"), nn.Flatten(), nn.Dense(16), nn.Dense(3))
    net.initialize(mx.init.Xavier(), ctx=contexts)
    trainer = gluon.Trainer(
        net.collect_params(),
        "adam",
        {"learning_rate": 0.02},
        kvstore=kvstore,
        update_on_kvstore=update_on_kvstore,
    )
    loss_of = gluon.loss.SoftmaxCrossEntropyLoss()
    losses = []
    for step in range(4):
        random = np.random.RandomState(step)
        x, y = random.normal(size=(8, 1, 8, 8)), random.randint(0, 3, 8)
        xs = gluon.utils.split_and_load(nd.array(x), contexts)
        ys = gluon.utils.split_and_load(nd.array(y), contexts)
        with autograd.record():
            parts = [loss_of(net(a), b) for a, b in zip(xs, ys, strict=True)]
        autograd.backward(parts)
        trainer.step(8)
        losses.append(sum(p.sum().asscalar() for p in parts))
    copies = [p.data(c).asnumpy() for p in net.collect_params().values() for c in contexts]
    return losses, copies


@pytest.mark.parametrize("update_on_kvstore", [False, True])
def test_trainer(update_on_kvstore):
    want, _ = train(None, [mx.cpu()])
    got, copies = train("nccl", GPUS, update_on_kvstore)
    np.testing.assert_allclose(got, want, rtol=1e-4)
    for a, b in zip(copies[::2], copies[1::2], strict=True):
        np.testing.assert_array_equal(a, b)
    again, copies_again = train("nccl", GPUS, update_on_kvstore)
    assert again == got  # bit by bit
    np.testing.assert_array_equal(copies[0], copies_again[0])


def test_module():
    data = mx.sym.Variable("data")
    net = mx.sym.Activation(mx.sym.FullyConnected(data, num_hidden=8), act_type="relu")
    net = mx.sym.SoftmaxOutput(mx.sym.FullyConnected(net, num_hidden=3), name="softmax")
    x = np.random.RandomState(0).normal(size=(24, 5)).astype("float32")
    y = np.random.RandomState(0).randint(0, 3, 24).astype("float32")
    results = []
    for contexts, store in (([mx.cpu()], "local"), (GPUS, "nccl")):
        mx.random.seed(5)
        np.random.seed(5)
        module = mx.mod.Module(net, context=contexts)
        module.fit(
            mx.io.NDArrayIter(x, y, 8),
            num_epoch=2,
            kvstore=store,
            optimizer_params={"learning_rate": 0.1},
            initializer=mx.init.Xavier(),
        )
        results.append(module.predict(mx.io.NDArrayIter(x, y, 8)).asnumpy())
    np.testing.assert_allclose(results[1], results[0], rtol=1e-4, atol=1e-5)
