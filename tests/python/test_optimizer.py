"""Optimizers, trainers and schedules. Numbers against MXNet: tests/mxnet_compat."""

import numpy as np
import pytest

import plait as mx
from plait import autograd, engine, gluon, nd

NAMES = [
    "adabelief",
    "adadelta",
    "adagrad",
    "adam",
    "adamax",
    "adamw",
    "dcasgd",
    "ftml",
    "ftrl",
    "groupadagrad",
    "lamb",
    "lans",
    "lars",
    "lbsgd",
    "lion",
    "muon",
    "nadam",
    "nag",
    "rmsprop",
    "sgd",
    "sgld",
    "signum",
]
RATES = {"adadelta": 1.0, "sgld": 1e-3, "lbsgd": 0.3, "lars": 5.0, "groupadagrad": 0.3, "ftrl": 0.3}


def quadratic(name, dtype="float32", steps=60, **options):
    """Loss before and after some steps on ``sum((w - target)^2)``."""
    rule = mx.optimizer.create(name, learning_rate=RATES.get(name, 0.05), **options)
    updater = mx.optimizer.get_updater(rule)
    target = nd.array(np.random.RandomState(0).uniform(-1, 1, (6, 5)))
    weight = nd.array(np.random.RandomState(1).uniform(-1, 1, (6, 5))).astype(dtype)
    losses = []
    for _ in range(steps):
        gap = weight.astype("float32") - target
        losses.append(float((gap * gap).sum().asscalar()))
        updater(0, (2 * gap).astype(dtype), weight)
    return losses[0], losses[-1]


@pytest.mark.parametrize("name", NAMES)
def test_every_rule_descends(name):
    # The noise of SGLD is small beside steep gradients only.
    options = {"rescale_grad": 100.0} if name == "sgld" else {}
    before, after = quadratic(name, **options)
    assert after < 0.8 * before


@pytest.mark.parametrize("name", [n for n in NAMES if n != "sgld"])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_masters_of_16_bit_weights(name, dtype):
    before, after = quadratic(name, dtype, multi_precision=True)
    assert after < 0.85 * before


@pytest.mark.parametrize("name", ["sgd", "adam", "lamb", "lbsgd", "muon", "groupadagrad"])
def test_16_bit_weights_without_master(name):
    before, after = quadratic(name, "float16")
    assert after < 0.8 * before


def test_sgld_adds_noise_of_the_variance_of_the_rate():
    mx.random.seed(3)
    weights, grads = (
        [nd.zeros((300, 200)), nd.zeros((2000,))],
        [nd.zeros((300, 200)), nd.ones(2000)],
    )
    updater = mx.optimizer.get_updater(mx.optimizer.SGLD(learning_rate=0.04))
    updater([0, 1], grads, weights)
    drawn = [w.asnumpy().ravel() for w in weights]
    for values, mean in zip(drawn, (0, -0.02), strict=True):
        assert abs(values.mean() - mean) < 5 * 0.2 / len(values) ** 0.5
        assert abs(values.std() - 0.2) < 0.02
    assert abs(np.corrcoef(drawn[0][:2000], drawn[1])[0, 1]) < 0.1
    mx.random.seed(3)
    again = [nd.zeros((300, 200)), nd.zeros((2000,))]
    updater([0, 1], grads, again)
    np.testing.assert_array_equal(again[0].asnumpy(), weights[0].asnumpy())


def test_lbsgd_makes_one_step_of_several_batches():
    rule = mx.optimizer.LBSGD(
        learning_rate=0.5, batch_scale=3, warmup_epochs=0, rescale_grad=0.5, wd=0.1
    )
    updater, weight, found = mx.optimizer.get_updater(rule), nd.array([1.0, 2.0]), []
    for i in range(6):
        updater(0, nd.array([i, -1.0]), weight)
        found.append(weight.asnumpy().tolist())
    assert found[0] == found[1] == [1.0, 2.0] and found[3] == found[4] == found[2]
    rate = 0.5 * 3
    want = [1 - rate * (0.5 * 1 + 0.1), 2 - rate * (0.5 * -1 + 0.2)]
    np.testing.assert_allclose(found[2], want, rtol=1e-6)


def test_lbsgd_goes_on_from_saved_states():
    def updater():
        return mx.optimizer.get_updater(
            mx.optimizer.LBSGD(learning_rate=0.1, momentum=0.9, batch_scale=4, warmup_epochs=0)
        )

    grads, found = [nd.array([float(i), 1.0]) for i in range(8)], []
    for cut in (False, True):
        weight, rule = nd.ones(2), updater()
        for i, grad in enumerate(grads):
            if cut and i == 6:
                states = rule.get_states(dump_optimizer=True)
                rule = updater()
                rule.set_states(states)
            rule(0, grad, weight)
        found.append(weight.asnumpy())
    np.testing.assert_array_equal(*found)


