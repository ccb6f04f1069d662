"""Networks of the zoo as ONNX files, run by ONNX Runtime and read back.

    python tests/mxnet_compat/compare_onnx.py [names]

ORT_PYTHON names the Python that has onnxruntime.
"""

import os
import subprocess
import sys
import tempfile

import numpy as np

import plait as mx
from plait import gluon, nd

ORT_PYTHON = os.environ.get("ORT_PYTHON", os.path.expanduser("~/.cache/bench-peers/ort/bin/python"))
NAMES = [
    "alexnet", "densenet121", "inceptionv3", "mobilenet0.25", "mobilenetv2_0.25", "resnet18_v1",
    "resnet18_v2", "squeezenet1.0", "vgg11",
]  # fmt: skip
RUN = """
import sys
import numpy as np
import onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1])
x = np.load(sys.argv[2])
name = session.get_inputs()[0].name
one = session.run(None, {name: x})[0]
two = session.run(None, {name: np.concatenate([x, x])})[0]
np.save(sys.argv[3], np.concatenate([one, two]))
"""


def gaps(name, folder):
    """Largest differences, relative to the largest output: ONNX Runtime's, and of what is read."""
    size = 299 if name.startswith("inception") else 224
    net = gluon.model_zoo.vision.get_model(name)
    net.initialize(mx.init.Xavier())
    net.hybridize()
    x = nd.random.uniform(shape=(1, 3, size, size))
    want = net(x).asnumpy()
    path, data, out = (os.path.join(folder, f) for f in ("n.onnx", "x.npy", "y.npy"))
    files = net.export(os.path.join(folder, "net"))
    mx.onnx.export_model(*files, [x.shape], onnx_file_path=path, dynamic=True)
    np.save(data, x.asnumpy())
    subprocess.run([ORT_PYTHON, "-c", RUN, path, data, out], check=True)
    theirs = abs(np.load(out) - want).max() / abs(want).max()
    read = mx.onnx.import_to_gluon(path)(x).asnumpy()
    return theirs, abs(read - want).max() / abs(want).max()


def main():
    failed = 0
    for name in sys.argv[1:] or NAMES:
        with tempfile.TemporaryDirectory() as folder:
            theirs, read = gaps(name, folder)
        right = max(theirs, read) < 1e-4
        failed += not right
        print(f"{name}: {'equal' if right else 'DIFFERENT'} ({theirs:.1e}, read back {read:.1e})")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
