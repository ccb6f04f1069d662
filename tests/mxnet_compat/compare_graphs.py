"""Symbols, executors, modules and their logs: one program under plait and MXNet 1.9.1. Run by hand:

python tests/mxnet_compat/compare_graphs.py
"""

import argparse
import logging
import pickle
import re
import tempfile

import numpy as np
from oracle import difference, import_framework, results_of, run_cases

CASES = {}


def case(function):
    CASES[function.__name__] = function
    return function


def network(mx):
    x = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=4, name="fc1")
    x = mx.sym.BatchNorm(mx.sym.Activation(x, act_type="relu", name="relu1"), name="bn")
    return mx.sym.SoftmaxOutput(mx.sym.FullyConnected(x, num_hidden=3, name="fc2"), name="softmax")


def data_of(mx, batch=10):
    rng = np.random.RandomState(0)
    x = rng.randn(60, 5).astype("float32")
    return mx.io.NDArrayIter(x, (x[:, 0] > 0).astype("float32"), batch)


def numbers(executor):
    rng = np.random.RandomState(1)
    for name, array in sorted(executor.arg_dict.items()):
        values = rng.randint(0, 3, array.shape) if "label" in name else rng.randn(*array.shape)
        array[:] = values


@case
def automatic_names(mx):
    with mx.name.NameManager():
        a, b = mx.sym.var("a"), mx.sym.var("b")
        made = [
            mx.sym.FullyConnected(a, num_hidden=2), mx.sym.FullyConnected(b, num_hidden=2),
            a + b, a - b, a * 2, 2 - a, a / b, a**2, 2**a, 3 / a, 3 % a, -a, a > b, a >= 1, abs(a),
            mx.sym.Convolution(a, kernel=(1, 1), num_filter=1), mx.sym.exp(a), mx.sym.dot(a, b),
            mx.sym.Concat(a, b), mx.sym.zeros((2,)), mx.sym.SliceChannel(a, num_outputs=2),
        ]  # fmt: skip
        return [s.name for s in made] + [s.list_outputs() for s in made]


@case
def prefixes(mx):
    with mx.name.Prefix("p_"):
        a = mx.sym.var("a")
        x = mx.sym.FullyConnected(a, num_hidden=2)
        y = mx.sym.FullyConnected(x, num_hidden=2, name="given")
    return [y.list_arguments(), y.get_internals().list_outputs(), y.name]


@case
def attributes(mx):
    with mx.AttrScope(__group__="1", ctx_group="dev"):
        a = mx.sym.var("a", attr={"size": "5"}, lr_mult=2, shape=(2, 3))
        with mx.AttrScope(__group__="2"):
            b = mx.sym.FullyConnected(a, num_hidden=4, name="fc", attr={"__mood__": "good"})
    # Variables made by an operator have its parameters too in MXNet.
    every = {
        name: {key: text for key, text in own.items() if name == "fc" or key != "num_hidden"}
        for name, own in b.attr_dict().items()
    }
    return [
        a.attr("__group__"), a.attr("size"), b.attr("__group__"), b.attr("none"), a.list_attr(),
        b.list_attr(), every,
    ]  # fmt: skip


@case
def composition(mx):
    a, b = mx.sym.var("a"), mx.sym.var("b")
    f = mx.sym.FullyConnected(a, num_hidden=3, name="f")
    g = mx.sym.FullyConnected(b, num_hidden=2, name="g")
    h = g(b=f, name="h")
    group = mx.sym.Group([h, f])
    inner = h.get_internals()
    return [
        h.list_arguments(), h.list_outputs(), group.list_outputs(), inner.list_outputs(),
        inner["f_output"].list_arguments(), h.get_children().list_outputs(), len(group),
        [s.name for s in group], a.get_children() is None, repr(group), repr(a), group[1].name,
    ]  # fmt: skip


@case
def shapes(mx):
    net = network(mx)
    partial = net.infer_shape_partial(data=(0, 5))
    return [net.infer_shape(data=(2, 5)), [tuple(s) for s in partial[0]]]


