"""Classifiers of images.

Each function makes one model; ``load_parameters`` reads weights that MXNet's models saved.

>>> net = gluon.model_zoo.vision.resnet18_v1(classes=10)
"""

from functools import partial

from ..model_store import get_model_file
from .densenet import DenseNet
from .densenet import get_densenet as _densenet
from .inception import Inception3
from .mobilenet import MobileNet, MobileNetV2
from .mobilenetv3 import MobileNetV3
from .plain import VGG, AlexNet, SqueezeNet
from .plain import get_vgg as _vgg
from .resnet import (
    BasicBlockV1,
    BasicBlockV2,
    BottleneckV1,
    BottleneckV2,
    ResNetV1,
    ResNetV2,
)
from .resnet import get_resnet as _resnet

_makers = {"alexnet": AlexNet, "inceptionv3": Inception3}
for _n in (18, 34, 50, 101, 152):
    for _v in (1, 2):
        _makers[f"resnet{_n}_v{_v}"] = partial(_resnet, _v, _n)
for _n in (11, 13, 16, 19):
    _makers[f"vgg{_n}"] = partial(_vgg, _n)
    _makers[f"vgg{_n}_bn"] = partial(_vgg, _n, batch_norm=True)
for _n in ("1.0", "1.1"):
    _makers[f"squeezenet{_n}"] = partial(SqueezeNet, _n)
for _n in (121, 161, 169, 201):
    _makers[f"densenet{_n}"] = partial(_densenet, _n)
for _n in (1.0, 0.75, 0.5, 0.25):
    _makers[f"mobilenet{_n}"] = partial(MobileNet, _n)
    _makers[f"mobilenetv2_{_n}"] = partial(MobileNetV2, _n)
for _n in ("large", "small"):
    _makers[f"mobilenetv3_{_n}"] = partial(MobileNetV3, _n)


def get_model(name, pretrained=False, ctx=None, root=None, **kwargs):
    """The model of a name such as ``"resnet18_v1"`` or ``"mobilenet0.5"``.

    Parameters
    ----------
    name : str
    pretrained : bool
        Whether to load the weights that MXNet published (trained on ImageNet); there are none of
        MobileNetV3.
    ctx : Context, optional
        Where they are loaded to.
    root : str, optional
        Folder of their files: see `model_store.get_model_file`.
    **kwargs
        Such as ``classes``.

    Raises
    ------
    ValueError
        If the name is unknown.
    OSError
        If the weights are not there and cannot be fetched.
    """
    maker = _makers.get(name.lower())
    if maker is None:
        raise ValueError(f"get_model: name is {name!r}, must be one of {sorted(_makers)}")
    return _loaded(maker(**kwargs), name.lower(), pretrained, ctx, root)


def _loaded(net, name, pretrained, ctx, root):
    if pretrained:
        net.load_parameters(get_model_file(name, root=root), ctx=ctx)
    return net


def get_resnet(version, num_layers, pretrained=False, ctx=None, root=None, **kwargs):
    """A residual network of `version` 1 or 2 with 18, 34, 50, 101 or 152 layers.

    Raises
    ------
    ValueError
        If there is no such network.
    """
    net = _resnet(version, num_layers, **kwargs)
    return _loaded(net, f"resnet{num_layers}_v{version}", pretrained, ctx, root)


def get_vgg(num_layers, pretrained=False, ctx=None, root=None, **kwargs):
    """A `VGG` of 11, 13, 16 or 19 layers, with ``batch_norm=True`` normalised.

    Raises
    ------
    ValueError
        If there is no such network.
    """
    name = f"vgg{num_layers}" + ("_bn" if kwargs.get("batch_norm") else "")
    return _loaded(_vgg(num_layers, **kwargs), name, pretrained, ctx, root)


def get_densenet(num_layers, pretrained=False, ctx=None, root=None, **kwargs):
    """A `DenseNet` of 121, 161, 169 or 201 layers.

    Raises
    ------
    ValueError
        If there is no such network.
    """
    name = f"densenet{num_layers}"
    return _loaded(_densenet(num_layers, **kwargs), name, pretrained, ctx, root)


def _multiplied(name, multiplier):
    """``name`` with the factor as in the names of the published weights."""
    text = f"{multiplier:.2f}"
    return name + (text[:-1] if text.endswith("0") else text)


def get_mobilenet(multiplier, pretrained=False, ctx=None, root=None, **kwargs):
    """A `MobileNet` with `multiplier` times the channels."""
    name = _multiplied("mobilenet", multiplier)
    return _loaded(MobileNet(multiplier, **kwargs), name, pretrained, ctx, root)


def get_mobilenet_v2(multiplier, pretrained=False, ctx=None, root=None, **kwargs):
    """A `MobileNetV2` with `multiplier` times the channels."""
    name = _multiplied("mobilenetv2_", multiplier)
    return _loaded(MobileNetV2(multiplier, **kwargs), name, pretrained, ctx, root)


def _function(name):
    def make(pretrained=False, ctx=None, root=None, **kwargs):
        return get_model(name, pretrained, ctx, root, **kwargs)

    make.__name__ = make.__qualname__ = name
    make.__doc__ = f"The model ``{name}``; arguments as `get_model`."
    return make


# Functions are named as in MXNet, where two families have names of their own.
_names = []
for _key in _makers:
    _n = _key.replace(".", "_").replace("mobilenetv", "mobilenet_v")
    _names.append("inception_v3" if _n == "inceptionv3" else _n)
    globals()[_names[-1]] = _function(_key)

__all__ = [
    "AlexNet",
    "BasicBlockV1",
    "BasicBlockV2",
    "BottleneckV1",
    "BottleneckV2",
    "DenseNet",
    "Inception3",
    "MobileNet",
    "MobileNetV2",
    "MobileNetV3",
    "ResNetV1",
    "ResNetV2",
    "SqueezeNet",
    "VGG",
    "get_densenet",
    "get_mobilenet",
    "get_mobilenet_v2",
    "get_model",
    "get_resnet",
    "get_vgg",
    *_names,
]
