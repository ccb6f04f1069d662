"""What the graph compiler claims, measured; prints pass or FAIL for each claim.

    python tests/bench/claims.py                                        what needs plait alone
    python tests/bench/claims.py --peers mxnet=PYTHON torch=PYTHON      and peaks beside theirs
    python tests/bench/claims.py --only recompute

- triad: `exp(a) * b + c` over 16 M floats reaches 85 % of the bandwidth of triad.c. They take
  turns, and the share is the median of those of each turn: other programs of the machine, or of its
  host, change the bandwidth in between.
- allocations: a compiled training step takes no memory from the system after it warmed up.
- peak: training ResNet-18 takes less memory than in MXNet and PyTorch. What counts is the resident
  memory of a process at its highest, less that after the imports.
- recompute: with a memory target it cuts that peak by 40 % and costs at most 30 % more time of the
  processor.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent


def memory(field):
    """Bytes of a field of /proc/self/status: VmRSS, or VmHWM for its highest value."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"/proc/self/status has no {field}")


def gluon_step(mx, batch, size, recompute):
    """A training step of ResNet-18 in plait or MXNet."""
    nd, gluon = mx.nd, mx.gluon
    net = gluon.model_zoo.vision.resnet18_v1(classes=1000)
    net.initialize(mx.init.Xavier())
    net(nd.zeros((1, 3, size, size))).wait_to_read()
    loss_of = gluon.loss.SoftmaxCrossEntropyLoss()
    flags = {"recompute": recompute} if recompute else {}
    for block in (net, loss_of):
        block.hybridize(static_alloc=True, static_shape=True, **flags)
    options = {"learning_rate": 0.01, "momentum": 0.9}
    trainer = gluon.Trainer(net.collect_params(), "sgd", options)
    x, y = nd.random.uniform(shape=(batch, 3, size, size)), nd.zeros((batch,))

    def step():
        with mx.autograd.record():
            loss = loss_of(net(x), y)
        loss.backward()
        nd.waitall()
        trainer.step(batch)
        nd.waitall()

    return step


def torch_step(torch, batch, size):
    nn = torch.nn

    class Block(nn.Module):
        def __init__(self, before, after, stride):
            super().__init__()
            self.body = nn.Sequential(
                nn.Conv2d(before, after, 3, stride, 1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(inplace=True),
                nn.Conv2d(after, after, 3, 1, 1, bias=False),
                nn.BatchNorm2d(after),
            )
            self.short = nn.Sequential()
            if stride != 1 or before != after:
                short = nn.Conv2d(before, after, 1, stride, bias=False)
                self.short = nn.Sequential(short, nn.BatchNorm2d(after))
            self.relu = nn.ReLU(inplace=True)

        def forward(self, x):
            return self.relu(self.body(x) + self.short(x))

    stem = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True)
    widths = [(64, 64, 1), (64, 64, 1)]
    for n in (64, 128, 256):
        widths += [(n, 2 * n, 2), (2 * n, 2 * n, 1)]
    blocks = [Block(*w) for w in widths]
    end = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000)
    net = nn.Sequential(*stem, nn.MaxPool2d(3, 2, 1), *blocks, *end)
    optimizer = torch.optim.SGD(net.parameters(), 0.01, momentum=0.9)
    x, y = torch.rand(batch, 3, size, size), torch.zeros(batch, dtype=torch.int64)

    def step():
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()

    return step


def work(framework, batch, size):
    """In a process of its own: peak bytes and seconds of the processor of one step, as JSON."""
    import importlib

    name, _, target = framework.partition("+")
    module = importlib.import_module(name)
    start = memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the highest value starts anew
    if name == "torch":
        module.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
        step = torch_step(module, batch, size)
    else:
        step = gluon_step(module, batch, size, float(target) if target else 0)
    step(), step()
    before = time.process_time()
    step()
    seconds = time.process_time() - before
    print(json.dumps({"peak": memory("VmHWM") - start, "seconds": seconds}))


def measured(framework, python, batch, size):
    command = [python, __file__, "--work", framework, "--batch", str(batch), "--size", str(size)]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "PLAIT_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    done = subprocess.run(command, env={**os.environ, **threads}, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{framework}: {done.stderr[-2000:]}")
    result = json.loads(done.stdout.splitlines()[-1])
    print(f"  {framework}: peak {result['peak'] / 2**20:.0f} MiB, {result['seconds']:.2f} s a step")
    return result


