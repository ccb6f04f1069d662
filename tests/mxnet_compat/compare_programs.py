"""Programs in the manner of MXNet's examples: the same text under plait and MXNet 1.9.1.

    python tests/mxnet_compat/compare_programs.py

Parameters and data are drawn by NumPy, so that losses and weights can be compared number by number.
MXNET_PYTHON names the Python that has MXNet.
"""

import json
import os
import sys
import tempfile

import numpy as np
import oracle


def drawn(shape, seed=0, low=-1.0, high=1.0):
    return np.random.RandomState(seed).uniform(low, high, shape).astype("float32")


def ready(mx, block, *shapes, hybridize=True):
    """Initialise a block with numbers that depend on the order of its parameters only."""
    block.initialize(mx.init.Zero())
    block(*(mx.nd.zeros(shape) for shape in shapes))
    for seed, param in enumerate(block.collect_params().values()):
        width = (6.0 / max(int(np.prod(param.shape[1:])), 4)) ** 0.5
        values = drawn(param.shape, seed, -width, width)
        if "running" in param.name or "gamma" in param.name:
            values = np.abs(values) + 0.5
        param.set_data(mx.nd.array(values))
    if hybridize:
        block.hybridize()
    return block


def weights(block):
    return [param.data().asnumpy() for param in block.collect_params().values()]


def numbers(arrays):
    return [array.asnumpy() for array in arrays]


# --- Gluon ----------------------------------------------------------------------------------------


def adversarial_networks(mx):
    """A generator and a discriminator, each with its trainer."""
    nn, nd, autograd = mx.gluon.nn, mx.nd, mx.autograd
    make, judge = nn.HybridSequential(), nn.HybridSequential()
    make.add(nn.Conv2DTranspose(8, 4, 1, 0, use_bias=False), nn.BatchNorm(), nn.Activation("relu"),
             nn.Conv2DTranspose(1, 4, 2, 1), nn.Activation("tanh"))  # fmt: skip
    judge.add(nn.Conv2D(8, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2D(1, 4, 1, 0, use_bias=False))
    ready(mx, make, (2, 5, 1, 1))
    ready(mx, judge, (2, 1, 8, 8))
    loss = mx.gluon.loss.SigmoidBinaryCrossEntropyLoss()
    trainers = [
        mx.gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 0.01, "beta1": 0.5})
        for net in (make, judge)
    ]
    seen = []
    for step in range(5):
        real, noise = nd.array(drawn((4, 1, 8, 8), step)), nd.array(drawn((4, 5, 1, 1), step + 9))
        with autograd.record():
            bad = judge(make(noise).detach()).reshape((-1, 1))
            good = judge(real).reshape((-1, 1))
            lost = loss(good, nd.ones((4,))) + loss(bad, nd.zeros((4,)))
        lost.backward()
        trainers[1].step(4)
        with autograd.record():
            fooled = loss(judge(make(noise)).reshape((-1, 1)), nd.ones((4,)))
        fooled.backward()
        trainers[0].step(4)
        seen.append([lost.asnumpy(), fooled.asnumpy()])
    return [seen, make(noise).asnumpy()]


def variational_autoencoder(mx):
    nn, nd = mx.gluon.nn, mx.nd

    class VAE(mx.gluon.HybridBlock):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            with self.name_scope():
                self.encoder = nn.HybridSequential(prefix="enc_")
                self.encoder.add(nn.Dense(16, activation="softrelu"), nn.Dense(6))
                self.decoder = nn.HybridSequential(prefix="dec_")
                self.decoder.add(nn.Dense(16, activation="tanh"), nn.Dense(12))

        def hybrid_forward(self, F, x, noise):
            mu, lv = F.split(self.encoder(x), axis=1, num_outputs=2)
            y = F.sigmoid(self.decoder(mu + F.exp(0.5 * lv) * noise))
            kl = 0.5 * F.sum(1 + lv - mu * mu - F.exp(lv), axis=1)
            likely = F.sum(x * F.log(y + 1e-6) + (1 - x) * F.log(1 - y + 1e-6), axis=1)
            return -(likely + kl)

    net = ready(mx, VAE(), (2, 12), (2, 3))
    trainer = mx.gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 0.01})
    seen = []
    for step in range(6):
        x = nd.array(drawn((8, 12), step, 0, 1)).round()
        with mx.autograd.record():
            loss = net(x, nd.array(drawn((8, 3), step + 50)))
        loss.backward()
        trainer.step(8)
        seen.append(loss.asnumpy())
    return [seen, weights(net)]


