"""`import mxnet` gives plait: every `mxnet.x.y` is the very module `plait.x.y`."""

import importlib
import importlib.abc
import importlib.util
import sys

import plait


class _AliasFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds `mxnet.x` as the module `plait.x`, never as a second copy of it."""

    def find_spec(self, fullname, path=None, target=None):
        if not fullname.startswith("mxnet."):
            return None
        spec = importlib.util.find_spec("plait" + fullname.removeprefix("mxnet"))
        return spec and importlib.util.spec_from_loader(fullname, self, is_package=True)

    def create_module(self, spec):
        module = importlib.import_module("plait" + spec.name.removeprefix("mxnet"))
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module):
        # The import system has just written the alias into the module: its own spec comes back.
        module.__spec__ = module.__spec__.loader_state


sys.meta_path.insert(0, _AliasFinder())
sys.modules["mxnet"] = plait