def test_many_weights_are_one_operation():
    for name in NAMES:
        shapes = [(3, 4)] * 31 + [(3, 4) if name == "groupadagrad" else (7,)] * 31
        weights, grads = [nd.ones(s) for s in shapes], [nd.ones(s) for s in shapes]
        updater = mx.optimizer.get_updater(mx.optimizer.create(name))
        updater(list(range(62)), grads, weights)
        nd.waitall()
        before = engine.stats()
        updater(list(range(62)), grads, weights)
        nd.waitall()
        after = engine.stats()
        done = after["inlined"] - before["inlined"] + after["queued"] - before["queued"]
        assert done == 1, name


def test_result_does_not_depend_on_grouping():
    random = np.random.RandomState(2)
    shapes = [(4, 3), (7,), (70000,), (2, 2)]
    values = [random.normal(size=s) for s in shapes]
    for name in ("adam", "lamb", "nag", "rmsprop"):
        found = []
        for single in (True, False):
            weights = [nd.array(v) for v in values]
            grads = [nd.array(v[::-1].copy()) for v in values]
            updater = mx.optimizer.get_updater(mx.optimizer.create(name, wd=0.1))
            for _ in range(3):
                if single:
                    for i, (w, g) in enumerate(zip(weights, grads, strict=True)):
                        updater(i, g, w)
                else:
                    updater(list(range(4)), grads, weights)
            found.append([w.asnumpy() for w in weights])
        for a, b in zip(*found, strict=True):
            np.testing.assert_array_equal(a, b)


def test_mixed_dtypes_are_grouped():
    weights = [nd.ones((3,)), nd.ones((3,), dtype="float64"), nd.ones((2,)).astype("float16")]
    grads = [w.copy() for w in weights]
    updater = mx.optimizer.get_updater(mx.optimizer.SGD(learning_rate=0.5, multi_precision=True))
    updater([0, 1, 2], grads, weights)
    assert [w.asnumpy()[0] for w in weights] == [0.5, 0.5, 0.5]
    assert weights[2].dtype == np.float16


def test_muon_step_is_orthogonal():
    weight = nd.zeros((4, 6))
    updater = mx.optimizer.get_updater(mx.optimizer.Muon(learning_rate=1.0))
    updater(0, nd.array(np.random.RandomState(0).normal(size=(4, 6))), weight)
    values = np.linalg.svd(weight.asnumpy(), compute_uv=False)
    assert 0.6 < values.min() and values.max() < 1.3  # the iteration ends near 1, not at it


def test_multipliers_by_name_and_parameter():
    names = {0: "a_weight", 1: "a_bias", 2: "a_gamma"}
    rule = mx.optimizer.SGD(learning_rate=1.0, wd=0.5, param_idx2name=names)
    assert rule._get_wds([0, 1, 2]) == [0.5, 0.0, 0.5]
    rule.set_lr_mult({"a_weight": 0.1, 1: 2.0})
    rule.set_wd_mult({"a_bias": 3.0})
    assert rule._get_lrs([0, 1, 2]) == [0.1, 2.0, 1.0]
    assert rule._get_wds([0, 1, 2]) == [0.5, 1.5, 0.5]
    param = gluon.Parameter("w", shape=(1,), lr_mult=0.2, wd_mult=0.0)
    rule.param_dict = {0: param}
    assert rule._get_lr(0) == 0.2 and rule._get_wd(0) == 0.0


def test_symbol_gives_multipliers():
    x = mx.sym.var("x", lr_mult=0.3, wd_mult=0.0)
    rule = mx.optimizer.SGD(learning_rate=1.0, wd=1.0, sym=x * 2, param_idx2name={0: "x"})
    assert rule._get_lr(0) == 0.3 and rule._get_wd(0) == 0.0


def test_own_optimizer_gets_weights_one_by_one():
    seen = []

    @mx.optimizer.register
    class Plain(mx.optimizer.Optimizer):
        def create_state(self, index, weight):
            return nd.zeros_like(weight)

        def update(self, index, weight, grad, state):
            self._update_count(index)
            seen.append(index)
            state += grad
            weight -= self._get_lr(index) * self.rescale_grad * state

    layer = gluon.nn.Dense(2, in_units=3)
    layer.initialize()
    before = layer.bias.data().asnumpy()
    trainer = gluon.Trainer(layer.collect_params(), "plain", {"learning_rate": 1.0})
    with autograd.record():
        loss = layer(nd.ones((4, 3))).sum()
    loss.backward()
    trainer.step(4)
    assert seen == [0, 1]
    np.testing.assert_allclose(layer.bias.data().asnumpy(), before - 1.0)


