"""Graph files between MXNet 1.9.1 and plait, both ways, with equal outputs. Run by hand:

python tests/mxnet_compat/symbol_files.py --mxnet PATH/TO/python/with/mxnet
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np


def networks(sym):
    """(name, symbol, shapes of the inputs): written with what both have."""
    d = sym.Variable("data")
    x = sym.Convolution(d, kernel=(3, 3), num_filter=8, pad=(1, 1), name="conv0")
    x = sym.BatchNorm(x, fix_gamma=False, name="bn0")
    x = sym.Activation(x, act_type="relu", name="relu0")
    x = sym.Pooling(x, kernel=(2, 2), stride=(2, 2), pool_type="max", name="pool0")
    y = sym.Convolution(x, kernel=(1, 1), num_filter=8, no_bias=True, name="conv1")
    x = sym.Concat(sym.elemwise_add(x, y), y, dim=1, name="cat")
    x = sym.Dropout(sym.Flatten(x), p=0.3)
    yield "cnn", sym.FullyConnected(x, num_hidden=5, name="fc"), {"data": (2, 3, 8, 8)}
    a = sym.broadcast_add(sym.exp(d) * 2 - 1, sym.mean(d, axis=(1,), keepdims=True)) / 3
    a = sym.broadcast_add(a, sym.slice_axis(d, axis=1, begin=0, end=1) ** 2)
    a = a + (d > 0.3) + (d < d * 1.5) * d + (1 - d) * (d < 0.5)
    yield "arithmetic", a + sym.maximum(d, 0.5), {"data": (3, 4)}
    shaped = sym.Reshape(sym.transpose(d, axes=(0, 2, 1)), shape=(0, -1))
    yield "shapes", shaped, {"data": (2, 3, 4)}
    yield "several", sym.Group(list(sym.SliceChannel(d, num_outputs=2, axis=1))), {"data": (2, 4)}
    x = sym.LeakyReLU(sym.LayerNorm(d, name="ln"), act_type="leaky", slope=0.1)
    yield "norm", x, {"data": (2, 4)}
    x = sym.FullyConnected(d, num_hidden=3, name="fc")
    yield "output", sym.SoftmaxOutput(x, name="softmax"), {"data": (2, 4)}

    yield from control_flow(sym, d)


def control_flow(sym, d):
    """Loops and branches: graphs within graphs."""
    s, w = sym.Variable("s"), sym.Variable("w")
    twice = w * 2

    def step(x, states):
        out = sym.broadcast_mul(x, twice) + states[0]
        return [out, sym.tanh(out)], [out * 0.5]

    outs, states = sym.contrib.foreach(step, d, [s])
    yield "foreach", sym.Group(outs + states), {"data": (3, 2, 4), "s": (2, 4), "w": (2, 4)}
    for name, bound in (("while_loop", 100), ("while_loop_ends", 3)):
        outs, states = sym.contrib.while_loop(
            cond=lambda i, a, bound=bound: sym.sum(i) < bound,
            func=lambda i, a: ([a * twice], [i + 1, a + i]),
            loop_vars=(d, s),
            max_iterations=4,
        )
        # MXNet leaves rows behind the last step as memory happens to be.
        all_rows = outs if bound == 100 else []
        yield name, sym.Group(all_rows + states), {"data": (1,), "s": (1,), "w": (1,)}
    for name, bound in (("then", 9), ("else", 0)):
        chosen = sym.contrib.cond(d < bound, lambda: s + twice, lambda: s * 3)
        yield f"cond_{name}", chosen + w, {"data": (1,), "s": (2,), "w": (2,)}


def arrays_of(symbol, shapes):
    rng = np.random.RandomState(0)
    names = list(symbol.list_arguments()) + list(symbol.list_auxiliary_states())
    if set(names) == set(shapes):  # MXNet infers nothing for loops before they are bound
        args, aux = [shapes[name] for name in names], []
    else:
        args, _, aux = symbol.infer_shape(**shapes)
    return {n: rng.rand(*s).astype("f") + 0.5 for n, s in zip(names, args + aux, strict=True)}


def outputs(mx, symbol, arrays):
    aux = set(symbol.list_auxiliary_states())
    args = {n: mx.nd.array(a) for n, a in arrays.items() if n not in aux}
    states = {n: mx.nd.array(a) for n, a in arrays.items() if n in aux}
    executor = symbol.bind(mx.cpu(), args, aux_states=states)
    return [out.asnumpy() for out in executor.forward(is_train=False)]


def work(mx, folder, own, other):
    """Write files and outputs; read the other's files and compare, if they are there."""
    for name, symbol, shapes in networks(mx.sym):
        arrays = arrays_of(symbol, shapes)
        symbol.save(str(folder / f"{name}-{own}.json"))
        np.savez(folder / f"{name}-{own}.npz", *outputs(mx, symbol, arrays))
        theirs = folder / f"{name}-{other}.json"
        if not theirs.exists():
            continue
        read = mx.sym.load(str(theirs))
        assert read.list_arguments() == symbol.list_arguments(), name
        with np.load(folder / f"{name}-{other}.npz") as want:
            for got, key in zip(outputs(mx, read, arrays), want.files, strict=True):
                np.testing.assert_allclose(got, want[key], rtol=1e-4, atol=1e-5, err_msg=name)
        print(f"{own} reads {other}'s {name}: equal", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mxnet", help="python that has MXNet 1.9.1")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--inside", action="store_true", help="called by this program itself")
    args = parser.parse_args()
    if args.inside:
        import mxnet

        return work(mxnet, args.folder, "mxnet", "plait")
    import plait

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [args.mxnet, __file__, "--inside", "--folder", str(folder)]
        subprocess.run(command, check=True)
        work(plait, folder, "plait", "mxnet")
        subprocess.run(command, check=True)
    return None


if __name__ == "__main__":
    sys.exit(main())