@case
def open_sizes(mx):
    """Sizes of 0 are not known: 1 is stretched over them by broadcasting."""
    a, b = mx.sym.var("a"), mx.sym.var("b")
    found = [
        mx.sym.broadcast_mul(a, b).infer_shape_partial(a=(0, 3), b=(1, 3)),
        mx.sym.Convolution(a, kernel=(3, 3), num_filter=2).infer_shape_partial(a=(0, 3, 9, 9)),
        mx.sym.Reshape(a, shape=(-1, 6)).infer_shape_partial(a=(0, 3)),
        mx.sym.mean(a, axis=1).infer_shape_partial(a=(0, 3)),
    ]
    return [[tuple(shape) for group in groups for shape in group] for groups in found]


@case
def types(mx):
    net = network(mx)
    return [
        [np.dtype(t).name for t in group]
        for group in net.infer_type(data="float64") + net.infer_type(data="float32")
    ]


@case
def text(mx):
    a = mx.sym.var("a")
    return (mx.sym.FullyConnected(a, num_hidden=2, name="fc", attr={"__x__": "1"}) * 2).debug_str()


@case
def executors(mx):
    executor = network(mx).simple_bind(mx.cpu(), data=(4, 5), grad_req={"data": "write",
                                       "fc1_weight": "add", "fc2_weight": "write", "fc2_bias": "write"})  # fmt: skip
    numbers(executor)
    for _ in range(2):
        out = executor.forward(is_train=True)[0]
        executor.backward()
    grads = {n: g.asnumpy() for n, g in executor.grad_dict.items() if g is not None}
    other = executor.reshape(data=(2, 5), softmax_label=(2,))
    shared = other.arg_dict["fc1_weight"].asnumpy() - executor.arg_dict["fc1_weight"].asnumpy()
    other.arg_dict["data"][:] = 1
    return [
        out.asnumpy(), grads, shared, other.forward()[0].asnumpy(),
        {n: a.asnumpy() for n, a in executor.aux_dict.items()}, sorted(executor.output_dict),
    ]  # fmt: skip


@case
def copies(mx):
    executor = network(mx).simple_bind(mx.cpu(), data=(4, 5))
    weight = mx.nd.ones((4, 5))
    executor.copy_params_from({"fc1_weight": weight}, {"bn_moving_mean": mx.nd.ones((4,)) * 2})
    errors = []
    for extra in (False, True):
        try:
            executor.copy_params_from({"none": weight}, allow_extra_params=extra)
            errors.append("fine")
        except ValueError:
            errors.append("ValueError")
    return [executor.arg_dict["fc1_weight"].asnumpy(), executor.aux_dict["bn_moving_mean"].asnumpy(),
            errors]  # fmt: skip


def logs_of(mx, run):
    """Lines that `run(logger)` logs, with numbers of time replaced."""
    lines = []

    class Keep(logging.Handler):
        def emit(self, record):
            lines.append(record.getMessage())

    logger = logging.getLogger()
    handler, level = Keep(), logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        run(logger)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    lines = [re.sub(r"(Speed: |Time cost=|cost=)[\d.einf]+", r"\1T", line) for line in lines]
    return [re.sub(r"\t+", "|", line).rstrip() for line in lines]


def masked(lines):
    return [re.sub(r"-?\d+\.\d+(e[-+]\d+)?", "F", line) for line in lines]


@case
def monitor_lines(mx):
    executor = network(mx).simple_bind(mx.cpu(), data=(4, 5))
    numbers(executor)
    shown = []
    for everything in (False, True):
        monitor = mx.mon.Monitor(
            2, pattern=".*output|fc1_weight", sort=True, monitor_all=everything
        )
        monitor.install(executor)
        for _ in range(3):
            monitor.tic()
            executor.forward(is_train=True)
            shown.append([(n, k, re.sub(r"\d+\.\d+", "F", v)) for n, k, v in monitor.toc()])
    return shown


@case
def monitored_gradients(mx):
    executor = network(mx).simple_bind(mx.cpu(), data=(4, 5))
    numbers(executor)
    shown = []
    monitor = mx.mon.Monitor(1)
    monitor.install(executor)
    monitor.tic()
    executor.forward(is_train=True)
    executor.backward()
    for _, name, value in monitor.toc():
        if name in ("bn_mean", "bn_var"):  # outputs that nobody can use
            continue
        masked_value = float(value) if "backward" in name or "output" in name else 0.0
        shown.append((name, np.round(masked_value, 3)))
    return shown


