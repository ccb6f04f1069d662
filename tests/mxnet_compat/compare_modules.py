"""Executors, modules, iterators and callbacks: one program under plait and MXNet 1.9.1.

    python tests/mxnet_compat/compare_modules.py

MXNET_PYTHON names the Python that has MXNet.
"""

import contextlib
import io
import logging
import os
import re
import struct
import sys
import tempfile

import numpy as np
import oracle


def network(mx, extra=None):
    x = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=4, name="fc1", **(extra or {}))
    x = mx.sym.Activation(x, act_type="tanh", name="act1")
    return mx.sym.SoftmaxOutput(mx.sym.FullyConnected(x, num_hidden=3, name="fc2"), name="softmax")


def samples(count=60):
    rng = np.random.RandomState(0)
    x = rng.randn(count, 5).astype("float32")
    return x, (x[:, 0] > 0).astype("float32") + (x[:, 1] > 1)


def data_of(mx, batch=10, **options):
    return mx.io.NDArrayIter(*samples(), batch, **options)


def fill(executor):
    rng = np.random.RandomState(1)
    for name, array in sorted(executor.arg_dict.items()):
        values = rng.randint(0, 3, array.shape) if "label" in name else rng.randn(*array.shape)
        array[:] = values


def as_numpy(arrays):
    return {name: array.asnumpy() for name, array in arrays.items() if array is not None}


def outcome(function):
    try:
        return function()
    except Exception:  # the classes differ
        return "refused"


# --- executors ------------------------------------------------------------------------------------


def requests(mx):
    """grad_req as text, list and dict; "add" over two steps."""
    found = []
    for req in ("write", "add", "null", ["null", "write", "add", "write", "null", "null"],
                {"fc1_weight": "add", "fc2_weight": "write"}):  # fmt: skip
        executor = network(mx).simple_bind(mx.cpu(), data=(4, 5), grad_req=req)
        fill(executor)
        for _ in range(2):
            executor.forward(is_train=True)
            executor.backward()
        found.append(as_numpy(executor.grad_dict))
        found.append([g is None for g in executor.grad_arrays])
    return found


def head_gradients(mx):
    a, b = mx.sym.var("a"), mx.sym.var("b")
    group = mx.sym.Group([a * b, mx.sym.sum(a, axis=1)])
    args = {"a": mx.nd.ones((2, 3)), "b": mx.nd.ones((2, 3)) * 2}
    grads = {"a": mx.nd.zeros((2, 3)), "b": mx.nd.zeros((2, 3))}
    executor = group.bind(mx.cpu(), args, grads)
    executor.forward(is_train=True)
    heads = [mx.nd.ones((2, 3)) * 3, mx.nd.array([1, 2])]
    executor.backward(heads)
    return [as_numpy(executor.grad_dict), [o.shape for o in executor.outputs],
            sorted(executor.output_dict)]  # fmt: skip


def bound_lists(mx):
    net = network(mx)
    shapes, _, _ = net.infer_shape(data=(4, 5))
    rng = np.random.RandomState(3)
    args = [mx.nd.array(rng.randint(0, 2, s) if len(s) == 1 else rng.randn(*s)) for s in shapes]
    grads = [mx.nd.zeros(s) for s in shapes]
    executor = net.bind(mx.cpu(), args, grads, ["write"] * 5 + ["null"])
    out = executor.forward(is_train=True)
    executor.backward()
    same = executor.arg_arrays[1].asnumpy()
    args[1][:] = 0
    executor.forward()
    return [out[0].shape, as_numpy(executor.grad_dict), same, executor.outputs[0].asnumpy()]


