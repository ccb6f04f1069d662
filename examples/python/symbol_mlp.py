"""A fully connected network from symbols without names, trained by `gluon.Trainer`.

python examples/python/symbol_mlp.py [SAMPLES [EPOCHS]]
"""

import sys

import numpy as np

import plait as mx


def network(r=10):
    """(x, y, W, probabilities, loss): the variables and the two results."""
    x, y = mx.symbol.Variable("x"), mx.symbol.Variable("y")
    W = mx.symbol.Variable()
    b = mx.symbol.Variable()
    fc = mx.symbol.FullyConnected(data=x, weight=W, bias=b, num_hidden=r, activation="sigmoid")
    probabilities = mx.symbol.SoftmaxOutput(data=fc, label=y)
    loss = mx.symbol.LabelCrossEntropyOutput(data=probabilities, label=y)
    loss = mx.symbol.mean(loss)
    return x, y, W, probabilities, loss


def images(samples):
    """Fashion-MNIST as (samples, 784) in [0, 1], and the labels."""
    data = mx.gluon.data.vision.FashionMNIST(train=True)
    x = np.asarray(data._data.asnumpy()[:samples], dtype="f").reshape(-1, 784) / 255
    return x, np.asarray(data._label[:samples], dtype="f")


def main(x_train, y_train, num_epoch=10):
    """Train; returns the history and the trained weight."""
    _, _, W, probabilities, loss = network()
    optimizer = mx.optimizer.SGD(learning_rate=0.1)
    train = mx.symbol.BlockGrad(loss)  # the loss as a number to look at; no gradient flows through
    trainer = mx.gluon.Trainer(loss, optimizer)
    history = trainer.fit(x_train, y_train, num_epoch=num_epoch)
    W_val = W.eval()[0]
    print(W_val)
    correct = trainer.predict(probabilities, x_train).argmax(1) == y_train
    print(f"accuracy on the training images {correct.mean():.3f}; {train.list_outputs()}")
    return history, W_val


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 6000
    main(*images(count), num_epoch=int(sys.argv[2]) if len(sys.argv) > 2 else 10)