@case
def texts(mx):
    net = network(mx)
    return [net.debug_str(), mx.sym.Group([net, net.get_internals()["fc1_output"]]).debug_str()]


@case
def named_composition(mx):
    def outcome(make):
        try:
            made = make()
            return made.name, made.list_arguments(), made.get_internals().list_outputs()
        except Exception as error:  # the classes differ
            return isinstance(error, TypeError)

    a, b = mx.sym.var("a"), mx.sym.var("b")
    f = mx.sym.FullyConnected(a, num_hidden=3, name="fc")
    g = mx.sym.Activation(b, act_type="relu", name="act")
    own = g.__copy__()
    own._compose(b=f, name="own")
    makers = (
        lambda: g(b=f), lambda: g(b=f, name="x"), lambda: g(name="q"), lambda: g(), lambda: own,
        lambda: g(f, b=f), lambda: g(3),
    )  # fmt: skip
    return [outcome(make) for make in makers]


@case
def module_logs(mx):
    def run(logger):
        mx.random.seed(1)
        module = mx.mod.Module(network(mx))
        module.fit(
            data_of(mx), eval_data=data_of(mx), num_epoch=2, eval_metric=["acc", "ce"],
            batch_end_callback=mx.callback.Speedometer(10, 2),
            initializer=mx.init.One(), optimizer_params={"learning_rate": 0.1},
        )  # fmt: skip

    return masked(logs_of(mx, run))


@case
def module_numbers(mx):
    module = mx.mod.Module(network(mx))
    module.fit(data_of(mx), num_epoch=2, initializer=mx.init.One(),
               optimizer_params={"learning_rate": 0.1, "momentum": 0.9})  # fmt: skip
    args, aux = module.get_params()
    data = data_of(mx, 25)
    predicted = module.predict(data_of(mx, 25))
    kept = [outs[0].shape for outs, _, _ in module.iter_predict(data)]
    return [
        {n: a.asnumpy() for n, a in args.items()}, {n: a.asnumpy() for n, a in aux.items()},
        module.score(data_of(mx), "acc"), predicted.asnumpy(), kept, module.output_shapes,
        [tuple(d) for d in module.data_shapes], [tuple(d) for d in module.label_shapes],
        module.data_names, module.output_names, module.label_names,
    ]  # fmt: skip


@case
def speedometer_formats(mx):
    def run(logger):
        for auto in (True, False):
            meter = mx.callback.Speedometer(5, 2, auto_reset=auto)
            metric = mx.metric.create("acc")
            for batch in range(5):
                metric.update([mx.nd.array([1, 0])], [mx.nd.array([[0.1, 0.9], [0.2, 0.8]])])
                meter(mx.model.BatchEndParam(3, batch, metric, None))
            meter(mx.model.BatchEndParam(4, 0, None, None))
            meter(mx.model.BatchEndParam(4, 2, None, None))
        log = mx.callback.log_train_metric(2)
        for batch in range(4):
            log(mx.model.BatchEndParam(3, batch, metric, None))

    return logs_of(mx, run)


@case
def feed_forward(mx):
    rng = np.random.RandomState(0)
    x = rng.randn(60, 5).astype("float32")
    y = (x[:, 0] > 0).astype("float32")
    model = mx.model.FeedForward(
        network(mx), num_epoch=2, epoch_size=3, numpy_batch_size=20, learning_rate=0.1,
        initializer=mx.init.One(),
    )  # fmt: skip
    np.random.seed(3)
    model.fit(x, y, eval_data=(x, y))
    out, data, label = model.predict(data_of(mx, 20), return_data=True)
    with tempfile.TemporaryDirectory() as folder:
        model.save(f"{folder}/m", 7)
        again = mx.model.FeedForward.load(f"{folder}/m", 7)
        second = again.predict(x)
    return [out.shape, data.shape, label.shape, np.abs(second - model.predict(x)).max(),
            model.score(data_of(mx, 20)) >= 0, again.begin_epoch]  # fmt: skip


