"""Metrics against formulas. Numbers against MXNet: tests/mxnet_compat."""

import math

import numpy as np
import pytest

from plait import gluon, metric, nd

PROBABILITIES = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.7, 0.3]])
LABELS = np.array([0, 1, 0, 1])


def value(name, label, pred, **options):
    one = metric.create(name, **options)
    one.update([nd.array(label)], [nd.array(pred)])
    return one.get()[1]


def test_classes():
    assert value("acc", LABELS, PROBABILITIES) == 0.5
    assert value("binaryaccuracy", LABELS, PROBABILITIES[:, 1]) == 0.5
    wide = np.array([[0.1, 0.2, 0.7], [0.5, 0.3, 0.2]])
    assert value("top_k_accuracy", [1, 2], wide, top_k=2) == 0.5
    assert value("f1", LABELS, PROBABILITIES) == 0.5
    assert value("fbeta", LABELS, PROBABILITIES, beta=2) == 0.5
    assert value("mcc", LABELS, PROBABILITIES) == 0.0
    assert value("pcc", LABELS, PROBABILITIES) == 0.0
    likelihood = -np.log([0.9, 0.8, 0.4, 0.3]).mean()
    assert value("ce", LABELS, PROBABILITIES) == pytest.approx(likelihood, rel=1e-5)
    assert value("nll_loss", LABELS, PROBABILITIES) == pytest.approx(likelihood, rel=1e-5)
    perplexity = value("perplexity", LABELS, PROBABILITIES, ignore_label=1)
    assert perplexity == pytest.approx(math.exp(-np.log([0.9, 0.4]).mean()), rel=1e-5)


def test_numbers():
    label, pred = np.array([[1.0, 2], [3, 4]]), np.array([[2.0, 2], [1, 4]])
    assert value("mae", label, pred) == 0.75
    assert value("mse", label, pred) == 1.25
    assert value("rmse", label, pred) == pytest.approx(math.sqrt(1.25))
    assert value("meanpairwisedistance", label, pred) == pytest.approx(1.5)
    assert value("cos_sim", label, 2 * label) == pytest.approx(1.0, rel=1e-6)
    assert value("pearsonr", label, 3 * label + 1) == pytest.approx(1.0, rel=1e-6)


def test_micro_averages_equal_those_of_all_batches_together():
    random = np.random.RandomState(0)
    label, pred = random.normal(size=(2, 5, 40))
    one = metric.PearsonCorrelation(average="micro")
    for a, b in zip(label, pred, strict=True):
        one.update([nd.array(a)], [nd.array(b)])
    assert one.get()[1] == pytest.approx(np.corrcoef(label.ravel(), pred.ravel())[0, 1], rel=1e-5)
    for name in ("f1", "mcc"):
        parts, whole = metric.create(name, average="micro"), metric.create(name)
        truth, share = random.randint(0, 2, (3, 8)), random.rand(3, 8, 2)
        for a, b in zip(truth, share, strict=True):
            parts.update([nd.array(a)], [nd.array(b)])
        whole.update([nd.array(truth.ravel())], [nd.array(share.reshape(-1, 2))])
        assert parts.get()[1] == pytest.approx(whole.get()[1])


@pytest.mark.parametrize("name", ["acc", "f1", "mcc", "pcc", "ce"])
def test_local_reset_keeps_global_value(name):
    options = {"average": "micro"} if name in ("f1", "mcc") else {}
    one, all_batches = metric.create(name, **options), metric.create(name, **options)
    batches = [(LABELS, PROBABILITIES), (1 - LABELS, PROBABILITIES)]
    for label, pred in batches:
        one.reset_local()
        for each in (one, all_batches):
            each.update([nd.array(label)], [nd.array(pred)])
    last = metric.create(name, **options)
    last.update([nd.array(batches[1][0])], [nd.array(PROBABILITIES)])
    assert one.get()[1] == pytest.approx(last.get()[1])
    assert one.get_global()[1] == pytest.approx(all_batches.get()[1])


def test_composite_custom_and_dicts():
    both = metric.create(["acc", metric.CrossEntropy()])
    both.update([nd.array(LABELS)], [nd.array(PROBABILITIES)])
    names, values = both.get()
    assert names == ["accuracy", "cross-entropy"] and values[0] == 0.5
    both.reset()
    assert math.isnan(both.get()[1][0])
    gap = metric.np(lambda label, pred: (np.abs(label - pred).sum(), label.size))
    gap.update([nd.array([1.0, 2])], [nd.array([2.0, 4])])
    assert gap.get() == ("custom(<lambda>)", 1.5)
    named = metric.Accuracy(output_names=["out"], label_names=["y"])
    named.update_dict(
        {"y": nd.array(LABELS), "z": nd.array([1])},
        {"out": nd.array(PROBABILITIES), "other": nd.array([1])},
    )
    assert named.get()[1] == 0.5
    assert metric.create("loss").get_config()["metric"] == "Loss"
    assert gluon.metric is metric


def test_loss_metric_ignores_labels():
    one = metric.Loss()
    one.update(None, [nd.array([1.0, 3.0])])
    assert one.get() == ("loss", 2.0)


def test_refuses():
    with pytest.raises(ValueError, match="name is 'nothing'"):
        metric.create("nothing")
    with pytest.raises(ValueError, match="top_k is 1"):
        metric.TopKAccuracy()
    with pytest.raises(ValueError, match="length 1, must have that of predictions, 2"):
        metric.Accuracy().update([nd.ones((2,))], [nd.ones((2, 2)), nd.ones((2, 2))])
    with pytest.raises(ValueError, match="labels have 3 values"):
        value("f1", [0, 1, 2, 0], PROBABILITIES)
    with pytest.raises(ValueError, match="average is 'mean'"):
        metric.F1(average="mean")


class Hits(metric.EvalMetric):
    """A metric as programs write them: `update` keeps sums of its own, for several tasks."""

    def __init__(self, tasks=None):
        self.tasks = tasks
        super().__init__("hits")

    def reset(self):
        self.num_inst = [0] * self.tasks if self.tasks else 0
        self.sum_metric = [0.0] * self.tasks if self.tasks else 0.0

    reset_local = reset

    def update(self, labels, preds):
        for i, (label, pred) in enumerate(zip(labels, preds, strict=True)):
            hits = int((label.asnumpy() == pred.asnumpy()).sum())
            if self.tasks:
                self.sum_metric[i] += hits
                self.num_inst[i] += label.size
            else:
                self.sum_metric += hits
                self.num_inst += label.size

    def get(self):
        if not self.tasks:
            return super().get()
        names = [f"hits-{i}" for i in range(self.tasks)]
        return names, [s / n for s, n in zip(self.sum_metric, self.num_inst, strict=True)]

    def get_name_value(self):
        return list(zip(*self.get(), strict=True)) if self.tasks else super().get_name_value()


def test_metrics_that_only_keep_sums_have_the_same_value_globally():
    labels, preds = [nd.array([1, 2])] * 2, [nd.array([1, 2]), nd.array([1, 3])]
    one, two = Hits(), Hits(2)
    for each in (one, two):
        each.update(labels, preds)
    assert one.get_global() == ("hits", 0.75)
    assert one.get_global_name_value() == [("hits", 0.75)]
    assert two.get_global_name_value() == [("hits-0", 1.0), ("hits-1", 0.5)]
    both = metric.CompositeEvalMetric([one, metric.Accuracy(), metric.F1()])
    assert both.get_global_name_value()[0] == ("hits", 0.75)
