"""Loss of LeNet over its first steps beside MXNet 1.9.1: same weights, same batches.

    python tests/mxnet_compat/lenet_curve.py [--steps 100]

MXNet draws the weights and writes them to a .params file that plait reads. MXNET_PYTHON names the
Python that has MXNet. The activation is tanh: with rectifiers a unit whose input is within rounding
of 0 changes the gradient by percents, and the curves of any two libraries part.
"""

import argparse
import gzip
import os
import subprocess
import sys
import tempfile

import numpy as np
import oracle

FOLDER = "/usr/share/datasets/fashion-mnist"
LIMIT = 1e-3


def batches(steps, size=64):
    """(images, labels) of each step; drawn numbers where Fashion-MNIST is not there."""
    count = steps * size
    path = os.path.join(FOLDER, "train-images-idx3-ubyte.gz")
    if os.path.exists(path):
        with gzip.open(path) as file:
            images = np.frombuffer(file.read(16 + count * 784)[16:], np.uint8)
        with gzip.open(path.replace("images-idx3", "labels-idx1")) as file:
            labels = np.frombuffer(file.read(8 + count)[8:], np.uint8)
        images = images.reshape(-1, 1, 28, 28).astype("float32") / 255
    else:
        random = np.random.RandomState(0)
        images = random.rand(count, 1, 28, 28).astype("float32")
        labels = random.randint(0, 10, count)
    labels = labels.astype("float32")
    for i in range(0, len(images) - size + 1, size):
        yield images[i : i + size], labels[i : i + size]


def lenet(mx, activation):
    """The net of the demo, with any activation."""
    nn = mx.gluon.nn
    net = nn.HybridSequential(prefix="lenet_")
    with net.name_scope():
        net.add(
            nn.Conv2D(20, 5, padding=2, activation=activation),
            nn.MaxPool2D(2, 2),
            nn.Conv2D(50, 5, activation=activation),
            nn.MaxPool2D(2, 2),
            nn.Flatten(),
            nn.Dense(128, activation=activation),
            nn.Dense(10),
        )
    return net


def train(mx, weights, steps, hybrid, activation, lr):
    """Losses of the steps, from the weights in a file, which MXNet writes if it is not there."""
    net = lenet(mx, activation)
    if os.path.exists(weights):
        net.load_parameters(weights)
    else:
        mx.random.seed(3)
        net.initialize(mx.init.Xavier())
        net(mx.nd.zeros((1, 1, 28, 28)))
        net.save_parameters(weights)
    if hybrid:
        net.hybridize()
    trainer = mx.gluon.Trainer(
        net.collect_params(), "sgd", {"learning_rate": lr, "momentum": 0.9, "wd": 1e-4}
    )
    loss_of = mx.gluon.loss.SoftmaxCrossEntropyLoss()
    losses = []
    for images, labels in batches(steps):
        with mx.autograd.record():
            loss = loss_of(net(mx.nd.array(images)), mx.nd.array(labels))
        loss.backward()
        trainer.step(len(images))
        losses.append(float(loss.mean().asscalar()))
    return np.array(losses)


def compare(steps, activation, lr):
    """Print how far the curves are apart; returns the largest relative difference."""
    with tempfile.TemporaryDirectory() as folder:
        curves = {}
        for name, framework, extra in (
            ("mxnet", "mxnet", []),
            ("plait", "plait", []),
            ("plait hybridized", "plait", ["--hybrid"]),
        ):
            python = sys.executable if framework == "plait" else oracle.MXNET_PYTHON
            out = os.path.join(folder, name.replace(" ", "-") + ".npy")
            command = [python, "-W", "ignore", __file__, "--framework", framework]
            command += ["--weights", os.path.join(folder, "start.params"), "--out", out]
            command += ["--activation", activation, "--lr", str(lr)]
            subprocess.run([*command, "--steps", str(steps), *extra], check=True)
            curves[name] = np.load(out)
    mxnet = curves.pop("mxnet")
    print(f"{activation}, rate {lr}: MXNet's loss goes from {mxnet[0]:.6f} to {mxnet[-1]:.6f}")
    worst = 0.0
    for name, curve in curves.items():
        gap = np.abs(curve - mxnet) / np.abs(mxnet)
        worst = max(worst, gap.max())
        print(f"  {name}: largest relative difference {gap.max():.2e}, at the end {gap[-1]:.2e}")
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--framework")
    parser.add_argument("--weights")
    parser.add_argument("--out")
    parser.add_argument("--hybrid", action="store_true")
    parser.add_argument("--activation", default="tanh")
    parser.add_argument("--lr", type=float, default=0.02)
    args = parser.parse_args()
    if args.framework:
        mx = oracle.import_framework(args.framework)
        options = args.hybrid, args.activation, args.lr
        np.save(args.out, train(mx, args.weights, args.steps, *options))
        return 0
    worst = compare(args.steps, args.activation, args.lr)
    return int(worst >= LIMIT)


if __name__ == "__main__":
    sys.exit(main())