def reshaping(mx):
    executor = network(mx).simple_bind(mx.cpu(), data=(6, 5))
    fill(executor)
    executor.forward(is_train=True)
    executor.backward()
    small = executor.reshape(data=(2, 5), softmax_label=(2,))
    small.arg_dict["data"][:] = 1
    first = small.forward(is_train=True)[0].asnumpy()
    small.backward()
    up = executor.reshape(allow_up_sizing=True, data=(8, 5), softmax_label=(8,))
    up.arg_dict["fc1_weight"][:] = 0.5
    return [
        first, as_numpy(small.grad_dict)["fc2_weight"],
        executor.arg_dict["fc1_weight"].asnumpy(), up.outputs[0].shape,
        outcome(lambda: executor.reshape(data=(8, 5), softmax_label=(8,)).outputs[0].shape),
        outcome(lambda: executor.reshape(data=(6, 7)).outputs[0].shape),
        outcome(lambda: executor.reshape(partial_shaping=True, allow_up_sizing=True,
                                         data=(6, 7)).arg_dict["fc1_weight"].shape),
    ]  # fmt: skip


def forward_keywords(mx):
    executor = network(mx).simple_bind(mx.cpu(), data=(2, 5), grad_req="null")
    fill(executor)
    out = executor.forward(data=mx.nd.ones((2, 5)))[0].asnumpy()
    return [out, outcome(lambda: executor.forward(nothing=mx.nd.ones((2, 5)))),
            executor.arg_dict["data"].asnumpy()]  # fmt: skip


def placed(mx):
    """Model parallel: two groups on two contexts."""
    with mx.AttrScope(ctx_group="one"):
        x = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=4, name="fc1")
    with mx.AttrScope(ctx_group="two"):
        net = mx.sym.LinearRegressionOutput(
            mx.sym.FullyConnected(x, num_hidden=3, name="fc2"), mx.sym.var("label"), name="out"
        )
    executor = net.simple_bind(
        mx.cpu(0), group2ctx={"one": mx.cpu(1), "two": mx.cpu(2)}, data=(4, 5), label=(4, 3)
    )
    fill(executor)
    out = executor.forward(is_train=True)[0].asnumpy()
    executor.backward()
    return [out, as_numpy(executor.grad_dict),
            {n: str(a.context) for n, a in executor.arg_dict.items() if n.startswith("fc")},
            str(executor.outputs[0].context)]  # fmt: skip


def evaluation(mx):
    a, b = mx.sym.var("a"), mx.sym.var("b")
    out = (a * b + 1).eval(ctx=mx.cpu(), a=mx.nd.ones((2, 2)), b=mx.nd.ones((2, 2)) * 3)
    return [len(out), out[0].asnumpy(), outcome(lambda: (a * b).eval(a=mx.nd.ones((2,))))]


def types_of_arguments(mx):
    executor = network(mx).simple_bind(mx.cpu(), data=(2, 5), type_dict={"data": "float64"})
    out = executor.forward()[0]
    return [{n: a.dtype.__name__ for n, a in executor.arg_dict.items()}, out.dtype.__name__]


# --- modules --------------------------------------------------------------------------------------


def trained(mx, module=None, data=None, **options):
    mx.random.seed(1)
    np.random.seed(1)
    module = module or mx.mod.Module(network(mx))
    options.setdefault("optimizer_params", {"learning_rate": 0.1})
    module.fit(data or data_of(mx), num_epoch=2, initializer=mx.init.One(), **options)
    return module


def parameters(module):
    args, aux = module.get_params()
    return [as_numpy(args), as_numpy(aux)]


def optimizers(mx):
    found = {}
    for name, options in {
        "sgd": {"learning_rate": 0.1, "momentum": 0.9, "wd": 0.01},
        "adam": {"learning_rate": 0.01}, "nag": {"learning_rate": 0.1, "momentum": 0.5},
        "rmsprop": {"learning_rate": 0.01}, "adagrad": {"learning_rate": 0.1},
        "adadelta": {}, "ftrl": {}, "adamax": {}, "nadam": {}, "signum": {}, "ftml": {},
    }.items():  # fmt: skip
        found[name] = parameters(trained(mx, optimizer=name, optimizer_params=options))
    return found


def schedules(mx):
    scheduler = mx.lr_scheduler.MultiFactorScheduler([4, 8], 0.5)
    module = trained(mx, optimizer_params={"learning_rate": 0.2, "lr_scheduler": scheduler})
    return [parameters(module), module._optimizer.lr_scheduler.base_lr]


