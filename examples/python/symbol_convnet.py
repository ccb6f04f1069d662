"""A convolutional network from symbols, trained on Fashion-MNIST by `gluon.Trainer`.

python examples/python/symbol_convnet.py [SAMPLES [EPOCHS]]
"""

import sys

import numpy as np

import plait as mx


def network(filters=(64, 128), r1=10):
    """(probabilities, loss) of images (batch, 1, 28, 28) `x` and labels `y`."""
    x, y = mx.symbol.Variable("x"), mx.symbol.Variable("y")
    W1, b1 = mx.symbol.Variable(), mx.symbol.Variable()
    conv1 = mx.symbol.Convolution(data=x, kernel_size=5, num_filter=filters[0], pad=2)
    pool1 = mx.symbol.MaxPool(data=conv1, kernel_size=2, stride=2)
    conv2 = mx.symbol.Convolution(data=pool1, kernel_size=5, num_filter=filters[1], pad=2)
    pool2 = mx.symbol.MaxPool(data=conv2, kernel_size=2, stride=2)
    fc1 = mx.symbol.Flatten(data=pool2)
    fc2 = mx.symbol.FullyConnected(data=fc1, weight=W1, bias=b1, num_hidden=r1)
    probabilities = mx.symbol.SoftmaxOutput(data=fc2, label=y)
    loss = mx.symbol.LabelCrossEntropyOutput(data=probabilities, label=y)
    return probabilities, mx.symbol.mean(loss)


def images(samples):
    """Fashion-MNIST as (samples, 1, 28, 28) in [0, 1], and the labels."""
    data = mx.gluon.data.vision.FashionMNIST(train=True)
    x = np.asarray(data._data.asnumpy()[:samples], dtype="f").reshape(-1, 1, 28, 28) / 255
    return x, np.asarray(data._label[:samples], dtype="f")


def main(x_train, y_train, num_epoch=2, filters=(64, 128)):
    """Train; returns the history and the accuracy on the training images."""
    probabilities, loss = network(filters)
    trainer = mx.gluon.Trainer(loss, mx.optimizer.SGD(learning_rate=0.01, momentum=0.9))
    history = trainer.fit(x_train, y_train, num_epoch=num_epoch)
    part = slice(0, 500)
    correct = trainer.predict(probabilities, x_train[part]).argmax(1) == y_train[part]
    print(f"accuracy on {len(correct)} training images {correct.mean():.3f}")
    return history, correct.mean()


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 6000
    main(*images(count), num_epoch=int(sys.argv[2]) if len(sys.argv) > 2 else 2)
