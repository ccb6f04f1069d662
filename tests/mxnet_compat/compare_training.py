"""Optimizers, schedules, metrics and losses against MXNet 1.9.1, number by number.

    python tests/mxnet_compat/compare_training.py

MXNET_PYTHON names the Python that has MXNet.
"""

import sys

import numpy as np
import oracle
from update_cases import steps_from_arrays

STEPS = 6
OVERWRITTEN = "MXNet reads the weight for the decay after it has overwritten it"
KEPT = "MXNet leaves the float32 master as it was"
ROUNDED = "MXNet rounds in another order; the difference is below that of float16"
KNOWN = {
    "nag momentum=0.9": OVERWRITTEN,
    "nag momentum=0.9 clipped": OVERWRITTEN,
    "nag float16 multi_precision": OVERWRITTEN,
    "lamb float16 multi_precision": ROUNDED,
    "multi_mp_lamb_update": ROUNDED,
    "mp_lamb phases": KEPT,
    "mp_lamb phases bounded": KEPT,
    "poisson NLL full": "MXNet gives NaN where a target is 0",
}
SHAPES = {"fc_weight": (4, 5), "fc_bias": (4,), "bn_gamma": (3,), "conv_weight": (2, 3, 2, 2)}


def optimizer_case(name, dtype="float32", schedule=None, shapes=SHAPES, **options):
    """Weights after each of some steps."""

    def case(mx):
        extra = dict(options)
        if schedule is not None:
            extra["lr_scheduler"] = schedule(mx)
        names = dict(enumerate(shapes))
        rule = mx.optimizer.create(name, param_idx2name=names, **extra)
        updater = mx.optimizer.get_updater(rule)
        random = np.random.RandomState(3)
        weights = [mx.nd.array(random.normal(size=s), dtype=dtype) for s in shapes.values()]
        found = []
        for _ in range(STEPS):
            grads = [mx.nd.array(random.normal(size=w.shape), dtype=dtype) for w in weights]
            updater(list(range(len(weights))), grads, weights)
            found.append([w.astype("float32").asnumpy() for w in weights])
        return found

    return case


def optimizers():
    common = {"learning_rate": 0.05, "wd": 0.01, "rescale_grad": 0.5}
    clipped = {**common, "clip_gradient": 0.3}
    table = {
        "sgd": [{}, {"momentum": 0.9}],
        "nag": [{}, {"momentum": 0.9}, {"momentum": 0.9, "wd": 0.0}],
        "signum": [{}, {"momentum": 0.0}, {"wd_lh": 0.1}],
        "ftml": [{}],
        "lbsgd": [
            {"momentum": 0.9, "batch_scale": 2, "warmup_strategy": s, "updates_per_epoch": 1}
            for s in ("linear", "power2", "sqrt", "lars")
        ],
        "lars": [{"momentum": 0.9, "eta": 0.1}, {"eta": 0.1}],
        "lamb": [{}, {"bias_correction": False}, {"lower_bound": 0.5, "upper_bound": 1.5}],
        "adam": [{}, {"beta1": 0.8}],
        "adagrad": [{}],
        "adadelta": [{}],
        "rmsprop": [{}, {"centered": True}, {"clip_weights": 0.5}],
        "ftrl": [{}, {"beta": 2.0, "lamda1": 0.2}],
        "adamax": [{}],
        "nadam": [{}],
        "test": [{}],
        "ccsgd": [{"momentum": 0.9}],
        "groupadagrad": [{"wd": 0.0, "shapes": {"fc_weight": (4, 5)}}],
    }
    cases = {}
    for name, variants in table.items():
        for extra in variants:
            for label, base in (("", common), (" clipped", clipped)):
                text = " ".join(f"{k}={v}" for k, v in extra.items())
                cases[f"{name} {text}{label}"] = optimizer_case(name, **{**base, **extra})
    for name in ("sgd", "nag", "lamb"):
        options = {"multi_precision": True, **common}
        if name != "lamb":
            options["momentum"] = 0.9
        cases[f"{name} float16 multi_precision"] = optimizer_case(name, "float16", **options)
    cases["adam with schedule"] = optimizer_case(
        "adam",
        schedule=lambda mx: mx.lr_scheduler.FactorScheduler(2, 0.5, base_lr=0.1),
    )
    cases["dcasgd without momentum"] = optimizer_case("dcasgd", **common)
    return cases


