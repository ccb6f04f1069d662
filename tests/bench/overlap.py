"""Share of gradient sums that is hidden behind backward, and a picture of one step.

mpirun -n 2 python tests/bench/overlap.py [--hybridize] [--picture overlap.svg]
"""

import argparse
import json

import plait as mx
from plait import _engine, autograd, gluon, nd
from plait.dist.trace import is_communication, overlap


def network():
    net = gluon.nn.HybridSequential()
    for channels in (32, 64, 128, 256):
        net.add(gluon.nn.Conv2D(channels, 3, padding=1, activation="relu"))
        net.add(gluon.nn.MaxPool2D(2))
    net.add(gluon.nn.Dense(512, activation="relu"), gluon.nn.Dense(10))
    return net


def picture(spans, path):
    """Draws operations as boxes: computation above, communication below, time to the right."""
    begin, end = min(s["begin"] for s in spans), max(s["end"] for s in spans)
    scale = 900 / (end - begin)
    lanes = []  # end of the last box in each lane of communication
    boxes = []
    for s in sorted(spans, key=lambda s: s["begin"]):
        x, width = (s["begin"] - begin) * scale, max(1.0, (s["end"] - s["begin"]) * scale)
        if is_communication(s):
            lane = next((i for i, last in enumerate(lanes) if last <= s["begin"]), len(lanes))
            lanes[lane : lane + 1] = [s["end"]]
            y, colour = 70 + 18 * lane, "#d95f02"
        else:
            y, colour = 30, "#1b6ca8"
        boxes.append(
            f'<rect x="{10 + x:.1f}" y="{y}" width="{width:.1f}" height="14" fill="{colour}" '
            f'stroke="white" stroke-width="0.4"><title>{s["name"]}</title></rect>'
        )
    height = 100 + 18 * len(lanes)
    text = (
        f'<text x="10" y="20">computation of one step, {(end - begin) / 1e6:.0f} ms</text>'
        f'<text x="10" y="64">sums of gradients over the ranks</text>'
    )
    with open(path, "w") as file:
        file.write(
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 920 {height}" '
            f'font-family="sans-serif" font-size="12">\n{text}\n' + "\n".join(boxes) + "\n</svg>\n"
        )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--picture")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--hybridize", action="store_true")
    options = parser.parse_args()
    comm = mx.dist.world()
    net = network()
    net.initialize(mx.init.Xavier())
    if options.hybridize:
        net.hybridize()
    trainer = gluon.Trainer(net.collect_params(), "sgd", kvstore="dist_sync")
    loss_of = gluon.loss.SoftmaxCrossEntropyLoss()
    x, y = nd.random.normal(shape=(options.batch, 3, 64, 64)), nd.zeros((options.batch,))
    shares = []
    for step in range(options.steps):
        comm.barrier()
        _engine.profile(1 if step else 0)
        with autograd.record():
            loss = loss_of(net(x), y)
        loss.backward()
        trainer.step(options.batch * comm.size)
        nd.waitall()
        _engine.profile(0)
        if step:
            spans = json.loads(_engine.profile_read(True))
            shares.append(overlap(spans))
    best = max(shares, key=lambda s: s["share"])
    if comm.rank == 0:
        for s in shares:
            print({k: round(v, 4) for k, v in s.items()}, flush=True)
        if options.picture:
            picture(spans, options.picture)
    return best


if __name__ == "__main__":
    main()
