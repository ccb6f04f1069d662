"""Packages built on MXNet, unchanged: their models are made, trained for some steps and run.

    pip install --no-deps gluonts==0.11.12 gluoncv==0.10.5.post0 gluonnlp==0.10.0 python/mxnet_alias
    pip install 'pandas<2' 'pydantic<2' toolz ujson tqdm requests portalocker yacs matplotlib \
        opencv-python-headless
    python tests/mxnet_compat/packages.py [part of a name ...]

Cases of further packages are in packages_inside.py; each needs its package only.

With MXNet's own wheel in place of the alias the same program says what MXNet does. The packages use
names that NumPy and Python have removed since; these are put back first.
"""

import collections
import collections.abc
import logging
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

import numpy as np

warnings.filterwarnings("ignore")
for _name in ("Iterable", "Mapping", "Sequence", "MutableMapping", "Callable"):
    setattr(collections, _name, getattr(collections.abc, _name))
for _name, _value in {
    "float": float, "int": int, "bool": bool, "object": object, "str": str,
    "Inf": np.inf, "NaN": np.nan, "PINF": np.inf, "NINF": -np.inf, "product": np.prod,
}.items():  # fmt: skip
    if _name not in vars(np):
        setattr(np, _name, _value)

import mxnet as mx  # noqa: E402
from mxnet import autograd, gluon, nd  # noqa: E402
from packages_inside import CASES, case  # noqa: E402

# --- gluonts: time series --------------------------------------------------------------------

_RECURRENT = {"freq": "H", "prediction_length": 12, "context_length": 24}
_QUANTILES = {**_RECURRENT, "quantiles": [0.1, 0.5, 0.9]}
ESTIMATORS = {
    "SimpleFeedForwardEstimator": {"prediction_length": 12, "context_length": 24},
    "DeepAREstimator": _RECURRENT,
    "TransformerEstimator": _RECURRENT,
    "WaveNetEstimator": {"freq": "H", "prediction_length": 12, "num_parallel_samples": 5},
    "MQCNNEstimator": _QUANTILES,
    "MQRNNEstimator": _QUANTILES,
    "NBEATSEstimator": {**_RECURRENT, "num_stacks": 2, "num_blocks": [1], "widths": [32]},
    "DeepFactorEstimator": _RECURRENT,
    "DeepStateEstimator": {
        "freq": "H",
        "prediction_length": 12,
        "past_length": 24,
        "cardinality": [3],
        "use_feat_static_cat": True,
    },
    "TemporalFusionTransformerEstimator": _RECURRENT,
    "CanonicalRNNEstimator": _RECURRENT,
    "GaussianProcessEstimator": {**_RECURRENT, "cardinality": 8},
}


def _series():
    import pandas as pd
    from gluonts.dataset.common import ListDataset

    rng = np.random.default_rng(0)
    start = pd.Period("2020-01-01 00:00", freq="H")
    waves = [np.sin(np.arange(200) / 6 + i) + rng.normal(size=200) / 10 + 2 for i in range(8)]
    entries = [
        {"start": start, "target": wave, "feat_static_cat": [i % 3]} for i, wave in enumerate(waves)
    ]
    return ListDataset(entries, freq="H")


def _forecast(name):
    import gluonts.mx
    from gluonts.model.predictor import Predictor
    from gluonts.mx.trainer import Trainer

    trainer = Trainer(epochs=1, num_batches_per_epoch=4, hybridize=True)
    data = _series()
    predictor = getattr(gluonts.mx, name)(trainer=trainer, **ESTIMATORS[name]).train(data)
    mean = next(iter(predictor.predict(data))).mean
    with tempfile.TemporaryDirectory() as folder:
        predictor.serialize(Path(folder))
        again = next(iter(Predictor.deserialize(Path(folder)).predict(data))).mean
    assert mean.shape == again.shape == (12,) and np.isfinite(mean).all()
    return mean[:2]


for _name in ESTIMATORS:
    case(f"gluonts.{_name}")(lambda name=_name: _forecast(name))


# --- gluoncv: images and videos ----------------------------------------------------------------