def multipliers(mx):
    weight = mx.sym.var("fc1_weight", lr_mult=0.0)
    bias = mx.sym.var("fc1_bias", wd_mult=3.0, lr_mult=0.5)
    module = mx.mod.Module(network(mx, {"weight": weight, "bias": bias}))
    return parameters(trained(mx, module, optimizer_params={"learning_rate": 0.1, "wd": 0.1}))


def initial_values(mx):
    """Initializers by name, by attribute and by pattern."""
    weight = mx.sym.var("fc1_weight", init=mx.init.Constant(0.25))
    module = mx.mod.Module(network(mx, {"weight": weight}))
    module.bind([("data", (4, 5))], [("softmax_label", (4,))])
    mixed = mx.init.Mixed([".*bias", ".*"], [mx.init.One(), mx.init.Constant(0.5)])
    module.init_params(mixed)
    first = parameters(module)
    given = {"fc2_weight": mx.nd.ones((3, 4)) * 7}
    module.init_params(mx.init.Zero(), given, {}, allow_missing=True, force_init=True)
    return [first, parameters(module),
            outcome(lambda: module.init_params(None, given, force_init=True)),
            outcome(lambda: module.set_params({**given, "x": given["fc2_weight"]}, {},
                                              allow_missing=True))]  # fmt: skip


def fixed(mx):
    module = mx.mod.Module(network(mx), fixed_param_names=["fc1_weight", "fc1_bias"])
    return parameters(trained(mx, module))


def devices(mx):
    two = mx.mod.Module(network(mx), context=[mx.cpu(0), mx.cpu(1)])
    uneven = mx.mod.Module(network(mx), context=[mx.cpu(0), mx.cpu(1)], work_load_list=[3, 2])
    return [parameters(trained(mx, two)), parameters(trained(mx, uneven)),
            two.get_outputs()[0].shape, [o.shape for o in two.get_outputs(False)[0]]]  # fmt: skip


def input_gradients(mx):
    module = mx.mod.Module(network(mx))
    module.bind([("data", (4, 5))], [("softmax_label", (4,))], inputs_need_grad=True)
    module.init_params(mx.init.Constant(0.1))
    x, y = samples(4)
    batch = mx.io.DataBatch([mx.nd.array(x)], [mx.nd.array(y)])
    module.forward(batch)
    module.backward()
    return [module.get_input_grads()[0].asnumpy(), module.get_outputs()[0].asnumpy()]


def states(mx):
    state = mx.sym.var("state")
    x = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=3, name="fc")
    out = mx.sym.Group([mx.sym.make_loss(x + state, name="a"), mx.sym.BlockGrad(x, name="next")])
    module = mx.mod.Module(out, label_names=None, state_names=["state"])
    module.bind(
        [
            ("data", (2, 5)),
        ],
        for_training=False,
    )
    module.init_params(mx.init.Constant(0.5))
    module.set_states(value=1)
    batch = mx.io.DataBatch([mx.nd.ones((2, 5))])
    found = []
    for _ in range(2):
        module.forward(batch)
        outs = module.get_outputs(merge_multi_context=False)
        module.set_states(states=outs[1:])
        found.append(module.get_outputs()[0].asnumpy())
    return [found, module.get_states(False)[0][0].asnumpy()]


def predictions(mx):
    module = trained(mx)
    x, _ = samples(23)
    data = mx.io.NDArrayIter(x, None, 10)
    kept = module.predict(data, merge_batches=False)
    return [
        module.predict(data).asnumpy(), [[o.shape for o in outs] for outs in kept],
        [o.shape for o in module.predict(data, always_output_list=True)],
        module.predict(data, num_batch=2).shape,
        [(n, [o.shape for o in outs], b.pad) for outs, n, b in module.iter_predict(data)],
        module.score(data_of(mx, 25), ["acc", mx.metric.CrossEntropy()]),
        module.score(data_of(mx), "acc", num_batch=2),
    ]  # fmt: skip


def other_shapes(mx):
    """A batch of another size, and an explicit reshape."""
    module = trained(mx)
    x, y = samples(7)
    module.forward(mx.io.DataBatch([mx.nd.array(x)], [mx.nd.array(y)]), is_train=False)
    first = module.get_outputs()[0].asnumpy()
    module.reshape([("data", (3, 5))], [("softmax_label", (3,))])
    module.forward(mx.io.DataBatch([mx.nd.array(x[:3])], [mx.nd.array(y[:3])]), is_train=False)
    return [first, module.get_outputs()[0].asnumpy(), module.data_shapes[0].shape]


