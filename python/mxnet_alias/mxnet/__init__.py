"""`import mxnet` gives plait: every `mxnet.x.y` is the very module `plait.x.y`.

`mxnet` itself has plait's attributes, except that `__version__` names the interface: programs
compare it with the versions of MXNet that they work with.
"""

import importlib
import importlib.abc
import importlib.util
import sys
import types

import plait

__version__ = "1.9.1"
__all__ = [name for name in dir(plait) if not name.startswith("_")]


# Modules of MXNet whose content has another home here.
_HOMES = {
    "amp.amp": "amp",
    "amp.loss_scaler": "amp.scaler",
    "contrib.amp.amp": "amp",
    "contrib.amp.loss_scaler": "amp.scaler",
    "gluon.contrib.cnn.conv_layers": "gluon.contrib.cnn",
    "gluon.contrib.data.sampler": "gluon.contrib.data",
    "gluon.contrib.data.text": "gluon.contrib.data",
    "gluon.contrib.nn.basic_layers": "gluon.contrib.nn",
    "gluon.contrib.rnn.conv_rnn_cell": "gluon.contrib.rnn",
    "gluon.contrib.rnn.rnn_cell": "gluon.contrib.rnn",
    "gluon.metric": "metric",
    "gluon.rnn.conv_rnn_cell": "gluon.rnn",
    "image.image": "image",
    "kvstore.kvstore": "kvstore",
    "rnn.io": "rnn",
    "rnn.rnn": "rnn",
    "rnn.rnn_cell": "rnn",
}
# Packages that MXNet cuts into other modules: what is not found in them stands for the package.
_PACKAGES = (
    "gluon.model_zoo.vision",
    "gluon.probability.distributions",
    "io",
    "ndarray",
    "optimizer",
)


def _home(name):
    """Full name in plait of the module that is called `name` in MXNet."""
    name = name.removeprefix("mxnet.")
    package = name.rpartition(".")[0]
    if package in _PACKAGES and importlib.util.find_spec(f"plait.{name}") is None:
        name = package
    return f"plait.{_HOMES.get(name, name)}"


class _AliasFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds `mxnet.x` as the module `plait.x`, never as a second copy of it."""

    def find_spec(self, fullname, path=None, target=None):
        if not fullname.startswith("mxnet."):
            return None
        spec = importlib.util.find_spec(_home(fullname))
        return spec and importlib.util.spec_from_loader(fullname, self, is_package=True)

    def create_module(self, spec):
        module = importlib.import_module(_home(spec.name))
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module):
        # The import system has just written the alias into the module: its own spec comes back.
        module.__spec__ = module.__spec__.loader_state


class _Alias(types.ModuleType):
    """The module `mxnet`: what is not its own is read and written in plait."""

    def __getattr__(self, name):
        return getattr(plait, name)

    def __setattr__(self, name, value):
        setattr(plait, name, value)

    def __delattr__(self, name):
        delattr(plait, name)

    def __dir__(self):
        return dir(plait)


sys.meta_path.insert(0, _AliasFinder())
sys.modules[__name__].__class__ = _Alias
