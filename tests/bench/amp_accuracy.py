"""Accuracy of LeNet and of a transformer encoder in float32, bfloat16 and float16.

python tests/bench/amp_accuracy.py [--epochs 6] [--seeds 1] [--only LeNet]

LeNet reads scikit-learn's digits, 8 x 8. The encoder finds, in 24 words, the word two places after
the marker. For each seed a network is trained three times from the same weights with the same
batches. The gap is the mean of the differences to float32 with its standard error: it is noise
if it is not larger than twice that.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

import plait as mx
from plait import amp, autograd, gluon, nd
from plait.gluon import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))
import test_amp  # noqa: E402

BATCH = 32


def digits():
    from sklearn.datasets import load_digits

    found = load_digits()
    order = np.random.RandomState(0).permutation(len(found.target))
    return (found.images[order, None] / 16).astype("float32"), found.target[order]


def sentences(count=4096, length=24):
    random = np.random.RandomState(1)
    x, y = random.randint(0, 11, (count, length)), random.randint(0, 4, count)
    place = random.randint(0, length - 2, count)
    x[np.arange(count), place] = 11
    x[np.arange(count), place + 2] = y
    return x.astype("float32"), y


def lenet():
    net = test_amp.lenet()
    net.add(nn.Dense(10))
    net.initialize(mx.init.Xavier(), force_reinit=True)
    return net


def accuracy(make, data, dtype, epochs, seed):
    """(share of right answers on a fifth that was left out, steps left out for overflow)."""
    mx.random.seed(seed)
    if dtype != "float32":
        amp.init(dtype)
    net = make()
    net.hybridize()
    trainer = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 0.003})
    if dtype != "float32":
        amp.init_trainer(trainer)
    (x, y), loss_of = data, gluon.loss.SoftmaxCELoss()
    train = len(x) * 4 // 5
    steps = train // BATCH
    for epoch in range(epochs):
        order = np.random.RandomState(1000 * seed + epoch).permutation(train)
        for part in np.split(order[: steps * BATCH], steps):
            with autograd.record():
                loss = loss_of(net(nd.array(x[part])), nd.array(y[part]))
                if dtype != "float32":
                    with amp.scale_loss(loss, trainer) as scaled:
                        autograd.backward(scaled)
            if dtype == "float32":
                loss.backward()
            trainer.step(BATCH)
    right = net(nd.array(x[train:])).asnumpy().argmax(1) == y[train:]
    amp.deactivate()
    return right.mean(), steps * epochs - trainer.optimizer.num_update


def show(name, dtype, shares, base, skipped, seconds):
    """One line of the table; `base` has the shares of float32 with the same seeds."""
    gaps = np.subtract(shares, base)
    error = gaps.std(ddof=1) / len(gaps) ** 0.5 if len(gaps) > 1 else float("nan")
    print(
        f"{name:8} {dtype:9} accuracy {np.mean(shares):.4f}, gap {gaps.mean():+.4f} +- {error:.4f},"
        f" {skipped:g} steps left out, {seconds:.0f} s",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--only", choices=("LeNet", "encoder"))
    options = parser.parse_args()
    for name, make, data in (
        ("LeNet", lenet, digits()),
        ("encoder", test_amp.Encoder, sentences()),
    ):
        base = None
        for dtype in ("float32", "bfloat16", "float16") if options.only in (None, name) else ():
            begin = time.perf_counter()
            found = [
                accuracy(make, data, dtype, options.epochs, seed) for seed in range(options.seeds)
            ]
            shares, skipped = zip(*found, strict=True)
            base = base or shares
            show(name, dtype, shares, base, np.mean(skipped), time.perf_counter() - begin)


if __name__ == "__main__":
    main()
