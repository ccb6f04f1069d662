"""Classifiers of images.

Each function makes one model; ``load_parameters`` reads weights that MXNet's models saved.

>>> net = gluon.model_zoo.vision.resnet18_v1(classes=10)
"""

from functools import partial

from ..model_store import get_model_file
from .densenet import DenseNet, get_densenet
from .inception import Inception3
from .mobilenet import MobileNet, MobileNetV2
from .plain import VGG, AlexNet, SqueezeNet, get_vgg
from .resnet import (
    BasicBlockV1,
    BasicBlockV2,
    BottleneckV1,
    BottleneckV2,
    ResNetV1,
    ResNetV2,
    get_resnet,
)

_makers = {"alexnet": AlexNet, "inceptionv3": Inception3}
for _n in (18, 34, 50, 101, 152):
    for _v in (1, 2):
        _makers[f"resnet{_n}_v{_v}"] = partial(get_resnet, _v, _n)
for _n in (11, 13, 16, 19):
    _makers[f"vgg{_n}"] = partial(get_vgg, _n)
    _makers[f"vgg{_n}_bn"] = partial(get_vgg, _n, batch_norm=True)
for _n in ("1.0", "1.1"):
    _makers[f"squeezenet{_n}"] = partial(SqueezeNet, _n)
for _n in (121, 161, 169, 201):
    _makers[f"densenet{_n}"] = partial(get_densenet, _n)
for _n in (1.0, 0.75, 0.5, 0.25):
    _makers[f"mobilenet{_n}"] = partial(MobileNet, _n)
    _makers[f"mobilenetv2_{_n}"] = partial(MobileNetV2, _n)


def get_model(name, pretrained=False, ctx=None, root=None, **kwargs):
    """The model of a name such as ``"resnet18_v1"`` or ``"mobilenet0.5"``.

    Parameters
    ----------
    name : str
    pretrained : bool
        Whether to load the weights that MXNet published (trained on ImageNet).
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
    net = maker(**kwargs)
    if pretrained:
        net.load_parameters(get_model_file(name.lower(), root=root), ctx=ctx)
    return net


def _function(name):
    def make(**kwargs):
        return get_model(name, **kwargs)

    make.__name__ = make.__qualname__ = name
    make.__doc__ = f"The model ``{name}``; arguments as `get_model`."
    return make


# Functions are named as in MXNet, where two families have names of their own.
_names = []
for _key in _makers:
    _n = _key.replace(".", "_").replace("mobilenetv2_", "mobilenet_v2_")
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
    "ResNetV1",
    "ResNetV2",
    "SqueezeNet",
    "VGG",
    "get_densenet",
    "get_model",
    "get_resnet",
    "get_vgg",
    *_names,
]