def resumed(mx):
    """Training that stops, saves and goes on gives what training at once gives."""
    with tempfile.TemporaryDirectory() as folder:
        options = {"optimizer_params": {"learning_rate": 0.1, "momentum": 0.9}}
        module = trained(mx, **options)
        module.save_checkpoint(f"{folder}/m", 2, save_optimizer_states=True)
        files = sorted(os.listdir(folder))
        again = mx.mod.Module.load(f"{folder}/m", 2, load_optimizer_states=True)
        again.fit(data_of(mx), num_epoch=4, begin_epoch=2, **options)
        symbol, args, aux = mx.model.load_checkpoint(f"{folder}/m", 2)
    return [files, parameters(again), symbol.list_arguments(), as_numpy(args), sorted(aux)]


def events(mx):
    """What callbacks are called with, and which files they write."""
    seen = []
    with tempfile.TemporaryDirectory() as folder:
        module = mx.mod.Module(network(mx))
        trained(
            mx, module, eval_data=data_of(mx, 20), eval_metric="acc",
            epoch_end_callback=[
                mx.callback.do_checkpoint(f"{folder}/a", 2),
                mx.callback.module_checkpoint(module, f"{folder}/b", 1, True),
                lambda epoch, net, args, aux: seen.append(("epoch", epoch, sorted(args))),
            ],
            batch_end_callback=lambda p: seen.append(("batch", p.epoch, p.nbatch)),
            eval_end_callback=lambda p: seen.append(("eval end", p.epoch, p.nbatch)),
            eval_batch_end_callback=lambda p: seen.append(("eval", p.epoch, p.nbatch)),
        )  # fmt: skip
        return [seen, sorted(os.listdir(folder))]


def shown(mx):
    """What the callbacks print and log."""
    lines, text = [], io.StringIO()

    class Keep(logging.Handler):
        def emit(self, record):
            lines.append(re.sub(r"[\d.]+", "N", record.getMessage()))

    logger, handler = logging.getLogger(), Keep()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        with contextlib.redirect_stdout(text):
            trained(
                mx, eval_data=data_of(mx), eval_metric=["acc", "ce"],
                batch_end_callback=[mx.callback.Speedometer(10, 2), mx.callback.ProgressBar(6, 20),
                                    mx.callback.log_train_metric(3, auto_reset=True)],
                eval_end_callback=mx.callback.LogValidationMetricsCallback(),
            )  # fmt: skip
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    return [[re.sub(r"\s+", " ", line) for line in lines], text.getvalue()]


def monitors(mx):
    lines = []
    monitor = mx.mon.Monitor(2, lambda a: a.max(), pattern="fc.*", sort=True)
    monitor.logger_calls = lines
    module = trained(mx, monitor=monitor)
    monitor.tic()
    module.forward(next(iter(data_of(mx))), is_train=False)
    return [[name for _, name, _ in monitor.toc()], monitor.step]


def own_metric(mx):
    class Count(mx.metric.EvalMetric):
        def __init__(self):
            super().__init__("count")

        def update(self, labels, preds):
            self.sum_metric += float((labels[0].asnumpy() == 1).sum())
            self.num_inst += len(labels[0].asnumpy())

    module = trained(mx)
    plain = mx.metric.np(lambda label, pred: float(pred.argmax(1).mean()), name="mine")
    return [module.score(data_of(mx), Count()), module.score(data_of(mx), plain),
            module.score(data_of(mx), mx.metric.TopKAccuracy(2))]  # fmt: skip