def step_operators():
    """One step of each operator: the result and the states, with decay and clipping or without."""
    common = {"lr": 0.1, "wd": 0.05, "rescale_grad": 0.5}
    table = {
        "sgd_update": (0, {}),
        "sgd_mom_update": (1, {"momentum": 0.9}),
        "nag_mom_update": (1, {"momentum": 0.9}),
        "adam_update": (2, {"beta1": 0.8, "beta2": 0.95}),
        "rmsprop_update": (1, {"gamma1": 0.9}),
        "rmspropalex_update": (3, {"gamma1": 0.9, "gamma2": 0.8}),
        "ftrl_update": (2, {"lamda1": 0.02}),
        "ftml_update": (3, {"t": 3}),
        "signsgd_update": (0, {}),
        "signum_update": (1, {"momentum": 0.9, "wd_lh": 0.01}),
    }

    def case(name, states, options):
        def run(mx):
            random = np.random.RandomState(4)
            weight, grad = (mx.nd.array(random.normal(size=(5, 4))) for _ in range(2))
            kept = [mx.nd.array(random.uniform(0.5, 1.0, (5, 4))) for _ in range(states)]
            out = getattr(mx.nd, name)(weight, grad, *kept, **options)
            return [out.asnumpy(), *[state.asnumpy() for state in kept]]

        return run

    cases = {}
    for name, (states, options) in table.items():
        clip = "clip_grad" if name == "ftml_update" else "clip_gradient"
        for label, extra in (("", {}), (" clipped", {clip: 0.3})):
            cases[name + label] = case(name, states, {**common, **options, **extra})
    cases.update(steps_from_arrays())
    return cases


def schedules():
    def running(make):
        def case(mx):
            schedule = make(mx.lr_scheduler)
            return [float(schedule(t)) for t in range(1, 60)]

        return case

    warm = {"warmup_steps": 7, "warmup_begin_lr": 0.01}
    return {
        "factor": running(lambda s: s.FactorScheduler(10, 0.7, base_lr=0.5)),
        "factor warm": running(lambda s: s.FactorScheduler(10, 0.7, base_lr=0.5, **warm)),
        "factor stop": running(lambda s: s.FactorScheduler(3, 0.1, 1e-3, base_lr=0.5)),
        "multifactor": running(lambda s: s.MultiFactorScheduler([5, 20, 21], 0.3, base_lr=0.5)),
        "poly": running(lambda s: s.PolyScheduler(50, 0.5, 2, 0.01, **warm)),
        "cosine": running(lambda s: s.CosineScheduler(50, 0.5, 0.01, **warm)),
        "cosine constant": running(
            lambda s: s.CosineScheduler(50, 0.5, warmup_steps=5, warmup_mode="constant")
        ),
    }


def metric_case(name, kind, **options):
    """Values after each of three batches, and after a reset."""

    def case(mx):
        metric = mx.metric.create(name, **options)
        random = np.random.RandomState(5)
        found = []
        for step in range(3):
            if kind == "classes":
                pred = random.dirichlet(np.ones(6), size=8)
                label = random.randint(0, 6, size=8)
            elif kind == "binary":
                pred = random.dirichlet(np.ones(2), size=8)
                label = random.randint(0, 2, size=8)
            elif kind == "real":
                pred, label = random.normal(size=(2, 8))
            else:
                pred, label = random.normal(size=(2, 8, 3))
            metric.update([mx.nd.array(label)], [mx.nd.array(pred)])
            found.append([float(v) for _, v in metric.get_name_value()])
            found.append([n for n, _ in metric.get_name_value()])
            if step == 1 and options.get("local"):
                metric.reset_local()
        return found

    return case