def style_transfer(mx):
    """The pixels are trained: features, Gram matrices, total variation."""
    nd = mx.nd
    net = mx.gluon.nn.HybridSequential()
    for channels in (4, 8):
        net.add(mx.gluon.nn.Conv2D(channels, 3, padding=1, activation="relu"))
        net.add(mx.gluon.nn.AvgPool2D())
    ready(mx, net, (1, 3, 16, 16))

    def gram(x):
        flat = x.reshape((x.shape[1], -1))
        return nd.dot(flat, flat.T) / (x.shape[1] * flat.shape[1])

    style = gram(net(nd.array(drawn((1, 3, 16, 16), 1))))
    content = net(nd.array(drawn((1, 3, 16, 16), 2)))
    image = mx.gluon.Parameter("image", shape=(1, 3, 16, 16))
    image.initialize()
    image.set_data(nd.array(drawn((1, 3, 16, 16), 3)))
    trainer = mx.gluon.Trainer([image], "adam", {"learning_rate": 0.05})
    seen = []
    for _ in range(6):
        with mx.autograd.record():
            x = image.data()
            features = net(x)
            loss = 10 * nd.square(gram(features) - style).sum()
            loss = loss + nd.square(features - content).mean()
            loss = loss + 0.01 * (nd.abs(x[:, :, 1:, :] - x[:, :, :-1, :]).mean()
                                  + nd.abs(x[:, :, :, 1:] - x[:, :, :, :-1]).mean())  # fmt: skip
        loss.backward()
        trainer.step(1)
        seen.append(loss.asscalar())
    return [np.array(seen), image.data().asnumpy()]


def factors_of_ratings(mx):
    """Matrix factorisation with sparse gradients."""

    class Factors(mx.gluon.Block):
        def __init__(self, users, items, size):
            super().__init__()
            self.user = mx.gluon.nn.Embedding(users, size, sparse_grad=True)
            self.item = mx.gluon.nn.Embedding(items, size, sparse_grad=True)

        def forward(self, user, item):
            return (self.user(user) * self.item(item)).sum(axis=1)

    net = ready(mx, Factors(9, 7, 3), (2,), (2,), hybridize=False)
    trainer = mx.gluon.Trainer(
        net.collect_params(), "sgd", {"learning_rate": 0.3, "momentum": 0.9, "wd": 0.001}
    )
    data = mx.gluon.data.ArrayDataset(
        drawn((30,), 1, 0, 9).astype("int32"), drawn((30,), 2, 0, 7).astype("int32"),
        drawn((30,), 3, 1, 5),
    )  # fmt: skip
    loss, seen = mx.gluon.loss.L2Loss(), []
    for user, item, score in mx.gluon.data.DataLoader(data, 5):
        with mx.autograd.record():
            lost = loss(net(user, item), score)
        lost.backward()
        trainer.step(5)
        seen.append(lost.asnumpy())
    return [seen, weights(net)]


def deep_q(mx):
    """Two networks, one a copy of the other; targets by pick and max."""
    nn, nd = mx.gluon.nn, mx.nd

    def network():
        net = nn.HybridSequential()
        net.add(nn.Dense(16, activation="relu"), nn.Dense(3))
        return ready(mx, net, (2, 4))

    net, target = network(), network()
    loss, seen = mx.gluon.loss.HuberLoss(), []
    trainer = mx.gluon.Trainer(net.collect_params(), "rmsprop", {"learning_rate": 0.005})
    with tempfile.TemporaryDirectory() as folder:
        for step in range(6):
            state, after = nd.array(drawn((8, 4), step)), nd.array(drawn((8, 4), step + 20))
            action = nd.array(drawn((8,), step, 0, 3).astype("int32"))
            reward = nd.array(drawn((8,), step + 40))
            with mx.autograd.record():
                value = nd.pick(net(state), action, 1)
                best = nd.max(target(after), axis=1).detach()
                lost = loss(value, reward + 0.9 * best)
            lost.backward()
            trainer.step(8)
            seen.append(lost.asnumpy())
            if step % 2:
                net.save_parameters(f"{folder}/q.params")
                target.load_parameters(f"{folder}/q.params")
    return [seen, weights(target)]