def generated_buckets(mx):
    """BucketingModule fitted on sentences by mx.rnn."""
    rng = np.random.RandomState(0)
    sentences = [list(rng.randint(1, 9, n)) for n in rng.randint(2, 7, 60)]
    np.random.seed(2)
    import random

    random.seed(2)
    data = mx.rnn.BucketSentenceIter(sentences, 6, buckets=[3, 6], invalid_label=0)
    cell = mx.rnn.SequentialRNNCell()
    cell.add(mx.rnn.LSTMCell(5, prefix="l0_"))

    def make(length):
        embed = mx.sym.Embedding(mx.sym.var("data"), input_dim=9, output_dim=4, name="embed")
        cell.reset()
        outputs, _ = cell.unroll(length, inputs=embed, merge_outputs=True)
        out = mx.sym.FullyConnected(mx.sym.Reshape(outputs, shape=(-1, 5)), num_hidden=9, name="o")
        label = mx.sym.Reshape(mx.sym.var("softmax_label"), shape=(-1,))
        return mx.sym.SoftmaxOutput(out, label, name="softmax"), ("data",), ("softmax_label",)

    module = mx.mod.BucketingModule(make, data.default_bucket_key)
    metric = mx.metric.Perplexity(0)
    trained(mx, module, data, eval_metric=metric)
    return [parameters(module), module.score(data, metric), module.data_names]


def csr_network(mx, deep):
    """Logistic regression, or a factorisation machine and a layer, on csr data."""
    data = mx.sym.var("data", stype="csr")
    weight = mx.sym.var("w_weight", stype="row_sparse", shape=(12, 2))
    out = mx.sym.broadcast_add(mx.sym.sparse.dot(data, weight), mx.sym.var("w_bias", shape=(2,)))
    if deep:
        factors = mx.sym.var("v_weight", stype="row_sparse", shape=(12, 3))
        squares = mx.sym._internal._square_sum(data=factors, axis=1, keepdims=True)
        pairs = mx.sym.sum(mx.sym.square(mx.sym.sparse.dot(data, factors)), axis=1, keepdims=True)
        pairs = pairs - mx.sym.sparse.dot(mx.sym.square(data), squares)
        out = mx.sym.broadcast_add(mx.sym.FullyConnected(out, num_hidden=2, name="fc"), pairs)
    return mx.sym.SoftmaxOutput(out, name="softmax")


def sparse_steps(mx):
    """Row-sparse gradients of csr data change their rows only, with momentum and decay too."""
    x = np.random.RandomState(0).uniform(size=(40, 12)).astype("float32")
    x[x > 0.25] = 0
    x[:, 5] = 0  # nothing touches this row of the weights
    y = (x.sum(1) > 0.4).astype("float32")
    found = []
    for deep in (False, True):
        for name, options in (
            ("sgd", {"learning_rate": 0.5, "momentum": 0.9, "wd": 0.01}),
            ("sgd", {"learning_rate": 0.5, "momentum": 0.9, "wd": 0.01, "lazy_update": False}),
            ("adam", {"learning_rate": 0.1, "wd": 0.01}), ("adagrad", {"learning_rate": 0.1}),
            ("ftrl", {"learning_rate": 0.1, "wd": 0.01}), ("rmsprop", {"learning_rate": 0.1}),
        ):  # fmt: skip
            data = mx.io.NDArrayIter(mx.nd.sparse.csr_matrix(x), y, 8, last_batch_handle="discard")
            module = mx.mod.Module(csr_network(mx, deep))
            module.bind(data.provide_data, data.provide_label)
            module.init_params(mx.init.Constant(0.1))
            module.init_optimizer(optimizer=name, optimizer_params=options)
            for _ in range(2):
                data.reset()
                for batch in data:
                    module.prepare(batch)
                    module.forward_backward(batch)
                    module.update()
            gradient = module._exec_group.grad_arrays[
                module._exec_group.param_names.index("w_weight")
            ]
            found.append([parameters(module)[0], gradient[0].stype, gradient[0].asnumpy()])
    return found


def sparse_tables(mx):
    """Embedding(sparse_grad=True) in a module."""
    table = mx.sym.var("e_weight", stype="row_sparse")
    x = mx.sym.Embedding(mx.sym.var("data"), table, input_dim=9, output_dim=4, sparse_grad=True)
    x = mx.sym.FullyConnected(mx.sym.Flatten(x), num_hidden=3, name="fc")
    module = mx.mod.Module(mx.sym.SoftmaxOutput(x, name="softmax"))
    x = np.random.RandomState(1).randint(0, 7, (40, 2)).astype("float32")
    data = mx.io.NDArrayIter(x, x[:, 0] % 3, 10)
    options = {"learning_rate": 0.3, "momentum": 0.9, "wd": 0.01}
    return parameters(trained(mx, module, data, optimizer_params=options))


