"""What each pass of the graph compiler contributes to compiled training steps and predictions.

    python tests/bench/passes.py                      all networks, all passes
    python tests/bench/passes.py --only resnet        networks whose name contains `resnet`

For each network all passes are on but one; its share is the time that the step then takes, divided
by the time with all of them: the median over the rounds, and behind ± half the distance of the
quartiles. Variants take turns, so that a busy minute slows all of them. Times
are those of the processor (all threads), which other programs disturb least; use
PLAIT_NUM_THREADS=1 for the steadiest numbers. Passes that are off by default are switched on
instead.
"""

import argparse
import statistics
import time

import plait as mx
from plait import autograd, gluon, nd

nn = gluon.nn


def mlp():
    net = nn.HybridSequential()
    net.add(nn.Dense(256, activation="relu"), nn.Dense(128, activation="relu"), nn.Dense(10))
    return net, nd.random.uniform(shape=(64, 784))


def lenet():
    net = nn.HybridSequential()
    net.add(
        nn.Conv2D(20, 5, activation="tanh"),
        nn.MaxPool2D(2, 2),
        nn.Conv2D(50, 5, activation="tanh"),
        nn.MaxPool2D(2, 2),
        nn.Dense(500, activation="tanh"),
        nn.Dense(10),
    )
    return net, nd.random.uniform(shape=(64, 1, 28, 28))


def resnet18():
    return gluon.model_zoo.vision.resnet18_v1(classes=10), nd.random.uniform(shape=(8, 3, 64, 64))


class Lstm(gluon.HybridBlock):
    def __init__(self, width):
        super().__init__()
        self.rnn = gluon.rnn.LSTM(width, 2, input_size=width)
        self.head = nn.Dense(10)

    def hybrid_forward(self, F, x):
        return self.head(F.SequenceLast(self.rnn(x)))


def lstm():
    return Lstm(128), nd.random.normal(shape=(20, 16, 128))


class EncoderLayer(gluon.HybridBlock):
    """A layer of a transformer on (steps, batch, width), in the words of MXNet's users."""

    def __init__(self, width, heads):
        super().__init__()
        self._heads = heads
        self.qkv, self.out = (nn.Dense(n, flatten=False) for n in (3 * width, width))
        self.wide, self.back = (nn.Dense(n, flatten=False) for n in (4 * width, width))
        self.gelu = nn.GELU()
        self.norm1, self.norm2 = nn.LayerNorm(), nn.LayerNorm()

    def hybrid_forward(self, F, x):
        qkv, name = self.qkv(x), "interleaved_matmul_selfatt_"
        scores = getattr(F.contrib, name + "qk")(qkv, heads=self._heads)
        mixed = getattr(F.contrib, name + "valatt")(qkv, F.softmax(scores), heads=self._heads)
        x = self.norm1(x + self.out(mixed))
        return self.norm2(x + self.back(self.gelu(self.wide(x))))


class Encoder(gluon.HybridBlock):
    def __init__(self, width, heads, layers):
        super().__init__()
        self.layers = nn.HybridSequential()
        self.layers.add(*(EncoderLayer(width, heads) for _ in range(layers)))
        self.head = nn.Dense(10)

    def hybrid_forward(self, F, x):
        return self.head(F.mean(self.layers(x), axis=0))


def encoder():
    return Encoder(128, 4, 2), nd.random.normal(shape=(128, 4, 128))


class Gate(gluon.HybridBlock):
    """Chains of element-wise operators, as in gated units."""

    def __init__(self):
        super().__init__()
        self.dense = nn.Dense(1024)

    def hybrid_forward(self, F, x):
        y = self.dense(x)
        return F.sigmoid(y) * F.tanh(y * 0.5 + 1) + F.exp(-y * y) * y


def gate():
    return Gate(), nd.random.normal(shape=(1024, 256))


def training(net, x, rows):
    """One step: forward, backward, update."""
    loss_of = gluon.loss.SoftmaxCrossEntropyLoss()
    loss_of.hybridize()
    y = nd.zeros((rows,))
    options = {"learning_rate": 0.01, "momentum": 0.9}
    trainer = gluon.Trainer(net.collect_params(), "sgd", options)

    def step():
        with autograd.record():
            loss = loss_of(net(x), y)
        loss.backward()
        trainer.step(rows)

    return step


def prediction(net, x, _rows):
    return lambda: net(x)


NETWORKS = {
    "mlp": mlp,
    "lenet": lenet,
    "resnet18": resnet18,
    "lstm": lstm,
    "encoder": encoder,
    "gate": gate,
}
MODES = {"train": training, "predict": prediction}


def variant(make, mode, switches):
    """A step of a fresh network compiled with the switches."""
    net, x = make()
    net.initialize(mx.init.Xavier())
    rows = net(x).shape[0]
    net.hybridize(static_alloc=True, static_shape=True)
    step = MODES[mode](net, x, rows)
    with mx.graph.switched(**switches):
        for _ in range(3):
            step()
        nd.waitall()
    return step


def timed(step, calls):
    start = time.process_time()
    for _ in range(calls):
        step()
    nd.waitall()
    return (time.process_time() - start) / calls


def shares(make, mode, rounds, seconds):
    """(milliseconds with all passes, dict of the share and its spread by pass)."""
    steps = {"all": variant(make, mode, {})}
    for p in mx.graph.passes():
        steps[p["name"]] = variant(make, mode, {p["name"]: not p["on"]})
    calls = max(1, int(seconds / max(timed(steps["all"], 1), 1e-6)))
    times = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            times[name].append(timed(step, calls))
    whole = times.pop("all")
    by_pass = {}
    for name, spent in times.items():
        ratios = [t / all_on for t, all_on in zip(spent, whole, strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
        by_pass[name] = middle, (high - low) / 2
    return statistics.median(whole) * 1e3, by_pass


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", default="", help="part of the name of a network")
    parser.add_argument("--rounds", type=int, default=5, help="at least 2")
    parser.add_argument("--seconds", type=float, default=0.2, help="of one variant in one round")
    args = parser.parse_args()
    names = [p["name"] for p in mx.graph.passes()]
    off = {p["name"] for p in mx.graph.passes() if not p["on"]}
    columns = ["network", "ms", *(f"+{n}" if n in off else f"-{n}" for n in names)]
    print("| " + " | ".join(columns) + " |")
    print("|---" * len(columns) + "|")
    for name, make in NETWORKS.items():
        for mode in MODES:
            if args.only not in f"{name} {mode}":
                continue
            whole, by_pass = shares(make, mode, args.rounds, args.seconds)
            cells = [
                f"{name} {mode}",
                f"{whole:.3g}",
                *map("{0[0]:.2f} ±{0[1]:.2f}".format, map(by_pass.get, names)),
            ]
            print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