def policy_gradient(mx):
    """REINFORCE: rewards weigh the log probabilities of what was done."""
    nd = mx.nd
    net = mx.gluon.nn.HybridSequential()
    net.add(mx.gluon.nn.Dense(8, activation="relu"), mx.gluon.nn.Dense(3))
    ready(mx, net, (1, 4))
    trainer = mx.gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 0.02})
    seen = []
    for episode in range(4):
        states, logs, returns = drawn((6, 4), episode), [], 0.0
        with mx.autograd.record():
            for t in range(6):
                shares = nd.softmax(net(nd.array(states[t : t + 1])))
                action = int(shares.asnumpy()[0].argmax())
                logs.append(nd.log(shares[0, action]))
            discounted = []
            for t in range(6):
                returns = float(states[5 - t].sum()) + 0.9 * returns
                discounted.insert(0, returns)
            loss = sum(-log * value for log, value in zip(logs, discounted))  # noqa: B905
        loss.backward()
        trainer.step(6)
        seen.append(loss.asscalar())
    return [np.array(seen), weights(net)]


def sentence_classifier(mx):
    """Text CNN: windows of several widths over embedded words, max over time."""
    nn, nd = mx.gluon.nn, mx.nd

    class TextCNN(mx.gluon.HybridBlock):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            with self.name_scope():
                self.embedding = nn.Embedding(20, 6)
                self.convs = nn.HybridSequential()
                for width in (2, 3):
                    self.convs.add(nn.Conv1D(5, width, activation="relu"))
                self.pool = nn.GlobalMaxPool1D()
                self.out = nn.Dense(2)

        def hybrid_forward(self, F, x):
            x = self.embedding(x).transpose((0, 2, 1))
            found = [F.flatten(self.pool(conv(x))) for conv in self.convs]
            return self.out(F.concat(*found, dim=1))

    net = ready(mx, TextCNN(), (2, 9))
    trainer = mx.gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 0.01, "wd": 1e-3})
    loss, metric, seen = mx.gluon.loss.SoftmaxCrossEntropyLoss(), mx.metric.Accuracy(), []
    for step in range(5):
        words = nd.array(drawn((8, 9), step, 0, 20).astype("int32"))
        labels = nd.array(drawn((8,), step, 0, 2).astype("int32"))
        with mx.autograd.record():
            out = net(words)
            lost = loss(out, labels)
        lost.backward()
        trainer.step(8)
        metric.update([labels], [out])
        seen.append(lost.asnumpy())
    return [seen, metric.get()[1], weights(net)]


def capsules(mx):
    """Routing by agreement between capsules."""
    nd = mx.nd

    def squash(x, axis):
        norm = nd.sum(nd.square(x), axis=axis, keepdims=True)
        return norm / (1 + norm) * x / nd.sqrt(norm + 1e-9)

    class Capsules(mx.gluon.Block):
        def __init__(self):
            super().__init__()
            self.conv = mx.gluon.nn.Conv2D(8, 3, 2)
            self.weight = self.params.get("weight", shape=(1, 18, 3, 4, 4))

        def forward(self, x):
            u = squash(self.conv(x).reshape((0, 4, -1)).transpose((0, 2, 1)), 2)
            u = u.expand_dims(2).expand_dims(4)
            w = nd.broadcast_axis(self.weight.data(), axis=0, size=x.shape[0])
            u = nd.linalg.gemm2(w, nd.broadcast_axis(u, axis=2, size=3))
            b = nd.zeros((x.shape[0], 18, 3, 1, 1))
            for _ in range(3):
                v = squash((nd.softmax(b, axis=2) * u).sum(axis=1, keepdims=True), 3)
                b = b + (u * v).sum(axis=3, keepdims=True)
            return nd.sqrt(nd.square(v).sum(axis=(1, 3, 4)) + 1e-9)

    net = ready(mx, Capsules(), (1, 1, 8, 8), hybridize=False)
    trainer = mx.gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 0.01})
    seen = []
    for step in range(4):
        x, y = nd.array(drawn((4, 1, 8, 8), step)), nd.one_hot(nd.array([0, 1, 2, 0]), 3)
        with mx.autograd.record():
            length = net(x)
            loss = y * nd.square(nd.maximum(0.9 - length, 0))
            loss = (loss + 0.5 * (1 - y) * nd.square(nd.maximum(length - 0.1, 0))).sum(axis=1)
        loss.backward()
        trainer.step(4)
        seen.append(loss.asnumpy())
    return [seen, weights(net)]