def python_module(mx):
    class Scale(mx.mod.PythonModule):
        def __init__(self):
            super().__init__(["data"], ["softmax_label"], ["out"])

        def _compute_output_shapes(self):
            return [("out", self.data_shapes[0][1])]

        def forward(self, data_batch, is_train=None):
            self.out = data_batch.data[0] * 2

        def get_outputs(self, merge_multi_context=True):
            return [self.out]

    module = Scale()
    module.bind([("data", (3, 2))])
    module.init_params()
    module.init_optimizer()
    module.forward(mx.io.DataBatch([mx.nd.ones((3, 2))]))
    return [module.get_outputs()[0].asnumpy(), module.output_shapes, module.get_params(),
            module.output_names, module.label_shapes]  # fmt: skip


# --- iterators ------------------------------------------------------------------------------------


def batches(data, count=20):
    """What some batches tell; MXNet's have no `index` where they come from arrays."""
    found = []
    for number, batch in enumerate(data):
        if number == count:
            break
        found.append([[a.asnumpy() for a in batch.data],
                      [a.asnumpy() for a in batch.label or []], batch.pad])  # fmt: skip
    return found


def described(data):
    return [[(d.name, tuple(d.shape), np.dtype(d.dtype).name, d.layout) for d in group]
            for group in (data.provide_data, data.provide_label)]  # fmt: skip


def last_batches(mx):
    """Without pads of "roll_over": MXNet's counts what the last round left, which is no filling."""
    x = np.arange(14, dtype="float32").reshape(7, 2)
    found = []
    for mode in ("pad", "discard", "roll_over"):
        data = mx.io.NDArrayIter(x, np.arange(7), 3, last_batch_handle=mode)
        found.append(described(data))
        for begin in (data.reset, data.reset, data.hard_reset):
            found.append([b[: 2 if mode == "roll_over" else 3] for b in batches(data)])
            begin()
    return found


def named_data(mx):
    x = {"b": np.ones((4, 2), "float32"), "a": np.zeros((4, 3), "float64")}
    y = [np.arange(4), np.arange(4) * 2.0]
    data = mx.io.NDArrayIter(x, {"l0": y[0], "l1": y[1]}, 2)
    listed = mx.io.NDArrayIter([x["a"], x["b"]], y, 2, data_name="in", label_name="out")
    few = mx.io.NDArrayIter(np.arange(4).reshape(2, 2), np.arange(2), 5)
    return [described(data), batches(data), described(listed), batches(few)]


def by_hand(mx):
    data = mx.io.NDArrayIter(np.arange(10).reshape(5, 2), np.arange(5), 2)
    found = []
    while data.iter_next():
        found.append([data.getdata()[0].asnumpy(), data.getlabel()[0].asnumpy(), data.getpad()])
    return [found, data.cursor, data.num_data, data.batch_size, outcome(data.next)]


def wrapped(mx):
    short = mx.io.ResizeIter(data_of(mx, 20), 2)
    long = mx.io.ResizeIter(data_of(mx, 20), 5, reset_internal=False)
    both = mx.io.PrefetchingIter(
        [data_of(mx, 20), data_of(mx, 20)], rename_data=[{"data": "a"}, {"data": "b"}],
        rename_label=[{"softmax_label": "la"}, {"softmax_label": "lb"}],
    )  # fmt: skip
    return [batches(short), len(batches(long)), described(both), batches(both)]


