"""Model zoo against MXNet 1.9.1: names of parameters, weights from files, outputs.

    python tests/mxnet_compat/compare_zoo.py

MXNet makes each model, saves its weights, and computes; plait loads the file and computes.
MXNET_PYTHON names the Python that has MXNet.
"""

import os
import subprocess
import sys
import tempfile
import time

import numpy as np
import oracle

NAMES = (
    ["alexnet", "inceptionv3", "squeezenet1.0", "squeezenet1.1"]
    + [f"resnet{n}_v{v}" for n in (18, 34, 50, 101, 152) for v in (1, 2)]
    + [f"vgg{n}{b}" for n in (11, 13, 16, 19) for b in ("", "_bn")]
    + [f"densenet{n}" for n in (121, 161, 169, 201)]
    + [f"mobilenet{m}" for m in (1.0, 0.75, 0.5, 0.25)]
    + [f"mobilenetv2_{m}" for m in (1.0, 0.75, 0.5, 0.25)]
)


def image(name):
    size = 299 if name == "inceptionv3" else 224
    return np.random.RandomState(0).normal(size=(1, 3, size, size)).astype("float32")


def run(mx, name, weights):
    """Output and names; weights are loaded if the file is there, else drawn and saved."""
    net = mx.gluon.model_zoo.vision.get_model(name, classes=10, prefix="net_")
    x = mx.nd.array(image(name))
    if os.path.exists(weights):
        net.load_parameters(weights)
    else:
        mx.random.seed(1)
        net.initialize(mx.init.Xavier(magnitude=2))
        with mx.autograd.record():  # gives the running means of BatchNorm values
            net(x)
        net.save_parameters(weights)
    net.hybridize()
    return {"output": net(x).asnumpy(), "names": sorted(net.collect_params().keys())}


def main():
    if "--framework" in sys.argv:
        framework, name, weights, out = sys.argv[2:6]
        result = run(oracle.import_framework(framework), name, weights)
        np.savez(out, output=result["output"], names=np.array(result["names"]))
        return 0
    different = 0
    for name in sys.argv[1:] or NAMES:
        with tempfile.TemporaryDirectory() as folder:
            found = []
            for framework, python in (("mxnet", oracle.MXNET_PYTHON), ("plait", sys.executable)):
                out = os.path.join(folder, f"{framework}.npz")
                weights = os.path.join(folder, "net.params")
                command = [python, "-W", "ignore", __file__, "--framework", framework, name]
                start = time.perf_counter()
                subprocess.run([*command, weights, out], check=True, stderr=subprocess.DEVNULL)
                found.append((np.load(out), time.perf_counter() - start))
            (theirs, _), (ours, _) = found
        gap = oracle.difference(ours["output"], theirs["output"])
        same = np.array_equal(ours["names"], theirs["names"])
        different += gap > 1e-4 or not same
        print(f"{name:18} outputs differ by {gap:.1e}, names {'equal' if same else 'DIFFERENT'}")
    print(f"{len(sys.argv[1:] or NAMES) - different} equal, {different} different")
    return int(different > 0)


if __name__ == "__main__":
    sys.exit(main())