def adversary(mx):
    """Fast gradient signs: the gradient of the data moves the data."""
    net = mx.gluon.nn.HybridSequential()
    net.add(mx.gluon.nn.Conv2D(4, 3, activation="relu"), mx.gluon.nn.MaxPool2D(),
            mx.gluon.nn.Flatten(), mx.gluon.nn.Dense(3))  # fmt: skip
    ready(mx, net, (1, 1, 8, 8))
    x, y = mx.nd.array(drawn((4, 1, 8, 8))), mx.nd.array([0, 1, 2, 1])
    x.attach_grad()
    with mx.autograd.record():
        loss = mx.gluon.loss.SoftmaxCrossEntropyLoss()(net(x), y)
    loss.backward()
    moved = mx.nd.clip(x + 0.15 * mx.nd.sign(x.grad), 0, 1)
    return [loss.asnumpy(), x.grad.asnumpy(), net(moved).asnumpy()]


def captcha(mx):
    """CTC over a bidirectional LSTM, with lengths of labels."""
    nn, nd = mx.gluon.nn, mx.nd
    net = nn.HybridSequential()
    net.add(nn.Conv2D(4, 3, padding=1, activation="relu"), nn.MaxPool2D((2, 1)))
    net.add(nn.HybridLambda(lambda F, x: F.reshape(F.transpose(x, (0, 3, 1, 2)), (0, 0, -1))))
    net.add(mx.gluon.rnn.LSTM(6, 1, layout="NTC", bidirectional=True))
    net.add(nn.Dense(5, flatten=False))
    ready(mx, net, (1, 1, 8, 10), hybridize=False)
    loss = mx.gluon.loss.CTCLoss(layout="NTC", label_layout="NT")
    trainer = mx.gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1})
    seen = []
    for step in range(4):
        x = nd.array(drawn((3, 1, 8, 10), step))
        label = nd.array([[0, 1, 2], [3, 0, -1], [1, -1, -1]])
        with mx.autograd.record():
            lost = loss(net(x), label)
        lost.backward()
        trainer.step(3)
        seen.append(lost.asnumpy())
    return [seen, weights(net)]


def many_tasks(mx):
    """One body, two heads, one loss each; metrics in a composite."""

    class Heads(mx.gluon.HybridBlock):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.body = mx.gluon.nn.Dense(8, activation="relu")
            self.number, self.odd = mx.gluon.nn.Dense(4), mx.gluon.nn.Dense(1)

        def hybrid_forward(self, F, x):
            y = self.body(x)
            return self.number(y), self.odd(y)

    net = ready(mx, Heads(), (1, 6))
    trainer = mx.gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 0.02})
    first = mx.gluon.loss.SoftmaxCrossEntropyLoss()
    second = mx.gluon.loss.SigmoidBinaryCrossEntropyLoss()
    seen = []
    for step in range(4):
        x = mx.nd.array(drawn((6, 6), step))
        number = mx.nd.array(drawn((6,), step, 0, 4).astype("int32"))
        with mx.autograd.record():
            a, b = net(x)
            lost = 0.7 * first(a, number) + 0.3 * second(b, (number % 2).astype("float32"))
        lost.backward()
        trainer.step(6)
        seen.append(lost.asnumpy())
    return [seen, weights(net)]