def metrics():
    cases = {
        "accuracy": metric_case("acc", "classes"),
        "top_k_accuracy": metric_case("top_k_accuracy", "classes", top_k=3),
        "f1 macro": metric_case("f1", "binary"),
        "f1 micro": metric_case("f1", "binary", average="micro"),
        "mcc macro": metric_case("mcc", "binary"),
        "mcc micro": metric_case("mcc", "binary", average="micro"),
        "pcc": metric_case("pcc", "classes"),
        "perplexity": metric_case("perplexity", "classes", ignore_label=None),
        "perplexity ignoring": metric_case("perplexity", "classes", ignore_label=2),
        "mae": metric_case("mae", "real"),
        "mse": metric_case("mse", "real"),
        "rmse": metric_case("rmse", "matrix"),
        "mae matrix": metric_case("mae", "matrix"),
        "cross-entropy": metric_case("ce", "classes"),
        "nll": metric_case("nll_loss", "classes"),
        "pearson macro": metric_case("pearsonr", "real"),
        "pearson micro": metric_case("pearsonr", "real", average="micro"),
        "loss": metric_case("loss", "real"),
    }

    def composite(mx):
        metric = mx.metric.create(["acc", "ce"])
        metric.update([mx.nd.array([1, 0])], [mx.nd.array([[0.2, 0.8], [0.4, 0.6]])])
        return list(metric.get()[0]), [float(v) for v in metric.get()[1]]

    def custom(mx):
        metric = mx.metric.np(lambda label, pred: float(np.abs(label - pred).sum()), "gap")
        metric.update([mx.nd.array([1, 0])], [mx.nd.array([3, 4])])
        return [metric.get()[0], float(metric.get()[1])]

    cases.update(composite=composite, custom=custom)
    return cases


def loss_case(make, kind="pair", extra=()):
    """Loss and gradient of the prediction."""

    def case(mx):
        random = np.random.RandomState(9)
        pred = mx.nd.array(random.normal(size=(4, 5)))
        if kind == "pair":
            label = random.normal(size=(4, 5))
        elif kind == "sign":
            label = np.sign(random.normal(size=(4, 5)))
        elif kind == "binary":
            label = (random.normal(size=(4, 5)) > 0).astype("float32")
        elif kind == "class":
            label = random.randint(0, 5, size=4)
        else:
            label = random.dirichlet(np.ones(5), size=4)
        arrays = [mx.nd.array(label)]
        for shape in extra:
            arrays.append(mx.nd.array(random.uniform(0.5, 1.5, size=shape)))
        pred.attach_grad()
        with mx.autograd.record():
            loss = make(mx.gluon.loss)(pred, *arrays)
        loss.backward()
        return loss.asnumpy(), pred.grad.asnumpy()

    return case


def losses():
    weight = [(4, 1)]
    cases = {
        "L2": loss_case(lambda g: g.L2Loss()),
        "L2 weighted": loss_case(lambda g: g.L2Loss(weight=0.3), extra=weight),
        "L1": loss_case(lambda g: g.L1Loss(), extra=weight),
        "sigmoid BCE": loss_case(lambda g: g.SigmoidBCELoss(), "binary", weight),
        "sigmoid BCE pos_weight": loss_case(
            lambda g: g.SigmoidBCELoss(), "binary", [(4, 1), (1, 5)]
        ),
        "softmax CE": loss_case(lambda g: g.SoftmaxCELoss(), "class", weight),
        "softmax CE dense": loss_case(lambda g: g.SoftmaxCELoss(sparse_label=False), "dense"),
        "softmax CE logits": loss_case(lambda g: g.SoftmaxCELoss(from_logits=True), "class"),
        "KL": loss_case(lambda g: g.KLDivLoss(from_logits=False), "dense"),
        "KL logits": loss_case(lambda g: g.KLDivLoss(), "dense"),
        "huber": loss_case(lambda g: g.HuberLoss(rho=0.7)),
        "hinge": loss_case(lambda g: g.HingeLoss(), "sign"),
        "squared hinge": loss_case(lambda g: g.SquaredHingeLoss(margin=0.5), "sign"),
        "logistic": loss_case(lambda g: g.LogisticLoss(), "sign"),
        "logistic binary": loss_case(lambda g: g.LogisticLoss(label_format="binary"), "binary"),
        "poisson NLL": loss_case(lambda g: g.PoissonNLLLoss(), "binary"),
    }

    def poisson_full(mx):
        random = np.random.RandomState(9)
        pred = mx.nd.array(random.uniform(0.5, 3, size=(4, 5)))
        target = mx.nd.array(random.poisson(2, size=(4, 5)))
        loss = mx.gluon.loss.PoissonNLLLoss(from_logits=False, compute_full=True)
        return loss(pred, target).asnumpy()

    def triplet(mx):
        random = np.random.RandomState(9)
        a, b, c = (mx.nd.array(random.normal(size=(4, 5))) for _ in range(3))
        return mx.gluon.loss.TripletLoss(margin=0.5)(a, b, c).asnumpy()

    def cosine(mx):
        random = np.random.RandomState(9)
        a, b = (mx.nd.array(random.normal(size=(4, 5))) for _ in range(2))
        loss = mx.gluon.loss.CosineEmbeddingLoss(margin=0.1)
        return loss(a, b, mx.nd.array([1, -1, 1, -1])).asnumpy()

    def ctc(mx):
        random = np.random.RandomState(9)
        pred = mx.nd.array(random.normal(size=(2, 8, 6)))
        label = mx.nd.array([[1, 2, 3, -1], [2, 2, -1, -1]])
        pred.attach_grad()
        with mx.autograd.record():
            loss = mx.gluon.loss.CTCLoss()(pred, label)
        loss.backward()
        return loss.asnumpy(), pred.grad.asnumpy()

    def sdml(mx):
        random = np.random.RandomState(9)
        a, b = (mx.nd.array(random.normal(size=(4, 5))) for _ in range(2))
        return mx.gluon.loss.SDMLLoss()(a, b).asnumpy()

    cases.update(triplet=triplet, cosine=cosine, ctc=ctc, sdml=sdml)
    cases["poisson NLL full"] = poisson_full
    return cases


