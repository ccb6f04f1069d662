"""Networks for texts, segmentation and recommendation: what they promise, and that they learn."""

import numpy as np
import pytest

import plait as mx
from plait import autograd, gluon
from plait.gluon.model_zoo import recommendation, segmentation, text

SMALL = {"units": 16, "num_layers": 2, "num_heads": 4, "dropout": 0.0}


def ready(net):
    net.initialize(mx.init.Xavier())
    return net


def tokens(n, length, vocab=20):
    return mx.nd.array(np.random.randint(0, vocab, (n, length)))


def same_hybridized(net, *inputs):
    """The results of a network, which are the same eager and hybridized."""
    eager = net(*inputs)
    net.hybridize()
    for a, b in zip(
        *(x if isinstance(x, (tuple, list)) else (x,) for x in (eager, net(*inputs))), strict=True
    ):
        np.testing.assert_allclose(a.asnumpy(), b.asnumpy(), rtol=1e-4, atol=1e-5)
    return eager


def train(net, inputs, label, loss_of, steps, rate=0.01):
    """First and last loss of some steps of Adam."""
    trainer = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": rate})
    losses = []
    for _ in range(steps):
        with autograd.record():
            loss = loss_of(net(*inputs), label).mean()
        loss.backward()
        trainer.step(1)
        losses.append(loss.asscalar())
    return losses[0], losses[-1]


def test_attention_is_that_of_the_paper():
    layer = ready(text.MultiHeadAttention(6, 2))
    x = np.random.randn(1, 5, 6).astype("float32")

    def dense(block, v):
        return v @ block.weight.data().asnumpy().T + block.bias.data().asnumpy()

    query, key, value = (
        dense(f, x[0]).reshape(5, 2, 3).transpose(1, 0, 2)
        for f in (layer.query, layer.key, layer.value)
    )
    scores = np.exp(query @ key.transpose(0, 2, 1) / np.sqrt(3))
    out = (scores / scores.sum(-1, keepdims=True)) @ value
    expected = dense(layer.project, out.transpose(1, 0, 2).reshape(5, 6))
    np.testing.assert_allclose(layer(mx.nd.array(x)).asnumpy()[0], expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="units is 6, must be a multiple of 4"):
        text.MultiHeadAttention(6, 4)


def test_bert_does_not_look_beyond_the_valid_length():
    net = ready(text.BERTModel(20, max_length=10, **SMALL))
    x, segments = tokens(3, 8), mx.nd.zeros((3, 8))
    length = mx.nd.array([8, 5, 3])
    vectors, pooled = same_hybridized(net, x, segments, length)
    assert vectors.shape == (3, 8, 16) and pooled.shape == (3, 16)
    other = x.copy()
    other[1, 5:] = 7
    changed, _ = net(other, segments, length)
    np.testing.assert_allclose(changed[1, :5].asnumpy(), vectors[1, :5].asnumpy(), atol=1e-5)
    other[1, 2] = (x[1, 2] + 1) % 20
    assert np.abs((net(other, segments, length)[0][1, :2] - vectors[1, :2]).asnumpy()).max() > 1e-3


def test_gpt_sees_only_what_came_before():
    net = ready(text.GPT(20, max_length=10, **SMALL))
    x = tokens(2, 8)
    scores = same_hybridized(net, x)
    assert scores.shape == (2, 8, 20)
    other = x.copy()
    other[:, 5] = (x[:, 5] + 1) % 20
    changed = net(other).asnumpy()
    np.testing.assert_allclose(changed[:, :5], scores.asnumpy()[:, :5], atol=1e-5)
    assert np.abs(changed[:, 5:] - scores.asnumpy()[:, 5:]).max(axis=(0, 2)).min() > 1e-4
    assert sum(name.endswith("token_weight") for name in net.collect_params()) == 1


def test_gpt_learns_a_sequence_and_goes_on_with_it():
    net = ready(text.GPT(5, max_length=20, **SMALL))
    net.hybridize()
    line = np.arange(21) % 5
    data, label = mx.nd.array(line[None, :-1]), mx.nd.array(line[None, 1:])
    first, last = train(net, [data], label, gluon.loss.SoftmaxCrossEntropyLoss(), 60)
    assert last < 0.1 < first
    assert net.generate(data[:, :6], 6).asnumpy()[0].tolist() == [
        0,
        1,
        2,
        3,
        4,
        0,
        1,
        2,
        3,
        4,
        0,
        1,
    ]


def test_textcnn_learns_which_word_is_there():
    net = ready(text.TextCNN(20, 2, units=16, channels=8, dropout=0.0))
    x = np.random.randint(0, 19, (32, 12))
    label = np.arange(32) % 2
    x[label == 1, 4] = 19
    assert same_hybridized(net, mx.nd.array(x)).shape == (32, 2)
    loss = gluon.loss.SoftmaxCrossEntropyLoss()
    first, last = train(net, [mx.nd.array(x)], mx.nd.array(label), loss, 40)
    assert last < 0.1 * first


def test_unet_keeps_the_size_and_learns_a_threshold():
    net = ready(segmentation.UNet(2, channels=(4, 8, 16)))
    x = mx.nd.random.normal(shape=(2, 3, 16, 24))
    assert same_hybridized(net, x).shape == (2, 2, 16, 24)
    loss = gluon.loss.SoftmaxCrossEntropyLoss(axis=1)
    first, last = train(net, [x], x[:, 0] > 0, loss, 25, rate=0.02)
    assert last < 0.5 * first


def test_recommenders_learn_who_likes_what():
    users, items = (mx.nd.array(np.random.randint(0, 10, 64)) for _ in range(2))
    label = (users + items) % 2
    loss = gluon.loss.SigmoidBinaryCrossEntropyLoss()
    net = ready(recommendation.NeuMF(10, 10, layers=(16, 8)))
    assert same_hybridized(net, users, items).shape == (64,)
    first, last = train(net, [users, items], label, loss, 60, rate=0.02)
    assert last < 0.3 * first
    net = ready(recommendation.DLRM([10, 10], units=8, bottom=(8,), top=(16,)))
    numbers, categories = mx.nd.random.normal(shape=(64, 3)), mx.nd.stack(users, items, axis=1)
    assert same_hybridized(net, numbers, categories).shape == (64,)
    first, last = train(net, [numbers, categories], label, loss, 60, rate=0.02)
    assert last < 0.5 * first
    with pytest.raises(ValueError, match="layers begins with 7"):
        recommendation.NeuMF(2, 2, layers=(7, 4))
