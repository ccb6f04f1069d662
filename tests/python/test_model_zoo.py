"""Models of gluon.model_zoo. Weights and outputs against MXNet: tests/mxnet_compat."""

import numpy as np
import pytest

from plait import autograd, nd
from plait.gluon.model_zoo import vision


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("resnet18_v1", 32),
        ("resnet50_v2", 32),
        ("mobilenet0.25", 32),
        ("mobilenetv2_0.25", 32),
        ("mobilenetv3_small", 32),
        ("squeezenet1.1", 224),
    ],
)
def test_model_runs_eager_and_hybridized(name, size):
    net = vision.get_model(name, classes=7)
    net.initialize()
    x = nd.random.uniform(shape=(2, 3, size, size))
    eager = net(x)
    assert eager.shape == (2, 7)
    net.hybridize()
    np.testing.assert_allclose(net(x).asnumpy(), eager.asnumpy(), rtol=1e-3, atol=1e-5)


def test_names_are_those_of_mxnet():
    net = vision.resnet18_v1(prefix="resnetv10_")
    names = list(net.collect_params())
    assert len(names) == 102
    for name in (
        "resnetv10_conv0_weight",
        "resnetv10_batchnorm0_running_mean",
        "resnetv10_stage2_conv2_weight",
        "resnetv10_dense0_bias",
    ):
        assert name in names
    assert "features.4.0.body.0.weight" in net._collect_params_with_prefix()
    small = vision.mobilenet_v2_0_25(prefix="m_")
    assert "m_features_linearbottleneck0_conv0_weight" in small.collect_params()
    assert "m_output_pred_weight" in small.collect_params()


def test_every_name_makes_a_model():
    assert len(vision._makers) == 36
    for name in vision._names:
        assert callable(getattr(vision, name)) and name in vision.__all__
    assert vision.inception_v3().output.weight.shape[0] == 1000
    assert vision.densenet121(classes=3).output._units == 3


def test_mobilenet_v3_has_the_size_of_the_paper():
    for net, millions in ((vision.mobilenet_v3_large(), 5.4), (vision.mobilenet_v3_small(), 2.5)):
        net.initialize()
        net(nd.zeros((1, 3, 32, 32)))
        trained = [p for p in net.collect_params().values() if p.grad_req != "null"]
        assert abs(sum(int(np.prod(p.shape)) for p in trained) / 1e6 - millions) < 0.1
    with pytest.raises(ValueError, match="kind is 'tiny'"):
        vision.MobileNetV3("tiny")


def test_families_by_number_take_the_arguments_of_mxnet():
    assert len(vision.get_mobilenet(0.25, False, None, classes=3).collect_params()) == 137
    assert vision.get_mobilenet_v2(0.5, pretrained=False, classes=3).output[0]._channels == 3
    with pytest.raises(ValueError, match="name is 'mobilenet0.3'"):
        vision.get_mobilenet(0.3, pretrained=True)
    with pytest.raises(ValueError, match="name is 'mobilenetv3_large'"):
        vision.mobilenet_v3_large(pretrained=True)


def test_thumbnail_trains():
    net = vision.get_resnet(1, 18, classes=4, thumbnail=True)
    net.initialize()
    net.hybridize()
    with autograd.record():
        loss = net(nd.random.uniform(shape=(2, 3, 16, 16))).sum()
    loss.backward()
    assert np.isfinite(net.output.weight.grad().asnumpy()).all()


def test_refuses():
    with pytest.raises(ValueError, match="name is 'resnet19_v1'"):
        vision.get_model("resnet19_v1")
    with pytest.raises(ValueError, match="num_layers is 20"):
        vision.get_resnet(1, 20)
    with pytest.raises(ValueError, match="version is '2.0'"):
        vision.SqueezeNet("2.0")
