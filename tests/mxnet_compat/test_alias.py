"""`import mxnet` gives plait when the alias distribution is installed."""

import os
import subprocess
import sys
from pathlib import Path

ALIAS = Path(__file__).resolve().parents[2] / "python" / "mxnet_alias"

PROGRAM = """
import mxnet as mx
import mxnet.gluon.data.vision as vision
from mxnet import autograd, gluon, nd
from mxnet.gluon import nn
from mxnet.ndarray import NDArray

import plait
import plait.gluon.nn

from mxnet.contrib.onnx.onnx2mx.import_model import import_model
from mxnet.gluon.contrib.nn.basic_layers import HybridConcurrent
from mxnet.gluon.metric import EvalMetric
from mxnet.gluon.model_zoo.vision.vgg import vgg11
from mxnet.gluon.probability.distributions.normal import Normal
from mxnet.ndarray.utils import load
from mxnet.optimizer.adamW import AdamW
from mxnet.rnn.rnn_cell import LSTMCell

assert import_model is plait.onnx.import_model and load is plait.nd.load
assert HybridConcurrent is plait.gluon.contrib.nn.HybridConcurrent
assert EvalMetric is plait.metric.EvalMetric and Normal is plait.gluon.probability.Normal
assert vgg11 is plait.gluon.model_zoo.vision.vgg11 and LSTMCell is plait.rnn.LSTMCell
assert AdamW is plait.optimizer.AdamW

assert mx.__version__ == "1.9.1" and plait.__version__ != mx.__version__
assert mx.gluon is plait.gluon and mx.cpu is plait.cpu and dir(mx) == dir(plait)
mx.mark = 1
assert plait.mark == 1
del mx.mark
assert not hasattr(plait, "mark")
names = {}
exec("from mxnet import *", names)
assert names["nd"] is plait.nd
assert nn is plait.gluon.nn and nn.__spec__.name == "plait.gluon.nn"
assert vision is plait.gluon.data.vision
assert isinstance(nd.ones((2,)), NDArray) and NDArray is plait.nd.NDArray
try:
    import mxnet.no_such_module
except ModuleNotFoundError as e:
    assert "mxnet.no_such_module" in str(e)
else:
    raise AssertionError("mxnet.no_such_module was found")
print(mx.nd.ones((2, 3)).sum().asscalar())
"""


def test_mxnet_is_plait():
    environment = dict(os.environ, PYTHONPATH=str(ALIAS))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "6.0\n"
