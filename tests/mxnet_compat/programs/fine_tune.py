"""Trains a small residual symbol, cuts it at an inner node and trains a new head on it."""

import os
import tempfile
from collections import namedtuple

import mxnet as mx
import numpy as np

np.random.seed(5)
mx.random.seed(5)
CLASSES, SIZE, BATCH = 4, 8, 16
Batch = namedtuple("Batch", ["data"])


def unit(data, filters, name, project):
    body = mx.sym.Convolution(
        data=data, num_filter=filters, kernel=(3, 3), pad=(1, 1), no_bias=True, workspace=256,
        name=name + "_conv",
    )  # fmt: skip
    body = mx.sym.BatchNorm(data=body, fix_gamma=False, eps=2e-5, momentum=0.9, name=name + "_bn")
    body = mx.sym.LeakyReLU(data=body, act_type="prelu", name=name + "_relu")
    if project:
        data = mx.sym.Convolution(
            data=data, num_filter=filters, kernel=(1, 1), no_bias=True, name=name + "_sc"
        )
        data._set_attr(mirror_stage="True")
    return body + data


def network():
    data = mx.sym.identity(data=mx.sym.Variable("data"), name="id")
    data = (data - 127.5) * 0.0078125
    body = unit(unit(data, 8, "u1", True), 8, "u2", False)
    pool = mx.sym.Pooling(data=body, global_pool=True, kernel=(7, 7), pool_type="avg")
    fc = mx.sym.FullyConnected(data=mx.sym.Flatten(pool), num_hidden=CLASSES, name="fc_old")
    return mx.sym.SoftmaxOutput(data=fc, name="softmax")


class Hits(mx.metric.EvalMetric):
    """Accuracy with sums of its own and no global ones."""

    def __init__(self):
        super().__init__("hits")

    def update(self, labels, preds):
        right = mx.nd.argmax(preds[0], axis=1).asnumpy() == labels[0].asnumpy()
        self.sum_metric += right.sum()
        self.num_inst += right.size


def batches(images, labels):
    return mx.io.NDArrayIter(images, labels, BATCH, shuffle=True)


def fit(symbol, images, labels, fixed=(), **kwargs):
    module = mx.mod.Module(symbol, context=mx.cpu(), fixed_param_names=list(fixed))
    module.fit(
        batches(images, labels), eval_metric=Hits(), num_epoch=8, optimizer="sgd",
        optimizer_params={"learning_rate": 0.1, "momentum": 0.9, "rescale_grad": 1.0 / BATCH},
        initializer=mx.init.Xavier(rnd_type="gaussian", factor_type="in", magnitude=2), **kwargs
    )  # fmt: skip
    return module


def main():
    centres = np.random.uniform(0, 255, (CLASSES, 3, SIZE, SIZE))
    labels = np.arange(96) % CLASSES
    noise = np.random.normal(0, 20, (96, 3, SIZE, SIZE))
    images = np.clip(centres[labels] + noise, 0, 255).astype(np.uint8)
    module = fit(network(), images, labels)
    score = dict(module.score(batches(images, labels), Hits()))["hits"]
    assert score > 0.9, score

    with tempfile.TemporaryDirectory() as folder:
        prefix = os.path.join(folder, "net")
        module.save_checkpoint(prefix, 8)
        symbol, args, aux = mx.model.load_checkpoint(prefix, 8)
    inner = symbol.get_internals()
    assert [n for n in inner.list_outputs() if n.startswith("_plus")] == [
        "_plus0_output",
        "_plus1_output",
    ]
    features = mx.sym.Flatten(inner["_plus1_output"])
    head = mx.sym.FullyConnected(features, num_hidden=2, name="fc_new")
    head = mx.sym.SoftmaxOutput(head, name="softmax")
    frozen = [n for n in args if n.startswith("u")]
    tuned = fit(
        head, images, labels % 2, frozen, arg_params=args, aux_params=aux, allow_missing=True
    )
    for name in frozen:
        assert (tuned.get_params()[0][name].asnumpy() == args[name].asnumpy()).all(), name

    params = dict(tuned.get_params()[0], unused_weight=mx.nd.ones((3,)))
    server = mx.mod.Module(head, label_names=None)
    server.bind(data_shapes=[("data", (1, 3, SIZE, SIZE))], for_training=False)
    server.set_params(params, aux, allow_missing=True, allow_extra=True)
    right = 0
    for image, label in zip(images, labels, strict=True):
        server.forward(Batch([mx.nd.array(image[None])]), is_train=False)
        right += int(server.get_outputs()[0].asnumpy().argmax() == label % 2)
    assert right > 86, right
    print("fine_tune ok")


if __name__ == "__main__":
    main()