def detection_head(mx):
    """Anchors, targets and boxes of a single-shot detector."""
    nn, nd = mx.gluon.nn, mx.nd

    class Detector(mx.gluon.HybridBlock):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.body = nn.Conv2D(8, 3, 2, 1, activation="relu")
            self.classes, self.boxes = nn.Conv2D(4 * 3, 3, 1, 1), nn.Conv2D(4 * 4, 3, 1, 1)

        def hybrid_forward(self, F, x):
            x = self.body(x)
            anchors = F.contrib.MultiBoxPrior(x, sizes=(0.3, 0.5), ratios=(1, 2, 0.5))
            found = F.flatten(F.transpose(self.classes(x), (0, 2, 3, 1)))
            shifts = F.flatten(F.transpose(self.boxes(x), (0, 2, 3, 1)))
            return anchors, F.reshape(found, (0, -1, 3)), shifts

    net = ready(mx, Detector(), (1, 3, 16, 16))
    trainer = mx.gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.2, "wd": 5e-4})
    loss, smooth = mx.gluon.loss.SoftmaxCrossEntropyLoss(), mx.gluon.loss.L1Loss()
    truth = nd.array([[[0, 0.1, 0.1, 0.5, 0.6], [-1] * 5], [[1, 0.3, 0.2, 0.9, 0.8], [-1] * 5]])
    seen = []
    for step in range(3):
        x = nd.array(drawn((2, 3, 16, 16), step))
        with mx.autograd.record():
            anchors, classes, shifts = net(x)
            with mx.autograd.pause():
                targets, masks, labels = nd.contrib.MultiBoxTarget(
                    anchors, truth, nd.transpose(classes, (0, 2, 1)), overlap_threshold=0.4,
                    negative_mining_ratio=3, negative_mining_thresh=0.5, ignore_label=-1,
                )  # fmt: skip
            keep = (labels >= 0).expand_dims(2)
            lost = loss(classes, labels, keep) + smooth(shifts * masks, targets * masks)
        lost.backward()
        trainer.step(2)
        seen.append(lost.asnumpy())
    out = nd.contrib.MultiBoxDetection(
        nd.transpose(nd.softmax(classes), (0, 2, 1)), shifts, anchors, nms_threshold=0.5,
        force_suppress=True,
    )  # fmt: skip
    return [seen, weights(net), out.asnumpy()]


# --- Module and symbols ---------------------------------------------------------------------------


def stacked_autoencoder(mx):
    """A symbol with a layer that keeps its codes sparse, trained by a Module."""
    x = mx.sym.var("data")
    code = mx.sym.sigmoid(mx.sym.FullyConnected(x, num_hidden=5, name="enc"))
    code = mx.sym.IdentityAttachKLSparseReg(
        code, sparseness_target=0.2, penalty=0.05, momentum=0.9, name="sparse"
    )
    out = mx.sym.FullyConnected(code, num_hidden=8, name="dec")
    net = mx.sym.LinearRegressionOutput(out, mx.sym.var("target"), name="out")
    rows = drawn((24, 8), 1, 0, 1)
    data = mx.io.NDArrayIter(rows, rows, 6, label_name="target")
    module = mx.mod.Module(net, label_names=["target"])
    module.bind(data.provide_data, data.provide_label)
    args = {
        "enc_weight": drawn((5, 8), 2), "enc_bias": drawn((5,), 3), "dec_weight": drawn((8, 5), 4),
        "dec_bias": drawn((8,), 5),
    }  # fmt: skip
    args = {name: mx.nd.array(value) for name, value in args.items()}
    module.init_params(None, args, {"sparse_moving_avg": mx.nd.ones((5,)) * 0.5})
    module.fit(data, num_epoch=3, eval_metric="mse", optimizer_params={"learning_rate": 0.1})
    args, aux = module.get_params()
    return [{n: a.asnumpy() for n, a in args.items()}, {n: a.asnumpy() for n, a in aux.items()}]


def support_vectors(mx):
    """Hinge losses of SVMOutput, both kinds."""
    found = []
    for linear in (True, False):
        x = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=3, name="fc")
        net = mx.sym.SVMOutput(x, name="svm", use_linear=linear, regularization_coefficient=0.5)
        labels = drawn((20,), 1, 0, 3).astype("int32").astype("float32")
        data = mx.io.NDArrayIter(drawn((20, 4)), labels, 5, label_name="svm_label")
        module = mx.mod.Module(net, label_names=["svm_label"])
        module.fit(
            data, num_epoch=2, initializer=mx.init.Constant(0.1),
            optimizer_params={"learning_rate": 0.1, "momentum": 0.9, "wd": 1e-3},
        )  # fmt: skip
        found.append(numbers(module.get_params()[0].values()))
    return found