def initializer_case(make, shape=(64, 48, 3, 3), name="x_weight"):
    """Deviation of a filled array, and whether its mean is near 0."""

    def case(mx):
        init = make(mx.init)
        array = mx.nd.zeros(shape)
        init(mx.init.InitDesc(name), array)
        values = array.asnumpy()
        bound = np.abs(values).max()
        return [round(float(values.std()), 3), bool(abs(values.mean()) < 0.1 * bound + 1e-9)]

    return case


def initializers():
    return {
        "uniform": initializer_case(lambda i: i.Uniform(0.5)),
        "normal": initializer_case(lambda i: i.Normal(0.5)),
        "xavier": initializer_case(lambda i: i.Xavier()),
        "xavier in": initializer_case(lambda i: i.Xavier("gaussian", "in", 2)),
        "xavier out": initializer_case(lambda i: i.Xavier("uniform", "out", 4)),
        "msra": initializer_case(lambda i: i.MSRAPrelu()),
        "orthogonal": initializer_case(lambda i: i.Orthogonal(), (48, 64)),
        "bias": initializer_case(lambda i: i.Xavier(), (8,), "x_bias"),
        "gamma": initializer_case(lambda i: i.Xavier(), (8,), "x_gamma"),
        "lstmbias": lambda mx: _filled(mx, mx.init.LSTMBias(1.5), (16,), "x_bias"),
        "bilinear": lambda mx: _filled(mx, mx.init.Bilinear(), (2, 1, 4, 4), "up_weight"),
        "constant": lambda mx: _filled(mx, mx.init.Constant(3), (2, 2), "x_weight"),
        "mixed": lambda mx: _filled(
            mx, mx.init.Mixed([".*bias", ".*"], [mx.init.One(), mx.init.Zero()]), (3,), "a_bias"
        ),
    }


def _filled(mx, init, shape, name):
    array = mx.nd.zeros(shape)
    if isinstance(init, mx.init.LSTMBias):
        init._init_weight(mx.init.InitDesc(name), array)
    else:
        init(mx.init.InitDesc(name), array)
    return array.asnumpy()


if __name__ == "__main__":
    GROUPS = {
        "optimizers": optimizers(),
        "step operators": step_operators(),
        "schedules": schedules(),
        "metrics": metrics(),
        "losses": losses(),
        "initializers": initializers(),
    }
    sys.exit(min(oracle.main(__file__, GROUPS, KNOWN, {"initializers": 0.03}), 1))
