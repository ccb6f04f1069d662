"""Train LeNet on Fashion-MNIST, then use the exported graph: the program of `make demo`.

Ctrl-C keeps the last finished epoch; --resume goes on from it. Results go to demo_output/.
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
CLOTHES = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker")
NAMES = {"fashion": (*CLOTHES, "bag", "boot"), "digits": tuple("0123456789")}


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
    """Probabilities (n, classes) for a NumPy array of images."""
    parts = [
        nd.softmax(net(nd.array(images[i : i + batch]))).asnumpy()
        for i in range(0, len(images), batch)
    ]
    return np.concatenate(parts)


def train_epoch(net, trainer, images, labels, batch, title, seed):
    """One pass in random order; returns mean loss and accuracy."""
    loss_of = gluon.loss.SoftmaxCrossEntropyLoss()
    order = np.random.RandomState(seed).permutation(len(images))
    loss_sum = right = seen = 0
    start = time.perf_counter()
    layout = "{desc} {percentage:3.0f}%|{bar:24}| {elapsed}<{remaining} {postfix}"
    with tqdm(total=len(images), desc=title, mininterval=0.2, bar_format=layout) as bar:
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
                f"loss {loss_sum / seen:.3f}  accuracy {right / seen:.3f}  {rate:,.0f} images/s",
                refresh=False,
            )
            bar.update(len(chosen))
    return loss_sum / seen, right / seen


def draw_history(history, path):
    """Loss and accuracy by epoch."""
    import matplotlib.pyplot as plt

    epochs = range(1, len(history) + 1)
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    left.plot(epochs, [h["loss"] for h in history], "o-", color="tab:red")
    left.set(title="training loss", xlabel="epoch", xticks=epochs)
    right.plot(epochs, [h["train"] for h in history], "o-", label="training")
    right.plot(epochs, [h["test"] for h in history], "o-", label="test")
    right.set(
        title=f"accuracy, {history[-1]['test']:.4f} on the test images",
        xlabel="epoch",
        xticks=epochs,
    )
    right.legend(frameon=False, loc="lower right")
    for axes in (left, right):
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def draw_confusion(matrix, names, path):
    """Share of each true class by predicted class, in percent."""
    import matplotlib.pyplot as plt

    share = 100 * matrix / matrix.sum(axis=1, keepdims=True)
    figure, axes = plt.subplots(figsize=(7, 6.2), layout="constrained")
    picture = axes.imshow(share, cmap="Blues", vmin=0, vmax=100)
    ticks = range(len(names))
    axes.set(xlabel="predicted", ylabel="true", xticks=ticks, yticks=ticks)
    axes.set_xticklabels(names, rotation=45, ha="right")
    axes.set_yticklabels(names)
    for row in ticks:
        for column in ticks:
            if share[row, column] >= 0.5:
                colour = "white" if share[row, column] > 50 else "black"
                axes.text(
                    column,
                    row,
                    f"{share[row, column]:.0f}",
                    ha="center",
                    va="center",
                    color=colour,
                    fontsize=8,
                )
    axes.set_title(f"share of each class in %, accuracy {matrix.trace() / matrix.sum():.4f}")
    figure.colorbar(picture, shrink=0.8)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def draw_examples(images, labels, probabilities, names, path):
    """Pictures with what the exported graph takes them for."""
    import matplotlib.pyplot as plt

    figure, grid = plt.subplots(2, 5, figsize=(9, 4.2), layout="constrained")
    for axes, image, label, shares in zip(grid.flat, images, labels, probabilities, strict=True):
        guess = shares.argmax()
        axes.imshow(image[0], cmap="gray_r")
        text = f"{names[guess]} {shares[guess]:.0%}"
        if guess != label:
            text += f"\n(is {names[label]})"
        axes.set_title(text, fontsize=9, color="tab:green" if guess == label else "tab:red")
        axes.axis("off")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def save_checkpoint(net, trainer, history, folder):
    """Write weights, optimizer states and history; the last file says that all are there."""
    name = f"checkpoint-{len(history)}"
    net.save_parameters(os.path.join(folder, f"{name}.params"))
    trainer.save_states(os.path.join(folder, f"{name}.states"))
    path = os.path.join(folder, "checkpoint.json")
    with open(path + ".part", "w") as file:
        json.dump(history, file)
    os.replace(path + ".part", path)
    for ending in ("params", "states"):
        old = os.path.join(folder, f"checkpoint-{len(history) - 1}.{ending}")
        if os.path.exists(old):
            os.remove(old)


def resume(net, trainer, folder):
    """The history of the finished epochs; empty if there is no checkpoint."""
    path = os.path.join(folder, "checkpoint.json")
    if not os.path.exists(path):
        return []
    with open(path) as file:
        history = json.load(file)
    name = os.path.join(folder, f"checkpoint-{len(history)}")
    net.load_parameters(f"{name}.params")
    trainer.load_states(f"{name}.states")
    return history


def use_export(net, images, labels, names, folder):
    """Export the net, load it back, classify ten pictures with it."""
    files = net.export(os.path.join(folder, "lenet"))
    imported = gluon.SymbolBlock.imports(files[0], ["data"], files[1])
    probabilities = predict(imported, images[:10])
    draw_examples(images[:10], labels[:10], probabilities, names, f"{folder}/examples.png")
    print("\nten test images, classified by the exported graph:")
    for shares, label in zip(probabilities, labels[:10], strict=True):
        guess = shares.argmax()
        mark = "" if guess == label else f"   but is {names[label]}"
        print(f"  {names[guess]:9} {shares[guess]:4.0%}{mark}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", choices=sorted(NAMES), default="fashion")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--lr", type=float, default=0.05)
    parser.add_argument("--out", default="demo_output")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint")
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    mx.random.seed(1)

    (images, labels), (test_images, test_labels) = load(args.data)
    print(f"{len(images)} training and {len(test_images)} test images; plait {mx.__version__}")
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
            title = f"epoch {epoch + 1}/{args.epochs}"
            loss, accuracy = train_epoch(net, trainer, images, labels, args.batch, title, epoch)
            guesses = predict(net, test_images).argmax(axis=1)
            test = float((guesses == test_labels).mean())
            history.append({"loss": loss, "train": accuracy, "test": test})
            print(f"{'':{len(title)}} test accuracy {test:.4f}")
            save_checkpoint(net, trainer, history, args.out)
    except KeyboardInterrupt:
        raise SystemExit(
            f"\nstopped after {len(history)} epochs; --resume goes on from there"
        ) from None

    names = NAMES[args.data]
    guesses = predict(net, test_images).argmax(axis=1)
    matrix = np.zeros((10, 10), int)
    np.add.at(matrix, (test_labels, guesses), 1)
    draw_history(history, f"{args.out}/learning_curve.png")
    draw_confusion(matrix, names, f"{args.out}/confusion_matrix.png")
    net.save_parameters(os.path.join(args.out, "lenet.params"))
    use_export(net, test_images, test_labels, names, args.out)
    print(f"\ntest accuracy {history[-1]['test']:.4f}; in {args.out}/:")
    for name in sorted(os.listdir(args.out)):
        if not name.startswith("checkpoint"):
            print(f"  {name:24} {os.path.getsize(os.path.join(args.out, name)) / 1024:8,.0f} kB")


if __name__ == "__main__":
    main()
