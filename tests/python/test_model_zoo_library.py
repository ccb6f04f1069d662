"""Networks for texts, segmentation, recommendation, detection and speech: what they promise, and
that they learn."""

import json
import tempfile

import numpy as np
import pytest

import plait as mx
from plait import autograd, gluon
from plait.gluon.model_zoo import detection, recommendation, segmentation, speech, text
from plait.gluon.model_zoo.text import search

SMALL = {"units": 16, "num_layers": 2, "num_heads": 4, "dropout": 0.0}


def ready(net):
    net.initialize(mx.init.Xavier())
    return net


def tokens(n, length, vocab=20):
    return mx.nd.array(np.random.randint(0, vocab, (n, length)))


def arrays(x):
    return x if isinstance(x, (tuple, list)) else (x,)


def same_hybridized(net, *inputs):
    """The results of a network, which are the same eager, hybridized, and exported."""
    eager = net(*inputs)
    net.hybridize()
    compiled = net(*inputs)
    with tempfile.TemporaryDirectory() as folder:
        net.export(f"{folder}/net")
        names = ["data"] if len(inputs) == 1 else [f"data{i}" for i in range(len(inputs))]
        loaded = gluon.SymbolBlock.imports(
            f"{folder}/net-symbol.json", names, f"{folder}/net-0000.params"
        )
        exported = loaded(*inputs)
    for a, b, c in zip(arrays(eager), arrays(compiled), arrays(exported), strict=True):
        np.testing.assert_allclose(a.asnumpy(), b.asnumpy(), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(a.asnumpy(), c.asnumpy(), rtol=1e-4, atol=1e-5)
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


def published(folder, units=8, layers=2, **changes):
    """A folder with small weights of BERT under the names of published ones."""
    sizes = {
        "vocab_size": 20, "hidden_size": units, "intermediate_size": 12, "num_attention_heads": 2,
        "num_hidden_layers": layers, "max_position_embeddings": 10, "type_vocab_size": 2,
    }  # fmt: skip
    shapes = {
        "embeddings.word_embeddings": (20, units),
        "embeddings.position_embeddings": (10, units),
        "embeddings.token_type_embeddings": (2, units),
    }
    arrays = {f"bert.{k}.weight": mx.nd.random.normal(shape=v) for k, v in shapes.items()}
    dense = {"bert.pooler.dense": (units, units)}
    norms = ["bert.embeddings.LayerNorm"]
    for i in range(layers):
        layer = f"bert.encoder.layer.{i}"
        for part in ("self.query", "self.key", "self.value", "output.dense"):
            dense[f"{layer}.attention.{part}"] = (units, units)
        dense[f"{layer}.intermediate.dense"] = (12, units)
        dense[f"{layer}.output.dense"] = (units, 12)
        norms += [f"{layer}.attention.output.LayerNorm", f"{layer}.output.LayerNorm"]
    for name, shape in dense.items():
        arrays[f"{name}.weight"] = mx.nd.random.normal(shape=shape)
        arrays[f"{name}.bias"] = mx.nd.random.normal(shape=shape[:1])
    for name in norms:
        arrays[f"{name}.gamma"] = mx.nd.random.normal(shape=(units,))
        arrays[f"{name}.beta"] = mx.nd.random.normal(shape=(units,))
    arrays["cls.predictions.bias"] = mx.nd.zeros((20,))  # BERT here has no such part
    arrays.update(changes)
    (folder / "config.json").write_text(json.dumps(sizes))
    left = {k: v for k, v in arrays.items() if v is not None}
    gluon.formats.save_arrays(str(folder / "model.safetensors"), left)
    return left


def test_published_weights_of_bert(tmp_path):
    arrays = published(tmp_path)
    net = text.load_bert(str(tmp_path))
    layer = net.encoder._layers[1]
    for name, parameter in (
        ("embeddings.position_embeddings.weight", net.place.weight),
        ("encoder.layer.1.attention.self.key.bias", layer.attention.key.bias),
        ("encoder.layer.1.attention.output.LayerNorm.gamma", layer.norm.gamma),
        ("encoder.layer.1.output.dense.weight", layer.feed_forward.outer.weight),
        ("encoder.layer.1.output.LayerNorm.beta", layer.feed_forward_norm.beta),
    ):
        np.testing.assert_array_equal(parameter.data().asnumpy(), arrays[f"bert.{name}"].asnumpy())
    net(tokens(1, 4), mx.nd.zeros((1, 4)), mx.nd.array([4]))
    for name, value, kind, message in (
        ("bert.pooler.dense.bias", None, OSError, "has no weights for bertmodel.*pooler_bias"),
        ("bert.pooler.dense.bias", mx.nd.zeros((3,)), OSError, r"shape \(3,\), must have \(8,\)"),
        ("bert.encoder.layer.2.output.dense.bias", mx.nd.zeros((8,)), OSError, "layer.2"),
    ):
        published(tmp_path, **{name: value})
        with pytest.raises(kind, match=message):
            text.load_bert(str(tmp_path))
    for content in ("{", "[]", '{"vocab_size": 3}', '{"hidden_act": "relu"}'):
        (tmp_path / "config.json").write_text(content)
        with pytest.raises(ValueError, match="config.json|hidden_act"):
            text.load_bert(str(tmp_path))


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
    assert net.generate(data[:, :6], 6).asnumpy()[0].tolist() == [*range(5), *range(5), 0, 1]
    longer = net.generate(data[:, :6], 20, temperature=0.1, top_k=1).asnumpy()[0]
    assert len(longer) == 26  # beyond max_length
    assert longer[:20].tolist() == (np.arange(20) % 5).tolist()


def test_gpt_goes_on_step_by_step_as_at_once():
    net = ready(text.GPT(20, max_length=10, **SMALL))
    x = tokens(2, 10)
    whole = net(x).asnumpy()
    scores, state = net.start(x[:, :4])
    np.testing.assert_allclose(scores.asnumpy(), whole[:, :4], atol=1e-5)
    for i in range(4, 10):
        scores, state = net.step(x[:, i], state)
        np.testing.assert_allclose(scores.asnumpy(), whole[:, i], rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="length 11, must be at most 10"):
        net.step(x[:, 0], state)
    with pytest.raises(ValueError, match="length 11, must be at most 10"):
        net.start(tokens(1, 11))


def test_seq2seq_learns_to_turn_texts_around():
    net = ready(text.Seq2SeqTransformer(8, 8, max_length=12, **SMALL))
    source = np.random.randint(2, 8, (16, 4))
    length = mx.nd.full((16,), 4)
    start, end = 0, 1
    target = np.concatenate([np.full((16, 1), start), source[:, ::-1], np.full((16, 1), end)], 1)
    inputs = [mx.nd.array(source), length, mx.nd.array(target[:, :-1])]
    scores = same_hybridized(net, *inputs)
    assert scores.shape == (16, 5, 8)
    loss = gluon.loss.SoftmaxCrossEntropyLoss()
    first, last = train(net, inputs, mx.nd.array(target[:, 1:]), loss, 120, rate=0.01)
    assert last < 0.1 * first
    for beam in (1, 3):
        found = net.translate(mx.nd.array(source), length, start, end, beam=beam)
        assert found == source[:, ::-1].tolist()


def test_beams_find_what_greed_misses():
    # After token 1 all is likely to end badly; 2 begins the likeliest whole sequence.
    after = {(): [0, 0.6, 0.4], (1,): [0.3, 0.4, 0.3], (2,): [0.9, 0.05, 0.05]}

    def run(beam):
        beams, rows = search.Beams(2, beam, 0, 0.0), [()] * 2 * beam
        while not beams.done and max(map(len, rows)) < 4:
            chances = np.array([after.get(r, [0.3, 0.4, 0.3]) for r in rows])
            with np.errstate(divide="ignore"):
                origin, token = beams.advance(np.log(chances))
            rows = [(*rows[o], int(t)) for o, t in zip(origin, token, strict=True)]
        return beams.best()

    assert run(3) == [[2], [2]]
    assert run(1)[0][0] == 1
    wide = search.Beams(1, 5, 0, 0.0)  # more rows than tokens
    rows, tokens = wide.advance(np.log(np.tile([0.5, 0.3, 0.2], (5, 1))))
    assert tokens[:2].tolist() == [1, 2] and (rows == 0).all()


def test_seq2seq_beams_are_at_least_as_likely_as_greed():
    net = ready(text.Seq2SeqTransformer(8, 8, max_length=6, **SMALL))
    source, length = tokens(3, 5, 8), mx.nd.array([5, 4, 3])

    def chance(target):
        out = []
        for i, sequence in enumerate(target):
            whole = [0, *sequence, 1][:4]  # a longest one has no end
            scores = net(source[i : i + 1], length[i : i + 1], mx.nd.array([whole[:-1]]))
            steps = scores.log_softmax(axis=2)[0].asnumpy()
            out.append(sum(steps[k, token] for k, token in enumerate(whole[1:])))
        return np.array(out)

    # Enough beams for all sequences of two tokens.
    greedy, beams = (
        net.translate(source, length, 0, 1, 3, beam, length_penalty=0.0) for beam in (1, 64)
    )
    assert (chance(beams) >= chance(greedy) - 1e-4).all()
    with pytest.raises(ValueError, match="beam is 0"):
        net.translate(source, length, 0, 1, beam=0)


def test_seq2seq_does_not_look_beyond_the_source():
    net = ready(text.Seq2SeqTransformer(8, 8, max_length=12, **SMALL))
    source, target, length = tokens(2, 6, 8), tokens(2, 5, 8), mx.nd.array([6, 3])
    other = source.copy()
    other[1, 3:] = 7
    a, b = (net(x, length, target).asnumpy() for x in (source, other))
    np.testing.assert_allclose(a, b, atol=1e-5)


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


def squares(n, size=32):
    """Pictures of one bright square each, and its box."""
    images = np.random.uniform(0, 0.1, (n, 3, size, size)).astype("float32")
    labels = np.full((n, 2, 5), -1, "float32")
    for i in range(n):
        side, kind = np.random.randint(8, 14), i % 2
        x, y = np.random.randint(0, size - side, 2)
        images[i, kind, y : y + side, x : x + side] = 1
        labels[i, 0] = kind, x / size, y / size, (x + side) / size, (y + side) / size
    return mx.nd.array(images), mx.nd.array(labels)


def overlap(a, b):
    common = np.prod(np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0))
    return common / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - common)


