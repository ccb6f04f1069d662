"""Model zoo against MXNet 1.9.1: names of parameters, weights from files, outputs.

    python tests/mxnet_compat/compare_zoo.py [NAME ...]

Each side makes each model, saves its weights, and computes; the other loads the file and computes.
MXNET_PYTHON names the Python that has MXNet.
"""

import json
import os
import subprocess
import sys
import tempfile

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
        net.initialize(mx.init.Xavier("gaussian", "in", 2))  # keeps the size of what goes on
        # Gives the running means of BatchNorm values; with few passes what reaches the end of the
        # narrow networks is too small to compare.
        for _ in range(30 if "mobilenet" in name else 1):
            with mx.autograd.record():
                out = net(x)
            out.backward()  # only then MXNet changes them
            out.wait_to_read()
        net.save_parameters(weights)
    net.hybridize()
    return {"output": net(x).asnumpy(), "names": np.array(sorted(net.collect_params().keys()))}


def serve(framework):
    """Answers lines [name, weights, out] with an empty line once `out` is written."""
    mx = oracle.import_framework(framework)
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        name, weights, out = json.loads(line)
        np.savez(out, **run(mx, name, weights))
        print(file=answers, flush=True)


def compare(servers, name, maker, folder):
    """(difference of the outputs, whether names are the same) with weights that `maker` made."""
    weights, found = os.path.join(folder, "net.params"), []
    for framework in sorted(servers, key=lambda f: f != maker):
        out = os.path.join(folder, f"{framework}.npz")
        servers[framework].stdin.write(json.dumps([name, weights, out]) + "\n")
        servers[framework].stdin.flush()
        if not servers[framework].stdout.readline():
            raise SystemExit(f"{framework} failed at {name}")
        with np.load(out) as result:
            found.append(dict(result))
    os.remove(weights)
    if np.abs(found[0]["output"]).max() < 1e-3:
        raise SystemExit(f"{name}: the outputs are too small to compare")
    gap = oracle.difference(found[1]["output"], found[0]["output"])
    return gap, np.array_equal(found[0]["names"], found[1]["names"])


def main():
    if "--serve" in sys.argv:
        return serve(sys.argv[-1])
    names, different = sys.argv[1:] or NAMES, 0
    servers = {
        framework: subprocess.Popen(
            [python, "-W", "ignore", __file__, "--serve", framework],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for framework, python in (("mxnet", oracle.MXNET_PYTHON), ("plait", sys.executable))
    }
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            theirs, same = compare(servers, name, "mxnet", folder)
            ours, also = compare(servers, name, "plait", folder)
        good = max(theirs, ours) <= 1e-4 and same and also
        different += not good
        print(
            f"{name:18} weights of MXNet: {theirs:.1e}, of plait: {ours:.1e}, "
            f"names {'equal' if same and also else 'DIFFERENT'}{'' if good else '  DIFFERENT'}",
            flush=True,
        )
    print(f"{len(names) - different} equal, {different} different")
    for server in servers.values():
        server.stdin.close()
        server.wait()
    return int(different > 0)


if __name__ == "__main__":
    sys.exit(main())
