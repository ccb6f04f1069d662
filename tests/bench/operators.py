"""Single operations beside PyTorch, eager, in turns of one run.

    python tests/bench/operators.py                 all of them, one thread each
    python tests/bench/operators.py --only softmax  those whose name contains `softmax`
    python tests/bench/operators.py --threads 2 --torch PYTHON --out operators.json

A ratio above 1 says how many times as long PyTorch takes. Times are those of the processor, which
other programs disturb least; the best of the turns counts. "bwd" includes the forward pass.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import time

import numpy as np

TURNS, SECONDS = 4, 0.02
TORCH_PYTHON = os.path.expanduser("~/.cache/bench-peers/torch/bin/python")

# name: (shape, highest whole number or None for normal numbers, dtype)
ARRAYS = {
    "A": ((1024, 1024), None, "float32"),
    "B": ((1024, 1024), None, "float32"),
    "P": ((1024, 1024), 2.0, "float32"),
    "V": ((1024,), None, "float32"),
    "L": ((64, 128, 768), None, "float32"),
    "G": ((768,), None, "float32"),
    "W": ((768, 768), None, "float32"),
    "Q": ((8, 12, 128, 64), None, "float32"),
    "X": ((8, 64, 56, 56), None, "float32"),
    "C": ((64,), None, "float32"),
    "K3": ((64, 64, 3, 3), None, "float32"),
    "K1": ((64, 64, 1, 1), None, "float32"),
    "KD": ((64, 1, 3, 3), None, "float32"),
    "E": ((10000, 256), None, "float32"),
    "M4": ((1 << 22,), None, "float32"),
    "D": ((512, 512), None, "float64"),
    "S": ((8, 8), None, "float32"),
    "I": ((4096,), 1024, "int64"),
    "J": ((4,), 8, "int64"),
}

# name: (plait's expression, PyTorch's; arrays whose gradients "bwd" takes)
CASES = {
    "exp": ("np.exp(A)", "torch.exp(A)", "A"),
    "log": ("np.log(P)", "torch.log(P)", ""),
    "tanh": ("np.tanh(A)", "torch.tanh(A)", ""),
    "sin": ("np.sin(A)", "torch.sin(A)", ""),
    "sqrt": ("np.sqrt(P)", "torch.sqrt(P)", ""),
    "sigmoid": ("npx.sigmoid(A)", "torch.sigmoid(A)", ""),
    "gelu": ("npx.leaky_relu(A, act_type='gelu')", "F.gelu(A)", "A"),
    "A + B": ("A + B", "A + B", "AB"),
    "A * row": ("A * V", "A * V", "AV"),
    "A + B.T": ("A + B.T", "A + B.T", ""),
    "A % 3": ("A % 3.0", "A % 3.0", ""),
    "where": ("np.where(A > 0, A, B)", "torch.where(A > 0, A, B)", ""),
    "to float16": ("A.astype('float16')", "A.half()", ""),
    "sum": ("A.sum()", "A.sum()", "A"),
    "sum axis 0": ("A.sum(axis=0)", "A.sum(0)", ""),
    "sum axis 1": ("A.sum(axis=1)", "A.sum(1)", ""),
    "max": ("A.max()", "A.max()", ""),
    "var axis 1": ("A.var(axis=1)", "A.var(1, correction=0)", ""),
    "argmax axis 0": ("A.argmax(axis=0)", "A.argmax(0)", ""),
    "argmax axis 1": ("A.argmax(axis=1)", "A.argmax(1)", ""),
    "norm axis 1": ("np.linalg.norm(A, axis=1)", "torch.linalg.norm(A, dim=1)", ""),
    "cumsum axis 0": ("np.cumsum(A, axis=0)", "torch.cumsum(A, 0)", ""),
    "cumsum axis 1": ("np.cumsum(A, axis=1)", "torch.cumsum(A, 1)", ""),
    "softmax axis 0": ("npx.softmax(A, axis=0)", "torch.softmax(A, 0)", "A"),
    "softmax axis 1": ("npx.softmax(A, axis=1)", "torch.softmax(A, 1)", "A"),
    "log_softmax": ("npx.log_softmax(A)", "torch.log_softmax(A, 1)", "A"),
    "sort axis 0": ("np.sort(A, axis=0)", "torch.sort(A, 0)[0]", ""),
    "sort axis 1": ("np.sort(A, axis=1)", "torch.sort(A, 1)[0]", ""),
    "sort 4 M": ("np.sort(M4)", "torch.sort(M4)[0]", ""),
    "argsort": ("np.argsort(A, axis=1)", "torch.argsort(A, 1)", ""),
    "topk": ("npx.topk(A, k=10, ret_typ='both')", "torch.topk(A, 10)", ""),
    "median": ("np.median(A, axis=1)", "torch.median(A, 1)[0]", ""),
    "unique": ("np.unique(I)", "torch.unique(I)", ""),
    "nonzero": ("np.nonzero(A > 0)", "torch.nonzero(A > 0)", ""),
    "A[mask]": ("A[A > 0]", "A[A > 0]", ""),
    "A[I]": ("A[I]", "A[I]", "A"),
    "take axis 1": ("np.take(A, I, axis=1)", "torch.index_select(A, 1, I)", ""),
    "histogram": ("np.histogram(M4, 50, (-3, 3))", "torch.histc(M4, 50, -3, 3)", ""),
    "bincount": ("np.bincount(I)", "torch.bincount(I)", ""),
    "one_hot": ("npx.one_hot(I, 1024)", "F.one_hot(I, 1024).float()", ""),
    "concat axis 1": ("np.concatenate([A, B], axis=1)", "torch.cat([A, B], 1)", "AB"),
    "stack": ("np.stack([A, B])", "torch.stack([A, B])", ""),
    "transpose": ("X.transpose(0, 2, 3, 1).copy()", "X.permute(0, 2, 3, 1).contiguous()", ""),
    "A[::2, ::2] + 1": ("A[::2, ::2] + 1", "A[::2, ::2] + 1", "A"),
    "flip": ("np.flip(A, 1).copy()", "torch.flip(A, (1,))", ""),
    "roll": ("np.roll(A, 3, axis=1)", "torch.roll(A, 3, 1)", ""),
    "pad": ("np.pad(A, 1)", "F.pad(A, (1, 1, 1, 1))", ""),
    "repeat": ("np.repeat(A, 2, axis=1)", "torch.repeat_interleave(A, 2, 1)", ""),
    "eye": ("np.eye(1024)", "torch.eye(1024)", ""),
    "arange": ("np.arange(1 << 20)", "torch.arange(1 << 20)", ""),
    "uniform": ("np.random.uniform(size=A.shape)", "torch.rand(A.shape)", ""),
    "normal": ("np.random.normal(size=A.shape)", "torch.randn(A.shape)", ""),
    "randint": ("np.random.randint(0, 9, size=A.shape)", "torch.randint(0, 9, A.shape)", ""),
    "permutation": ("np.random.permutation(100000)", "torch.randperm(100000)", ""),
    "A @ B": ("np.dot(A, B)", "A @ B", "AB"),
    "A @ V": ("np.dot(A, V)", "A @ V", ""),
    "M4 @ M4": ("np.dot(M4, M4)", "M4 @ M4", ""),
    "Q @ Q.T": ("Q @ Q.transpose(0, 1, 3, 2)", "Q @ Q.transpose(2, 3)", ""),
    "einsum": ("np.einsum('bij,kj->bik', L, W)", "torch.einsum('bij,kj->bik', L, W)", ""),
    "svd": ("np.linalg.svd(D)", "torch.linalg.svd(D)", ""),
    "eigh": ("np.linalg.eigh(D + D.T)", "torch.linalg.eigh(D + D.T)", ""),
    "solve": ("np.linalg.solve(D, D)", "torch.linalg.solve(D, D)", ""),
    "fft": ("np.fft.fft(A)", "torch.fft.fft(A)", ""),
    "rfft": ("np.fft.rfft(A)", "torch.fft.rfft(A)", ""),
    "convolution 3 x 3": (
        "npx.convolution(X, K3, kernel=(3, 3), pad=(1, 1), num_filter=64, no_bias=True)",
        "F.conv2d(X, K3, padding=1)",
        ["X", "K3"],
    ),
    "convolution 1 x 1": (
        "npx.convolution(X, K1, kernel=(1, 1), num_filter=64, no_bias=True)",
        "F.conv2d(X, K1)",
        ["X", "K1"],
    ),
    "convolution, depthwise": (
        "npx.convolution(X, KD, kernel=(3, 3), pad=(1, 1), num_filter=64, num_group=64, "
        "no_bias=True)",
        "F.conv2d(X, KD, padding=1, groups=64)",
        ["X", "KD"],
    ),
    "max pooling": ("npx.pooling(X, (2, 2), stride=(2, 2))", "F.max_pool2d(X, 2)", "X"),
    "global pooling": (
        "npx.pooling(X, (1, 1), pool_type='avg', global_pool=True)",
        "F.adaptive_avg_pool2d(X, 1)",
        "X",
    ),
    "dense": ("npx.fully_connected(L, W, G, num_hidden=768, flatten=False)", "F.linear(L, W, G)",
              "LWG"),
    "layer_norm": ("npx.layer_norm(L, G, G)", "F.layer_norm(L, (768,), G, G)", "L"),
    "embedding": ("npx.embedding(I, E, input_dim=10000, output_dim=256)", "F.embedding(I, E)", "E"),
    "attention": (
        "np.matmul(npx.softmax(np.matmul(Q, Q.transpose(0, 1, 3, 2)) * 0.125), Q)",
        "F.scaled_dot_product_attention(Q, Q, Q)",
        "Q",
    ),
    "8 x 8: S + S": ("S + S", "S + S", "S"),
    "8 x 8: sum": ("S.sum()", "S.sum()", ""),
    "8 x 8: S @ S": ("S @ S", "S @ S", ""),
    "8 x 8: S[2:4, 1]": ("S[2:4, 1]", "S[2:4, 1]", ""),
    "8 x 8: concat": ("np.concatenate([S, S])", "torch.cat([S, S])", ""),
    "8 x 8: where": ("np.where(S > 0, S, 0)", "torch.where(S > 0, S, 0)", ""),
    "8 x 8: take": ("np.take(S, J, axis=0)", "S[J]", ""),
    "8 x 8: zeros": ("np.zeros((8, 8))", "torch.zeros(8, 8)", ""),
    "8 x 8: normal": ("np.random.normal(size=(8, 8))", "torch.randn(8, 8)", ""),
    "8 x 8: softmax": ("npx.softmax(S)", "torch.softmax(S, 1)", "S"),
    "array of a list": ("np.array([1.0, 2.0, 3.0])", "torch.tensor([1.0, 2.0, 3.0])", ""),
}  # fmt: skip


def host_arrays():
    draw = np.random.default_rng(0)
    for name, (shape, high, dtype) in ARRAYS.items():
        if high is None:
            yield name, draw.normal(size=shape).astype(dtype)
        else:
            yield name, draw.uniform(0, high, shape).astype(dtype)


def plait_cases():
    """(name, function) for all cases, and a function that waits."""
    import plait as mx

    names = {"np": mx.np, "npx": mx.npx}
    names.update((name, mx.np.array(x, dtype=x.dtype)) for name, x in host_arrays())

    def backward(code, arrays):
        for name in arrays:
            names[name].attach_grad()
        with mx.autograd.record():
            y = eval(code, names)
        y.backward()

    yield from _cases(0, names, backward)
    yield None, mx.nd.waitall


def torch_cases(threads):
    import torch

    torch.set_num_threads(threads)
    names = {"torch": torch, "F": torch.nn.functional}
    names.update((name, torch.from_numpy(x)) for name, x in host_arrays())

    def backward(code, arrays):
        mine = dict(names)
        mine.update((name, names[name].detach().requires_grad_()) for name in arrays)
        y = eval(code, mine)
        y.backward(torch.ones_like(y))

    yield from _cases(1, names, backward)
    yield None, lambda: None


def _cases(which, names, backward):
    for name, case in CASES.items():
        code = compile(case[which], name, "eval")
        yield name, lambda code=code: eval(code, names)
        if case[2]:
            yield f"{name}, bwd", lambda code=code, arrays=case[2]: backward(code, arrays)


def seconds_of(call, wait):
    """Of one call, on average over some."""
    start = time.process_time()
    call()
    wait()
    count = max(1, min(2000, int(SECONDS / max(time.process_time() - start, 1e-7))))
    start = time.process_time()
    for _ in range(count):
        call()
    wait()
    return (time.process_time() - start) / count


def serve(which, threads):
    """In the process of a framework: answers the names of cases with seconds."""
    cases = dict(plait_cases() if which == "plait" else torch_cases(threads))
    wait = cases.pop(None)
    print(json.dumps(list(cases)), flush=True)
    for line in sys.stdin:
        call = cases[line.rstrip("\n")]
        call()
        print(seconds_of(call, wait), flush=True)


class Framework:
    """The process of one."""

    def __init__(self, which, python, threads):
        env = dict(os.environ, PLAIT_NUM_THREADS=str(threads), OMP_NUM_THREADS=str(threads))
        command = [python, __file__, "--serve", which, str(threads)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._process = subprocess.Popen(command, env=env, **pipes)
        self.names = json.loads(self._process.stdout.readline())

    def seconds(self, name):
        print(name, file=self._process.stdin, flush=True)
        return float(self._process.stdout.readline())

    def end(self):
        self._process.stdin.close()
        self._process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="part of the names")
    parser.add_argument("--torch", default=TORCH_PYTHON, help="a Python with PyTorch")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", help="file for the times, as JSON")
    options = parser.parse_args()
    ours = Framework("plait", sys.executable, options.threads)
    theirs = Framework("torch", options.torch, options.threads)
    rows = {}
    print(f"{'':26}{'plait':>12}{'PyTorch':>12}{'ratio':>8}")
    for name in (n for n in ours.names if options.only in n):
        turns = [(ours.seconds(name), theirs.seconds(name)) for _ in range(TURNS)]
        rows[name] = mine, his = [min(times) for times in zip(*turns, strict=True)]
        print(f"{name:26}{mine * 1e6:9.1f} us{his * 1e6:9.1f} us{his / mine:8.2f}", flush=True)
    ours.end()
    theirs.end()
    mean = math.exp(sum(math.log(his / mine) for mine, his in rows.values()) / max(1, len(rows)))
    print(f"{len(rows)} operations, geometric mean of the ratios {mean:.2f}")
    if options.out:
        with open(options.out, "w") as f:
            json.dump(rows, f, indent=1)


if __name__ == "__main__":
    serve(sys.argv[2], int(sys.argv[3])) if sys.argv[1:2] == ["--serve"] else main()
