"""Bayesian regression by stochastic gradients with noise, with executors and updaters by hand."""

import mxnet as mx
import numpy as np
from mxnet import nd

np.random.seed(11)
mx.random.seed(11)
SAMPLES, BATCH, HIDDEN = 120, 20, 12


class Decay(mx.lr_scheduler.LRScheduler):
    """a (b + t) ** -0.55"""

    def __init__(self, begin, end, steps):
        super().__init__()
        self.b = (steps - 1.0) / ((begin / end) ** (1.0 / 0.55) - 1.0)
        self.a = begin * self.b**0.55

    def __call__(self, num_update):
        self.base_lr = self.a * (self.b + num_update) ** -0.55
        return self.base_lr


def network():
    net = mx.symbol.Reshape(mx.symbol.Variable("data"), target_shape=(BATCH, 0))
    net = mx.symbol.FullyConnected(data=net, name="fc1", num_hidden=HIDDEN)
    net = mx.symbol.Activation(data=net, act_type="tanh")
    net = mx.symbol.FullyConnected(data=net, name="fc2", num_hidden=1)
    return mx.symbol.LinearRegressionOutput(data=net, name="out")


def bind(symbol, inputs, initializer):
    names = symbol.list_arguments()
    shapes, _, _ = symbol.infer_shape(**{k: v.shape for k, v in inputs.items()})
    shapes = dict(zip(names, shapes, strict=True))
    params = {n: nd.empty(shapes[n]) for n in names if n not in inputs}
    grads = {n: nd.empty(v.shape) for n, v in params.items()}
    spare = {"fc9_weight": nd.zeros((2,))}  # of another graph that shares the dictionaries
    executor = symbol.bind(
        ctx=mx.cpu(),
        args=dict(params, **inputs, **spare),
        args_grad=dict(grads, **spare),
        aux_states={},
    )
    for name, array in params.items():
        initializer(mx.init.InitDesc(name), array)
    return executor, params, grads


def predict(executor, samples, x):
    kept = {k: v.copy() for k, v in executor.arg_dict.items() if k.startswith("fc")}
    mean = np.zeros((len(x), 1))
    data = mx.io.NDArrayIter(x, batch_size=BATCH)
    for params in samples:
        executor.copy_params_from(params)
        data.reset()
        for i, batch in enumerate(data):
            executor.arg_dict["data"][:] = batch.data[0]
            executor.forward(is_train=False)
            rows = BATCH - batch.pad
            mean[i * BATCH : i * BATCH + rows] += executor.outputs[0].asnumpy()[:rows]
    executor.copy_params_from(kept)
    return mean / len(samples)


def main():
    x = np.random.uniform(-2, 2, (SAMPLES, 1))
    y = np.sin(2 * x) + np.random.normal(0, 0.1, x.shape)
    inputs = {"data": nd.zeros((BATCH, 1)), "out_label": nd.zeros((BATCH, 1))}
    executor, params, grads = bind(network(), inputs, mx.init.Normal(0.7))
    sampler = mx.optimizer.create(
        "sgld", learning_rate=None, rescale_grad=SAMPLES / float(BATCH) * 25, wd=0.01,
        lr_scheduler=Decay(2e-4, 2e-5, 600),
    )  # fmt: skip
    updater = mx.optimizer.get_updater(sampler)
    samples = []
    for step in range(600):
        rows = np.random.randint(SAMPLES, size=BATCH)
        executor.arg_dict["data"][:] = x[rows]
        executor.arg_dict["out_label"][:] = y[rows]
        executor.forward(is_train=True)
        executor.backward()
        for name in params:
            updater(name, grads[name], params[name])
        if step >= 400 and step % 20 == 0:
            samples.append({n: v.copyto(v.context) for n, v in params.items()})
    error = np.square(predict(executor, samples, x) - y).mean()
    assert error < 0.15, error

    # Counts of a draw, moved with the classic functions on arrays and numbers.
    draw = nd.random_normal(1, 2, (4000,))
    counts, bounds = nd.histogram(draw, bins=8, range=(-7, 9))
    assert counts.sum().asscalar() > 3990 and bounds.shape == (9,)
    kept = nd.where(nd.logical_and(draw > 0, nd.lesser(draw, 2)), draw, nd.zeros_like(draw))
    share = nd.greater(kept, 0).mean().asscalar()
    assert abs(share - 0.383) < 0.04, share
    pixels = nd.array(np.array([[0, 51, 255]], np.uint8)) / 255
    np.testing.assert_allclose(pixels.asnumpy(), [[0, 0.2, 1]], rtol=1e-6)
    print("langevin ok")


if __name__ == "__main__":
    main()