def verdict(name, ok, text):
    print(f"{'pass' if ok else 'FAIL'}  {name}: {text}", flush=True)
    return ok


def triad(args):
    import ctypes

    import numpy as np

    import plait as mx

    n = 16 * 2**20
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "triad.so"
        flags = ["-O3", "-march=native", "-fopenmp", "-shared", "-fPIC"]
        subprocess.run(["cc", *flags, HERE / "triad.c", "-o", library], check=True)
        os.environ["OMP_WAIT_POLICY"] = "passive"  # its threads leave the cores when it is done
        function = ctypes.CDLL(str(library)).triad
    function.restype = ctypes.c_double
    threads = mx.runtime.num_threads() if hasattr(mx.runtime, "num_threads") else os.cpu_count()
    threads = int(os.environ.get("PLAIT_NUM_THREADS", threads))
    arrays = [mx.nd.random.normal(shape=(n,)) for _ in range(3)]
    a, b, c = (mx.sym.Variable(name) for name in "abc")
    graph = mx.sym.CachedGraph(mx.sym.exp(a) * b + c)
    own = [np.full(4 * n + 64, 1, "u1") for _ in range(3)]  # touched
    own = [o[-o.ctypes.data % 64 :][: 4 * n].view("f4") for o in own]
    places = [ctypes.c_void_p(o.ctypes.data) for o in own]
    rates = {"graph": [], "triad": []}  # GB/s
    for _ in range(args.rounds + 1):  # the first one takes fresh memory
        took = min(function(*places, ctypes.c_long(n), threads, stream) for stream in (0, 1))
        rates["triad"].append(12 * n / took / 1e9)
        start = time.perf_counter()
        graph(*arrays)[0].wait_to_read()
        rates["graph"].append(16 * n / (time.perf_counter() - start) / 1e9)
    shares = [g / t for g, t in list(zip(rates["graph"], rates["triad"], strict=True))[1:]]
    share, spread = statistics.median(shares), statistics.quantiles(shares, n=4)
    text = (
        f"{share:.0%} of the bandwidth, quartiles {spread[0]:.0%} and {spread[2]:.0%}; at best "
        f"{max(rates['graph']):.1f} and {max(rates['triad']):.1f} GB/s, {threads} threads"
    )
    return verdict("triad", share >= 0.85, text)


def allocations(args):
    import plait as mx

    step = gluon_step(mx, 2, 32, False)
    for _ in range(150):  # threads keep up to 16 small blocks of each size for themselves
        step()
    before = mx.engine.memory_stats()["system_allocations"]
    for _ in range(10):
        step()
    new = mx.engine.memory_stats()["system_allocations"] - before
    return verdict("allocations", new == 0, f"{new} in ten steps of ResNet-18")


def peak(args):
    own = measured("plait", sys.executable, args.batch or 16, args.size)["peak"]
    ok = True
    for peer in args.peers:
        name, _, python = peer.partition("=")
        other = measured(name, python, args.batch or 16, args.size)["peak"]
        ok &= verdict("peak", own < other, f"{own / other:.2f} of {name}'s")
    return ok


def recompute(args):
    kept, again = (
        measured(name, sys.executable, args.batch or 128, args.size)
        for name in ("plait", f"plait+{args.target}")
    )
    cut = 1 - again["peak"] / kept["peak"]
    more = again["seconds"] / kept["seconds"] - 1
    return verdict("recompute", cut >= 0.4 and more <= 0.3, f"{cut:.0%} less, {more:+.0%} time")


CLAIMS = {f.__name__: f for f in (triad, allocations, peak, recompute)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="*", choices=CLAIMS, default=list(CLAIMS))
    parser.add_argument("--peers", nargs="*", default=[], help="name=path of an interpreter")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--batch", type=int, help="default 16 for peak, 128 for recompute")
    parser.add_argument(
        "--target", type=float, default=0.5, help="memory target of recompute, bytes or a share"
    )
    parser.add_argument("--size", type=int, default=224, help="side of the images")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        return work(args.work, args.batch, args.size)
    return not all([CLAIMS[name](args) for name in args.only])


if __name__ == "__main__":
    sys.exit(main())
