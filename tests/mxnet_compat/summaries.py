"""`mx.viz` beside MXNet 1.9.1: the text of print_summary, the edges of plot_network.

    python tests/mxnet_compat/summaries.py

MXNET_PYTHON names the Python that has MXNet; plot_network is compared if it has graphviz.
"""

import contextlib
import io
import re
import sys

import oracle


def mlp(mx):
    x = mx.sym.Variable("data")
    for i, n in enumerate((64, 32)):
        x = mx.sym.FullyConnected(x, num_hidden=n, name=f"fc{i}")
        x = mx.sym.Activation(x, act_type="relu", name=f"relu{i}")
    return mx.sym.SoftmaxOutput(mx.sym.FullyConnected(x, num_hidden=10, name="out"), name="softmax")


def convolutions(mx):
    x = mx.sym.Variable("data")
    a = mx.sym.Convolution(x, kernel=(3, 3), stride=(2, 2), num_filter=8, name="conv")
    a = mx.sym.BatchNorm(a, fix_gamma=False, name="bn")
    a = mx.sym.LeakyReLU(a, act_type="leaky", name="leaky")
    b = mx.sym.Convolution(a, kernel=(3, 3), pad=(1, 1), num_filter=8, no_bias=True, name="conv2")
    c = mx.sym.Concat(a, b, name="concat")
    c = mx.sym.Pooling(c, kernel=(2, 2), stride=(2, 2), pool_type="max", name="pool")
    return mx.sym.Flatten(mx.sym.Concat(c, c, name="twice"), name="flat")


def embedding(mx):
    x = mx.sym.Variable("data")
    e = mx.sym.Embedding(x, input_dim=20, output_dim=6, name="embed")
    return mx.sym.sum(e, axis=1, name="total")


def zoo(mx):
    net = mx.gluon.model_zoo.vision.get_model("vgg11_bn", classes=10, prefix="v_")
    return net(mx.sym.Variable("data"))


CASES = {
    "mlp": (mlp, {"data": (2, 30)}),
    "convolutions": (convolutions, {"data": (2, 3, 15, 15)}),
    "embedding": (embedding, {"data": (2, 7)}),
    "zoo": (zoo, {"data": (1, 3, 224, 224)}),
}


def summary(make, shape):
    def run(mx):
        with contextlib.redirect_stdout(io.StringIO()) as out:
            mx.viz.print_summary(make(mx), shape)
        return [line.rstrip() for line in out.getvalue().splitlines()]

    return run


def drawing(make, shape, **options):
    def run(mx):
        source = mx.viz.plot_network(make(mx), shape=shape, **options).source
        edges = re.findall(r"^\s*(\w+) -> (\w+)", re.sub(r'"(\w+)"', r"\1", source), re.M)
        return sorted(tuple(sorted(edge)) for edge in edges)

    return run


def main():
    groups = {
        "print_summary": {n: summary(make, shape) for n, (make, shape) in CASES.items()},
        "plot_network": {n: drawing(make, shape) for n, (make, shape) in CASES.items()},
        "plot_network with weights": {
            n: drawing(make, None, hide_weights=False) for n, (make, _) in CASES.items()
        },
    }
    known = {"zoo": "MXNet counts dense layers after pictures by the channels alone"}
    return oracle.main(__file__, groups, known)


if __name__ == "__main__":
    sys.exit(main())