def make_trainer(name="adam", **options):
    layer = gluon.nn.Dense(2, in_units=3, prefix="d_")
    layer.initialize(mx.init.Constant(0.5))
    return layer, gluon.Trainer(layer.collect_params(), name, options)


def run_steps(layer, trainer, count):
    for _ in range(count):
        with autograd.record():
            loss = (layer(nd.ones((2, 3))) ** 2).sum()
        loss.backward()
        trainer.step(2)
    return layer.weight.data().asnumpy()


@pytest.mark.parametrize("name", ["sgd", "adam", "nadam", "lamb", "lbsgd"])
def test_states_continue_bitwise(name, tmp_path):
    options = {"momentum": 0.9} if name in ("sgd", "lbsgd") else {}
    layer, trainer = make_trainer(name, **options)
    run_steps(layer, trainer, 3)
    layer.save_parameters(str(tmp_path / "p"))
    trainer.save_states(str(tmp_path / "s"))
    want = run_steps(layer, trainer, 3)
    layer, trainer = make_trainer(name, **options)
    layer.load_parameters(str(tmp_path / "p"))
    trainer.load_states(str(tmp_path / "s"))
    np.testing.assert_array_equal(run_steps(layer, trainer, 3), want)


def test_gradient_accumulation():
    layer, trainer = make_trainer("sgd", learning_rate=0.1)
    layer.collect_params().setattr("grad_req", "add")
    for _ in range(2):
        with autograd.record():
            loss = layer(nd.ones((2, 3))).sum()
        loss.backward()
    trainer.step(4)
    layer.collect_params().zero_grad()
    np.testing.assert_allclose(layer.weight.data().asnumpy(), 0.5 - 0.1, rtol=1e-6)
    assert (layer.weight.grad().asnumpy() == 0).all()


def test_clip_global_norm():
    arrays = [nd.array([3.0]), nd.array([[4.0]])]
    assert gluon.utils.clip_global_norm(arrays, 1.0) == pytest.approx(5.0)
    np.testing.assert_allclose([a.asnumpy().item() for a in arrays], [0.6, 0.8], rtol=1e-5)
    with pytest.warns(UserWarning, match="the norm is nan"):
        gluon.utils.clip_global_norm([nd.array([np.nan])], 1.0)
    with pytest.raises(ValueError, match="arrays is empty"):
        gluon.utils.clip_global_norm([], 1.0)


def test_trainer_with_schedule_and_errors():
    schedule = mx.lr_scheduler.FactorScheduler(1, 0.5, base_lr=1.0)
    layer, trainer = make_trainer("sgd", lr_scheduler=schedule)
    run_steps(layer, trainer, 3)
    assert trainer.learning_rate == 0.25
    with pytest.raises(UserWarning, match="lr_scheduler"):
        trainer.set_learning_rate(0.1)
    with pytest.raises(ValueError, match="params must be a list or dict of Parameter"):
        gluon.Trainer([1], "sgd")
    with pytest.raises(ValueError, match="optimizer: name is 'nothing'"):
        gluon.Trainer(layer.collect_params(), "nothing")


def test_optimizer_refuses():
    with pytest.raises(TypeError, match="param_idx2name is list"):
        mx.optimizer.SGD(param_idx2name=["a"])
    updater = mx.optimizer.get_updater(mx.optimizer.Adam())
    with pytest.raises(ValueError, match=r"shape \(2,\), must be \(3,\)"):
        updater(0, nd.ones((2,)), nd.ones((3,)))
    with pytest.raises(ValueError, match=r"weight has shape \(3,\), must be a matrix"):
        mx.optimizer.get_updater(mx.optimizer.GroupAdaGrad())(0, nd.ones((3,)), nd.ones((3,)))


def test_rates_that_a_program_lists_for_all_of_a_group():
    class Halving(mx.optimizer.SGD):
        def _get_lrs(self, indices):
            return [0.5] * self.aggregate_num

    updater = mx.optimizer.get_updater(Halving())
    weights = [mx.nd.ones((2,)) for _ in range(3)]
    updater(list(range(3)), [mx.nd.ones((2,)) for _ in range(3)], weights)
    assert all((weight.asnumpy() == 0.5).all() for weight in weights)