def check_detector(net, x, labels):
    """Class and place of the likeliest box of each picture."""
    best = [rows[rows[:, 1].argmax()] for rows in net.detect(x).asnumpy()]
    true = labels.asnumpy()[:, 0]
    assert [b[0] for b in best] == true[:, 0].tolist()
    assert np.mean([overlap(b[2:], t[1:]) for b, t in zip(best, true, strict=True)]) > 0.5


def train_detector(net, steps, rate, step_loss):
    trainer = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": rate})
    losses = []
    for _ in range(steps):
        with autograd.record():
            loss = step_loss().mean()
        loss.backward()
        trainer.step(1)
        losses.append(loss.asscalar())
    return losses[0], losses[-1]


def test_ssd_learns_to_find_squares():
    x, labels = squares(8)
    sizes = dict(sizes=((0.3, 0.4), (0.5, 0.6)), ratios=((1,), (1,)))
    net = ready(detection.SSD(2, base_channels=(8, 16), channels=(16,), **sizes))
    anchors, scores, offsets = same_hybridized(net, x)
    assert anchors.shape == (1, 160, 4) and scores.shape == (8, 160, 3)
    assert offsets.shape == (8, 640)
    loss_of = detection.SSDLoss()

    def step():
        anchors, scores, offsets = net(x)
        with autograd.pause():
            offset_target, mask, classes = net.targets(anchors, scores, labels)
        return loss_of(scores, offsets, classes, offset_target, mask)

    first, last = train_detector(net, 60, 0.01, step)
    assert last < 0.2 * first
    with autograd.train_mode():  # so few steps leave the running means behind
        check_detector(net, x, labels)
    with pytest.raises(ValueError, match="sizes and ratios have 1 and 4 entries, must have 4"):
        detection.SSD(2, sizes=((0.1,),))