def csv(mx):
    with tempfile.TemporaryDirectory() as folder:
        np.savetxt(f"{folder}/x.csv", np.arange(21).reshape(7, 3), delimiter=",", fmt="%d")
        np.savetxt(f"{folder}/y.csv", np.arange(7), fmt="%d")
        found = []
        for options in ({}, {"round_batch": False}, {"dtype": "int32"}):
            data = mx.io.CSVIter(
                data_csv=f"{folder}/x.csv", data_shape=(3,), label_csv=f"{folder}/y.csv",
                batch_size=3, **options,
            )  # fmt: skip
            found.append(described(data))
            for _ in range(4):  # passes; the end of a last batch without round_batch is anything
                found.append([[a.asnumpy()[: 3 - (b.pad if options else 0)], b.pad]
                              for b in data for a in [*b.data, *b.label]])  # fmt: skip
                data.reset()
        unlabelled = mx.io.CSVIter(
            data_csv=f"{folder}/x.csv", data_shape=(3, 1), batch_size=7, prefetch_buffer=2
        )
        return [*found, batches(unlabelled)]


def libsvm(mx):
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/x", "w") as file:
            file.write("1 0:0.5 2:1.5\n0 1:2\n1\n0 0:1 1:2 3:4\n1 3:9\n")
        with open(f"{folder}/y", "w") as file:
            file.write("0 0:1\n0 1:1\n0 2:1\n0 0:3\n0 1:4\n")
        data = mx.io.LibSVMIter(data_libsvm=f"{folder}/x", data_shape=(4,), batch_size=2)
        found = [[b.data[0].asnumpy(), b.data[0].stype, b.label[0].asnumpy(), b.pad] for b in data]
        two = mx.io.LibSVMIter(
            data_libsvm=f"{folder}/x", data_shape=(4,), label_libsvm=f"{folder}/y",
            label_shape=(3,), batch_size=5,
        )  # fmt: skip
        found += [[b.data[0].asnumpy(), b.label[0].asnumpy(), b.label[0].stype] for b in two]
        return [found, described(data), described(two)]


def mnist(mx):
    images = np.arange(6 * 4 * 4, dtype="uint8").reshape(6, 4, 4)
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/x", "wb") as file:
            file.write(struct.pack(">IIII", 2051, 6, 4, 4) + images.tobytes())
        with open(f"{folder}/y", "wb") as file:
            file.write(struct.pack(">II", 2049, 6) + bytes([3, 1, 4, 1, 5, 9]))
        found = []
        for options in ({}, {"flat": True}, {"num_parts": 2, "part_index": 1}):
            data = mx.io.MNISTIter(
                image=f"{folder}/x", label=f"{folder}/y", batch_size=2, shuffle=False, silent=True,
                **options,
            )  # fmt: skip
            found.append([[(b.data[0].asnumpy(), b.label[0].asnumpy(), b.pad) for b in data],
                          described(data)])  # fmt: skip
        return found


def descriptions(mx):
    desc = mx.io.DataDesc("data", (4, 3, 2), "float16", "NCW")
    batch = mx.io.DataBatch([mx.nd.ones((2, 3))], [mx.nd.ones((2,))], 1, np.arange(2), 7,
                            [mx.io.DataDesc("data", (2, 3))])  # fmt: skip
    return [
        desc.name, desc.shape, desc.layout, tuple(desc), mx.io.DataDesc.get_batch_axis("TNC"),
        mx.io.DataDesc.get_batch_axis(None), repr(mx.io.DataDesc("a", (1, 2))),
        [tuple(d) for d in mx.io.DataDesc.get_list([("a", (1, 2))], [("a", "int32")])],
        str(batch).splitlines()[0], batch.bucket_key, batch.pad,
    ]  # fmt: skip


def groups():
    return {
        "executors": [requests, head_gradients, bound_lists, reshaping, forward_keywords,
                      placed, evaluation, types_of_arguments],
        "modules": [optimizers, schedules, multipliers, initial_values, fixed, devices,
                    input_gradients, states, predictions, other_shapes, resumed, events, shown,
                    monitors, own_metric, generated_buckets, sparse_steps, sparse_tables,
                    python_module],
        "iterators": [last_batches, named_data, by_hand, wrapped, csv, libsvm, mnist,
                      descriptions],
    }  # fmt: skip


if __name__ == "__main__":
    named = {group: {case.__name__: case for case in cases} for group, cases in groups().items()}
    tolerances = dict.fromkeys(named, 1e-4)
    sys.exit(oracle.main(__file__, named, tolerances=tolerances))