NETWORKS = {
    "mobilenetv3_small": 64, "resnet18_v1b": 64, "resnet50_v1d": 64, "resnest14": 64,
    "se_resnet18_v1": 64, "resnext50_32x4d": 64, "xception": 96, "darknet53": 64,
    "hrnet_w18_small_v1_c": 64, "cifar_resnet20_v1": 32, "cifar_wideresnet16_10": 32,
    "alexnet": 224, "mobilenetv2_0.25": 64,
    "ssd_300_vgg16_atrous_voc": 300, "ssd_512_mobilenet1.0_voc": 512, "yolo3_darknet53_voc": 128,
    "center_net_resnet18_v1b_voc": 128, "faster_rcnn_resnet50_v1b_voc": 128,
    "fcn_resnet50_voc": 96, "psp_resnet50_ade": 96, "deeplab_resnet50_ade": 96,
    "icnet_resnet50_citys": 96, "fastscnn_citys": 128, "danet_resnet50_citys": 96,
    "simple_pose_resnet18_v1b": 96, "mobile_pose_mobilenet1.0": 96,
    "i3d_resnet50_v1_kinetics400": (8, 64), "slowfast_4x16_resnet50_kinetics400": (36, 64),
    "r2plus1d_resnet18_kinetics400": (8, 56),
}  # fmt: skip
_OPTIONS = {
    "fcn": ("crop_size",),
    "psp": ("crop_size",),
    "deeplab": ("crop_size",),
    "icnet": ("crop_size", "height", "width"),
    "danet": ("crop_size", "height", "width"),
    "fastscnn": ("height", "width"),
}
# Networks on top of another one, which would be fetched.
_ON_BACKBONES = ("_voc", "_ade", "_citys", "_kinetics400", "pose_resnet18_v1b", "mobilenet1.0")


def _network(name):
    from gluoncv import model_zoo

    size = NETWORKS[name]
    options = {key: size for key in _OPTIONS.get(name.split("_")[0], ())}
    if isinstance(size, tuple):
        options["nclass"] = 5
    if name.endswith(_ON_BACKBONES):
        options["pretrained_base"] = False
    net = model_zoo.get_model(name, pretrained=False, **options)
    net.initialize()
    shape = (size[0], size[1], size[1]) if isinstance(size, tuple) else (size, size)
    x = nd.random.uniform(shape=(1, 3, *shape))
    eager = net(x)
    net.hybridize()
    compiled = net(x)
    if isinstance(eager, nd.NDArray):
        np.testing.assert_allclose(compiled.asnumpy(), eager.asnumpy(), rtol=0.01, atol=1e-3)
        return eager.shape
    mx.nd.waitall()
    return [out.shape for out in compiled]


for _name in NETWORKS:
    case(f"gluoncv.{_name}")(lambda name=_name: _network(name))


def _boxes():
    rng = np.random.default_rng(0)
    image = nd.array(rng.integers(0, 255, (150, 180, 3)), dtype="uint8")
    return image, np.array([[20, 30, 100, 120, 3, 0], [40, 50, 120, 100, 7, 0]], "float32")


def _step(net, losses_of, batch):
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 1e-3})
    with autograd.record():
        losses = losses_of()
    autograd.backward(losses)
    trainer.step(batch)
    return [float(loss.mean().asscalar()) for loss in losses]


@case("gluoncv: a step of SSD")
def _train_ssd():
    import gluoncv
    from gluoncv.data.batchify import Stack, Tuple
    from gluoncv.data.transforms.presets.ssd import SSDDefaultTrainTransform

    net = gluoncv.model_zoo.ssd_512_mobilenet1_0_voc(pretrained_base=False)
    net.initialize()
    with autograd.train_mode():
        anchors = net(nd.zeros((1, 3, 128, 128)))[2]
    transform = SSDDefaultTrainTransform(128, 128, anchors)
    batch = Tuple(Stack(), Stack(), Stack())([transform(*_boxes()) for _ in range(2)])
    loss = gluoncv.loss.SSDMultiBoxLoss()
    net.hybridize()

    def losses():
        classes, boxes, _ = net(batch[0])
        return loss([classes], [boxes], [batch[1]], [batch[2]])[0]

    return _step(net, losses, 1)


@case("gluoncv: a step of YOLO")
def _train_yolo():
    import gluoncv
    from gluoncv.data.batchify import Pad, Stack, Tuple
    from gluoncv.data.transforms.presets.yolo import YOLO3DefaultTrainTransform

    net = gluoncv.model_zoo.yolo3_darknet53_voc(pretrained_base=False)
    net.initialize()
    transform = YOLO3DefaultTrainTransform(96, 96, net)
    batchify = Tuple(*[Stack() for _ in range(6)], Pad(axis=0, pad_val=-1))
    batch = batchify([transform(*_boxes()) for _ in range(2)])
    return _step(net, lambda: net(batch[0], batch[6], *batch[1:6]), 2)


