"""A detector with a grid of cells, hybrid blocks with constants, and attention over its boxes."""

import mxnet as mx
import numpy as np
from mxnet import autograd, gluon, nd
from mxnet.gluon import nn

np.random.seed(2)
mx.random.seed(2)
SIDE, CELL = 32, 8


def conv(channels, stride):
    cell = nn.HybridSequential(prefix="")
    cell.add(nn.Conv2D(channels, 3, strides=stride, padding=1, use_bias=False))
    cell.add(nn.BatchNorm(epsilon=1e-5, momentum=0.9))
    cell.add(nn.LeakyReLU(0.1))
    return cell


class Output(gluon.HybridBlock):
    def __init__(self, classes, anchor, stride, alloc=(16, 16), **kwargs):
        super().__init__(**kwargs)
        self._classes, self._stride = classes, stride
        with self.name_scope():
            self.prediction = nn.Conv2D(5 + classes, kernel_size=1)
            self.anchors = self.params.get_constant("anchor", np.array(anchor).reshape(1, 1, 2))
            x, y = np.meshgrid(np.arange(alloc[1]), np.arange(alloc[0]))
            offsets = np.stack([x, y], axis=-1)[None, None]
            self.offsets = self.params.get_constant("offset", offsets)

    def reset_class(self, classes):
        self._clear_cached_op()
        old = self.prediction
        context = list(old.params.values())[0].list_ctx()
        channels = list(old.params.values())[0].shape[1]
        self._classes = classes
        self.prediction = nn.Conv2D(
            5 + classes, kernel_size=1, in_channels=channels, prefix=old.prefix
        )
        self.prediction.initialize(ctx=context)

    def hybrid_forward(self, F, x, anchors, offsets):
        pred = self.prediction(x).reshape((0, 5 + self._classes, -1)).transpose(axes=(0, 2, 1))
        centre = pred.slice_axis(axis=-1, begin=0, end=2)
        scale = pred.slice_axis(axis=-1, begin=2, end=4)
        found = pred.slice_axis(axis=-1, begin=4, end=5)
        classes = pred.slice_axis(axis=-1, begin=5, end=None)
        offsets = F.slice_like(offsets, x * 0, axes=(2, 3)).reshape((1, -1, 2))
        centre = F.broadcast_add(F.sigmoid(centre), offsets) * self._stride
        half = F.broadcast_mul(F.exp(scale), anchors) / 2.0
        boxes = F.concat(centre - half, centre + half, dim=-1)
        if autograd.is_training():
            return boxes, found, classes
        scores = F.broadcast_mul(F.softmax(classes), F.sigmoid(found))
        best = F.argmax(scores, axis=-1, keepdims=True)
        rows = F.concat(best, F.max(scores, axis=-1, keepdims=True), boxes, dim=-1)
        return F.contrib.box_nms(
            rows, overlap_thresh=0.45, valid_thresh=0.05, topk=8, id_index=0, score_index=1,
            coord_start=2,
        )  # fmt: skip


class Detector(gluon.HybridBlock):
    def __init__(self, classes, **kwargs):
        super().__init__(**kwargs)
        with self.name_scope():
            self.body = nn.HybridSequential()
            self.body.add(conv(8, 2), conv(16, 2), conv(16, 2))
            self.output = Output(classes, (10, 10), CELL)

    def hybrid_forward(self, F, x):
        return self.output(self.body(x))


class Summary(gluon.HybridBlock):
    """Means of rows up to a length, by attention with equal scores."""

    def hybrid_forward(self, F, rows, length):
        scores = F.batch_dot(rows, rows, transpose_b=True) * 0
        length = F.broadcast_axis(F.expand_dims(length, axis=1), axis=1, size=8).astype("int32")
        return F.batch_dot(F.softmax(scores, length=length, use_length=True, axis=-1), rows)


def scenes(count):
    images, boxes = np.zeros((count, 1, SIDE, SIDE)), np.zeros((count, 4))
    for i in range(count):
        w = np.random.randint(8, 13)
        x, y = np.random.randint(0, SIDE - w, 2)
        images[i, 0, y : y + w, x : x + w] = 1
        boxes[i] = x, y, x + w, y + w
    return nd.array(images), boxes


def main():
    images, boxes = scenes(48)
    cells = ((boxes[:, 1] + boxes[:, 3]) // (2 * CELL) * (SIDE // CELL)).astype(int)
    cells = cells + ((boxes[:, 0] + boxes[:, 2]) // (2 * CELL)).astype(int)
    target = nd.one_hot(nd.array(cells), (SIDE // CELL) ** 2).expand_dims(axis=-1)
    truth = nd.array(boxes).expand_dims(axis=1)
    net = Detector(1)
    net.initialize(mx.init.Xavier())
    net.hybridize()
    for _, param in net.collect_params(".*gamma|.*beta|.*bias").items():
        param.wd_mult = 0.0
    trainer = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 0.01, "wd": 1e-4})
    entropy, distance = gluon.loss.SigmoidBinaryCrossEntropyLoss(), gluon.loss.L1Loss()
    for _ in range(100):
        with autograd.record():
            found, objects, _ = net(images)
            loss = entropy(objects, target) * 16
            loss = loss + distance(found, truth.broadcast_like(found), target * 16) * 0.2
        loss.backward()
        trainer.step(len(boxes))
    net.hybridize()
    best = net(images)[:, 0].asnumpy()
    near = np.abs(best[:, 2:] - boxes).max(axis=1) < 4
    assert near.mean() > 0.7, near.mean()

    net.output.reset_class(3)
    net.hybridize()
    assert net(images[0:2]).shape == (2, 16, 6)
    rows = nd.random.normal(shape=(2, 8, 3))
    summary = Summary()
    for hybrid in (False, True):
        summary.hybridize(hybrid)
        mean = summary(rows, nd.array([2, 8]))[0, 0]
        np.testing.assert_allclose(
            mean.asnumpy(), rows[0, :2].asnumpy().mean(axis=0), rtol=1e-4, atol=1e-6
        )
    print("grid_detector ok")


if __name__ == "__main__":
    main()