def test_yolo_learns_to_find_squares():
    x, labels = squares(8)
    anchors = (((0.4, 0.4),), ((0.25, 0.25),))
    net = ready(detection.YOLO(2, channels=(8, 16, 16), anchors=anchors))
    out = same_hybridized(net, x)
    assert out.shape == (8, 4 * 4 + 8 * 8, 7)
    targets = net.targets(labels, 32, 32)
    assert targets[1].sum().asscalar() == 8
    loss_of = detection.YOLOLoss()
    first, last = train_detector(net, 150, 0.01, lambda: loss_of(net(x), *targets))
    assert last < 0.2 * first
    with autograd.train_mode():
        check_detector(net, x, labels)
    with pytest.raises(ValueError, match="anchors has 3 entries, must have 1 to 2"):
        detection.YOLO(2, channels=(8, 16))


def test_yolo_loss_is_nothing_where_all_is_right():
    target = mx.nd.array([[[0.5, 0.5, 0.2, 0.4]]])
    sure = mx.nd.array([[[0.5, 0.5, 0.2, 0.4, 40, 40, -40]]])
    mask, kinds = mx.nd.ones((1, 1, 1)), mx.nd.array([[[1, 0]]])
    assert abs(detection.YOLOLoss()(sure, target, mask, kinds).asscalar()) < 1e-6
    apart = mx.nd.array([[[0.9, 0.5, 0.2, 0.4, 40, 40, -40]]])
    # hull 0.6 x 0.4, union 2 x 0.08: 1 - 0 + (0.24 - 0.16) / 0.24, over two
    loss = detection.YOLOLoss()(apart, target, mask, kinds).asscalar()
    assert abs(loss - (1 + 1 / 3) / 2) < 1e-5


