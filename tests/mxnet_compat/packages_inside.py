"""Further cases of packages.py: packages of models, and packages with MXNet as one of their backends.

Each case needs its package only; one that is not installed counts as failed.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import mxnet as mx
import numpy as np
from mxnet import autograd, gluon, nd

CASES = {}


def case(name):
    """Register a function under the name of what it uses."""

    def register(function):
        CASES[name] = function
        return function

    return register


def _problem(samples=60, features=5):
    x = np.random.RandomState(0).randn(samples, features).astype("float32")
    return x, x[:, :3].argmax(1)


def _perceptron(**options):
    net = gluon.nn.HybridSequential()
    net.add(gluon.nn.Dense(16, activation="relu"), gluon.nn.Dense(3))
    net.initialize(mx.init.Xavier(), **options)
    return net


# --- models --------------------------------------------------------------------------------------

GLUONCV2 = {
    "xception": 299, "inceptionv3": 299, "wrn16_10_cifar10": 32,
    "shakeshakeresnet20_2x16d_cifar10": 32,
}  # fmt: skip
GLUONCV2 |= dict.fromkeys(
    "seresnet18 densenet121 mobilenetv2_w1 shufflenetv2_wd2 squeezenet_v1_1 igcv3_w1 ghostnet "
    "bam_resnet18 cbam_resnet18 sknet50 dpn68 nasnet_4a1056 hrnet_w18_small_v1 octresnet10_ad2 "
    "vovnet27s selecsls42 regnetx002 proxylessnas_cpu efficientnet_b0 airnet50_1x64d_r2 "
    "resnext50_32x4d preresnet18 menet108_8x1_g3 darknet53 bninception peleenet mnasnet_b1 "
    "fbnet_cb".split(),
    224,
)


def _gluoncv2(name):
    from gluoncv2.model_provider import get_model

    net = get_model(name, pretrained=False)
    net.initialize()
    x = nd.random.uniform(shape=(1, 3, GLUONCV2[name], GLUONCV2[name]))
    eager = net(x).asnumpy()
    net.hybridize()
    np.testing.assert_allclose(net(x).asnumpy(), eager, rtol=0.01, atol=1e-3)
    return eager.shape


for _name in GLUONCV2:
    case(f"gluoncv2.{_name}")(lambda name=_name: _gluoncv2(name))


def _language_model(net):
    net.initialize(mx.init.Xavier())
    states = net.begin_state(batch_size=2, func=nd.zeros)
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 1.0})
    words = nd.array(np.random.RandomState(0).randint(0, 20, (5, 2)))
    losses = []
    for _ in range(3):
        with autograd.record():
            out = net(words, states)[0]
            loss = gluon.loss.SoftmaxCELoss()(out.reshape((-1, 20)), words.reshape((-1,)))
        loss.backward()
        trainer.step(2)
        losses.append(float(loss.mean().asscalar()))
    assert losses[-1] < losses[0]
    return losses


@case("gluonnlp.AWDRNN")
def _awd():
    from gluonnlp.model.language_model import AWDRNN

    return _language_model(AWDRNN("lstm", 20, 6, 7, 2, True, 0, 0.3, 0, 0, 0))


@case("gluonnlp.train.AWDRNN")
def _awd_of_training():
    from gluonnlp.model.train.language_model import AWDRNN

    return _language_model(AWDRNN("lstm", 20, 6, 7, 2, True, 0, 0.3, 0, 0, 0))


@case("d2l: layers of its chapters")
def _d2l():
    from d2l import mxnet as d2l
    from mxnet import np as mnp
    from mxnet import npx

    npx.set_np()
    try:
        net = d2l.BERTModel(20, 16, 32, 4, 2, 0.0)
        net.initialize()
        words, lengths = mnp.ones((2, 8)), mnp.array([5, 8])
        outputs = net(words, mnp.zeros((2, 8)), lengths, mnp.array([[1, 2], [3, 4]]))
        encoder = d2l.TransformerEncoder(20, 16, 32, 4, 2, 0.0)
        encoder.initialize()
        return [out.shape for out in outputs], encoder(mnp.ones((2, 10)), lengths).shape
    finally:
        npx.reset_np()


# --- sockeye: translation ------------------------------------------------------------------------

_SOCKEYE = (
    "--use-cpu --num-layers 1:1 --transformer-model-size 32 --transformer-attention-heads 2 "
    "--transformer-feed-forward-num-hidden 64 --num-embed 32 --batch-type sentence --batch-size 20 "
    "--checkpoint-interval 20 --max-seq-len 15 --decode-and-evaluate 10 --weight-tying-type none "
    "--initial-learning-rate 0.005 --disable-device-locking --no-logfile"
).split()


@case("sockeye: train, go on, translate, score")
def _sockeye():
    rng = np.random.RandomState(0)
    lines = [" ".join(rng.choice(list("abcdefgh"), rng.randint(2, 7))) for _ in range(400)]
    with tempfile.TemporaryDirectory() as folder:
        texts = Path(folder, "texts")
        texts.write_text("\n".join(lines) + "\n")
        model, result = f"{folder}/model", Path(folder, "result")

        def run(module, *options):
            subprocess.run([sys.executable, "-m", f"sockeye.{module}", *options], check=True)

        data = ["-s", texts, "-t", texts, "-vs", texts, "-vt", texts, "-o", model]
        for updates in ("40", "60"):
            run("train", *data, *_SOCKEYE, "--max-updates", updates)
        run("translate", "-m", model, "--use-cpu", "-i", texts, "-o", result)
        translated = result.read_text().splitlines()
        run("score", "-m", model, "--use-cpu", "-s", texts, "-t", texts, "-o", result)
        scores = [float(line) for line in result.read_text().split()]
    assert len(translated) == len(scores) == len(lines)
    return translated[0], float(np.mean(scores))


# --- Keras 2.2 on MXNet --------------------------------------------------------------------------


def _keras(layers, loss="mse", optimizer="adam"):
    os.environ["KERAS_BACKEND"] = "mxnet"
    import keras

    net = keras.models.Sequential(layers(keras.layers))
    net.compile(optimizer, loss)
    rng = np.random.RandomState(0)
    x = rng.rand(40, *net.input_shape[1:])
    y = rng.rand(40, *net.output_shape[1:])
    losses = net.fit(x, y, epochs=2, batch_size=20, verbose=0).history["loss"]
    assert np.isfinite(losses).all() and net.predict(x).shape == y.shape
    return losses


KERAS = {
    "dense": lambda k: [k.Dense(8, activation="relu", input_shape=(20,)), k.BatchNormalization()],
    "convolution": lambda k: [
        k.Conv2D(4, 3, input_shape=(8, 8, 3)), k.MaxPooling2D(), k.Flatten(), k.Dropout(0.2)
    ],
    "separable": lambda k: [
        k.SeparableConv2D(4, 3, input_shape=(8, 8, 3)), k.GlobalAveragePooling2D()
    ],
    "transposed": lambda k: [k.Conv2DTranspose(4, 3, input_shape=(8, 8, 3)), k.Flatten()],
    "lstm": lambda k: [k.LSTM(5, input_shape=(6, 4))],
    "gru": lambda k: [
        k.GRU(5, return_sequences=True, input_shape=(6, 4)), k.TimeDistributed(k.Dense(3)),
        k.Flatten(),
    ],
    "bidirectional": lambda k: [k.Bidirectional(k.LSTM(3), input_shape=(6, 4))],
    "embedding": lambda k: [k.Embedding(9, 4, input_length=5), k.Flatten()],
}  # fmt: skip
for _name, _layers in KERAS.items():
    case(f"keras.{_name}")(
        lambda layers=_layers: _keras(lambda k: [*layers(k), k.Dense(2, activation="softmax")])
    )
for _name in ("sgd", "rmsprop", "adagrad", "adadelta", "adam", "adamax", "nadam"):
    case(f"keras.optimizers.{_name}")(
        lambda name=_name: _keras(lambda k: [k.Dense(2, input_shape=(5,))], optimizer=name)
    )


# --- MXNet as a backend ----------------------------------------------------------------------------


@case("tensorly: decompositions")
def _tensorly():
    import tensorly as tl
    from tensorly.decomposition import parafac, tucker

    tl.set_backend("mxnet")
    rng = np.random.RandomState(0)
    parts = [np.einsum("i,j,k->ijk", rng.rand(4), rng.rand(5), rng.rand(3)) for _ in range(2)]
    whole = tl.tensor(sum(parts).astype("float32"))
    errors = [
        float(tl.norm(tl.cp_to_tensor(parafac(whole, rank=2, init="svd")) - whole)),
        float(tl.norm(tl.tucker_to_tensor(tucker(whole, rank=[2, 2, 2])) - whole)),
    ]
    assert max(errors) < 0.1
    return errors


@case("art.MXClassifier: train, attack")
def _art():
    from art.attacks.evasion import FastGradientMethod
    from art.estimators.classification import MXClassifier

    x, y = _problem()
    net = gluon.nn.Sequential()
    net.add(gluon.nn.Dense(16, activation="relu"), gluon.nn.Dense(3))
    net.initialize(mx.init.Xavier())
    classifier = MXClassifier(
        model=net,
        loss=gluon.loss.SoftmaxCrossEntropyLoss(),
        input_shape=(5,),
        nb_classes=3,
        optimizer=gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1}),
        clip_values=(-4, 4),
    )
    classifier.fit(x, np.eye(3)[y], batch_size=20, nb_epochs=10)
    attacked = FastGradientMethod(classifier, eps=0.5).generate(x)
    shares = [float((classifier.predict(v).argmax(1) == y).mean()) for v in (x, attacked)]
    assert shares[1] < shares[0]
    return shares


@case("foolbox.MXNetModel: gradients")
def _foolbox():
    from foolbox.models import MXNetModel

    rng = np.random.RandomState(0)
    data = mx.sym.var("data")
    logits = mx.sym.FullyConnected(mx.sym.Flatten(data), num_hidden=3, name="f")
    args = {"f_weight": nd.array(rng.randn(3, 16)), "f_bias": nd.zeros((3,))}
    model = MXNetModel(
        data=data, logits=logits, args=args, ctx=mx.cpu(), num_classes=3, bounds=(0, 1),
        channel_axis=1,
    )  # fmt: skip
    image = rng.rand(1, 4, 4).astype("float32")
    gradient = model.gradient(image, 1)
    assert gradient.any()
    return model.predictions(image).tolist(), gradient.shape


@case("thinc.MXNetWrapper")
def _thinc():
    from thinc.api import Adam, MXNetWrapper

    model = MXNetWrapper(_perceptron())
    x, _ = _problem()
    model.initialize(X=x)
    y, backward = model.begin_update(x)
    dx = backward(np.ones_like(y))
    model.finish_update(Adam(0.01))
    return y.shape, dx.shape, model.predict(x).shape


@case("einops: eager layers")
def _einops():
    import einops
    from einops.layers.gluon import Rearrange, Reduce

    x = nd.arange(24).reshape((2, 3, 4))
    assert (
        einops.rearrange(x, "a b c -> (a c) b").asnumpy()[:, 0] == [0, 1, 2, 3, 12, 13, 14, 15]
    ).all()
    net = gluon.nn.Sequential()
    net.add(
        gluon.nn.Conv2D(4, 3, padding=1),
        Reduce("b c (h h2) (w w2) -> b c h w", "max", h2=2, w2=2),
        Rearrange("b c h w -> b (c h w)"),
        gluon.nn.Dense(2),
    )
    net.initialize()
    return net(nd.ones((2, 1, 4, 4))).shape, einops.reduce(x, "a b c -> a", "mean").asnumpy()


@case("mlflow.gluon: save, load")
def _mlflow():
    import mlflow.gluon

    net, x = _perceptron(), nd.array(_problem()[0])
    net.hybridize()
    expected = net(x).asnumpy()
    with tempfile.TemporaryDirectory() as folder:
        mlflow.gluon.save_model(net, f"{folder}/model")
        again = mlflow.gluon.load_model(f"{folder}/model", mx.cpu())
    np.testing.assert_allclose(again(x).asnumpy(), expected)
    return expected.shape


@case("optuna: pruning of Module.fit")
def _optuna():
    import optuna
    from optuna.integration import MXNetPruningCallback

    x, y = _problem()

    def objective(trial):
        data = mx.io.NDArrayIter(x, y, 20)
        net = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=3)
        module = mx.mod.Module(mx.sym.SoftmaxOutput(net, name="softmax"))
        module.fit(
            data,
            eval_data=data,
            eval_metric="accuracy",
            num_epoch=3,
            optimizer_params={"learning_rate": trial.suggest_float("lr", 0.01, 0.5)},
            eval_end_callback=MXNetPruningCallback(trial, "accuracy"),
        )
        return module.score(data, "acc")[0][1]

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(0))
    study.optimize(objective, n_trials=5)
    return study.best_value


@case("mxboard: events and a graph")
def _mxboard():
    from mxboard import SummaryWriter

    net, x = _perceptron(), nd.array(_problem()[0])
    net.hybridize()
    net(x)
    with tempfile.TemporaryDirectory() as folder:
        with SummaryWriter(logdir=folder) as writer:
            writer.add_scalar("loss", 1.0, 0)
            writer.add_histogram("x", x, 0, bins=10)
            writer.add_image("image", nd.random.uniform(shape=(3, 8, 8)), 0)
            writer.add_graph(net)
        return sum(file.stat().st_size for file in Path(folder).iterdir()) > 500


@case("mxfusion: the most probable parameters")
def _mxfusion():
    from mxfusion import Model, Variable
    from mxfusion.components.distributions import Normal
    from mxfusion.components.variables import PositiveTransformation
    from mxfusion.inference import MAP, GradBasedInference

    model = Model()
    model.mean = Variable()
    model.variance = Variable(transformation=PositiveTransformation())
    model.count = Variable()
    model.y = Normal.define_variable(mean=model.mean, variance=model.variance, shape=(model.count,))
    inference = GradBasedInference(inference_algorithm=MAP(model=model, observed=[model.y]))
    inference.initialize(y=(50,))
    data = nd.array(np.random.RandomState(0).randn(50) + 3)
    inference.run(y=data, learning_rate=0.1, max_iter=200)
    mean = inference.params[model.mean].asscalar()
    assert abs(mean - data.mean().asscalar()) < 0.2
    return float(mean)


@case("xfer: features, a network of which parts are frozen")
def _xfer():
    import xfer
    from xfer.prob.utils import replace_params_net

    x, y = _problem(40)
    net = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=8, name="fc1")
    net = mx.sym.FullyConnected(mx.sym.relu(net, name="act1"), num_hidden=3, name="fc2")
    source = mx.mod.Module(mx.sym.SoftmaxOutput(net, name="softmax"))
    data = mx.io.NDArrayIter(x, y, 10)
    source.fit(data, num_epoch=1)
    features, _ = xfer.model_handler.ModelHandler(source).get_layer_output(data, ["fc1"])
    frozen = xfer.NeuralNetworkRandomFreezeRepurposer(
        source, target_class_count=3, num_layers_to_drop=2, fixed_layers=["fc1"],
        random_layers=[], num_epochs=2, batch_size=10,
    )  # fmt: skip
    data.reset()
    frozen.repurpose(data)
    data.reset()
    dense = gluon.nn.Dense(2, in_units=3)
    dense.initialize()
    replace_params_net([nd.ones((2, 3)), nd.zeros((2,))], dense, mx.cpu())
    assert dense(nd.ones((1, 3))).asnumpy().tolist() == [[3, 3]]
    return features["fc1"].shape, frozen.predict_label(data).shape