@case
def extra_parameters(mx):
    answers = []
    for extra in (False, True):
        model = mx.model.FeedForward(
            network(mx), num_epoch=1, numpy_batch_size=20, allow_extra_params=extra,
            arg_params={"fc1_weight": mx.nd.ones((4, 5)), "unknown": mx.nd.ones((1,))},
            aux_params={},
        )  # fmt: skip
        try:
            model.fit(data_of(mx))
            answers.append(sorted(model.arg_params))
        except Exception as error:
            answers.append(type(error).__name__)
    return answers


@case
def buckets(mx):
    def make(length):
        x = mx.sym.var("data")
        x = mx.sym.mean(mx.sym.Embedding(x, input_dim=5, output_dim=3, name="e"), axis=1)
        out = mx.sym.SoftmaxOutput(mx.sym.FullyConnected(x, num_hidden=2, name="f"), name="softmax")
        return out, ("data",), ("softmax_label",)

    module = mx.mod.BucketingModule(make, default_bucket_key=6)
    module.bind([("data", (2, 6))], [("softmax_label", (2,))])
    module.init_params(mx.init.One())
    module.init_optimizer(optimizer_params={"learning_rate": 0.5})
    rng, outs = np.random.RandomState(0), []
    for length in (6, 3, 4, 3):
        batch = mx.io.DataBatch(
            [mx.nd.array(rng.randint(0, 5, (2, length)))], [mx.nd.array([0, 1])],
            bucket_key=length, provide_data=[mx.io.DataDesc("data", (2, length))],
            provide_label=[mx.io.DataDesc("softmax_label", (2,))],
        )  # fmt: skip
        module.forward_backward(batch)
        module.update()
        outs.append(module.get_outputs()[0].asnumpy())
    return [outs, {n: a.asnumpy() for n, a in module.get_params()[0].items()}]


@case
def sequences(mx):
    one = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=4, name="a")
    two = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=2, name="b")
    two = mx.sym.SoftmaxOutput(two, name="softmax")
    module = mx.mod.SequentialModule()
    module.add(mx.mod.Module(one, label_names=[])).add(
        mx.mod.Module(two), take_labels=True, auto_wiring=True
    )
    module.fit(data_of(mx), num_epoch=1, initializer=mx.init.One(),
               optimizer_params={"learning_rate": 0.1})  # fmt: skip
    return [{n: a.asnumpy() for n, a in module.get_params()[0].items()},
            module.score(data_of(mx), "acc")]  # fmt: skip


@case
def python_losses(mx):
    net = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=3, name="fc")
    module = mx.mod.SequentialModule()

    def grad(scores, labels):
        scores = scores.asnumpy() if hasattr(scores, "asnumpy") else scores
        return mx.nd.array(scores - np.eye(3)[labels.asnumpy().astype(int)])

    module.add(mx.mod.Module(net, label_names=[])).add(
        mx.mod.PythonLossModule(grad_func=grad), take_labels=True, auto_wiring=True
    )
    module.bind(data_of(mx).provide_data, data_of(mx).provide_label)
    module.init_params(mx.init.One())
    module.init_optimizer(optimizer_params={"learning_rate": 0.1})
    for batch in data_of(mx):
        module.forward_backward(batch)
        module.update()
    return {n: a.asnumpy() for n, a in module.get_params()[0].items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--framework")
    parser.add_argument("--out")
    args = parser.parse_args()
    if args.framework:
        results = run_cases(import_framework(args.framework), CASES)
        with open(args.out, "wb") as file:
            pickle.dump(results, file)
        return
    ours, theirs = results_of(__file__, "plait"), results_of(__file__, "mxnet")
    equal = 0
    for name in CASES:
        gap = difference(ours[name], theirs[name])
        equal += gap < 1e-4
        if gap >= 1e-4:
            print(f"{name}: differs by {gap:.2g}\n  plait {ours[name]}\n  mxnet {theirs[name]}")
    print(f"{equal} of {len(CASES)} equal")


if __name__ == "__main__":
    main()