def learn_lines(net, x, steps, rate):
    label = np.array([[0, 1, 2], [2, 1, 0], [1, 1, 2], [0, 0, 1]], "float32")
    loss = gluon.loss.CTCLoss(layout="NTC", label_layout="NT")
    first, last = train(net, [x], mx.nd.array(label), loss, steps, rate)
    assert last < 0.1 * first
    with autograd.train_mode():
        assert speech.ctc_decode(net(x)) == label.astype(int).tolist()


def test_deep_speech_learns_sounds():
    net = ready(speech.DeepSpeech(4, features=12, channels=4, units=16, num_layers=1))
    x = mx.nd.random.normal(shape=(4, 20, 12))
    assert same_hybridized(net, x).shape == (4, net.output_length(20), 4)
    learn_lines(net, x, 60, 0.02)


def test_crnn_learns_lines():
    net = ready(speech.CRNN(4, height=8, channels=(4, 8), units=16))
    x = mx.nd.random.normal(shape=(4, 1, 8, 40))
    assert same_hybridized(net, x).shape == (4, 10, 4)
    learn_lines(net, x, 150, 0.02)
    with pytest.raises(ValueError, match="height is 7"):
        speech.CRNN(4, height=7)


def test_ctc_decode():
    scores = mx.nd.one_hot(mx.nd.array([[0, 0, 3, 0, 1, 1, 3], [3, 2, 2, 3, 3, 1, 1]]), 4)
    assert speech.ctc_decode(scores) == [[0, 0, 1], [2, 1]]
    assert speech.ctc_decode(scores, lengths=[3, 5]) == [[0], [2]]
    assert speech.ctc_decode(scores, blank=0) == [[3, 1, 3], [3, 2, 3, 1]]