def own_operators(mx):
    """A CustomOp as a layer of a symbol, and as a function of arrays."""

    class Softmax(mx.operator.CustomOp):
        def forward(self, is_train, req, in_data, out_data, aux):
            x = in_data[0].asnumpy()
            y = np.exp(x - x.max(axis=1, keepdims=True))
            self.assign(out_data[0], req[0], mx.nd.array(y / y.sum(axis=1, keepdims=True)))

        def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
            label = in_data[1].asnumpy().astype(int)
            y = out_data[0].asnumpy()
            y[np.arange(len(label)), label] -= 1.0
            self.assign(in_grad[0], req[0], mx.nd.array(y))

    @mx.operator.register("own_softmax")
    class SoftmaxProp(mx.operator.CustomOpProp):
        def __init__(self):
            super().__init__(need_top_grad=False)

        def list_arguments(self):
            return ["data", "label"]

        def infer_shape(self, in_shape):
            return [in_shape[0], (in_shape[0][0],)], [in_shape[0]], []

        def infer_type(self, in_type):
            return in_type, [in_type[0]], []

        def create_operator(self, ctx, shapes, dtypes):
            return Softmax()

    x = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=3, name="fc")
    net = mx.sym.Custom(x, name="softmax", op_type="own_softmax")
    labels = drawn((20,), 1, 0, 3).astype("int32").astype("float32")
    data = mx.io.NDArrayIter(drawn((20, 4)), labels, 5)
    module = mx.mod.Module(net)
    module.fit(data, num_epoch=2, initializer=mx.init.Constant(0.1),
               optimizer_params={"learning_rate": 0.1})  # fmt: skip
    a = mx.nd.array(drawn((2, 3)))
    a.attach_grad()
    with mx.autograd.record():
        y = mx.nd.Custom(a, mx.nd.array([0, 2]), op_type="own_softmax")
    y.backward()
    return [net.list_arguments(), net.list_outputs(), numbers(module.get_params()[0].values()),
            y.asnumpy(), a.grad.asnumpy()]  # fmt: skip


