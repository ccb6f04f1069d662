"""Train LeNet on Fashion-MNIST, then use the exported graph: the program of `make demo`.

Ctrl-C saves a checkpoint; --resume goes on from it. Results go to demo_output/.
"""

import argparse
import json
import os
import time

import matplotlib
import numpy as np
from tqdm import tqdm

import plait as mx
from plait import autograd, gluon, nd
from plait.gluon import nn

matplotlib.use("Agg")
CLASSES = [
    "T-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "boot",
]


def load(name):
    """(images, labels) for training and for test: float32 (n, 1, 28, 28) in [0, 1], and ints."""
    if name == "digits":
        from sklearn.datasets import load_digits

        digits = load_digits()
        images = np.kron(digits.images / 16, np.ones((3, 3)))
        images = np.pad(images, ((0, 0), (2, 2), (2, 2)))[:, None].astype("float32")
        order = np.random.RandomState(0).permutation(len(images))
        images, labels = images[order], digits.target[order].astype("int32")
        return (images[:1500], labels[:1500]), (images[1500:], labels[1500:])
    parts = []
    for train in (True, False):
        data = gluon.data.vision.FashionMNIST(train=train)
        images = data._data.asnumpy().transpose(0, 3, 1, 2).astype("float32") / 255
        parts.append((images, data._label))
    return parts


def lenet():
    """LeNet-5 with rectifiers and maxima. LeCun and others: Gradient-based learning (1998)."""
    net = nn.HybridSequential(prefix="lenet_")
    with net.name_scope():
        net.add(
            nn.Conv2D(20, 5, padding=2, activation="relu"),
            nn.MaxPool2D(2, 2),
            nn.Conv2D(50, 5, activation="relu"),
            nn.MaxPool2D(2, 2),
            nn.Flatten(),
            nn.Dense(128, activation="relu"),
            nn.Dense(10),
        )
    return net


def predict(net, images, batch=500):
    """Class numbers for a NumPy array of images."""
    parts = [
        net(nd.array(images[i : i + batch])).asnumpy().argmax(axis=1)
        for i in range(0, len(images), batch)
    ]
    return np.concatenate(parts)


def train_epoch(net, trainer, images, labels, batch, title):
    """One pass in random order; returns mean loss and accuracy."""
    loss_of = gluon.loss.SoftmaxCrossEntropyLoss()
    order = np.random.permutation(len(images))
    loss_sum = right = seen = 0
    start = time.perf_counter()
    with tqdm(total=len(images), desc=title, unit="img", mininterval=0.5) as bar:
        for i in range(0, len(images), batch):
            chosen = order[i : i + batch]
            with autograd.record():
                scores = net(nd.array(images[chosen]))
                loss = loss_of(scores, nd.array(labels[chosen]))
            loss.backward()
            trainer.step(len(chosen))
            loss_sum += float(loss.sum().asscalar())
            right += int((scores.asnumpy().argmax(axis=1) == labels[chosen]).sum())
            seen += len(chosen)
            rate = seen / (time.perf_counter() - start)
            bar.set_postfix_str(
                f"loss {loss_sum / seen:.3f} accuracy {right / seen:.3f} {rate:.0f} images/s",
                refresh=False,
            )
            bar.update(len(chosen))
    return loss_sum / seen, right / seen


def draw(history, matrix, names, folder):
    """Write the learning curve and the confusion matrix as PNG."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots()
    epochs = range(1, len(history) + 1)
    axes.plot(epochs, [h["train"] for h in history], "o-", label="training")
    axes.plot(epochs, [h["test"] for h in history], "o-", label="test")
    axes.set(xlabel="epoch", ylabel="accuracy")
    axes.legend()
    figure.savefig(os.path.join(folder, "learning_curve.png"))
    figure, axes = plt.subplots(figsize=(7, 6))
    picture = axes.imshow(matrix, cmap="Blues")
    axes.set(xlabel="predicted", ylabel="true", xticks=range(10), yticks=range(10))
    axes.set_xticklabels(names, rotation=90)
    axes.set_yticklabels(names)
    figure.colorbar(picture)
    figure.tight_layout()
    figure.savefig(os.path.join(folder, "confusion_matrix.png"))


def save_checkpoint(net, trainer, history, folder):
    """Write weights, optimizer states and history; `resume` reads them."""
    net.save_parameters(os.path.join(folder, "checkpoint.params"))
    trainer.save_states(os.path.join(folder, "checkpoint.states"))
    with open(os.path.join(folder, "checkpoint.json"), "w") as file:
        json.dump(history, file)


def resume(net, trainer, folder):
    """The history of the finished epochs."""
    net.load_parameters(os.path.join(folder, "checkpoint.params"))
    trainer.load_states(os.path.join(folder, "checkpoint.states"))
    with open(os.path.join(folder, "checkpoint.json")) as file:
        return json.load(file)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", choices=("fashion", "digits"), default="fashion")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--lr", type=float, default=0.05)
    parser.add_argument("--out", default="demo_output")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint")
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    mx.random.seed(1)
    np.random.seed(1)

    (images, labels), (test_images, test_labels) = load(args.data)
    net = lenet()
    net.initialize(mx.init.Xavier())
    net.hybridize()
    net(nd.array(images[:2]))
    trainer = gluon.Trainer(
        net.collect_params(), "sgd", {"learning_rate": args.lr, "momentum": 0.9, "wd": 1e-4}
    )
    history = resume(net, trainer, args.out) if args.resume else []
    try:
        for epoch in range(len(history), args.epochs):
            trainer.set_learning_rate(args.lr * 0.6**epoch)
            loss, accuracy = train_epoch(
                net, trainer, images, labels, args.batch, f"epoch {epoch + 1}/{args.epochs}"
            )
            test = float((predict(net, test_images) == test_labels).mean())
            history.append({"loss": loss, "train": accuracy, "test": test})
            print(f"  test accuracy {test:.4f}")
            save_checkpoint(net, trainer, history, args.out)
    except KeyboardInterrupt:
        save_checkpoint(net, trainer, history, args.out)
        raise SystemExit(f"\nstopped; go on with --resume (checkpoint in {args.out}/)") from None

    predicted = predict(net, test_images)
    matrix = np.zeros((10, 10), int)
    np.add.at(matrix, (test_labels, predicted), 1)
    names = CLASSES if args.data == "fashion" else [str(i) for i in range(10)]
    draw(history, matrix, names, args.out)
    net.save_parameters(os.path.join(args.out, "lenet.params"))
    files = net.export(os.path.join(args.out, "lenet"))
    imported = gluon.SymbolBlock.imports(files[0], ["data"], files[1])
    print("ten test images, classified by the exported graph:")
    for guess, truth in zip(predict(imported, test_images[:10]), test_labels[:10], strict=True):
        print(f"  {names[guess]:10} {'' if guess == truth else 'but is ' + names[truth]}")
    print(f"results are in {args.out}/")


if __name__ == "__main__":
    main()