# --- gluonnlp: text ------------------------------------------------------------------------------


def _bert(**options):
    from gluonnlp.model import BERTEncoder, BERTModel

    sizes = {"units": 16, "hidden_size": 32, "max_length": 20, "num_layers": 2, "num_heads": 2}
    encoder = BERTEncoder(dropout=0.1, **sizes)
    return BERTModel(
        encoder=encoder,
        vocab_size=30,
        token_type_vocab_size=2,
        units=16,
        embed_size=16,
        use_pooler=True,
        **options,
    )


@case("gluonnlp.BERTModel")
def _bert_model():
    net = _bert(use_decoder=True, use_classifier=True)
    net.initialize()
    net.hybridize(static_alloc=True)
    words = nd.array(np.random.default_rng(0).integers(0, 30, (2, 9)))
    masked, lengths = nd.array([[1, 2], [0, 3]]), nd.array([9, 5])
    with autograd.record():
        outputs = net(words, nd.zeros((2, 9)), lengths, masked)
        loss = outputs[2].mean() + outputs[3].mean()
    loss.backward()
    return [out.shape for out in outputs]


@case("gluonnlp.BERTClassifier")
def _bert_classifier():
    from gluonnlp.model import BERTClassifier

    net = BERTClassifier(_bert(use_decoder=False, use_classifier=False), num_classes=2)
    net.initialize()
    net.hybridize()
    return net(nd.ones((2, 9)), nd.zeros((2, 9)), nd.array([9, 5])).shape


@case("gluonnlp.BiLMEncoder")
def _elmo():
    from gluonnlp.model import BiLMEncoder

    net = BiLMEncoder(
        mode="lstmpc", num_layers=1, input_size=10, hidden_size=10, dropout=0.1,
        skip_connection=True, proj_size=10, cell_clip=3, proj_clip=3,
    )  # fmt: skip
    net.initialize()
    states = net.begin_state(mx.nd.zeros, batch_size=2)
    return net(nd.ones((5, 2, 10)), states, nd.ones((2, 5)))[0].shape


@case("gluonnlp: attention cells")
def _attention():
    from gluonnlp.model import (
        DotProductAttentionCell,
        MLPAttentionCell,
        MultiHeadAttentionCell,
    )

    shapes = []
    for cell in (
        MLPAttentionCell(8),
        DotProductAttentionCell(units=8, scaled=True),
        MultiHeadAttentionCell(DotProductAttentionCell(scaled=True), 8, 8, 8, 2),
    ):
        cell.initialize()
        cell.hybridize()
        keys = nd.ones((2, 5, 8))
        shapes.append(cell(nd.ones((2, 3, 8)), keys, keys, nd.ones((2, 3, 5)))[0].shape)
    return shapes


@case("gluonnlp: buckets in a loader with workers")
def _buckets():
    from gluonnlp.data import FixedBucketSampler
    from gluonnlp.data.batchify import Pad

    lengths = np.random.default_rng(0).integers(3, 20, 50).tolist()
    sampler = FixedBucketSampler(lengths, batch_size=4, num_buckets=3, shuffle=True)
    data = gluon.data.SimpleDataset([list(range(n)) for n in lengths])
    loader = gluon.data.DataLoader(
        data, batch_sampler=sampler, batchify_fn=Pad(pad_val=0), num_workers=2
    )
    assert sum(batch.shape[0] for batch in loader) == 50
    return len(sampler)


def main():
    """Run the cases whose names contain one of the arguments; all without."""
    logging.disable(logging.WARNING)
    wanted = sys.argv[1:]
    failed = []
    chosen = [name for name in CASES if not wanted or any(part in name for part in wanted)]
    for number, name in enumerate(chosen, 1):
        begin = time.monotonic()
        try:
            result = CASES[name]()
        except Exception as error:
            failed.append(name)
            where = traceback.extract_tb(error.__traceback__)[-1]
            result = f"FAILED {type(error).__name__}: {error} ({where.filename}:{where.lineno})"
        seconds = time.monotonic() - begin
        print(f"{number}/{len(chosen)} {name}: {result} ({seconds:.1f} s)", flush=True)
    print(f"{len(chosen) - len(failed)} of {len(chosen)} work, failed: {failed or 'none'}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