def profiles(mx):
    """The profiler's file has the operators that ran."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "profile.json")
        mx.profiler.set_config(profile_all=True, filename=path, aggregate_stats=True)
        mx.profiler.set_state("run")
        a = mx.nd.ones((20, 20))
        mx.nd.dot(a, a).wait_to_read()
        task = mx.profiler.Task(mx.profiler.Domain("mine"), "part")
        task.start()
        mx.nd.exp(a).wait_to_read()
        task.stop()
        mx.profiler.pause()
        mx.profiler.resume()
        mx.nd.waitall()
        mx.profiler.set_state("stop")
        text = mx.profiler.dumps()
        mx.profiler.dump()
        with open(path) as file:
            names = {event.get("name") for event in json.load(file)["traceEvents"]}
    return [name in names for name in ("dot", "exp", "part")] + ["dot" in text]


def fine_tuned(mx):
    """Features of a saved network, another head, a part that does not learn."""
    with tempfile.TemporaryDirectory() as folder:
        x = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=6, name="fc1")
        x = mx.sym.Activation(x, act_type="relu", name="relu1")
        x = mx.sym.SoftmaxOutput(mx.sym.FullyConnected(x, num_hidden=9, name="fc2"), name="softmax")
        shapes, _, _ = x.infer_shape(data=(1, 4))
        args = {
            name: mx.nd.array(drawn(shape, seed))
            for seed, (name, shape) in enumerate(zip(x.list_arguments(), shapes))  # noqa: B905
            if name not in ("data", "softmax_label")
        }
        mx.model.save_checkpoint(f"{folder}/old", 3, x, args, {})
        symbol, args, aux = mx.model.load_checkpoint(f"{folder}/old", 3)
    body = symbol.get_internals()["relu1_output"]
    net = mx.sym.FullyConnected(body, num_hidden=3, name="new")
    net = mx.sym.SoftmaxOutput(net, name="softmax")
    args = {name: array for name, array in args.items() if "fc2" not in name}
    labels = drawn((20,), 1, 0, 3).astype("int32").astype("float32")
    data = mx.io.NDArrayIter(drawn((20, 4)), labels, 5)
    module = mx.mod.Module(net, fixed_param_names=["fc1_weight", "fc1_bias"])
    module.bind(data.provide_data, data.provide_label)
    module.init_params(mx.init.Constant(0.1))
    module.set_params(args, aux, allow_missing=True)
    module.fit(data, num_epoch=2, optimizer_params={"learning_rate": 0.1})
    return {name: array.asnumpy() for name, array in module.get_params()[0].items()}


def actor_critic(mx):
    """Two heads whose gradients the program gives itself."""
    x = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=8, name="fc")
    x = mx.sym.Activation(x, act_type="relu")
    policy = mx.sym.softmax(mx.sym.FullyConnected(x, num_hidden=3, name="policy"))
    value = mx.sym.FullyConnected(x, num_hidden=1, name="value")
    module = mx.mod.Module(mx.sym.Group([policy, value]), label_names=None)
    module.bind([("data", (4, 5))], None, grad_req="add")
    module.init_params(mx.init.Constant(0.1))
    module.init_optimizer("local", "adam", (("learning_rate", 0.01), ("clip_gradient", 10.0)))
    outs = []
    for step in range(3):
        for part in range(2):
            data = mx.nd.array(drawn((4, 5), 2 * step + part))
            module.forward(mx.io.DataBatch([data], None), is_train=True)
            shares, values = module.get_outputs()
            module.backward([shares - 0.3, values * 0.5])
            outs.append(shares.asnumpy())
        module.update()
        for grads in module._exec_group.grad_arrays:
            grads[0][:] = 0
    return [outs, {name: a.asnumpy() for name, a in module.get_params()[0].items()}]


def unrolled_by_hand(mx):
    """A character model whose cells are written with symbols and shared weights."""
    cell = {name: mx.sym.var(name) for name in ("i2h_weight", "i2h_bias", "h2h_weight", "h2h_bias")}
    h, c = mx.sym.var("init_h"), mx.sym.var("init_c")
    words = mx.sym.Embedding(mx.sym.var("data"), input_dim=7, output_dim=4, name="embed")
    words = mx.sym.SliceChannel(words, num_outputs=3, squeeze_axis=1)
    hidden = []
    for t in range(3):
        gates = mx.sym.FullyConnected(words[t], cell["i2h_weight"], cell["i2h_bias"], num_hidden=20)
        gates = gates + mx.sym.FullyConnected(
            h, cell["h2h_weight"], cell["h2h_bias"], num_hidden=20, name=f"t{t}_h2h"
        )
        parts = mx.sym.SliceChannel(gates, num_outputs=4, name=f"t{t}_slice")
        c = mx.sym.sigmoid(parts[1]) * c + mx.sym.sigmoid(parts[0]) * mx.sym.tanh(parts[2])
        h = mx.sym.sigmoid(parts[3]) * mx.sym.tanh(c)
        hidden.append(h)
    out = mx.sym.FullyConnected(mx.sym.Concat(*hidden, dim=0), num_hidden=7, name="out")
    label = mx.sym.reshape(mx.sym.transpose(mx.sym.var("label")), shape=(-1,))
    net = mx.sym.SoftmaxOutput(out, label, name="softmax")
    wanted = {name: "write" for name in net.list_arguments() if name not in ("data", "label")}
    executor = net.simple_bind(
        mx.cpu(), grad_req=wanted, data=(2, 3), label=(2, 3), init_h=(2, 5), init_c=(2, 5)
    )
    for seed, (name, array) in enumerate(sorted(executor.arg_dict.items())):
        low, high = (0, 7) if name in ("data", "label") else (-1, 1)
        values = drawn(array.shape, seed, low, high)
        array[:] = values.astype(int) if low == 0 else values
    updater = mx.optimizer.get_updater(mx.optimizer.create("sgd", learning_rate=0.1, wd=1e-4))
    outs = []
    for _ in range(3):
        outs.append(executor.forward(is_train=True)[0].asnumpy())
        executor.backward()
        for i, name in enumerate(net.list_arguments()):
            if name not in ("data", "label"):
                updater(i, executor.grad_dict[name], executor.arg_dict[name])
    return [outs, net.list_arguments(), {n: a.asnumpy() for n, a in executor.arg_dict.items()}]


KNOWN = {
    "adversarial_networks": "MXNet moves the running statistics of batch norm in backward, so that "
    "a run that is detached does not count"
}
GLUON = (
    adversarial_networks, variational_autoencoder, style_transfer, factors_of_ratings, deep_q,
    policy_gradient, sentence_classifier, capsules, adversary, captcha, many_tasks, detection_head,
)  # fmt: skip
SYMBOLS = (
    stacked_autoencoder, support_vectors, own_operators, profiles, fine_tuned, actor_critic,
    unrolled_by_hand,
)  # fmt: skip

if __name__ == "__main__":
    named = {
        "Gluon": {case.__name__: case for case in GLUON},
        "symbols": {case.__name__: case for case in SYMBOLS},
    }
    sys.exit(oracle.main(__file__, named, KNOWN, dict.fromkeys(named, 1e-3)))
